#!/usr/bin/env bats
# 4a-upgrade - USR2 and cofferctl upgrade: another binary takes over, or every reason why not.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool
load steady

# A server that runs from $T/bin, where its binary can be exchanged.
installed()
{
	mkdir -p "$T/bin"
	ln -sf "$COFFER_BUILD/cofferd" "$T/bin/cofferd"
	COFFERD=$T/bin/cofferd
	server "$@"
}

# install_script: the next binary is the script of standard input.
install_script()
{
	rm -f "$T/bin/cofferd"
	cat >"$T/bin/cofferd"
	chmod 755 "$T/bin/cofferd"
}

# The pid of the master that is in charge.
in_charge()
{
	ctl --json status | jq .pid
}

# upgrade: by cofferctl; afterwards PID is the new master's.
upgrade()
{
	run -0 ctl upgrade
	assert_output --regexp "^cofferd [0-9.]+, pid [0-9]+, serves; pid $PID drains$"
	PID=$(sed -E 's/.*, pid ([0-9]+), serves.*/\1/' <<<"$output")
	SERVERS+=("$PID")
}

# refused_upgrade: it fails, with these words, and nothing has changed.
refused_upgrade()
{
	local before
	before=$(workers)
	run -1 ctl upgrade
	assert_line --regexp "$1"
	assert_line "cofferctl: pid $PID serves on"
	assert_equal "$(in_charge)" "$PID"
	assert_equal "$(workers)" "$before"
	assert_regex "$(ask PING QUIT)" '200 time='
}

# bats test_tags=models:all
@test "upgrade: the new master has the same sockets, pidfile and control socket; the old one drains and goes" {
	local old idle
	noise 24M "$T/root/big"
	installed -l "unix:$T/socket" -o "pid-file=$T/pid"
	old=$PID
	dial
	idle=$C
	dial
	say 'GET /big'
	expect '^200 size=25165824 '
	upgrade
	assert_equal "$(cat "$T/pid")" "$PID"
	assert_equal "$(in_charge)" "$PID"
	C=$idle expect '^503 shutting down$'
	assert_regex "$(ask PING QUIT)" '200 time='
	assert_regex "$(printf 'PING\nQUIT\n' | timeout "$PATIENCE" nc -N -U "$T/socket")" '200 time='
	alive "$old"
	head -c 25165824 <&"$C" | cmp - "$T/root/big"
	wait_for gone "$old" || fail "the old master is still there"
	wait "$old"
	assert_equal "$(cat "$T/pid")" "$PID"
	assert [ -S "$T/socket" ]
	# The lock went with it.
	refused 1 -l coffer://127.0.0.1:0 -o "pid-file=$T/pid" "$T/root"
	assert_output "cofferd: $T/pid: cofferd is already running, pid $PID"
	upgrade		# and once more
	assert_equal "$(cat "$T/pid")" "$PID"
	run -0 ctl stop
	assert_not_exist "$T/pid"
	assert_not_exist "$T/socket"
	assert_equal "$(ls "$T/run")" ''
}

@test "USR2 upgrades, and the new configuration is what the file says by then" {
	installed
	echo 'writable = yes' >"$T/cofferd.conf"
	kill -USR2 "$PID"
	wait_for grep -q '^in charge' "$LOG"
	PID=$(in_charge)
	SERVERS+=("$PID")
	run -0 ask 'MKDIR /made' QUIT
	assert_dir_exist "$T/root/made"
}

@test "a listener that the new configuration does not have is gone after the upgrade, with its file" {
	mkdir -p "$T/bin"
	ln -s "$COFFER_BUILD/cofferd" "$T/bin/cofferd"
	COFFERD=$T/bin/cofferd
	[[ $(id -u) != 0 ]] || chown -hR "$(server_user)" "$T/root"
	printf 'root = "%s"\nlisten = { "coffer://127.0.0.1:0", "unix:%s" }\n' "$T/root" "$T/a" >"$T/cofferd.conf"
	launch
	wait_ready
	printf 'root = "%s"\nlisten = { "unix:%s", "coffer://127.0.0.1:0" }\n' "$T/root" "$T/b" >"$T/cofferd.conf"
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG")
	upgrade
	wait_for test ! -e "$T/a"
	assert_regex "$(printf 'PING\nQUIT\n' | timeout "$PATIENCE" nc -N -U "$T/b")" '200 time='
	assert_regex "$(ask PING QUIT)" '200 time='
}

@test "a control socket that the new configuration names otherwise is made, and the old one's file is gone" {
	mkdir -p "$T/bin"
	ln -s "$COFFER_BUILD/cofferd" "$T/bin/cofferd"
	COFFERD=$T/bin/cofferd
	echo "control = $T/a" >"$T/cofferd.conf"
	server
	echo "control = $T/b" >"$T/cofferd.conf"
	run -0 ctl -s "$T/a" upgrade
	PID=$(sed -E 's/.*, pid ([0-9]+), serves.*/\1/' <<<"$output")
	SERVERS+=("$PID")
	wait_for test ! -e "$T/a"
	assert_equal "$(ctl -s "$T/b" --json status | jq .pid)" "$PID"
	echo "control = none" >"$T/cofferd.conf"
	kill -USR2 "$PID"
	wait_for test ! -e "$T/b"
	assert_regex "$(ask PING QUIT)" '200 time='
	PID=$(sed -nE 's/^upgraded: .*, pid ([0-9]+), serves.*/\1/p' "$LOG" | tail -n 1)
	SERVERS+=("$PID")
}

@test "after an upgrade USR1 reaches the workers that drain, too" {
	noise 24M "$T/root/big"
	mkdir -m 700 "$T/logs"
	installed -o "access-file=$T/logs/access"
	dial
	say 'GET /big'
	expect '^200 size='
	upgrade
	mv "$T/logs/access" "$T/logs/old"
	kill -USR1 "$PID"
	wait_for reopened_twice
	take 25165824 | cmp - "$T/root/big"
	wait_for grep -q 'GET /big 200' "$T/logs/access" "$T/logs/old"
	grep -q 'GET /big 200' "$T/logs/access"
}

reopened_twice()
{
	(($(grep -c 'the log is open again' "$LOG") == 2))
}

@test "-b: a daemon is upgraded, relative names and all" {
	local old
	LOG=$T/log.0
	LOGS+=("$LOG")
	mkdir "$T/here"
	[[ $(id -u) != 0 ]] || chown -hR "$(server_user)" "$T/root"
	cd "$T/here"
	cp "$T/cofferd.conf" conf
	ln -s "$COFFER_BUILD/cofferd" cofferd
	timeout -k 5 "$PATIENCE" ./cofferd -f conf -b -n 2 -l coffer://127.0.0.1:0 -o "log=$LOG" \
	    -o "pid-file=$T/pid" ../root
	PID=$(cat "$T/pid")
	SERVERS+=("$PID")
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG")
	old=$PID
	upgrade
	wait_for gone "$old"
	assert_equal "$(cat "$T/pid")" "$PID"
	assert_equal "$(readlink "/proc/$PID/cwd")" /
	assert_regex "$(ask PING QUIT)" '200 time='
}

# --- what stops it

@test "a binary that is missing, not executable, no program, or ends is no upgrade" {
	expect_deaths	# that of the script
	installed -o "pid-file=$T/pid"
	rm "$T/bin/cofferd"
	refused_upgrade 'bin/cofferd: No such file or directory$'
	: >"$T/bin/cofferd"
	refused_upgrade 'bin/cofferd: Permission denied$'
	echo 'what is this' >"$T/bin/cofferd"
	chmod 755 "$T/bin/cofferd"
	refused_upgrade 'bin/cofferd: Exec format error$'
	install_script <<<$'#!/bin/sh\nexit 3'
	refused_upgrade 'the new cofferd ended with status 3$'
	install_script <<<$'#!/bin/sh\nkill -9 $$'
	refused_upgrade 'the new cofferd was killed by signal 9$'
	assert_equal "$(cat "$T/pid")" "$PID"
	# And then all is well again.
	ln -sf "$COFFER_BUILD/cofferd" "$T/bin/cofferd"
	upgrade
}

@test "a binary that hangs is killed after start-timeout" {
	installed -o start-timeout=1s
	install_script <<<$'#!/bin/sh\nexec sleep 60'
	refused_upgrade 'the new cofferd was not ready within start-timeout$'
	wait_for no_child_but_workers
}

no_child_but_workers()
{
	[[ $(workers | wc -l) == "$WORKERS" ]]
}

@test "a configuration that is wrong by now is no upgrade, and each fault is told" {
	installed
	printf 'workers = x\nwrokers = 1\n' >"$T/cofferd.conf"
	refused_upgrade "cofferd.conf:1: workers: \"x\" is not a number"
	assert_line --partial "cofferd.conf:2: unknown key"
	assert_line 'cofferctl: the new cofferd ended with status 78'
}

@test "a port that is taken, and a pidfile that is another's, are no upgrade" {
	local other
	server -o "pid-file=$T/other.pid"
	other=$PORT
	mkdir "$T/run2"
	RUNTIME_DIRECTORY=$T/run2
	installed
	echo "listen = { \"coffer://127.0.0.1:$other\" }" >"$T/bin/conf"
	install_script <<<$'#!/bin/sh\nexec '"$COFFER_BUILD/cofferd"$' -f '"$T/bin/conf"$' '"$T/root"
	refused_upgrade "cannot listen on coffer://127.0.0.1:$other: Address already in use"
	echo "pid-file = \"$T/other.pid\"" >"$T/cofferd.conf"
	install_script <<<$'#!/bin/sh\nexec '"$COFFER_BUILD/cofferd"$' "$@"'
	refused_upgrade "$T/other.pid: cofferd is already running, pid "
}

@test "TERM during an upgrade ends both, and a reload waits for it" {
	installed
	install_script <<<$'#!/bin/sh\nexec sleep 60'
	kill -USR2 "$PID"
	wait_for grep -q '^upgrading' "$LOG"
	kill -HUP "$PID"
	master_turned
	refute grep -q '^reloading' "$LOG"
	stop_server
}

@test "who asks for an upgrade while another one is under way is told how that ended" {
	local first second
	installed
	install_script <<<$'#!/bin/sh\nwhile [ ! -e '"$T/go"$' ]; do sleep 0.1; done\nexec '"$COFFER_BUILD/cofferd"$' "$@"'
	ctl upgrade >"$T/first" 2>&1 3>&- & first=$!
	wait_for grep -q '^upgrading' "$LOG"
	held=$(open_sockets)
	ctl upgrade >"$T/second" 2>&1 3>&- & second=$!
	wait_for more_open_than "$held" || fail "the second is not let in"
	touch "$T/go"
	wait "$first"
	PID=$(sed -E 's/.*, pid ([0-9]+), serves.*/\1/' "$T/first")
	SERVERS+=("$PID")
	# On a slow machine it is the new master that has heard it.
	if wait "$second"; then
		SERVERS+=("$(sed -E 's/.*, pid ([0-9]+), serves.*/\1/' "$T/second")")
		return
	fi
	assert_equal "$(cat "$T/second")" "cofferctl: another upgrade was under way, and pid $PID has taken over: ask it"
}

@test "when the old master is killed during an upgrade, the new one is in charge" {
	local new
	expect_deaths
	installed
	install_script <<<$'#!/bin/sh\nwhile [ ! -e '"$T/go"$' ]; do sleep 0.1; done\nexec '"$COFFER_BUILD/cofferd"$' "$@"'
	# LISTEN_PID is of the shell, and exec keeps it.
	kill -USR2 "$PID"
	wait_for grep -q '^upgrading' "$LOG"
	new=$(pgrep -P "$PID" -f bin/cofferd | tail -n 1)
	kill -KILL "$PID"
	touch "$T/go"
	wait_for grep -q '^in charge' "$LOG" || fail_with_log "nobody is in charge"
	SERVERS+=("$new")
	assert_equal "$(in_charge)" "$new"
	assert_regex "$(ask PING QUIT)" '200 time='
}

# open_sockets: how many the master has.
open_sockets()
{
	find "/proc/$PID/fd" -lname 'socket:*' | wc -l
}

more_open_than()
{
	(($(open_sockets) > $1))
}

# bats test_tags=models:all
@test "upgrades under load: not one request fails, no connection is refused" {
	local clients=32
	[[ $MODEL != serial ]] || clients=6
	noise 20000 "$T/root/file"
	WORKERS=4 installed -o access-log=no
	steady_begin $clients
	for _ in 1 2 3; do
		upgrade
	done
	steady_end
}
