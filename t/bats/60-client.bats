#!/usr/bin/env bats
# 60-client - every command of coffer, names of all kinds, and what it tells.

bats_require_minimum_version 1.5.0
load helper

# odd_tree FOLDER: names that break what is not careful, and an empty file and folder.
odd_tree()
{
	mkdir -p "$1/sub folder/deeper" "$1/empty folder"
	printf 1 >"$1/a b"
	printf 2 >"$1/100%"
	printf 3 >"$1/100%25"
	printf 4 >"$1"/$'new\nline'
	printf 5 >"$1"/$'\xff\xfe no utf-8'
	printf 6 >"$1/back\\slash"
	printf 7 >"$1/-n"
	printf 8 >"$1/sub folder/a=b c"
	printf 9 >"$1/sub folder/deeper/über"
	: >"$1/empty"
	printf x >"$1/$(printf 'l%.0s' {1..255})"
}

@test "ls lists names, one a line, sorted by bytes" {
	touch "$T/root/b" "$T/root/C" "$T/root/a"
	mkdir "$T/root/d"
	server
	run -0 coffer ls
	assert_output "$(printf 'C\na\nb\nd')"
}

@test "ls -r shows a folder's content directly behind it" {
	mkdir "$T/root/d"
	touch "$T/root/d/x" "$T/root/d!" "$T/root/e"
	server
	run -0 coffer ls -r
	assert_output "$(printf 'd\nd/x\nd!\ne')"
}

@test "ls -l tells type, mode, size for people and time" {
	head -c 4096 /dev/zero >"$T/root/file"
	touch -d '2024-02-03 04:05:06' "$T/root/file"
	chmod 640 "$T/root/file"
	mkdir "$T/root/folder"
	[[ $(id -u) != 0 ]] || chgrp nogroup "$T/root/file"
	server
	run -0 coffer ls -l
	assert_line --regexp '^-rw-r----- +4\.0K 2024-02-03 04:05 file$'
	assert_line --regexp '^drwx.* +- .* folder$'
}

@test "ls -S and -t sort by size and time, -U prints all there is" {
	head -c 10 /dev/zero >"$T/root/a"
	head -c 30 /dev/zero >"$T/root/b"
	head -c 20 /dev/zero >"$T/root/c"
	touch -d @3000 "$T/root/a"
	touch -d @1000 "$T/root/b"
	touch -d @2000 "$T/root/c"
	server
	run -0 coffer ls -S
	assert_output "$(printf 'b\nc\na')"
	run -0 coffer ls -t
	assert_output "$(printf 'a\nc\nb')"
	coffer ls -U | sort >"$T/all"
	assert_equal "$(cat "$T/all")" "$(printf 'a\nb\nc')"
}

@test "ls of a file is the file, and several operands have titles" {
	mkdir "$T/root/d"
	touch "$T/root/d/x" "$T/root/f"
	server
	run -0 coffer ls /f
	assert_output f
	run -0 coffer ls /f /d
	assert_output "$(printf '/f:\nf\n\n/d:\nx')"
}

@test "ls --json is an array of objects; names that are no UTF-8 have their bytes in hex" {
	odd_tree "$T/root"
	server
	coffer ls --json / >"$T/json"
	run -0 jq -r 'map(.name) | length' "$T/json"
	assert_output 11
	run -0 jq -r '.[] | select(.name == "100%") | .size, .type, .mode' "$T/json"
	assert_output "$(printf '1\nfile\n0644')"
	run -0 jq -r '.[] | select(.name_hex) | .name, .name_hex' "$T/json"
	assert_output "$(printf '\\377\\376 no utf-8\nfffe206e6f207574662d38')"
	run -0 jq -r '.[] | select(.name == "new\nline") | .size' "$T/json"
	assert_output 1
	run -0 coffer ls --json '/empty folder'
	assert_output '[]'
}

@test "ls -0 ends names with NUL, and leaves their bytes alone" {
	odd_tree "$T/root"
	server
	coffer ls -0 | sort -z >"$T/have"
	(cd "$T/root" && find . -mindepth 1 -maxdepth 1 ! -name .coffer -printf '%P\0') | sort -z >"$T/want"
	cmp "$T/have" "$T/want"
}

@test "get and put keep bytes, mode and time of change" {
	head -c 3000000 /dev/urandom >"$T/mine"
	chmod 750 "$T/mine"
	touch -d '2020-01-02 03:04:05.123456789' "$T/mine"
	server -w
	coffer put "$T/mine" /there
	cmp "$T/mine" "$T/root/there"
	assert_equal "$(stat -c '%a %.9Y' "$T/root/there")" "$(stat -c '%a %.9Y' "$T/mine")"
	(umask 077 && coffer get /there "$T/back")
	cmp "$T/mine" "$T/back"
	assert_equal "$(stat -c '%a %.9Y' "$T/back")" "$(stat -c '%a %.9Y' "$T/mine")"
	assert_not_exist "$T/back.part"
}

@test "a tree with odd names goes there and back unchanged" {
	odd_tree "$T/tree"
	server -w
	coffer put -r "$T/tree" /there
	diff -r "$T/tree" "$T/root/there"
	coffer get -r /there "$T/back"
	diff -r "$T/tree" "$T/back"
}

@test "odd names one by one: as plain paths, and as URLs with %XX" {
	odd_tree "$T/root"
	server
	cd "$T"
	coffer get '/100%25' plain
	assert_equal "$(cat plain)" 3
	coffer get "$URL/100%25" url
	assert_equal "$(cat url)" 2
	coffer get "$URL/a%20b" url
	assert_equal "$(cat url)" 1
	coffer get $'/\xff\xfe no utf-8' bytes
	assert_equal "$(cat bytes)" 5
	coffer get "$URL/%FF%FE no utf-8" bytes2
	cmp bytes bytes2
	coffer get $'/new\nline' line
	assert_equal "$(cat line)" 4
	run -2 coffer get "$URL/bad%2" x
	run -2 coffer get "$URL/nul%00" x
}

@test "get takes the remote name into a folder, -t all of them, and another name otherwise" {
	mkdir "$T/root/d" "$T/here" "$T/t"
	echo x >"$T/root/d/x"
	echo y >"$T/root/y"
	server
	cd "$T/here"
	coffer get /d/x
	coffer get "$URL/y"
	coffer get /d/x ../t
	coffer get /d/x /y ../t/
	coffer get -t ../t /y /d/x
	coffer get /d/x ../t/other
	assert_equal "$(ls; ls ../t)" "$(printf 'x\ny\nother\nx\ny')"
	run -6 coffer get /d/x /y ../missing
	run -6 coffer get /d/x ../missing/
	run -6 coffer get /d/x ../missing/x
}

@test "get -r makes LOCAL the copy, or goes into it if it is there" {
	mkdir -p "$T/root/d/e"
	echo 1 >"$T/root/d/e/f"
	server
	cd "$T"
	coffer get -r /d new
	diff -r root/d new
	coffer get -r /d new
	diff -r root/d new/d
	coffer get -r /
	assert_equal "$(cat d/e/f)" 1
	coffer get -r /d/e/f just-a-file
	assert_equal "$(cat just-a-file)" 1
}

@test "put takes the local name into a folder, and another name otherwise" {
	mkdir "$T/root/d"
	cd "$T"
	echo x >x
	echo y >y
	server -w
	coffer put x
	coffer put x y /d
	coffer put x /d/other
	coffer put -t /d/ x
	coffer put y "$URL/d/z%20z"
	assert_equal "$(cd root && find . -type f ! -path './.coffer*' | sort)" \
	    "$(printf './d/other\n./d/x\n./d/y\n./d/z z\n./x')"
	run -6 coffer put x y /missing
	run -6 coffer put x /missing/x
	run -6 coffer put nothing-here /d
	run -2 coffer put "$URL/x" /d
}

@test "put -r makes REMOTE the copy, goes into it if it is there, and takes . as its content" {
	mkdir -p "$T/tree/sub"
	echo 1 >"$T/tree/sub/f"
	cd "$T"
	server -w
	coffer put -r tree /a/b
	diff -r tree root/a/b
	coffer put -r tree/ /a/b
	diff -r tree root/a/b/tree
	(cd tree && coffer put -r . /c)
	diff -r tree root/c
	run -1 coffer put tree /
	assert_output --partial 'tree: is a folder (-r takes folders along)'
}

@test "relative paths lie beneath the path of -H" {
	mkdir -p "$T/root/deep/er"
	echo 1 >"$T/root/deep/er/f"
	server
	run -0 coffer -H "$URL/deep" ls er
	assert_output f
	run -0 coffer ls -H "$URL/deep/er"
	assert_output f
	run -0 coffer -H "$URL/deep" get ./er/f -
	assert_output 1
	run -0 coffer -H "$URL/deep" get er/./f -
	assert_output 1
	run -2 coffer -H "$URL/deep" ls ..
	assert_output --partial '".."'
}

@test "a Unix socket is a server too" {
	echo 1 >"$T/root/f"
	# The folder is the workers', but the master binds.
	server -l "unix:$T/socket"
	run -0 coffer -H "unix:$T/socket" ls /
	assert_output f
	run -0 coffer ls "unix:$T/socket"
	assert_output f
}

@test "rm removes files, and folders only with -r" {
	mkdir -p "$T/root/d/e"
	touch "$T/root/f" "$T/root/g" "$T/root/d/e/h" "$T/root/d/"$'\xff'
	server -w
	coffer rm /f /g
	run -1 coffer rm /d
	assert_output --partial '/d: is a folder (-r removes it)'
	assert_exist "$T/root/d/e/h"
	coffer rm -r /d
	assert_not_exist "$T/root/d"
	run -6 coffer rm /d
	run -0 coffer rm -f /d
	run -0 coffer rm -rf /d
	run -2 coffer rm -r /
}

@test "rm -r of a thousand files needs few round trips, and leaves none" {
	mkdir -p "$T/root/d/"{1..10}
	touch "$T/root/d/"{1..10}/{1..100}
	server -w
	coffer rm -r /d
	assert_not_exist "$T/root/d"
}

@test "rm -r of a symbolic link removes the link, not what it leads to" {
	mkdir "$T/root/d"
	touch "$T/root/d/f"
	ln -s d "$T/root/link"
	server -w
	coffer rm -r /link
	assert_not_exist "$T/root/link"
	assert_exist "$T/root/d/f"
}

@test "mv renames, moves into folders, and with -n leaves alone what is there" {
	mkdir "$T/root/d"
	echo 1 >"$T/root/a"
	echo 2 >"$T/root/b"
	server -w
	run -11 coffer mv -n /a /b
	assert_output --partial '/b: exists, and is left alone'
	coffer mv /a /b
	assert_equal "$(cat "$T/root/b")" 1
	coffer mv /b /d
	assert_exist "$T/root/d/b"
	run -6 coffer mv /none /x
	assert_output --partial '/none: no such file or folder'
	run -6 coffer mv /d/b /x/
	run -2 coffer mv /d/b
	run -2 coffer mv /d/b coffer://127.0.0.2:1/x
}

@test "cp copies within the server" {
	mkdir "$T/root/d"
	echo 1 >"$T/root/a"
	echo 2 >"$T/root/b"
	server -w
	coffer cp /a /c
	coffer cp /a /b /d
	run -11 coffer cp -n /a /b
	assert_equal "$(cd "$T/root" && cat a b c d/a d/b)" "$(printf '1\n2\n1\n1\n2')"
}

@test "mkdir, mkdir -p and rmdir" {
	server -w
	coffer mkdir /a
	run -1 coffer mkdir /a
	run -6 coffer mkdir /b/c
	coffer mkdir -p /b/c /a
	run -1 coffer rmdir /b
	coffer rmdir /b/c /b /a
	assert_equal "$(ls "$T/root")" ""
}

@test "set changes mode and time" {
	touch "$T/root/f"
	server -w
	coffer set -m 0600 -d 1000000000.25 /f
	assert_equal "$(stat -c '%a %.2Y' "$T/root/f")" '600 1000000000.25'
	run -2 coffer set /f
	run -2 coffer set -m 999 /f
	run -2 coffer set -d yesterday /f
}

@test "stat tells all, sum is as sha256sum(1) and can be checked by it" {
	cd "$T/root"
	printf hello >f
	printf odd >$'new\nline\\'
	mkdir d
	touch -d @1000000000 f
	server
	run -0 coffer stat /f
	assert_line --regexp 'type: file$'
	assert_line --regexp 'size: 5 '
	assert_line --regexp 'mode: 0644$'
	run -0 coffer stat --json /f /d
	assert_equal "$(jq -r '.[0].mtime, .[0].size, .[1].type' <<<"$output")" \
	    "$(printf '1000000000.000000000\n5\nfolder')"
	coffer -H "$URL/" sum /f $'/new\nline\\' | sed 's|  /|  |' >"$T/sums"
	sha256sum -c "$T/sums"
	run -6 coffer sum /none
}

@test "df and ping tell of the server" {
	server
	run -0 coffer df
	assert_line --index 1 --regexp "^127\.0\.0\.1:$PORT .*%"
	coffer df --json | jq -e '.[0].total > 0 and .[0].available >= 0'
	run -0 coffer ping
	assert_output --regexp "^127\.0\.0\.1:$PORT: time=[0-9.]+ ms$"
	run -0 coffer ping -c 2
	assert_line --index 2 --partial '2 round trips'
}

@test "help, -h, --help and -V" {
	run -0 coffer help
	assert_output --partial 'usage: coffer COMMAND'
	for command in ls get put rm mv cp mkdir rmdir set stat sum df ping help; do
		run -0 coffer help $command
		assert_output --partial "usage: coffer $command"
		run -0 coffer $command --help
	done
	run -0 coffer -V
	assert_output --regexp '^coffer [0-9.]+'
	run -0 coffer ls -V
}

@test "misuse is told, with exit code 2" {
	run -2 coffer
	run -2 coffer frobnicate
	assert_output --partial 'no command is called "frobnicate"'
	run -2 coffer ls --frobnicate
	run -2 coffer -H gopher://x ls
	run -2 coffer -T 0 ls
	run -2 coffer ping -c none
	run -2 coffer get
	run -2 coffer put
	run -2 coffer rm
	run -2 coffer ls ''
	run -2 coffer get -r /x -
	run -2 env COFFER_URL=nonsense "$COFFER_BUILD/coffer" ls
	run -2 coffer ls coffer://
	run -2 coffer ls coffer://127.0.0.1:port/x
}

@test "-v shows the lines of the protocol on stderr" {
	server
	run -0 --separate-stderr coffer -v ls /
	assert_equal "$output" ""
	[[ $stderr == *'> LIST /'* && $stderr == *'< 200 type=d'* ]]
}

@test "control bytes in names do not reach the terminal, but a pipe" {
	touch "$T/root/"$'bell\a'
	server
	run -0 coffer ls
	assert_output $'bell\a'
	run -6 coffer get $'/no\a' "$T/x"
	assert_output --partial 'coffer: /no\007: no such file or folder'
	command -v script >/dev/null || skip "script(1) is not here"
	script -qec "'$COFFER_BUILD/coffer' ls" /dev/null </dev/null >"$T/shown"
	grep -qF 'bell\007' "$T/shown"
}

@test "a progress bar is drawn on a terminal only, after a second, and wiped away" {
	command -v script >/dev/null || skip "script(1) is not here"
	server -w
	: >"$T/shown"
	mkfifo "$T/more" "$T/more too"
	# The one without a terminal begins first, and ends when the other one has drawn its bar.
	coffer put - /y <"$T/more too" >"$T/silent" 2>&1 3>&- & silent=$!
	exec {Y}>"$T/more too"
	echo a >&"$Y"
	script -qec "'$COFFER_BUILD/coffer' put - /x <'$T/more'" /dev/null </dev/null >"$T/shown" 3>&- & shown=$!
	exec {X}>"$T/more"
	echo a >&"$X"
	wait_for grep -q 'stdin .*/s' "$T/shown"
	exec {X}>&- {Y}>&-
	wait "$shown" "$silent"
	[[ $(cat "$T/shown") == *$'\r\e[K' ]]
	[[ ! -s $T/silent ]]
}

@test "whoever reads our output may go: no noise" {
	(cd "$T/root" && touch {1..3000})
	server
	run -0 bash -c "'$COFFER_BUILD/coffer' ls | head -n 1"
	assert_output 1
}
