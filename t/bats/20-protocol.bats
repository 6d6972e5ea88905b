#!/usr/bin/env bats
# 20-protocol - lines, replies and their order; the verbs that name no file.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load dialog

@test "the greeting comes without being asked for" {
	server
	dial_only
	expect '^200 coffer=1 server=cofferd/[0-9]+\.[0-9]+\.[0-9]+$'
}

@test "PING tells the time, SPACE the file system's room, WHOAMI what one may do" {
	server
	run -0 ask PING SPACE WHOAMI QUIT
	[[ ${lines[1]} =~ ^200\ time=([0-9]+)\.[0-9]{9}$ ]]
	((BASH_REMATCH[1] - EPOCHSECONDS < 5 && EPOCHSECONDS - BASH_REMATCH[1] < 60))
	[[ ${lines[2]} =~ ^200\ total=([0-9]+)\ free=([0-9]+)\ avail=([0-9]+)\ files-free=[0-9]+$ ]]
	assert_equal "${BASH_REMATCH[1]}" $(($(stat -f -c '%b * %S' "$T/root")))
	((BASH_REMATCH[3] <= BASH_REMATCH[2] && BASH_REMATCH[2] <= BASH_REMATCH[1]))
	assert_line --index 3 '200 user=anonymous rights=list,read'
	assert_line --index 4 '200 bye'
	stop_server
	server -w
	run -0 ask WHOAMI
	assert_line --index 1 '200 user=anonymous rights=list,read,create,replace,delete,admin'
}

@test "QUIT ends the conversation, and what comes behind it is not answered" {
	server
	dial
	say QUIT PING
	expect '^200 bye$'
	ended
}

# Four clients at once, so that a worker finds no time between the start of a session and its end.
@test "sessions that are over before they were well begun end, too" {
	server
	run -0 timeout "$PATIENCE" perl -MIO::Socket::INET -e '
		fork() // die for 1, 2;
		for (1 .. 100) {
			my $c = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$ARGV[0]") or die "connect: $!";
			print $c "QUIT\n";
			my @lines = <$c>;
			$lines[1] eq "200 bye\n" or die "@lines";
		}
		for (1 .. 2) { wait() == -1 || $? == 0 or die "a client failed" }' "$PORT"
	assert_output ''
}

@test "a client that ends its half gets all its replies, and then the end" {
	server
	run -0 ask PING PING
	assert_equal "${#lines[@]}" 3
	run -0 ask_bytes </dev/null
	assert_output --regexp '^200 coffer=1 [^ ]*$'
}

@test "verbs are read in any case, options and their words in one" {
	server
	run -0 ask ping PiNg 'list / limit=1' 'LIST / LIMIT=1' 'LIST / sort=NAME' 'LIST / DIGEST'
	assert_line --index 1 --regexp '^200 time='
	assert_line --index 2 --regexp '^200 time='
	assert_line --index 3 '200 type=d'
	assert_line --index 5 --regexp '^400 .*LIMIT'
	assert_line --index 6 --regexp '^400 .*NAME'
	assert_line --index 7 --regexp '^400 .*DIGEST'
}

@test "lines end in LF or CRLF, empty ones are passed over, spaces may be many" {
	echo hello >"$T/root/f"
	server
	run -0 ask_bytes < <(printf 'PING\r\n\n\r\n\n  STAT   /f  \nPING\nGET /f\r\n')
	assert_line --index 1 --regexp '^200 time='
	assert_line --index 2 --regexp '^200 type=f size=6 '
	assert_line --index 3 --regexp '^200 time='
	assert_line --index 4 --regexp '^200 size=6 '
	assert_line --index 5 hello
	assert_equal "${#lines[@]}" 6
}

@test "options stand anywhere behind the verb" {
	printf 0123456789 >"$T/root/f"
	server
	run -0 ask 'GET from=2 /f len=3'
	assert_line --index 1 --regexp '^200 size=3 total=10 '
	assert_line --index 2 234
}

@test "HELP lists every verb, and explains each" {
	server
	run -0 ask HELP
	[[ ${lines[1]} =~ ^200\ verbs=([0-9]+)$ ]]
	assert_equal "${#lines[@]}" $((BASH_REMATCH[1] + 3))
	assert_equal "${lines[-1]}" .
	local verbs=() asked=() replies verb at=1
	read -ra verbs <<<"$(printf '%s\n' "${lines[@]:2:BASH_REMATCH[1]}" | cut -d ' ' -f 1 | tr '\n' ' ')"
	for verb in HELP LIST STAT GET PUT COMMIT ABORT HASH DELETE MOVE COPY MKDIR RMDIR SET LOGIN \
	    WHOAMI STARTTLS SPACE PING QUIT; do
		[[ " ${verbs[*]} " == *" $verb "* ]] || fail "HELP does not tell of $verb"
	done
	mapfile -t asked < <(printf 'HELP %s\n' "${verbs[@]}")
	mapfile -t replies < <(ask "${asked[@]}")
	assert_equal "${#replies[@]}" $((4 * ${#verbs[@]} + 1))
	for verb in "${verbs[@]}"; do
		assert_equal "${replies[at]}" '200 verbs=1'
		[[ ${replies[at + 1]} =~ ^"$verb"( |$) ]]
		[[ -n ${replies[at + 2]} ]]
		assert_equal "${replies[at + 3]}" .
		at=$((at + 4))
	done
	run -0 ask 'help get' 'HELP NOSUCH' 'HELP GET PUT' PING
	assert_line --index 2 --regexp '^GET PATH '
	assert_line --index 5 --regexp '^404 '
	assert_line --index 6 --regexp '^400 '
	assert_line --index 7 --regexp '^200 time='
}

@test "what this version does not do is a 501, and the next request is answered" {
	server -w
	run -0 ask 'LOGIN me secret' STARTTLS PING
	assert_line --index 1 --regexp '^403 nobody can log in'
	assert_line --index 2 --regexp '^501 .*STARTTLS'
	assert_line --index 3 --regexp '^200 time='
	assert_equal "${#lines[@]}" 4
	refute_output --partial secret
	run ! grep -q secret "$LOG"
}

@test "a thousand requests in one write are answered in order" {
	seq 0 99 | awk -v root="$T/root" '{ print "content of " $1 >(root "/" $1) }'
	server
	seq 0 999 | awk '{ print "GET /" $1 * 7 % 120 }' >"$T/asked"
	seq 0 999 | awk '{
		n = $1 * 7 % 120
		print n < 100 ? "content of " n : "404 /" n ": no such file or folder"
	}' >"$T/expected"
	replies <"$T/asked" | grep -v '^200 size=' >"$T/got"
	cmp "$T/expected" "$T/got"
}

# A conversation in which each step sees what those before it did: lines of both kinds, a
# body that looks like a request, chunks, an empty line.
story()
{
	printf 'MKDIR /d\r\nPUT /d/f size=5\nPING\nGET /d/f\nPUT /d/g size=*\n3\nabc4\r\nQUIT0\n'
	printf 'get /d/g from=1\n\nMOVE /d/f /d/h\nLIST /d sort=name\nDELETE /d/g\nDELETE /d/h\nRMDIR /d\n'
}

F=23b8be7673546c504142529fc88346b4d2b80f3205e7872453871b0f92e072c1
G=e644cee0e230a572a121c36bf2f255b1ade8856619894870358e300e5c098252
STORY_REPLIES="201 path=/d
201 size=5 sha256=$F durability=none
200 size=5 total=5 mode=0644 sha256=$F
PING
201 size=7 sha256=$G durability=none
200 size=6 total=7 mode=0644 sha256=$G
bcQUIT200 path=/d/h
200 type=d
f 7 0644 g
f 5 0644 h
.
200 path=/d/g
200 path=/d/h
200 path=/d"

# Without the times, which differ.
timeless()
{
	sed -E 's/ mtime=[0-9.]+//; s/^f ([0-9]+) [0-9.]+ /f \1 /'
}

@test "a conversation in one write, with bodies in between, is answered in order" {
	server -w -o durability=none
	story >"$T/story"
	assert_equal "$(replies <"$T/story" | timeless)" "$STORY_REPLIES"
}

@test "a conversation that is cut at any byte is answered as if it were whole" {
	local LC_ALL=C story at
	story=$(story; echo QUIT)$'\n'
	server -w -o durability=none
	for ((at = 1; at < ${#story}; at++)); do
		dial
		printf %s "${story:0:at}" >&"$C"
		pause 0.002
		printf %s "${story:at}" >&"$C"
		IFS= read -r -d '' -t "$PATIENCE" -u "$C" || (($? <= 128)) || echo "(cut at byte $at)"
		printf %s "$REPLY"
		hang_up
	done | timeless >"$T/got"
	for ((at = 1; at < ${#story}; at++)); do
		echo "$STORY_REPLIES"$'\n200 bye'
	done >"$T/expected"
	diff "$T/expected" "$T/got"
}

@test "a conversation that comes byte by byte is answered as if it were whole" {
	server -w -o durability=none
	story >"$T/story"
	local LC_ALL=C byte
	while IFS= read -r -N 1 byte; do
		printf %s "$byte"
		pause 0.002
	done <"$T/story" | replies | timeless >"$T/got"
	assert_equal "$(cat "$T/got")" "$STORY_REPLIES"
}

@test "a reply comes as soon as its request, though more of the next line is there" {
	server
	dial
	# In one write, which bash's printf alone would not make of it.
	printf 'PING\nPIN' >"$T/asked"
	say_bytes <"$T/asked"
	expect '^200 time='
	printf 'G\n' >&"$C"
	expect '^200 time='
}

@test "replies that do not fit the sockets' buffers wait for the reader" {
	local i
	for i in {0..199}; do
		printf '%01000d' "$i" >"$T/root/$i"
	done
	server
	dial
	{ for i in {1..30}; do printf 'GET /%d\n' {0..199}; done; echo QUIT; } >"$T/asked"
	# Written from beside: no reply is read until all requests are there, or nothing moves.
	timeout "$PATIENCE" cat "$T/asked" >&"$C" 3>&- &
	local writer=$!
	pause 0.2
	timeout "$PATIENCE" cat <&"$C" >"$T/got"
	wait "$writer"
	assert_equal "$(grep -c '^200 size=1000 ' "$T/got")" 1
	assert_equal "$(grep -o '200 size=1000 ' "$T/got" | wc -l)" 6000
	assert_equal "$(tail -n 1 "$T/got" | tail -c 8)" '200 bye'
}
