#!/usr/bin/env bats
# 29-open-files - files that are asked for again and again stay open between two requests, and
# nobody can tell by an answer.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper

WORKERS=1

setup()
{
	coffer_setup
	mkdir -p "$T/root/a/b" "$T/other"
	printf old1 >"$T/root/a/b/x"
	# Without the sandbox, which would hold back who follows links out of the tree.
	server -w -o durability=none -o sandbox=off
	hot /a/b/x old1
}

# hot PATH CONTENT: asks so often that it is kept, and once more by a connection of its own.
hot()
{
	settled "$T/root$1"
	run -0 ask "GET $1" "GET $1" "GET $1" "GET $1" QUIT
	assert_equal "${lines[-1]}" "${2}200 bye"
	run -0 ask "GET $1" QUIT
	assert_equal "${lines[-1]}" "${2}200 bye"
}

# What is younger than the clock of file times can tell is never kept.
settled()
{
	touch "$T/tick"
	until [[ $(stat -c %z "$T/tick") > $(stat -c %z "$1") ]]; do
		touch "$T/tick"
	done
}

# now PATH EXPECTED: the last lines of the answer to the next request.
now()
{
	run -0 ask "GET $1" QUIT
	assert_output --partial "$2"
}

# kept_open NAME: whether the worker holds it open.
kept_open()
{
	local fd
	for fd in "/proc/$(workers)"/fd/*; do
		[[ $(readlink "$fd") != *"$1"* ]] || return 0
	done
	return 1
}

not_kept_open()
{
	! kept_open "$1"
}

@test "what is done to a file that is kept open shows in the next answer" {
	printf new2 >"$T/other/x"
	chmod 644 "$T/other/x"
	mv "$T/other/x" "$T/root/a/b/x"		# another file under the name
	now /a/b/x new2200
	hot /a/b/x new2
	printf new3 >"$T/root/a/b/x"		# other bytes of it, and as many
	now /a/b/x new3200
	hot /a/b/x new3
	# The same with the old time, as long as the digest of the old bytes was known.
	run -0 ask 'GET /a/b/x digest' 'GET /a/b/x' 'GET /a/b/x' 'GET /a/b/x' QUIT
	touch -r "$T/root/a/b/x" "$T/other/time"
	printf 'new4 and more' >"$T/root/a/b/x"
	touch -r "$T/other/time" "$T/root/a/b/x"
	now /a/b/x 'size=13 '
	assert_output --partial 'sha256=-'
	assert_output --partial 'new4 and more200'
	hot /a/b/x 'new4 and more'
	rm "$T/root/a/b/x"
	now /a/b/x '404 /a/b/x'
	mkdir "$T/root/a/b/x"
	now /a/b/x '409 /a/b/x'
	rmdir "$T/root/a/b/x"
	printf five >"$T/root/a/b/x"
	now /a/b/x five200
	hot /a/b/x five
	ln "$T/root/a/b/x" "$T/other/five"
	ln -sfn "$T/other/five" "$T/root/a/b/x"	# the same file, by a link that leads out
	now /a/b/x '403 /a/b/x'
}

@test "what is done to a folder above it shows in the next answer" {
	mv "$T/root/a" "$T/root/c"
	now /a/b/x '404 /a/b/x'
	now /c/b/x old1200
	hot /c/b/x old1
	mkdir -p "$T/root/a/b"
	printf new2 >"$T/root/a/b/x"
	hot /a/b/x new2
	mv --exchange "$T/root/a" "$T/root/c" 2>/dev/null || {
		mv "$T/root/a" "$T/root/t" && mv "$T/root/c" "$T/root/a" && mv "$T/root/t" "$T/root/c"
	}
	now /a/b/x old1200
	now /c/b/x new2200
	hot /a/b/x old1
	mv "$T/root/a/b" "$T/other/b"		# the same folder, by a link that leads out
	ln -s "$T/other/b" "$T/root/a/b"
	now /a/b/x '403 /a/b/x'
	rm "$T/root/a/b"
	mv "$T/other/b" "$T/root/a/b"
	hot /a/b/x old1
	mv "$T/root/a" "$T/other/a"
	ln -s "$T/other/a" "$T/root/a"
	now /a/b/x '403 /a/b/x'
	rm "$T/root/a"
	ln -s c "$T/root/a"			# by a link that stays inside
	now /a/b/x new2200
	hot /a/b/x new2
	rm "$T/root/a"
	now /a/b/x '404 /a/b/x'
}

@test "requests that come in one piece see what those before them did" {
	run -0 ask 'GET /a/b/x' 'GET /a/b/x' 'MOVE /a /c' 'GET /a/b/x' 'GET /c/b/x' 'MKDIR /a' 'MKDIR /a/b' \
	    'MOVE /c/b/x /a/b/x' 'GET /a/b/x' 'DELETE /a/b/x' 'GET /a/b/x' QUIT
	assert_line --partial '404 /a/b/x'
	assert_equal "$(grep -c old1 <<<"$output")" 4
	assert_equal "${lines[-2]%%:*}" '404 /a/b/x'
}

@test "a file that nobody asks for any more is closed soon, and never held under serial and fork" {
	local hold=1
	[[ $MODEL == coroutine || $MODEL == thread ]] || hold=
	case $(stat -f -c %T "$T/root") in
	ext2/ext3 | xfs | btrfs | f2fs | tmpfs) ;;
	*) hold= ;;
	esac
	wait_for not_kept_open /a/b/x
	# Often enough that one of the looks comes while it is still open.
	if [[ -n $hold ]]; then
		wait_for hot_and_open
	fi
	rm "$T/root/a/b/x"
	wait_for not_kept_open "$T/root/a/b"
}

hot_and_open()
{
	hot /a/b/x old1
	kept_open /a/b/x
}

@test "open-files=0 keeps none" {
	stop_server
	server -o open-files=0
	hot /a/b/x old1
	not_kept_open /a/b/x
}
