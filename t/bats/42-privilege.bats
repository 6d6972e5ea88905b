#!/usr/bin/env bats
# 42-privilege - whom the workers become, and roots that this user cannot serve.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

root_only()
{
	[[ $(id -u) == 0 ]] || skip "only root can become somebody else"
}

# ids PID FIELD: its line in /proc/PID/status, with one space between the values.
ids()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | xargs
}

# Makes AS the words before a command that make it an ordinary user's, whoever runs the tests, and
# a copy of the program, for the folder where it was built may be closed to this user.
ordinary_user()
{
	AS=()
	cp "$COFFER_BUILD/cofferd" "$T/cofferd"
	chmod 755 "$T/cofferd"
	[[ $(id -u) == 0 ]] || return 0
	AS=(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups)
	chown nobody "$T/root"
}

# start COMMAND...: a server that is not begun by launch().
start()
{
	LOG=$T/log.${#SERVERS[@]}
	setsid "$@" -f "$T/cofferd.conf" -l coffer://127.0.0.1:0 -n 2 -m "$MODEL" "$T/root" \
	    </dev/null >"$LOG" 2>&1 3>&- &
	PID=$!
	SERVERS+=("$PID")
	LOGS+=("$LOG")
	wait_ready
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG")
}

# --- started as root

# bats test_tags=models:all
@test "workers started by root are another user, without groups, capabilities, or the way back" {
	local user uid gid pid thread
	root_only
	user=$(server_user)
	uid=$(id -u "$user")
	gid=$(id -g "$user")
	server -w
	assert_equal "$(ids "$PID" Uid)" '0 0 0 0'
	noise 300000 "$T/mine"
	coffer put "$T/mine" /mine	# so that helper threads have begun, where there are any
	for pid in $(workers); do
		for thread in "/proc/$pid/task/"*; do
			thread=${thread##*/}
			# Real, effective, saved, and of the file system.
			assert_equal "$(ids "$thread" Uid)" "$uid $uid $uid $uid"
			assert_equal "$(ids "$thread" Gid)" "$gid $gid $gid $gid"
			assert_equal "$(ids "$thread" Groups)" "$(id -G "$user")"
			assert_equal "$(ids "$thread" NoNewPrivs)" 1
			assert_equal "$(ids "$thread" CapPrm)" 0000000000000000
			assert_equal "$(ids "$thread" CapEff)" 0000000000000000
			assert_equal "$(ids "$thread" CapInh)" 0000000000000000
			assert_equal "$(ids "$thread" CapAmb)" 0000000000000000
		done
	done
	assert_equal "$(stat -c %u "$T/root/mine")" "$uid"
}

# bats test_tags=models:all
@test "a worker that was respawned is no more than the first ones" {
	local before uid pid
	root_only
	expect_deaths
	uid=$(id -u "$(server_user)")
	server
	grow_up
	before=$(workers)
	kill -KILL $before
	wait_for pool_is "$WORKERS" $before
	assert_well
	for pid in $(workers); do
		assert_equal "$(ids "$pid" Uid)" "$uid $uid $uid $uid"
		assert_equal "$(ids "$pid" NoNewPrivs)" 1
	done
}

@test "the groups of whoever started the server are not the workers'" {
	local pid
	root_only
	start setpriv --groups 0,4,24,100 "$COFFER_BUILD/cofferd" -o user=nobody
	assert_equal "$(ids "$PID" Groups)" '0 4 24 100'
	for pid in $(workers); do
		assert_equal "$(ids "$pid" Groups)" "$(id -G nobody)"
	done
}

@test "-o user= names another user, and one that does not exist is refused with status 78" {
	local pid uid
	root_only
	uid=$(id -u daemon)
	server -o user=daemon
	for pid in $(workers); do
		assert_equal "$(ids "$pid" Uid)" "$uid $uid $uid $uid"
	done
	refused 78 -l coffer://127.0.0.1:0 -o user=no-such-user-here "$T/root"
	assert_output 'cofferd: user: "no-such-user-here": there is no such user'
}

@test "-o user=root is obeyed, with a warning" {
	root_only
	server -o user=root
	grep -q 'warning: workers stay root' "$LOG"
}

# What a client asks for is opened by the worker, as its user.
@test "a file that the workers' user cannot read is not served, though root could" {
	root_only
	echo secret >"$T/root/secret"
	mkdir "$T/root/folder"
	server
	chown -R root:root "$T/root/secret" "$T/root/folder"
	chmod 600 "$T/root/secret"
	chmod 700 "$T/root/folder"
	run -0 ask 'GET /secret' 'LIST /folder' 'GET /folder/x' QUIT
	assert_line '403 /secret: not allowed'
	assert_line '403 /folder: not allowed'
	assert_line '403 /folder/x: not allowed'
	refute_output --partial secret$'\n'
}

@test "root's start is refused with status 77 and a sentence: a root that the user cannot enter" {
	root_only
	chmod 700 "$T/root"
	chown root:root "$T/root"
	refused 77 -l coffer://127.0.0.1:0 -o user=nobody "$T/root"
	assert_output "cofferd: user nobody cannot enter $T/root (Permission denied); \
let it, or name another user with -o user="
	# The same is found by -t.
	refused 77 -t -o user=nobody "$T/root"
	assert_output --partial "user nobody cannot enter $T/root"
}

@test "the same for a folder above the root that the user cannot enter, which is named" {
	root_only
	mkdir -p "$T/above/the/root"
	chmod 700 "$T/above"
	refused 77 -l coffer://127.0.0.1:0 -o user=nobody "$T/above/the/root"
	assert_output --partial "user nobody cannot enter $T/above (Permission denied)"
}

@test "the same for a root that can be entered, but not listed" {
	root_only
	chmod 711 "$T/root"
	refused 77 -l coffer://127.0.0.1:0 -o user=nobody "$T/root"
	assert_output --partial "user nobody cannot list $T/root (Permission denied)"
}

@test "the same, with -w, for a root that the user cannot write; without -w it is served" {
	root_only
	chmod 755 "$T/root"
	refused 77 -l coffer://127.0.0.1:0 -o user=nobody -w "$T/root"
	assert_output --partial "user nobody cannot write $T/root (Permission denied), which is to be writable"
	assert_equal "$(ls -A "$T/root")" ''	# nothing was tried out
	launch -l coffer://127.0.0.1:0 -n 2 -o user=nobody "$T/root"
	wait_ready
}

@test "the same for somebody else's reserved folder" {
	root_only
	mkdir -m 700 "$T/root/.coffer"
	chown nobody "$T/root"
	refused 77 -l coffer://127.0.0.1:0 -o user=nobody -w "$T/root"
	assert_output --partial "user nobody cannot write $T/root/.coffer (Permission denied)"
}

# --- started by an ordinary user

# bats test_tags=models:all
@test "an ordinary user's server serves as this user, and reads and writes" {
	local pid uid
	ordinary_user
	uid=$("${AS[@]}" id -u)
	start "${AS[@]}" "$T/cofferd" -w
	for pid in "$PID" $(workers); do
		assert_equal "$(ids "$pid" Uid)" "$uid $uid $uid $uid"
	done
	for pid in $(workers); do
		assert_equal "$(ids "$pid" NoNewPrivs)" 1
	done
	noise 100000 "$T/mine"
	coffer put -H "coffer://127.0.0.1:$PORT" "$T/mine" /mine
	cmp "$T/mine" "$T/root/mine"
	assert_equal "$(stat -c %u "$T/root/mine")" "$uid"
	stop_server
}

@test "an ordinary user's start is refused with status 77 where the root cannot be entered, listed or written" {
	ordinary_user
	chmod 000 "$T/root"
	run -77 timeout "$PATIENCE" "${AS[@]}" "$T/cofferd" -f "$T/cofferd.conf" -l coffer://127.0.0.1:0 "$T/root"
	assert_output --regexp "^cofferd: user [^ ]+ cannot enter $T/root \(Permission denied\)\$"
	chmod 300 "$T/root"
	run -77 timeout "$PATIENCE" "${AS[@]}" "$T/cofferd" -f "$T/cofferd.conf" -l coffer://127.0.0.1:0 "$T/root"
	assert_output --regexp "^cofferd: user [^ ]+ cannot list $T/root \(Permission denied\)\$"
	chmod 500 "$T/root"
	run -77 timeout "$PATIENCE" "${AS[@]}" "$T/cofferd" -f "$T/cofferd.conf" -l coffer://127.0.0.1:0 -w "$T/root"
	assert_output --regexp "^cofferd: user [^ ]+ cannot write $T/root \(Permission denied\), which is to be"
}

@test "an ordinary user's pidfile and log that cannot be made are refused with status 77" {
	ordinary_user
	mkdir -m 500 "$T/closed"
	[[ $(id -u) != 0 ]] || chown nobody "$T/closed"
	run -77 timeout "$PATIENCE" "${AS[@]}" "$T/cofferd" -f "$T/cofferd.conf" -l coffer://127.0.0.1:0 -o "pid-file=$T/closed/pid" "$T/root"
	assert_output "cofferd: pid-file: $T/closed/pid: Permission denied"
	run -77 timeout "$PATIENCE" "${AS[@]}" "$T/cofferd" -f "$T/cofferd.conf" -l coffer://127.0.0.1:0 -o "log=$T/closed/log" "$T/root"
	assert_output "cofferd: log: $T/closed/log: Permission denied"
}

# --- folders that ignore the case of names

folding()
{
	[[ -e $COFFER_BUILD/t/crash.so ]] || skip "t/crash.so is not built (make check builds it)"
	! sanitized || skip "a sanitizer's library wants to be the first"
	export FOLDS=yes LD_PRELOAD=$COFFER_BUILD/t/crash.so
	FOLDING=("$COFFER_BUILD/cofferd" -t -f "$T/cofferd.conf")
}

@test "a folder that ignores the case of names is served only where nothing hangs on names" {
	mkdir -p "$T/a-folds/sub" "$T/root/b-folds/c"
	[[ $(id -u) != 0 ]] || chown -R "$(server_user)" "$T/root" "$T/a-folds"
	folding
	run -77 "${FOLDING[@]}" -w "$T/a-folds"
	assert_output --partial "$T/a-folds ignores the case of names: .coffer could be reached in another one; it can be served for"
	run -0 "${FOLDING[@]}" "$T/a-folds"
	mkdir "$T/a-folds/.coffer"
	run -77 "${FOLDING[@]}" "$T/a-folds"
	assert_output --partial "; remove it"
	rmdir "$T/a-folds/.coffer"
	echo 'folder "/sub" { allow = "users: all" }' >"$T/cofferd.conf"
	run -77 "${FOLDING[@]}" "$T/a-folds"
	assert_output --partial "$T/a-folds/ ignores the case of names: whoever writes \"/sub\" otherwise"
	run -0 "${FOLDING[@]}" "$T/root"
	echo 'folder "/b-folds" { allow = "users: all" }' >"$T/cofferd.conf"
	run -0 "${FOLDING[@]}" "$T/root"
	echo 'folder "/b-folds/%u" { allow = "users: all" }' >"$T/cofferd.conf"
	run -77 "${FOLDING[@]}" "$T/root"
	assert_output --partial "$T/root/b-folds ignores the case"
}

@test "where only the reserved folder tells that case is ignored, nothing is written, and the next start refused" {
	folding
	server -w
	run -0 ask $'PUT /f size=1\nx' $'PUT /f size=1 wait\nPING' QUIT
	assert_line --index 1 '403 /f: its file system ignores the case of names: nothing is written there'
	wait_for grep -q 'nothing can be written to a file system that ignores the case of names' "$LOG"
	stop_server
	[[ $(id -u) != 0 ]] || chown -R "$(server_user)" "$T/root"
	run -77 "${FOLDING[@]}" -w "$T/root"
}
