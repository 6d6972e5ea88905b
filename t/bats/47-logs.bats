#!/usr/bin/env bats
# bats file_tags=models:all
# 47-logs - the access log in its formats, rotated logs, and logs that cannot be written.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

# log_server ARGUMENT...: logs to $T/logs/log, which only the user of the test can make or open.
log_server()
{
	mkdir "$T/logs"
	chmod 700 "$T/logs"
	server_with_log "$T/logs/log" "$@"
}

# server_with_log FILE ARGUMENT...
server_with_log()
{
	local file=$1
	shift
	[[ $(id -u) != 0 ]] || chown -hR "$(server_user)" "$T/root"
	launch -l "unix:$T/socket" -n "$WORKERS" -m "$MODEL" -o "log=$file" "$@" "$T/root"
	wait_for connects || fail_with_log "it does not serve"
}

connects()
{
	ask_unix PING | grep -q '^200 time='
}

ask_unix()
{
	printf '%s\n' "$@" | timeout -k 5 "$PATIENCE" nc -N -U "$T/socket"
}

@test "after USR1 every process writes to the new file, and nothing more to the old one" {
	local held n
	mkfifo "$T/in"
	log_server
	# A session that was there before; under fork it is a process of its own.
	nc -U "$T/socket" <"$T/in" >"$T/out" 3>&- &
	exec {held}>"$T/in"
	echo 'STAT /before' >&"$held"
	wait_for grep -q 'STAT /before 404' "$T/logs/log"
	mv "$T/logs/log" "$T/logs/old"
	kill -USR1 "$PID"
	wait_for grep -q 'the log is open again' "$T/logs/log"
	echo 'STAT /after' >&"$held"
	wait_for grep -q 'STAT /after 404' "$T/logs/log" "$T/logs/old"
	if [[ $MODEL != serial ]]; then
		for n in 1 2 3 4 5 6 7 8; do
			ask_unix "STAT /new$n"
			wait_for grep -q "STAT /new$n 404" "$T/logs/log" "$T/logs/old"
		done
	fi
	refute grep -E 'STAT /(after|new)' "$T/logs/old"
	# And once more.
	mv "$T/logs/log" "$T/logs/old2"
	kill -USR1 "$PID"
	wait_for test -s "$T/logs/log"
	echo 'STAT /again' >&"$held"
	wait_for grep -q 'STAT /again 404' "$T/logs/log" "$T/logs/old2"
	refute grep 'STAT /again' "$T/logs/old2"
	exec {held}>&-
}

@test "workers that drain after a reload follow USR1 as well" {
	local old
	noise 24M "$T/root/big"
	log_server -l coffer://127.0.0.1:0
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$T/logs/log")
	dial
	say 'GET /big'
	expect '^200 size='
	ctl reload
	mv "$T/logs/log" "$T/logs/old"
	kill -USR1 "$PID"
	wait_for grep -q 'the log is open again' "$T/logs/log"
	take 25165824 | cmp - "$T/root/big"
	wait_for grep -q 'GET /big 200' "$T/logs/log" "$T/logs/old"
	grep -q 'GET /big 200' "$T/logs/log"
	wait_for grep -q 'generation 1 has gone' "$T/logs/log"
}

@test "cofferctl reopen does what USR1 does" {
	server -o "access-file=$T/access"
	mv "$T/access" "$T/old"
	run -0 ctl reopen
	assert_output 'the log is open again'
	ask PING QUIT
	wait_for grep -q PING "$T/access"
}

@test "a worker that is born after USR1 writes to the new file as well" {
	expect_deaths
	log_server
	mv "$T/logs/log" "$T/logs/old"
	kill -USR1 "$PID"
	wait_for grep -q 'the log is open again' "$T/logs/log"
	kill -KILL $(workers)
	wait_for pool_is "$WORKERS"
	wait_for connects
	wait_for grep -q 'coffer PING' "$T/logs/log"
}

@test "a log that cannot be opened again goes on in the old file, and says so" {
	log_server
	mv "$T/logs" "$T/gone"
	kill -USR1 "$PID"
	wait_for grep -q 'error: cannot open the log again: No such file or directory' "$T/gone/log"
	ask_unix 'STAT /still'
	wait_for grep -q 'STAT /still 404' "$T/gone/log"
}

@test "a log on a full disk keeps nobody from being served" {
	echo fine >"$T/root/fine"
	server_with_log /dev/full
	run -0 ask_unix 'GET /fine' QUIT
	assert_line fine
	kill -USR1 "$PID"
	run -0 ask_unix 'GET /fine' QUIT
	assert_line fine
	stop_server
}

@test "access-log=json gives lines that are JSON, whatever the name is" {
	server -o access-log=json -o "access-file=$T/access"
	ask 'STAT /a%22b%5C%0A%FF' 'GET /nothing' 'NONSENSE' PING QUIT
	wait_for grep -q QUIT "$T/access"
	run -0 jq -r '[.peer, .protocol, .verb, .path, .code, (.seconds >= 0), (.bytes > 0)] | join(" ")' "$T/access"
	assert_line --index 0 '127.0.0.1 coffer STAT /a"b\\\012\377 404 true true'
	assert_line --index 1 '127.0.0.1 coffer GET /nothing 404 true true'
	assert_line --index 2 '127.0.0.1 coffer ? - 400 true true'
	assert_line --index 3 '127.0.0.1 coffer PING - 200 true true'
	run -0 jq -r .time "$T/access"
	assert_line --index 0 --regexp '^20[0-9-]{8}T[0-9:]{8}\.[0-9]{3}Z$'
	refute grep -q PING "$LOG"
}

@test "access-log=xferlog has a line for each transfer" {
	echo 12345 >"$T/root/a b"
	server -w -o access-log=xferlog -o "access-file=$T/access"
	printf 'GET /a%%20b\nPUT /new size=3\nabcSTAT /new\nDELETE /new\nGET /none\nQUIT\n' | ask_bytes
	wait_for grep -q none "$T/access"
	run -0 cat "$T/access"
	assert_line --index 0 --regexp '^[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4} [0-9]+ 127\.0\.0\.1 [0-9]+ /a_b b _ o a anonymous coffer 0 \* c$'
	assert_line --index 1 --regexp ' /new b _ i a anonymous coffer 0 \* c$'
	assert_line --index 2 --regexp ' /new b _ d a anonymous coffer 0 \* c$'
	assert_line --index 3 --regexp ' /none b _ o a anonymous coffer 0 \* i$'
	assert_equal "${#lines[@]}" 4
}

@test "access-log=no has no line for a request, and yes is text" {
	server -o access-log=no
	ask PING QUIT
	stop_server
	refute grep -q PING "$LOG"
	server -o access-log=yes
	ask PING QUIT
	wait_for grep -qE 'worker [01]: [0-9a-z]+ 127\.0\.0\.1 coffer PING - 200 [0-9]+ bytes 0\.[0-9]{3} s$' "$LOG"
}

@test "the file of the access log is opened again as well, and has dates" {
	mkdir "$T/logs"
	server -o "access-file=$T/logs/access"
	ask PING QUIT
	wait_for grep -qE '^20[0-9-]{8}T[0-9:.]+Z [0-9a-z]+ 127\.0\.0\.1 coffer PING' "$T/logs/access"
	mv "$T/logs/access" "$T/logs/old"
	kill -USR1 "$PID"
	wait_for grep -q 'the log is open again' "$LOG"
	ask 'STAT /x' QUIT
	wait_for grep -q 'STAT /x' "$T/logs/access" "$T/logs/old"
	grep -q 'STAT /x' "$T/logs/access"
}
