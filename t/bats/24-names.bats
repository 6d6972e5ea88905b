#!/usr/bin/env bats
# 24-names - the verbs that change names; odd names, and the one that is reserved.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load dialog

# codes LINE...: the codes of the replies.
codes()
{
	ask "$@" | tail -n +2 | cut -c 1-3 | xargs
}

@test "DELETE removes a file, no folder, and nothing twice" {
	mkdir "$T/root/d"
	touch "$T/root/f" "$T/root/d/g"
	server -w
	run -0 ask 'DELETE /f' 'DELETE /f' 'DELETE /d' 'DELETE /' 'DELETE /d/g' 'DELETE /d/g/h' 'DELETE /none/x'
	assert_line --index 1 '200 path=/f'
	assert_line --index 2 '404 /f: no such file or folder'
	assert_line --index 3 '409 /d: is a folder'
	assert_line --index 4 --regexp '^409 /: '
	assert_line --index 5 '200 path=/d/g'
	assert_line --index 6 --regexp '^404 /d/g/h: '
	assert_line --index 7 --regexp '^404 /none/x: '
	[[ -d $T/root/d ]]
}

@test "MKDIR makes a folder, with parents all of them" {
	touch "$T/root/f"
	server -w
	run -0 ask 'MKDIR /d' 'MKDIR /d' 'MKDIR /f' 'MKDIR /' 'MKDIR /a/b' 'MKDIR /a/b/c parents' \
	    'MKDIR /a/b/c parents' 'MKDIR /a/b/c/d/ parents' 'MKDIR /f parents' 'MKDIR /f/g parents' 'MKDIR / parents'
	assert_line --index 1 '201 path=/d'
	assert_line --index 2 '409 /d: exists already'
	assert_line --index 3 '409 /f: exists already'
	assert_line --index 4 --regexp '^409 /: '
	assert_line --index 5 '404 /a/b: no such file or folder'
	assert_line --index 6 '201 path=/a/b/c'
	assert_line --index 7 '200 path=/a/b/c'
	assert_line --index 8 '201 path=/a/b/c/d'
	assert_line --index 9 --regexp '^409 /f: '
	assert_line --index 10 --regexp '^40[49] /f/g: '
	assert_line --index 11 '200 path=/'
	[[ -d $T/root/d && -d $T/root/a/b/c/d && -f $T/root/f ]]
	assert_equal "$(stat -c %a "$T/root/d")" 755
}

@test "RMDIR removes an empty folder, and nothing else" {
	mkdir -p "$T/root/empty" "$T/root/full/sub"
	touch "$T/root/f"
	ln -s empty "$T/root/link"
	server -w
	run -0 ask 'RMDIR /full' 'RMDIR /f' 'RMDIR /link' 'RMDIR /empty' 'RMDIR /empty' 'RMDIR /' 'RMDIR /full/sub/' 'RMDIR /full'
	assert_line --index 1 '409 /full: the folder is not empty'
	assert_line --index 2 --regexp '^404 /f: '
	assert_line --index 3 --regexp '^404 /link: '
	assert_line --index 4 '200 path=/empty'
	assert_line --index 5 '404 /empty: no such file or folder'
	assert_line --index 6 --regexp '^409 /: '
	assert_line --index 7 '200 path=/full/sub'
	assert_line --index 8 '200 path=/full'
}

@test "MOVE gives a file or folder another name, over a file that is there" {
	mkdir -p "$T/root/d/sub" "$T/root/full/x" "$T/root/empty"
	printf a >"$T/root/a"
	printf b >"$T/root/b"
	printf x >"$T/x"
	server -w
	put "$T/x" /known | replies >/dev/null
	run -0 ask 'MOVE /a /d/new' 'MOVE /d/new /b' 'MOVE /none /c' 'MOVE /b /none/c' 'MOVE /b /d' 'MOVE /d /b' \
	    'MOVE /d /d/sub/below' 'MOVE /d /full' 'MOVE /d/sub /empty' 'MOVE / /r' 'MOVE /b /' 'MOVE /known /moved' \
	    'STAT /moved' 'MOVE /b /b'
	assert_line --index 1 '200 path=/d/new'
	assert_line --index 2 '200 path=/b'
	assert_line --index 3 --regexp '^404 '
	assert_line --index 4 --regexp '^404 '
	assert_line --index 5 --regexp '^409 '
	assert_line --index 6 --regexp '^40[49] '
	assert_line --index 7 --regexp '^400 '
	assert_line --index 8 --regexp '^409 '
	assert_line --index 9 '200 path=/empty'
	assert_line --index 10 --regexp '^409 /: '
	assert_line --index 11 --regexp '^409 '
	assert_line --index 12 '200 path=/moved'
	assert_line --index 13 --regexp " sha256=$(sha "$T/x")$"
	assert_line --index 14 '200 path=/b'
	assert_equal "$(cat "$T/root/b")" a
	[[ ! -e $T/root/a && -d $T/root/full/x && -d $T/root/d ]]
}

@test "MOVE if=new replaces nothing" {
	mkdir "$T/root/d" "$T/root/e"
	printf a >"$T/root/a"
	printf b >"$T/root/b"
	server -w
	run -0 ask 'MOVE /a /b if=new' 'MOVE /a /d if=new' 'MOVE /d /e if=new' 'MOVE /a /c if=new' 'MOVE /d /f if=new' \
	    'MOVE /none /g if=new' 'MOVE /c /b if=sha256:'"$(sha "$T/root/b")"
	assert_line --index 1 --regexp '^412 /b: '
	assert_line --index 2 --regexp '^412 /d: '
	assert_line --index 3 --regexp '^412 /e: '
	assert_line --index 4 '200 path=/c'
	assert_line --index 5 '200 path=/f'
	assert_line --index 6 --regexp '^404 '
	assert_line --index 7 --regexp '^400 '
	assert_equal "$(cat "$T/root/b" "$T/root/c")" ba
}

@test "COPY copies content, mode and digest, over a file that is there" {
	noise 300000 "$T/root/large"
	mkdir "$T/root/d"
	printf old >"$T/root/old"
	: >"$T/root/empty"
	server -w
	chmod 750 "$T/root/large"
	run -0 ask 'COPY /large /copy' 'STAT /copy' 'COPY /large /old' 'COPY /empty /d/e' 'COPY /large /old if=new' \
	    'COPY /large /new if=new' 'COPY /d /x' 'COPY /none /x' 'COPY /large /d' 'COPY /large /none/x' 'COPY /large /large'
	assert_line --index 1 "201 size=300000 sha256=$(sha "$T/root/large") durability=full"
	assert_line --index 2 --regexp "^200 type=f size=300000 mtime=[0-9.]+ mode=0750 sha256=$(sha "$T/root/large")$"
	assert_line --index 3 --regexp '^201 '
	assert_line --index 4 "201 size=0 sha256=$(sha </dev/null) durability=full"
	assert_line --index 5 --regexp '^412 '
	assert_line --index 6 --regexp '^201 '
	assert_line --index 7 --regexp '^409 /d: '
	assert_line --index 8 --regexp '^404 '
	assert_line --index 9 --regexp '^409 '
	assert_line --index 10 --regexp '^404 '
	assert_line --index 11 --regexp '^201 '
	cmp "$T/root/large" "$T/root/copy"
	cmp "$T/root/large" "$T/root/old"
	assert_equal "$(sha "$T/root/large")" "$(sha "$T/root/new")"
	assert_equal "$(staged)" ''
}

@test "SET sets time and mode of a file or folder, and the digest stays known" {
	printf data >"$T/data"
	mkdir "$T/root/d"
	server -w
	put "$T/data" /f | replies >/dev/null
	run -0 ask 'SET /f mtime=1234567890.5' 'STAT /f' 'SET /f mode=0440' 'STAT /f' 'SET /f mtime=7 mode=600' 'STAT /f' \
	    'SET /d mode=0700 mtime=5' 'STAT /d' 'SET /f' 'SET /none mode=0600' 'SET /f mode=01777' 'SET /f mtime=-1' \
	    'SET / mtime=9' 'STAT /'
	assert_line --index 1 '200 path=/f'
	assert_line --index 2 "200 type=f size=4 mtime=1234567890.500000000 mode=0644 sha256=$(sha "$T/data")"
	assert_line --index 4 "200 type=f size=4 mtime=1234567890.500000000 mode=0440 sha256=$(sha "$T/data")"
	assert_line --index 6 "200 type=f size=4 mtime=7.000000000 mode=0600 sha256=$(sha "$T/data")"
	assert_line --index 7 '200 path=/d'
	assert_line --index 8 '200 type=d size=0 mtime=5.000000000 mode=0700 sha256=-'
	assert_line --index 9 --regexp '^400 SET needs mtime= or mode='
	assert_line --index 10 --regexp '^404 '
	assert_line --index 11 --regexp '^400 mode='
	assert_line --index 12 --regexp '^400 mtime='
	assert_line --index 13 '200 path=/'
	assert_line --index 14 --regexp '^200 type=d size=0 mtime=9\.0'
}

@test "SET keeps the set-group-id bit of a shared folder" {
	mkdir "$T/root/d"
	server -w
	# Only a member of the folder's group may keep it.
	[[ $(id -u) != 0 ]] || chgrp "$(id -g "$(server_user)")" "$T/root/d"
	chmod 2775 "$T/root/d"
	assert_equal "$(codes 'SET /d mode=0750')" 200
	assert_equal "$(stat -c %a "$T/root/d")" 2750
}

# Odd names, one a line as they stand on the wire.
ODD='a%20b
%20
100%25
100%2525
new%0Aline
tab%09
%7F
back\slash
"quoted"
-n
--help
-
...
.hidden
a=b
limit=3
digest
*
[a-z]
~
#
über'

@test "names are bytes: odd ones are put, listed, read, moved and deleted" {
	local -x LC_ALL=C
	local name n
	printf 'data\n' >"$T/data"
	{ printf '%s\n' "$ODD"; printf '\xff\xfe\n\xc3\x28\n%s\n' "$(printf 'x%.0s' {1..240})"; } >"$T/names"
	n=$(wc -l <"$T/names")
	server -w
	while IFS= read -r name; do
		put "$T/data" "/$name"
	done <"$T/names" | replies | grep -c '^201 size=5 ' >"$T/got"
	assert_equal "$(cat "$T/got")" "$n"
	assert_equal "$(cat "$T"/root/{'a b',100%,$'new\nline',$'\xff\xfe',$'\xc3\x28',-n,über} | grep -c data)" 7
	ask LIST | sed -n 's/^f 5 [^ ]* 0644 //p' | sort >"$T/got"
	sort "$T/names" | cmp - "$T/got"
	sed 's,.*,GET /&,' "$T/names" | replies | grep -c '^data$' >"$T/got"
	assert_equal "$(cat "$T/got")" "$n"
	sed 's,.*,MOVE /& /moved-&\nSTAT /moved-&\nDELETE /moved-&,' "$T/names" | replies >"$T/got"
	run -1 grep -av '^200 ' "$T/got"
	assert_equal "$(wc -l <"$T/got")" $((3 * n))
	# What an error or a path= shows is what a client may send back.
	sed 's,.*,DELETE /&,' "$T/names" | replies >"$T/got"
	sed 's,.*,404 /&: no such file or folder,' "$T/names" | cmp - "$T/got"
	assert_equal "$(ls "$T/root")" ''
}

@test "a name may be encoded more than it must, in either case of digits" {
	printf data >"$T/root/a b"
	printf data >"$T/root/z"
	mkdir "$T/root/d"
	printf data >"$T/root/d/e"
	server
	assert_equal "$(codes 'STAT /a%20b' 'STAT /%61%20%62' 'STAT /%7A' 'STAT /%7a' 'STAT /d%2Fe' 'STAT /d%2fe' 'STAT //d///e')" \
	    '200 200 200 200 200 200 200'
	run -0 ask 'STAT /none%0a%7e'
	assert_line --index 1 '404 /none%0A~: no such file or folder'
	# The slash in front is what makes a word a path.
	assert_equal "$(codes 'STAT %2Fz')" 400
}

@test "a name of 255 bytes is good, of 256 too long; a path of 4,095 is good, of 4,096 too long" {
	local part path i
	part=$(printf 'x%.0s' {1..255})
	server -w
	# 15 parts of 255 with their slashes are 3,840 bytes with the first: 255 are left.
	path=
	for i in {1..15}; do
		path+=/$part
	done
	assert_equal "$(codes "MKDIR $path parents" "STAT $path" "LIST $path")" '201 200 200 '"$(echo .)"
	path+=/$part
	assert_equal "${#path}" 4096
	# The slash in front is not of the path within the tree.
	run -0 ask "PUT $path size=0" "STAT $path" "STAT ${path}y" "STAT $path/y" "STAT /${part}y" "STAT /%78${part:1}" \
	    "STAT /%78$part"
	assert_line --index 1 --regexp '^201 '
	assert_line --index 2 --regexp '^200 type=f '
	assert_line --index 3 --regexp '^400 .*255.*4095'
	assert_line --index 4 --regexp '^400 .*255.*4095'
	assert_line --index 5 --regexp '^400 .*255.*4095'
	assert_line --index 6 --regexp '^200 type=d '
	assert_line --index 7 --regexp '^400 .*255.*4095'
	run -0 ask 'LIST / depth=all'
	assert_equal "$(grep -c '^[fd] ' <<<"$output")" 16
	assert_equal "${lines[-1]}" .
}

@test ". and .. are refused, plain and encoded, in any place" {
	mkdir -p "$T/root/a/b"
	server -w
	local path verb
	for path in /.. /../etc/passwd /a/.. /a/../a /a/b/../../.. /%2e%2e /%2E./a /.%2e/ /a/%2e%2e%2fa /. /a/./b /%2e \
	    /a%2f.. //..// /..%2f..%2fetc%2fpasswd; do
		for verb in LIST STAT GET HASH DELETE MKDIR RMDIR; do
			echo "$verb $path"
		done
		printf '%s\n' "PUT $path size=1 wait" "MOVE /a/b $path" "MOVE $path /x" "COPY $path /x" "COPY /a $path" \
		    "SET $path mode=0700"
	done >"$T/asked"
	replies <"$T/asked" >"$T/got"
	run ! grep -v '^400 ' "$T/got"
	assert_equal "$(wc -l <"$T/got")" "$(wc -l <"$T/asked")"
	assert_equal "$(codes 'LIST /...' 'STAT /..a' 'STAT /a/..b' 'STAT /.a')" '404 404 404 404'
}

# Bytes that other decoders take for a dot, a slash or an end.
@test "overlong UTF-8, other dots and slashes, and what is encoded twice are names as any other, or refused" {
	local -x LC_ALL=C
	local path
	mkdir -p "$T/root/a" "$T/etc"
	echo secret >"$T/etc/passwd"
	server -w
	for path in /%c0%ae%c0%ae/etc/passwd /%c0%ae%c0%ae%c0%afetc%c0%afpasswd /%e0%80%ae%e0%80%ae/etc/passwd \
	    /%f0%80%80%ae%f0%80%80%ae/etc/passwd /%fc%80%80%80%80%ae/etc/passwd /%252e%252e/etc/passwd \
	    /%252e%252e%252fetc%252fpasswd /..%5cetc%5cpasswd /a/..%5c..%5cetc /%ef%bc%8e%ef%bc%8e/etc/passwd \
	    /%e2%80%a4%e2%80%a4/etc/passwd /%ef%bc%8f%ef%bc%8fetc /..%0a/etc/passwd /..%20/etc/passwd /%09../etc/passwd \
	    /%7f../etc/passwd /%1b%5b2J/etc /%c2%85/etc; do
		printf '%s\n' "LIST $path" "GET $path" "STAT $path" "HASH $path" "DELETE $path" "RMDIR $path" \
		    "MOVE $path /x" "COPY $path /x" "SET $path mode=0777" "PUT $path/y size=1 wait"
	done >"$T/asked"
	replies <"$T/asked" >"$T/got"
	run ! grep -v '^404 .*no such file or folder$' "$T/got"
	assert_equal "$(wc -l <"$T/got")" "$(wc -l <"$T/asked")"
	for path in /%00 /a%00 /%00/etc/passwd /a/%00../b /..%00 /a%00.txt; do
		printf '%s\n' "LIST $path" "GET $path" "STAT $path" "DELETE $path" "MKDIR $path" "MOVE /a $path" \
		    "PUT $path size=1 wait"
	done >"$T/asked"
	replies <"$T/asked" >"$T/got"
	run ! grep -v '^400 ' "$T/got"
	assert_equal "$(wc -l <"$T/got")" "$(wc -l <"$T/asked")"
	assert_equal "$(cat "$T/etc/passwd"; ls "$T/root")" $'secret\na'
	assert_well
}

@test "the reserved folder is neither listed nor reachable, in whatever disguise" {
	printf data >"$T/data"
	mkdir "$T/root/d"
	server -w
	put "$T/data" /f | replies >/dev/null
	[[ -d $T/root/.coffer ]]
	mkdir "$T/root/d/.coffer"
	printf secret >"$T/root/.coffer/secret"
	[[ $(id -u) != 0 ]] || chown -R "$(server_user)" "$T/root"
	local path verb
	for path in /.coffer /.coffer/ //.coffer /%2ecoffer /.%63offer /%2E%63%6f%66%66%65%72 /.coffer/secret \
	    /.coffer%2fsecret /%2ecoffer/secret /d/.coffer /d//.coffer/ /d%2f.coffer /none/.coffer /f/.coffer /.coffer/.coffer; do
		for verb in LIST STAT GET HASH DELETE MKDIR RMDIR; do
			echo "$verb $path"
		done
		printf '%s\n' "PUT $path size=1 wait" "MOVE /f $path" "MOVE $path /x" "COPY $path /x" "COPY /f $path" \
		    "SET $path mode=0777" "MKDIR $path/x parents" "PUT $path/x size=1 resume"
	done >"$T/asked"
	replies <"$T/asked" >"$T/got"
	run ! grep -v '^404 .*no such file or folder$' "$T/got"
	assert_equal "$(wc -l <"$T/got")" "$(wc -l <"$T/asked")"
	run -0 ask 'LIST / depth=all' 'LIST /d' 'LIST / match=.c*' 'LIST / match=.coffer' 'LIST / after=.b' 'LIST / sort=name digest'
	refute_output --partial .coffer
	refute_output --partial secret
	assert_equal "$(cat "$T/root/.coffer/secret" "$T/root/f")" secretdata
}

@test "only the exact name is reserved: .COFFER and its like are names as any other" {
	printf data >"$T/data"
	server -w
	run -0 ask_bytes < <(
		printf 'MKDIR /.COFFER\n'
		put "$T/data" /.COFFER/f
		put "$T/data" /.coffer.txt
		put "$T/data" /coffer
		put "$T/data" /.coffer%20
		put "$T/data" /.Coffer
		echo 'LIST / depth=all sort=name'
	)
	assert_equal "$(printf '%s\n' "${lines[@]:1:6}" | cut -c 1-3 | xargs)" '201 201 201 201 201 201'
	assert_equal "$(printf '%s\n' "${lines[@]:8:6}" | cut -d ' ' -f 5 | xargs)" \
	    '.COFFER .COFFER/f .Coffer .coffer%20 .coffer.txt coffer'
}
