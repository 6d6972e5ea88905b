#!/usr/bin/env bats
# 6b-pam - users whom PAM knows, by a server that was built with it: a service of the test's own, whose
# scripts decide.  Not for each model: workers know nothing of it.

bats_require_minimum_version 1.5.0
load helper
load pool

# serve [COFFERD-ARGUMENT]...: bob is in the users file, and locked; alice, too; anybody else is PAM's.
serve()
{
	COFFERD=$COFFER_BUILD/t/cofferd-pam
	[[ -x $COFFERD ]] || skip "libpam0g-dev was not there when this was built"
	compgen -G '/lib*/*/security/pam_exec.so' >/dev/null || compgen -G '/lib*/security/pam_exec.so' >/dev/null ||
	    compgen -G '/usr/lib*/security/pam_exec.so' >/dev/null || skip "needs pam_exec"
	"$COFFERD" -T -o pam-service=/etc/none "$T/root" >/dev/null || fail "no pam-service"
	# What pam_exec says of a script that fails is no refusal, but a fault of PAM's.
	cat >"$T/service" <<-END
		auth [success=1 default=ignore] pam_exec.so expose_authtok quiet $T/check
		auth requisite pam_deny.so
		auth required pam_permit.so
		account [success=1 default=ignore] pam_exec.so quiet $T/account
		account requisite pam_deny.so
		account required pam_permit.so
	END
	cat >"$T/check" <<-END
		#!/bin/sh
		password=\$(tr -d '\0')
		case \$PAM_USER:\$password in
		hanging:*) echo \$\$ >"$T/hanging"; exec sleep 100 ;;
		carol:carols|expired:secret|bob:bobs|root:secret|nobody:secret) exit 0 ;;
		esac
		exit 1
	END
	printf '#!/bin/sh\necho "$PAM_RHOST $PAM_TTY" >"%s/seen"\n[ "$PAM_USER" != expired ]\n' "$T" >"$T/account"
	chmod 755 "$T/check" "$T/account"
	ctl passwd -f "$T/users" alice <<<alices 2>/dev/null
	printf 'bob:*\n' >>"$T/users"
	server -o users="$T/users" -o pam-service="$T/service" -o login-delay=0 "$@"
	wait_for grep -q 'authenticator: .*users: 2 users' "$LOG"
}

# login USER PASSWORD: what is answered.
login()
{
	ask "LOGIN $1 $2" QUIT | sed -n 2p
}

authenticator()
{
	pgrep -P "$PID" -f ': authenticator'
}

@test "PAM is asked about who is not in the users file: password, account, user id 0" {
	serve
	assert_equal "$(login alice alices)" '200 user=alice'
	assert_equal "$(login carol carols)" '200 user=carol'
	assert_equal "$(cat "$T/seen")" '127.0.0.1 coffer'
	assert_equal "$(login carol wrong)" '401 wrong user or password'
	assert_equal "$(login mallory carols)" '401 wrong user or password'
	assert_equal "$(login expired secret)" '401 wrong user or password'
	assert_equal "$(login root secret)" '401 wrong user or password'
	assert_equal "$(login bob bobs)" '401 wrong user or password'	# the file lets him not in
	run -0 grep -E 'PAM (refuses|says)' "$LOG"
	assert_output --regexp 'PAM refuses expired: not the password, but the account: .*PAM refuses root: root does not log in by PAM$'
	[[ $(ctl --json status | jq -c '.authenticator | [.users, .right, .wrong, .unknown]') == '[2,2,5,0]' ]]
	stop_server
}

@test "wrong passwords count and ban whomever they are for, and are answered after the same time" {
	local user began took
	serve -o login-failures=2 -o login-ban=1h
	for user in alice carol mallory bob; do
		began=$(date +%s%3N)
		assert_equal "$(login $user x)" '401 wrong user or password'
		took=$(($(date +%s%3N) - began))
		((took >= 500))
		assert_equal "$(login $user x)" '401 wrong user or password'
		[[ $(login $user x) == '429 too many wrong passwords; try again in '* ]]
	done
	assert_equal "$(login carol carols | cut -c 1-4)" '429 '
}

@test "a module that hangs keeps nobody else, and is killed when its time is up" {
	local i pids=()
	serve -o login-timeout=3s
	for i in 1 2; do
		login hanging x >"$T/said.$i" & pids+=("$!")
	done 3>&-
	wait_for test -s "$T/hanging"
	assert_equal "$(login alice alices)" '200 user=alice'
	assert_equal "$(login carol carols)" '200 user=carol'
	wait "${pids[@]}"
	assert_equal "$(cat "$T"/said.*)" "$(printf '503 logins cannot be checked now; try again\n%.0s' 1 2)"
	wait_for gone "$(cat "$T/hanging")"
	wait_for grep -q 'PAM says nothing of hanging: there was no answer within 3.0 s' "$LOG"
	[[ $(ctl --json status | jq -c '.login_failures') == '[]' ]]
	# One that hangs while the server goes, goes with it.
	rm "$T/hanging"
	login hanging x >/dev/null 3>&- &
	wait_for test -s "$T/hanging"
	i=$(cat "$T/hanging")
	stop_server
	wait_for gone "$i"
}

@test "groups of the system count for rights, where the configuration knows their names" {
	local group web
	getent passwd nobody >/dev/null || skip "there is no user nobody"
	group=$(id -gn nobody)
	mkdir "$T/root/d"
	cat >"$T/cofferd.conf" <<-END
		group "$group" { members = { } }
		folder "/d" { allow = { "@$group: all", "users: list" } }
	END
	serve -w -l http://127.0.0.1:0
	run -0 ask 'LOGIN carol carols' 'RMDIR /d/x' 'LOGIN nobody secret' 'MKDIR /d/x' 'LOGIN carol carols' 'RMDIR /d/x' QUIT
	assert_line --index 2 '403 /d/x: not allowed'
	assert_line --index 4 --partial '201 '
	assert_line --index 6 '403 /d/x: not allowed'
	# Also where the password is not asked about again, and after the user was another one.
	web=$(sed -n 's|.*listening on http://127.0.0.1:||p' "$LOG" | head -n 1)
	echo hello >"$T/root/d/f"
	set -- curl -sS -o /dev/null -w '%{http_code} %{num_connects}\n' "http://127.0.0.1:$web/d/f"
	run -0 timeout 30 "$@" -u nobody:secret --next "${@:2}" -u carol:carols --next "${@:2}" -u nobody:secret \
	    --next "${@:2}" -u nobody:secret
	assert_output "$(printf '%s\n' '200 1' '403 0' '200 0' '200 0')"
	run -0 ctl reload
	run -0 ask 'LOGIN nobody secret' 'RMDIR /d/x' QUIT
	assert_line --index 2 --partial '200 '
}

@test "when the process that asks PAM dies, another one takes its place; without a users file, too" {
	local pid
	serve
	rm "$T/users"
	kill "$PID"
	wait_for gone "$PID"
	expect_deaths
	server -o pam-service="$T/service" -o login-delay=0
	wait_for eval '[[ $(login carol carols) == "200 user=carol" ]]'
	pid=$(pgrep -P "$(authenticator)")
	[[ $(stat -c %u "/proc/$pid") == 0 || $(id -u) != 0 ]]
	kill -KILL "$pid"
	wait_for grep -q 'the process that asks PAM has died' "$LOG"
	wait_for eval '[[ $(login carol carols) == "200 user=carol" ]]'
	run -0 ctl reload
	assert_equal "$(login carol carols)" '200 user=carol'
}

@test "cofferd refuses a service that it cannot ask" {
	serve
	run -78 "$COFFERD" -t -o users= -o pam-service=no-such-service "$T/root"
	assert_output 'pam-service: there is no /etc/pam.d/no-such-service'
	run -78 "$COFFERD" -t -o users= -o pam-service=a/b "$T/root"
	assert_output --partial 'a/b: it is the name of a service, or the absolute name of a file'
	chmod 666 "$T/service"
	run -78 "$COFFERD" -t -o users= -o pam-service="$T/service" "$T/root"
	assert_output --partial 'others may write to it'
	ldd "$COFFER_BUILD/cofferd" | grep -q libpam ||
	    run -78 "$COFFER_BUILD/cofferd" -t -o users= -o pam-service=login "$T/root"
	[[ ${output:-} != *built* ]] || assert_output --partial 'built without PAM'
}
