#!/usr/bin/env bats
# 48-reload - HUP: another configuration under the same clients, or every reason why not.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool
load steady

# configure LINE...: the configuration file, from here on.
configure()
{
	printf '%s\n' "$@" >"$T/cofferd.conf"
}

# count PATTERN: lines of the log.
count()
{
	grep -cE "$1" "$LOG" || true
}

logged()
{
	(($(count "$2") >= $1))
}

# reload [PATTERN]: asks for it, and waits until a line of the log says how it ended.
reload()
{
	local before
	before=$(count '^(error: reload failed|reloaded): ?|^error: reload failed')
	kill -HUP "$PID"
	wait_for logged $((before + 1)) '^reloaded: |^error: reload failed' ||
	    fail_with_log "the reload came to no end"
	grep -E '^reloaded: |^error: reload failed' "$LOG" | tail -n 1 | grep -qE "${1:-^reloaded: }" ||
	    fail_with_log "the reload ended in another way than \"${1:-reloaded}\""
}

# like server(), but with the listeners, the root and the rest of the file's.
serve_file()
{
	[[ $(id -u) != 0 ]] || chown -hR "$(server_user)" "$T/root"
	launch -m "$MODEL" "$@"
	wait_ready
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	[[ -z $PORT ]] || export COFFER_URL=coffer://127.0.0.1:$PORT
}

ask_socket()
{
	printf '%s\n' PING QUIT | timeout -k 5 "$PATIENCE" nc -N -U "$1"
}

# --- what a reload does

# bats test_tags=models:all
@test "HUP: new settings serve, the same socket stays, an idle session is told, a transfer is finished" {
	local idle before
	noise 24M "$T/root/big"
	configure 'workers = 2'
	launch_port
	dial
	idle=$C
	dial
	say 'GET /big'
	expect '^200 size=25165824 '
	before=$(workers)
	configure 'workers = 2' 'writable = yes'
	reload '^reloaded: generation 2 serves, 2 workers, .*; generation 1 drains'
	C=$idle expect '^503 shutting down$'
	C=$idle ended
	run -0 ask 'MKDIR /made' QUIT
	assert_dir_exist "$T/root/made"
	head -c 25165824 <&"$C" | cmp - "$T/root/big"
	expect '^503 shutting down$'
	wait_for pool_is 2 $before || fail "the old workers are still there"
	wait_for logged 1 '^generation 1 has gone'
	assert_equal "$(count 'listening on')" 1	# the port is the one it was
	stop_server
}

# A server that listens on a port of the kernel's choice and takes the rest from the file.
launch_port()
{
	[[ $(id -u) != 0 ]] || chown -hR "$(server_user)" "$T/root"
	launch -l coffer://127.0.0.1:0 -m "$MODEL" "$T/root"
	wait_ready
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	export COFFER_URL=coffer://127.0.0.1:$PORT
}

@test "a reload changes the number of workers and the model" {
	configure 'workers = 2'
	launch -l coffer://127.0.0.1:0 "$T/root"
	wait_ready
	configure 'workers = 4' 'concurrency = thread'
	reload '4 workers, thread'
	wait_for pool_is 4
	configure 'workers = 1' 'concurrency = serial'
	reload '1 workers, serial'
	wait_for pool_is 1
	assert_regex "$(title "$(workers)")" '\[serial\]'
}

@test "listeners that are new are opened, those that are gone are closed, those that stay stay" {
	configure "root = \"$T/root\"" "listen = { \"unix:$T/a\", \"unix:$T/b\", \"coffer://127.0.0.1:0\" }"
	serve_file
	configure "root = \"$T/root\"" "listen = { \"unix:$T/b\", \"coffer://127.0.0.1:0\", \"unix:$T/c\" }"
	reload
	assert_not_exist "$T/a"
	assert_regex "$(ask_socket "$T/b")" '200 time='
	assert_regex "$(ask_socket "$T/c")" '200 time='
	assert_regex "$(ask PING QUIT)" '200 time='
	assert_equal "$(count "^no longer listening on unix:$T/a$")" 1
	assert_equal "$(count "^listening on unix:$T/c$")" 1
	assert_equal "$(count "^listening on coffer://127")" 1
	# The file of a socket that somebody has removed is made again.
	rm "$T/b"
	reload
	assert_regex "$(ask_socket "$T/b")" '200 time='
	stop_server
	assert_not_exist "$T/b"
	assert_not_exist "$T/c"
}

@test "who waits in the backlog of a socket is served by the next generation" {
	local pid
	configure 'workers = 1' 'concurrency = serial'
	launch -l coffer://127.0.0.1:0 "$T/root"
	wait_ready
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	dial	# holds the only worker
	ask 'STAT /' QUIT >"$T/answer" 3>&- &
	pid=$!
	wait_for backlog 1
	assert_equal "$(cat "$T/answer")" ''
	reload
	wait "$pid"
	assert_regex "$(cat "$T/answer")" '200 type=d '
}

@test "what needs a restart is named, and stays as it was" {
	configure "pid-file = \"$T/pid\"" 'workers = 2'
	launch -l coffer://127.0.0.1:0 "$T/root"
	wait_ready
	configure "pid-file = \"$T/other\"" "log = \"$T/elsewhere\"" 'workers = 3'
	reload '3 workers'
	assert_equal "$(count "pid-file is still \"$T/pid\": another value needs a restart")" 1
	assert_equal "$(count 'log is still "stderr": another value needs a restart')" 1
	assert_equal "$(cat "$T/pid")" "$PID"
	assert_not_exist "$T/other"
	assert_not_exist "$T/elsewhere"
}

# --- what stops it

@test "every fault of the new configuration is told with its line, and the old pool goes on untouched" {
	local before
	configure 'workers = 2'
	server
	before=$(workers)
	configure 'workers = none' 'wrokers = 3' 'grace-timeout = 5x'
	reload 'reload failed: generation 1 serves on'
	grep -q "^error: reload: $T/cofferd.conf:1: workers: " "$LOG"
	grep -q "^error: reload: $T/cofferd.conf:2: unknown key \"wrokers\" (did you mean workers?)" "$LOG"
	grep -q "^error: reload: $T/cofferd.conf:3: grace-timeout: " "$LOG"
	assert_equal "$(workers)" "$before"
	assert_regex "$(ask PING QUIT)" '200 time='
}

@test "a file that vanished, is a folder, or has 100 MB changes nothing" {
	local before
	configure 'workers = 2'
	server
	before=$(workers)
	rm "$T/cofferd.conf"
	reload 'reload failed'
	mkdir "$T/cofferd.conf"
	reload 'reload failed'
	rmdir "$T/cofferd.conf"
	truncate -s 100M "$T/cofferd.conf"
	reload 'reload failed'
	grep -q "cofferd.conf: No such file or directory" "$LOG"
	grep -q "cofferd.conf: is a folder, not a file" "$LOG"
	grep -q "cofferd.conf: is larger than 1 MiB" "$LOG"
	rm "$T/cofferd.conf"
	mkfifo "$T/cofferd.conf"
	reload 'reload failed'
	assert_equal "$(workers)" "$before"
	assert_regex "$(ask PING QUIT)" '200 time='
}

@test "a port that is taken changes nothing, and leaves none of the other new listeners behind" {
	local other before
	configure "root = \"$T/root\"" 'listen = "coffer://127.0.0.1:0"'
	serve_file
	other=$PORT
	configure "root = \"$T/root\"" "listen = \"unix:$T/a\""
	serve_file
	before=$(workers)
	configure "root = \"$T/root\"" \
	    "listen = { \"unix:$T/a\", \"unix:$T/b\", \"coffer://127.0.0.1:$other\" }"
	reload 'reload failed'
	grep -q "reload: cannot listen on coffer://127.0.0.1:$other: Address already in use" "$LOG"
	assert_not_exist "$T/b"
	assert_regex "$(ask_socket "$T/a")" '200 time='
	assert_equal "$(workers)" "$before"
}

@test "a root that is not there, or that the workers may not read, changes nothing" {
	configure "root = \"$T/root\"" 'listen = "coffer://127.0.0.1:0"'
	serve_file
	configure "root = \"$T/none\"" 'listen = "coffer://127.0.0.1:0"'
	reload 'reload failed'
	grep -q "reload: $T/cofferd.conf:1: root: $T/none: there is no such folder" "$LOG"
	mkdir -m 0 "$T/locked"
	configure "root = \"$T/locked\"" 'listen = "coffer://127.0.0.1:0"'
	reload 'reload failed'
	assert_regex "$(ask PING QUIT)" '200 time='
}

@test "new workers that do not accept within start-timeout are given up, and the old ones serve on" {
	local before
	expect_deaths
	configure "root = \"$T/root\"" 'listen = "coffer://127.0.0.1:0"'
	serve_file
	before=$(workers)
	# More than can be forked in a tenth of a second.
	configure "root = \"$T/root\"" "listen = { \"coffer://127.0.0.1:0\", \"unix:$T/b\" }" \
	    'workers = 600' 'start-timeout = 100ms'
	reload 'reload failed: generation 1 serves on'
	grep -q 'reload: the new workers did not accept within start-timeout' "$LOG"
	assert_not_exist "$T/b"
	wait_for logged 1 'generation 2 has gone'
	assert_equal "$(workers)" "$before"
	assert_regex "$(ask PING QUIT)" '200 time='
}

@test "new workers that end at once are given up at once, and the verdict is told and kept" {
	local before
	expect_deaths
	configure "root = \"$T/root\"" 'listen = "coffer://127.0.0.1:0"' 'concurrency = thread'
	LAUNCHER=("$COFFER_BUILD/t/without" epoll_create1)
	launch
	wait_ready
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	before=$(workers)
	configure "root = \"$T/root\"" 'listen = "coffer://127.0.0.1:0"' 'concurrency = coroutine'
	run -1 ctl reload
	assert_line 'cofferctl: a new worker could not start (see the log)'
	assert_line 'cofferctl: generation 1 serves on, with the configuration it had'
	grep -q 'coroutine: Function not implemented' "$LOG"
	assert_equal "$(workers)" "$before"
	assert_regex "$(ask PING QUIT)" '200 time='
	run -0 ctl status
	assert_line --regexp '^last reload +failed, [0-9.]+s ago$'
	assert_line --regexp '^ +a new worker could not start \(see the log\)$'
	# And the next one that can, does.
	configure "root = \"$T/root\"" 'listen = "coffer://127.0.0.1:0"' 'concurrency = serial'
	ctl reload
	assert_equal "$(ctl --json status | jq -r '.last_reload.done, .last_upgrade')" $'true\nnull'
}

# --- one after the other

@test "HUPs that come during a reload are one more reload" {
	server
	for _ in {1..20}; do
		kill -HUP "$PID"
	done
	wait_for logged 1 '^reloaded: '
	master_turned
	wait_for none_under_way
	(($(count '^reloaded: ') <= 20))
	reload
	wait_for pool_is "$WORKERS"
}

none_under_way()
{
	(($(count '^reloading') == $(count '^reloaded: ')))
}

@test "workers of a generation that drains are not started again" {
	local old
	expect_deaths
	noise 24M "$T/root/big"
	server
	dial
	say 'GET /big'
	expect '^200 size='
	old=$(workers)
	reload
	kill -KILL $old 2>/dev/null || true
	wait_for logged 1 '^generation 1 has gone'
	wait_for pool_is "$WORKERS" $old
}

@test "a drain that does not end is bounded by grace-timeout" {
	expect_deaths
	noise 24M "$T/root/big"
	server -o grace-timeout=1s
	dial
	say 'GET /big'
	expect '^200 size='
	reload
	wait_for logged 1 '^generation 1 has gone' || fail_with_log "it goes on"
	wait_for pool_is "$WORKERS"
}

# Generations that drain.  One whose sessions were all taken by the one before, which had not heard of its
# drain yet, goes at once.
drains()
{
	echo $(($(count '^reloaded: ') - $(count '^generation [0-9]+ has gone')))
}

@test "only 8 drains are borne at a time: the next reload waits until one of them has ended" {
	local held=() i n
	noise 24M "$T/root/big"
	server -o grace-timeout=5m
	for ((i = 0; i < 40; i++)); do
		if (($(drains) == 8)); then
			pause 0.5		# does one go after all?
			(($(drains) < 8)) || break
		fi
		dial
		held+=("$C")
		say 'GET /big'
		expect '^200 size='
		reload
	done
	assert_equal "$(drains)" 8
	n=$(count '^reloaded: ')
	kill -HUP "$PID"
	master_turned
	assert_equal "$(count '^reloaded: ')" "$n"
	for C in "${held[@]}"; do hang_up; done
	wait_for logged $((n + 1)) '^reloaded: ' || fail_with_log "the last reload was forgotten"
}

@test "TERM and QUIT during a reload end the server" {
	local signal
	for signal in TERM QUIT; do
		server
		kill -HUP "$PID"
		kill -$signal "$PID"
		wait_for gone "$PID" || fail_with_log "it goes on after SIG$signal"
		wait "$PID"
		wait_for no_session "$PID"
	done
}

# bats test_tags=models:all
@test "reloads under load: not one request fails, no connection is refused" {
	local i clients=32
	[[ $MODEL != serial ]] || clients=6	# as many as there are workers can be served at a time
	noise 20000 "$T/root/file"
	WORKERS=4 server -o access-log=no
	steady_begin $clients
	for i in {1..10}; do
		reload
	done
	steady_end
}
