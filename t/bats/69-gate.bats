#!/usr/bin/env bats
# bats file_tags=models:all
# 69-gate - who may come at all, and proxies that speak for others.

bats_require_minimum_version 1.5.0
load helper
load pool
load dialog
load http
load tftp
load tls

# from ADDRESS LINE...: as ask(), from another address of this machine.
from()
{
	printf '%s\n' "${@:2}" | timeout -k 5 "$PATIENCE" nc -N -s "$1" 127.0.0.1 "$PORT"
}

# bytes_from ADDRESS: the same with what stdin has.
bytes_from()
{
	timeout -k 5 "$PATIENCE" nc -N -s "$1" 127.0.0.1 "$PORT"
}

accepted()
{
	ctl --json status | jq .totals.accepted
}

@test "of allow and deny the longest network decides, and nobody who is refused hears a byte" {
	local six
	need_ipv6
	server -l 'coffer://[::1]:0' -l "unix:$T/socket" -o allow=127.0.0.0/8 -o allow=::1 \
	    -o deny=127.0.0.0/24 -o allow=127.0.0.1 -o allow=127.0.0.4/30 -o deny=127.0.0.6 -o deny=127.0.0.7/32 \
	    -o allow=127.0.0.7/32
	assert_regex "$(from 127.0.0.1 PING QUIT)" '200 time='
	assert_regex "$(from 127.0.1.9 PING QUIT)" '200 time='
	assert_regex "$(from 127.0.0.5 PING QUIT)" '200 time='
	for six in 127.0.0.2 127.0.0.6 127.0.0.7; do
		run from "$six" PING QUIT
		assert_output ''
	done
	grep -q 'refused 127\.0\.0\.2: deny has its address$' "$LOG"
	six=$(sed -nE 's|.*listening on coffer://\[::1\]:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	assert_regex "$(printf 'PING\nQUIT\n' | timeout "$PATIENCE" nc -N ::1 "$six")" '200 time='
	assert_regex "$(printf 'PING\nQUIT\n' | timeout "$PATIENCE" nc -N -U "$T/socket")" '200 time='
	# Where there is an allow, whoever is in none may not.
	stop_server
	printf 'allow = { "192.0.2.0/24", "::1" }\ndeny = "::1"\n' >"$T/cofferd.conf"
	server -l 'coffer://[::1]:0'
	run from 127.0.0.1 PING QUIT
	assert_output ''
	wait_for grep -q 'refused 127\.0\.0\.1: allow does not have its address$' "$LOG"
	six=$(sed -nE 's|.*listening on coffer://\[::1\]:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	run timeout "$PATIENCE" nc -N ::1 "$six" </dev/null
	assert_output ''	# it is in both
}

@test "a reload changes who may come" {
	echo 'deny = 127.0.0.2' >"$T/cofferd.conf"
	server
	run from 127.0.0.2 PING QUIT
	assert_output ''
	assert_regex "$(from 127.0.0.3 PING QUIT)" '200 time='
	echo 'allow = { 127.0.0.1, 127.0.0.2 }' >"$T/cofferd.conf"
	run -0 ctl reload
	wait_for may_come 127.0.0.2
	wait_for may_not_come 127.0.0.3
	: >"$T/cofferd.conf"
	run -0 ctl reload
	wait_for may_come 127.0.0.3
}

may_come()
{
	[[ $(from "$1" PING QUIT) == *'200 time='* ]]
}

may_not_come()
{
	[[ -z $(from "$1" PING QUIT) ]]
}

@test "a flood of the refused is a line of the log in a second, and no session" {
	local i begin
	WORKERS=1 server -o deny=127.0.0.2
	begin=$SECONDS
	for ((i = 0; i < 40; i++)); do
		from 127.0.0.2 PING || true
	done
	(($(grep -c 'refused 127' "$LOG") <= SECONDS - begin + 2))
	assert_equal "$(accepted)" 0
}

@test "a datagram from who may not come is not answered" {
	local SINGLE=yes
	echo hello >"$T/root/file"
	tftp_server -o deny=127.0.0.2
	timeout "$PATIENCE" nc -u -s 127.0.0.2 127.0.0.1 "$TPORT" \
	    < <(printf '\0\1file\0octet\0'; exec sleep "$PATIENCE") >"$T/heard" 3>&- &
	wait_for grep -q 'refused 127\.0\.0\.2: deny has its address$' "$LOG"
	# Whoever answered the refused one would have done so before he answers this one.
	assert_equal "$(tftp get file)" hello
	kill_tree $!
	assert_equal "$(stat -c %s "$T/heard")" 0
}

@test "a trusted proxy says who the peer is, in a line or in bytes" {
	server -o proxy-from=127.0.0.2/31 -o deny=198.51.100.0/24
	run bytes_from 127.0.0.2 < <(printf 'PROXY TCP4 192.0.2.7 192.0.2.1 4660 80\r\nSTAT /v1\nQUIT\n')
	assert_line --index 0 --regexp '^200 coffer=1'
	assert_line --index 2 --regexp '^200 bye'
	run bytes_from 127.0.0.2 < <(
		printf '\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x28\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7'
		sleep 0.1	# in pieces, as a network may have it
		printf '\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x12\x34\0\x50\4\0\1x'
		printf 'STAT /v2\nQUIT\n'
	)
	assert_line --regexp '^200 bye'
	# Its own health check, and one of which it knows nothing.
	run bytes_from 127.0.0.3 < <(printf '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0STAT /local\nQUIT\n')
	assert_line --regexp '^200 bye'
	run bytes_from 127.0.0.3 < <(printf 'PROXY UNKNOWN\r\nSTAT /unknown\nQUIT\n')
	assert_line --regexp '^200 bye'
	wait_for grep -q '/unknown' "$LOG"
	grep -q ' 192\.0\.2\.7 coffer STAT /v1 ' "$LOG"
	grep -q ' 2001:db8::7 coffer STAT /v2 ' "$LOG"
	grep -q ' 127\.0\.0\.3 coffer STAT /local ' "$LOG"
	grep -q ' 127\.0\.0\.3 coffer STAT /unknown ' "$LOG"
	# Of whom it speaks, the lists are asked.
	run bytes_from 127.0.0.2 < <(printf 'PROXY TCP4 198.51.100.1 192.0.2.1 4660 80\r\nSTAT /denied\nQUIT\n')
	assert_output ''
	wait_for grep -q 'refused 198\.51\.100\.1: deny has its address$' "$LOG"
	# From anybody else it is a request that is none.
	run bytes_from 127.0.0.1 < <(printf 'PROXY TCP4 192.0.2.7 192.0.2.1 4660 80\r\nQUIT\n')
	assert_line --regexp '^400 '
}

@test "a trusted proxy without its header, with a wrong one, or with none in time is cut off" {
	WORKERS=1 server -o proxy-from=127.0.0.2 -o request-timeout=1s
	run bytes_from 127.0.0.2 < <(printf 'STAT /\nQUIT\n')
	assert_output ''
	wait_for grep -q 'refused 127\.0\.0\.2: what it says is no PROXY header' "$LOG"
	run bytes_from 127.0.0.2 < <(printf 'PROXY TCP4 192.0.2.777 192.0.2.1 4660 80\r\nSTAT /\nQUIT\n')
	assert_output ''
	run timeout "$PATIENCE" nc -s 127.0.0.2 127.0.0.1 "$PORT" < <(printf 'PROXY TCP4 '; exec sleep 5)
	assert_output ''
	wait_for grep -q 'refused 127\.0\.0\.2: its PROXY header did not come in time; and 1 others before$' "$LOG" ||
	    grep -q 'refused 127\.0\.0\.2: its PROXY header is wrong' "$LOG"
	assert_regex "$(from 127.0.0.1 PING QUIT)" '200 time='
	wait_for no_sessions
}

@test "behind a proxy HTTP and TLS go on with what comes behind the header" {
	echo hello >"$T/root/file"
	web -o proxy-from=127.0.0.1
	run -0 curl -q -s --noproxy '*' --haproxy-protocol "$WEB/file"
	assert_output hello
	grep -q ' 127\.0\.0\.1 http GET /file 200' "$LOG"
	run -0 speak_bytes < <(printf 'PROXY TCP4 192.0.2.7 192.0.2.1 4660 80\r\nGET /file HTTP/1.0\r\n\r\n')
	assert_line hello
	wait_for grep -q ' 192\.0\.2\.7 http GET /file 200' "$LOG"
	stop_server
	tls_server -o proxy-from=127.0.0.1
	run -0 tls_get /file --haproxy-protocol
	assert_output hello
}

@test "whom a proxy names is not on this machine, whatever his address: no password in clear from him" {
	ctl passwd -f "$T/users" alice <<<secret-1234
	server -o users="$T/users" -o login-delay=0 -o proxy-from=127.0.0.2
	wait_for grep -q 'users: 1 users' "$LOG"
	run -0 bytes_from 127.0.0.2 < <(printf 'PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nLOGIN alice secret-1234\nQUIT\n')
	assert_line --index 1 --regexp '^403 a password must not be said in clear text'
	# Nor is whom it cannot name.  Everybody else here is.
	run -0 bytes_from 127.0.0.2 < <(printf 'PROXY UNKNOWN\r\nLOGIN alice secret-1234\nQUIT\n')
	assert_line --index 1 --regexp '^403 a password must not be said in clear text'
	run -0 from 127.0.0.1 'LOGIN alice secret-1234' QUIT
	assert_line --index 1 '200 user=alice'
}
