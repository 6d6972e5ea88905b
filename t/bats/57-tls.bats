#!/usr/bin/env bats
# 57-tls - TLS beneath the native protocol and HTTP.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load dialog
load tls

@test "by coffers and https, files of every size come whole, and go whole" {
	local size
	tls_server -w
	for size in 0 1 16383 16384 16385 3145728; do
		noise "$size" "$T/root/$size"
		{
			put "$T/root/$size" "/up$size" "sha256=$(sha "$T/root/$size")"
			echo "STAT /up$size"
			echo QUIT
		} | talk >"$T/replies"
		grep -q "^201 size=$size sha256=$(sha "$T/root/$size")" "$T/replies"
		cmp "$T/root/$size" "$T/root/up$size"
		printf 'GET /%s\nQUIT\n' "$size" | talk >"$T/got"
		head -n 1 "$T/got" | grep -q '^200 coffer=1 '
		tail -n +3 "$T/got" | head -c "$size" | cmp - "$T/root/$size"
		tls_get "/$size" -o "$T/got"
		cmp "$T/got" "$T/root/$size"
	done
	tls_get /3145728 -r 16380-2000000 | cmp - <(tail -c +16381 "$T/root/3145728" | head -c 1983621)
	# Many requests on one connection, some hundred of them in one write.
	{
		for size in {1..300}; do echo 'STAT /16384'; done
		echo QUIT
	} | talk >"$T/replies"
	assert_equal "$(grep -c '^200 type=f size=16384 ' "$T/replies")" 300
	run -0 tls_get /1 -o "$T/got" -o "$T/got" -w '%{http_version} %{num_connects}\n' \
	    "https://localhost:$WEB_PORT/16384"
	assert_output $'1.1 1\n1.1 0'
	grep -q ' coffers STAT /16384 200 ' "$LOG"
	grep -q ' https GET /1 200 ' "$LOG"
	assert_well
}

@test "TLS 1.2 and 1.3 are spoken, nothing older, and nothing without forward secrecy" {
	tls_server
	echo QUIT | s_client -tls1_2 >"$T/out" 2>&1
	grep -Eq 'Cipher is ECDHE-ECDSA-(AES(128|256)-GCM|CHACHA20)' "$T/out"
	grep -q '^Secure Renegotiation IS supported' "$T/out"
	grep -q '^Compression: NONE' "$T/out"
	echo QUIT | s_client -tls1_3 >"$T/out" 2>&1
	grep -Eq 'New, TLSv1.3, Cipher is TLS_' "$T/out"
	run s_client -tls1_1 -cipher DEFAULT@SECLEVEL=0
	assert_failure
	run s_client -tls1_2 -cipher AES128-SHA:ECDHE-ECDSA-AES128-SHA
	assert_failure
	run -0 s_client -alpn coffer <<<QUIT
	assert_line 'ALPN protocol: coffer'
	run s_client -alpn http/1.1 <<<QUIT	# not for who has come for something else
	assert_failure
	stop_server
	tls_server -o tls-min-version=1.3
	run s_client -tls1_2
	assert_failure
	run -0 talk <<<QUIT
	assert_line '200 bye'
}

@test "a session goes on by its ticket with any worker" {
	local i
	tls_server
	printf 'PING\nQUIT\n' | talk -sess_out "$T/session" >"$T/out"
	for i in 1 2 3 4 5 6; do
		printf 'QUIT\n' | s_client -sess_in "$T/session" >"$T/out" 2>&1
		grep -q '^Reused, TLSv1.3' "$T/out"
	done
}

@test "who does not speak TLS, or stops in the midst of it, is cut off, and it is said why" {
	tls_server -o request-timeout=1s
	echo secret >"$T/root/f"
	PORT=$TLS_PORT
	run -0 ask_bytes <<<$'STAT /f\nSTAT /f\nSTAT /f\nSTAT /f'
	refute_output --partial 200
	wait_for grep -Eq ' coffers TLS: no handshake: wrong version number$' "$LOG"
	noise 20000 | ask_bytes >"$T/out" || true
	refute grep -q '200 coffer' "$T/out"
	PORT=$WEB_PORT
	run -0 ask_bytes <<<$'GET /f HTTP/1.0\r\n\r'
	wait_for grep -Eq ' https TLS: no handshake: http request$' "$LOG"
	# The head of a hello, and then nothing.
	PORT=$TLS_PORT
	dial_only
	printf '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' | say_bytes
	take 100 >"$T/out"	# until the server closes
	wait_for grep -Eq ' coffers TLS: no handshake: not in time$' "$LOG"
	hang_up
	PORT=$(port_of coffer)
	assert_well
}

upload_begun()
{
	[[ -n $(staged) ]]
}

@test "a connection that ends without a good-bye in the middle of an upload leaves nothing" {
	local client hold
	tls_server -w
	mkfifo "$T/in"
	openssl s_client -quiet -connect "127.0.0.1:$TLS_PORT" <"$T/in" >"$T/out" 2>&1 3>&- &
	client=$!
	exec {hold}>"$T/in"
	{
		printf 'PUT /cut size=100000\n'
		noise 50000
	} >&"$hold"
	wait_for upload_begun
	kill -KILL "$client"
	exec {hold}>&-
	wait_for grep -Eq ' coffers PUT /cut (400|0) ' "$LOG"
	assert_file_not_exist "$T/root/cut"
	assert_well
}

@test "STARTTLS: what is sent ahead of the handshake is never taken for what is said behind it" {
	tls_server -w
	echo secret >"$T/root/f"
	run -0 ask STARTTLS 'MKDIR /evil' 'STAT /f'
	assert_line --index 1 --regexp '^400 nothing may be sent behind STARTTLS'
	assert_equal "${#lines[@]}" 2
	# The same in a second write: then it is a broken handshake.
	dial
	say STARTTLS
	expect '^200 tls=now$'
	printf 'MKDIR /evil\nSTAT /f\nSTAT /f\nSTAT /f\n' | say_bytes
	take 1000 >"$T/out"
	refute grep -q '200' "$T/out"
	hang_up
	wait_for grep -Eq ' coffer TLS: no handshake: wrong version number$' "$LOG"
	assert_dir_not_exist "$T/root/evil"
	printf 'STARTTLS\nQUIT\n' | talk >"$T/out"
	grep -q '^400 TLS is spoken already' "$T/out"
	stop_server
	server
	run -0 ask STARTTLS PING
	assert_line --index 1 --regexp '^501 '
	assert_line --index 2 --regexp '^200 time='
}

@test "with tls-required, nothing is served in clear but HELP, PING, STARTTLS and QUIT" {
	tls_server -w -o tls-required=yes -l http://127.0.0.1:0 -l "unix:$T/socket"
	echo hello >"$T/root/f"
	run -0 ask 'HELP GET' PING 'GET /f' 'LIST /' WHOAMI 'PUT /g size=6' hello PING QUIT
	assert_line --index 1 '200 verbs=1'
	assert_equal "$(grep -c '^403 nothing is served in clear here: STARTTLS comes first$' <<<"$output")" 4
	assert_line '200 bye'
	refute_line hello
	assert_file_not_exist "$T/root/g"
	run -0 talk <<<$'GET /f\nQUIT'
	assert_line hello
	run -0 tls_get /f
	assert_output hello
	run -0 curl -q -s -m "$PATIENCE" -o "$T/out" -w '%{http_code}' "http://127.0.0.1:$(port_of http)/f"
	assert_output 403
	refute grep -q hello "$T/out"
	run -0 timeout "$PATIENCE" nc -NU "$T/socket" <<<$'GET /f\nQUIT'	# nobody listens in there
	assert_line hello
}

@test "?tls-required is for one listener, and comes and goes by a reload" {
	local listen="\"coffer://127.0.0.1:0%s\", \"coffer://127.0.0.2:0\""
	certificate server
	echo hello >"$T/root/f"
	[[ $(id -u) != 0 ]] || chown -hR "$(server_user)" "$T/root"
	configure()
	{
		printf "listen = { $listen }\nroot = '%s'\ntls-certificate = '%s'\n" "$1" "$T/root" \
		    "$T/server.pem" >"$T/cofferd.conf"
	}
	configure '?tls-required'
	launch -m "$MODEL" -n "$WORKERS"
	wait_ready
	PORT=$(port_of coffer)
	run -0 ask 'GET /f' PING
	assert_line --index 1 --partial '403 nothing is served in clear here'
	assert_line --index 2 --partial '200 time='
	run -0 coffer -q --cacert "$T/server.crt" --starttls get "coffer://127.0.0.1:$PORT/f" -
	assert_output hello
	run -0 timeout "$PATIENCE" nc -N 127.0.0.2 "$(sed -nE 's|.*listening on coffer://127\.0\.0\.2:([0-9]+).*|\1|p' "$LOG")" <<<'GET /f'
	assert_line hello
	configure ''
	ctl reload
	run -0 ask 'GET /f'
	assert_line hello
	configure '?tls-required'
	ctl reload
	run -0 ask 'GET /f'
	assert_line --index 1 --partial '403 nothing is served in clear here'
	# An address is one listener's, whatever else the next configuration says of it.
	for listen in http://127.0.0.1 coffer://localhost; do
		printf 'listen = { "coffer://127.0.0.1:%d?tls-required", "%s:%d" }\nroot = "%s"\ntls-certificate = "%s"\n' \
		    "$PORT" "$listen" "$PORT" "$T/root" "$T/server.pem" >"$T/cofferd.conf"
		run ! ctl reload
		assert_output --partial 'ddress already in use'
		run -0 ask 'GET /f'
		assert_line --index 1 --partial '403 nothing is served in clear here'
	done
}

# Says the lines, and then nothing but new keys until the server has ended it.
new_keys()
{
	{
		printf '%s\n' "$@"
		while sleep 0.2; do echo k; done
	} | s_client
}

@test "who sends nothing but new keys is idle, or stalls, as one who sends nothing" {
	local idle
	tls_server -w -o idle-timeout=1s -o io-timeout=1s -o min-rate=0
	new_keys PING >"$T/idle" 2>&1 3>&- &
	idle=$!
	new_keys 'PUT /f size=100' >"$T/stalled" 2>&1
	wait "$idle"
	grep -q '^KEYUPDATE' "$T/idle"
	grep -q '^503 idle for 1 s' "$T/idle"
	grep -q '^503 nothing came for 1 s' "$T/stalled"
	assert_well
}

@test "nobody renegotiates" {
	tls_server
	run -0 "$COFFER_BUILD/t/renegotiate" "$WEB_PORT"
	assert_output --partial 'no renegotiation'
	assert_well
}
