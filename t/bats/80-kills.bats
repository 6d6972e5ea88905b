#!/usr/bin/env bats
# 80-kills - workers are killed, one every quarter second, while clients get and put.
#
# KILLS=N sets how many (12), KILL_WORKERS how many workers there are (4), and TEST_LIMIT
# must leave time for them: `KILLS=60 t/run t/bats/80-kills.bats`.
# t/run: takes long

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

KILLS=${KILLS:-12}
CLIENTS=4

# busy N: puts random files and gets them again, until $T/stop is there.  What was sent under a name
# is noted in $T/sent before it is sent; what is wrong is told in $T/wrong.
busy()
{
	local me=$1 round=0 sizes=(0 1 1000 16384 65537 300000 2000000) name digest
	mkdir "$T/client.$me"
	cd "$T/client.$me"
	while [[ ! -e $T/stop ]]; do
		round=$((round + 1))
		name=own.$me.$((round % 4))
		# Now and then a name that all of them write.
		((round % 5)) || name=shared
		noise $((sizes[RANDOM % ${#sizes[@]}])) mine
		digest=$(sha mine)
		echo "$digest $name" >>"$T/sent/$me"
		# Every other one takes its time, so that there is something to hit.
		if ((round % 2)); then
			until_done put -q mine "/$name" || return
		else
			until_done put -q - "/$name" || return
		fi
		until_done get -q "/$name" got || return
		if [[ $name == shared ]]; then
			# Somebody else's, perhaps, but whole: it is looked up at the end.
			echo "$(sha got) $name" >>"$T/read"
		else
			cmp mine got >>"$T/wrong" || echo "client $me, round $round: /$name has other bytes" >>"$T/wrong"
		fi
		rm -f got
	done
	echo "$round" >"$T/rounds.$me"
}

# slowly FILE: its first half, and a little later the other.
slowly()
{
	local half=$(($(stat -c %s "$1") / 2))
	head -c "$half" "$1"
	sleep 0.2
	tail -c +$((half + 1)) "$1"
} 2>/dev/null

# until_done COFFER-ARGUMENT...: tries until nothing breaks.  Only a broken connection may be the
# reason for another try.
until_done()
{
	local status end=$((SECONDS + 60))
	while ((SECONDS < end)); do
		status=0
		if [[ $3 == - ]]; then
			slowly mine | coffer "$@" >/dev/null 2>error || status=$?
		else
			coffer "$@" >/dev/null 2>error || status=$?
		fi
		((status != 0)) || return 0
		echo "$status" >>"$T/retries"
		case $status in
		3 | 10)	;;
		*)	echo "coffer $* ended with $status: $(<error)" >>"$T/wrong"
			return 1
			;;
		esac
		# What came of a download before it broke is the beginning of what was asked for.
		[[ ! -e got ]] || echo "coffer $* failed, and left a file under its final name" >>"$T/wrong"
		if [[ -e got.part && $1 == get && $3 == /own* ]]; then
			cmp -n "$(stat -c %s got.part)" mine got.part >>"$T/wrong"
		fi
		sleep 0.05
	done
	echo "coffer $* did not succeed in 60 s: $(<error)" >>"$T/wrong"
	return 1
}

# Whether each has put its first file, and got it.
all_have_begun()
{
	local client
	for ((client = 1; client <= CLIENTS; client++)); do
		(($(wc -l <"$T/sent/$client") > 1)) || return 1
	done
} 2>/dev/null

# The clients that are still there.
still_busy()
{
	local pid
	for pid in "${BUSY[@]}"; do
		gone "$pid" || return 0
	done
	return 1
}

none_busy()
{
	! still_busy
}

# bats test_tags=models:all
@test "workers killed one every quarter second: no wrong byte, nothing half, and a full pool at the end" {
	local WORKERS=${KILL_WORKERS:-4} victims victim client kills=0 began left
	expect_deaths
	mkdir "$T/sent"
	: >"$T/wrong"
	: >"$T/read"
	: >"$T/retries"
	: >"$T/killed"
	server -w -o respawn-delay-max=500ms
	for ((client = 1; client <= CLIENTS; client++)); do
		busy "$client" 3>&- &
		BUSY+=($!)
	done
	wait_for all_have_begun
	began=$(now)
	# On a machine that is busy otherwise, so few may have hit nobody: then some more.
	while ((kills < KILLS || (kills < 5 * KILLS && $(wc -l <"$T/retries") == 0))); do
		victims=($(workers))
		if ((${#victims[@]} > 0)); then
			victim=${victims[RANDOM % ${#victims[@]}]}
			# One that has died of the last kill may not have been reaped yet.
			if ! gone "$victim" && kill -KILL "$victim" 2>/dev/null; then
				echo "$victim" >>"$T/killed"
				kills=$((kills + 1))
			fi
		fi
		left=$((began + (kills + 1) * 250 - $(now)))
		((left <= 0)) || pause "0.$(printf %03d "$left")"
	done
	echo "# $kills kills in $(($(now) - began)) ms" >&3
	: >"$T/stop"
	PATIENCE=60 wait_for none_busy || fail "clients do not come to an end"

	# The master is alive, the pool full, every death in the log, by its signal, once.
	alive "$PID" || fail_with_log "the master is dead"
	wait_for pool_is "$WORKERS" || fail_with_log "the pool is not full again"
	while read -r victim; do
		wait_for obituary "$victim" >/dev/null || fail "no obituary of worker $victim"
		assert_regex "$(obituary "$victim")" "^[^"$'\n'"]*killed by signal 9 \(Killed\); next try in [^"$'\n'"]*$"
	done <"$T/killed"
	assert_equal "$(grep -c ' s old) ' "$LOG")" "$kills"
	# No byte was wrong, and the clients did work.
	assert_equal "$(cat "$T/wrong")" ''
	cat "$T/sent/"* | sort -u >"$T/all"
	for ((client = 1; client <= CLIENTS; client++)); do
		(($(<"$T/rounds.$client") > KILLS / 4)) || fail "client $client made $(<"$T/rounds.$client") rounds"
	done
	echo "# $(cat "$T/sent/"* | wc -l) files put and fetched again, $(wc -l <"$T/retries") broken connections" >&3
	(($(wc -l <"$T/retries") > 0)) || fail "no kill has hit anybody: this has shown nothing"
	assert_equal "$(sort -u "$T/read" | comm -23 - "$T/all")" ''
	# Whatever has a final name is something that was sent under it.
	(cd "$T/root" && find . -path ./.coffer -prune -o -type f -printf '%f\n' | xargs sha256sum |
	    sed 's/  */ /' | sort -u) >"$T/kept"
	(($(wc -l <"$T/kept") >= CLIENTS))
	assert_equal "$(comm -23 "$T/kept" "$T/all")" ''
	# What one client alone wrote is the last that was acknowledged to it.
	for client in "$T/sent/"*; do
		assert_equal "$(tac "$client" | grep -v shared | sort -s -u -k 2,2 | sort | comm -23 - "$T/kept")" ''
	done
	assert_equal "$(find "$T/root" -mindepth 1 -maxdepth 1 -name '.*')" "$T/root/.coffer"
	echo "# $(staged | wc -l) uploads are left in staging" >&3
	assert_well
	stop_server

	# What the dead have left is swept at the next start.  (An empty one might be one that has just
	# begun, and is given a minute; brief ones are held by no lock, and given two days.)
	find "$T/root/.coffer" -type f -empty ! -name lock -exec touch -d '2 minutes ago' {} +
	find "$T/root/.coffer" -type f -name 'brief.*' -exec touch -d '3 days ago' {} +
	server -w -o staging-ttl=0
	wait_for nothing_staged || fail "left behind: $(ls -l "$T/root/.coffer")"
}

nothing_staged()
{
	[[ -z $(staged) ]]
}
