#!/usr/bin/env bats
# bats file_tags=models:all
# 45-crash - what is left of a process that died: the requests in hand, where it was, and the
# quarantine of what it died of.  t/crash.c has the faults.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

# A server that dies of files with certain names.
crash_server()
{
	[[ -e $COFFER_BUILD/t/crash.so ]] || skip "t/crash.so is not built (make check builds it)"
	expect_deaths
	# A sanitizer wants to be first, and to be alone with faults.
	export ASAN_OPTIONS=verify_asan_link_order=0:handle_segv=0:handle_abort=0
	LD_PRELOAD=$COFFER_BUILD/t/crash.so server -o respawn-delay-max=100ms "$@"
}

# gone_of PATH N: whether so many processes are said to have died of it.
gone_of()
{
	(($(grep -cE "(worker|session process).* died of [0-9a-z]+ [^ ]+ coffer GET /$1, " "$LOG") >= $2))
}

# die_of PATH N: asks for it until so many have.
die_of()
{
	local n
	for ((n = 1; n <= $2; n++)); do
		ask "GET /$1" || true
		wait_for gone_of "$1" "$n" || fail_with_log "nobody is said to have died of $1 for the ${n}th time"
	done
	settled
}

# Until all places are filled and accept.
settled()
{
	wait_for pool_is "$WORKERS" || fail_with_log "the pool is not full again"
	wait_for well || fail_with_log "nobody answers"
}

well()
{
	ask PING QUIT | grep -q '^200 time='
}

@test "the obituary names the request that a process died of, and the functions it was in" {
	crash_server
	die_of 'crash-segv' 1
	grep -qE "died of [0-9a-z]+ 127\.0\.0\.1 coffer GET /crash-segv, for [0-9.]+ s, [0-9]+ bytes$" "$LOG" ||
	    fail_with_log "the request is not named"
	grep -qE "died in .*store_get\+0x[0-9a-f]+ < .*coffer_serve\+0x[0-9a-f]+ < session_run\+0x" "$LOG" ||
	    fail_with_log "the functions are not named"
	# Functions that no other file knows have names, too.
	grep -qE "died in .*answer\+0x" "$LOG" || fail_with_log "a static function has no name"
}

@test "an abort leaves an obituary, and so does a stack that was used up" {
	crash_server
	ask 'GET /sub%1B/crash-abort' || true
	wait_for grep -qF 'coffer GET /sub\033/crash-abort,' "$LOG" || fail_with_log "the path is not made visible"
	run -0 ctl forgive '/sub\033/crash-abort'
	settled
	die_of 'crash-overflow' 1
	grep -qE 'died in .*store_get\+|died in crash\.so\+0x[0-9a-f]+ \.\.\.' "$LOG" ||
	    fail_with_log "no last words of an overflow"
}

@test "a request that three processes have died of is refused, and nothing else is" {
	echo fine >"$T/root/fine"
	crash_server
	die_of crash-segv 3
	run -0 ask 'GET /crash-segv' 'GET /crash-none' 'GET /fine' QUIT
	assert_line --index 1 '503 /crash-segv: refused for a while, for processes of the server died of this request'
	assert_line --index 2 --partial '404 /crash-none'
	assert_line 'fine'
	grep -q 'quarantine: coffer GET /crash-segv from 127.0.0.1 is refused for 600 s' "$LOG" ||
	    fail_with_log "the log does not say it"
	run -0 ctl status
	assert_line --regexp '^coffer +127\.0\.0\.1 +3 .* GET +/crash-segv$'
	# STAT is another request, and kills.
	ask 'STAT /crash-segv' || true
	wait_for grep -q 'died of .* coffer STAT /crash-segv, ' "$LOG"
	settled
}

@test "a quarantine ends, and begins again at the next death" {
	crash_server -o quarantine=4s
	die_of crash-segv 3
	run ask 'GET /crash-segv' QUIT
	assert_output --partial '503 /crash-segv: refused'
	wait_for dies_again 4 || fail_with_log "it is refused for ever"
	wait_for well
	run ask 'GET /crash-segv' QUIT
	assert_output --partial '503 /crash-segv: refused'
}

dies_again()
{
	ask 'GET /crash-segv' >/dev/null || true
	gone_of crash-segv "$1"
}

@test "quarantine=0 refuses nothing" {
	crash_server -o quarantine=0
	die_of crash-segv 4
	refute grep -q quarantine "$LOG"
}

@test "cofferctl forgive lifts a quarantine" {
	crash_server
	die_of crash-segv 3
	run ask 'GET /crash-segv' QUIT
	assert_output --partial '503 /crash-segv: refused'
	run -0 ctl status
	assert_line --regexp '^coffer +127\.0\.0\.1 +3 +[0-9.]+s +[0-9]+m [0-9]+s +GET +/crash-segv$'
	run -4 ctl forgive /other
	run -0 ctl forgive /crash-segv
	assert_output '1 request is forgiven'
	ask 'GET /crash-segv' || true
	wait_for gone_of crash-segv 4 || fail_with_log "it is still refused"
	settled
	# That was the first of three again.
	run ask 'GET /crash-segv' QUIT
	refute_output --partial refused
	run -0 ctl forgive all
}

# die_from ADDRESS PATH
die_from()
{
	local before
	before=$(grep -c " died of .* $1 coffer GET /$2, " "$LOG") || true
	printf 'GET /%s\n' "$2" | timeout "$PATIENCE" nc -N -s "$1" 127.0.0.1 "$PORT" || true
	wait_for more_than "$before" " died of .* $1 coffer GET /$2, " || fail_with_log "nobody died for $1"
	settled
}

# more_than N REGEX: lines of the log
more_than()
{
	(($(grep -c "$2" "$LOG") > $1))
}

from()
{
	printf '%s\n' "${@:2}" | timeout "$PATIENCE" nc -N -s "$1" 127.0.0.1 "$PORT"
}

@test "one peer's quarantine is not another's, until three peers have killed with it" {
	crash_server
	die_of crash-segv 3
	die_from 127.0.0.2 crash-segv
	run from 127.0.0.4 PING QUIT
	assert_line --index 1 --partial '200 time='
	die_from 127.0.0.3 crash-segv
	run from 127.0.0.4 'GET /crash-segv' QUIT
	assert_line --index 1 --partial '503 /crash-segv: refused'
	grep -q 'GET /crash-segv from everybody is refused' "$LOG" || fail_with_log "the log does not say it"
}

@test "a worker that somebody else kills brings no request into quarantine" {
	local n pid
	expect_deaths
	noise 24M "$T/root/big"
	server
	for n in 1 2 3; do
		dial
		say 'GET /big'
		expect '^200 size='
		for pid in $(workers) $(for pid in $(workers); do pgrep -P "$pid"; done); do
			kill -KILL "$pid"
		done
		wait_for grep -qE "(had in hand|died of) [0-9a-z]+ 127.0.0.1 coffer GET /big, .* [1-9][0-9]* bytes" \
		    "$LOG" || fail_with_log "the request in hand is not named"
		settled
	done
	dial
	say 'GET /big'
	expect '^200 size='
	refute grep -q quarantine "$LOG"
}

@test "whoever is not in the process that dies is served meanwhile" {
	local WORKERS=3 n
	crash_server
	for n in 1 2 3 4; do
		ask 'GET /crash-segv' >/dev/null || true
		well || well || well || fail_with_log "nobody is there"
	done
	settled
}

# The process dies while it reads on; what the peer has then had left before.
@test "the beginning of a large listing leaves before the rest is read" {
	local last n=0
	mkdir "$T/root/top"
	(cd "$T/root/top" && seq -f 'd%.0f' 1 400 | xargs mkdir)
	last=$(ls -U "$T/root/top" | tail -n 1)		# in the order in which the server finds them
	crash_server
	mkdir "$T/root/top/$last/crash-abort"
	dial
	say 'LIST /top depth=9'
	expect '^200 type=d'
	while IFS= read -r -t "$PATIENCE" -u "$C" REPLY && [[ $REPLY == d\ * ]]; do
		((++n))
	done
	((n >= 100 && n < 400)) || fail_with_log "$n entries came"
	settled
}
