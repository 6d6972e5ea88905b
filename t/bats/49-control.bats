#!/usr/bin/env bats
# 49-control - cofferctl, the control socket, and everybody who misuses it.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

# The server's control socket.
socket()
{
	echo "$T/run/control.$PID"
}

# json FILTER COMMAND...: what jq(1) makes of the answer.
json()
{
	ctl --json "${@:2}" | jq -r "$1"
}

# control LINE: one request by hand, and the reply.
control()
{
	printf '%s\n' "$1" | timeout -k 5 "$PATIENCE" nc -U "$(socket)"
}

# --- what it shows

@test "status: the server, its listeners, its workers" {
	server -w -l "unix:$T/socket"
	run -0 ctl status
	assert_line --regexp "^cofferd [0-9.]+, pid $PID: serving, for [0-9.]+s; generation 1,"
	assert_line --partial "$T/root (clients may write)"
	assert_line --partial "coffer://127.0.0.1:$PORT"
	# As the log has it.
	assert_line --regexp "^sandbox +$(sed -n 's/.*sandbox: //p' "$LOG")\$"
	assert_line --partial "unix:$T/socket"
	assert_line --regexp '^WORKER GEN STATE +PID '
	assert_equal "$(json '.workers | map(.pid) | sort | @text' status)" \
	    "$(workers | sort -n | jq -cs .)"
	assert_equal "$(json '.workers | map(.state) | unique | join(" ")' status)" serving
	assert_equal "$(json '.state, .shares[0].root, .shares[0].writable, .generation' status | paste -sd ' ')" \
	    "serving $T/root true 1"
}

# bats test_tags=models:all
@test "status and who count sessions, requests and bytes" {
	server
	head -c 10000 /dev/zero >"$T/root/file"
	dial
	say 'GET /file'
	expect '^200 size=10000 '
	timeout "$PATIENCE" head -c 10000 <&"$C" >/dev/null
	wait_for shows '.totals.sessions' 1 status
	wait_for shows '.[0] | "\(.state) \(.verb) \(.path) \(.protocol)"' 'idle GET /file coffer' who
	json '.[0].peer' who | grep -qE '^127\.0\.0\.1:[0-9]+$'
	(($(json '.totals.sent' status) >= 10000))
	run -0 ctl who
	assert_line --regexp '^SESSION PEER '
	assert_line --regexp ' GET +/file$'
	hang_up
	wait_for shows '.totals.sessions' 0 status
	wait_for shows '.totals.requests' 1 status
}

shows()
{
	[[ $(json "$1" "${@:3}") == "$2" ]]
}

hang_up()
{
	exec {C}<&-
}

@test "status tells of restarts and deaths" {
	expect_deaths
	server
	grow_up
	kill -KILL "$(workers | head -n 1)"
	wait_for shows '.workers | map(.restarts) | add' 1 status
	assert_equal "$(json '.workers[] | select(.restarts > 0) | .last_death.signal' status)" 9
	assert_equal "$(json '.totals.deaths' status)" 1
	ctl status | grep -qE 'signal 9, [0-9.]+s ago'
}

# bats test_tags=models:all
@test "staged tells of what was interrupted or is under way, and staged rm removes it, but not that" {
	local name id
	server -w
	for name in one 't%20w%0Ao'; do
		dial
		say "PUT /$name size=400000 resume"
		expect '^100 from=0$'
		head -c 300000 /dev/zero >&"$C"
		exec {C}>&-
	done
	wait_for shows 'map(select(.busy | not)) | length' 2 staged
	assert_equal "$(json 'map("\(.path) \(.size) \(.declared) \(.user)") | sort | join(";")' staged)" \
	    '/one 300000 400000 null;/t w\012o 300000 400000 null'
	run -0 ctl staged
	assert_line --regexp '^ID +USER +SIZE +OF +AGE +STATE +PATH$'
	assert_line --regexp '^[0-9a-f]{32} +- +293K +391K +[0-9.]+s +left +/one$'
	run -0 ctl staged rm --older-than 1h
	assert_output '0 removed, 0 left alone, for somebody is at them'
	id=$(json '.[] | select(.path == "/one") | .id' staged)
	run -0 ctl staged rm "$id"
	run -4 ctl staged rm "$id"
	assert_output "cofferctl: $id: no such staged upload"
	run -4 ctl staged rm ../one
	dial
	say 'PUT /three size=400000 resume'
	expect '^100 from=0$'
	head -c 300000 /dev/zero >&"$C"
	wait_for shows 'map(select(.busy)) | map(.size) | join(" ")' 300000 staged
	id=$(json '.[] | select(.busy) | .id' staged)
	run -1 ctl staged rm "$id"
	run -0 ctl staged rm --all
	assert_output '1 removed, 1 left alone, for somebody is at them'
	head -c 100000 /dev/zero >&"$C"
	expect '^201 size=400000 '
	run -0 ctl staged
	assert_output 'nothing is staged'
	run -3 ctl staged rm
	run -3 ctl staged rm --all x
	run -3 ctl status --all
}

# busy_put USER PATH: an upload of his that has come to 300000 bytes, and stops there.
busy_put()
{
	dial
	say "LOGIN $1 $1-secret" "PUT $2 size=400000 resume"
	expect '^200 ' '^100 from=0$'
	head -c 300000 /dev/zero >&"$C"
}

@test "staged tells of several shares and users, after their workers were killed too, and removes by id and age" {
	local name id other WORKERS=1
	expect_deaths
	mkdir "$T/one" "$T/two"
	chmod 777 "$T/one" "$T/two"
	for name in anna bert; do
		ctl passwd -f "$T/users" "$name" <<<"$name-secret" 2>/dev/null
	done
	cat >>"$T/cofferd.conf" <<-END
		login-delay = 0
		users = "$T/users"
		respawn-delay-max = 100ms
		quarantine = 0
		share "/one" { root = "$T/one" allow = "everybody: all" }
		share "/two" { root = "$T/two" allow = "everybody: all" }
	END
	launch -l coffer://127.0.0.1:0 -n 1 -m "$MODEL"
	wait_ready
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG")
	busy_put anna /one/x
	busy_put anna /two/x
	busy_put bert /two/x
	busy_put bert /two/y
	wait_for shows 'map(select(.busy and .size == 300000)) | length' 4 staged
	run -1 ctl staged rm "$(json '.[0].id' staged)"
	kill -KILL "$(json '.workers[0].pid' status)"
	wait_for shows 'map(select(.busy | not)) | length' 4 staged
	assert_equal "$(json 'map("\(.path) \(.size) \(.declared) \(.user)") | sort | join(";")' staged)" \
	    '/one/x 300000 400000 anna;/two/x 300000 400000 anna;/two/x 300000 400000 bert;/two/y 300000 400000 bert'
	# The same upload to two shares: one id, of which both are meant.
	id=$(json '.[] | select(.path == "/one/x") | .id' staged)
	assert_equal "$(json '.[] | select(.path == "/two/x" and .user == "anna") | .id' staged)" "$id"
	run -0 ctl staged rm "$id"
	assert_output '2 removed'
	assert_equal "$(json 'map(.user) | unique | join(" ")' staged)" bert
	other=$(json '.[] | select(.path == "/two/y") | .id' staged)
	touch -d '2 hours ago' "$T/two/.coffer/$other"
	run -0 ctl staged rm --older-than 1h
	assert_output '1 removed, 0 left alone, for somebody is at them'
	# Nobody but bert goes on with what is left.
	wait_for shows '.workers[0].state' serving status
	dial
	say 'LOGIN anna anna-secret' 'PUT /two/x size=400000 resume'
	expect '^200 ' '^100 from=0$'
	exec {C}>&-
	dial
	say 'LOGIN bert bert-secret' 'PUT /two/x size=400000 resume'
	expect '^200 ' '^100 from=300000$'
	head -c 100000 /dev/zero >&"$C"
	expect '^201 size=400000 '
	wait_for shows 'length' 0 staged
}

@test "kick cuts one session and no other; of nobody it is exit code 4" {
	local one other id
	server
	dial; one=$C
	say 'STAT /'
	expect '^200 '
	id=$(json '.[0].session' who)
	dial; other=$C
	say 'STAT /'
	expect '^200 '
	run -0 ctl kick "$id"
	assert_output "session $id is kicked"
	C=$one ended
	C=$other say 'STAT /'
	C=$other expect '^200 '
	wait_for shows 'length' 1 who
	run -4 ctl kick "$id"
	assert_output "cofferctl: there is no session $id"
	run -4 ctl kick zzzzz
	run -3 ctl kick 'no/number'
	run -3 ctl kick
}

# deaths N: so many workers have died of a request.
deaths()
{
	(($(grep -c ' died of ' "$LOG") >= $1))
}

@test "who asks by HTTP for what is in quarantine is told how long that lasts" {
	local web n
	[[ -e $COFFER_BUILD/t/crash.so ]] || skip "t/crash.so is not built (make check builds it)"
	expect_deaths
	export ASAN_OPTIONS=verify_asan_link_order=0:handle_segv=0:handle_abort=0
	LD_PRELOAD=$COFFER_BUILD/t/crash.so server -l http://127.0.0.1:0 -o respawn-delay-max=100ms
	web=$(sed -nE 's|.*listening on http://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG")
	for n in 1 2 3; do
		curl -s -m "$PATIENCE" "http://127.0.0.1:$web/crash-segv" || true
		wait_for deaths "$n"
	done
	run -0 curl -s -m "$PATIENCE" -D - "http://127.0.0.1:$web/crash-segv"
	assert_line --regexp '^HTTP/1.1 503 '
	assert_line --regexp '^Retry-After: (600|5[0-9][0-9])'
}

# --- what it does

@test "reload waits for the verdict: what serves now, what needs a restart, or every fault and exit 1" {
	server -o "pid-file=$T/pid"
	echo 'grace-timeout = 7s' >"$T/cofferd.conf"
	run -0 ctl reload
	assert_output "generation 2 serves, $WORKERS workers, $MODEL"
	printf 'control = none\nlog = syslog\n' >"$T/cofferd.conf"
	run -0 ctl reload
	assert_line 'log is still "stderr": another value needs a restart'
	assert_line 'control is still "auto": another value needs a restart'
	assert_line "generation 3 serves, $WORKERS workers, $MODEL"
	printf 'workers = x\nwrokers = 2\n' >"$T/cofferd.conf"
	run -1 ctl reload
	assert_line "cofferctl: $T/cofferd.conf:1: workers: \"x\" is not a number"
	assert_line --partial "$T/cofferd.conf:2: unknown key"
	assert_line 'cofferctl: generation 3 serves on, with the configuration it had'
	rm "$T/cofferd.conf"
	run -1 ctl reload
	assert_line "cofferctl: $T/cofferd.conf: No such file or directory"
	refute_output --partial 'no folder to serve'
	assert_equal "$(json .generation status)" 3
}

@test "reloads at the same time all get their verdict" {
	local i
	server
	for i in {1..10}; do
		ctl reload >"$T/reload.$i" 3>&- &
	done
	wait $(jobs -p | grep -vxF "$PID")
	for i in {1..10}; do
		grep -qE '^generation [0-9]+ serves, ' "$T/reload.$i" || fail "one was told: $(cat "$T/reload.$i")"
	done
}

@test "stop and drain end the server, and return when it has ended" {
	server
	run -0 ctl stop
	assert_output stopped
	wait "$PID"
	assert_not_exist "$(socket)"
	server
	dial
	say 'STAT /'
	expect '^200 '
	run -0 ctl drain
	assert_output drained
	expect '^503 shutting down$'
	wait "$PID"
	wait_for no_session "$PID"
}

# --- finding the server

@test "no server, several servers, a name, a folder" {
	local first
	run -1 ctl status
	assert_output --partial "no server of yours runs here"
	server
	first=$(socket)
	ctl status >/dev/null
	server
	run -3 ctl status
	assert_line --partial "$first"
	assert_line --partial "$(socket)"
	assert_equal "$(json .pid -s "$(socket)" status)" "$PID"
	mkdir "$T/other"
	server -o "control=$T/other/control.mine"
	assert_equal "$(json .pid -s "$T/other" status)" "$PID"
	run -1 ctl -s "$T/nothing" status
}

@test "a command line that is wrong is exit code 3" {
	server
	run -3 ctl
	run -3 ctl sattus
	run -3 ctl status more
	run -3 ctl --nothing status
	run -3 ctl -d 0 top
	run -3 ctl top
	assert_output --partial 'needs a terminal'
}

@test "top shows both tables on a terminal, and ends by q" {
	command -v script >/dev/null || skip "needs script(1)"
	server
	dial
	say 'STAT /'
	expect '^200 '
	: >"$T/screen"
	{ wait_for grep -q 'SESSION PEER' "$T/screen" || true; printf q; } |
	    timeout "$((2 * PATIENCE))" script -qec "$COFFER_BUILD/cofferctl -d 60 top" /dev/null >"$T/screen" ||
	    fail "status $?"
	grep -q 'WORKER GEN STATE' "$T/screen"
	grep -q 'SESSION PEER' "$T/screen"
}

@test "the socket is for its owner alone, and control = none makes none" {
	server
	assert_equal "$(stat -c %a "$(socket)")" 600
	assert_equal "$(stat -c %a "$T/run")" 700
	stop_server
	server -o control=none
	assert_equal "$(ls "$T/run")" ''
}

@test "another user is denied, even with a way to the socket" {
	[[ $(id -u) == 0 ]] || skip "only root can become somebody else"
	server
	run -2 setpriv --reuid 65534 --regid 65534 --clear-groups \
	    "$COFFER_BUILD/cofferctl" -s "$(socket)" status
	chmod 755 "$T/run"
	chmod 666 "$(socket)"
	run -2 setpriv --reuid 65534 --regid 65534 --clear-groups \
	    "$COFFER_BUILD/cofferctl" -s "$(socket)" status
	assert_output --partial 'only root and the user of the server may ask it'
	ctl status >/dev/null
}

# --- the socket's place

@test "a stale control socket is replaced, and a stale one in the usual folder is swept" {
	expect_deaths
	local stale
	server -o "control=$T/control"
	kill -KILL "$PID"
	wait_for no_session "$PID"
	assert [ -S "$T/control" ]
	server -o "control=$T/control"
	assert_equal "$(json .pid -s "$T/control" status)" "$PID"
	server
	stale=$(socket)
	kill -KILL "$PID"
	wait_for no_session "$PID"
	server
	assert_not_exist "$stale"
}

@test "a control socket that is live, another user's, or no socket is an error with status 69" {
	server -o "control=$T/control"
	refused 69 -l coffer://127.0.0.1:0 -o "control=$T/control" "$T/root"
	assert_output --partial "control: $T/control: another server listens there"
	ctl -s "$T/control" status >/dev/null
	echo precious >"$T/file"
	refused 69 -l coffer://127.0.0.1:0 -o "control=$T/file" "$T/root"
	assert_output --partial "control: $T/file: there is a file that is no socket"
	assert_equal "$(cat "$T/file")" precious
	if [[ $(id -u) == 0 ]]; then
		timeout "$PATIENCE" nc -lU "$T/foreign" 3>&- &
		wait_for test -S "$T/foreign"
		kill $!
		wait $! || true
		chown 65534 "$T/foreign"
		refused 69 -l coffer://127.0.0.1:0 -o "control=$T/foreign" "$T/root"
		assert_output --partial "control: $T/foreign: the socket that is there is another user's"
		assert [ -S "$T/foreign" ]
	fi
}

@test "a runtime folder that others may write to is not used, and the server does without" {
	mkdir -m 777 "$T/run"
	server
	assert_equal "$(ls "$T/run")" ''
	grep -q "no control socket: $T/run: " "$LOG"
}

# --- misuse

@test "garbage, long lines, unknown commands and silence are answered or dropped" {
	local reply
	server
	reply=$(control 'sing a song')
	assert_equal "$(jq -r .status <<<"$reply")" usage
	reply=$(head -c 4096 /dev/urandom | timeout -k 5 "$PATIENCE" nc -U "$(socket)")
	[[ -z $reply || $(jq -r .status <<<"$reply") == usage ]]	# the end of the rest may be lost on it
	reply=$(head -c 5000 /dev/zero | tr '\0' a | timeout -k 5 "$PATIENCE" nc -U "$(socket)")
	[[ -z $reply || $(jq -r .status <<<"$reply") == usage ]]	# the end of the rest may be lost on it
	reply=$(printf 'status\0\n' | timeout -k 5 "$PATIENCE" nc -U "$(socket)")
	assert_regex "$reply" '"status":"usage"'
	timeout -k 5 "$PATIENCE" nc -U "$(socket)" < <(exec sleep 15) >"$T/silent" || fail "a silent client was kept"
	assert_equal "$(cat "$T/silent")" ''
	ctl status >/dev/null
}

@test "a hundred administrators at once, and two hundred who say nothing, are borne" {
	local i
	server
	for i in {1..200}; do
		timeout 15 nc -U "$(socket)" < <(exec sleep 15) >/dev/null 2>&1 3>&- &
	done
	for i in {1..100}; do
		ctl status --json >"$T/status.$i" 3>&- &
	done
	assert_regex "$(ask 'STAT /' QUIT)" '200 type=d '
	PATIENCE=30 wait_for all_told || fail "only $(grep -l '"version"' "$T"/status.* | wc -l) were answered"
	assert_equal "$(json .pid status)" "$PID"
}

all_told()
{
	[[ $(grep -l '"version"' "$T"/status.* | wc -l) == 100 ]]
}

@test "a client that does not take its reply is dropped, and the master serves others meanwhile" {
	local i
	server
	# Sessions enough that the reply is larger than the socket's buffer.
	"$COFFER_BUILD/t/flood" "$PORT" 1500 >"$T/flood" < <(exec sleep 30) 3>&- &
	wait_for shows 'length' 1500 who
	exec {fd}<> <(:)
	timeout 20 bash -c 'exec nc -U "$1"' - "$(socket)" < <(echo who; exec sleep 20) > >(exec sleep 20) 3>&- &
	ctl status >/dev/null
	kill -HUP "$PID"
	wait_for grep -q '^reloaded: ' "$LOG"
	run -0 ctl status
}

@test "when the master is killed, cofferctl says so" {
	expect_deaths
	server
	kill -KILL "$PID"
	wait_for no_session "$PID"
	run -1 ctl -s "$(socket)" status
	assert_output --partial 'the server that made it has gone'
}

@test "all workers killed in one instant, again and again: the pool comes back, and status tells" {
	local i
	expect_deaths
	WORKERS=4 server -o respawn-delay-max=100ms
	for i in 1 2 3 4 5; do
		kill -KILL $(workers) 2>/dev/null || true
		wait_for shows '.workers | map(select(.state == "serving")) | length' 4 status
	done
	assert_regex "$(ask 'STAT /' QUIT)" '200 type=d '
	wait_for shows '.totals.deaths >= 5' true status
}

nothing_staged()
{
	[[ -z $(staged) ]]
}

# bats test_tags=models:all
@test "what a session holds is somebody's while its process lives, and then nobody's" {
	local n pid all
	expect_deaths
	server -w -o quota=10M
	dial
	for n in 1 2 3; do
		printf 'PUT /%d size=1000 hold\n' "$n" >&"$C"
		head -c 1000 /dev/zero >&"$C"
		expect '^200 held'
	done
	wait_for shows 'map(select(.busy)) | length' 3 staged
	run -0 ctl staged rm --all
	assert_output '0 removed, 3 left alone, for somebody is at them'
	for pid in $(workers); do kill_tree "$pid"; done
	wait_for nothing_staged		# the new workers look for it
	# So it is where the whole server has died, however long the rest is kept.
	dial
	printf 'PUT /4 size=1000 hold\n' >&"$C"
	head -c 1000 /dev/zero >&"$C"
	expect '^200 held'
	all=$(workers)
	kill -KILL "$PID"		# first, lest it start new ones
	for pid in $all; do kill_tree "$pid"; done
	assert_not_equal "$(staged)" ''
	server -w
	wait_for nothing_staged
}
