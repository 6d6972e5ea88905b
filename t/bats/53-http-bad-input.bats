#!/usr/bin/env bats
# 53-http-bad-input - what is no HTTP, or could be read in two ways, is refused, and the server lives on.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load http

# refused STATUS BYTES: the bytes (as for printf %b) get that status and the end of the connection,
# although a good request follows.
refused()
{
	printf '%b' "$2"'GET /f HTTP/1.1\r\nHost: x\r\n\r\n' | speak_bytes >"$T/got"
	[[ $(head -n 1 "$T/got") == "HTTP/1.1 $1 "* ]] || fail "$2 was answered: $(cat "$T/got")"
	assert_equal "$(grep -c '^HTTP/1.1 ' "$T/got")" 1
	grep -qx 'Connection: close' "$T/got"
}

alive()
{
	assert_equal "$(status_of /f)" 200
}

@test "heads that are none, or are two, are refused and end the connection" {
	printf x >"$T/root/f"
	web
	while IFS=' ' read -r status bytes; do
		refused "$status" "$bytes"
	done <<-'END'
		400 GET /f\r\n
		400 GET\r\n
		400 \x16\x03\x01\x02\x00\x01
		400 \x00\r\n\r\n
		505 PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n
		505 GET /f HTTP/0.9\r\n\r\n
		505 GET /f HTTP/3.0\r\nHost: x\r\n\r\n
		400 GET /f HTTP/1.1\nHost: x\n\n
		400 GET /f HTTP/1.1\r\nHost: x\r\nX: a\rb\r\n\r\n
		400 GET /f HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n
		400 GET /f HTTP/1.1\r\nHost : x\r\n\r\n
		400 GET /f HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n
		400 GET /f HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n
		400 GET /f HTTP/1.1\r\n\r\n
		400 GET /f HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n
		400 GET /f HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n
		400 GET /f HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n
		400 GET /f HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n
		400 GET /f HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n
		501 GET /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n
		400 GET  /f HTTP/1.1\r\nHost: x\r\n\r\n
		400 GET /f\x01 HTTP/1.1\r\nHost: x\r\n\r\n
		400 GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n
		400 GET x:80 HTTP/1.1\r\nHost: x\r\n\r\n
		400 GET * HTTP/1.1\r\nHost: x\r\n\r\n
		400 GET ftp://x/f HTTP/1.1\r\nHost: x\r\n\r\n
		400 GET http://u@x/f HTTP/1.1\r\nHost: x\r\n\r\n
		400 POST /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\n12345\r\n0\r\n\r\n
		400 GET /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n12345\r\n0\r\n\r\n
		400 GET /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123456\r\n0\r\n\r\n
		400 GET /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n
		413 GET /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n
	END
	alive
}

@test "paths with encoded NUL, dots or broken escapes are refused, and the connection goes on" {
	printf x >"$T/root/f"
	printf secret >"$T/secret"
	web
	for path in '/%00' '/f%00' '/%2e%2e/secret' '/..%2fsecret' '/../secret' '/d/../../secret' '/./f' \
	    '/%2E/f' '/%' '/%4' '/%zz' '/f%' '/%2e%2E%2fsecret'; do
		run -0 speak "GET $path HTTP/1.1" 'Host: x' '' 'GET /f HTTP/1.1' 'Host: x'
		assert_line --index 0 'HTTP/1.1 400 Bad Request'
		assert_output --partial 'HTTP/1.1 200 OK'
		refute_output --partial secret$'\n'
	done
	# Decoded once, these are names that do not exist.
	for path in '/%252e%252e/secret' '/%2500' '/....//secret' '/..%5csecret' '/.coffer/x'; do
		assert_equal "$(status_of "$path")" 404
	done
}

@test "an absolute target is its path, whatever its host" {
	printf 'x\n' >"$T/root/f"
	web
	run -0 speak 'GET http://elsewhere:99/f?q HTTP/1.1' 'Host: x' '' 'GET HTTP://x/f HTTP/1.1' 'Host: x' '' \
	    'GET http://x HTTP/1.1' 'Host: x'
	assert_equal "$(grep -c '^HTTP/1.1 200 OK' <<<"$output")" 3
	run -0 speak 'GET http://elsewhere/f HTTP/1.1'
	assert_line --index 0 'HTTP/1.1 400 Bad Request'
}

@test "a request that is cut, at whatever byte, is answered or not, and harms nobody" {
	local request=$'GET /f HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nX: y\r\n\r\nabc' n
	printf x >"$T/root/f"
	web
	for ((n = 1; n < ${#request}; n += 3)); do
		printf %s "${request:0:n}" | speak_bytes >"$T/got"
		[[ ! -s $T/got ]] || assert_equal "$(head -n 1 "$T/got")" 'HTTP/1.1 400 Bad Request'
	done
	printf %s "$request" | speak_bytes | grep -q '^HTTP/1.1 200 OK'
	alive
}

@test "a request that comes byte by byte is read" {
	local request=$'GET /f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' i
	printf 'x\n' >"$T/root/f"
	web
	exec {peer}<>"/dev/tcp/127.0.0.1/$WEB_PORT"
	for ((i = 0; i < ${#request}; i++)); do
		printf %s "${request:i:1}" >&"$peer"
	done
	timeout "$PATIENCE" cat <&"$peer" >"$T/got"
	exec {peer}>&-
	grep -q '^HTTP/1.1 200 OK' "$T/got"
}

@test "heads without an end, and with too much, are refused at their limits" {
	printf x >"$T/root/f"
	web
	# 8192 bytes of a request line, 100 fields, 32768 bytes in all.
	target() { printf '/%0*d' "$(($1 - 16))" 0; }
	assert_equal "$(speak "GET $(target 8192) HTTP/1.1" 'Host: x' | head -n 1)" 'HTTP/1.1 404 Not Found'
	assert_equal "$(speak "GET $(target 8193) HTTP/1.1" 'Host: x' | head -n 1)" 'HTTP/1.1 414 URI Too Long'
	fields() { yes 'A: b' | head -n "$1" | sed '$!s/$/\r/'; }
	assert_equal "$(speak 'GET /f HTTP/1.1' 'Host: x' "$(fields 99)" | head -n 1)" 'HTTP/1.1 200 OK'
	assert_equal "$(speak 'GET /f HTTP/1.1' 'Host: x' "$(fields 100)" | head -n 1)" \
	    'HTTP/1.1 431 Request Header Fields Too Large'
	head_bytes() { printf 'GET /f HTTP/1.1\r\nHost: x\r\nA: %0*d\r\n\r\n' "$(($1 - 33))" 0; }
	assert_equal "$(head_bytes 32768 | wc -c)" 32768
	assert_equal "$(head_bytes 32768 | speak_bytes | head -n 1)" 'HTTP/1.1 200 OK'
	assert_equal "$(head_bytes 32769 | speak_bytes | head -n 1)" 'HTTP/1.1 431 Request Header Fields Too Large'
	# However much more comes.
	{ printf 'GET /f HTTP/1.1\r\nHost: x\r\n'; yes $'A: b\r' | head -n 100000; } >"$T/many"
	assert_equal "$(speak_bytes <"$T/many" | head -n 1)" 'HTTP/1.1 431 Request Header Fields Too Large'
	{ printf 'GET /'; head -c 1M /dev/zero | tr '\0' x; } >"$T/long"
	assert_equal "$(speak_bytes <"$T/long" | head -n 1)" 'HTTP/1.1 414 URI Too Long'
	alive
}

@test "a head that does not come in time is a 408, and an idle connection is left without a word" {
	printf x >"$T/root/f"
	web -o request-timeout=1s -o idle-timeout=1s
	exec {late}<>"/dev/tcp/127.0.0.1/$WEB_PORT" {idle}<>"/dev/tcp/127.0.0.1/$WEB_PORT"
	printf 'GET /f HT' >&"$late"
	timeout "$PATIENCE" cat <&"$late" >"$T/late"
	timeout "$PATIENCE" cat <&"$idle" >"$T/idle"
	exec {late}>&- {idle}>&-
	assert_equal "$(head -n 1 "$T/late")" $'HTTP/1.1 408 Request Timeout\r'
	[[ ! -s $T/idle ]]
	alive
}

@test "a client that sends empty lines without end does not keep its worker from the others" {
	local flood i
	printf x >"$T/root/f"
	# Under serial a worker has one client in any case.
	[[ $MODEL == serial ]] || WORKERS=1
	web
	# Through a large buffer: there is always more than the server takes at once.
	perl -MIO::Socket::INET -e '
		$s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die;
		setsockopt($s, SOL_SOCKET, SO_SNDBUF, pack("i", 1 << 20));
		$lines = "\r\n" x 65536;
		$end = time + 60;
		syswrite($s, $lines) or exit;
		open(F, ">", $ARGV[1]);
		syswrite($s, $lines) or exit while time < $end;
	' "$WEB_PORT" "$T/flooding" 2>/dev/null 3>&- &
	flood=$!
	wait_for test -e "$T/flooding"
	for i in 1 2 3; do
		assert_equal "$(status_of /f)" 200
	done
	kill "$flood"		# it was still at it
	wait "$flood" || true
	alive
}

@test "random bytes do no harm" {
	printf x >"$T/root/f"
	web
	for i in {1..10}; do
		head -c $((i * i * 100)) /dev/urandom | speak_bytes >"$T/got" || true
		{ printf 'GET /f HTTP/1.1\r\n'; head -c $((i * 100)) /dev/urandom; } | speak_bytes >"$T/got" || true
	done
	alive
}
