#!/usr/bin/env bats
# 51-http-ranges - parts of files over HTTP.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load http

# alphabet: 10,000 bytes of which each ten are alike and no others, served.
alphabet()
{
	local i
	for i in {0..999}; do printf '%09d\n' "$i"; done >"$T/root/f"
	touch -d '2001-09-09 01:46:40.123456789Z' "$T/root/f"
	web
}

@test "one range is that part of the file" {
	alphabet
	for range in 0-0:0:1 5-14:5:10 9990-:9990:10 -7:9993:7 -99999:0:10000 9999-99999:9999:1 0-9999:0:10000; do
		IFS=: read -r asked from len <<<"$range"
		run -0 head_of /f -H "Range: bytes=$asked"
		assert_line --index 0 'HTTP/1.1 206 Partial Content'
		assert_line "Content-Range: bytes $from-$((from + len - 1))/10000"
		assert_line "Content-Length: $len"
		tail -c +$((from + 1)) "$T/root/f" | head -c "$len" | cmp - "$T/body"
	done
	# A large part leaves by another way.
	head -c 100000 /dev/urandom >"$T/root/g"
	get /g -r 1-70000 | cmp - <(tail -c +2 "$T/root/g" | head -c 70000)
}

@test "several ranges are parts of one message" {
	alphabet
	run -0 head_of /f -H 'Range: bytes=0-8, 5000-5008, -10'
	assert_line --index 0 'HTTP/1.1 206 Partial Content'
	boundary=$(sed -n 's|^Content-Type: multipart/byteranges; boundary=||p' <<<"$output")
	assert_equal "$(field Content-Length <<<"$output")" "$(stat -c %s "$T/body")"
	part() { printf -- '--%s\nContent-Type: application/octet-stream\nContent-Range: bytes %s/10000\n\n%s' "$boundary" "$@"; }
	{
		echo
		part 0-8 000000000; echo
		part 5000-5008 000000500; echo
		part 9990-9999 $'000000999\n'; echo
		printf -- '--%s--\n' "$boundary"
	} >"$T/want"
	# The last part ends by a LF of its own.
	tr -d '\r' <"$T/body" | diff "$T/want" -
}

@test "ranges that overlap, touch or nearly do are one" {
	alphabet
	for ranges in 0-99,50-149 50-149,0-99 0-9,100-149 0-0,149-149,1-148; do
		run -0 head_of /f -H "Range: bytes=$ranges"
		assert_line 'Content-Range: bytes 0-149/10000'
		head -c 150 "$T/root/f" | cmp - "$T/body"
	done
}

@test "a thousand ranges cost no more than the file" {
	alphabet
	many=$(printf '0-0,%.0s' {1..1000})
	assert_equal "$(status_of /f -H "Range: bytes=${many%,}")" 200
	cmp "$T/root/f" "$T/body"
	many=$(for i in {0..31}; do printf '%d-%d,' $((i * 300)) $((i * 300)); done)
	assert_equal "$(status_of /f -H "Range: bytes=$many")" 206
	assert_equal "$(grep -c Content-Range "$T/body")" 32
	assert_equal "$(status_of /f -H "Range: bytes=${many}9999-")" 200
}

@test "no such byte is a 416 that tells the size" {
	alphabet
	: >"$T/root/empty"
	for range in 10000- 20000-30000 -0 '10000-,-0' 99999999999999999999-; do
		run -0 head_of /f -H "Range: bytes=$range"
		assert_line --index 0 'HTTP/1.1 416 Range Not Satisfiable'
		assert_line 'Content-Range: bytes */10000'
	done
	assert_equal "$(status_of /empty -H 'Range: bytes=0-')" 416
	assert_equal "$(status_of /empty -H 'Range: bytes=-5')" 200
}

@test "what is no range is passed over, and so is any but of a GET" {
	alphabet
	for range in bytes=5-2 bytes= bytes=a-b lines=1-2 'bytes 0-1' 'bytes=0-1;2-3' bytes=--1; do
		assert_equal "$(status_of /f -H "Range: $range")" 200
	done
	assert_equal "$(status_of /f -H 'Range: bytes=0-1' -H 'Range: bytes=4-5')" 200
	run -0 head_of /f -I -H 'Range: bytes=0-1'
	assert_line --index 0 'HTTP/1.1 200 OK'
	assert_line 'Content-Length: 10000'
}

@test "If-Range gives the part of the same version, else the whole other one" {
	alphabet
	tag=$(head_of /f | field ETag)
	then='Sun, 09 Sep 2001 01:46:40 GMT'
	assert_equal "$(status_of /f -H 'Range: bytes=0-1' -H "If-Range: $tag")" 206
	assert_equal "$(status_of /f -H 'Range: bytes=0-1' -H "If-Range: W/$tag")" 200
	assert_equal "$(status_of /f -H 'Range: bytes=0-1' -H 'If-Range: "x"')" 200
	assert_equal "$(status_of /f -H 'Range: bytes=0-1' -H "If-Range: $then")" 206
	assert_equal "$(status_of /f -H 'Range: bytes=0-1' -H 'If-Range: Sun, 09 Sep 2001 01:46:41 GMT')" 200
	# Conditions come before ranges.
	assert_equal "$(status_of /f -H 'Range: bytes=0-1' -H "If-None-Match: $tag")" 304
	assert_equal "$(status_of /f -H 'Range: bytes=99999-' -H 'If-Match: "x"')" 412
}

@test "a download that was cut goes on" {
	head -c 200000 /dev/urandom >"$T/root/g"
	web
	head -c 70001 "$T/root/g" >"$T/half"
	curl -q -s -S --noproxy '*' -C - -o "$T/half" "$WEB/g"
	cmp "$T/half" "$T/root/g"
}
