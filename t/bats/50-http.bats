#!/usr/bin/env bats
# 50-http - files over HTTP: heads, bodies, connections, conditions, types, names.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load http

@test "a GET brings the file, and what is known of it" {
	printf 'hello\n' >"$T/root/a.txt"
	touch -d '2001-09-09 01:46:40Z' "$T/root/a.txt"
	web
	run -0 head_of /a.txt
	assert_line --index 0 'HTTP/1.1 200 OK'
	assert_line --regexp '^Date: [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} 20[0-9]{2} [0-9:]{8} GMT$'
	assert_line --regexp '^Server: cofferd/'
	assert_line 'Content-Length: 6'
	assert_line 'Content-Type: text/plain; charset=utf-8'
	assert_line 'Last-Modified: Sun, 09 Sep 2001 01:46:40 GMT'
	assert_line --regexp '^ETag: "[0-9a-f.-]+"$'
	assert_line 'Accept-Ranges: bytes'
	assert_line 'X-Content-Type-Options: nosniff'
	refute_line --regexp '^(Connection|Repr-Digest|Transfer-Encoding):'
	cmp "$T/body" "$T/root/a.txt"
}

@test "a HEAD has the head of the GET, and no body" {
	head -c 100000 /dev/zero >"$T/root/f"
	touch -d '2001-09-09' "$T/root/f"
	mkdir "$T/root/d"
	web
	for path in /f /d /d/ /nothing /d/?json; do
		head_of "$path" | grep -v ^Date >"$T/of-get"
		head_of "$path" -I | grep -v ^Date | diff "$T/of-get" -
	done
	# What comes behind a reply without a body is the next reply.
	run -0 speak 'HEAD /f HTTP/1.1' 'Host: x' '' 'HEAD /nothing HTTP/1.1' 'Host: x' '' \
	    'HEAD /d/ HTTP/1.1' 'Host: x' '' 'GET /nothing HTTP/1.1' 'Host: x'
	assert_equal "$(grep -c '^HTTP/1.1 ' <<<"$output")" 4
	assert_equal "$(grep -c '^404 Not Found: no such file or folder$' <<<"$output")" 1
}

@test "files of every size arrive whole, by ones and in a row" {
	local n
	for n in 0 1 1023 16383 16384 16385 65536 1000003; do
		head -c "$n" /dev/urandom >"$T/root/f$n"
	done
	web
	for n in 0 1 1023 16383 16384 16385 65536 1000003; do
		get "/f$n" | cmp - "$T/root/f$n"
	done
	curl -q -s -S --noproxy '*' "$WEB/f16385" "$WEB/f0" "$WEB/f1000003" "$WEB/f1" >"$T/all"
	cat "$T"/root/f{16385,0,1000003,1} | cmp - "$T/all"
}

@test "OPTIONS tells what can be done, of a path and of the server" {
	web
	for target in / '*' /nothing http://x/; do
		run -0 speak "OPTIONS $target HTTP/1.1" 'Host: x'
		assert_line --index 0 'HTTP/1.1 204 No Content'
		assert_line 'Allow: GET, HEAD, OPTIONS'
	done
}

@test "what would write is a 405 that names the methods there are, and the connection goes on" {
	printf x >"$T/root/f"
	web -w
	for method in PUT POST DELETE PATCH TRACE; do
		run -0 speak "$method /f HTTP/1.1" 'Host: x' 'Content-Length: 5' '' $'12345GET /f HTTP/1.1\r\nHost: x'
		assert_line --index 0 'HTTP/1.1 405 Method Not Allowed'
		assert_line 'Allow: GET, HEAD, OPTIONS'
		assert_line 'HTTP/1.1 200 OK'
	done
	for method in PROPFIND get X; do
		run -0 speak "$method /f HTTP/1.1" 'Host: x' '' 'GET /f HTTP/1.1' 'Host: x'
		assert_line --index 0 'HTTP/1.1 501 Not Implemented'
		assert_line 'HTTP/1.1 200 OK'
	done
	assert_equal "$(cat "$T/root/f")" x
	run -0 speak 'CONNECT x:80 HTTP/1.1' 'Host: x' '' 'GET /f HTTP/1.1' 'Host: x'
	assert_line --index 0 'HTTP/1.1 405 Method Not Allowed'
	refute_line 'HTTP/1.1 200 OK'
}

@test "bodies are read away, in chunks too, and the next request is found" {
	printf x >"$T/root/f"
	web -o drop-max=100
	run -0 speak 'GET /f HTTP/1.1' 'Host: x' 'Content-Length: 100' '' \
	    "$(printf '%0100d' 0)GET /f HTTP/1.1" 'Host: x' 'Transfer-Encoding: chunked' '' \
	    '5;why=not' 12345 0a 0123456789 0 'A-Trailer: x' '' 'GET /f?last HTTP/1.1' 'Host: x'
	assert_equal "$(grep -c 'HTTP/1.1 200 OK' <<<"$output")" 3
	# What is no field behind the last chunk ends the connection, as in a head.
	run -0 speak 'GET /f HTTP/1.1' 'Host: x' 'Transfer-Encoding: chunked' '' 0 'no field' '' \
	    'GET /f?last HTTP/1.1' 'Host: x'
	assert_line --index 0 'HTTP/1.1 400 Bad Request'
	refute_line 'HTTP/1.1 200 OK'
	# More than that is not read, however it is said.
	for fields in 'Content-Length: 101' $'Transfer-Encoding: chunked\r\n\r\n65'; do
		run -0 speak 'GET /f HTTP/1.1' 'Host: x' "$fields"
		assert_line --index 0 'HTTP/1.1 413 Content Too Large'
		assert_line 'Connection: close'
	done
}

@test "100-continue is said where a body will be read, and not where the answer is known" {
	printf x >"$T/root/f"
	web
	run -0 speak 'GET /f HTTP/1.1' 'Host: x' 'Expect: 100-continue' 'Content-Length: 3' '' abc
	assert_line --index 0 'HTTP/1.1 100 Continue'
	assert_line 'HTTP/1.1 200 OK'
	run -0 speak 'PUT /f HTTP/1.1' 'Host: x' 'Expect: 100-continue' 'Content-Length: 3'
	assert_line --index 0 'HTTP/1.1 405 Method Not Allowed'
	assert_line 'Connection: close'
	run -0 speak 'GET /f HTTP/1.1' 'Host: x' 'Expect: the-unexpected'
	assert_line --index 0 'HTTP/1.1 417 Expectation Failed'
	# HTTP/1.0 does not know it.
	run -0 speak 'GET /f HTTP/1.0' 'Expect: 100-continue' 'Content-Length: 3' '' abc
	assert_line --index 0 'HTTP/1.1 200 OK'
}

@test "requests may be pipelined, and are answered in order" {
	local i
	for i in {1..200}; do printf '%d;' "$i" >"$T/root/$i"; done
	web
	for i in {1..200}; do printf 'GET /%d HTTP/1.1\r\nHost: x\r\n\r\n' "$i"; done |
	    speak_bytes | grep -oE '^[0-9]+;' | tr -d '\n' >"$T/got" || true
	# A body has no line end of its own: the next head follows.
	assert_equal "$(cat "$T/got")" "$(printf '%d;' {1..200})"
}

@test "a connection is kept as the client's version has it" {
	printf 'x\n' >"$T/root/f"
	web
	replies() { speak "$@" '' "$@" | grep -c '^HTTP/1.1 200'; }
	assert_equal "$(replies 'GET /f HTTP/1.1' 'Host: x')" 2
	assert_equal "$(replies 'GET /f HTTP/1.1' 'Host: x' 'Connection: close')" 1
	assert_equal "$(replies 'GET /f HTTP/1.1' 'Host: x' 'Connection: foo, CLOSE')" 1
	assert_equal "$(replies 'GET /f HTTP/1.0')" 1
	assert_equal "$(replies 'GET /f HTTP/1.0' 'Connection: keep-alive')" 2
	run -0 speak 'GET /f HTTP/1.0' 'Connection: keep-alive'
	assert_line 'Connection: keep-alive'
	run -0 speak 'GET /f HTTP/1.0'
	assert_line 'Connection: close'
	# Empty lines before a request are passed over.
	assert_equal "$(speak '' '' 'GET /f HTTP/1.1' 'Host: x' | grep -c '^HTTP/1.1 200')" 1
}

@test "a known digest is the tag, and is told" {
	local hex base64
	printf 'hello\n' >"$T/f"
	web -w
	coffer -H "$URL" put -q "$T/f" /f
	hex=$(sha256sum <"$T/f" | cut -d' ' -f1)
	base64=$(printf %b "$(sed 's/../\\x&/g' <<<"$hex")" | base64)
	run -0 head_of /f
	assert_line "ETag: \"sha256-$hex\""
	assert_line "Repr-Digest: sha-256=:$base64:"
	assert_equal "$(status_of /f -H "If-None-Match: \"sha256-$hex\"")" 304
	# Changed behind our back, it is unknown again.
	sleep 0.02		# until the time that files have has moved on
	printf 'other\n' >"$T/root/f"
	sleep 0.02
	run -0 head_of /f -H "If-None-Match: \"sha256-$hex\""
	assert_line --index 0 'HTTP/1.1 200 OK'
	refute_line --regexp '^Repr-Digest'
}

@test "who holds the version gets 304, and who wants another one 412" {
	local tag date
	printf 'hello\n' >"$T/root/f"
	touch -d '2001-09-09 01:46:40Z' "$T/root/f"
	web
	head_of /f >"$T/first"
	tag=$(field ETag <"$T/first")
	date=$(field Last-Modified <"$T/first")
	run -0 head_of /f -H "If-None-Match: \"x\", $tag"
	assert_line --index 0 'HTTP/1.1 304 Not Modified'
	assert_line "ETag: $tag"
	refute_line --regexp '^Content-'
	assert_equal "$(status_of /f -H "If-Modified-Since: $date")" 304
	assert_equal "$(status_of /f -I -H "If-Modified-Since: $date")" 304
	assert_equal "$(status_of /f -H 'If-Modified-Since: Sun, 09 Sep 2001 01:46:39 GMT')" 200
	assert_equal "$(status_of /f -H 'If-None-Match: "x"' -H "If-Modified-Since: $date")" 200
	assert_equal "$(status_of /f -H "If-Match: $tag")" 200
	assert_equal "$(status_of /f -H 'If-Match: "x"')" 412
	assert_equal "$(status_of /f -H "If-Unmodified-Since: $date")" 200
	assert_equal "$(status_of /f -H 'If-Unmodified-Since: Sun, 09 Sep 2001 01:46:39 GMT')" 412
	assert_equal "$(status_of /nothing -H 'If-Match: "x"')" 404
	# Another file of the same size and time is another version.
	printf 'HELLO\n' >"$T/root/g"
	touch -d '2001-09-09 01:46:40Z' "$T/root/g"
	mv "$T/root/g" "$T/root/f"
	assert_equal "$(status_of /f -H "If-None-Match: $tag")" 200
}

@test "a file that may yet change without its mtime telling has no tag" {
	local tag
	web
	# The future is as good as the past; the present is not.
	printf x >"$T/root/f"
	touch -d '2101-01-01 00:00:00.123456789' "$T/root/f"
	run -0 head_of /f
	assert_line --regexp '^ETag: '
	# Last-Modified is never later than Date.
	assert_equal "$(field Last-Modified <<<"$output")" "$(field Date <<<"$output")"
	# Whole seconds may be all that the file system keeps: then it proves somewhat less.
	touch -d "@$(($(date +%s) + 3600))" "$T/root/f"
	run -0 head_of /f
	tag=$(field ETag <<<"$output")
	assert_regex "$tag" '^W/"[0-9a-f.-]+"$'
	assert_equal "$(status_of /f -H "If-None-Match: $tag")" 304
	assert_equal "$(status_of /f -H "If-None-Match: ${tag#W/}")" 304
	assert_equal "$(status_of /f -H "If-Match: $tag")" 412
	assert_equal "$(status_of /f -H "If-Match: ${tag#W/}")" 412
	assert_equal "$(status_of /f -r 0-0 -H "If-Range: $tag")" 200
	assert_equal "$(status_of /f -r 0-0 -H "If-Range: ${tag#W/}")" 200
	printf y >"$T/root/f"
	assert_equal "$(status_of /f -H "If-None-Match: $tag")" 200
	touch -d "@$(date +%s)" "$T/root/f"
	run -0 head_of /f
	refute_line --regexp '^ETag: '
}

@test "a folder without its slash leads to the one with it, and nowhere else" {
	mkdir -p "$T/root/a b/evil.example"
	web
	run -0 head_of '/a%20b?json&x=%0d%0a'
	assert_line --index 0 'HTTP/1.1 301 Moved Permanently'
	assert_line 'Location: /a%20b/?json&x=%0d%0a'
	run -0 head_of '//a%20b//evil.example'
	assert_line 'Location: /a%20b/evil.example/'
	# A slash that is encoded is none to those who follow the links of a page.
	run -0 head_of '/a%20b%2F'
	assert_line 'Location: /a%20b/'
	assert_equal "$(status_of /%2F)" 200
	mv "$T/root/a b/evil.example" "$T/root"
	run -0 head_of //evil.example
	assert_line 'Location: /evil.example/'
}

@test "a folder is there, but has no version that could be asked for" {
	web
	assert_equal "$(status_of / -H 'If-Match: *')" 200
	assert_equal "$(status_of / -H 'If-Match: "a"')" 412
	assert_equal "$(status_of / -H 'If-None-Match: *')" 304
	run -0 head_of / -H 'If-None-Match: *'
	assert_line 'Cache-Control: no-cache'	# as the 200 would have it
	assert_equal "$(status_of / -H 'If-None-Match: "a"')" 200
	assert_equal "$(status_of / -H 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT')" 200
}

@test "a file with a slash behind it is none" {
	printf x >"$T/root/f"
	web
	assert_equal "$(status_of /f/)" 404
	assert_equal "$(status_of /f/g)" 404
}

@test "index.html stands for its folder only where the configuration says so" {
	mkdir "$T/root/d" "$T/root/e"
	echo 'the index' >"$T/root/d/index.html"
	web
	run -0 get /d/
	assert_output --partial 'href="index.html"'
	web -o index=yes
	run -0 get '/d/?utm=1'
	assert_output 'the index'
	run -0 head_of /d/
	assert_line 'Content-Type: text/html; charset=utf-8'
	# To others the same target is JSON.
	assert_line 'Vary: Accept'
	run -0 head_of /d/ -H 'If-None-Match: *'
	assert_line --index 0 'HTTP/1.1 304 Not Modified'
	assert_line 'Vary: Accept'
	run -0 head_of /d/index.html
	refute_line --regexp '^Vary:'
	run -0 get '/d/?json'
	assert_output --partial '"name":"index.html"'
	run -0 get /e/
	assert_output --partial '<h1>'
}

@test "types are told by the ends of names, and by the file that is named for it" {
	local name
	touch "$T/root/"{a.PNG,b.tar.gz,c,README,d.html,e.xyzzy,.css}
	web -o mime-types=
	type() { head_of "/$1" | field Content-Type; }
	assert_equal "$(type a.PNG)" image/png
	assert_equal "$(type b.tar.gz)" application/gzip
	assert_equal "$(type c)" application/octet-stream
	assert_equal "$(type README)" 'text/plain; charset=utf-8'
	assert_equal "$(type d.html)" 'text/html; charset=utf-8'
	assert_equal "$(type e.xyzzy)" application/octet-stream
	printf 'application/x-magic xyzzy\nimage/x-mine png\n' >"$T/types"
	chmod 644 "$T/types"
	web -o mime-types="$T/types"
	assert_equal "$(type e.xyzzy)" application/x-magic
	assert_equal "$(type a.PNG)" image/x-mine
	assert_equal "$(type d.html)" 'text/html; charset=utf-8'
}

@test "every name can be had, decoded once" {
	local name
	mkdir "$T/root/d"
	for name in 'a b' '%41' 'q?x' 'h#x' $'\xff\xfe' $'nl\nx' 'ä' '+' '~' '<&>"'; do
		printf '%s' "$name" >"$T/root/d/$name"
	done
	web
	assert_equal "$(get '/d/a%20b')" 'a b'
	assert_equal "$(get '/d/%2541')" '%41'
	assert_equal "$(get '/d/q%3Fx?y')" 'q?x'
	assert_equal "$(get '/d/h%23x')" 'h#x'
	assert_equal "$(get '/%64/%ff%FE' | od -An -tx1)" ' ff fe'
	assert_equal "$(get '/d/nl%0Ax')" $'nl\nx'
	assert_equal "$(get '/d/%C3%A4')" 'ä'
	assert_equal "$(get '/d/+')" '+'
	assert_equal "$(get '/d//./%2B' -o "$T/body" -w '%{http_code}')" 400
	assert_equal "$(get '//d/%3C&%3E%22')" '<&>"'
	assert_equal "$(status_of /A)" 404
}

@test "the store's refusals are statuses" {
	mkdir "$T/root/.coffer" "$T/root/closed"
	ln -s /etc/hostname "$T/root/out"
	ln -s loop "$T/root/loop"
	ln -s nothing "$T/root/dangling"
	printf in >"$T/root/file"
	ln -s file "$T/root/in"
	mkfifo "$T/root/fifo"
	web
	assert_equal "$(status_of /out)" 403
	assert_equal "$(status_of /loop)" 403
	assert_equal "$(status_of /dangling)" 404
	assert_equal "$(status_of /in)" 200
	assert_equal "$(status_of /fifo)" 403
	assert_equal "$(status_of /.coffer/)" 404
	assert_equal "$(status_of "/$(printf '%0300d' 0)")" 404
	chmod 0 "$T/root/file" "$T/root/closed"
	assert_equal "$(status_of /file)" 403
	assert_equal "$(status_of /closed/)" 403
	assert_equal "$(status_of /closed/x)" 403
}

@test "errors are a sentence, or a page for who asks for HTML" {
	web
	run -0 get /nothing
	assert_output '404 Not Found: no such file or folder'
	run -0 get /nothing -H 'Accept: text/html'
	assert_output --partial '<h1>404 Not Found</h1>'
	run -0 head_of /nothing
	assert_line 'Vary: Accept'
	assert_equal "$(status_of /nothing -I)" 404
}

@test "each request is a line of the access log" {
	printf 'hello' >"$T/root/a b"
	web
	get '/a%20b' >"$T/body"
	assert_equal "$(status_of '/%2e%2e/x')" 400
	wait_for grep -q ' http GET /a b 200 ' "$LOG"
	run -0 grep -E ' 127\.0\.0\.1 http ' "$LOG"
	assert_line --regexp ' http GET /a b 200 [0-9]+ bytes [0-9.]+ s$'
	wait_for grep -qE ' http GET /\.\./x 400 ' "$LOG"
}

@test "a file that shrinks while it is sent ends the connection" {
	local pid status=0
	truncate -s 256M "$T/root/f"
	web
	curl -q -s -S --noproxy '*' --limit-rate 20M -o "$T/body" "$WEB/f" 2>"$T/said" 3>&- &
	pid=$!
	wait_for test -s "$T/body"
	truncate -s 1000 "$T/root/f"
	wait_for grep -q ' http GET /f: the file became shorter while it was sent' "$LOG"
	wait "$pid" || status=$?
	assert_equal "$status" 18	# curl's word for a partial file
}

@test "a drain ends a connection that waits between two requests" {
	printf x >"$T/root/f"
	web
	exec {peer}<>"/dev/tcp/127.0.0.1/$WEB_PORT"
	printf 'GET /f HTTP/1.1\r\nHost: x\r\n\r\n' >&"$peer"
	IFS= read -r -t "$PATIENCE" line <&"$peer"
	assert_equal "$line" $'HTTP/1.1 200 OK\r'
	kill -QUIT "$PID"
	timeout "$PATIENCE" cat <&"$peer" >"$T/rest"
	exec {peer}>&-
	wait_for gone "$PID"
}

@test "cofferd DIR listens on port 8080 of this machine, too, and goes on without if that is taken" {
	need_network
	cat >"$T/inside" <<-END
		ip link set lo up
		cd "$T"
		[[ \$(id -u) != 0 ]] || as=(-o user=root)
		begin() {
			timeout 20 "$COFFER_BUILD/cofferd" "\${as[@]}" "\$@" root >"\$log" 2>&1 &
			pid=\$!
			for ((i = 0; i < 200; i++)); do
				if grep -q 'ready: ' "\$log" || ! kill -0 \$pid 2>/dev/null; then break; fi
				sleep 0.05
			done
		}
		log=first begin
		curl -q -s --noproxy '*' http://127.0.0.1:8080/f >first.body
		first=\$pid
		log=second begin -o listen=coffer://127.0.0.1:1
		kill \$pid; wait \$pid
		kill \$first; wait \$first
		nc -l 127.0.0.1 8080 </dev/null >/dev/null 2>&1 &
		taken=\$!
		for ((i = 0; i < 200; i++)); do
			if grep -q ':1F90 [^ ]* 0A ' /proc/net/tcp; then break; fi
			sleep 0.05
		done
		log=third begin
		kill \$pid; wait \$pid
		log=fourth begin -l http://127.0.0.1:8080
		kill \$taken
	END
	echo hello >"$T/root/f"
	chmod 777 "$T"
	unshare "${NETWORK[@]}" bash "$T/inside" >"$T/said" 2>&1 3>&- || true
	assert_equal "$(cat "$T/first.body")" hello
	grep -q 'listening on http://127.0.0.1:8080' "$T/first"
	grep -q 'open http://127.0.0.1:8080/ in a browser' "$T/first"
	grep -q 'try: coffer -H coffer://127.0.0.1:26333 ls' "$T/first"
	run -1 grep http "$T/second"
	grep -q 'not listening on http://127.0.0.1:8080, which is only a default' "$T/third"
	grep -q 'ready: ' "$T/third"
	run -1 grep 'in a browser' "$T/third"
	run -1 grep 'ready: ' "$T/fourth"
	grep -q 'cannot listen on http://127.0.0.1:8080' "$T/fourth"
}
