#!/usr/bin/env bats
# bats file_tags=models:all
# 44-scoreboard - what the pool knows of itself: titles, and counts for Prometheus.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

# sum_of METRIC: of all of its lines.
sum_of()
{
	ctl metrics | awk -v "m=$1" 'index($1, m) == 1 { n += $2 } END { print n + 0 }'
}

# value_is METRIC N
value_is()
{
	[[ $(sum_of "$1") == "$2" ]]
}

@test "a worker's title tells how many sessions it has" {
	local all
	server
	dial
	wait_for titles_tell 1 || fail "$(for pid in $(workers); do title "$pid"; done)"
	hang_up
	wait_for titles_tell 0
}

# titles_tell N: sessions of all workers together.
titles_tell()
{
	local pid n=0
	for pid in $(workers); do
		[[ $(title "$pid") =~ ([0-9]+)\ session ]] || return 1
		n=$((n + BASH_REMATCH[1]))
	done
	((n == $1))
}

@test "metrics count requests by protocol, verb and code, with histograms that add up" {
	local name
	echo 12345 >"$T/root/a"
	server
	ask 'GET /a' 'GET /none' 'STAT /a' NONSENSE PING QUIT
	wait_for value_is 'coffer_requests_total{' 6
	assert_equal "$(sum_of 'coffer_requests_total{protocol="coffer",verb="GET",code="2xx"}')" 1
	assert_equal "$(sum_of 'coffer_requests_total{protocol="coffer",verb="GET",code="4xx"}')" 1
	assert_equal "$(sum_of 'coffer_requests_total{protocol="coffer",verb="STAT"')" 1
	assert_equal "$(sum_of 'coffer_requests_total{protocol="coffer",verb="other",code="4xx"}')" 1
	for name in request_seconds request_bytes; do
		assert_equal "$(sum_of "coffer_${name}_count{")" 6
		assert_equal "$(sum_of "coffer_${name}_bucket{protocol=\"coffer\",verb=\"GET\",le=\"+Inf\"}")" 2
	done
	assert_equal "$(sum_of 'coffer_workers{state="serving"}')" 2
	# Each family is announced once, and there is nothing but families.
	run -0 ctl metrics
	refute_line --regexp '^[^#c]'
	assert_equal "$(grep '^# TYPE' <<<"$output" | sort | uniq -d)" ''
}

@test "what a worker has counted outlives it, and its generation" {
	expect_deaths
	server
	ask PING QUIT
	wait_for value_is 'coffer_requests_total{' 2
	grow_up
	kill -KILL $(workers)
	wait_for pool_is "$WORKERS"
	wait_for value_is 'coffer_worker_deaths_total' 2
	assert_equal "$(sum_of 'coffer_requests_total{')" 2
	run -0 ctl reload
	wait_for grep -q 'generation 1 has gone' "$LOG"
	assert_equal "$(sum_of 'coffer_requests_total{')" 2
	assert_equal "$(sum_of 'coffer_accepted_total')" 1
}

# replaced PID...: whether none of these is there any more, and the pool is full.
replaced()
{
	pool_is "$WORKERS" "$@"
}

@test "a worker that has answered requests-per-worker is replaced, and nobody is refused" {
	local before n
	server -o requests-per-worker=20
	before=$(workers)
	# Both must have had enough; which one is asked, the kernel decides.
	for ((n = 0; n < 60; n++)); do
		ask PING PING PING QUIT | grep -q '^200 bye' || fail_with_log "request $n was not answered"
		! replaced $before || break
	done
	wait_for replaced_one $before || fail_with_log "nobody is replaced"
	grep -qE 'worker [0-2] has answered 20 requests, and is replaced by worker [0-2]$' "$LOG"
	wait_for grep -qE 'worker [0-2] \(pid [0-9]+, [0-9.]+ s old\) ended with status 0; it has been replaced$' "$LOG" ||
	    fail_with_log "the old one does not end"
	wait_for pool_is "$WORKERS" || fail_with_log "the pool is not full"
	ask PING QUIT | grep -q '^200 bye'
}

# Whether one of these is not there any more.
replaced_one()
{
	local pid
	for pid; do
		! gone "$pid" || return 0
	done
	return 1
}

@test "an idle session of a worker that is recycled is told at once" {
	[[ $MODEL != serial ]] || skip "under serial a worker has one session, which ends first"
	local WORKERS=1 n
	server -o requests-per-worker=5
	dial
	for ((n = 0; n < 5; n++)); do
		ask PING QUIT | grep -q '^200 bye'
	done
	expect '^503 shutting down$'
	wait_for grep -q 'ended with status 0; it has been replaced$' "$LOG"
}

@test "a transfer in progress outlives the recycling of its worker" {
	[[ $MODEL != serial ]] || skip "under serial a worker has one session, which ends first"
	local WORKERS=1 get n
	noise 24M "$T/root/big"
	server -o requests-per-worker=5
	dial
	get=$C
	say 'GET /big'
	expect '^200 size='
	for ((n = 0; n < 5; n++)); do
		ask PING QUIT | grep -q '^200 bye'
	done
	wait_for grep -q 'is replaced by worker' "$LOG" || fail_with_log "nobody is replaced"
	ask PING QUIT | grep -q '^200 bye'
	C=$get take 25165824 | cmp - "$T/root/big"
}
