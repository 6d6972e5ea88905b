#!/usr/bin/env bats
# 43-balance - sessions spread over the workers of a pool, under coroutine and thread.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

SESSIONS=1000

# four_workers [MODEL]: a pool of four, and how many sockets each worker has before there is any session.
four_workers()
{
	local hard
	hard=$(ulimit -Hn)
	[[ $hard == unlimited || $hard -ge $((SESSIONS + 100)) ]] ||
	    skip "only $hard files may be open here"
	ulimit -Sn $((SESSIONS + 100))
	WORKERS=4 MODEL=${1:-coroutine} server
	BEFORE=$(sockets "$(workers | head -n 1)")
}

# Makes HELD the number of sessions in each worker.
count_sessions()
{
	local pid
	HELD=()
	for pid in $(workers); do
		HELD+=($(($(sockets "$pid") - BEFORE)))
	done
}

all_accepted()
{
	count_sessions
	((HELD[0] + HELD[1] + HELD[2] + HELD[3] == $1))
}

# assert_balanced N: N sessions, of which the fullest worker has at most 1.25 times the mean.
assert_balanced()
{
	local held
	wait_for all_accepted "$1" || fail "of $1 sessions the workers have ${HELD[*]}"
	echo "# $1 sessions: ${HELD[*]}" >&3
	for held in "${HELD[@]}"; do
		((held * 4 * 4 <= $1 * 5)) || fail "of $1 sessions the workers have ${HELD[*]}"
	done
}

@test "1,000 idle sessions that came one after the other are balanced" {
	local i
	four_workers
	for ((i = 0; i < SESSIONS; i++)); do
		dial	# waits for the greeting
	done
	assert_balanced $SESSIONS
	assert_well_among_4
}

@test "1,000 idle sessions that came all at once are balanced" {
	local i
	four_workers
	for ((i = 0; i < SESSIONS; i++)); do
		dial_only
	done
	assert_balanced $SESSIONS
	assert_well_among_4
}

@test "1,000 idle sessions that came all at once are balanced under thread, too" {
	local i
	! sanitized || skip "under a sanitizer a thread takes longer to begin than a balance to be kept"
	four_workers thread
	for ((i = 0; i < SESSIONS; i++)); do
		dial_only
	done
	assert_balanced $SESSIONS
	assert_well_among_4
}

@test "1,000 idle sessions from four clients at the same time are balanced" {
	local i client
	four_workers
	for client in 1 2 3 4; do
		(
			for ((i = 0; i < SESSIONS / 4; i++)); do
				dial_only
			done
			exec sleep "$TEST_LIMIT"
		) 3>&- &
		CLIENTS+=($!)
	done
	assert_balanced $SESSIONS
	assert_well_among_4
	kill "${CLIENTS[@]}"
	wait_for all_accepted 0 || fail "the workers still have ${HELD[*]}"
}

assert_well_among_4()
{
	WORKERS=4 assert_well
}

@test "a worker that replaces a full one takes what comes until it has its share" {
	local i victim
	expect_deaths
	four_workers
	for ((i = 0; i < 400; i++)); do
		dial_only
	done
	assert_balanced 400
	grow_up
	victim=$(workers | head -n 1)
	kill -KILL "$victim"
	WORKERS=4 wait_for pool_is 4 "$victim"
	wait_for accepts_again "$victim"
	count_sessions
	echo "# after a death: ${HELD[*]}" >&3
	i=$((HELD[0] + HELD[1] + HELD[2] + HELD[3]))
	for (( ; i < 400; i++)); do
		dial
	done
	assert_balanced 400
}

# Whether the pool has forgotten the sessions of the dead one: its obituary is written then.
accepts_again()
{
	obituary "$1" >/dev/null && [[ $(ask PING | tail -n 1) == '200 time='* ]]
}

@test "a full worker leaves connections to the others, and a full pool lets them wait" {
	local first i
	WORKERS=2 MODEL=coroutine server -o sessions-per-worker=2
	for i in 1 2 3 4; do
		dial
		first=${first:-$C}
	done
	dial_only
	wait_for backlog 1
	quiet 0.1
	C=$first hang_up
	expect '^200 coffer=1 '
}
