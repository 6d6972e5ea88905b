#!/usr/bin/env bats
# 22-put - PUT: sizes, chunks, conditions, resuming, refusals.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load dialog

SIZES='0 1 65535 65536 65537 1048577'

# assert_nothing_staged: within a moment, for what a broken connection left is removed after it.
assert_nothing_staged()
{
	PATIENCE=5 wait_for nothing_staged || fail "staged: $(staged)"
}

nothing_staged()
{
	[[ -z $(staged) ]]
}

# assert_absent NAME...: nothing stands under the final name, not even for a moment of LIST.
assert_absent()
{
	local name
	for name; do
		[[ ! -e $T/root/$name ]] || fail "$name is there: $(ls -l "$T/root/$name")"
		[[ $(ask "STAT /$name" | tail -n 1) == "404 /$name: "* ]] || fail "STAT finds $name"
	done
}

@test "PUT stores files of any size, and answers with size, digest and durability" {
	local size
	server -w
	for size in $SIZES; do
		noise "$size" "$T/$size"
		put "$T/$size" "/$size"
	done >"$T/asked"
	run -0 ask_bytes <"$T/asked"
	local line=1
	for size in $SIZES; do
		assert_line --index $line "201 size=$size sha256=$(sha "$T/$size") durability=full"
		cmp "$T/$size" "$T/root/$size"
		line=$((line + 1))
	done
	assert_equal "${#lines[@]}" $line
	assert_nothing_staged
	stop_server
	server -w -o durability=none
	run -0 ask_bytes < <(put "$T/1" /1)
	assert_line --index 1 "201 size=1 sha256=$(sha "$T/1") durability=none"
}

@test "PUT size=* stores chunks of any size, and nothing" {
	local size chunk line=1
	server -w
	for size in $SIZES; do
		noise "$size" "$T/$size"
		for chunk in 65536 99999 10485760; do
			chunked $chunk "$T/$size" "/$size.$chunk"
		done
	done >"$T/asked"
	head -c 3000 "$T/65535" >"$T/odd"
	chunked 7 "$T/odd" /odd >>"$T/asked"
	printf 'PUT /case size=*\nA\n0123456789000000000000002\r\nab00\n' >>"$T/asked"
	run -0 ask_bytes <"$T/asked"
	for size in $SIZES; do
		for chunk in 65536 99999 10485760; do
			assert_line --index $line "201 size=$size sha256=$(sha "$T/$size") durability=full"
			cmp "$T/$size" "$T/root/$size.$chunk"
			line=$((line + 1))
		done
	done
	cmp "$T/odd" "$T/root/odd"
	assert_equal "$(cat "$T/root/case")" 0123456789ab
	assert_equal "${#lines[@]}" $((line + 2))
	assert_nothing_staged
}

@test "a chunk that does not begin with its length ends the conversation, and nothing is stored" {
	local bad
	noise 10 "$T/data"
	server -w
	for bad in xyz '' -1 0x5 '5 ' 1234567890123456 $'\x00'; do
		run -0 ask_bytes < <(printf 'PUT /bad size=*\n3\nabc'; printf '%s\nPING\n' "$bad")
		assert_line --index 1 --regexp '^400 /bad: .*chunk'
		assert_equal "${#lines[@]}" 2
	done
	run -0 ask_bytes < <(printf 'PUT /bad size=*\n3\nabc%010000d\nPING\n' 1)
	assert_line --index 1 --regexp '^400 /bad: '
	assert_equal "${#lines[@]}" 2
	# Cut within a length, a chunk, or before the last: not an end.
	ask_bytes < <(printf 'PUT /bad size=*\n3\nabc') >/dev/null
	ask_bytes < <(printf 'PUT /bad size=*\n3\nabc2') >/dev/null
	ask_bytes < <(printf 'PUT /bad size=*\n3\nab') >/dev/null
	ask_bytes < <(printf 'PUT /bad size=*\n3\nabc0') >/dev/null
	assert_absent bad
	assert_nothing_staged
}

@test "PUT keeps the mtime and mode that it was told, else now and the umask's" {
	printf x >"$T/x"
	server -w -o umask=027
	local before=$EPOCHSECONDS line
	run -0 ask_bytes < <(
		put "$T/x" /a mtime=1234567890.000000001 mode=0604
		put "$T/x" /b mtime=0 mode=7
		put "$T/x" /c mtime=253402300799.5 mode=0
		put "$T/x" /d
		chunked 1 "$T/x" /e mtime=5.25 mode=0444
		put "$T/x" /e mode=0400
		printf 'STAT /%s\n' a b c d e
	)
	assert_line --index 7 --regexp '^200 type=f size=1 mtime=1234567890.000000001 mode=0604 sha256=[0-9a-f]{64}$'
	assert_line --index 8 --regexp ' mtime=0\.000000000 mode=0007 '
	assert_line --index 9 --regexp ' mode=0000 '
	[[ ${lines[10]} =~ mtime=([0-9]+)\.[0-9]*\ mode=0640 ]]
	((BASH_REMATCH[1] >= before - 1 && BASH_REMATCH[1] <= EPOCHSECONDS + 1))
	assert_line --index 11 --regexp ' mode=0400 sha256=[0-9a-f]{64}$'
	[[ ${lines[11]} != *mtime=5.25* ]]
	assert_equal "$(stat -c '%a %.9Y' "$T/root/a")" '604 1234567890.000000001'
}

@test "PUT with a right sha256 is stored; with a wrong one the old file stays" {
	noise 100000 "$T/new"
	printf old >"$T/root/f"
	local wrong right
	right=$(sha "$T/new")
	wrong=$(sha "$T/root/f")
	server -w
	run -0 ask_bytes < <(
		put "$T/new" /f "sha256=$wrong"
		chunked 3000 "$T/new" /f "sha256=$wrong"
		put "$T/new" /none "sha256=$wrong"
		echo PING
	)
	assert_line --index 1 --regexp "^422 /f: .*$right"
	assert_line --index 2 --regexp "^422 /f: .*$right"
	assert_line --index 3 --regexp "^422 /none: .*$right"
	assert_line --index 4 --regexp '^200 time='
	assert_equal "$(cat "$T/root/f")" old
	assert_absent none
	assert_nothing_staged
	run -0 ask_bytes < <(put "$T/new" /f "sha256=$right"; put "$T/new" /g "sha256=${right^^}")
	assert_line --index 1 --regexp '^201 '
	assert_line --index 2 --regexp '^201 '
	cmp "$T/new" "$T/root/f"
}

@test "PUT if=new stores what is not there, and refuses what is" {
	printf PING >"$T/data"
	printf old >"$T/root/f"
	ln -s gone "$T/root/dangling"
	mkdir "$T/root/folder"
	server -w
	run -0 ask_bytes < <(
		put "$T/data" /n if=new
		put "$T/data" /n if=new
		put "$T/data" /f if=new
		put "$T/data" /dangling if=new
		put "$T/data" /folder if=new
		chunked 2 "$T/data" /f if=new
		printf 'PUT /f size=4 if=new wait\nPUT /f size=4 if=new resume\nPING\n'
	)
	assert_line --index 1 --regexp '^201 '
	assert_line --index 2 --regexp '^412 /n: '
	assert_line --index 3 --regexp '^412 /f: '
	assert_line --index 4 --regexp '^412 /dangling: '
	assert_line --index 5 --regexp '^412 /folder: '
	assert_line --index 6 --regexp '^412 /f: '
	assert_line --index 7 --regexp '^412 /f: '
	assert_line --index 8 --regexp '^412 /f: '
	assert_line --index 9 --regexp '^200 time='
	assert_equal "$(cat "$T/root/f")" old
}

@test "PUT if=new that lost a race is refused at its end" {
	printf old >"$T/old"
	server -w
	dial
	say 'PUT /f size=4 if=new wait'
	expect '^100 from=0$'
	assert_equal "$(put "$T/old" /f | replies | cut -c 1-3)" 201
	printf next >&"$C"
	expect '^412 /f: '
	assert_equal "$(cat "$T/root/f")" old
	assert_nothing_staged
}

@test "PUT if=sha256: stores over that content only" {
	printf new >"$T/new"
	printf old >"$T/root/f"		# a digest that nobody knows yet
	local old new
	old=$(sha "$T/root/f")
	new=$(sha "$T/new")
	server -w
	run -0 ask_bytes < <(
		put "$T/new" /f "if=sha256:$new"
		put "$T/new" /none "if=sha256:$new"
		put "$T/new" /f "if=sha256:$old"
		put "$T/new" /f "if=sha256:$old"
		chunked 1 "$T/new" /f "if=sha256:$new"
		printf 'PUT /f size=3 wait if=sha256:%s\nPING\n' "$old"
	)
	assert_line --index 1 --regexp '^412 /f: '
	assert_line --index 2 --regexp '^412 /none: '
	assert_line --index 3 --regexp '^201 '
	assert_line --index 4 --regexp '^412 /f: '
	assert_line --index 5 --regexp '^201 '
	assert_line --index 6 --regexp '^412 /f: '
	assert_line --index 7 --regexp '^200 time='
	assert_equal "$(cat "$T/root/f")" new
	assert_absent none
	# The content changes while the bytes come.
	dial
	say "PUT /f size=3 wait if=sha256:$new"
	expect '^100 from=0$'
	printf edit >"$T/root/f"
	printf abc >&"$C"
	expect '^412 /f: '
	assert_equal "$(cat "$T/root/f")" edit
}

@test "PUT wait says when the bytes may come, or refuses and takes none" {
	server -w
	dial
	say 'PUT /none/f size=5 wait' 'PUT / size=5 wait' 'PUT /f size=5 wait'
	expect '^404 /none/f: ' '^409 /: ' '^100 from=0$'
	printf hello >&"$C"
	expect '^201 size=5 '
	say 'PUT /chunks size=* wait'
	expect '^100 from=0$'
	printf '3\nabc0\n' >&"$C"
	expect '^201 size=3 '
	say 'PUT /empty size=0 wait'
	expect '^100 from=0$' '^201 size=0 '
	say 'PUT /e2 size=0 resume'
	expect '^100 from=0$' '^201 size=0 '
	say PING
	expect '^200 time='
	assert_equal "$(cat "$T/root/f")" hello
}

# begin NAME SIZE BYTES [OPTION]...: sends the first BYTES of $T/data, breaks off, and waits until
# the server has noticed.
begin()
{
	dial
	say "PUT $1 size=$2${4:+ ${*:4}}"
	head -c "$3" "$T/data" >&"$C"
	break_off "$1"
}

# Closing with a reply unread would take back what we sent.
break_off()
{
	local before
	before=$(puts "$1")
	hang_up
	wait_for more_puts "$1" "$before"
}

puts()
{
	grep -c " PUT $1 " "$LOG" || true
}

more_puts()
{
	(($(puts "$1") > $2))
}

# resume_from NAME SIZE [OPTION]...: $REPLY is where the server wants to go on.
resume_from()
{
	dial
	say "PUT $1 size=$2 resume${3:+ ${*:3}}"
	expect '^100 from=[0-9]+$'
	REPLY=${REPLY#*=}
}

@test "PUT resume goes on where a broken connection ended, and the digest is of all" {
	noise 3000000 "$T/data"
	printf old >"$T/root/f"
	server -w
	begin /f 3000000 1000000
	assert_equal "$(cat "$T/root/f")" old
	resume_from /f 3000000
	assert_equal "$REPLY" 1000000
	tail -c +1000001 "$T/data" | head -c 500000 >&"$C"
	break_off /f
	resume_from /f 3000000
	assert_equal "$REPLY" 1500000
	tail -c +1500001 "$T/data" >&"$C"
	expect "^201 size=3000000 sha256=$(sha "$T/data") durability=full$"
	cmp "$T/data" "$T/root/f"
	assert_nothing_staged
}

@test "PUT resume outlives the server" {
	noise 300000 "$T/data"
	server -w
	begin /f 300000 200000 "sha256=$(sha "$T/data")"
	stop_server
	server -w
	resume_from /f 300000 "sha256=$(sha "$T/data")"
	assert_equal "$REPLY" 200000
	tail -c +200001 "$T/data" >&"$C"
	expect '^201 '
	cmp "$T/data" "$T/root/f"
}

@test "PUT resume with another size, digest or name starts afresh, as does one without resume" {
	noise 300000 "$T/data"
	server -w
	begin /f 300000 200000
	resume_from /f 300001
	assert_equal "$REPLY" 0
	hang_up
	resume_from /f 300000 "sha256=$(sha "$T/data")"
	assert_equal "$REPLY" 0
	hang_up
	resume_from /g 300000
	assert_equal "$REPLY" 0
	hang_up
	dial
	say 'PUT /f size=300000 wait'
	expect '^100 from=0$'
	say_bytes <"$T/data"
	expect '^201 '
	cmp "$T/data" "$T/root/f"
}

@test "PUT resume whose bytes turn out wrong is refused, and the next starts afresh" {
	noise 300000 "$T/data"
	server -w
	begin /f 300000 200000 "sha256=$(printf x | sha)"
	resume_from /f 300000 "sha256=$(printf x | sha)"
	assert_equal "$REPLY" 200000
	tail -c +200001 "$T/data" >&"$C"
	expect "^422 /f: .*$(sha "$T/data")"
	hang_up
	resume_from /f 300000 "sha256=$(printf x | sha)"
	assert_equal "$REPLY" 0
	assert_absent f
}

@test "two sessions that resume one upload do not mix" {
	noise 300000 "$T/data"
	server -w
	begin /f 300000 100000
	resume_from /f 300000
	assert_equal "$REPLY" 100000
	local first=$C
	resume_from /f 300000
	assert_equal "$REPLY" 0
	tail -c +100001 "$T/data" | head -c 100000 >&"$first"
	say_bytes <"$T/data"
	expect '^201 '
	cmp "$T/data" "$T/root/f"
	tail -c +200001 "$T/data" >&"$first"
	C=$first expect '^201 '
	cmp "$T/data" "$T/root/f"
	assert_nothing_staged
}

@test "PUT onto a folder is 409, into a missing one or beneath a file 404, onto a FIFO 403" {
	mkdir "$T/root/folder"
	touch "$T/root/file"
	mkfifo "$T/root/pipe"
	printf 'PING\n' >"$T/data"
	server -w
	run -0 ask_bytes < <(
		put "$T/data" /folder
		put "$T/data" /
		put "$T/data" /folder/
		put "$T/data" /none/x
		put "$T/data" /file/x
		put "$T/data" /pipe
		put "$T/data" /folder/x
	)
	assert_line --index 1 '409 /folder: is a folder'
	assert_line --index 2 --regexp '^409 /: '
	assert_line --index 3 '409 /folder: is a folder'
	assert_line --index 4 '404 /none/x: no such file or folder'
	assert_line --index 5 --regexp '^404 /file/x: '
	assert_line --index 6 --regexp '^403 /pipe: '
	assert_line --index 7 --regexp '^201 '
	assert_equal "${#lines[@]}" 8
	[[ -p $T/root/pipe && -d $T/root/folder ]]
	assert_nothing_staged
}

@test "PUT through a link to a folder stores there; onto a link it takes the link's place" {
	mkdir "$T/root/folder" "$T/outside"
	printf keep >"$T/outside/file"
	ln -s folder "$T/root/in"
	ln -s ../outside "$T/root/out"
	ln -s ../outside/file "$T/root/outfile"
	printf data >"$T/data"
	server -w
	chmod 777 "$T/outside" && chmod 666 "$T/outside/file"
	run -0 ask_bytes < <(
		put "$T/data" /in/a
		put "$T/data" /out/a
		put "$T/data" /outfile
		put "$T/data" /in
		echo PING
	)
	assert_line --index 1 --regexp '^201 '
	assert_line --index 2 --regexp '^403 /out/a: '
	assert_line --index 3 --regexp '^201 '
	assert_line --index 4 --regexp '^201 '
	assert_line --index 5 --regexp '^200 time='
	assert_equal "$(cat "$T/root/folder/a")" data
	[[ ! -e $T/outside/a && ! -L $T/root/outfile && ! -L $T/root/in ]]
	assert_equal "$(cat "$T/outside/file")" keep
}

@test "a reader keeps the version that it began to read while another takes its name" {
	noise 24000000 "$T/root/f"
	noise 300000 "$T/new"
	local old
	old=$(sha "$T/root/f")
	server -w
	dial
	say 'GET /f'
	expect '^200 size=24000000 '
	take 1000 >"$T/got"
	assert_equal "$(put "$T/new" /f | replies | cut -c 1-3)" 201
	cmp "$T/new" "$T/root/f"
	take 23999000 >>"$T/got"
	assert_equal "$(sha "$T/got")" "$old"
	say 'GET /f'
	expect '^200 size=300000 '
	take 300000 | cmp - "$T/new"
}

staged_some()
{
	[[ -n $(find "$T/root/.coffer" -type f ! -name lock -size +0) ]]
}

@test "nobody sees a file before it is whole" {
	noise 500000 "$T/data"
	server -w
	dial
	say 'PUT /f size=500000'
	head -c 400000 "$T/data" >&"$C"
	wait_for staged_some
	run -0 ask 'LIST / depth=all' 'STAT /f' 'GET /f'
	assert_equal "$(printf '%s\n' "${lines[@]:1}")" "$(printf '%s\n' '200 type=d' . \
	    '404 /f: no such file or folder'{,})"
	tail -c +400001 "$T/data" >&"$C"
	expect '^201 '
	cmp "$T/data" "$T/root/f"
}

@test "a refused PUT does not desynchronise, whatever the reason" {
	local n=0 line option
	printf 'PING\nQUIT\nPING\n' >"$T/data"
	mkdir "$T/root/folder"
	server -w
	for option in mode=999 mode=01777 mtime=yesterday mtime=1.0000000000 sha256=12 if=old wait=1 \
	    bogus bogus=1 /two depth=1 'mode=1 mode=1' $'\x01'; do
		put "$T/data" /f "$option"
		chunked 6 "$T/data" /f "$option"
		n=$((n + 2))
	done >"$T/asked"
	for line in /.. /%00 /.coffer/x /none/x /folder relative "/$(printf 'x%.0s' {1..256})" /%zz; do
		put "$T/data" "$line"
		chunked 6 "$T/data" "$line"
		n=$((n + 2))
	done >>"$T/asked"
	echo PING >>"$T/asked"
	replies <"$T/asked" >"$T/got"
	run -1 grep -vE '^4(00|04|09) ' <(head -n -1 "$T/got")
	assert_equal "$(tail -n 1 "$T/got" | cut -c 1-9)" '200 time='
	assert_equal "$(wc -l <"$T/got")" $((n + 1))
	assert_equal "$(ls "$T/root")" folder
	assert_nothing_staged
}

@test "a PUT without a size that can be read is the end of the conversation" {
	local line
	server -w
	for line in 'PUT /f' 'PUT /f size=' 'PUT /f size=-1' 'PUT /f size=9223372036854775808' \
	    'PUT /f size=5 size=5' 'PUT /f size=* size=5'; do
		run -0 ask_bytes < <(printf '%s\nPING\n' "$line")
		assert_line --index 1 --regexp '^400 '
		assert_equal "${#lines[@]}" 2
	done
	# Who waits has sent nothing.
	run -0 ask 'PUT /f wait' 'PUT /f size=x resume' 'PUT /f size=* resume' PING
	assert_equal "$(printf '%s\n' "${lines[@]:1:3}" | cut -c 1-4 | xargs)" '400 400 400'
	assert_line --index 4 --regexp '^200 time='
}

@test "a refused body of drop-max bytes is read away, of one more ends the conversation" {
	noise 1000 "$T/1000"
	noise 1001 "$T/1001"
	server -w -o drop-max=1000
	run -0 ask_bytes < <(put "$T/1000" /none/f; chunked 300 "$T/1000" /none/f; echo PING)
	assert_line --index 1 --regexp '^404 /none/f: '
	assert_line --index 2 --regexp '^404 /none/f: '
	assert_line --index 3 --regexp '^200 time='
	run -0 ask_bytes < <(put "$T/1001" /none/f; echo PING)
	assert_line --index 1 --regexp '^404 /none/f: '
	assert_equal "${#lines[@]}" 2
	run -0 ask_bytes < <(chunked 300 "$T/1001" /none/f; echo PING)
	assert_line --index 1 --regexp '^404 /none/f: '
	assert_equal "${#lines[@]}" 2
	# Large enough to be still under way: the reply gets through all the same.
	dial
	say 'PUT /none/f size=9000000000000000000'
	expect '^404 /none/f: '
	ended
	dial
	say 'PUT /none/f size=9000000000000000000 wait' PING
	expect '^404 /none/f: ' '^200 time='
}

@test "an upload of upload-max bytes is stored, one of more is a 413" {
	noise 1000 "$T/1000"
	noise 1001 "$T/1001"
	server -w -o upload-max=1000
	run -0 ask_bytes < <(
		put "$T/1000" /a
		put "$T/1001" /b
		chunked 300 "$T/1000" /c
		printf 'PUT /d size=1001 wait\nPING\n'
		chunked 300 "$T/1001" /e
	)
	assert_line --index 1 --regexp '^201 '
	assert_line --index 2 --regexp '^413 /b: '
	assert_line --index 3 --regexp '^201 '
	assert_line --index 4 --regexp '^413 /d: '
	assert_line --index 5 --regexp '^200 time='
	assert_line --index 6 --regexp '^413 /e: '
	assert_absent b d e
	assert_nothing_staged
}

@test "fewer bytes than declared are a 400, and leave nothing under the name, or what was there" {
	local why='bytes of what was declared did not come'
	printf old >"$T/root/f"
	server -w
	run -0 replies < <(printf 'PUT /f size=1000\nabc')
	assert_output "400 /f: 997 $why"
	run -0 replies < <(printf 'PING\nPUT /g size=300000\nabc')
	assert_line --index 0 --regexp '^200 time='
	assert_line --index 1 "400 /g: 299997 $why"
	run -0 replies < <(printf 'PUT /h size=1\n')
	assert_output "400 /h: 1 $why"
	run -0 replies < <(printf 'PUT /i size=*\n5\nabc')
	assert_output '400 /i: the body ended before its last chunk'
	run -0 replies < <(printf 'PUT /i size=*\n3\nabc')
	assert_output '400 /i: the body ended before its last chunk'
	run -0 replies < <(printf 'PUT /f/x size=9\nabc')	# refused for another reason
	assert_output --regexp '^404 /f/x: '
	assert_equal "$(cat "$T/root/f")" old
	assert_absent g h i
}

@test "bytes behind those that were declared are the next request" {
	server -w
	run -0 ask_bytes < <(printf 'PUT /f size=5\nhello, world\nPING\n')
	assert_line --index 1 --regexp '^201 size=5 '
	assert_line --index 2 --regexp '^400 ,: no such request'
	assert_line --index 3 --regexp '^200 time='
	assert_equal "$(cat "$T/root/f")" hello
}

@test "of two uploads to one name at once, one whole one wins" {
	noise 400000 "$T/a"
	noise 400000 "$T/b"
	server -w
	dial
	local a=$C b
	say 'PUT /f size=400000'
	dial
	b=$C
	say 'PUT /f size=400000'
	local at
	for ((at = 0; at < 400000; at += 50000)); do
		tail -c +$((at + 1)) "$T/a" | head -c 50000 >&"$a"
		tail -c +$((at + 1)) "$T/b" | head -c 50000 >&"$b"
	done
	C=$a expect "^201 size=400000 sha256=$(sha "$T/a")"
	C=$b expect "^201 size=400000 sha256=$(sha "$T/b")"
	cmp "$T/root/f" "$T/a" || cmp "$T/root/f" "$T/b"
	assert_nothing_staged
}

@test "a read-only server refuses each verb that writes, and stays in step" {
	printf 'PING\n' >"$T/data"
	printf keep >"$T/root/f"
	mkdir "$T/root/d"
	server
	run -0 ask_bytes < <(
		put "$T/data" /new
		chunked 2 "$T/data" /new
		printf '%s\n' 'PUT /new size=5 wait' 'DELETE /f' 'MOVE /f /g' 'COPY /f /g' 'MKDIR /e' \
		    'MKDIR /d parents' 'RMDIR /d' 'SET /f mode=0600' 'SET /f mtime=5' PING
	)
	assert_equal "$(printf '%s\n' "${lines[@]:1}" | sed 's/^\(200 time\).*/\1/')" '403 /new: the server is read-only
403 /new: the server is read-only
403 /new: the server is read-only
403 /f: the server is read-only
403 /f: the server is read-only
403 /g: the server is read-only
403 /e: the server is read-only
403 /d: the server is read-only
403 /d: the server is read-only
403 /f: the server is read-only
403 /f: the server is read-only
200 time'
	assert_equal "$(ls -A "$T/root" | xargs)" 'd f'
	assert_equal "$(cat "$T/root/f")" keep
}
