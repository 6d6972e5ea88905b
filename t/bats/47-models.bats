#!/usr/bin/env bats
# 47-models - what a concurrency model must not do, and what it does where the system gives it nothing:
# no process, no thread, no descriptor.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

# listening PID: its listening sockets.
listening()
{
	local inode
	find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n' | while read -r inode; do
		awk -v inode="$inode" '$4 == "0A" && $10 == inode' /proc/net/tcp
	done | wc -l
}

@test "under fork a session's process has no listening socket, and is gone after its end" {
	local worker child
	WORKERS=1 MODEL=fork server
	worker=$(workers)
	assert_equal "$(listening "$worker")" 1
	dial
	child=$(pgrep -P "$worker")
	assert_equal "$(listening "$child")" 0
	# The sockets that both have, but for what all processes have: none.  The worker holds nobody's
	# connection.
	assert_equal "$(comm -12 <(sockets_of "$worker") <(sockets_of "$child") | comm -23 - <(sockets_of "$PID"))" ''
	say QUIT
	wait_for gone "$child"
	wait_for childless "$worker"
	assert_equal "$(workers)" "$worker"
	# Nor after one that ends badly.
	expect_deaths
	hang_up
	dial
	child=$(pgrep -P "$worker")
	kill -KILL "$child"
	wait_for childless "$worker"
	ended
	hang_up
	dial
	assert_equal "$(workers)" "$worker"
}

sockets_of()
{
	find "/proc/$1/fd" -lname 'socket:*' -printf '%l\n' | sort
}

childless()
{
	! pgrep -P "$1" >/dev/null
}

# limit_to PID PRLIMIT-ARGUMENT: as the user of the workers, for in a container root may not.
limit_to()
{
	local as=()
	command -v prlimit >/dev/null || skip 'there is no prlimit here'
	[[ $(id -u) != 0 ]] || as=(setpriv --reuid="$(server_user)" --regid="$(id -g "$(server_user)")" --clear-groups)
	"${as[@]}" prlimit --pid "$1" "$2" || skip 'limits cannot be set here'
}

# starved MODEL: nothing can be started for a connection: it waits, as do those behind it, the log says why, once,
# and afterwards all are served; but a drain does not wait.
starved()
{
	local worker first
	[[ $(id -u) != 0 || $(server_user) != root ]] || skip 'root has no limit'
	WORKERS=1 MODEL=$1 server
	worker=$(workers)
	limit_to "$worker" --nproc=0:
	dial_only
	first=$C
	dial_only
	wait_for grep -q 'cannot accept: Resource temporarily unavailable; trying again' "$LOG"
	C=$first quiet 0.3	# a few tries
	assert_equal "$(grep -c 'cannot accept' "$LOG")" 1
	limit_to "$worker" --nproc=10000:
	expect '^200 coffer=1 '
	C=$first expect '^200 coffer=1 '
	hang_up
	C=$first hang_up
	limit_to "$worker" --nproc=0:
	dial_only
	wait_for accepted 3
	assert_equal "$(workers)" "$worker"
	stop_server QUIT
	ended
}

accepted()
{
	[[ $(ctl --json status | jq .totals.accepted) == "$1" ]]
}

@test "under fork a connection for which no process can be made waits, with a line in the log" {
	starved fork
}

@test "under thread a connection for which no thread can be made waits, with a line in the log" {
	starved thread
}

# ticks PID: the processor time that it has used.
ticks()
{
	local stat
	stat=$(<"/proc/$1/stat")
	set -- ${stat##*) }
	echo $((${12} + ${13}))
}

# bats test_tags=models:all
@test "where descriptors have run out connections wait, nobody spins, and then they are served" {
	local worker free=0 before
	WORKERS=1
	server
	worker=$(workers)
	# The next one would be the first number that is free.
	while [[ -n $(readlink "/proc/$worker/fd/$free") ]]; do
		free=$((free + 1))
	done
	limit_to "$worker" --nofile=$free:
	dial_only
	wait_for grep -q 'cannot accept: Too many open files; trying again' "$LOG"
	before=$(ticks "$worker")
	quiet 1		# what is measured: whoever spins has used all of it
	(($(ticks "$worker") - before < 30)) || fail "$(($(ticks "$worker") - before)) ticks in a second"
	assert_equal "$(grep -c 'cannot accept' "$LOG")" 1
	limit_to "$worker" --nofile=1024:
	expect '^200 coffer=1 '
	hang_up
}
