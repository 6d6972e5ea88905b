#!/usr/bin/env bats
# 62-client-liars - servers that lie, break off or say nothing, and the exit codes one by one.

bats_require_minimum_version 1.5.0
load helper

HELLO='200 coffer=1 server=liar/1'
META='mtime=1.0 mode=0644'
SHA_HELLO=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
SHA_HELLOWORLD=936a185caaa266bb9cbe981e9e05cb78cd732b0b3280eb944412bb6f8f8f07af

setup()
{
	coffer_setup
	export COFFER_URL=unix:$T/liar
}

# liar: says its stdin to the first client on unix:$T/liar, whatever that asks for, and then
# ends its half of the connection.  What the client asked is in $T/asked.
liar()
{
	rm -f "$T/liar"
	timeout 30 nc -lUN "$T/liar" <&0 >"$T/asked" 3>&- &
	wait_for test -S "$T/liar"
}

# says FORMAT...: the same with the lines given, after the greeting.
says()
{
	# shellcheck disable=SC2059
	printf "$HELLO\n$1" "${@:2}" >"$T/words"
	liar <"$T/words"
}

# The same, but the connection stays.
says_and_stays()
{
	# shellcheck disable=SC2059
	printf "$HELLO\n$1" "${@:2}" >"$T/words"
	liar < <(exec 3>&-; cat "$T/words"; exec sleep "$PATIENCE")
}

@test "a digest that differs: exit 9, and the file is kept under another name" {
	says "200 size=5 total=5 $META sha256=$SHA_HELLOWORLD\nhello"
	run -9 coffer get /f "$T/f"
	assert_output --partial 'f: digest differs, kept as f.part'
	assert_not_exist "$T/f"
	assert_equal "$(cat "$T/f.part")" hello
}

@test "a digest behind the bytes that differs: exit 9" {
	says "200 size=5 total=5 $META sha256=-\nhellosha256=$SHA_HELLOWORLD\n"
	run -9 coffer get /f "$T/f"
	assert_not_exist "$T/f"
}

@test "a digest that differs on stdout: exit 9" {
	says "200 size=5 total=5 $META sha256=$SHA_HELLOWORLD\nhello"
	run -9 --separate-stderr coffer get /f -
	assert_equal "$output" hello
	[[ $stderr == *'f: digest differs' ]]
}

@test "after a digest that differs, the other files of a tree are fetched" {
	says "200 type=d\nf 5 1.0 0644 a\nf 5 1.0 0644 b\n.\n%s\nhello%s\nhello" \
	    "200 size=5 total=5 $META sha256=$SHA_HELLOWORLD" "200 size=5 total=5 $META sha256=$SHA_HELLO"
	run -1 coffer get -r / "$T/d"
	assert_equal "$(ls "$T/d")" "$(printf 'a.part\nb')"
}

@test "fewer bytes than said: exit 10, and what came is kept to go on from" {
	says "200 size=10 total=10 $META sha256=$SHA_HELLOWORLD\nhello"
	run -10 coffer get /f "$T/f"
	assert_output --partial 'the connection was lost'
	assert_output --partial '-c goes on'
	assert_equal "$(cat "$T/f.part")" hello
	assert_not_exist "$T/f"
}

@test "with -c, a lost connection is made again, and the file is gone on with" {
	# An own pair of servers, one after the other.
	printf '%s\n' "$HELLO" "200 size=10 total=10 $META sha256=$SHA_HELLOWORLD" >"$T/first"
	printf hello >>"$T/first"
	printf '%s\n' "$HELLO" "200 size=5 total=10 $META sha256=$SHA_HELLOWORLD" >"$T/second"
	printf world >>"$T/second"
	(
		timeout 30 nc -lUN "$T/liar" <"$T/first" >"$T/asked1"
		rm "$T/liar"
		timeout 30 nc -lUN "$T/liar" <"$T/second" >"$T/asked2"
	) 3>&- &
	wait_for test -S "$T/liar"
	run -0 coffer -H "unix:$T/liar" get -c /f "$T/f"
	assert_output --partial 'the connection was lost; trying again'
	assert_equal "$(cat "$T/f")" helloworld
	assert_equal "$(cat "$T/asked1" "$T/asked2")" "$(printf 'GET /f digest\nGET /f from=5')"
}

@test "where a resumed file's digest is not known, it is asked for, and may differ" {
	printf hello >"$T/f.part"
	says "200 size=5 total=10 $META sha256=-\nworld200 sha256=$SHA_HELLOWORLD size=10\n"
	coffer get -c /f "$T/f"
	assert_equal "$(cat "$T/f")" helloworld
	assert_equal "$(cat "$T/asked")" "$(printf 'GET /f from=5\nHASH /f')"
}

@test "sizes that contradict each other, or no digest: exit 12" {
	says "200 size=5 total=10 $META sha256=$SHA_HELLO\nhello"
	run -12 coffer get /f "$T/f"
	says "200 size=5 total=5 $META\nhello"
	run -12 coffer get /f "$T/f"
	says "200 size=99999999999999999999 total=99999999999999999999 $META sha256=-\nhello"
	run -12 coffer get /f "$T/f"
	assert_equal "$(ls "$T" | grep '^f')" ""
}

@test "evil names in a list make nothing outside, nor inside" {
	for name in ../evil /tmp/evil .. . '' a/../../evil a//b %2e%2e/evil %2E%2E evil%00x a/ /; do
		rm -rf "$T/d"
		says "200 type=d\nf 5 1.0 0644 %s\n.\n%s\nhello" "$name" "200 size=5 total=5 $META sha256=$SHA_HELLO"
		run -12 coffer get -r / "$T/d"
		assert_equal "$(find "$T/d" -type f 2>/dev/null)" ""
		assert_not_exist "$T/evil"
	done
}

@test "a folder and a file of one name in a list harm nobody" {
	says "200 type=d\nd 0 1.0 0755 a\nf 5 1.0 0644 a\nf 5 1.0 0644 a/b\n.\n%s\nhello%s\nhello" \
	    "200 size=5 total=5 $META sha256=$SHA_HELLO" "200 size=5 total=5 $META sha256=$SHA_HELLO"
	run -1 coffer get -r / "$T/d"
	assert_equal "$(cat "$T/d/a/b")" hello
}

@test "modes with more than permissions are cut down" {
	says "200 size=5 total=5 mtime=1.0 mode=6755 sha256=$SHA_HELLO\nhello"
	coffer get /f "$T/f"
	assert_equal "$(stat -c %a "$T/f")" 755
}

@test "a line over 8192 bytes, no greeting, another protocol, nonsense: exit 12" {
	says "200 %s\n" "$(printf 'x%.0s' {1..9000})"
	run -12 coffer stat /f
	printf 'SSH-2.0-OpenSSH_9\r\n' | liar
	run -12 coffer ls
	printf '200 coffer=2 server=x\n' | liar
	run -12 coffer ls
	assert_output --partial 'no server of the coffer protocol, version 1'
	says "200 type=d\nnonsense\n.\n"
	run -12 coffer ls
	says "200 type=d\nf 5 1.0 0644 \x01\n.\n"
	run -12 coffer ls
}

@test "a list that is broken off is told" {
	says "200 type=d\nf 5 1.0 0644 a\n! 403 /: not allowed\n"
	run -7 coffer ls
	assert_line a
	assert_line 'coffer: /: not allowed'
	says "200 type=d\nf 5 1.0 0644 a\n"
	run -3 coffer ls
	assert_output --partial 'the connection was lost'
}

@test "a server that keeps something else than was sent is found out: exit 9" {
	echo hello >"$T/f"
	says_and_stays "404 /f: no such file\n201 size=6 sha256=$SHA_HELLO durability=full\n"
	run -9 coffer put "$T/f" /f
	assert_output --partial 'the server has kept something else'
}

@test "a server that goes on from beyond the end of a file: exit 12" {
	head -c 3000000 /dev/zero >"$T/f"
	says_and_stays "404 /f: no such file\n100 from=3000001\n"
	run -12 coffer put -c "$T/f" /f
}

@test "answers that nobody asked for: exit 12" {
	echo hello >"$T/f"
	says_and_stays "404 /f: no such file\n100 from=0\n"
	run -12 coffer put "$T/f" /f
}

@test "a server that takes no more and says why: the sentence is told" {
	head -c 30000000 /dev/zero >"$T/f"
	says_and_stays "404 /f: no such file\n507 /f: the disk is full\n"
	run -8 coffer put "$T/f" /f
	assert_output 'coffer: /f: the disk is full'
}

# interrupted SIGNAL CONDITION ARGUMENT...: the client, which gets the signal once the condition
# holds.  Its stdout goes to $T/out.
interrupted()
{
	env --default-signal=INT "$COFFER_BUILD/coffer" "${@:3}" <&0 >"$T/out" 3>&- &
	local client=$!
	wait_for eval "$2" || echo "it never came to: $2"
	kill -s "$1" "$client"
	wait "$client"
}

@test "a signal during a download: exit 10, the part file is kept, and it says how to go on" {
	for signal in INT TERM; do
		says_and_stays "200 size=10 total=10 $META sha256=$SHA_HELLOWORLD\nhello"
		rm -f "$T/f.part"
		run -10 interrupted $signal '[[ -s $T/f.part ]]' get /f "$T/f"
		assert_output --partial 'interrupted'
		assert_output --partial '-c goes on'
		assert_equal "$(cat "$T/f.part")" hello
	done
}

@test "a signal while stdin is sent or something fetched to stdout: it is not said to go on" {
	says_and_stays "100 from=0\n"
	run -10 interrupted INT 'grep -qs PUT "$T/asked"' put - /f < <(yes yyy)
	assert_output --partial 'nothing of it is kept'
	refute_output --partial '-c goes on'
	says_and_stays "200 size=10 total=10 $META sha256=$SHA_HELLOWORLD\nhello"
	run -10 interrupted INT '[[ -s $T/out ]]' get /f -
	refute_output --partial '-c goes on'
}

@test "a full disk here: exit 8" {
	[[ -c /dev/full ]] || skip "no /dev/full"
	server
	echo hello >"$T/root/f"
	run -8 bash -c "'$COFFER_BUILD/coffer' get /f - >/dev/full"
	assert_output --partial 'stdout: the disk is full'
	run -8 bash -c "'$COFFER_BUILD/coffer' stat /f >/dev/full"
}

@test "exit 0 and 1: all done, some failed" {
	touch "$T/root/a"
	server
	run -0 coffer stat /a
	run -1 coffer stat /a /b
}

@test "exit 3: nobody there, no such host, a server that is full" {
	run -3 coffer -H "unix:$T/nothing" ls
	run -3 coffer -H coffer://host.invalid ls
	printf '503 too many sessions\n' | liar
	run -3 coffer ls
	assert_output --partial 'the server says: too many sessions'
}

@test "exit 4: a server that says nothing" {
	liar < <(exec 3>&-; exec sleep "$PATIENCE")
	run -4 coffer -T 1 ls
	assert_output --partial 'nothing came for 1 s'
}

@test "exit 5: a user's name where nobody can log in, and 401" {
	says "401 log in first\n"
	run -5 coffer ls
	server
	COFFER_PASSWORD=x run -5 coffer ls "coffer://joe@127.0.0.1:$PORT/"
	assert_output --partial 'joe cannot log in: the server says: nobody can log in'
	run -5 setsid -w "$COFFER_BUILD/coffer" ls "coffer://joe@127.0.0.1:$PORT/"
	assert_output --partial 'there is no password for this user'
}

@test "exit 6 and 7: not found, not allowed" {
	server
	echo x >"$T/f"
	run -6 coffer stat /none
	assert_output 'coffer: /none: no such file or folder'
	run -7 coffer put "$T/f" /f
	assert_output --partial '/f: '
}

@test "exit 8: too large for the server" {
	echo 'upload-max = 1000' >>"$T/cofferd.conf"
	head -c 2000 /dev/zero >"$T/f"
	server -w
	run -8 coffer put "$T/f" /f
	run -8 coffer put - /f <"$T/f"
	assert_not_exist "$T/root/f"
}

@test "exit 11: a precondition" {
	touch "$T/root/f" "$T/f"
	server -w
	run -11 coffer put -n "$T/f" /f
}

# A server that reads one PUT to its end before it says anything but its greeting, which comes late.
slow_greeter()
{
	perl -MIO::Socket::UNIX -e '
		alarm 30;
		my ($name, $greeting, $size, $sha) = @ARGV;
		my $s = IO::Socket::UNIX->new(Local => $name, Listen => 1) or die;
		my $c = $s->accept() or die;
		select(undef, undef, undef, 0.3);	# until no more fits in the buffers
		syswrite($c, "$greeting\n");
		select(undef, undef, undef, 0.3);	# until the client has seen it
		my ($line, $left) = (scalar <$c>, $size);
		while ($left > 0) {
			my $n = read($c, my $bytes, $left < 65536 ? $left : 65536);
			die unless $n;
			$left -= $n;
		}
		syswrite($c, "201 size=$size sha256=$sha durability=full\n");
		1 while <$c>;' "$T/liar" "$HELLO" "$@" 3>&- &
	wait_for test -S "$T/liar"
}

@test "a greeting that comes while a body is sent is not taken for the reply" {
	head -c 8000000 /dev/zero >"$T/f"
	slow_greeter 8000000 "$(sha256sum "$T/f" | cut -d ' ' -f 1)"
	run -0 coffer -T 10 put "$T/f" /d/
}

# A tree of two small files, a and b, that hold "hello".
two_files()
{
	mkdir "$T/two"
	printf hello | tee "$T/two/a" >"$T/two/b"
}
HELD="200 held size=5 sha256=$SHA_HELLO"

@test "a server that does not hold gets each file for itself" {
	two_files
	says "501 no\n201 path=/d/two\n%s\n%s\n" \
	    "201 size=5 sha256=$SHA_HELLO" "201 size=5 sha256=$SHA_HELLO"
	run -0 coffer put -r "$T/two" /d/
	run ! grep -q hold "$T/asked"
}

@test "what is held is stored only when the COMMIT says so: exit 1 for one that is not" {
	two_files
	says "200 published=0 failed=0\n.\n200 path=/d/two\n$HELD\n$HELD\n200 published=1 failed=1\n%s\n.\n" \
	    '507 /d/two/b: the disk is full'
	run -1 coffer put -r "$T/two" /d/
	assert_output --partial '/d/two/b: the disk is full'
	refute_output --partial 'two/a'
	assert_equal "$(grep -c ' hold' "$T/asked")" 2
	assert_equal "$(tail -c 7 "$T/asked")" COMMIT
}

@test "a COMMIT that breaks off, fails, or tells of what was not held" {
	two_files
	says "200 published=0 failed=0\n.\n200 path=/d/two\n$HELD\n$HELD\n"
	run -10 coffer put -r "$T/two" /d/
	assert_output --partial '0 done'
	says "200 published=0 failed=0\n.\n200 path=/d/two\n$HELD\n$HELD\n200 published=1 failed=1\n"
	run -10 coffer put -r "$T/two" /d/
	says "200 published=0 failed=0\n.\n200 path=/d/two\n$HELD\n$HELD\n500 no\n"
	run -12 coffer put -r "$T/two" /d/
	says "200 published=0 failed=0\n.\n200 path=/d/two\n$HELD\n$HELD\n200 published=1 failed=1\n404 /x: no\n.\n"
	run -12 coffer put -r "$T/two" /d/
}

@test "a server that holds nothing at all, and one that keeps something else" {
	two_files
	says "200 published=0 failed=0\n.\n200 path=/d/two\n429 /d/two/a: no\n429 /d/two/b: no\n%s\n.\n" \
	    '200 published=0 failed=0'
	run -1 coffer put -r "$T/two" /d/
	says "200 published=0 failed=0\n.\n200 path=/d/two\n$HELD\n%s\n200 published=2 failed=0\n.\n" \
	    "200 held size=5 sha256=$SHA_HELLOWORLD"
	run -1 coffer put -r "$T/two" /d/
	assert_output --partial 'digest differs'
}
