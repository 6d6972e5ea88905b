#!/usr/bin/env bats
# 41-signals - how the server begins and ends: signals, the lifeline, ports, sockets, pidfiles, -b.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

# More than the kernel's buffers between two programs take, so that a reply of it
# goes on until it is read.
big_file()
{
	noise 24M "$T/root/big"
}

# Asks for the big file, and reads only the line before its bytes.
begin_get()
{
	dial
	say 'GET /big'
	expect '^200 size=25165824 '
}

# The rest of that reply, and what follows it in $T/after; fails unless the bytes are right.
finish_get()
{
	timeout "$PATIENCE" cat <&"$C" >"$T/rest"
	head -c 25165824 "$T/rest" | cmp - "$T/root/big"
	tail -c +25165825 "$T/rest" >"$T/after"
}

# --- the master's signals

# bats test_tags=models:all
@test "TERM and INT end the server at once with status 0, whatever is in progress" {
	local signal started
	big_file
	for signal in TERM INT; do
		server
		dial
		begin_get
		started=$(now)
		stop_server "$signal"
		(($(now) - started < 4000)) || fail "SIG$signal took as long as a worker that has to be killed"
		grep -q "stopping on SIG$signal" "$LOG"
		# The transfer was cut, not finished.
		(($(timeout "$PATIENCE" cat <&"$C" | wc -c) < 25165824))
	done
}

# bats test_tags=models:all
@test "TERM keeps a staged upload, which is resumed at the next start" {
	local from digest
	noise 2000000 "$T/mine"
	digest=$(sha "$T/mine")
	server -w
	dial
	say "PUT /mine size=2000000 sha256=$digest resume"
	expect '^100 from=0$'
	head -c 1000000 "$T/mine" >&"$C"
	wait_for has_staged 700000	# the rest is still in the worker's memory
	stop_server
	assert_not_exist "$T/root/mine"
	server -w
	dial
	say "PUT /mine size=2000000 sha256=$digest resume"
	expect '^100 from=[0-9]+$'
	from=${REPLY#*=}
	((from >= 700000 && from <= 1000000))
	tail -c +$((from + 1)) "$T/mine" >&"$C"
	expect "^201 size=2000000 sha256=$digest "
	cmp "$T/mine" "$T/root/mine"
}

# has_staged N: whether an upload has that many bytes.
has_staged()
{
	[[ -n $(find "$T/root/.coffer" -type f -size +$(($1 - 1))c) ]]
}

# How much processor time the workers have used, in hundredths of a second.
worked()
{
	local pid
	for pid in $(workers); do
		cat "/proc/$pid/stat"
	done | awk '{ sub(/.*\) /, ""); n += $12 + $13 } END { print n + 0 }'
}

# bats test_tags=models:all
@test "QUIT drains: a transfer is finished, an idle session is told, and the status is 0" {
	local idle before
	big_file
	server
	dial
	idle=$C
	begin_get
	kill -QUIT "$PID"
	C=$idle expect '^503 shutting down$'
	C=$idle ended
	before=$(worked)
	sleep 0.5		# what is measured: whoever spins has used all of it
	(($(worked) - before < 20)) || fail_with_log "whoever drains does not sleep while there is nothing to do"
	alive "$PID" || fail_with_log "it did not wait for the transfer"
	finish_get
	assert_equal "$(cat "$T/after")" '503 shutting down'
	wait_for gone "$PID" || fail_with_log "it goes on"
	wait "$PID"
	wait_for no_session "$PID"
	grep -q 'draining on SIGQUIT' "$LOG"
}

# bats test_tags=models:all
@test "QUIT waits no longer than grace-timeout, and ends with status 0" {
	local started
	expect_deaths
	big_file
	server -o grace-timeout=1s
	begin_get
	started=$(now)
	stop_server QUIT
	(($(now) - started >= 900)) || fail "it did not wait"
	(($(now) - started < 4000)) || fail "it waited for $(($(now) - started)) ms"
}

# bats test_tags=models:all
@test "TERM ends a drain" {
	big_file
	server
	begin_get
	kill -QUIT "$PID"
	wait_for grep -q 'draining' "$LOG"
	stop_server TERM
}

@test "a server that drains refuses new connections at once" {
	big_file
	server
	begin_get
	kill -QUIT "$PID"
	wait_for refuses || fail "connections are taken, and nobody serves them"
	finish_get
}

refuses()
{
	! (: <>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null
}

# bats test_tags=models:all
@test "USR1 ends neither the master nor a worker, nor do HUP, USR2, INT and QUIT end a worker" {
	local before signal
	server
	before=$(workers)
	kill -USR1 "$PID"
	wait_for grep -q "log is open again" "$LOG" || fail_with_log "not a word about SIGUSR1"
	for signal in HUP USR1 USR2 INT QUIT; do
		kill -$signal $before
	done
	assert_well
	assert_equal "$(workers)" "$before"
	stop_server
}

# bats test_tags=models:all
@test "a terminal's ^C, which all processes get, is one clean stop" {
	server
	kill -INT -- "-$PID"
	wait_for gone "$PID"
	wait "$PID"
	wait_for no_session "$PID"
	refute grep -q 'next try' "$LOG"
}

stands_still()
{
	grep -q '^State:.*stopped' "/proc/$1/status"
}

@test "a worker that does not go by TERM is killed" {
	local stuck
	expect_deaths
	server
	stuck=$(workers | head -n 1)
	kill -STOP "$stuck"
	wait_for stands_still "$stuck"	# or TERM would be there first
	stop_server
	assert_regex "$(obituary "$stuck")" 'killed by signal 9 '
	grep -q '1 workers have not gone in time' "$LOG"
}

# bats test_tags=models:all
@test "when the master is killed, a transfer is finished, an idle session is told, and all leave" {
	local idle left
	expect_deaths
	big_file
	server
	dial
	idle=$C
	begin_get
	left=$(workers)
	kill -KILL "$PID"
	C=$idle expect '^503 shutting down$'
	C=$idle ended
	finish_get
	assert_equal "$(cat "$T/after")" '503 shutting down'
	wait_for all_gone $left || fail "workers are left behind"
	wait_for no_session "$PID"
}

# bats test_tags=models:all
@test "when the master is killed, nobody stays longer than grace-timeout" {
	local left
	expect_deaths
	big_file
	server -o grace-timeout=1s
	begin_get
	left=$(workers)
	kill -KILL "$PID"
	PATIENCE=5 wait_for all_gone $left || fail "workers still wait for a client that does not read"
	PATIENCE=5 wait_for no_session "$PID"
}

# --- one at a time

@test "two servers on one port: the second is refused with status 69 and a sentence, the first goes on" {
	server
	refused 69 -l "coffer://127.0.0.1:$PORT" "$T/root"
	assert_line --partial "cannot listen on coffer://127.0.0.1:$PORT: Address already in use"
	assert_well
}

@test "a pidfile holds the master's pid, refuses a second server, and is gone at the end" {
	server -o "pid-file=$T/pid"
	assert_equal "$(cat "$T/pid")" "$PID"
	refused 1 -l coffer://127.0.0.1:0 -o "pid-file=$T/pid" "$T/root"
	assert_output "cofferd: $T/pid: cofferd is already running, pid $PID"
	assert_equal "$(cat "$T/pid")" "$PID"
	assert_well
	stop_server
	assert_not_exist "$T/pid"
}

@test "a pidfile that a killed server left behind is no obstacle" {
	expect_deaths
	server -o "pid-file=$T/pid"
	kill -KILL "$PID"
	wait_for no_session "$PID"
	assert_exist "$T/pid"
	server -o "pid-file=$T/pid"
	assert_equal "$(cat "$T/pid")" "$PID"
}

@test "a pidfile that is another user's, or no file, is an error with status 77, and stays as it is" {
	mkfifo "$T/fifo"
	refused 77 -l coffer://127.0.0.1:0 -o "pid-file=$T/fifo" "$T/root"
	assert_output "cofferd: pid-file: $T/fifo: Operation not permitted"
	[[ $(id -u) == 0 ]] || skip "only root has files of others"
	echo precious >"$T/foreign"
	chown 65534 "$T/foreign"
	refused 77 -l coffer://127.0.0.1:0 -o "pid-file=$T/foreign" "$T/root"
	assert_output "cofferd: pid-file: $T/foreign: Operation not permitted"
	assert_equal "$(cat "$T/foreign")" precious
}

# --- the background

# background COFFERD-ARGUMENT...: runs cofferd -b, listening on $T/socket and logging to $LOG, until
# its starter and everybody who holds its output have ended.  Sets PID of the daemon.
background()
{
	LOG=$T/log.${#SERVERS[@]}
	LOGS+=("$LOG")
	run timeout -k 5 "$PATIENCE" "$COFFER_BUILD/cofferd" -f "$T/cofferd.conf" -b -m "$MODEL" -n 2 \
	    -l "unix:$T/socket" -o "log=$LOG" -o "pid-file=$T/pid" "$@" "$T/root"
	PID=$(cat "$T/pid" 2>/dev/null || true)
	[[ -z $PID ]] || SERVERS+=("$PID")
}

ask_socket()
{
	printf '%s\n' "$@" | timeout -k 5 "$PATIENCE" nc -N -U "$T/socket"
}

# bats test_tags=models:all
@test "-b returns when clients can connect, says nothing, and leaves a daemon behind" {
	local answer pid
	background
	answer=$(ask_socket PING QUIT)	# at once
	assert_success
	assert_output ''
	assert_regex "$answer" '200 time='
	# Its own session, no terminal, no folder, none of our descriptors.
	assert_equal "$(ps -o sid= -p "$PID" | tr -d ' ')" "$PID"
	assert_equal "$(ps -o tty= -p "$PID" | tr -d ' ')" '?'
	for pid in "$PID" $(workers); do
		assert_equal "$(readlink "/proc/$pid/cwd")" "$(readlink "/proc/$pid/root")"
		assert_equal "$(readlink "/proc/$pid/fd/"{0,1,2} | sort -u)" /dev/null
	done
	kill "$PID"
	wait_for gone "$PID"
	wait_for no_session "$PID"
	assert_not_exist "$T/pid"
	assert_not_exist "$T/socket"
}

@test "-b that cannot listen says so on stderr and has the status of the daemon" {
	local first
	background
	assert_success
	first=$PID
	rm "$T/pid"
	background
	assert_failure 69
	assert_output --partial "cofferd: cannot listen on unix:$T/socket: Address already in use"
	alive "$first"
	assert_regex "$(ask_socket PING QUIT)" '200 time='
}

# --- Unix sockets, several listeners, IPv6

# bats test_tags=models:all
@test "a unix: listener serves, and its file is gone at the end" {
	server -l "unix:$T/socket"
	assert [ -S "$T/socket" ]
	assert_regex "$(ask_socket WHOAMI QUIT)" '200 user=anonymous'
	coffer -H "unix:$T/socket" ping >/dev/null || coffer ping -H "unix:$T/socket"
	stop_server
	assert_not_exist "$T/socket"
}

@test "a stale socket file is replaced" {
	expect_deaths
	server -l "unix:$T/socket"
	kill -KILL "$PID"
	wait_for no_session "$PID"
	assert [ -S "$T/socket" ]
	server -l "unix:$T/socket"
	assert_regex "$(ask_socket PING QUIT)" '200 time='
}

@test "a live socket is refused with status 69, and goes on" {
	server -l "unix:$T/socket"
	refused 69 -l "unix:$T/socket" "$T/root"
	assert_line --partial "cannot listen on unix:$T/socket: Address already in use"
	assert_regex "$(ask_socket PING QUIT)" '200 time='
}

@test "a file or a folder in the place of the socket is refused with status 69, and stays" {
	echo precious >"$T/socket"
	refused 69 -l "unix:$T/socket" "$T/root"
	assert_line --partial "cannot listen on unix:$T/socket: File exists"
	assert_equal "$(cat "$T/socket")" precious
	rm "$T/socket"
	mkdir "$T/socket"
	refused 69 -l "unix:$T/socket" "$T/root"
	assert_dir_exist "$T/socket"
	# Nor is a link followed to something that would then be removed.
	rmdir "$T/socket"
	ln -s "$T/target" "$T/socket"
	refused 69 -l "unix:$T/socket" "$T/root"
	assert [ -L "$T/socket" ]
}

@test "a listener that cannot be had leaves none of the others behind" {
	server
	refused 69 -l "unix:$T/socket" -l "coffer://127.0.0.1:$PORT" "$T/root"
	assert_not_exist "$T/socket"
}

# bats test_tags=models:all
@test "several listeners are served side by side, each by every worker" {
	local ports port round
	server -l coffer://127.0.0.3:0 -l "unix:$T/socket" -l coffer://127.0.0.2:0
	ports=$(sed -nE 's|.*listening on coffer://(.*):([0-9]+)$|\1 \2|p' "$LOG")
	assert_equal "$(wc -l <<<"$ports")" 3
	for round in 1 2 3; do
		while read -r host port; do
			assert_regex "$(printf 'PING\nQUIT\n' | timeout "$PATIENCE" nc -N "$host" "$port")" '200 time='
		done <<<"$ports"
		assert_regex "$(ask_socket PING QUIT)" '200 time='
	done
}

# bats test_tags=models:all
@test "IPv6 is served" {
	local port
	need_ipv6
	server -l 'coffer://[::1]:0'
	port=$(sed -nE 's|.*listening on coffer://\[::1\]:([0-9]+).*|\1|p' "$LOG")
	[[ -n $port ]] || fail_with_log "no line \"listening on coffer://[::1]:PORT\""
	assert_regex "$(printf 'PING\nQUIT\n' | timeout "$PATIENCE" nc -N ::1 "$port")" '200 time='
	coffer ping -H "coffer://[::1]:$port"
	grep -q ' ::1 coffer PING ' "$LOG" || fail_with_log "the peer is not called ::1"
}
