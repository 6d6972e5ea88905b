#!/usr/bin/env bats
# 40-pool - a fixed number of workers, kept alive: births, deaths, delays, and what is inherited.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

# bats test_tags=models:all
@test "-n is the size of the pool, and each of its workers accepts" {
	local WORKERS=3 dials=0 max=60 pid
	# One that is serial and has a session accepts no other.
	[[ $MODEL != serial ]] || max=3
	server
	assert_equal "$(workers | wc -l)" 3
	for pid in $(workers); do
		# One is the listener.
		until (($(sockets "$pid") > 1)); do
			((dials++ < max)) || fail "worker $pid has no session, after $max"
			dial
		done
	done
}

# bats test_tags=models:all
@test "a worker killed by SIGKILL, SIGSEGV or SIGABRT is replaced at once, with an obituary" {
	local WORKERS=3 signal pid slot
	export ASAN_OPTIONS=handle_segv=0:handle_abort=0
	expect_deaths
	server
	grow_up
	for signal in KILL SEGV ABRT; do
		pid=$(pgrep -o -P "$PID")	# the oldest; numbers begin anew now and then
		slot=$(slot_of "$pid")
		kill -"$signal" "$pid"
		wait_for pool_is 3 "$pid" || fail_with_log "nobody takes the place of $pid"
		assert_regex "$(obituary "$pid")" "worker $slot \(pid $pid, [1-9][0-9]*\.[0-9] s old\) killed \
by signal $(kill -l "$signal") \([A-Za-z ]+\); next try in 0\.0 s$"
		run -0 ask PING QUIT
		assert_line --index 1 --partial '200 time='
	done
	assert_equal "$(grep -c 's old)' "$LOG")" 3
	# Each slot is filled again, and by one.
	assert_equal "$(for pid in $(workers); do slot_of "$pid"; done | sort | xargs)" '0 1 2'
	stop_server
}

# bats test_tags=models:all
@test "workers that die all at once are all reaped and replaced, time after time, without a zombie" {
	local WORKERS=8 round before pid
	expect_deaths
	server
	for round in 1 2 3; do
		grow_up
		before=$(workers)
		# While the master cannot look, all their deaths become one SIGCHLD.
		kill -STOP "$PID"
		kill -KILL $before
		wait_for all_gone $before
		kill -CONT "$PID"
		wait_for pool_is 8 $before || fail_with_log "the pool is not full again"
		for pid in $before; do
			[[ $(obituary "$pid" | wc -l) == 1 ]] || fail_with_log "not one obituary of $pid"
		done
	done
	assert_equal "$(ps -o stat= --ppid "$PID" | grep -c '^[^Z]')" 8
	assert_equal "$(ps -o stat= --ppid "$PID" | wc -l)" 8
	run -0 ask PING QUIT
}

# in_slot N PID: who has slot N now, and is not PID, becomes $BORN.
in_slot()
{
	local pid
	for pid in $(workers); do
		[[ $pid != "$2" && $(slot_of "$pid") == "$1" ]] || continue
		BORN=$pid
		return 0
	done
	return 1
}

# bats test_tags=models:all
@test "a worker that dies at each birth is born again after delays that double, up to respawn-delay-max" {
	local slot pid age died waited want young=0 at_most=0 grown=0 try
	expect_deaths
	server -o respawn-delay-max=700ms
	BORN=$(workers | head -n 1)
	slot=$(slot_of "$BORN")
	for ((try = 0; try < 15 && at_most < 2; try++)); do
		pid=$BORN
		kill -KILL "$pid"
		died=$(now)
		wait_for obituary "$pid" || fail_with_log "no obituary of $pid"
		age=$(obituary "$pid" | sed 's/.*, \(.*\) s old.*/\1/')
		# One that a slow machine let grow up begins the count anew; what is told as 1.0 may be either.
		if [[ $age == 0.* || ($age == 1.0 && ! $(obituary "$pid") =~ 'in 0.0 s'$) ]]; then
			young=$((young + 1))
		else
			young=0
			grown=$((grown + 1))
		fi
		want=$((young == 0 ? 0 : young > 3 ? 700 : 50 << young))
		assert_regex "$(obituary "$pid")" "killed by signal 9 \(Killed\); next try in 0\.$((want / 100)) s$"
		run -0 ask PING QUIT	# the other one serves
		wait_for in_slot "$slot" "$pid" || fail_with_log "slot $slot stays empty"
		waited=$(($(now) - died))
		((waited >= want - 100)) || fail "born again after $waited ms instead of $want"
		((want < 700)) || at_most=$((at_most + 1))
	done
	((at_most == 2 || grown == 0)) || skip "this machine is too slow to kill workers young"
	assert_equal "$at_most" 2
	# Once it has lived for a while, all is forgiven.
	wait_for pool_is "$WORKERS"
	grow_up
	kill -KILL "$BORN"
	wait_for pool_is "$WORKERS" "$BORN"
	assert_regex "$(obituary "$BORN")" 'next try in 0\.0 s$'
	stop_server
}

# tries N: whether N workers have ended by themselves.
tries()
{
	(($(grep -cE 'worker [0-9]+ \(pid [0-9]+, .* s old\) ended with status [1-9]' "$LOG") >= $1))
}

# bats test_tags=models:all
@test "a pool whose workers cannot begin does not give up, and is full once they can" {
	expect_deaths
	server -o respawn-delay-max=300ms
	mv "$T/root" "$T/elsewhere"
	kill -KILL $(workers)
	wait_for tries 8 || fail_with_log "nobody tries any more"
	alive "$PID"
	grep -q "$T/root: .*No such file or directory" "$LOG" || fail_with_log "nobody says why"
	mv "$T/elsewhere" "$T/root"
	wait_for all_serve || fail_with_log "the pool is not full again"
	run -0 ask 'LIST /' QUIT
	assert_line '200 type=d'
	stop_server
}

@test "a start at which the workers cannot begin ends with their status, and says why" {
	local status=0
	[[ -e $COFFER_BUILD/t/crash.so ]] || skip "t/crash.so is not built (make check builds it)"
	LOG=$T/log.start
	LOGS+=("$LOG")
	CRASH_NO_EPOLL=1 ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD=$COFFER_BUILD/t/crash.so setsid \
	    "$COFFER_BUILD/cofferd" -f "$T/cofferd.conf" -o control=none -l coffer://127.0.0.1:0 -n 2 \
	    -m coroutine "$T/root" </dev/null >"$LOG" 2>&1 3>&- &
	PID=$!
	SERVERS+=("$PID")
	wait_for gone "$PID" || fail_with_log "it goes on"
	wait "$PID" || status=$?
	assert_equal "$status" 71
	grep -q 'worker [01]: .*coroutine: Too many open files' "$LOG" || fail_with_log "nobody says why"
	grep -q 'a worker could not start' "$LOG" || fail_with_log "the master does not say it"
	wait_for no_session "$PID"
}

# bats test_tags=models:all
@test "a worker inherits nothing but what it needs" {
	local pid fd got want
	exec 7</etc/passwd 8<"$T/cofferd.conf"
	server -w -l "unix:$T/socket" -o "pid-file=$T/pid"
	exec 7<&- 8<&-
	want=("/dev/null" "$LOG" "$LOG" 'anon_inode:[eventfd]' 'pipe:' "$T/root" 'socket:' 'socket:' 'socket:')
	# What the model opens for itself: how it learns of connections, of calls that are done, of ends.
	case $MODEL in
	coroutine)	want+=('anon_inode:[eventpoll]' 'anon_inode:[eventfd]') ;;
	fork)		want+=('anon_inode:[signalfd]') ;;
	thread)		want+=('anon_inode:[eventfd]' 'anon_inode:[eventfd]') ;;
	esac
	for pid in $(workers); do
		got=$(find "/proc/$pid/fd" -type l -printf '%l\n' | sed 's/^\(pipe:\|socket:\).*/\1/' | sort)
		assert_equal "$got" "$(printf '%s\n' "${want[@]}" | sort)"
		# The lifeline's other end would keep it alive beyond the master.
		for fd in $(find "/proc/$pid/fd" -lname 'pipe:*'); do
			grep -q '^flags:.*0$' "/proc/$pid/fdinfo/${fd##*/}" || fail "${fd##*/} can be written"
		done
	done
}

# bats test_tags=models:all
@test "processes are called by what they are" {
	local pid titles
	server
	assert_equal "$(title "$PID")" 'cofferd: master'
	titles=$(for pid in $(workers); do title "$pid"; done | sort)
	assert_equal "$titles" "cofferd: worker 0 [$MODEL] 0 sessions
cofferd: worker 1 [$MODEL] 0 sessions"
}
