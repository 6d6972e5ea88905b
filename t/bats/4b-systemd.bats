#!/usr/bin/env bats
# 4b-systemd - what a service manager hands to cofferd, and what it is told.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

# managed [MANAGER-OPTION]... [-- COFFERD-ARGUMENT]...: starts cofferd by t/manager.
managed()
{
	local options=()
	[[ -x $COFFER_BUILD/t/manager ]] || skip "t/manager is not built (make check does)"
	while (($# > 0)) && [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	LAUNCHER=("$COFFER_BUILD/t/manager" "${options[@]}")
	[[ $(id -u) != 0 ]] || chown -hR "$(server_user)" "$T/root"
	launch -n "$WORKERS" -m "$MODEL" "${@:2}" "$T/root"
	wait_ready
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG" | head -n 1)
}

# told PATTERN: whether a message matches.
told()
{
	grep -qE "$1" "$T/told"
}

# tell_order PATTERN...: the messages match these, one by one, and there are no others.
tell_order()
{
	local line n=0
	wait_for has_lines $#
	while read -r line; do
		n=$((n + 1))
		[[ $line =~ ${!n} ]] || fail "message $n is \"$line\", not \"${!n}\""
	done <"$T/told"
	assert_equal "$n" $#
}

has_lines()
{
	(($(wc -l <"$T/told") >= $1))
}

@test "READY, RELOADING and READY, a failed reload, STOPPING: every message, in order" {
	managed -n "$T/notify" -o "$T/told" -- -l coffer://127.0.0.1:0
	wait_for told READY
	kill -HUP "$PID"
	wait_for grep -q '^reloaded' "$LOG"
	echo 'workers = x' >"$T/cofferd.conf"
	kill -HUP "$PID"
	wait_for grep -q 'reload failed' "$LOG"
	stop_server
	tell_order '^READY=1\|MAINPID='"$PID"'\|STATUS=2 workers serve$' \
	    '^RELOADING=1\|MONOTONIC_USEC=[0-9]+\|STATUS=reloading$' \
	    '^READY=1\|STATUS=2 workers serve, generation 2$' \
	    '^RELOADING=1\|MONOTONIC_USEC=[0-9]+\|STATUS=reloading$' \
	    '^READY=1\|STATUS=reload failed, see the log; generation 2 serves on$' \
	    '^STOPPING=1\|STATUS=stopping$'
}

@test "MONOTONIC_USEC is the time of the clock that the manager compares it with" {
	local before after usec
	managed -n "$T/notify" -o "$T/told" -- -l coffer://127.0.0.1:0
	before=$(awk '{ printf "%.0f", $1 * 1000000 }' /proc/uptime)
	kill -HUP "$PID"
	wait_for told RELOADING
	after=$(awk '{ printf "%.0f", ($1 + 1) * 1000000 }' /proc/uptime)
	usec=$(sed -nE 's/.*MONOTONIC_USEC=([0-9]+).*/\1/p' "$T/told")
	((usec >= before - 1000000 && usec <= after)) || skip "the machine has slept: uptime is no measure ($before $usec $after)"
}

@test "an abstract notify socket works, and QUIT tells of draining" {
	managed -n "@coffer-$$-$RANDOM" -o "$T/told" -- -l coffer://127.0.0.1:0
	wait_for told READY
	stop_server QUIT
	tell_order '^READY=1' '^STOPPING=1\|STATUS=draining$'
}

@test "the watchdog is fed in half of its time" {
	managed -n "$T/notify" -o "$T/told" -w 400000 -- -l coffer://127.0.0.1:0
	wait_for told_often 5
	stop_server
}

told_often()
{
	(($(grep -c '^WATCHDOG=1$' "$T/told") >= $1))
}

@test "an upgrade tells the new MAINPID, and the new master speaks from there on" {
	local old
	managed -n "$T/notify" -o "$T/told" -- -l coffer://127.0.0.1:0
	wait_for told READY
	old=$PID
	run -0 ctl upgrade
	wait_for gone "$old"
	PID=$(ctl --json status | jq .pid)
	SERVERS+=("$PID")
	run -0 ctl stop
	tell_order "^READY=1\|MAINPID=$old" '^RELOADING=1\|MONOTONIC_USEC=[0-9]+\|STATUS=upgrading$' \
	    "^MAINPID=$PID" "^READY=1\|MAINPID=$PID\|STATUS=2 workers serve$" '^STOPPING=1\|STATUS=stopping$'
}

# --- sockets that are handed over

# bats test_tags=models:all
@test "where nothing is configured, what is handed over is served, and stays at a reload and an upgrade" {
	local old
	managed -l coffer.socket=0 -l "unix.socket=$T/socket"
	assert_equal "$(grep -c '^listening on' "$LOG")" 2
	assert_regex "$(ask PING QUIT)" '200 time='
	assert_regex "$(printf 'PING\nQUIT\n' | timeout "$PATIENCE" nc -N -U "$T/socket")" '200 time='
	run -0 ctl reload
	assert_regex "$(ask PING QUIT)" '200 time='
	old=$PID
	run -0 ctl upgrade
	PID=$(ctl --json status | jq .pid)
	SERVERS+=("$PID")
	wait_for gone "$old"
	assert_regex "$(ask PING QUIT)" '200 time='
	run -0 ctl stop
	# It is the manager's.
	assert [ -S "$T/socket" ]
}

@test "what is handed over is matched with listen by its address, and the rest is closed, with a warning" {
	managed -l "x=$T/one" -l "y=$T/two" -- -l "unix:$T/one" -l coffer://127.0.0.1:0
	assert_regex "$(printf 'PING\nQUIT\n' | timeout "$PATIENCE" nc -N -U "$T/one")" '200 time='
	assert_regex "$(ask PING QUIT)" '200 time='
	grep -q "warning: unix:$T/two was handed over, but listen does not name it: it is closed" "$LOG"
	stop_server
	assert [ -S "$T/one" ]
}

@test "the protocol of a socket is told by its name" {
	managed -l http=0 -l coffer=0
	grep -qE '^listening on http://127\.0\.0\.1:' "$LOG"
	grep -qE '^listening on coffer://127\.0\.0\.1:' "$LOG"
	assert_regex "$(ask PING QUIT)" '200 time='
}

@test "a control socket may be handed over" {
	managed -l "control=$T/admin" -- -l coffer://127.0.0.1:0
	assert_equal "$(ctl -s "$T/admin" --json status | jq .pid)" "$PID"
	stop_server
	assert [ -S "$T/admin" ]
}

@test "LISTEN_FDS that are meant for another process are left alone" {
	LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=x server
	assert_regex "$(ask PING QUIT)" '200 time='
	stop_server
}
