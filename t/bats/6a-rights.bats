#!/usr/bin/env bats
# bats file_tags=models:all
# 6a-rights - who may do what where, in each protocol, and what explains it.  The examples of
# etc/examples are tested here as they are but for their roots.

bats_require_minimum_version 1.5.0
load helper
load dialog
load http
load tftp

# example NAME: its configuration, with $T/root for its root.
example()
{
	sed "s|root = .*|root = \"$T/root\"|" "$COFFER_SOURCE/etc/examples/$1.conf" >>"$T/cofferd.conf"
}

# server, which names a root by itself, for configurations that have one.
shares()
{
	[[ $(id -u) != 0 ]] || chown -hR "$(server_user)" "$T/root"
	launch -l coffer://127.0.0.1:0 -l http://127.0.0.1:0 -l tftp://127.0.0.1:0 -n "$WORKERS" -m "$MODEL" "$@"
	wait_ready
	PORT=$(port coffer) WEB_PORT=$(port http) TPORT=$(port tftp)
	WEB=http://127.0.0.1:$WEB_PORT URL=coffer://127.0.0.1:$PORT
	export COFFER_URL=$URL
}

port()
{
	sed -nE "s|.*listening on $1://127\.0\.0\.1:([0-9]+).*|\1|p" "$LOG" | head -n 1
}

@test "a drop box takes what is new, and tells nothing of what is there" {
	printf secret >"$T/root/there"
	mkdir "$T/root/folder"
	example drop-box
	shares -o tftp-user=anna
	run -0 ask $'PUT /new size=3\nnewPUT /new size=3\nxxxPUT /there size=1\nxPUT /folder size=1\nxPUT /n/x size=1\nxMKDIR /folder\nMKDIR /d\nPING'
	assert_line --index 1 --regexp '^201 size=3 '
	for i in 2 3 4 5 6; do assert_line --index $i --regexp '^403 /[a-z/]+: not allowed$'; done
	assert_line --index 7 '201 path=/d'
	assert_line --index 8 --regexp '^200 time='
	for path in /there /none /folder /folder/none /none/none /there/none; do
		run -0 ask "LIST $path" "STAT $path" "GET $path" "HASH $path" "DELETE $path" "RMDIR $path" \
		    "MOVE $path /to" "COPY $path /to" "SET $path mtime=1" "SET $path mode=777" \
		    "PUT $path size=0 if=sha256:$(sha256sum <<<x | cut -c 1-64)"
		assert_equal "${#lines[@]}" 12
		for line in "${lines[@]:1}"; do assert_equal "$line" "403 $path: not allowed"; done
		[[ $MODEL == serial ]] || assert_equal "$(status_of "$path")" 403
	done
	assert_equal "$(status_of /)" 403
	assert_equal "$(status_of /index.html)" 403
	run -0 ask 'PUT /new size=0 if=new' 'WHOAMI' LIST
	assert_line --index 1 '403 /new: not allowed'
	assert_line --index 2 '200 user=anonymous rights=create'
	assert_line --index 3 '403 /: not allowed'
	assert_equal "$(cat "$T/root/new" "$T/root/there")" newsecret
	# What another nobody has begun is not gone on with, for want of the digest.
	dial
	say 'PUT /part size=10 resume'
	expect '^100 from=0'
	printf abc >&"$C"
	hang_up
	wait_for grep -q 'coffer PUT /part ' "$LOG"
	run -0 ask 'PUT /part size=10 resume'
	assert_line --index 1 '100 from=0'
	# Over TFTP everybody is anna here, of the office.
	assert_equal "$(tftp get new)" new
	printf other | tftp put new
	assert_equal "$(cat "$T/root/new")" other
}

@test "TFTP is anonymous unless it is somebody, and asks the same rights" {
	printf text >"$T/root/f"
	example drop-box
	shares
	printf x | tftp put g
	wait_for grep -q 'tftp PUT /g 201' "$LOG"
	printf y | tftp put g 2>"$T/err" && false
	printf y | tftp put f 2>"$T/err" && false
	tftp get f >"$T/got" 2>"$T/err" && false
	tftp get none >"$T/got" 2>"$T/err" && false
	run -0 cat "$T/root/f" "$T/root/g"
	assert_output textx
	wait_for grep -q 'tftp PUT /f 403' "$LOG"
	wait_for grep -q 'tftp GET /f 403' "$LOG"
	wait_for grep -q 'tftp GET /none 403' "$LOG"
}

@test "a public download is read by everybody, and changed by who logs in" {
	printf text >"$T/root/f"
	mkdir "$T/root/d"
	example public
	shares -o tftp-user=zoe
	run -0 ask 'GET /f' 'LIST' 'PUT /f size=1 wait' 'DELETE /f' 'MKDIR /e' 'STAT /none' WHOAMI
	assert_line --index 1 --regexp '^200 size=4 '
	assert_line --regexp '^f 4 .* f$'
	assert_line '403 /f: not allowed'
	assert_line '403 /e: not allowed'
	assert_line --regexp '^404 /none: '
	assert_line '200 user=anonymous rights=list,read'
	assert_equal "$(get /f)" text
	assert_equal "$(status_of /d/)" 200
	printf changed | tftp put f
	assert_equal "$(get /f)" changed
}

@test "each user has his folder, and nobody looks into another's" {
	mkdir "$T/root"/{anna,bert,all}
	printf a >"$T/root/anna/f"
	printf b >"$T/root/bert/f"
	example homes
	shares -o tftp-user=anna
	assert_equal "$(tftp get anna/f)" a
	printf new | tftp put anna/f
	printf x | tftp put all/x
	tftp get bert/f >"$T/got" 2>"$T/err" && false
	printf y | tftp put bert/f 2>"$T/err" && false
	printf y | tftp put top 2>"$T/err" && false
	assert_equal "$(cat "$T/root/anna/f" "$T/root/all/x" "$T/root/bert/f")" newxb
	run -0 ask 'LIST' 'GET /anna/f' 'STAT /nobody'
	assert_line --index 1 '403 /: not allowed'
	assert_line --index 2 '403 /anna/f: not allowed'
	assert_line --index 3 '403 /nobody: not allowed'
	run -0 ctl explain bert GET /anna/f
	run -2 ctl explain bert PUT /anna/f
}

@test "the umask holds for the mode of who has no admin, and nobody sets other bits than those of 0777" {
	local mode
	mkdir "$T/root"/{a,w}
	cat >"$T/cofferd.conf" <<-EOF
	umask = 027
	folder "/a" { allow = "everybody: all" }
	folder "/w" { allow = "everybody: list read write" }
	EOF
	web -w
	run -0 ask $'PUT /a/f size=1 mode=0777\n1PUT /w/f size=1 mode=0777\n1PUT /w/f size=1 mode=0606\n1' \
	    $'PUT /w/g size=1 mode=0777 hold\n1PUT /a/g size=1 mode=0777 hold\n1COMMIT\nPUT /w/h size=1 wait mode=0666\n1' \
	    'COPY /a/f /w/i' 'SET /w/f mode=0777' 'PUT /w/j size=0 mode=4755' 'PUT /a/j size=0 mode=1777' 'SET /a/f mode=2755'
	assert_line '403 /w/f: not allowed'
	assert_equal "$(grep -c '^400 .*mode.*an octal number from 0 to 0777' <<<"$output")" 3
	run -0 stat -c '%a %n' "$T/root"/{a/f,a/g,w/f,w/g,w/h,w/i}
	assert_output "$(printf "%s $T/root/%s\n" 777 a/f 777 a/g 600 w/f 750 w/g 640 w/h 750 w/i)"
	# Bits that somebody has set otherwise are not taken along by a copy, and not by who replaces the file.
	chmod 6777 "$T/root/a/f"
	run -0 ask 'COPY /a/f /a/k' $'PUT /a/f size=1\n2QUIT'
	run -0 stat -c %a "$T/root/a/k" "$T/root/a/f"
	assert_output $'750\n640'
}

@test "where no share is at /, a hidden one answers like a name that no share has" {
	local name login
	mkdir "$T"/{pub,hidden,deep} && echo hello >"$T/pub/f"
	[[ $(id -u) != 0 ]] || chown "$(server_user)" "$T"/{pub,hidden,deep}
	ctl passwd -f "$T/users" alice <<<secret-1234
	cat >"$T/cofferd.conf" <<-EOF
	share "/pub" { root = "$T/pub" allow = "everybody: list read" }
	share "/hidden" { root = "$T/hidden" allow = "bob: list read" }
	share "/deep/er" { root = "$T/deep" allow = "bob: all" }
	folder "/deep/er/%u" { allow = "%u: all" }
	EOF
	for login in '' "users=$T/users"; do
		shares -o login-delay=0 ${login:+-o "$login"}
		[[ -z $login ]] || wait_for grep -q 'users: 1 users' "$LOG"
		for name in none none/x hidden deep deep/er hidden/x deep/er/x; do
			requests "$name" | ask_bytes | tail -n +2 | sed "s|/$name: ||" >"$T/said.${name//\//.}"
			{ echo 'LOGIN alice secret-1234'; requests "$name"; } | ask_bytes | tail -n +3 |
			    sed "s|/$name: ||" >"$T/alice.${name//\//.}"
		done
		for name in none.x hidden deep deep.er hidden.x deep.er.x; do
			diff "$T/said.none" "$T/said.$name"
			diff "$T/alice.none" "$T/alice.$name"
		done
		assert_equal "$(sort -u "$T/alice.none")" '403 not allowed'
		assert_equal "$(sort -u "$T/said.none")" "$([[ -z $login ]] && echo '403 not allowed' || echo '401 log in first')"
		assert_equal "$(status_of /hidden/) $(status_of /none/)" \
		    "$([[ -z $login ]] && echo 403 403 || echo 401 401)"
		[[ -n $login ]] || stop_server
	done
	run -0 ask 'LOGIN alice secret-1234' 'PUT /deep/er/alice size=0' 'STAT /pub/none' QUIT
	assert_line --index 2 --regexp '^201 '
	assert_line --index 3 --regexp '^404 '
}

# requests NAME: one of each that is about that name.
requests()
{
	printf '%s /'"$1"'\n' LIST STAT GET MKDIR DELETE RMDIR SPACE HASH 'COPY /pub/f'
	printf '%s\n' "MOVE /$1 /pub/x" "PUT /$1 size=0"
}

@test "where rights differ, nobody makes a link lead elsewhere" {
	mkdir -p "$T/root"/{pub/x/staff,pub/in,staff,pub/d/e,pub/plain}
	echo secret >"$T/root/staff/key"
	echo open >"$T/root/pub/x/staff/key"
	ln -s ../staff/key "$T/root/pub/x/link"
	ln -s x/link "$T/root/pub/near"
	ln -s ../../staff/key "$T/root/pub/d/e/link"
	ln -s e/f "$T/root/pub/d/inside"
	ln -s e/link "$T/root/pub/plain/link"
	cat >"$T/cofferd.conf" <<-EOF
	folder "/staff" { allow = "users: all" }
	EOF
	web -w
	run -0 ask 'GET /pub/x/link' 'MOVE /pub/x/link /pub/link' 'MOVE /pub/d/e /pub/e' 'MOVE /pub/d /d' \
	    'MOVE /pub/x/link /pub/x/other' 'MOVE /pub/plain /plain' 'MOVE /pub/d /pub/dd' 'GET /staff/key' 'MOVE /pub/none /none' QUIT
	run -0 sed -E 's/^([0-9]+) (.[^ ]*: [a-z ]+).*/\1 \2/; s/^(200) .*/\1/; 1d' <<<"$output"
	assert_output - <<-'END'
		404 /pub/x/link: no such file or folder
		403 /pub/x/link: a symbolic link would lead elsewhere from there
		403 /pub/d/e: a symbolic link would lead elsewhere from there
		403 /pub/d: a symbolic link would lead elsewhere from there
		200
		200
		200
		403 /staff/key: not allowed
		404 /pub/none: no such file or folder
		200
	END
	# Where they are the same everywhere, a link is a name like others.
	stop_server
	: >"$T/cofferd.conf"
	web -w
	run -0 ask 'MOVE /pub/x/other /pub/link' 'GET /pub/link' QUIT
	assert_line secret
}

@test "only create, or only replace, is only that" {
	mkdir "$T/root"/{c,r,l}
	printf 1 | tee "$T/root/c/f" "$T/root/r/f" "$T/root/l/f" >/dev/null
	cat >"$T/cofferd.conf" <<-EOF
	folder "/c" { allow = "everybody: list read create" }
	folder "/r" { allow = "everybody: list read replace" }
	folder "/l" { allow = "everybody: list" }
	EOF
	web -w
	run -0 ask $'PUT /c/f size=1\n2PUT /c/f size=1 if=new\n2PUT /c/g size=1\n2COPY /c/f /c/h\nCOPY /c/g /c/f\nMOVE /c/g /c/i' \
	    $'PUT /r/f size=1\n3PUT /r/g size=1\n3COPY /r/f /r/h\nSET /r/f mtime=5\nSET /r/f mode=600\nSET /c/f mtime=5' \
	    'COPY /l/f /c/l' 'MOVE /l/f /c/l' 'GET /l/f' 'STAT /l/f' \
	    $'PUT /r/f size=1 hold\n4PUT /c/f size=1 hold\n5PUT /c/j size=1 hold\n6PUT /r/h size=1 hold\n7COMMIT'
	run -0 sed -E 's/^([0-9]+) (.[^ ]*: [a-z ]+|held).*/\1 \2/; s/^(20.) .*/\1/' <<<"$output"
	assert_output "200
403 /c/f: not allowed
412 /c/f: what stands there is not what if
201
201
403 /c/f: not allowed
403 /c/g: not allowed
201
403 /r/g: not allowed
403 /r/h: not allowed
200
403 /r/f: not allowed
403 /c/f: not allowed
403 /l/f: not allowed
403 /l/f: not allowed
403 /l/f: not allowed
200
200
403 /c/f: not allowed
200
403 /r/h: not allowed
200
."
	assert_equal "$(cat "$T/root/c/f" "$T/root/r/f" "$T/root/c/j")" 146
	assert_equal "$(status_of /l)" 301
	assert_equal "$(status_of /l/f)" 403
}

@test "a folder is not moved from beneath its rights, and made only where it may be" {
	mkdir -p "$T/root/a/secret" "$T/root/no"
	cat >"$T/cofferd.conf" <<-EOF
	folder "/a/secret" { allow = "@staff: all" }
	folder "/no" { allow = "everybody: list read" }
	folder "/no/yes/yes" { allow = "everybody: all" }
	group "staff" { members = anna }
	EOF
	server -w
	run -0 ask 'MOVE /a /b' 'MOVE /a/secret /b' 'MKDIR /x' 'MOVE /x /no' 'MKDIR /no/yes/yes/d parents' 'MKDIR /no/d' \
	    'MKDIR /y/z parents' 'RMDIR /a'
	assert_line --index 1 --regexp '^409 /a: a folder in it has rights of its own'
	assert_line --index 2 '403 /a/secret: not allowed'
	assert_line --index 3 '201 path=/x'
	assert_line --index 4 '403 /no: not allowed'
	assert_line --index 5 '403 /no/yes/yes/d: not allowed'
	assert_line --index 6 '403 /no/d: not allowed'
	assert_line --index 7 '201 path=/y/z'
	assert_line --index 8 --regexp '^409 /a: '
	mkdir -p "$T/root/no/yes"
	[[ $(id -u) != 0 ]] || chown -hR "$(server_user)" "$T/root"
	run -0 ask 'MKDIR /no/yes/yes/d parents'
	assert_line --index 1 '201 path=/no/yes/yes/d'
	: >"$T/root/a/secret/file"
	: >"$T/root/a/plain"
	run -0 ask 'LIST / depth=all sort=name' 'LIST /a' 'LIST /a/secret'
	refute_output --partial secret/
	assert_equal "$(sed -nE 's/^[fd] .* //p' <<<"$output" | tr '\n' ' ')" \
	    'a a/plain no no/yes no/yes/yes no/yes/yes/d x y y/z plain '
	assert_line '403 /a/secret: not allowed'
}

@test "several shares are one tree, and each is itself" {
	mkdir -p "$T"/one "$T"/two/in "$T/root/two" "$T/root/hidden" "$T/root/real"
	printf 1 >"$T/one/f"
	printf 2 >"$T/two/in/f"
	printf r >"$T/root/real/f"
	printf x >"$T/root/two/unseen"
	[[ $(id -u) != 0 ]] || chown -hR "$(server_user)" "$T/one" "$T/two"
	cat >"$T/cofferd.conf" <<-EOF
	share "/" { root = "$T/root" allow = "everybody: list read" }
	share "/real/one" { root = "$T/one" allow = "everybody: all" quota = 10 }
	share "/two" { root = "$T/two" allow = "everybody: all" }
	share "/hidden" { root = "$T/hidden" allow = "anna: all" }
	EOF
	mkdir "$T/hidden"
	[[ $(id -u) != 0 ]] || chown "$(server_user)" "$T/hidden"
	shares
	run -0 ask 'LIST depth=all sort=name' 'LIST /real depth=all' 'STAT /two' 'GET /two/in/f' 'GET /two/unseen' 'STAT /hidden'
	assert_equal "$(sed -nE 's/^([fd]) .* (.*)/\1:\2/p' <<<"$output" | tr '\n' ' ')" \
	    'd:real f:real/f d:real/one f:real/one/f d:two d:two/in f:two/in/f d:one f:one/f f:f '
	assert_line --partial '404 /two/unseen: '
	assert_line '403 /hidden: not allowed'
	run -0 ask $'PUT /two/g size=3\ntwoPUT /real/one/g size=3 hold\nonePUT /two/h size=1 hold\n2PUT /x size=1\nxPUT /real/one/h size=11 wait\nCOMMIT' \
	    'MOVE /two/g /real/one/t' 'COPY /two/g /real/one/t' 'MOVE /real /there' 'MOVE /two /there' 'RMDIR /two' \
	    'MKDIR /two/d' 'MOVE /two/g /two/d/g' 'HASH /two/d/g' 'SPACE /real/one' 'STAT /two/.coffer' 'LIST /two/.coffer'
	assert_line '403 /x: the server is read-only'
	assert_line --regexp '^507 /real/one/h: the quota'
	assert_line '200 published=2 failed=0 durability=full'
	assert_line '403 /real/one/t: lies in another share: COPY, then DELETE'
	assert_line '403 /real: the server is read-only'
	assert_line '403 /there: the server is read-only'
	assert_line --regexp '^409 /two: '
	assert_line --regexp '^200 total=10 .* quota=10 used=7 '
	assert_equal "$(cat "$T/one/g" "$T/one/t" "$T/two/d/g" "$T/two/h")" onetwotwo2
	assert_equal "$(grep -c '^404 /two/.coffer' <<<"$output")" 2
	assert_equal "$(get /real/ | grep -o 'href="[^"]*"' | tr '\n' ' ')" 'href="../" href="../" href="f" href="one/" '
	assert_equal "$(get /real/one/f)$(tftp get two/in/f)" 12
	assert_equal "$(status_of /real/one)" 301
	coffer get -r / "$T/all"
	assert_equal "$(cat "$T/all/real/one/f")" 1
}

@test "shares without one at / lie in a folder that is nothing else" {
	mkdir -p "$T"/one "$T"/two
	printf 1 >"$T/one/f"
	[[ $(id -u) != 0 ]] || chown -hR "$(server_user)" "$T/one" "$T/two"
	cat >"$T/cofferd.conf" <<-EOF
	share "/a/one" { root = "$T/one" allow = "everybody: all" }
	share "/b/two" { root = "$T/two" allow = "anna: all" }
	EOF
	shares
	run -0 ask 'LIST depth=all sort=name' 'STAT /' 'STAT /a' 'STAT /b' 'STAT /c' 'GET /a' 'PUT /x size=1 wait' 'MKDIR /a/x' \
	    'GET /a/one/f' 'LIST /a' 'DELETE /a' SPACE WHOAMI
	assert_equal "$(sed -nE 's/^([fd]) .* (.*)/\1:\2/p' <<<"$output" | tr '\n' ' ')" 'd:a d:a/one f:a/one/f d:one '
	assert_line --index 6 --regexp '^200 type=d size=0 '
	assert_line --index 7 --regexp '^200 type=d size=0 '
	assert_line --index 8 '403 /b: not allowed'
	assert_line --index 9 '403 /c: not allowed'
	assert_line --index 10 --regexp '^409 /a: is a folder'
	assert_line --index 11 '403 /x: not allowed'
	assert_line --index 12 '403 /a/x: not allowed'
	assert_line --index 13 --regexp '^200 size=1 '
	assert_line '200 user=anonymous rights=nothing'
	assert_equal "$(get / -H 'Accept: application/json' | jq -c '[.[].name]')" '["a"]'
	assert_equal "$(status_of /a)" 301
	run -0 ctl status
	assert_line --partial "$T/one"
}

@test "explain says which line decides, and a reload changes what it is" {
	cat >"$T/cofferd.conf" <<-EOF
	group "staff" { members = { "anna" } }
	folder "/pub" {
		allow = { "@staff: all",
		    "everybody: list create" }
	}
	EOF
	server
	run -0 ctl explain anna GET '/pub/a b%'
	assert_line --index 0 'anna may GET /pub/a b%'
	assert_line --index 1 "/pub decides, and there $T/cofferd.conf:3: \"@staff: all\" is the first rule about anna: list,read,create,replace,delete,admin"
	run -2 ctl explain anonymous get /pub/x
	assert_line --index 0 'anonymous may not GET /pub/x'
	assert_line --partial "cofferd.conf:4: \"everybody: list create\" is the first rule about anonymous: list,create"
	assert_line 'GET needs read'
	assert_line 'others may, who log in'
	run -0 ctl explain zoe PUT /pub/x
	assert_line 'but only where there is nothing yet: replace is missing'
	run -2 ctl --json explain zoe DELETE /x
	assert_equal "$(jq -c '[.user,.verb,.path,.allowed,.rights,.place,.rule]' <<<"$output")" \
	    '["zoe","DELETE","x",false,"list,read","/","everybody: list read"]'
	run -3 ctl explain zoe DELETE
	run -3 ctl explain zoe JUMP /x
	run -3 ctl explain users GET /x
	run -3 ctl explain zoe GET x
	run -0 ask 'STAT /pub/x' 'GET /pub/x'
	assert_line --index 1 --regexp '^404 '
	assert_line --index 2 --regexp '^403 '
	sed -i 's/list create/list read/' "$T/cofferd.conf"
	run -0 ctl reload
	run -0 ctl explain anonymous GET /pub/x
	run -0 ask 'GET /pub/x'
	assert_line --index 1 --regexp '^404 '
	sed -i 's/list read/list red/; s/@staff/@stuff/' "$T/cofferd.conf"
	run -1 ctl reload
	assert_line --partial 'cofferd.conf:4: allow: "everybody: list red": "red" is no right'
	run -0 ctl explain anonymous GET /pub/x
}

@test "who logs in has his rights, and loses them with his name" {
	local held
	mkdir "$T/root/d"
	printf text >"$T/root/d/f"
	for name in anna zoe; do ctl passwd -f "$T/users" "$name" <<<"secret-$name" 2>/dev/null; done
	cat >"$T/cofferd.conf" <<-EOF
	group "staff" { members = { "anna" } }
	folder "/d" { allow = { "@staff: all", "users: list" } }
	EOF
	web -o users="$T/users" -o login-delay=0
	wait_for grep -q 'users: 2 users' "$LOG"
	run -0 ask 'STAT /d/f' 'STAT /d/none' 'PUT /d/f size=0' 'MKDIR /d/x' 'DELETE /x' 'PUT /x size=0' \
	    'LOGIN zoe secret-zoe' 'STAT /d/f' 'STAT /d/none' 'GET /d/f' 'GET /d/none' 'PUT /d/f size=0' \
	    'LOGIN anna secret-anna' WHOAMI $'PUT /d/f size=3 hold\nnewPUT /d/g size=3 hold\nnew' \
	    'LOGIN zoe secret-zoe' COMMIT 'LOGIN anna secret-anna' $'PUT /d/h size=1 hold\nhCOMMIT' 'GET /d/f'
	held=$(sed -nE '2,$s/^(20[01]|text|\.|[45][0-9]{2} [^ ]* [a-z ]*|200 held).*/\1/p' <<<"$output")
	assert_equal "$held" "401 /d/f: log in first
401 /d/none: log in first
401 /d/f: log in first
401 /d/x: log in first
403 /x: not allowed
403 /x: not allowed
200
200
404 /d/none: no such file or folder
403 /d/f: not allowed
403 /d/none: not allowed
403 /d/f: not allowed
200
200
200
200
200
200
403 /d/f: not allowed
403 /d/g: not allowed
.
200
200
200
.
200
text"
	assert_equal "$(ls "$T/root/d" | xargs)" 'f h'
	head_of /d/f >"$T/said"
	assert_equal "$(field WWW-Authenticate <"$T/said")" 'Basic realm="coffer", charset="UTF-8"'
	assert_equal "$(status_of /d/none)$(status_of /d/)$(status_of /)" 401401200
	assert_equal "$(get /d/f -u anna:secret-anna)" text
	assert_equal "$(status_of /d/f -u zoe:secret-zoe)$(status_of /d/ -u zoe:secret-zoe)$(status_of /d/x -u zoe:secret-zoe)" 403200403
	run -0 coffer ls /
	refute_output --partial d
}
