#!/usr/bin/env bats
# 31-bad-input - what is wrong is named in the reply, and the next request is answered.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load dialog

# assert_replies: for each line `REQUEST => REGEX` of stdin, in one session, the reply matches.
assert_replies()
{
	local line
	sed -n 's/ => .*//p' >"$T/asked" < <(tee "$T/pairs")
	grep -c ' => ' "$T/pairs" >"$T/count"
	replies <"$T/asked" >"$T/got"
	assert_equal "$(wc -l <"$T/got")" "$(cat "$T/count")"
	while IFS= read -r line <&"$pairs" && IFS= read -r reply <&"$got"; do
		[[ $reply =~ ${line#* => } ]] || fail "\"${line%% => *}\" was answered \"$reply\""
	done {pairs}<"$T/pairs" {got}<"$T/got"
}

@test "an unknown verb is named, in visible bytes" {
	server
	run -0 ask XYZZY 'GETT /f' GE '/f' $'\xff\xfe' "$(printf 'x%.0s' {1..8000})" PING
	assert_line --index 1 '400 XYZZY: no such request (HELP lists them)'
	assert_line --index 2 --regexp '^400 GETT: no such request'
	assert_line --index 3 --regexp '^400 GE: no such request'
	assert_line --index 4 --regexp '^400 /f: no such request'
	assert_line --index 5 --regexp '^400 \\377\\376: no such request'
	assert_line --index 6 --regexp '^400 xxx.{1,300}: no such request'
	assert_line --index 7 --regexp '^200 time='
}

@test "missing, surplus and malformed operands and options are named" {
	printf data >"$T/root/f"
	server -w
	assert_replies <<-'END'
		GET => ^400 GET needs a path
		STAT => ^400 STAT needs a path
		HASH => ^400 HASH needs a path
		DELETE => ^400 DELETE needs a path
		MKDIR => ^400 MKDIR needs a path
		RMDIR => ^400 RMDIR needs a path
		SET mode=0600 => ^400 SET needs a path
		MOVE => ^400 MOVE needs two paths
		MOVE /f => ^400 MOVE needs two paths
		COPY /f => ^400 COPY needs two paths
		LOGIN => ^400 LOGIN needs a user
		LOGIN me => ^400 LOGIN needs a user
		GET /f /g => ^400 surplus word "/g"
		LIST / / => ^400 surplus word "/"
		PING x => ^400 surplus word "x"
		QUIT now => ^400 surplus word "now"
		MOVE /a /b /c => ^400 surplus word "/c"
		GET f => ^400 "f" is not a path
		LIST . => ^400 "." is not a path
		MOVE /a b => ^400 "b" is not a path
		GET /%zz => ^400 /%zz: broken escape
		GET /% => ^400 /%: broken escape
		GET /%4 => ^400 /%4: broken escape
		GET /f bogus=1 => ^400 GET: unknown option "bogus=1".*from=.*len=
		GET /f depth=1 => ^400 GET: unknown option
		LIST / parents => ^400 LIST: unknown option
		PING digest => ^400 PING: unknown option
		GET /f =1 => ^400 GET: unknown option
		GET /f from => ^400 (GET: unknown option|surplus word) "from"
		GET /f digest=1 => ^400 digest takes no value
		GET /f digest= => ^400 digest takes no value
		GET /f digest digest => ^400 digest given twice
		GET /f from=1 from=1 => ^400 from= given twice
		GET /f from= => ^400 from=: "" is not a number
		GET /f from=-1 => ^400 from=: "-1" is not a number
		GET /f from=+1 => ^400 from=: 
		GET /f from=0x1 => ^400 from=: 
		GET /f from=1k => ^400 from=: 
		GET /f from=9223372036854775808 => ^400 from=: 
		GET /f from=99999999999999999999999999 => ^400 from=: 
		GET /f len=-1 => ^400 len=: 
		LIST / depth=0 => ^400 depth=: "0" is not a number from 1
		LIST / depth=4294967295 => ^400 depth=: 
		LIST / depth=ALL => ^400 depth=: 
		LIST / limit=0 => ^400 limit=: 
		LIST / limit=18446744073709551616 => ^400 limit=: 
		LIST / sort=age => ^400 sort=: "age" is not name, size or mtime
		LIST / match= => ^400 match=: 
		LIST / match=%00 => ^400 match=: 
		LIST / match=%2 => ^400 match=: 
		LIST / after= => ^400 after=: 
		LIST / after=a%00b => ^400 after=: 
		SET /f => ^400 SET needs mtime= or mode=
		SET /f mode= => ^400 mode=: 
		SET /f mode=0800 => ^400 mode=: 
		SET /f mode=1000 => ^400 mode=: 
		SET /f mode=rw => ^400 mode=: 
		SET /f mtime=1. => ^400 mtime=: 
		SET /f mtime=.5 => ^400 mtime=: 
		SET /f mtime=1.1234567890 => ^400 mtime=: 
		SET /f mtime=253402300800 => ^400 mtime=: 
		MOVE /f /g if=old => ^400 if=: 
		COPY /f /g if=sha256:00 => ^400 if=: 
		PUT /g size=1 sha256=zz wait => ^400 sha256=: 
		PUT /g size=* resume => ^400 resume needs a size
		PUT /g wait => ^400 PUT needs size=
		PUT size=1 wait => ^400 PUT needs a path
		PUT / size=1 wait => ^409 /: 
		PING => ^200 time=
	END
	assert_equal "$(ls "$T/root")" f
	assert_equal "$(stat -c %a "$T/root/f")" 644
}

@test "a line of 8,192 bytes is read, one of 8,193 refused and passed over" {
	local size end
	printf data >"$T/root/f"
	server
	# The size counts the line end, CRLF too.
	line()
	{
		printf "STAT /f%$(($1 - 7 - ${#2}))s%b" '' "$2"
	}
	line 8192 $'\n' >"$T/line"
	assert_equal "$(stat -c %s "$T/line")" 8192
	run -0 ask_bytes < <(line 8192 $'\n'; line 8192 $'\r\n'; line 8193 $'\n'; line 8193 $'\r\n'; line 8192 $'\n'
		line 100000 $'\n'; line 8193 $'\n'; echo PING)
	assert_equal "${#lines[@]}" 9
	assert_line --index 1 --regexp '^200 type=f size=4 '
	assert_line --index 2 --regexp '^200 type=f size=4 '
	assert_line --index 3 '400 a request line is at most 8192 bytes'
	assert_line --index 4 '400 a request line is at most 8192 bytes'
	assert_line --index 5 --regexp '^200 type=f size=4 '
	assert_line --index 6 '400 a request line is at most 8192 bytes'
	assert_line --index 7 '400 a request line is at most 8192 bytes'
	assert_line --index 8 --regexp '^200 time='
	# The refusal comes before the end of the line, and once only.
	dial
	printf '%08192d' 0 >&"$C"
	expect '^400 a request line '
	printf '%08192d' 0 >&"$C"
	quiet 0.1
	printf '\nPING\n' >&"$C"
	expect '^200 time='
}

@test "a line that does not end is told so, and not obeyed" {
	server -w
	run -0 replies < <(printf 'PING\nMKDIR /d')
	assert_line --index 0 --regexp '^200 time='
	assert_line --index 1 '400 a request ends with a line feed'
	[[ ! -e $T/root/d ]]
}

@test "NUL, tabs and other control bytes in a line are refused, and named" {
	local byte
	printf data >"$T/root/f"
	server
	for byte in 00 01 09 0b 0c 0d 1b 1f 7f; do
		printf "STAT /f\\x$byte\n"
		printf "STAT\\x$byte/f\n"
		printf "\\x${byte}STAT /f\n"
	done | grep -av $'^STAT /f\r$' >"$T/asked"
	echo PING >>"$T/asked"
	replies <"$T/asked" >"$T/got"
	assert_equal "$(wc -l <"$T/got")" 27
	run -1 grep -vE '^400 a control byte \(0x(00|01|09|0B|0C|0D|1B|1F|7F)\) in the line' <(head -n -1 "$T/got")
	assert_equal "$(tail -n 1 "$T/got" | cut -c 1-9)" '200 time='
	# Encoded, all but NUL are bytes of a name.
	run -0 ask 'STAT /%00' 'STAT /f%00' 'STAT /%01%09%0D%1B%7F'
	assert_line --index 1 --regexp '^400 '
	assert_line --index 2 --regexp '^400 '
	assert_line --index 3 '404 /%01%09%0D%1B%7F: no such file or folder'
}

@test "random bytes, and other protocols, do no harm" {
	server -w
	noise 300000 "$T/noise"
	tr -d 'Qq' <"$T/noise" | ask_bytes >"$T/got" || true
	printf 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\nPING\n' | replies >"$T/got"
	assert_equal "$(cut -c 1-3 "$T/got" | xargs)" '400 400 200'
	printf '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n' | replies >"$T/got"
	assert_equal "$(cut -c 1-3 "$T/got" | xargs)" '400'
	printf 'USER anonymous\r\nPASS x\r\nQUIT\r\n' | replies >"$T/got"
	assert_equal "$(cut -c 1-3 "$T/got" | xargs)" '400 400 200'
	assert_equal "$(ls "$T/root")" ''
	assert_well
}

@test "what a client sends does not make lines in the log" {
	server
	ask 'STAT /a%0Aworker%200:%20killed' 'STAT /%1B[31m' $'STAT /b\x1b[31m' >/dev/null
	wait_for grep -q '31m' "$LOG"
	run ! grep -qE $'\x1b|^worker 0: killed' "$LOG"
	grep -q 'STAT /a\\012worker 0: killed 404' "$LOG"
}

@test "a root that vanishes while it is served is a 404 for all, and no way out" {
	printf data >"$T/root/f"
	mkdir "$T/root/d"
	printf data >"$T/outside"
	server -w
	printf 'PUT /before size=0\n' | replies >/dev/null
	dial
	say 'STAT /f'
	expect '^200 '
	rm -rf "$T/root"
	say 'STAT /f' 'GET /f' 'HASH /f' 'DELETE /f' 'MKDIR /e' 'MKDIR /e/f parents' 'MOVE /f /g' 'COPY /f /g' \
	    'RMDIR /d' 'SET /f mode=0600' 'PUT /f size=1 wait' 'PUT /f size=* wait'
	expect '^404 '{,,,,,,,,,,,}
	say 'LIST /' 'LIST / depth=all sort=name'
	expect '^404 /: '{,}
	say 'GET /../outside'
	expect '^400 '
	# Another folder in its place is not what was served.
	mkdir "$T/root"
	printf other >"$T/root/f"
	chmod 777 "$T/root"
	say 'GET /f' PING
	expect '^404 ' '^200 time='
	assert_well
}

@test "a root that is renamed goes on being served" {
	printf data >"$T/root/f"
	server -w
	mv "$T/root" "$T/moved"
	run -0 ask 'GET /f' $'\nMKDIR /d'
	assert_line --index 2 'data201 path=/d'
	[[ -d $T/moved/d ]]
}

@test "the reserved folder may vanish while it is used" {
	noise 300000 "$T/data"
	server -w
	put "$T/data" /a | replies >/dev/null
	rm -rf "$T/root/.coffer"
	run -0 ask_bytes < <(put "$T/data" /b; echo PING)
	assert_line --index 1 --regexp '^201 '
	assert_line --index 2 --regexp '^200 time='
	cmp "$T/data" "$T/root/b"
	# During an upload: it fails, and nothing half is left under its name.
	dial
	say 'PUT /c size=300000 wait'
	expect '^100 from=0$'
	rm -rf "$T/root/.coffer"
	say_bytes <"$T/data"
	expect '^[45][0-9][0-9] /c: '
	[[ ! -e $T/root/c ]]
	assert_well
}
