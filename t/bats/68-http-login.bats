#!/usr/bin/env bats
# 68-http-login - who a request of HTTP is of.

bats_require_minimum_version 1.5.0
load helper
load http

SECRET=zauberwort-7431

# serve_users [COFFERD-ARGUMENT]...: with alice, and without delays.
serve_users()
{
	ctl passwd -f "$T/users" alice <<<"$SECRET" 2>/dev/null
	echo hello >"$T/root/f"
	web -o users="$T/users" -o login-delay=0 "$@"
}

right()
{
	jq .authenticator.right < <(ctl --json status)
}

# bats test_tags=models:all
@test "Authorization: Basic makes a request the user's, and asks once for each connection" {
	serve_users -o login-failures=2
	assert_equal "$(get /f -u "alice:$SECRET")" hello
	assert_equal "$(right)" 1
	# Several requests, one connection: the third is of nobody again.
	speak_bytes >"$T/said" < <(
		auth=$(printf 'alice:%s' "$SECRET" | base64)
		printf 'GET /f HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n\r\n' "$auth" "$auth"
		printf 'GET /f HTTP/1.1\r\nHost: x\r\n\r\n'
		printf 'GET /f HTTP/1.1\r\nHost: x\r\nAuthorization: basic %s\r\n\r\n' "$auth"
		printf 'GET /f HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWxpY2U6eA==\r\n\r\n'
		printf 'GET /f HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n'
		printf 'GET /f HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: 5\r\n\r\nhello' "$auth"
		printf 'GET /f HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
	run -0 grep -E '^HTTP/1.1' "$T/said"
	assert_output "$(printf 'HTTP/1.1 200 OK\n%.0s' 1 2 3 4; printf 'HTTP/1.1 401 Unauthorized\n%.0s' 1 2
		printf 'HTTP/1.1 200 OK\n%.0s' 1 2)"
	assert_equal "$(grep -c '^WWW-Authenticate: Basic realm="coffer", charset="UTF-8"' "$T/said")" 2
	assert_equal "$(right)" 2
	run -0 grep -oE '(alice@)?127\.0\.0\.1 http GET /f [0-9]+' "$LOG"
	assert_output - <<-'END'
		alice@127.0.0.1 http GET /f 200
		alice@127.0.0.1 http GET /f 200
		alice@127.0.0.1 http GET /f 200
		127.0.0.1 http GET /f 200
		alice@127.0.0.1 http GET /f 200
		127.0.0.1 http GET /f 401
		127.0.0.1 http GET /f 401
		alice@127.0.0.1 http GET /f 200
		127.0.0.1 http GET /f 200
	END
	assert_equal "$(status_of /f -u alice:x)" 401
	assert_equal "$(status_of /f -u alice:x)" 429
	run -0 head_of /f -u alice:x
	assert_line --regexp '^Retry-After: (600|5[0-9][0-9])$'
}

# bats test_tags=models:all
@test "what was said in Authorization stays nowhere" {
	local auth pid
	! sanitized || skip "a sanitizer's shadow of the memory is too large to be looked through"
	serve_users
	auth=$(printf 'alice:%s' "$SECRET" | base64)
	exec {peer}<>"/dev/tcp/127.0.0.1/$WEB_PORT"
	printf 'GET /f HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n\r\n' "$auth" >&"$peer"
	printf 'GET /f HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: 5\r\n\r\nhello' "$auth" >&"$peer"
	printf 'PUT /f HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\nContent-Length: 5\r\n\r\nhello' "$auth" >&"$peer"
	wait_for grep -q ' http PUT /f ' "$LOG"
	# Heads that are none, and one that does not end.
	speak_bytes < <(printf 'GET /f HTTP/1.1\r\nbad\r\nAuthorization: Basic %s\r\n\r\n' "$auth") >"$T/bad"
	speak_bytes < <(printf 'GET /f HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n' "$auth") >>"$T/bad"
	assert_equal "$(grep -c '^HTTP/1.1 400' "$T/bad")" 2
	cat "/proc/$(pgrep -P "$PID" -f ': worker 0')/maps" >/dev/null ||
	    skip "the workers' memory cannot be read"
	for pid in $(pgrep -s "$PID"); do
		[[ $(tr '\0' ' ' <"/proc/$pid/cmdline") != *': authenticator'* ]] || continue
		run -0 perl "$BATS_TEST_DIRNAME/../memory.pl" "$pid" "$SECRET" "$auth" "${auth:8}" "coffer=1 server"
		assert_output "coffer=1 server"
	done
	exec {peer}>&-
	run ! grep -F -e "$SECRET" -e "$auth" "$LOG"
}

@test "where others can listen in, a password is not looked at, in any protocol" {
	need_network
	cp "$COFFER_BUILD/cofferd" "$T/cofferd"
	ctl passwd -f "$T/users" alice <<<"$SECRET"
	echo hello >"$T/root/f"
	: >"$T/log"
	cat >"$T/inside" <<-END
		ip link set lo up
		ip addr add 192.0.2.1/32 dev lo
		[[ \$(id -u) != 0 ]] || as=(-o user=root)
		timeout 20 "$T/cofferd" "\${as[@]}" -o users="$T/users" -l coffer://192.0.2.1:2000 \
		    -l http://192.0.2.1:2001 "$T/root" >"$T/log" 2>&1 &
		pid=\$!
		for ((i = 0; i < 200; i++)); do
			if grep -q 'ready: ' "$T/log" || ! kill -0 \$pid 2>/dev/null; then break; fi
			sleep 0.05
		done
		printf '%s\n' "LOGIN alice $SECRET" WHOAMI QUIT | timeout 10 nc -N 192.0.2.1 2000
		curl -q -s --noproxy '*' -m 10 -u "alice:$SECRET" http://192.0.2.1:2001/f
		kill \$pid
		wait \$pid
	END
	chmod 777 "$T"
	unshare "${NETWORK[@]}" bash "$T/inside" >"$T/said" 2>&1 3>&- || true
	run -0 cat "$T/said"
	assert_line '403 a password must not be said in clear text over a network'
	assert_line --regexp '^200 user=anonymous '
	assert_line '403 Forbidden: a password must not be said in clear text over a network'
	grep -q 'coffer login as alice refused: the password came in clear text' "$T/log"
	run ! grep -F "$SECRET" "$T/log"
}

# bats test_tags=models:all
@test "where rights want a user, a request without one is asked for a password, and one with is served" {
	local answers
	cat >"$T/cofferd.conf" <<-END
		group "staff" { members = { "alice" } }
		share "/" { allow = { "@staff: all", "bob: list" } }
	END
	ctl passwd -f "$T/users" bob <<<bobs 2>/dev/null
	serve_users
	run -0 head_of /f
	assert_line --index 0 'HTTP/1.1 401 Unauthorized'
	assert_line 'WWW-Authenticate: Basic realm="coffer", charset="UTF-8"'
	assert_equal "$(status_of /f -u bob:bobs)" 403
	assert_equal "$(get /f -u "alice:$SECRET")" hello
	answers=$(ask 'HASH /f' 'LOGIN bob bobs' 'HASH /f' "LOGIN alice $SECRET" 'HASH /f' WHOAMI QUIT)
	assert_equal "$(cut -c 1-3 <<<"$answers" | tr '\n' ' ')" '200 401 200 403 200 200 200 200 '
	assert_regex "$answers" '200 user=alice rights=.*read'
}
