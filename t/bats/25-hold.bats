#!/usr/bin/env bats
# bats file_tags=models:all
# 25-hold - uploads that are held, and published by one COMMIT; put -r, which does that.

bats_require_minimum_version 1.5.0
load helper
load dialog

# held PATH TEXT [OPTION]...: a PUT that is to be held.
held()
{
	printf 'PUT %s size=%d hold%s\n%s' "$1" "${#2}" "$(printf ' %s' "${@:3}")" "$2"
}

# Files in the tree, but for the reserved folder.
names()
{
	find "$T/root" -path "$T/root/.coffer" -prune -o -type f -printf '%P\n' | sort
}

@test "a held upload has no name before the COMMIT, and a digest and its mtime behind it" {
	server -w
	dial
	held /a hello mtime=5 >&"$C"
	expect '^200 held size=5 sha256=2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824$'
	assert_equal "$(names)" ''
	say 'STAT /a' COMMIT
	expect '^404 /a: ' '^200 published=1 failed=0 durability=full$' '^\.$'
	assert_equal "$(cat "$T/root/a")" hello
	say 'STAT /a' COMMIT
	expect '^200 type=f size=5 mtime=5\.0* mode=0644 sha256=2cf24' '^200 published=0 failed=0 ' '^\.$'
	assert_equal "$(staged)" ''
}

@test "a COMMIT tells what it could not publish, and why; the others are there" {
	printf old >"$T/root/c"
	mkdir "$T/root/gone" "$T/root/b c"
	server -w
	dial
	{
		held /a x
		held /gone/a x
		held /b%20c/d y
		held /e z if=new
		held /c new "if=sha256:$(printf old | sha)"
		held /e 2 if=new
	} >&"$C"
	expect '^200 held' '^200 held' '^200 held' '^200 held' '^200 held' '^200 held'
	rmdir "$T/root/gone"
	printf newer >"$T/root/c"
	printf 1 >"$T/root/e"
	say COMMIT
	expect '^200 published=2 failed=4 ' '^404 /gone/a: ' '^412 /e: ' '^412 /c: ' '^412 /e: ' '^\.$'
	assert_equal "$(names)" "$(printf 'a\nb c/d\nc\ne')"
	assert_equal "$(cat "$T/root/c" "$T/root/e")" newer1
	assert_equal "$(staged)" ''
}

@test "what cannot be published is not held either" {
	mkdir "$T/root/d"
	printf old >"$T/root/old"
	server -w
	{
		held /a hello "sha256=$(printf hallo | sha)"
		held /d x
		held /no/a x
		held /old x if=new
		held /ok x
	} >"$T/asked"
	run -0 ask_bytes < <(cat "$T/asked"; echo COMMIT)
	assert_line --index 1 --regexp '^422 /a: '
	assert_line --index 2 --regexp '^200 held|^409 /d: '
	assert_line --index 3 --regexp '^404 /no/a: '
	assert_line --index 4 --regexp '^412 /old: '
	assert_line --index 5 --regexp '^200 held'
	assert_equal "$(cat "$T/root/ok")" x
	assert_equal "$(staged)" ''
}

@test "ABORT drops what is held" {
	server -w
	run -0 ask_bytes < <(held /a x; held /b y; printf 'ABORT\nCOMMIT\n'; held /c z; printf 'COMMIT\n')
	assert_line --index 3 '200 published=0 failed=0 dropped=2'
	assert_line --index 4 .
	assert_line --index 5 --regexp '^200 published=0 failed=0 '
	assert_line --index 8 --regexp '^200 published=1 failed=0 '
	assert_equal "$(names)" c
	assert_equal "$(staged)" ''
}

@test "no session holds more than held-max" {
	server -w -o held-max=3
	run -0 ask_bytes < <(
		for n in 1 2 3 4; do held "/$n" x; done
		printf 'PUT /5 size=1 hold wait\nCOMMIT\n'
		held /6 x
		echo COMMIT
	)
	assert_line --index 3 --regexp '^200 held'
	assert_line --index 4 --regexp '^429 /4: .*COMMIT'
	assert_line --index 5 --regexp '^429 /5: '
	assert_line --index 6 --regexp '^200 published=3 '
	assert_line --index 9 --regexp '^200 published=1 '
	assert_equal "$(names)" "$(printf '1\n2\n3\n6')"
}

@test "a chunked upload and a large one can be held, too" {
	server -w
	noise 3000000 "$T/big"
	run -0 ask_bytes < <(chunked 1000 "$T/big" /a hold; put "$T/big" /b hold; echo COMMIT)
	assert_line --index 3 --regexp '^200 published=2 failed=0 '
	cmp "$T/big" "$T/root/a"
	cmp "$T/big" "$T/root/b"
}

@test "a broken connection leaves what was held for a resume" {
	server -w
	noise 300000 "$T/big"
	local small=PUT\ /a\ size=5\ sha256=$(printf hello | sha) large
	large="PUT /b size=300000 sha256=$(sha "$T/big")"
	dial
	{
		printf '%s hold mtime=1000\nhello' "$small"
		printf '%s hold mode=0400\n' "$large"
		cat "$T/big"
	} >&"$C"
	expect '^200 held' '^200 held'
	hang_up
	wait_for left_alone 2
	assert_equal "$(names)" ''
	run -0 ask "$small resume" "$large resume"
	assert_line --index 1 '100 from=5'
	assert_line --index 2 --regexp '^201 size=5 '
	assert_line --index 3 '100 from=300000'
	assert_line --index 4 --regexp '^201 size=300000 '
	cmp "$T/big" "$T/root/b"
	assert_equal "$(staged)" ''
}

# Whether nobody holds them any more: all have the names that a resume looks for.
left_alone()
{
	[[ $(staged | grep -cE '^[0-9a-f]{32}$') == "$1" && $(staged | wc -l) == "$1" ]]
}

@test "a worker that dies leaves a large one that was held for a resume" {
	expect_deaths
	server -w
	noise 300000 "$T/big"
	local large
	large="PUT /b size=300000 sha256=$(sha "$T/big")"
	dial
	{ echo "$large hold"; cat "$T/big"; } >&"$C"
	expect '^200 held'
	kill -KILL $(pgrep -s "$PID" | grep -vx "$PID")
	wait_for server_back
	run -0 ask "$large resume"
	assert_line --index 1 '100 from=300000'
	assert_line --index 2 --regexp '^201 size=300000 '
}

server_back()
{
	[[ $(ask PING | tail -n 1) == '200 time='* ]]
}

@test "with durability=none, the COMMIT says so, and the client holds nothing" {
	server -w -o durability=none
	run -0 ask_bytes < <(held /a x; echo COMMIT)
	assert_line --index 2 '200 published=1 failed=0 durability=none'
	mkdir "$T/tree" && echo b >"$T/tree/b"
	run -0 coffer -v put -r "$T/tree" /t
	refute_output --partial ' hold'
	assert_equal "$(cat "$T/root/t/b")" b
}

@test "put -r holds small files and commits; what it says is true" {
	mkdir -p "$T/tree/d/e"
	for n in {1..40}; do echo "$n" >"$T/tree/d/$n"; echo "e$n" >"$T/tree/d/e/a b%$n"; done
	noise 2000000 "$T/tree/big"
	server -w
	run -0 coffer -v put -r "$T/tree" /t
	assert_output --partial 'hold'
	assert_output --partial '> COMMIT'
	diff -r "$T/tree" "$T/root/t"
	assert_equal "$(staged)" ''
}

@test "put -r gets on with a server that holds little" {
	mkdir "$T/tree"
	for n in {1..40}; do echo "$n" >"$T/tree/$n"; done
	server -w -o held-max=7
	run -0 coffer put -r "$T/tree" /t
	assert_output ''
	diff -r "$T/tree" "$T/root/t"
}

@test "put -rn leaves alone what is there, and put -r tells each file that fails" {
	mkdir "$T/tree"
	for n in {1..9}; do echo "$n" >"$T/tree/$n"; done
	mkdir -p "$T/root/t" "$T/root/u/4"
	echo mine >"$T/root/t/3"
	server -w
	run -0 coffer put -rn "$T/tree/." /t
	assert_equal "$(cat "$T/root/t/3")" mine
	assert_equal "$(cat "$T/root/t/9")" 9
	run -1 coffer put -r "$T/tree/." /u
	assert_output --partial '/u/4: is a folder'
	assert_equal "$(cat "$T/root/u/9")" 9
}
