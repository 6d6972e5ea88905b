#!/usr/bin/env bats
# bats file_tags=models:all
# 6a-allowance - how many sessions, requests and bytes one address and one user may have.

bats_require_minimum_version 1.5.0
load helper
load dialog
load http
load pool
load tftp

# from ADDRESS LINE...: as ask(), from another address of this machine.
from()
{
	printf '%s\n' "${@:2}" | timeout -k 5 "$PATIENCE" nc -N -s "$1" 127.0.0.1 "$PORT"
}

served()
{
	[[ $(ask PING QUIT) == *'200 time='* ]]
}

@test "an address has sessions-per-address at a time, over all workers and protocols, and others have theirs" {
	local SINGLE=yes TPORT
	WORKERS=4 web -o sessions-per-address=2 -l tftp://127.0.0.1:0 -o tftp-single-port=yes -l "unix:$T/socket"
	TPORT=$(sed -nE 's|.*listening on tftp://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	dial
	dial
	# Whoever sends something to a connection that is over may see a reset before the sentence.
	run -0 ask_bytes </dev/null
	assert_output '503 too many sessions of your address at a time'
	run -0 head_of /
	assert_line --index 0 'HTTP/1.1 429 Too Many Requests'
	assert_line 'Retry-After: 5'
	assert_equal "$(cat "$T/body")" 'too many connections of your address at a time'
	run -0 talk 'ask 0001 "file" 00 "octet" 00' 'text 5000'
	assert_output --partial 'too many sessions of your address at a time'
	assert_regex "$(from 127.0.0.2 PING QUIT)" '200 time='
	assert_regex "$(printf 'PING\nQUIT\n' | timeout "$PATIENCE" nc -N -U "$T/socket")" '200 time='
	# One that ends makes room for one.
	hang_up
	wait_for served
}

@test "what a dead worker had is given back" {
	local i
	expect_deaths
	WORKERS=3 server -o sessions-per-address=2
	for i in 1 2 3; do
		dial
		dial
		run -0 ask PING QUIT
		assert_output '503 too many sessions of your address at a time'
		grow_up
		kill -KILL $(workers)
		wait_for served
		wait_for idle_again || fail "$(ctl status)"
	done
}

idle_again()
{
	[[ $(ctl --json status | jq .totals.sessions) == 0 ]]
}

@test "behind a proxy each client has his own" {
	local one two
	WORKERS=4 server -o proxy-from=127.0.0.1 -o sessions-per-address=1
	dial_only; one=$C
	say $'PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r'
	expect '^200 coffer=1 '
	dial_only; two=$C
	say $'PROXY TCP4 192.0.2.8 192.0.2.1 1 2\r'
	expect '^200 coffer=1 '
	dial_only
	say $'PROXY TCP4 192.0.2.7 192.0.2.1 1 3\r'
	expect '^503 too many sessions of your address'
	C=$one say QUIT
	C=$two say QUIT
}

@test "requests-burst requests may come at once, then requests-per-second, and others have theirs" {
	web -o requests-per-second=1 -o requests-burst=3
	run -0 ask_bytes < <(printf 'STAT /\n%.0s' {1..30}; echo QUIT)
	(($(grep -c '^429 /: too many requests of your address; try again later$' <<<"$output") >= 1))
	assert_line --index 31 --regexp '^(200|429)'
	assert_regex "$(from 127.0.0.2 'STAT /' QUIT)" '200 type=d'
	# All at once, however slow this machine is.
	speak_bytes < <(printf 'HEAD / HTTP/1.1\r\nHost: x\r\n\r\n%.0s' {1..30}) >"$T/head"
	grep -q '^HTTP/1.1 429 Too Many Requests' "$T/head"
	grep -q '^Retry-After: 1' "$T/head"
	wait_for stat_works
}

@test "what is refused before it is served counts, too" {
	local line long i connection
	long=$(head -c 9000 /dev/zero | tr '\0' x)
	echo 'folder "/x" { allow = "users: all" }' >"$T/cofferd.conf"
	web -o requests-per-second=1 -o requests-burst=3
	for line in BOGUS 'STAT /../x' 'STAT /x' "$long"; do
		i=$((${i:-1} + 1))
		run -0 bytes_from "127.0.0.$i" < <(printf "$line\n%.0s" {1..30}; printf 'STAT /\n%.0s' {1..9}; echo QUIT)
		grep -q '^429 .*too many requests of your address' <<<"$output" || fail "${line:0:20} is free: $output"
	done
	speak_bytes < <(printf 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n%.0s' {1..30}) >"$T/head"
	grep -q '^HTTP/1.1 429 Too Many Requests' "$T/head"
	wait_for forgiven
	wait_for broken_heads_count
}

forgiven()
{
	[[ $(status_of /) == 200 ]]
}

# Each ends its connection.
broken_heads_count()
{
	local connection i
	for i in {1..20}; do
		exec {connection}<>"/dev/tcp/127.0.0.1/$WEB_PORT"
		printf 'GET\r\n\r\n' >&"$connection"
		exec {connection}>&-
	done
	[[ $(status_of /) == 429 ]]
}

bytes_from()
{
	timeout -k 5 "$PATIENCE" nc -N -s "$1" 127.0.0.1 "$PORT"
}

stat_works()
{
	[[ $(ask 'STAT /' QUIT) == *'200 type=d'* ]]
}

# took COMMAND...: how many milliseconds; what it prints goes to $T/out.
took()
{
	local begin=${EPOCHREALTIME/./}
	"$@" >"$T/out"
	TOOK=$(((${EPOCHREALTIME/./} - begin) / 1000))
}

# A second's bytes may move at once, and the last eighth of one is paid for when it has come; so 150 KiB take
# 0.375 s at 100 KiB a second, and never less.
@test "rate-session slows what is sent and what is received, and nothing else" {
	noise 150K "$T/root/big"
	web -w -o rate-session=100K
	took ask 'GET /big' QUIT
	((TOOK >= 350)) || fail "a GET took $TOOK ms"
	took get /big
	((TOOK >= 350)) || fail "a GET by HTTP took $TOOK ms"
	cmp "$T/out" "$T/root/big"
	took ask_bytes < <(echo 'PUT /up size=153600'; cat "$T/root/big"; echo QUIT)
	((TOOK >= 350)) || fail "a PUT took $TOOK ms"
	grep -q '^201 size=153600' "$T/out"
	cmp "$T/root/up" "$T/root/big"
}

# At a byte a second even the greeting takes half a minute to be paid for.
@test "a session that waits for its rate is kicked at once" {
	local id
	WORKERS=1 server -o rate-session=1
	dial
	id=$(ctl --json who | jq -r '.[0].session')
	run -0 ctl kick "$id"
	ended
	wait_for no_sessions
}

no_sessions()
{
	[[ $(ctl --json status | jq .totals.sessions) == 0 ]]
}

@test "rate-address is shared by the sessions of an address, also of TFTP" {
	local SINGLE=no begin
	[[ $MODEL != serial ]] || WORKERS=3
	noise 100K "$T/root/big"
	tftp_server -o rate-address=100K
	begin=${EPOCHREALTIME/./}
	ask 'GET /big' QUIT >"$T/one" 3>&- &
	tftp -b 1024 -w 8 get big >"$T/two"
	wait $!
	TOOK=$(((${EPOCHREALTIME/./} - begin) / 1000))
	cmp "$T/two" "$T/root/big"
	((TOOK >= 700)) || fail "both took $TOOK ms"
}

@test "a user has sessions-per-user and rate-user, wherever he comes from, and others have theirs" {
	local one
	noise 150K "$T/root/big"
	ctl passwd -f "$T/users" alice <<<secret-1234
	ctl passwd -f "$T/users" bob <<<secret-1234
	[[ $MODEL != serial ]] || WORKERS=3
	server -o users="$T/users" -o login-delay=0 -o sessions-per-user=1 -o rate-user=100K
	wait_for grep -q 'users: 2 users' "$LOG"
	dial; one=$C
	say 'LOGIN alice secret-1234'
	expect '^200 user=alice$'
	run -0 from 127.0.0.2 'LOGIN alice secret-1234' WHOAMI 'LOGIN bob secret-1234' QUIT
	assert_line --index 1 '429 too many sessions of this user at a time'
	assert_line --index 2 --regexp '^200 user=anonymous '
	assert_line --index 3 '200 user=bob'
	# To log in again is no session more.
	C=$one say 'LOGIN alice secret-1234' QUIT
	C=$one expect '^200 user=alice$' '^200 bye'
	wait_for alice_works
	took ask 'LOGIN alice secret-1234' 'GET /big' QUIT
	((TOOK >= 350)) || fail "a GET took $TOOK ms"
	took ask 'GET /big' QUIT
	grep -q '^200 size=153600 ' "$T/out"
}

alice_works()
{
	[[ $(ask 'LOGIN alice secret-1234' QUIT) == *'200 user=alice'* ]]
}
