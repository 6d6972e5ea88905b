#!/usr/bin/env bats
# bats file_tags=models:all
# 46-stall - workers that do not move any more are replaced; those that do are left alone.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

stall_server()
{
	[[ -e $COFFER_BUILD/t/crash.so ]] || skip "t/crash.so is not built (make check builds it)"
	expect_deaths
	export ASAN_OPTIONS=verify_asan_link_order=0:handle_segv=0:handle_abort=0
	LD_PRELOAD=$COFFER_BUILD/t/crash.so server -o stall-timeout=1s -o respawn-delay-max=100ms "$@"
}

@test "a worker that is stopped is killed and replaced, and the log says that it was stopped" {
	local pid
	expect_deaths
	server -o stall-timeout=1s
	pid=$(workers | head -n 1)
	kill -STOP "$pid"
	wait_for pool_is "$WORKERS" "$pid" || fail_with_log "it is still there"
	grep -qE "worker [0-9]+ \(pid $pid\) has not moved for [1-9][0-9]*\.[0-9] s \(stopped\)" "$LOG" ||
	    fail_with_log "the log does not say so"
	grep -q "(pid $pid) does not say where it is" "$LOG"
	obituary "$pid" | grep -q 'killed by signal 9'
	run -0 ask PING QUIT
	assert_line --index 1 --partial '200 time='
}

@test "a worker that loops for ever is killed and replaced, and the log says where it was" {
	# What loops is a session; where that is a thread or a process of its own, the worker goes on.
	[[ $MODEL != thread && $MODEL != fork ]] || skip "under $MODEL the worker itself goes on"
	stall_server
	dial
	say 'GET /crash-loop'
	wait_for grep -qE 'has not moved for .* \(running\)' "$LOG" || fail_with_log "nobody sees it"
	wait_for grep -qE 'stands in .*store_get\+0x.* < session_run\+0x' "$LOG" || fail_with_log "nobody says where it is"
	wait_for grep -q 'died of [0-9a-z]* 127.0.0.1 coffer GET /crash-loop,' "$LOG" ||
	    fail_with_log "the request is not named"
	wait_for pool_is "$WORKERS"
	run -0 ask PING QUIT
	assert_line --index 1 --partial '200 time='
}

@test "a request that stalls workers again and again is quarantined" {
	[[ $MODEL == coroutine ]] || skip "one model is enough"
	local n
	stall_server
	for n in 1 2 3; do
		dial
		say 'GET /crash-loop'
		wait_for stalled "$n" || fail_with_log "it did not stall for the ${n}th time"
		wait_for pool_is "$WORKERS"
	done
	wait_for well || fail_with_log "nobody answers"
	run -0 ask 'GET /crash-loop' QUIT
	assert_line --index 1 --partial '503 /crash-loop: refused'
}

stalled()
{
	(($(grep -c 'died of .* GET /crash-loop,' "$LOG") >= $1))
}

well()
{
	ask PING QUIT | grep -q '^200 time='
}

@test "workers that only wait, with sessions or without, are no stall" {
	local before idle stopped
	noise 24M "$T/root/big"
	WORKERS=3
	server -o stall-timeout=1s
	dial
	idle=$C
	dial
	say 'GET /big'
	expect '^200 size='
	# When one that has none of them is found to be a stall, the others have been listened to for as long.
	expect_deaths
	stopped=$(ctl --json status | jq '[.workers[] | select(.sessions == 0)][0].pid')
	before=$(workers | grep -vx "$stopped")
	kill -STOP "$stopped"
	wait_for pool_is "$WORKERS" "$stopped" || fail_with_log "nobody listens to them"
	assert_equal "$(workers | grep -cxF "$before")" 2
	refute grep 'has not moved' <(grep -v "(pid $stopped)" "$LOG")
	C=$idle say PING
	C=$idle expect '^200 time='
}

@test "a pool that was stopped as a whole and goes on loses nobody" {
	[[ $MODEL == coroutine ]] || skip "one model is enough"
	local before
	server -o stall-timeout=2s
	before=$(workers)
	kill -STOP "$PID" $before
	sleep 3		# that is what it is about
	kill -CONT "$PID"
	ctl status >/dev/null	# the master looks first
	kill -CONT $before
	run -0 ask PING QUIT
	master_turned
	assert_equal "$(workers)" "$before"
	# Nobody was even suspected.
	refute grep -q 'has not moved' "$LOG"
	run -0 ask PING QUIT
	assert_line --index 1 --partial '200 time='
}

@test "stall-timeout=0 is no watch" {
	local pid
	server -o stall-timeout=0
	pid=$(workers | head -n 1)
	kill -STOP "$pid"
	sleep 1.5		# the master looks once a second
	refute grep -q 'has not moved' "$LOG"
	kill -CONT "$pid"
	wait_for pool_is "$WORKERS"
}

@test "a worker that was slow, and moves again before it is killed, lives" {
	[[ $MODEL == coroutine ]] || skip "one model is enough"
	local before
	stall_server
	before=$(workers)
	run -0 ask 'GET /crash-sleep' PING QUIT
	assert_output --partial '404 /crash-sleep'
	wait_for grep -q 'moves again' "$LOG" || fail_with_log "nobody saw it, or nobody says that it is over"
	assert_equal "$(workers)" "$before"
}
