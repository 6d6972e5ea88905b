#!/usr/bin/env bats
# 55-tftp - TFTP: transfers, options, packets that are lost, doubled or wrong, and what is refused.
# t/run: takes long

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool
load tftp

# --- transfers

# bats test_tags=models:all
@test "TFTP: files of every odd size go out and come in as they are, and each request is a line" {
	in_both all_sizes
}

all_sizes()
{
	local size
	WORKERS=4
	tftp_server -w
	for size in 0 1 511 512 513 1024 40000; do
		noise $size "$T/f"
		tftp put "up$size" <"$T/f" 2>"$T/err"
		cmp "$T/f" "$T/root/up$size"
		tftp get "/up$size" >"$T/got" 2>"$T/err"
		cmp "$T/f" "$T/got"
		tftp -b 1468 -w 16 get "up$size" >"$T/got" 2>"$T/err"
		cmp "$T/f" "$T/got"
		tftp -b 1468 -w 16 -o tsize=$size put "up$size" <"$T/f" 2>"$T/err"
		cmp "$T/f" "$T/root/up$size"
		logged " 127\.0\.0\.1 tftp PUT /up$size 201 $size bytes [0-9]+\.[0-9]+ s\$"
		logged " 127\.0\.0\.1 tftp GET /up$size 200 $size bytes [0-9]+\.[0-9]+ s\$"
	done
	assert_equal "$(staged)" ''
	# Each of them is one session, and one line.
	assert_equal "$(grep -c ' tftp ' "$LOG")" 28
}

# bats test_tags=models:all
@test "TFTP: blocks beyond the 65,535th go on with 0, in both directions" {
	noise $((8 * 66000 + 3)) "$T/f"
	WORKERS=4
	tftp_server -w
	tftp -b 8 -w 64 put up <"$T/f" 2>"$T/err"
	cmp "$T/f" "$T/root/up"
	tftp -b 8 -w 64 get up >"$T/got" 2>"$T/err"
	cmp "$T/f" "$T/got"
	assert_regex "$(cat "$T/err")" 'blocks=66001'
}

# bats test_tags=models:all
@test "TFTP: netascii in both directions, with line ends and CRs cut by blocks" {
	in_both texts
}

texts()
{
	local i
	# Wherever a block ends there is a pair to cut, sooner or later.
	perl -e 'print "x" x ($_ % 7), $_ % 3 ? "\n" : "\r", $_ % 11 ? "" : "\r\n" for 1..3000' >"$T/f"
	perl -pe 's/(\r|\n)/$1 eq "\n" ? "\r\n" : "\r\0"/ge' "$T/f" >"$T/wire"
	WORKERS=4
	tftp_server -w
	cp "$T/f" "$T/root/f"
	for i in "" "-b 8" "-b 1001 -w 7"; do
		tftp -m netascii $i get f >"$T/got" 2>"$T/err"
		cmp "$T/wire" "$T/got"
		tftp -m netascii $i put up <"$T/wire" 2>"$T/err"
		cmp "$T/f" "$T/root/up"
	done
	# With losses, it is encoded again from where the peer is.
	tftp -m netascii -l 12 -b 600 -w 4 get f >"$T/got" 2>"$T/err"
	cmp "$T/wire" "$T/got"
	printf 'end\r' | tftp -m netascii put up 2>"$T/err"
	assert_equal "$(xxd -p "$T/root/up")" 656e640d
}

# bats test_tags=models:all
@test "TFTP: lost, doubled and reordered packets do no harm" {
	in_both bad_networks
}

bad_networks()
{
	local how seed
	noise 30000 "$T/f"
	WORKERS=4
	tftp_server -w
	cp "$T/f" "$T/root/f"
	seed=$RANDOM
	echo "seed $seed"
	for how in "-2" "-2 -w 8" "-l 12 -b 4000" "-l 12 -w 8" "-r -b 4000" "-r -w 8"; do
		tftp -s $seed $how get f >"$T/got" 2>"$T/err" || fail "get $how: $(cat "$T/err")"
		cmp "$T/f" "$T/got"
		tftp -s $seed $how put up <"$T/f" 2>"$T/err" || fail "put $how: $(cat "$T/err")"
		cmp "$T/f" "$T/root/up"
	done
	assert_well
}

# bats test_tags=models:all
@test "TFTP: an ACK that comes twice is not answered twice" {
	noise 30000 "$T/root/f"
	tftp_server
	tftp -d get f >"$T/got" 2>"$T/err"
	cmp "$T/root/f" "$T/got"
	assert_regex "$(cat "$T/err")" 'received=59 '
}

# bats test_tags=models:all
@test "TFTP: answers come from a port of their own, or from the one that was asked" {
	printf data >"$T/root/f"
	for SINGLE in no yes; do
		tftp_server -w
		run -0 talk "ask $(rrq f)" 'hear 2000' 'say 00040001' "ask $(rrq f blksize=9)" 'hear 2000' 'say 00040000' \
		    'hear 2000' 'say 00040001' "ask $(rrq none)" 'hear 2000'
		if [[ $SINGLE == no ]]; then
			assert_equal "${lines[*]}" '3 1 4 other 6 25196 8 other 3 1 4 other 5 1 13 other'
		else
			assert_equal "${lines[*]}" '3 1 4 own 6 25196 8 own 3 1 4 own 5 1 13 own'
		fi
		stop_server
	done
}

# bats test_tags=models:all
@test "TFTP: IPv6, and listeners for every address answer from the one that was asked" {
	[[ -e /proc/net/if_inet6 ]] || skip 'there is no IPv6 here'
	need_ipv6
	printf data >"$T/root/f"
	for SINGLE in no yes; do
		server -l 'tftp://*:0' -o tftp-single-port=$SINGLE
		TPORT=$(sed -nE 's|.*tftp://0\.0\.0\.0:([0-9]+)$|\1|p' "$LOG")
		run -0 tftp -H 127.0.0.77 talk < <(printf '%s\n' "ask $(rrq f)" 'hear 2000' 'say 00040001')
		assert_regex "$output" "^3 1 4 $([[ $SINGLE == yes ]] && echo own || echo other)\$"
		run -0 tftp -H 127.0.0.77 -b 600 get f
		TPORT=$(sed -nE 's|.*tftp://\[::\]:([0-9]+)$|\1|p' "$LOG")
		run -0 tftp -H ::1 talk < <(printf '%s\n' "ask $(rrq f)" 'hear 2000' 'say 00040001')
		assert_regex "$output" "^3 1 4 $([[ $SINGLE == yes ]] && echo own || echo other)\$"
		run -0 tftp -H ::1 -b 600 get f
		logged ' ::1 tftp GET /f 200 4 bytes '
		stop_server
	done
}

# --- options

# bats test_tags=models:all
@test "TFTP: options are answered as far as they are understood, and bounded" {
	noise 5000 "$T/root/f"
	: >"$T/root/empty"
	WORKERS=8
	tftp_server -w -o tftp-window=10
	oack 'blksize 1468 ' blksize=1468
	oack 'blksize 65464 ' blksize=99999
	oack 'windowsize 10 ' windowsize=65535
	oack 'timeout 255 ' timeout=255 blksize=7 windowsize=0
	oack 'blksize 8 timeout 3 tsize 5000 windowsize 10 ' WINDOWSIZE=11 tsize=0 unknown=1 timeout=3 BLKSIZE=8
	# Nothing is left of these: no OACK, but the first block.
	run -0 talk "ask $(rrq f timeout=256 blksize=x multicast= unknown=7)" 'hear 2000' "say 0005000000"
	assert_output '3 1 512 other'
	stop_server
	# A window of large blocks is bounded by memory, and for uploads by the socket's.
	tftp_server -w
	run -0 talk "ask $(wrq up blksize=65464 windowsize=64)" 'text 2000' "say 0005000000"
	assert_regex "$output" '^6 blksize 65464 windowsize ([1-9]|1[0-6]) $'
	run -0 talk "ask $(rrq f blksize=65464 windowsize=64)" 'text 2000' "say 0005000000"
	assert_output '6 blksize 65464 windowsize 16 '
	run -0 tftp -o tsize=0 get empty
	assert_regex "$output" 'bytes=0 blocks=1$'
}

# oack WORDS OPTION...: the answer to a RRQ with these options.
oack()
{
	run -0 talk "ask $(rrq f "${@:2}")" 'text 2000' "say 0005000000"
	assert_output "6 $1"
}

# bats test_tags=models:all
@test "TFTP: requests that are none are refused with 4, twice given options with 8" {
	WORKERS=4
	tftp_server
	local request
	for request in '0001' '0001 "f"' '0001 "f" 00' '0001 00 "octet" 00' '0001 "f" 00 "octet"' \
	    '0001 "f" 00 "mail" 00' '0002 "f" 00 "octet" 00 "blksize"' '0001 "f" 00 "octet" 00 "tsize" 00 "1"'; do
		run -0 talk "ask $request" 'hear 2000'
		assert_regex "$output" '^5 4 [0-9]+ other$'
	done
	run -0 talk "ask $(rrq f blksize=512 blksize=512)" 'hear 2000'
	assert_regex "$output" '^5 8 [0-9]+ other$'
	run -0 talk "ask $(rrq "$(printf 'n%.0s' {1..600})")" 'text 2000'
	assert_output '5 4 31 other a request is at most 512 bytes'
	logged ' tftp GET - 400 0 bytes '
}

# --- names, and what is refused

# bats test_tags=models:all
@test "TFTP: every refusal has its code, and a sentence" {
	WORKERS=8
	mkdir -p "$T/root/folder" "$T/root/.coffer"
	ln -s /etc/passwd "$T/root/out"
	mkfifo "$T/root/fifo"
	tftp_server
	refused_with 1 none
	refused_with 1 none/deeper
	refused_with 1 .coffer/x
	refused_with 2 ../etc/passwd
	refused_with 2 folder/./x
	refused_with 2 folder
	refused_with 2 /
	refused_with 2 out
	refused_with 2 fifo
	run -0 talk "ask $(wrq new)" 'text 2000'
	assert_output '5 2 24 other the server is read-only'
	stop_server
	tftp_server -w -o upload-max=1000
	run -0 talk "ask $(wrq new tsize=1001)" 'text 2000'
	assert_output '5 3 10 other too large'
	run -0 talk "ask $(wrq new tsize=99999999999999999999)" 'text 2000'
	assert_output '5 3 10 other too large'
	run -3 tftp put new <<<"$(printf 'n%.0s' {1..1001})"
	assert_output 'tftp: error 3: too large'
	run -0 talk "ask $(wrq folder)" 'hear 2000'
	assert_regex "$output" '^5 2 '
	run -0 talk "ask $(wrq ../new)" 'hear 2000'
	assert_regex "$output" '^5 2 '
	run -0 talk "ask $(wrq none/new)" 'text 2000'
	assert_output '5 1 22 other the folder is missing'
	[[ ! -e $T/root/new ]]
	assert_equal "$(staged)" ''
	logged ' tftp PUT /new 413 '
}

# refused_with CODE NAME
refused_with()
{
	run -0 talk "ask $(rrq "$2")" 'hear 2000'
	assert_regex "$output" "^5 $1 [0-9]+ other\$"
}

# bats test_tags=models:all
@test "TFTP: names are bytes, with or without a slash, and backslashes are no slashes" {
	local name
	mkdir "$T/root/d"
	WORKERS=4
	tftp_server -w
	for name in '/d/f' 'd//f' $'d/\\f' 'd/\f g' $'d/\xff\xfe' 'd/%41'; do
		printf '%s' "$name" | tftp put "$name" 2>/dev/null
		assert_equal "$(tftp get "$name" 2>/dev/null | xxd -p)" "$(printf '%s' "$name" | xxd -p)"
	done
	refused_with 2 d/f/
	run -0 talk "ask $(wrq d/new/)" 'hear 2000'
	assert_regex "$output" '^5 2 '
	assert_equal "$(ls "$T/root")" 'd'
	[[ -e $T/root/d/\\f && -e $T/root/d/%41 && -e $T/root/d/f ]]
}

# --- writing

# bats test_tags=models:all
@test "TFTP: nothing stands under its name before the last block is acknowledged" {
	in_both written_whole
}

written_whole()
{
	local data
	WORKERS=4
	tftp_server -w
	printf old >"$T/root/f"
	data=$(printf '78%.0s' {1..512})
	# The second ACK comes when the file is there; the last block again is acknowledged again.
	run -0 talk "ask $(wrq f)" 'hear 2000' "say 00030001 $data" 'hear 2000' 'count 100' 'say 00030002 "end"' \
	    'hear 5000' 'say 00030002 "end"' 'hear 2000'
	[[ ${lines[0]} == "4 0 0 "* && ${lines[1]} == "4 1 0 "* && ${lines[2]} == 0 &&
	    ${lines[3]} == "4 2 0 "* && ${lines[4]} == "4 2 0 "* ]] || fail "$output"
	assert_equal "$(stat -c %s "$T/root/f")" 515
	# One that is given up leaves the old one, and nothing staged: it cannot be resumed.
	run -0 talk "ask $(wrq f)" 'hear 2000' "say 00030001 $data" 'hear 2000' 'say 00050000 "no" 00'
	logged ' tftp PUT /f 499 512 bytes '
	assert_equal "$(stat -c %s "$T/root/f")" 515
	assert_equal "$(staged)" ''
	# Fewer bytes than were declared, and more.
	run -0 talk "ask $(wrq f tsize=600)" 'text 2000' 'say 00030001 "short"' 'text 2000'
	[[ ${lines[1]} == '5 0 '*' fewer bytes came than were declared'* ]] || fail "$output"
	run -0 talk "ask $(wrq f tsize=3)" 'text 2000' 'say 00030001 "longer"' 'text 2000'
	[[ ${lines[1]} == '5 3 '*' too large'* ]] || fail "$output"
	assert_equal "$(stat -c %s "$T/root/f")" 515
	assert_equal "$(staged)" ''
}

# bats test_tags=models:all
@test "TFTP: a declared size that the disk has no room for is an error 3 before a byte moves" {
	[[ $(id -u) == 0 ]] || skip 'mount(8) is for root'
	mount -t tmpfs -o size=2m,mode=755 coffer-test "$T/root" 2>/dev/null || skip 'this container mounts nothing'
	tftp_server -w
	run -0 talk "ask $(wrq f tsize=4000000)" 'text 2000'
	local said=$output left
	left=$(staged)
	# Without a declaration it is found on the way.
	head -c 4000000 /dev/zero >"$T/large"
	run tftp -b 8192 put f <"$T/large"
	stop_server
	umount "$T/root"
	assert_equal "$said" '5 3 17 other the disk is full'
	assert_equal "$left" ''
	assert_equal "$status" 3
	assert_line --partial 'error 3: the disk is full'
}

# bats test_tags=models:all
@test "TFTP: a gap within a window is told at once, and once" {
	tftp_server -w
	run -0 talk "ask $(wrq f blksize=8 windowsize=4)" 'hear 2000' 'say 00030001 "12345678"' \
	    'say 00030003 "12345678"' 'hear 300' 'say 00030004 "12345678"' 'hear 300' \
	    'say 00030002 "12345678"' 'say 00030003 "12345678"' 'say 00030004 "12345678"' 'say 00030005 "12345678"' \
	    'hear 300' 'say 00030006 "end"' 'hear 3000'
	assert_equal "${lines[*]:1}" '4 1 0 other nothing 4 5 0 other 4 6 0 other'
	assert_equal "$(cat "$T/root/f")" 1234567812345678123456781234567812345678end
}

# bats test_tags=models:all
@test "TFTP: an ACK within a window goes on from there" {
	printf '%s' 1234567812345678123456781234567812345678end >"$T/root/f"
	tftp_server
	run -0 talk "ask $(rrq f blksize=8 windowsize=3)" 'hear 2000' 'say 00040000' 'hear 300' 'hear 300' \
	    'hear 300' 'hear 100' 'say 00040001' 'hear 300' 'hear 300' 'hear 300' 'say 00040004' 'hear 300' 'hear 300' \
	    'say 00040006'
	assert_equal "$(printf '%s\n' "${lines[@]:1}" | cut -d ' ' -f 2 | xargs)" '1 2 3 nothing 2 3 4 5 6'
	logged ' tftp GET /f 200 43 bytes '
}

# --- who is who

# bats test_tags=models:all
@test "TFTP: a request that comes again starts nothing again, another one does" {
	in_both asked_twice
}

asked_twice()
{
	WORKERS=4
	tftp_server -w
	printf data >"$T/root/f"
	printf other >"$T/root/g"
	run -0 talk "ask $(rrq f)" "ask $(rrq f)" "ask $(rrq f)" 'hear 2000' "ask $(rrq f)" 'count 400' 'say 00040001'
	assert_regex "$output" '^3 1 4 (own|other)
0$'
	logged ' tftp GET /f 200 4 bytes '
	run -0 talk "ask $(wrq h)" "ask $(wrq h)" 'hear 2000' "ask $(wrq h)" 'count 400' 'say 00030001 "x"' 'hear 4000'
	assert_regex "$output" '^4 0 0 (own|other)
0
4 1 0 (own|other)$'
	assert_equal "$(grep -c ' tftp ' "$LOG")" 2
	# The same peer asks for something else before it has answered.
	run -0 talk "ask $(rrq f)" 'hear 2000' "ask $(rrq g)" 'hear 2000' 'say 00040001'
	assert_regex "$output" '^3 1 4 (own|other)
3 1 5 (own|other)$'
	logged ' tftp GET /g 200 5 bytes '
	# And again for the same, after it has got it.
	run -0 talk "ask $(rrq f)" 'hear 2000' 'say 00040001' 'count 200' "ask $(rrq f)" 'hear 2000' 'say 00040001'
	assert_regex "$output" '^3 1 4 (own|other)
0
3 1 4 (own|other)$'
}

# bats test_tags=models:all
@test "TFTP: a stranger's packets are answered with 5, and do not disturb the transfer" {
	in_both strangers
}

strangers()
{
	WORKERS=2
	tftp_server -w
	run -0 talk "ask $(wrq f timeout=20)" 'text 2000' 'stranger 00030001 "evil"' 'stranger 00050000 "evil" 00' \
	    'stranger 0007' 'stranger 00040001' 'say 00030001 "good"' 'hear 4000'
	assert_regex "$output" '^6 timeout 20 
5 5 1 (own|other) 
nothing
nothing
5 5 1 (own|other) 
4 1 0 (own|other)$'
	assert_equal "$(cat "$T/root/f")" good
}

# bats test_tags=models:all
@test "TFTP: noise of every length from 0 to 600 is not answered more than once, and does no harm" {
	local seed=$RANDOM
	echo "seed $seed"
	for SINGLE in no yes; do
		WORKERS=4
		tftp_server -w
		tftp -s $seed noise
		assert_well
		printf data >"$T/root/f"
		assert_equal "$(tftp get f 2>/dev/null)" data
		stop_server
	done
}

# bats test_tags=models:all
@test "TFTP: what is no request is not answered by the port that listens" {
	tftp_server
	run -0 talk 'ask 00030001' 'ask 00040000' 'ask 00050001 "x" 00' 'ask 0006' 'ask 0007' 'ask 00' 'ask ' \
	    'ask 01010101' 'count 400'
	assert_output 0
	stop_server
	SINGLE=yes tftp_server
	# Here it may be a transfer that is over.
	run -0 talk 'ask 00050001 "x" 00' 'ask 0006' 'ask 0007' 'ask 00' 'ask ' 'ask 01010101' 'count 400' \
	    'ask 00040000' 'hear 1000'
	assert_equal "${lines[*]}" '0 5 5 1 own'
}

# bats test_tags=models:all
@test "TFTP: where nobody is at the peer's port any more the transfer ends at once" {
	in_both nobody_there
}

nobody_there()
{
	local began
	WORKERS=2
	printf data >"$T/root/f"
	tftp_server -w
	began=$(now)
	# Sent again after a second, to a port that is closed by then.
	run -0 talk "ask $(rrq f)" 'hear 2000' 'close'
	run -0 talk "ask $(wrq g)" 'hear 2000' 'close'
	logged ' tftp GET /f 499 0 bytes '
	logged ' tftp PUT /g 499 0 bytes '
	(($(now) - began < 10000))
}

# bats test_tags=models:all
@test "TFTP: a transfer that is in progress when the server drains is finished" {
	noise 2000 "$T/root/f"
	tftp_server
	mkfifo "$T/words"
	tftp talk <"$T/words" >"$T/heard" 3>&- &
	local client=$! words
	exec {words}>"$T/words"
	printf '%s\n' "ask $(rrq f)" 'hear 2000' >&"$words"
	wait_for test -s "$T/heard"
	kill -QUIT "$PID"
	wait_for grep -q draining "$LOG"
	printf '%s\n' 'say 00040001' 'hear 2000' 'say 00040002' 'hear 2000' 'say 00040003' 'hear 2000' 'say 00040004' >&"$words"
	exec {words}>&-
	wait "$client"
	assert_equal "$(cut -d ' ' -f 2 "$T/heard" | xargs)" '1 2 3 4'
	wait_for gone "$PID"
	grep -q ' tftp GET /f 200 2000 bytes ' "$LOG"
}

# --- patience

@test "TFTP: nobody gets more than a few packets for one that was not answered" {
	in_both few_packets
}

few_packets()
{
	local pids=()
	WORKERS=2
	noise 4000 "$T/root/f"
	tftp_server -w
	# Before the peer has said anything: three times again.
	talk "ask $(rrq f timeout=1)" 'count 6000' >"$T/first" 3>&- &
	pids+=($!)
	talk "ask $(wrq g timeout=1)" 'count 6000' >"$T/put" 3>&- &
	pids+=($!)
	# Afterwards, a block and a window of two: five times again.
	talk "ask $(rrq f timeout=1)" 'hear 1000' 'say 00040000' 'count 8000' >"$T/block" 3>&- &
	pids+=($!)
	talk "ask $(rrq f timeout=1 windowsize=2)" 'hear 1000' 'say 00040000' 'count 8000' >"$T/window" 3>&- &
	pids+=($!)
	# Without the option the waits are 1, 2, 4 and 8 seconds.
	talk "ask $(rrq f)" 'count 8500' >"$T/doubled" 3>&- &
	pids+=($!)
	wait "${pids[@]}"
	assert_equal "$(cat "$T/first")" 4
	assert_equal "$(cat "$T/put")" 4
	assert_equal "$(tail -n 1 "$T/block")" 6
	assert_equal "$(tail -n 1 "$T/window")" 12
	assert_equal "$(cat "$T/doubled")" 4
	assert_equal "$(grep -c ' tftp PUT /g 408 0 bytes ' "$LOG")" 1
	# The last one is refused by the kernel, for its program has gone.
	assert_equal "$(grep -c ' tftp GET /f 408 0 bytes ' "$LOG")" 3
	assert_equal "$(staged)" ''
}

@test "TFTP: a peer that goes on with nothing is given up after io-timeout" {
	noise 4000 "$T/root/f"
	tftp_server -o io-timeout=2s
	# An ACK of what was acknowledged keeps nothing alive.
	{
		printf '%s\n' "ask $(rrq f)" 'hear 1000'
		for _ in {1..30}; do
			printf '%s\n' 'say 00040001' 'count 200'
		done
	} | tftp talk >/dev/null
	logged ' tftp GET /f 408 512 bytes [2-5]\.'
}

@test "TFTP: a peer that moves, but slower than min-rate, is given up" {
	noise 4000 "$T/root/f"
	tftp_server -o io-timeout=1s -o min-rate=64
	{
		printf '%s\n' "ask $(rrq f blksize=8)" 'hear 1000' 'say 00040000'
		for block in {1..9}; do
			printf '%s\n' 'hear 1000' 'count 300' "say 0004000$block"
		done
	} | tftp talk >/dev/null
	logged ' tftp GET /f 408 [0-9]+ bytes [1-3]\.'
}

# --- what is done to the server meanwhile

# begin_transfer: a client of its own asks for /f, and hears that it may have it; it goes on by what is written
# to $WORDS.  Nothing is sent again meanwhile.
begin_transfer()
{
	rm -f "$T/words"
	mkfifo "$T/words"
	tftp talk <"$T/words" >"$T/heard" 3>&- &
	CLIENT=$!
	exec {WORDS}>"$T/words"
	printf '%s\n' "ask $(rrq f timeout=60)" 'hear 5000' >&"$WORDS"
	wait_for test -s "$T/heard"
}

# end_transfer: the four blocks of 2,000 bytes.
end_transfer()
{
	printf '%s\n' 'say 00040000' 'hear 5000' 'say 00040001' 'hear 5000' 'say 00040002' 'hear 5000' \
	    'say 00040003' 'hear 5000' 'say 00040004' >&"$WORDS"
	exec {WORDS}>&-
	wait "$CLIENT"
	assert_equal "$(grep -o '^3 [0-9]* [0-9]*' "$T/heard" | xargs)" '3 1 512 3 2 512 3 3 512 3 4 464'
}

@test "TFTP: what is in progress goes on over a reload and an upgrade, and so do new requests" {
	local before
	SINGLE=yes
	WORKERS=2
	noise 2000 "$T/root/f"
	tftp_server
	begin_transfer
	run -0 ctl reload
	tftp get f 2>"$T/err" | cmp - "$T/root/f"
	end_transfer
	begin_transfer
	before=$PID
	run -0 ctl upgrade
	PID=$(sed -E 's/.*, pid ([0-9]+), serves.*/\1/' <<<"$output")
	SERVERS+=("$PID")
	tftp get f 2>"$T/err" | cmp - "$T/root/f"
	end_transfer
	wait_for gone "$before"
	tftp get f 2>"$T/err" | cmp - "$T/root/f"
}

# bats test_tags=models:all
@test "TFTP: a transfer that is kicked ends at once, and the next one is served" {
	in_both kicks
}

kicks()
{
	local id
	WORKERS=2
	noise 2000 "$T/root/f"
	tftp_server
	begin_transfer
	id=$(ctl --json who | jq -r '.[] | select(.protocol == "tftp") | .session')
	run -0 ctl kick "$id"
	assert_output "session $id is kicked"
	wait_for grep -qE " $id 127\.0\.0\.1 tftp GET /f (408|499) " "$LOG" || fail_with_log "it goes on"
	# Nobody answers for it any more.
	printf '%s\n' 'say 00040000' 'hear 200' >&"$WORDS"
	exec {WORDS}>&-
	wait "$CLIENT" || true
	refute_regex "$(tail -n 1 "$T/heard")" '^3 1 '
	tftp get f 2>"$T/err" | cmp - "$T/root/f"
}
