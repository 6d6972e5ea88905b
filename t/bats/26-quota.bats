#!/usr/bin/env bats
# bats file_tags=models:all
# 26-quota - a tree may hold so many bytes and files, and no more.

bats_require_minimum_version 1.5.0
load helper
load dialog

@test "a quota counts what was there, and refuses before a byte moves" {
	head -c 700000 /dev/zero >"$T/root/there"
	server -w -o quota=1000000
	run -0 ask 'PUT /a size=400000 wait' SPACE
	assert_line --index 1 --regexp '^507 /a: the quota is used up'
	assert_line --index 2 --regexp '^200 total=1000000 free=300000 avail=300000 .* quota=1000000 used=700000 quota-files=0 used-files=1$'
	head -c 300000 /dev/zero >"$T/b"
	run -0 replies < <(put "$T/b" /b; printf 'PUT /c size=1\nxDELETE /there\nPUT /c size=1\nxSPACE\n')
	assert_line --index 0 --regexp '^201 '
	assert_line --index 1 --regexp '^507 /c: the quota is used up'
	assert_line --index 3 --regexp '^201 '
	assert_line --index 4 --partial ' used=300001 '
	assert_equal "$(staged)" ''
}

@test "a file that is replaced counts once both are one" {
	server -w -o quota=10
	run -0 ask $'PUT /a size=5\nhelloPUT /a size=5\nhelloPUT /a size=6\nhello!PUT /b size=5\nhelloSPACE\nPUT /a size=1\nx'
	assert_line --index 2 --regexp '^201 '
	assert_line --index 3 --regexp '^507 /a: '
	assert_line --index 4 --regexp '^201 '
	assert_line --index 5 --partial ' used=10 '
	assert_line --index 6 --regexp '^507 /a: '
}

@test "quota-files counts files, folders and links" {
	ln -s nowhere "$T/root/link"
	server -w -o quota-files=3
	run -0 ask 'MKDIR /d' $'PUT /d/a size=0\nPUT /d/b size=0' 'MKDIR /e' 'COPY /d/a /d/c' 'DELETE /link' 'MKDIR /e' SPACE
	assert_line --index 1 --regexp '^201 '
	assert_line --index 2 --regexp '^201 '
	assert_line --index 3 --regexp '^507 /d/b: '
	assert_line --index 4 --regexp '^507 /e: '
	assert_line --index 5 --regexp '^507 /d/c: '
	assert_line --index 7 --regexp '^201 '
	assert_line --index 8 --regexp ' files-free=0 .* used-files=3$'
}

@test "the workers count together" {
	server -w -n 3 -o quota-files=20 -o durability=none
	local n pids=()
	for n in 1 2 3 4 5 6; do
		(for m in {0..9}; do printf 'PUT /%d size=1\nx' "$n$m"; done | ask_bytes >"$T/said.$n") 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	assert_equal "$(cat "$T"/said.* | grep -c ^201)" 20
	assert_equal "$(cat "$T"/said.* | grep -c ^507)" 40
	assert_equal "$(find "$T/root" -maxdepth 1 -type f | wc -l)" 20
}

@test "chunks beyond the quota are refused, and nothing of them stays" {
	server -w -o quota=100000
	noise 300000 "$T/big"
	run -0 replies < <(chunked 10000 "$T/big" /a; echo SPACE)
	assert_line --index 0 --regexp '^507 /a: the quota is used up'
	assert_line --index 1 --partial ' used=0 '
	assert_equal "$(staged)" ''
}

@test "what is staged and what is held count, until they are dropped" {
	server -w -o quota=1000
	dial
	say 'PUT /a size=900 wait'
	expect '^100 from=0'
	if [[ $MODEL != serial ]]; then
		run -0 ask 'PUT /b size=200 wait'
		assert_line --index 1 --regexp '^507 /b: '
	fi
	head -c 400 /dev/zero >&"$C"
	hang_up
	wait_for used 400
	run -0 ask $'PUT /c size=5 hold\nhelloABORT\nSPACE'
	assert_line --index 4 --partial ' used=400 '
}

used()
{
	[[ $(ask SPACE | tail -n 1) == *" used=$1 "* ]]
}

@test "a quota that comes with a reload is counted, and coffer df tells what is left" {
	server -w
	printf hello >"$T/root/a"
	echo 'quota = 100' >>"$T/cofferd.conf"
	kill -HUP "$PID"
	wait_for used 5
	run -0 coffer df
	assert_line --index 1 --regexp ' 100 +5 +95 '
}

# The process that runs the session.
session_process()
{
	local worker
	worker=$(workers)
	pgrep -P "$worker" || echo "$worker"
}

# Bytes that lie in staging, and whether the disk has reserved more for them.
lies()
{
	[[ $(find "$T/root/.coffer" -type f -size +0 ! -name lock -printf '%s') == "$1" ]]
}

no_more_than_lies()
{
	[[ -z $(find "$T/root/.coffer" -type f -printf '%b %s\n' | awk '$1 * 512 >= $2 + 65536') ]]
}

@test "what a dead process had counted and reserved is given back, and its upload goes on" {
	local WORKERS=1 victim
	expect_deaths
	server -w -o quota=10000000 -o respawn-delay-max=100ms -o quarantine=0
	dial
	say 'PUT /a size=9000000 resume'
	expect '^100 from=0'
	head -c 1000000 /dev/zero >&"$C"
	wait_for lies 1000000
	kill -KILL "$(session_process)"
	hang_up
	wait_for used 1000000
	run -0 ask $'PUT /b size=5\nhello' 'DELETE /b'
	assert_line --index 1 --regexp '^201 '
	if [[ $MODEL == fork ]]; then		# its worker has not noticed: the next one does
		kill -KILL "$(workers)"
		wait_for used 1000000
	fi
	wait_for no_more_than_lies
	dial
	say 'PUT /a size=9000000 resume'
	expect '^100 from=1000000'
	head -c 8000000 /dev/zero >&"$C"
	expect '^201 size=9000000 '
	hang_up
	wait_for used 9000000
	assert_equal "$(find "$T/root" -type f -size +0 -printf '%f %s\n')" 'a 9000000'
	assert_equal "$(getfattr --absolute-names -m user.coffer.staged "$T/root/a" 2>/dev/null)" ''
}

@test "what a dead process had counted for small uploads is given back, too" {
	local WORKERS=2
	expect_deaths
	for durability in none full; do
		server -w -o quota=10000000 -o respawn-delay-max=100ms -o quarantine=0 -o durability=$durability
		run -0 ask $'PUT /known size=1\nx'	# and which kind of file can be had
		dial
		say 'PUT /a size=50000'
		printf 0123456789 >&"$C"
		wait_for used 50001
		kill -KILL $(pgrep -s "$PID" | grep -vx "$PID")
		hang_up
		# What has a name in staging is swept by the new workers, with the bytes that have come.
		wait_for used 1
		run -0 ask SPACE
		assert_line --index 1 --regexp ' used-files=1$'
		stop_server
		rm -rf "$T/root"/{known,.coffer}
	done
}
