#!/usr/bin/env bats
# 30-limits - clients that are slow, idle, many or large; disks that are full; workers that go.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

teardown()
{
	# The server first, for it stands on what is mounted.
	local pid
	for pid in "${SERVERS[@]}"; do
		[[ -z ${MOUNTED:-} ]] || end_server "$pid"
	done
	[[ -z ${MOUNTED:-} ]] || umount "$MOUNTED"
	coffer_teardown
}

# drip SECONDS: stdin byte by byte, as long as anybody reads.
drip()
{
	perl -e '$| = 1; while (read(STDIN, $b, 1)) { print $b; select(undef, undef, undef, $ARGV[0]) }' "$1"
}

# took_about SECONDS SINCE: at least that long since now() said SINCE, and not for ever.  Clocks
# of the two sides differ by a little.
took_about()
{
	local ms=$(($(now) - $2))
	((ms >= $1 * 1000 - 50 && ms < $1 * 1000 + 8000)) || fail "it took $ms ms"
}

# --- a client that sends nothing, or too slowly

@test "a session that is idle for idle-timeout is told and ended, one that speaks is not" {
	local began idle
	server -o idle-timeout=2s
	dial
	idle=$C
	began=$(now)
	dial
	for _ in 1 2 3 4 5; do
		pause 0.5
		say PING
		expect '^200 time='
	done
	expect '^503 idle for 2 s$'
	ended
	C=$idle expect '^503 idle for 2 s$'
	C=$idle ended
	took_about 2 "$began"
}

@test "a line that is begun must end within request-timeout, however it comes" {
	local began writer short drips
	WORKERS=3
	server -o request-timeout=1s -o idle-timeout=30s
	began=$(now)
	dial
	short=$C
	printf PIN >&"$C"
	dial
	drips=$C
	yes P | tr -d '\n' | drip 0.1 >&"$C" 2>/dev/null 3>&- &
	writer=$!
	# The same for the rest of a line that was too long.
	dial
	printf '%09000d' 0 >&"$C"
	expect '^400 a request line ' '^503 a request line must end within 1 s$'
	ended
	for C in "$short" "$drips"; do
		expect '^503 a request line must end within 1 s$'
		ended
	done
	took_about 1 "$began"
	wait "$writer" || true
	hang_up
	# Two lines that take their time, but no longer each, are answered.
	C=$short hang_up
	dial
	printf PI >&"$C"
	pause 0.6
	printf 'NG\nPI' >&"$C"
	expect '^200 time='
	pause 0.6
	printf 'NG\n' >&"$C"
	expect '^200 time='
}

@test "a body that stops is given up after io-timeout with a word, and nothing stands under its name" {
	local began line fds=()
	# One worker for each of them under serial.  The length of a chunk is a line.
	WORKERS=5
	server -w -o io-timeout=1s -o request-timeout=1s -o idle-timeout=30s
	began=$(now)
	for line in 'PUT /a size=100\nsome' 'PUT /b size=100 wait\n' 'PUT /c size=*\n64\nsome' \
	    'PUT /d size=*\n4\nsome5' 'PUT /none/e size=100\nsome'; do
		dial
		printf "$line" >&"$C"
		fds+=("$C")
	done
	C=${fds[1]} expect '^100 from=0$'
	for C in "${fds[@]:0:4}"; do
		expect '^503 nothing came for 1 s, or less than 64 bytes a second$'
		ended
	done
	C=${fds[4]} expect '^404 /none/e: '
	C=${fds[4]} ended
	took_about 1 "$began"
	assert_equal "$(ls "$T/root")" ''
	assert_well
}

@test "a reader that stops reading is given up after io-timeout" {
	local began size
	truncate -s 50M "$T/root/big"
	server -o io-timeout=1s
	dial
	began=$(now)
	say 'GET /big' PING
	expect '^200 size=52428800 '
	wait_for grep -q ' GET /big ' "$LOG"
	took_about 1 "$began"
	size=$(take 60000000 | wc -c)
	((size < 52428800)) || fail "all of it came"
	assert_well
}

@test "a reader that stops in a long pipeline of small replies is given up too" {
	local size
	noise 60000 "$T/root/f"
	server -o io-timeout=1s
	dial
	yes 'GET /f' | head -n 1000 >&"$C"
	wait_for no_sessions
	size=$(take 70000000 | wc -c)
	((size < 60000000)) || fail "all of it came"
	assert_well
}

@test "a body slower than min-rate is given up, a quicker one is not, and 0 forbids none" {
	server -w -o io-timeout=1s -o min-rate=64
	{ echo 'PUT /slow size=12'; head -c 12 /dev/zero | drip 0.1; } | replies >"$T/got" || true
	assert_equal "$(cat "$T/got")" '503 nothing came for 1 s, or less than 64 bytes a second'
	[[ ! -e $T/root/slow ]]
	# 20 bytes at a time are 200 in a second.
	dial
	say 'PUT /quick size=240'
	for _ in {1..12}; do
		printf '%020d' 0 >&"$C"
		pause 0.1
	done
	expect '^201 size=240 '
	hang_up
	stop_server
	server -w -o io-timeout=1s -o min-rate=0
	{ echo 'PUT /slow size=12'; head -c 12 /dev/zero | drip 0.1; } | replies >"$T/got"
	assert_equal "$(cut -c 1-11 "$T/got")" '201 size=12'
}

@test "chunks are no way around min-rate" {
	server -w -o io-timeout=1s -o min-rate=64
	printf '1\nx%.0s' {1..6} >"$T/chunks"
	{ echo 'PUT /slow size=*'; drip 0.1 <"$T/chunks"; echo 0; } | replies >"$T/got" || true
	assert_equal "$(cat "$T/got")" '503 nothing came for 1 s, or less than 64 bytes a second'
	[[ ! -e $T/root/slow ]]
}

# --- too many

@test "with all places taken a client waits until one is free, and is then served" {
	local places=2 fds=() i
	[[ $MODEL != serial ]] || places=1
	WORKERS=1
	server -o sessions-per-worker=2
	for ((i = 0; i < places; i++)); do
		dial
		fds+=("$C")
	done
	dial_only
	say PING
	wait_for backlog 1
	quiet 0.1
	C=${fds[0]} hang_up
	expect '^200 coffer=1 ' '^200 time='
}

@test "10,000 connections at once to a full pool: it stays alive, and serves when they have gone" {
	local hard before
	hard=$(ulimit -Hn)
	[[ $hard == unlimited || $hard -gt 10100 ]] || skip "only $hard files may be open here"
	printf data >"$T/root/f"
	server -o sessions-per-worker=4 -o backlog=1024
	before=$(workers | sort | xargs)
	mkfifo "$T/hold"
	"$COFFER_BUILD/t/flood" "$PORT" 10000 <"$T/hold" >"$T/flood" 3>&- &
	local flood=$! hold
	exec {hold}>"$T/hold"
	wait_for test -s "$T/flood"
	[[ $(cat "$T/flood") =~ ^established=([0-9]+)\ refused=0\ waiting=[0-9]+$ ]] || fail "$(cat "$T/flood")"
	((BASH_REMATCH[1] >= 1024)) || fail "$(cat "$T/flood")"
	exec {hold}>&-
	wait "$flood"
	wait_for served
	assert_equal "$(workers | sort | xargs)" "$before"
}

served()
{
	[[ $(PATIENCE=5 ask 'GET /f' 2>/dev/null) == *data ]]
}

# --- a full disk

# small_disk SIZE: $T/root is a file system of its own.
small_disk()
{
	[[ $(id -u) == 0 ]] || skip 'mount(8) is for root'
	mount -t tmpfs -o "size=$1,mode=755" coffer-test "$T/root" 2>/dev/null || skip 'this container mounts nothing'
	MOUNTED=$T/root
}

free()
{
	ask SPACE | sed -n 's/.* free=\([0-9]*\) .*/\1/p'
}

@test "a declared size that the disk has no room for is a 507 before a byte moves" {
	local before
	small_disk 4m
	noise 1200000 "$T/old"
	server -w
	put "$T/old" /f | replies >/dev/null
	before=$(free)
	run -0 ask 'PUT /f size=8000000 wait' 'PUT /g size=8000000 resume' 'PUT /h size=3500000 wait' \
	    'PUT /h size=9223372036854775807 wait' 'COPY /f /c' 'COPY /f /d' 'COPY /f /e' PING
	assert_line --index 1 '507 /f: the disk is full'
	assert_line --index 2 '507 /g: the disk is full'
	assert_line --index 3 '507 /h: the disk is full'
	assert_line --index 4 '507 /h: the disk is full'
	assert_line --index 5 --regexp '^201 '
	assert_line --index 6 --regexp '^201 '
	assert_line --index 7 --regexp '^507 '
	assert_line --index 8 --regexp '^200 time='
	assert_equal "$(staged)" ''
	assert_equal "$(codes 'DELETE /c' 'DELETE /d')" '200 200'
	assert_equal "$(free)" "$before"
	cmp "$T/old" "$T/root/f"
	[[ ! -e $T/root/g && ! -e $T/root/h && ! -e $T/root/e ]]
	# With its bytes on the way already, they are read away.
	noise 5000000 "$T/large"
	run -0 ask_bytes < <(put "$T/large" /g; put "$T/old" /g)
	assert_line --index 1 '507 /g: the disk is full'
	assert_line --index 2 --regexp '^201 size=1200000 '
}

codes()
{
	ask "$@" | tail -n +2 | cut -c 1-3 | xargs
}

@test "a disk that becomes full within chunks, or under a small file, is a 507; the room comes back" {
	local before
	small_disk 4m
	noise 8000000 "$T/large"
	noise 3900000 "$T/filler"
	noise 200000 "$T/small"
	server -w
	printf 'PUT /f size=3\nold' | replies >/dev/null
	before=$(free)
	run -0 ask_bytes < <(
		chunked 100000 "$T/large" /f
		chunked 3000000 "$T/large" /g
		chunked 8000000 "$T/large" /h
		echo PING
	)
	assert_line --index 1 '507 /f: the disk is full'
	assert_line --index 2 '507 /g: the disk is full'
	assert_line --index 3 '507 /h: the disk is full'
	assert_line --index 4 --regexp '^200 time='
	assert_equal "${#lines[@]}" 5
	assert_equal "$(free)" "$before"
	assert_equal "$(cat "$T/root/f")" old
	[[ ! -e $T/root/g && ! -e $T/root/h ]]
	assert_equal "$(staged)" ''
	cat "$T/filler" "$T/small" "$T/small" >"$T/root/filler" 2>/dev/null || true
	truncate -s -50000 "$T/root/filler"
	run -0 ask_bytes < <(put "$T/small" /small; echo PING)
	assert_line --index 1 '507 /small: the disk is full'
	assert_line --index 2 --regexp '^200 time='
	rm "$T/root/filler"
	run -0 ask_bytes < <(put "$T/small" /small)
	assert_line --index 1 --regexp '^201 '
	cmp "$T/small" "$T/root/small"
	assert_equal "$(staged)" ''
}

@test "room that an upload has reserved is given back when its connection breaks" {
	local before
	small_disk 4m
	noise 300000 "$T/data"
	server -w
	printf 'PUT /f size=3\nold' | replies >/dev/null
	before=$(free)
	dial
	say 'PUT /g size=3000000 wait'
	expect '^100 from=0$'
	(($(free) < before - 2900000))
	# Another one that would not fit beside it is refused meanwhile.
	assert_equal "$(codes 'PUT /h size=3000000 wait')" 507
	say_bytes <"$T/data"
	hang_up
	wait_for roomy $((before - 400000))
	[[ ! -e $T/root/g ]]
}

roomy()
{
	(($(free) >= $1))
}

# --- workers that go

@test "a worker killed in the middle of a PUT leaves nothing half, and its bytes for a resume" {
	local size
	expect_deaths
	noise 3000000 "$T/data"
	printf old >"$T/root/f"
	WORKERS=1
	server -w
	dial
	say 'PUT /f size=3000000'
	head -c 2000000 "$T/data" >&"$C"
	wait_for staged_some
	kill -KILL $(workers)
	ended
	hang_up
	assert_equal "$(cat "$T/root/f")" old
	wait_for grep -q 'killed by signal 9' "$LOG"
	dial
	say 'GET /f'
	expect '^200 size=3 '
	take 3 >/dev/null
	wait_for unlocked
	say 'PUT /f size=3000000 resume'
	expect '^100 from=[0-9]+$'
	size=${REPLY#*=}
	((size > 0 && size <= 2000000)) || fail "from=$size"
	tail -c +$((size + 1)) "$T/data" >&"$C"
	expect "^201 size=3000000 sha256=$(sha "$T/data")"
	cmp "$T/data" "$T/root/f"
	assert_equal "$(staged)" ''
}

staged_some()
{
	[[ -n $(find "$T/root/.coffer" -type f ! -name lock -size +0) ]]
}

# Under fork the session's own process must have noticed that its worker has gone.
unlocked()
{
	flock -n "$(find "$T/root/.coffer" -type f ! -name lock)" true
}

@test "a PUT that is in progress when the server drains is finished" {
	noise 1000000 "$T/data"
	server -w
	dial
	say 'PUT /f size=1000000'
	head -c 500000 "$T/data" >&"$C"
	wait_for staged_some
	kill -QUIT "$PID"
	wait_for grep -q draining "$LOG"
	tail -c +500001 "$T/data" >&"$C"
	expect '^201 ' '^503 shutting down$'
	ended
	cmp "$T/data" "$T/root/f"
	wait_for gone "$PID"
}
