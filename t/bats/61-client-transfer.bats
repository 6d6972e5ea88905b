#!/usr/bin/env bats
# 61-client-transfer - resuming, not clobbering, pipes, links, many files.

bats_require_minimum_version 1.5.0
load helper

sha()
{
	sha256sum <"$1" | cut -d ' ' -f 1
}

@test "get -c goes on from a part file, and fetches only the rest" {
	head -c 3000000 /dev/urandom >"$T/root/f"
	server
	head -c 2000000 "$T/root/f" >"$T/f.part"
	run -0 --separate-stderr coffer -v get -c /f "$T/f"
	[[ $stderr == *'GET /f from=2000000'* && $stderr == *'200 size=1000000 total=3000000'* ]]
	cmp "$T/root/f" "$T/f"
	assert_not_exist "$T/f.part"
}

@test "get -c of a part file that is whole only verifies it" {
	head -c 100000 /dev/urandom >"$T/root/f"
	server
	cp "$T/root/f" "$T/f.part"
	chmod 400 "$T/f.part"
	run -0 --separate-stderr coffer -v get -c /f "$T/f"
	[[ $stderr == *'200 size=0 total=100000'* ]]
	cmp "$T/root/f" "$T/f"
	assert_equal "$(stat -c %a "$T/f")" 644
}

@test "get -c begins again where the part file is of another file, or too long" {
	head -c 100000 /dev/urandom >"$T/root/f"
	server
	head -c 50000 /dev/urandom >"$T/f.part"
	run -0 coffer get -c /f "$T/f"
	assert_output --partial 'f.part is of another file'
	cmp "$T/root/f" "$T/f"
	head -c 200000 /dev/urandom >"$T/f.part"
	run -0 coffer get -c /f "$T/f"
	cmp "$T/root/f" "$T/f"
	assert_not_exist "$T/f.part"
}

@test "without -c, a part file is begun anew" {
	head -c 1000 /dev/urandom >"$T/root/f"
	server
	head -c 5000 /dev/urandom >"$T/f.part"
	coffer get /f "$T/f"
	cmp "$T/root/f" "$T/f"
	assert_not_exist "$T/f.part"
}

@test "get -r -c goes on with a tree" {
	mkdir -p "$T/root/d/"{1..3}
	for i in {1..3}; do head -c 10000 /dev/urandom >"$T/root/d/$i/f"; done
	server
	mkdir -p "$T/d/2"
	head -c 4000 "$T/root/d/2/f" >"$T/d/2/f.part"
	cd "$T"
	coffer get -r -c /d
	diff -r "$T/root/d" "$T/d"
}

@test "files that are called NAME.part beside NAME are not mistaken for part files" {
	mkdir "$T/root/d"
	for name in a a.part a.part.part b.part b c.part; do
		echo "this is $name" >"$T/root/d/$name"
	done
	server
	cd "$T"
	coffer get -r /d
	diff -r root/d d
	rm d/a d/b
	coffer get -r -c /d .
	diff -r root/d d
}

@test "a name of 255 bytes can be fetched, although its part file's name is longer" {
	name=$(printf 'x%.0s' {1..255})
	echo 1 >"$T/root/$name"
	server
	coffer get "/$name" "$T"
	cmp "$T/root/$name" "$T/$name"
	rm "$T/$name"
	coffer get -c "/$name" "$T"
	assert_equal "$(find "$T" -maxdepth 1 -name 'x*' | wc -l)" 1
}

@test "two clients never write the same part file" {
	echo 1 >"$T/root/f"
	server
	echo old >"$T/f.part"
	exec {held}<"$T/f.part"
	flock "$held"
	run -1 coffer get /f "$T/f"
	assert_output --partial 'somebody else is writing it'
	assert_equal "$(cat "$T/f.part")" old
}

@test "get -n leaves alone what is here: told for a named file, silent in a tree" {
	mkdir "$T/root/d"
	echo new >"$T/root/d/f"
	echo new >"$T/root/d/g"
	server
	mkdir "$T/d"
	echo old >"$T/d/f"
	run -11 coffer get -n /d/f "$T/d"
	assert_output --partial 'exists, and is left alone'
	cd "$T"
	run -0 coffer get -rn /d
	assert_output ""
	assert_equal "$(cat d/f d/g)" "$(printf 'old\nnew')"
}

@test "put -n leaves alone what is there: told for a named file, silent in a tree" {
	mkdir "$T/root/d" "$T/d"
	echo old >"$T/root/d/f"
	echo new >"$T/d/f"
	echo new >"$T/d/g"
	head -c 3000000 /dev/zero >"$T/large"
	echo old >"$T/root/large"
	server -w
	run -11 coffer put -n "$T/d/f" /d
	assert_output --partial 'exists, and is left alone'
	run -11 coffer put -n "$T/large" /
	assert_equal "$(cat "$T/root/large")" old
	run -0 coffer put -rn "$T/d" /
	assert_output ""
	assert_equal "$(cat "$T/root/d/f" "$T/root/d/g")" "$(printf 'old\nnew')"
}

@test "put -c goes on with an upload that was interrupted" {
	head -c 3000000 /dev/urandom >"$T/f"
	server -w
	{
		printf 'PUT /f size=3000000 sha256=%s resume\n' "$(sha "$T/f")"
		head -c 2000000 "$T/f"
	} | ask_bytes || true
	run -0 --separate-stderr coffer -v put -c "$T/f" /f
	[[ $stderr =~ '< 100 from='([0-9]+) ]]
	((BASH_REMATCH[1] >= 1000000))
	cmp "$T/f" "$T/root/f"
}

@test "put reads stdin, get writes stdout" {
	server -w
	head -c 500000 /dev/urandom >"$T/f"
	coffer put - /f <"$T/f"
	cmp "$T/f" "$T/root/f"
	cat "$T/f" "$T/f" | coffer put - /g
	coffer get /g - | cmp - <(cat "$T/f" "$T/f")
	coffer get /f /f - | cmp - <(cat "$T/f" "$T/f")
	coffer put - /empty </dev/null
	assert_equal "$(stat -c %s "$T/root/empty")" 0
	run -2 coffer put - / </dev/null
	run -11 coffer put -n - /f </dev/null
	cmp "$T/f" "$T/root/f"
}

@test "stdin that cannot be read leaves nothing under the name" {
	server -w
	run -1 bash -c "'$COFFER_BUILD/coffer' put - /f <'$T'"
	assert_output --partial 'stdin: is a folder'
	assert_not_exist "$T/root/f"
}

@test "links to files are fetched as files, links to folders as folders" {
	mkdir -p "$T/root/d/real"
	echo 1 >"$T/root/d/real/f"
	ln -s real/f "$T/root/d/file"
	ln -s real "$T/root/d/folder"
	server
	coffer get -r /d "$T/d"
	assert_equal "$(cat "$T/d/file" "$T/d/folder/f" "$T/d/real/f")" "$(printf '1\n1\n1')"
	[[ ! -L $T/d/file && ! -L $T/d/folder ]]
}

@test "links that are broken, lead out or round in circles are told, and the rest is fetched" {
	mkdir -p "$T/root/d/e"
	echo 1 >"$T/root/d/e/f"
	ln -s nowhere "$T/root/d/broken"
	ln -s /etc/passwd "$T/root/d/out"
	ln -s .. "$T/root/d/e/up"
	ln -s . "$T/root/d/e/self"
	server
	run -1 coffer get -r /d "$T/d"
	assert_output --partial '/d/broken: '
	assert_output --partial '/d/out: '
	assert_output --partial '/d/e/up: is a symbolic link that leads back'
	assert_output --partial '/d/e/self: is a symbolic link that leads back'
	assert_equal "$(cat "$T/d/e/f")" 1
	assert_not_exist "$T/d/out"
}

@test "put follows links, but not round in circles, and leaves special files out" {
	mkdir -p "$T/d/e" "$T/elsewhere"
	echo 1 >"$T/elsewhere/f"
	ln -s ../elsewhere "$T/d/link"
	ln -s .. "$T/d/e/up"
	ln -s nowhere "$T/d/broken"
	mkfifo "$T/d/fifo"
	server -w
	run -1 coffer put -r "$T/d" /
	assert_output --partial "d/fifo: is no regular file, and is left out"
	assert_output --partial "d/e/up: "
	assert_output --partial "d/broken: no such file or folder"
	assert_equal "$(cat "$T/root/d/link/f")" 1
	run -1 coffer put "$T/d/fifo" /
	assert_not_exist "$T/root/fifo"
}

@test "a symbolic link that stands in the target is not followed" {
	mkdir -p "$T/root/d/sub" "$T/d" "$T/elsewhere"
	echo 1 >"$T/root/d/sub/f"
	ln -s ../elsewhere "$T/d/sub"
	server
	cd "$T"
	run -1 coffer get -r /d .
	assert_output --partial 'd/sub: is a symbolic link'
	assert_equal "$(ls elsewhere)" ""
}

@test "a symbolic link under the final name or the part file's is replaced, not written through" {
	echo new >"$T/root/f"
	echo precious >"$T/a"
	echo precious >"$T/b"
	ln -s a "$T/f"
	ln -s b "$T/f.part"
	server
	coffer get /f "$T/f"
	assert_equal "$(cat "$T/a" "$T/b" "$T/f")" "$(printf 'precious\nprecious\nnew')"
}

@test "one failure among several: the rest is done, and the exit code is 1" {
	echo 1 >"$T/root/a"
	echo 2 >"$T/root/c"
	server
	cd "$T"
	run -1 coffer get /a /b /c .
	assert_output 'coffer: /b: no such file or folder'
	assert_equal "$(cat a c)" "$(printf '1\n2')"
}

@test "thousands of small files there and back, pipelined, some of them refused" {
	mkdir -p "$T/tree/"{1..30}
	for d in {1..30}; do
		for f in {1..100}; do echo "$d $f" >"$T/tree/$d/$f"; done
	done
	mkdir -p "$T/root/tree/7/50" "$T/root/tree/8/1"
	server -w
	run -1 coffer put -r "$T/tree" /
	assert_equal "${#lines[@]}" 2
	rmdir "$T/root/tree/7/50" "$T/root/tree/8/1"
	cp "$T/tree/7/50" "$T/root/tree/7/50"
	cp "$T/tree/8/1" "$T/root/tree/8/1"
	diff -r "$T/tree" "$T/root/tree"
	coffer get -r /tree "$T/back"
	diff -r "$T/tree" "$T/back"
}

@test "thousands of refusals with long paths do not make both sides wait for ever" {
	long=$(printf 'n%.0s' {1..240})
	folder=$T/tree/$long/$long/$long/$long/$long/$long
	mkdir -p "$folder"
	(cd "$folder" && touch {1..5000})
	server
	run -1 --separate-stderr coffer put -r "$T/tree" /t
	assert_equal "${#stderr_lines[@]}" 5007
}

@test "large and small files mixed in one tree" {
	mkdir "$T/tree"
	for i in {1..5}; do
		head -c $((i * 700000)) /dev/urandom >"$T/tree/large$i"
		head -c $i /dev/urandom >"$T/tree/small$i"
	done
	head -c 20000000 /dev/urandom >"$T/tree/huge"
	server -w
	coffer put -r "$T/tree" /
	diff -r "$T/tree" "$T/root/tree"
	coffer rm -r /tree
	coffer put -rc "$T/tree" /
	coffer get -r /tree "$T/back"
	diff -r "$T/tree" "$T/back"
}

@test "workers are killed meanwhile: -c brings everything over all the same" {
	expect_deaths
	mkdir "$T/tree"
	for i in {1..40}; do head -c 2000000 /dev/urandom >"$T/tree/$i"; done
	server -w
	(
		for i in {1..6}; do
			kill -KILL $(workers) || true
			sleep 0.4	# as long as a few files take
		done
	) 3>&- &
	killer=$!
	# Where a worker takes longer to begin than the client is patient, the same command goes on.
	coffer -q put -rc "$T/tree" / || wait_for coffer -q put -rc "$T/tree" /
	coffer -q get -rc /tree "$T/back" || wait_for coffer -q get -rc /tree "$T/back"
	wait "$killer" || true
	diff -r "$T/tree" "$T/root/tree"
	diff -r "$T/tree" "$T/back"
}

@test "a server that closes rather than drop what it refuses: the other files are sent" {
	echo 'drop-max = 10K' >>"$T/cofferd.conf"
	mkdir "$T/tree"
	for i in 1 2 3; do
		head -c 5000000 /dev/urandom >"$T/tree/large$i"
		head -c 900000 /dev/urandom >"$T/tree/medium$i"
		echo small >"$T/tree/small$i"
	done
	mkdir -p "$T/root/tree/"{large1,large2,medium1,medium2}
	server -w
	run -1 coffer put -r "$T/tree" /
	assert_equal "${#lines[@]}" 4
	for name in large3 medium3 small1 small2 small3; do
		cmp "$T/tree/$name" "$T/root/tree/$name"
	done
}
