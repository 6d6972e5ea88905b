#!/usr/bin/env bats
# 21-list - LIST and its options, and STAT.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load dialog

# The names of a listing's lines, as they stand on the wire.
names()
{
	ask "$@" | sed -n 's/^[fdl] [^ ]* [^ ]* [^ ]* \([^ ]*\).*/\1/p'
}

@test "LIST shows type, size, time, mode and name, and ends with a dot" {
	printf 0123456789 >"$T/root/file"
	touch -d @1234567890.123456789 "$T/root/file"
	mkdir "$T/root/folder"
	touch -d @86400 "$T/root/folder"
	ln -s file "$T/root/link"
	touch -h -d @1000000000 "$T/root/link"
	server
	chmod 4751 "$T/root/file"
	chmod 1777 "$T/root/folder"
	local expected='200 type=d
f 10 1234567890.123456789 4751 file
d 0 86400.000000000 1777 folder
l 4 1000000000.000000000 0777 link
.'
	run -0 ask 'LIST / sort=name'
	assert_equal "$(printf '%s\n' "${lines[@]:1}")" "$expected"
	run -0 ask 'LIST sort=name'
	assert_equal "$(printf '%s\n' "${lines[@]:1}")" "$expected"
	run -0 ask LIST
	assert_equal "$(printf '%s\n' "${lines[@]:1}" | LC_ALL=C sort)" "$(LC_ALL=C sort <<<"$expected")"
	run -0 ask 'LIST /link' 'LIST /file' 'LIST /folder' 'LIST //folder/'
	assert_line --index 1 '200 type=f'
	assert_line --index 2 'f 10 1234567890.123456789 4751 link'
	assert_line --index 3 .
	assert_line --index 4 '200 type=f'
	assert_line --index 5 'f 10 1234567890.123456789 4751 file'
	assert_line --index 6 .
	assert_line --index 7 '200 type=d'
	assert_line --index 8 .
	assert_line --index 9 '200 type=d'
	assert_line --index 10 .
	assert_equal "${#lines[@]}" 11
}

@test "LIST of what is not there, not allowed or no folder is an error" {
	mkdir "$T/root/closed"
	touch "$T/root/file"
	mkfifo "$T/root/pipe"
	ln -s ../.. "$T/root/out"
	ln -s gone "$T/root/dangling"
	server
	chmod 0 "$T/root/closed"
	run -0 ask 'LIST /none' 'LIST /file/below' 'LIST /closed' 'LIST /pipe' 'LIST /out' 'LIST /dangling' PING
	assert_line --index 1 '404 /none: no such file or folder'
	assert_line --index 2 --regexp '^404 /file/below: '
	assert_line --index 3 --regexp '^403 /closed: '
	assert_line --index 4 --regexp '^403 /pipe: '
	assert_line --index 5 --regexp '^403 /out: '
	assert_line --index 6 --regexp '^404 /dangling: '
	assert_line --index 7 --regexp '^200 time='
}

@test "LIST depth= shows folders before what is in them, as deep as was asked" {
	mkdir -p "$T/root/a/b/c"
	touch "$T/root/a/b/c/file" "$T/root/a/b/other" "$T/root/top"
	ln -s . "$T/root/a/loop"
	server
	assert_equal "$(names 'LIST / depth=1' | LC_ALL=C sort | xargs)" 'a top'
	assert_equal "$(names 'LIST / depth=2' | LC_ALL=C sort | xargs)" 'a a/b a/loop top'
	assert_equal "$(names 'LIST / depth=3' | LC_ALL=C sort | xargs)" 'a a/b a/b/c a/b/other a/loop top'
	local all
	for all in all 4 4294967294; do
		assert_equal "$(names "LIST / depth=$all" | LC_ALL=C sort | xargs)" \
		    'a a/b a/b/c a/b/c/file a/b/other a/loop top'
	done
	assert_equal "$(names 'LIST /a/b depth=all' | LC_ALL=C sort | xargs)" 'c c/file other'
	assert_equal "$(names 'LIST / depth=all' | awk '
		{ seen[$0] = 1; up = $0 }
		sub("/[^/]*$", "", up) && !seen[up]')" ''
}

@test "LIST match= looks at the last part, and enters folders all the same" {
	mkdir -p "$T/root/sub.c/deep"
	touch "$T/root/a.c" "$T/root/b.h" "$T/root/sub.c/d.c" "$T/root/sub.c/deep/e.c" "$T/root/sub.c/deep/f.h" \
	    "$T/root/.hidden" "$T/root/a b" "$T/root/[x]"
	server
	assert_equal "$(names 'LIST / match=*.c' | LC_ALL=C sort | xargs)" 'a.c sub.c'
	assert_equal "$(names 'LIST / match=*.c depth=all' | LC_ALL=C sort | xargs)" \
	    'a.c sub.c sub.c/d.c sub.c/deep/e.c'
	assert_equal "$(names 'LIST / match=?.h depth=all sort=name' | xargs)" 'b.h sub.c/deep/f.h'
	assert_equal "$(names 'LIST / match=[ab].*' | LC_ALL=C sort | xargs)" 'a.c b.h'
	assert_equal "$(names 'LIST / match=a%20b')" a%20b
	assert_equal "$(names 'LIST / match=\[x]')" '[x]'
	assert_equal "$(names 'LIST / match=.h*')" .hidden
	assert_equal "$(names 'LIST /a.c match=*.c')" a.c
	run -0 ask 'LIST / match=nothing*' 'LIST /a.c match=*.h'
	assert_equal "$(printf '%s\n' "${lines[@]:1}")" $'200 type=d\n.\n200 type=f\n.'
}

@test "LIST sort= sorts names by bytes, size and time with the greatest first" {
	local name
	for name in b a C a.b a-b é; do
		printf "%0${#name}d" 0 >"$T/root/$name"
	done
	touch -d @1000.5 "$T/root/C"
	touch -d @1000.4 "$T/root/a"
	touch -d @3000 "$T/root/b"
	touch -d @2000 "$T/root/a.b" "$T/root/a-b"
	touch -d @1 "$T/root/é"
	mkdir "$T/root/d"
	touch -d @0 "$T/root/d"
	server
	assert_equal "$(names 'LIST / sort=name' | xargs)" 'C a a-b a.b b d é'
	assert_equal "$(names 'LIST / sort=mtime' | xargs)" 'b a-b a.b C a é d'
	assert_equal "$(names 'LIST / sort=size' | xargs)" "a-b a.b C a b é d"
	assert_equal "$(names 'LIST / sort=size limit=3' | xargs)" "a-b a.b C"
	assert_equal "$(names 'LIST / sort=mtime limit=1' | xargs)" b
}

@test "LIST after= and limit= page through a folder, each name once" {
	local page last='' pages=0 all=''
	(cd "$T/root" && seq 7 11 997 | sed 's/.*/n &%/' | xargs -d '\n' touch)
	server
	dial
	while :; do
		say "LIST / limit=13 sort=name${last:+ after=$last}"
		expect '^200 type=d$'
		page=
		while expect '^(\.|f .*)$' && [[ $REPLY != . ]]; do
			last=${REPLY##* }
			page+=$last$'\n'
		done
		[[ -n $page ]] || break
		all+=$page
		pages=$((pages + 1))
	done
	assert_equal "$pages" 7
	assert_equal "$all" "$(cd "$T/root" && ls | sed 's/%/%25/; s/ /%20/' | LC_ALL=C sort)"$'\n'
	# after= alone sorts, and what it names need not be there.
	assert_equal "$(names 'LIST / after=n%20980' | xargs)" 'n%20986%25 n%20997%25'
	assert_equal "$(names 'LIST / after=z')" ''
}

@test "LIST after= with depth compares whole names" {
	mkdir -p "$T/root/a" "$T/root/b"
	touch "$T/root/a/1" "$T/root/a/2" "$T/root/b/1" "$T/root/a!"
	server
	assert_equal "$(names 'LIST / depth=all sort=name' | xargs)" 'a a! a/1 a/2 b b/1'
	assert_equal "$(names 'LIST / depth=all after=a/1' | xargs)" 'a/2 b b/1'
	assert_equal "$(names 'LIST / depth=all after=a/1 limit=2' | xargs)" 'a/2 b'
}

@test "LIST digest tells the digests that are known, and a dash for others" {
	printf one >"$T/root/unknown"
	mkdir "$T/root/folder"
	printf two >"$T/two"
	server -w
	{ put "$T/two" /known; put "$T/two" /folder/known; } | replies >/dev/null
	run -0 ask 'LIST / digest depth=all sort=name'
	[[ ${lines[2]} =~ ^d\ 0\ [^\ ]*\ 0755\ folder\ sha256=-$ ]]
	[[ ${lines[3]} =~ ^f\ 3\ [^\ ]*\ 0644\ folder/known\ sha256=$(sha "$T/two")$ ]]
	[[ ${lines[4]} =~ ^f\ 3\ [^\ ]*\ 0644\ known\ sha256=$(sha "$T/two")$ ]]
	[[ ${lines[5]} =~ ^f\ 3\ [^\ ]*\ 0644\ unknown\ sha256=-$ ]]
	run -0 ask 'LIST / sort=name'
	refute_output --partial sha256
	run -0 ask 'LIST /known digest'
	[[ ${lines[2]} == *" known sha256=$(sha "$T/two")" ]]
}

@test "LIST leaves out FIFOs, sockets and devices" {
	mkfifo "$T/root/pipe"
	touch "$T/root/file"
	[[ $(id -u) != 0 ]] || mknod "$T/root/device" c 1 3
	perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un(shift)) or die' "$T/root/socket"
	server
	assert_equal "$(names 'LIST /')" file
	assert_equal "$(names 'LIST / depth=all sort=name')" file
}

@test "a folder that may not be read ends a deep listing with its code, and hides no other" {
	mkdir -p "$T/root/a" "$T/root/closed/in" "$T/root/z"
	touch "$T/root/a/1" "$T/root/z/1"
	server
	chmod 0 "$T/root/closed"
	run -0 ask 'LIST / depth=all' 'LIST / depth=all sort=name' PING
	assert_line --index 1 '200 type=d'
	assert_line --index 7 --regexp '^! 403 /: '
	assert_line --index 8 '200 type=d'
	assert_line --index 14 --regexp '^! 403 /: '
	assert_line --index 15 --regexp '^200 time='
	assert_equal "$(printf '%s\n' "${lines[@]:2:5}" | cut -d ' ' -f 5 | LC_ALL=C sort | xargs)" \
	    'a a/1 closed z z/1'
}

@test "folders beneath folders are listed as deep as a listing goes, and told where it stops" {
	local deep
	deep=$(printf 'd/%.0s' {1..80})
	mkdir -p "$T/root/$deep"
	server
	run -0 ask 'LIST / depth=all' PING
	assert_equal "$(grep -c '^d ' <<<"$output")" 64
	assert_line --regexp '^! 400 /: '
	assert_line --regexp '^200 time='
}

@test "a folder of 1,200 names is listed whole, sorted or not" {
	(cd "$T/root" && seq -f 'a rather long name to fill batches with, %g' 1200 | xargs -d '\n' touch)
	server
	(cd "$T/root" && ls | sed 's/ /%20/g' | LC_ALL=C sort) >"$T/expected"
	names 'LIST /' | LC_ALL=C sort | cmp - "$T/expected"
	names 'LIST / sort=name' | cmp - "$T/expected"
	assert_equal "$(names 'LIST / limit=1199' | wc -l)" 1199
	assert_equal "$(names 'LIST / limit=300' | wc -l)" 300
	assert_equal "$(names 'LIST / limit=1' | wc -l)" 1
	assert_equal "$(ask 'LIST / limit=18446744073709551615' PING | wc -l)" 1204
}

@test "STAT tells of a file, a folder and what a link leads to" {
	printf 0123456789 >"$T/root/file"
	touch -d @1234567890.000000001 "$T/root/file"
	mkdir "$T/root/folder"
	touch -d @5 "$T/root/folder"
	ln -s folder "$T/root/link"
	mkfifo "$T/root/pipe"
	server
	chmod 0600 "$T/root/file"
	run -0 ask 'STAT /file' 'STAT /folder' 'STAT /link/' 'STAT /' 'STAT /none' 'STAT /file/x' 'STAT /pipe'
	assert_line --index 1 '200 type=f size=10 mtime=1234567890.000000001 mode=0600 sha256=-'
	assert_line --index 2 '200 type=d size=0 mtime=5.000000000 mode=0755 sha256=-'
	assert_line --index 3 '200 type=d size=0 mtime=5.000000000 mode=0755 sha256=-'
	assert_line --index 4 --regexp '^200 type=d size=0 mtime=[0-9]+\.[0-9]{9} mode=0755 sha256=-$'
	assert_line --index 5 '404 /none: no such file or folder'
	assert_line --index 6 --regexp '^404 /file/x: '
	assert_line --index 7 --regexp '^403 /pipe: '
}

@test "STAT tells of a file that may not be read, GET does not give it" {
	printf 0123456789 >"$T/root/file"
	server
	chmod 0 "$T/root/file"
	run -0 ask 'STAT /file' 'GET /file' 'HASH /file' PING
	assert_line --index 1 --regexp '^200 type=f size=10 .* mode=0000 sha256=-$'
	assert_line --index 2 --regexp '^403 /file: '
	assert_line --index 3 --regexp '^403 /file: '
	assert_line --index 4 --regexp '^200 time='
}
