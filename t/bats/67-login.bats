#!/usr/bin/env bats
# 67-login - users, their passwords, and the process that checks them.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

SECRET=zauberwort-7431

# user NAME [PASSWORD]: in the users file.
user()
{
	ctl passwd -f "$T/users" "$1" <<<"${2:-$SECRET}" 2>/dev/null
}

# serve [COFFERD-ARGUMENT]...: with alice and bob, and without delays.
serve()
{
	user alice
	user bob bobs
	server -o users="$T/users" -o login-delay=0 "$@"
	wait_for knows 2
}

# knows N: the authenticator has read the file for the Nth time, or of N users.
knows()
{
	grep -q "authenticator: .*users: $1 users" "$LOG"
}

authenticator()
{
	pgrep -P "$PID" -f ': authenticator'
}

another_authenticator()
{
	local pid
	pid=$(authenticator) && [[ $pid != "$1" ]]
}

# --- the session

# bats test_tags=models:all
@test "LOGIN makes the session a user's: for WHOAMI, who, the log, and until another one" {
	serve -w
	dial
	say WHOAMI "LOGIN alice $SECRET" WHOAMI 'MKDIR /d' 'RMDIR /d' 'LOGIN bob wrong' 'LOGIN nobody x' WHOAMI
	expect '^200 user=anonymous ' '^200 user=alice$' '^200 user=alice ' '^201 ' '^200 ' '^401 ' '^401 ' \
	    '^200 user=alice '
	[[ $(ctl --json who) == *'"user": "alice"'* ]]
	say 'LOGIN bob %62o%62s' WHOAMI QUIT
	expect '^200 user=bob$' '^200 user=bob ' '^200 bye'
	grep -qE ' coffer login as bob refused: wrong user or password$' "$LOG"
	grep -qE ' alice@127\.0\.0\.1 coffer RMDIR /d 200 ' "$LOG"
	grep -qE ' alice@127\.0\.0\.1 coffer login as alice$' "$LOG"
	grep -qE ' bob@127\.0\.0\.1 coffer WHOAMI - 200 ' "$LOG"
}

# bats test_tags=models:all
@test "after some wrong passwords a user is refused from that address, and only there, and only that user" {
	local line
	serve -o login-failures=2 -o login-ban=1h
	for line in 'LOGIN alice a' 'LOGIN alice b' "LOGIN alice $SECRET" 'LOGIN carol a' 'LOGIN carol b' \
	    'LOGIN carol c' 'LOGIN bob bobs'; do
		ask "$line" QUIT | sed -n 2p
	done >"$T/said"
	sed -i -E 's/in 3[56][0-9][0-9] s$/in an hour/' "$T/said"
	diff "$T/said" - <<-'END'
		401 wrong user or password
		401 wrong user or password
		429 too many wrong passwords; try again in an hour
		401 wrong user or password
		401 wrong user or password
		429 too many wrong passwords; try again in an hour
		200 user=bob
	END
	grep -q 'logins from 127.0.0.1 as alice are refused for 3600 s, after 2 wrong passwords' "$LOG"
	run -0 timeout 20 nc -N -s 127.0.0.9 127.0.0.1 "$PORT" <<<"LOGIN alice $SECRET"
	assert_line '200 user=alice'
}

# bats test_tags=models:all
@test "neither password nor hash is in a worker, a title or the log" {
	local pid hash
	! sanitized || skip "a sanitizer's shadow of the memory is too large to be looked through"
	serve
	hash=$(sed -n 's/^alice://p' "$T/users")
	dial
	say "LOGIN alice $SECRET" "LOGIN bob $SECRET" "LOGIN bob $SECRET x" "LOGIN bob %zz$SECRET" \
	    "PING"
	expect '^200 user=alice' '^401 ' '^400 ' '^400 ' '^200 '
	cat "/proc/$(pgrep -P "$PID" -f ': worker 0')/maps" >/dev/null ||
	    skip "the workers' memory cannot be read"
	for pid in $(pgrep -s "$PID"); do
		[[ $pid != "$(authenticator)" ]] || continue
		run -0 perl "$BATS_TEST_DIRNAME/../memory.pl" "$pid" "$SECRET" "${hash:0:40}" "${hash: -40}" \
		    "coffer=1 server"
		assert_output "coffer=1 server"		# this is in all of them: it does look
	done
	run ! grep -rF -e "$SECRET" -e "${hash: -40}" "$LOG"
	run ! grep -aF -e "$SECRET" $(pgrep -s "$PID" | sed 's|.*|/proc/&/cmdline|')
}

no_sessions()
{
	[[ $(ctl --json status | jq .totals.sessions) == 0 ]]
}

# bats test_tags=models:all
@test "nor what was meant to be a LOGIN: cut off, mistyped, too long, in pieces, behind the end" {
	local pid long
	! sanitized || skip "a sanitizer's shadow of the memory is too large to be looked through"
	serve
	long=$(head -c 5000 /dev/zero | tr '\0' x)
	dial
	say "LOGNI alice $SECRET" "LOGIN alice $SECRET"$'\x01' "LOGIN alice $long$SECRET$long $SECRET$long$SECRET"
	expect '^400 LOGNI: ' '^400 ' '^400 '
	printf 'PING\nLOGIN alice %s' "$SECRET" >&"$C"
	expect '^200 time='
	say '' "QUIT" "LOGIN alice $SECRET"
	expect '^200 user=alice$' '^200 bye$'
	hang_up
	dial
	printf 'LOGIN alice %s' "$SECRET" >&"$C"
	hang_up
	wait_for no_sessions
	cat "/proc/$(pgrep -P "$PID" -f ': worker 0')/maps" >/dev/null ||
	    skip "the workers' memory cannot be read"
	for pid in $(workers); do
		[[ $pid != "$(authenticator)" ]] || continue
		run -0 perl "$BATS_TEST_DIRNAME/../memory.pl" "$pid" "$SECRET" "coffer=1 server"
		assert_output "coffer=1 server"
	done
}

# bats test_tags=models:all
@test "logins wait while the authenticator is replaced, and end clearly where it does not answer" {
	local pid
	expect_deaths
	serve -o login-timeout=500ms
	pid=$(authenticator)
	dial
	kill -STOP "$pid"
	say "LOGIN alice $SECRET" PING
	expect '^503 logins cannot be checked now' '^200 time='
	kill -KILL "$pid"
	wait_for another_authenticator "$pid"
	wait_for grep -q "authenticator (pid $pid, .*killed by signal 9" "$LOG"
	wait_for eval '[[ $(grep -c "users: 2 users" "$LOG") == 2 ]]'
	wait_for eval '[[ $(ask "LOGIN alice $SECRET" QUIT) == *"200 user=alice"* ]]'
}

# --- the process

@test "the authenticator is alone with its hashes: unprivileged, sealed off, not to be looked into" {
	local pid
	serve
	pid=$(authenticator)
	[[ $(stat -c %U "/proc/$pid/environ") == root ]]	# not dumpable
	[[ $(id -u) != 0 ]] || [[ $(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$pid/status") != 0 ]]
	if grep -q 'sandbox: .*landlock.*, seccomp$' "$LOG" && ! grep -q 'no seccomp' "$LOG"; then
		[[ $(sed -n 's/^Seccomp:\t//p' "/proc/$pid/status") == 2 ]]
	fi
	stop_server
}

@test "it stays over a reload, is another one after an upgrade, and goes when the master is killed" {
	local pid
	serve
	pid=$(authenticator)
	run -0 ctl reload
	[[ $(authenticator) == "$pid" ]]
	[[ $(ask "LOGIN alice $SECRET" QUIT) == *'200 user=alice'* ]]
	run -0 ctl upgrade
	[[ $(ask "LOGIN alice $SECRET" QUIT) == *'200 user=alice'* ]]
	wait_for gone "$pid"
	PID=$(ctl --json status | jq .pid)
	SERVERS+=("$PID")
	pid=$(authenticator)
	kill -KILL "$PID"
	wait_for gone "$pid"
}

@test "the users file is read again when it has changed, and a wrong one changes nothing" {
	serve
	user carol carols
	wait_for knows 3
	[[ $(ask "LOGIN carol carols" QUIT) == *'200 user=carol'* ]]
	ctl passwd -D -f "$T/users" alice
	wait_for eval '[[ $(grep -c "users: 2 users" "$LOG") == 2 ]]'
	[[ $(ask "LOGIN alice $SECRET" QUIT) == *'401 '* ]]
	printf 'dave\n' >>"$T/users"
	wait_for grep -q 'users: the users stay as they were' "$LOG"
	grep -q "$T/users:3: a line is NAME:HASH" "$LOG"
	run -1 ctl reload
	assert_output --partial "$T/users:3: a line is NAME:HASH"
	[[ $(ask "LOGIN carol carols" QUIT) == *'200 user=carol'* ]]
	sed -i '$d' "$T/users"
	chmod 644 "$T/users"
	wait_for grep -q 'others have rights on it' "$LOG"
	run -1 ctl reload
	assert_output --partial 'others have rights on it'
}

@test "cofferd tells what is wrong with the users file, with its lines, and does not start" {
	printf 'alice\n\nbob:word\nbob:*\nbob:!\n' >"$T/users"
	chmod 600 "$T/users"
	run -78 "$COFFER_BUILD/cofferd" -t -o users="$T/users" "$T/root"
	assert_output - <<-END
		$T/users:1: a line is NAME:HASH
		$T/users:3: this is no hash that crypt(3) knows; cofferctl passwd makes one
		$T/users:5: bob stands on line 4 already
	END
	chmod 604 "$T/users"
	run -78 "$COFFER_BUILD/cofferd" -t -o users="$T/users" "$T/root"
	assert_output "users: $T/users: others have rights on it: chmod 600 takes them away"
	run -78 "$COFFER_BUILD/cofferd" -t -o users="$T/none" "$T/root"
	assert_output "users: $T/none: No such file or directory"
}

# --- coffer

@test "coffer logs in with a password from the environment, a file, or the terminal, and tells it nobody" {
	local alice bob
	export XDG_CONFIG_HOME=$T/config
	mkdir -p "$T/config/coffer"
	serve
	alice=coffer://alice@127.0.0.1:$PORT bob=coffer://bob@127.0.0.1:$PORT
	echo hello >"$T/root/f"
	COFFER_PASSWORD=$SECRET run -0 coffer -v stat "$alice/f"
	assert_line --partial '> LOGIN alice'
	assert_line '< 200 user=alice'
	refute_output --partial "$SECRET"
	COFFER_PASSWORD=wrong run -5 coffer stat "$alice/f"
	assert_output "coffer: 127.0.0.1:$PORT: alice cannot log in: the server says: wrong user or password"
	run -5 setsid -w "$COFFER_BUILD/coffer" stat "$alice/f"
	assert_output --partial 'there is no password for this user, and no terminal to ask at'
	printf '# mine\nalice@127.0.0.1:1 no\nalice@127.0.0.1:%s %s\nbob@127.0.0.1:%s bobs\n' "$PORT" "$SECRET" \
	    "$PORT" >"$T/config/coffer/passwords"
	run -5 coffer stat "$alice/f"
	assert_output --partial 'others have rights on it'
	chmod 600 "$T/config/coffer/passwords"
	# A connection for each, and so a login.
	run -0 coffer -v stat "$alice/f" "$bob/f" "$alice/f"
	assert_equal "$(grep -c '< 200 user=alice' <<<"$output") $(grep -c '< 200 user=bob' <<<"$output")" '2 1'
	rm "$T/config/coffer/passwords"
	command -v script >/dev/null || skip "needs script(1) for a terminal"
	: >"$T/typescript"
	run -0 timeout 20 script -fqec "$COFFER_BUILD/coffer stat $alice/f coffer://127.0.0.1:$PORT/f $alice/f" \
	    "$T/typescript" < <(
		exec 3>&-
		wait_for grep -q 'password for alice' "$T/typescript"
		printf '%s\n' "$SECRET")
	assert_equal "$(grep -o 'password for' <<<"$output" | wc -l)" 1
	refute_output --partial "$SECRET"
}

# --- cofferctl passwd

@test "passwd makes, changes and deletes users, and leaves all else as it is" {
	user alice
	[[ $(stat -c %a "$T/users") == 600 ]]
	printf '# a comment\nbob:*:since May\n' >>"$T/users"
	chmod 640 "$T/users"
	user bob
	user "$(printf 'j\303\266rg')"
	[[ $(stat -c %a "$T/users") == 640 ]]
	run -0 sed -E 's/\$y\$[^:]*/HASH/' "$T/users"
	assert_output - <<-END
		alice:HASH
		# a comment
		bob:HASH:since May
		$(printf 'j\303\266rg'):HASH
	END
	run -0 ctl passwd -D -f "$T/users" bob
	run -4 ctl passwd -D -f "$T/users" bob
	run -0 grep -c . "$T/users"
	assert_output 3
	[[ $(ls -A "$T" | grep -c users) == 1 ]]
}

@test "passwd refuses names, passwords and files that cannot be, and changes nothing" {
	local name
	user alice
	cp "$T/users" "$T/before"
	for name in '' 'a b' a:b a/b . .. anonymous 1234567890123456789012345678901234567890; do
		run -3 ctl passwd -f "$T/users" "$name" <<<x
	done
	run -1 ctl passwd -f "$T/users" bob </dev/null
	run -1 ctl passwd -f "$T/users" bob < <(head -c 600 /dev/zero | tr '\0' x)
	run -1 ctl passwd -f "$T/users" bob < <(printf 'a\0b\n')
	cmp "$T/users" "$T/before"
	echo nonsense >>"$T/users"
	run -1 ctl passwd -f "$T/users" alice <<<x
	assert_line --partial "$T/users:2: a line is NAME:HASH"
	run -3 ctl -D status
}

@test "several who edit the users file at a time lose nothing" {
	local i pids=()
	for i in {1..8}; do
		user "user$i" & pids+=("$!")
	done 3>&-
	wait "${pids[@]}"
	run -0 grep -cE '^user[1-8]:\$y\$' "$T/users"
	assert_output 8
}

@test "status shows logins and what is banned, and forgive lifts it" {
	local i
	serve -o login-failures=2 -o login-ban=1h
	for i in 1 2 3; do ask 'LOGIN alice wrong' 'LOGIN bob bobs' >/dev/null; done
	ctl --json status >"$T/status"
	[[ $(jq -c '.authenticator | [.users, .right, .wrong, .banned, .busy, .restarts]' "$T/status") == \
	    '[2,3,2,1,0,0]' ]]
	[[ $(jq .authenticator.pid "$T/status") == "$(authenticator)" ]]
	[[ $(jq -c '.login_failures | map([.peer, .user, .failures, .refused_for > 3500]) | sort' "$T/status") == \
	    '[[null,"alice",2,false],["127.0.0.1",null,2,false],["127.0.0.1","alice",2,true]]' ]]
	run -0 ctl status
	assert_line --regexp '^logins +2 users; 3 right, 2 wrong, 1 banned'
	assert_line --regexp '^127\.0\.0\.1 +alice +2 .* 59m '
	run -4 ctl forgive carol
	run -0 ctl forgive alice
	assert_output '2 counts of wrong passwords are forgiven'
	wait_for eval '[[ $(ask "LOGIN alice $SECRET") == *"200 user=alice"* ]]'
	run -0 ctl forgive 127.0.0.1
	assert_output '1 count of wrong passwords is forgiven'
	wait_for eval '[[ $(ctl --json status | jq ".login_failures | length") == 0 ]]'
	run -4 ctl forgive all
}

@test "an address that fails for many users is refused, but for those who have logged in from there" {
	local i
	serve -o login-failures=1 -o login-ban=1h
	[[ $(ask "LOGIN alice $SECRET") == *'200 user=alice'* ]]
	for i in 1 2 3 4; do
		[[ $(ask "LOGIN user$i x") == *'401 '* ]]
	done
	[[ $(ask "LOGIN user5 x") == *'429 '* ]]
	[[ $(ask "LOGIN bob bobs") == *'429 '* ]]
	[[ $(ask "LOGIN alice $SECRET") == *'200 user=alice'* ]]
	[[ $(ask "LOGIN alice x") == *'401 '* ]]
	[[ $(ask "LOGIN alice $SECRET") == *'429 '* ]]
	run -0 ctl reload
	[[ $(ask "LOGIN bob bobs") == *'429 '* ]]
	grep -q 'logins from 127.0.0.1 are refused for 3600 s, after 4 wrong passwords' "$LOG"
}

# bats test_tags=models:all
@test "a name that nobody can have counts like any other that nobody has" {
	local long line
	printf -v long 'x%.0s' {1..40}
	serve -o login-failures=2 -o login-ban=1h
	for line in "LOGIN $long a" "LOGIN $long b" "LOGIN $long c" "LOGIN ${long}y a" 'LOGIN a%00b a' 'LOGIN a%00b a' \
	    'LOGIN bob bobs'; do
		ask "$line" QUIT | sed -n 2p
	done >"$T/said"
	run -0 cut -c 1-3 "$T/said"
	assert_output $'401\n401\n429\n401\n401\n401\n200'
}

@test "who guesses at many addresses is banned at each of them, and keeps nobody from working" {
	local addresses=10 guesses=300
	[[ -z ${LONG:-} ]] || addresses=50 guesses=10000
	serve -o login-failures=3 -o login-timeout=1m -o login-delay=$([[ -z ${LONG:-} ]] && echo 0 || echo 200ms)
	timeout 240 "$COFFER_BUILD/t/guess" "$PORT" alice "$SECRET" "$addresses" "$guesses" \
	    $([[ -z ${LONG:-} ]] && echo 3 || echo 300) >"$T/said"
	cat "$T/said"
	# Of each address those that led to the ban were looked at, and no more.
	[[ $(awk '$1 == 401 { print $2 }' "$T/said") == $((3 * addresses)) ]]
	[[ $(awk '$1 == 429 { print $2 }' "$T/said") == $((guesses - 3 * addresses)) ]]
	[[ $(grep -c 'as alice are refused for 600 s, after 3 wrong passwords' "$LOG") == "$addresses" ]]
	[[ -z ${LONG:-} ]] || awk '{ p[$1] = $3 } END { exit p["attacked"] > 2 * p["alone"] }' "$T/said"
}
