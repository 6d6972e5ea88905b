#!/usr/bin/env bats
# 00-smoke - the programs start, say who they are, serve one file, and end.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper

@test "cofferd -V tells its name and version" {
	run -0 "$COFFER_BUILD/cofferd" -V
	assert_output --regexp 'cofferd[ /][0-9]+\.[0-9]+\.[0-9]+'
}

@test "cofferd -h tells its usage" {
	run -0 "$COFFER_BUILD/cofferd" -h
	assert_output --partial 'cofferd ['
}

@test "cofferd refuses an unknown option as a usage error" {
	run -64 "$COFFER_BUILD/cofferd" -Z
}

@test "coffer without a command is a usage error" {
	run -2 coffer
	assert_output --partial usage
}

@test "the server greets, answers and says good-bye" {
	server
	run -0 ask PING QUIT
	assert_line --index 0 --regexp '^200 coffer=1 server=cofferd/[0-9.]+$'
	assert_line --index 1 --regexp '^200 time=[0-9]+\.[0-9]+$'
	assert_line --index 2 '200 bye'
	assert_equal "${#lines[@]}" 3
}

@test "the whole pool is there, under the model that was asked for" {
	server
	grep -q "ready: $WORKERS workers, $MODEL" "$LOG"
	assert_equal "$(workers | wc -l)" "$WORKERS"
}

@test "a file is listed and fetched, whole" {
	head -c 100000 /dev/urandom >"$T/root/some file"
	server
	run -0 coffer ls /
	assert_output --partial 'some file'
	coffer get '/some file' "$T/got"
	cmp "$T/root/some file" "$T/got"
}

@test "a file that was put is there, whole" {
	head -c 100000 /dev/urandom >"$T/mine"
	server -w
	coffer put "$T/mine" /mine
	cmp "$T/mine" "$T/root/mine"
}

@test "TERM ends the server with status 0, and no process is left" {
	server
	stop_server
}
