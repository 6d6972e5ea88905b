#!/usr/bin/env bats
# 23-get - GET and HASH: ranges, digests that are kept and forgotten, links, and what is no file.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load dialog

# get LINE FILE: the bytes behind the reply to a GET go to FILE, the reply to $REPLY.
get()
{
	dial
	say "$1"
	expect '^200 size=[0-9]+ '
	local reply=$REPLY
	take "$(sed -E 's/^200 size=([0-9]+) .*/\1/' <<<"$reply")" >"$2"
	REPLY=$reply
}

# What the attribute says of a file, or nothing.
kept()
{
	getfattr --absolute-names --only-values -n user.coffer.sha256 "$1" 2>/dev/null || true
}

@test "GET sends size, time, mode and the bytes" {
	local size
	for size in 0 1 65535 65536 65537 1048577 5000000; do
		noise "$size" "$T/root/$size"
		touch -d @1234567890.000000001 "$T/root/$size"
	done
	server
	chmod 640 "$T"/root/*
	dial
	for size in 0 1 65535 65536 65537 1048577 5000000; do
		say "GET /$size"
		expect "^200 size=$size total=$size mtime=1234567890\.000000001 mode=0640 sha256=-$"
		take "$size" | cmp - "$T/root/$size"
	done
	say PING
	expect '^200 time='
}

@test "GETs large and small in one write are answered in order" {
	local name
	noise 3000000 "$T/root/large"
	noise 100 "$T/root/small"
	server
	printf '%s\n' 'GET /small' 'GET /large' 'GET /none' 'GET /small' 'GET /large from=2999990' PING |
	    replies | sed 's/200 time=.*/200 time/' >"$T/got"
	{
		local header
		header=$(printf 'mtime=%s mode=0644 sha256=-' "$(stat -c %.9Y "$T/root/small")")
		echo "200 size=100 total=100 $header"
		cat "$T/root/small"
		echo "200 size=3000000 total=3000000 mtime=$(stat -c %.9Y "$T/root/large") mode=0644 sha256=-"
		cat "$T/root/large"
		echo "404 /none: no such file or folder"
		echo "200 size=100 total=100 $header"
		cat "$T/root/small"
		echo "200 size=10 total=3000000 mtime=$(stat -c %.9Y "$T/root/large") mode=0644 sha256=-"
		tail -c 10 "$T/root/large"
		echo '200 time'
	} >"$T/expected"
	[[ $(stat -c %a "$T/root/small" "$T/root/large" | xargs) == '644 644' ]]
	cmp "$T/expected" "$T/got"
}

@test "GET from= and len= send that part, cut to what is there" {
	printf 0123456789 >"$T/root/f"
	noise 5000000 "$T/root/large"
	server
	run -0 ask_bytes < <(
		for range in from=3 len=3 'from=3 len=3' 'from=8 len=100' from=10 'from=9 len=1' len=0 \
		    'from=10 len=5' 'len=9223372036854775807 from=0' from=11 from=9223372036854775807; do
			echo "GET /f $range"
			printf '\n'
		done
		echo PING
	)
	local whole=' total=10 mtime=[0-9.]+ mode=0644 sha256=-'
	[[ $output =~ \
	    200\ size=7$whole$'\n'3456789200\ size=3$whole$'\n'012200\ size=3$whole$'\n'345200\ size=2$whole$'\n'89200\ size=0$whole$'\n'200\ size=1$whole$'\n'9200\ size=0$whole$'\n'200\ size=0$whole$'\n'200\ size=10$whole$'\n'0123456789416\ /f:[^$'\n']*$'\n'416\ /f:[^$'\n']*$'\n'200\ time= ]]
	get 'GET /large from=1000001 len=3000000' "$T/got"
	[[ $REPLY == '200 size=3000000 total=5000000 '* ]]
	tail -c +1000002 "$T/root/large" | head -c 3000000 | cmp - "$T/got"
	get 'GET /large from=4999999' "$T/got"
	tail -c 1 "$T/root/large" | cmp - "$T/got"
}

@test "GET digest sends the digest behind the bytes, and the server keeps it" {
	local size
	for size in 0 100 65537 3000000; do
		noise "$size" "$T/root/$size"
	done
	server -w
	for size in 0 100 65537 3000000; do
		get "GET /$size digest" "$T/got"
		[[ $REPLY == *' sha256=-' ]]
		cmp "$T/root/$size" "$T/got"
		expect "^sha256=$(sha "$T/root/$size")$"
		hang_up
	done
	for size in 0 100 65537 3000000; do
		[[ $(kept "$T/root/$size") == *" $(sha "$T/root/$size")" ]]
		get "GET /$size digest" "$T/got"
		[[ $REPLY == *" sha256=$(sha "$T/root/$size")" ]]
		say PING
		expect '^200 time='
		hang_up
	done
	run -0 ask 'STAT /100' 'GET /0'
	[[ ${lines[1]} == *" sha256=$(sha "$T/root/100")" ]]
	[[ ${lines[2]} == *" sha256=$(sha "$T/root/0")" ]]
}

@test "GET digest of a part sends the part's digest, and keeps nothing" {
	noise 3000000 "$T/root/f"
	server -w
	get 'GET /f from=1000 len=2000000 digest' "$T/got"
	[[ $REPLY == *' sha256=-' ]]
	expect "^sha256=$(tail -c +1001 "$T/root/f" | head -c 2000000 | sha)$"
	say 'GET /f from=2999999 digest'
	expect '^200 size=1 '
	take 1 >/dev/null
	expect "^sha256=$(tail -c 1 "$T/root/f" | sha)$"
	say 'GET /f len=0 digest'
	expect '^200 size=0 ' "^sha256=$(sha </dev/null)$"
	say 'STAT /f'
	expect ' sha256=-$'
	assert_equal "$(kept "$T/root/f")" ''
	# Once it is known, a part comes with the digest of the whole, and no line behind it.
	say 'HASH /f'
	expect '^200 '
	say 'GET /f from=2999999 digest'
	expect " sha256=$(sha "$T/root/f")$"
	take 1 >/dev/null
	say PING
	expect '^200 time='
}

@test "a read-only server tells digests, and keeps none" {
	noise 1000 "$T/root/f"
	server
	get 'GET /f digest' "$T/got"
	expect "^sha256=$(sha "$T/root/f")$"
	say 'HASH /f'
	expect "^200 sha256=$(sha "$T/root/f") size=1000$"
	say 'STAT /f'
	expect ' sha256=-$'
	assert_equal "$(kept "$T/root/f")" ''
}

@test "PUT keeps the digest with the file, in the attribute user.coffer.sha256" {
	noise 1000 "$T/data"
	server -w
	put "$T/data" /f | replies >/dev/null
	assert_equal "$(kept "$T/root/f")" \
	    "1000 $(stat -c '%.9Y %i' "$T/root/f") $(sha "$T/data")"
	run -0 ask 'STAT /f'
	[[ ${lines[1]} == *" sha256=$(sha "$T/data")" ]]
}

@test "a digest is forgotten once the file was edited behind our back" {
	printf 'before' >"$T/data"
	server -w
	for name in size time inode; do
		put "$T/data" /$name mtime=1000
	done | replies >/dev/null
	assert_equal "$(ask 'STAT /size' 'STAT /time' 'STAT /inode' | grep -c "$(sha "$T/data")")" 3
	printf 'more' >>"$T/root/size"
	touch -d @1000 "$T/root/size"
	printf 'after!' >"$T/root/time"
	# Another file with the attribute of the first: a copy that preserves all.
	cp --preserve=all "$T/root/inode" "$T/root/copy"
	printf 'after!' >"$T/root/copy"
	setfattr -n user.coffer.sha256 -v "$(kept "$T/root/inode")" "$T/root/copy"
	touch -d @1000 "$T/root/copy"
	mv "$T/root/copy" "$T/root/inode"
	run -0 ask 'STAT /size' 'STAT /time' 'STAT /inode' 'GET /size' 'HASH /time'
	assert_line --index 1 --regexp 'size=10 .* sha256=-$'
	assert_line --index 2 --regexp 'size=6 .* sha256=-$'
	assert_line --index 3 --regexp 'size=6 mtime=1000\.0+ .* sha256=-$'
	assert_line --index 4 --regexp ' sha256=-$'
	assert_line --partial "200 sha256=$(sha "$T/root/time") size=6"
}

@test "an attribute that is nonsense is no digest" {
	printf data >"$T/root/f"
	touch -d @1000 "$T/root/f"
	local stamp value
	stamp="4 1000.000000000 $(stat -c %i "$T/root/f")"
	server
	setfattr -n user.coffer.sha256 -v "$stamp $(sha "$T/root/f")" "$T/root/f"
	[[ $(ask 'STAT /f' | tail -n 1) == *" sha256=$(sha "$T/root/f")" ]]
	for value in '' x "$stamp" "$stamp " "$stamp xyz" "$stamp $(sha "$T/root/f")0" \
	    " $stamp $(sha "$T/root/f")" "$(printf 'x%.0s' {1..1000})"; do
		setfattr -n user.coffer.sha256 -v "$value" "$T/root/f"
		[[ $(ask 'STAT /f' | tail -n 1) == *' sha256=-' ]] || fail "\"$value\" was taken for one"
	done
}

@test "HASH tells the digest of a file or a part, and keeps that of the whole" {
	noise 3000000 "$T/root/f"
	: >"$T/root/empty"
	mkdir "$T/root/d"
	server -w
	run -0 ask 'HASH /f from=10 len=1500000' 'HASH /f from=3000000' 'STAT /f' 'HASH /f' 'STAT /f' \
	    'HASH /f len=9000000' 'HASH /empty' 'HASH /f from=3000001' 'HASH /none' 'HASH /d' 'HASH /f from=2999999'
	assert_line --index 1 "200 sha256=$(tail -c +11 "$T/root/f" | head -c 1500000 | sha) size=1500000"
	assert_line --index 2 "200 sha256=$(sha </dev/null) size=0"
	assert_line --index 3 --regexp ' sha256=-$'
	assert_line --index 4 "200 sha256=$(sha "$T/root/f") size=3000000"
	assert_line --index 5 --regexp " sha256=$(sha "$T/root/f")$"
	assert_line --index 6 "200 sha256=$(sha "$T/root/f") size=3000000"
	assert_line --index 7 "200 sha256=$(sha </dev/null) size=0"
	assert_line --index 8 --regexp '^416 /f: '
	assert_line --index 9 '404 /none: no such file or folder'
	assert_line --index 10 '409 /d: is a folder'
	assert_line --index 11 "200 sha256=$(tail -c 1 "$T/root/f" | sha) size=1"
}

@test "GET and HASH of a folder are 409, of what is not there 404" {
	mkdir "$T/root/d"
	touch "$T/root/f"
	server
	run -0 ask 'GET /d' 'GET /' 'HASH /d/' 'GET /none' 'GET /d/none' 'GET /f/below' PING
	assert_line --index 1 '409 /d: is a folder'
	assert_line --index 2 --regexp '^409 /: '
	assert_line --index 3 '409 /d: is a folder'
	assert_line --index 4 '404 /none: no such file or folder'
	assert_line --index 5 '404 /d/none: no such file or folder'
	assert_line --index 6 --regexp '^404 /f/below: '
	assert_line --index 7 --regexp '^200 time='
}

@test "a FIFO, a socket or a device is refused at once, and never opened for long" {
	mkfifo "$T/root/pipe"
	ln -s pipe "$T/root/link"
	perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un(shift)) or die' "$T/root/socket"
	local verb line began
	server -w
	began=$(now)
	for verb in STAT GET HASH LIST; do
		run -0 ask "$verb /pipe" "$verb /link" "$verb /socket" PING
		assert_line --index 1 --regexp '^403 /pipe: '
		assert_line --index 2 --regexp '^403 /link: '
		assert_line --index 3 --regexp '^403 /socket: '
		assert_line --index 4 --regexp '^200 time='
	done
	(($(now) - began < 5000))
	# What is no file may all the same be taken away.
	run -0 ask 'COPY /pipe /copy' 'SET /pipe mode=0600' 'MOVE /pipe /other' 'DELETE /other'
	assert_line --index 1 --regexp '^403 /pipe: '
	assert_line --index 2 --regexp '^403 /pipe: '
	assert_line --index 3 '200 path=/other'
	assert_line --index 4 '200 path=/other'
}

@test "a device is refused" {
	[[ $(id -u) == 0 ]] || skip 'mknod(1) is for root'
	mknod "$T/root/null" c 1 3 || skip 'this container makes no devices'
	mknod "$T/root/missing" c 4095 1048575
	mknod "$T/root/disk" b 4095 1048575
	server -w
	chmod 666 "$T/root/null" "$T/root/missing" "$T/root/disk"
	local name
	for name in null missing disk; do
		run -0 ask "STAT /$name" "GET /$name" "HASH /$name" "PUT /$name size=1 wait" PING
		assert_line --index 1 --regexp "^403 /$name: "
		assert_line --index 2 --regexp "^403 /$name: "
		assert_line --index 3 --regexp "^403 /$name: "
		assert_line --index 4 --regexp "^403 /$name: "
		assert_line --index 5 --regexp '^200 time='
	done
}

# A tree with links of all kinds, a file outside, and a list of paths that lead there.
make_links()
{
	mkdir -p "$T/root/in/deep" "$T/outside"
	printf inside >"$T/root/in/file"
	printf secret >"$T/outside/file"
	printf secret >"$T/rootless"
	ln -s in/file "$T/root/link"
	ln -s ../file "$T/root/in/deep/up"
	ln -s in "$T/root/folder"
	ln -s "$T/root/in/file" "$T/root/absolute"
	ln -s "$T/outside/file" "$T/root/out-absolute"
	ln -s ../outside/file "$T/root/out-relative"
	ln -s ../outside "$T/root/out-folder"
	ln -s in/../../outside/file "$T/root/out-through"
	ln -s ../rootless "$T/root/out-prefix"
	ln -s / "$T/root/top"
	ln -s /proc/self/root "$T/root/magic"
	ln -s gone "$T/root/dangling"
	ln -s self "$T/root/self"
}

@test "links within the tree are followed, those that lead out are 403, dangling ones 404" {
	make_links
	server
	run -0 ask 'GET /link' $'\nGET /in/deep/up' $'\nGET /folder/file' PING
	[[ $(grep -o inside <<<"$output" | wc -l) == 3 ]]
	local name verb
	for name in absolute out-absolute out-relative out-folder/file out-folder out-through out-prefix \
	    top/etc/passwd top/proc/self/root/etc/passwd magic/etc/passwd magic self; do
		for verb in GET STAT HASH LIST; do
			echo "$verb /$name"
		done
	done >"$T/asked"
	replies <"$T/asked" >"$T/got"
	run ! grep -v '^403 ' "$T/got"
	assert_equal "$(wc -l <"$T/got")" 48
	run -0 ask 'GET /dangling' 'STAT /dangling' 'LIST /dangling'
	assert_equal "$(printf '%s\n' "${lines[@]:1}" | cut -c 1-3 | xargs)" '404 404 404'
}

@test "no verb that writes leaves the tree by a link" {
	make_links
	server -w
	[[ $(id -u) != 0 ]] || chmod -R a+rwX "$T/outside"
	printf '%s\n' 'DELETE /out-folder/file' 'MOVE /out-folder/file /stolen' 'MOVE /in/file /out-folder/given' \
	    'COPY /out-folder/file /stolen' 'COPY /out-absolute /stolen' 'COPY /in/file /out-folder/given' \
	    'MKDIR /out-folder/d' 'MKDIR /out-folder/d/e parents' 'RMDIR /out-folder/d' 'SET /out-folder/file mode=0' \
	    'SET /out-relative mode=0' 'SET /out-folder mode=0' 'PUT /out-folder/f size=0' \
	    'PUT /top/tmp/coffer-test size=0' >"$T/asked"
	replies <"$T/asked" >"$T/got"
	run ! grep -v '^403 ' "$T/got"
	assert_equal "$(wc -l <"$T/got")" "$(wc -l <"$T/asked")"
	assert_equal "$(find "$T/outside" -type f -printf '%P %s\n')" 'file 6'
	# A link itself is a name like any other.
	run -0 ask 'MOVE /out-folder /moved' 'DELETE /moved' 'DELETE /dangling'
	assert_equal "$(printf '%s\n' "${lines[@]:1}" | cut -c 1-3 | xargs)" '200 200 200'
	[[ -e $T/outside/file && ! -L $T/root/moved && ! -L $T/root/dangling ]]
}

@test "symlinks = never follows none" {
	make_links
	server -w -o symlinks=never
	run -0 ask 'GET /in/file' $'\nGET /link' 'STAT /link' 'GET /folder/file' 'LIST /folder' 'GET /out-relative' \
	    'PUT /folder/x size=0' 'MKDIR /folder/x'
	assert_line --index 2 --regexp '^inside403 /link: '
	assert_equal "$(printf '%s\n' "${lines[@]:3}" | cut -c 1-3 | xargs)" '403 403 403 403 403 403'
}

@test "a file that becomes shorter while it is sent ends the connection, and invents no byte" {
	noise 40000000 "$T/root/f"
	cp "$T/root/f" "$T/whole"
	server
	dial
	say 'GET /f'
	expect '^200 size=40000000 '
	take 1000 >"$T/got"
	truncate -s 30000000 "$T/root/f"
	take 50000000 >>"$T/got"
	local size
	size=$(stat -c %s "$T/got")
	((size <= 30000000))
	cmp -n "$size" "$T/got" "$T/whole"
	wait_for grep -q 'became shorter' "$LOG"
	assert_well
}

# hasher FILE: a client that asks for the digest of /FILE, and goes without a word (by a RST) when
# its stdin ends.
hasher()
{
	perl -MIO::Socket::INET -MSocket -e '
		my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]") or die;
		syswrite($s, "HASH /$ARGV[1]\n");
		1 while <STDIN>;
		setsockopt($s, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0));
		close($s);' "$PORT" "$1"
}

hashes_huge()
{
	ctl who | grep -q 'HASH /huge'
}

hashed()
{
	[[ $(ask 'HASH /f len=2' | tail -n 1) == '200 sha256='* ]]
}

@test "no more than hash-max files are hashed for one address, and none for a client that has gone" {
	# Longer than this test takes, and in blocks that are not there.
	truncate -s 1T "$T/root/huge"
	echo hello >"$T/root/f"
	server -o hash-max=1 -o io-timeout=1h
	mkfifo "$T/go"
	hasher huge <"$T/go" 3>&- &
	local go
	exec {go}>"$T/go"
	wait_for hashes_huge
	run -0 ask PING 'GET /f len=2' 'HASH /f'
	assert_line --index 1 --regexp '^200 time='
	assert_line --index 3 --partial '429 /f: '
	exec {go}>&-
	wait_for hashed
}
