# pool.bash - questions about processes, for the tests of workers, signals and privileges.
#
#	load helper
#	load pool

# title PID: what the process calls itself.
title()
{
	local text=
	IFS= read -r -d '' text <"/proc/$1/cmdline" || true
	echo "${text% }"	# setproctitle(3) adds it where the new name is as long as the old
}

# slot_of PID: the worker's number, from its title.
slot_of()
{
	title "$1" | sed -n 's/^cofferd: worker \([0-9]*\) .*/\1/p'
}

# alive PID
alive()
{
	! gone "$1"
}

# all_gone PID...
all_gone()
{
	local pid
	for pid; do
		gone "$pid" || return 1
	done
}

# pool_is N [PID]...: whether there are N live workers, none of them a PID.
pool_is()
{
	local want=$1 pid count=0
	shift
	for pid in $(workers); do
		! gone "$pid" || return 1
		[[ " $* " != *" $pid "* ]] || return 1
		count=$((count + 1))
	done
	((count == want))
}

# master_turned: the master has acted on each signal that it had been sent, and has done what was due.
# For tests of what does not happen.
master_turned()
{
	local before
	before=$(grep -c '^the log is open again' "$LOG" || true)
	kill -USR1 "$PID"
	wait_for reopened_since "$before" || fail_with_log "the master does not hear USR1"
	ctl status >/dev/null
}

reopened_since()
{
	(($(grep -c '^the log is open again' "$LOG") > $1))
}

# all_serve: whether each worker is in its accept loop, and none is on the way or waits to be born again.
all_serve()
{
	ctl --json status | jq -e --argjson n "$WORKERS" '.workers | length == $n and all(.state == "serving")' >/dev/null
}

# no_sessions: whether the server has none.
no_sessions()
{
	[[ $(ctl --json status | jq .totals.sessions) == 0 ]]
}

# backlog N [PORT]: whether N connections wait to be accepted.
backlog()
{
	awk -v port="$(printf :%04X "${2:-$PORT}")" -v want="$(printf :%08X "$1")" '
		$4 == "0A" && substr($2, 9) == port && substr($5, 9) == want { found = 1 }
		END { exit !found }' /proc/net/tcp
}

# sockets PID: how many it has, its children's (as under fork) and its listeners included.
sockets()
{
	local pid
	for pid in "$1" $(pgrep -P "$1"); do
		find "/proc/$pid/fd" -lname 'socket:*' 2>/dev/null || true
	done | wc -l
}

# obituary PID: its lines in the log, or failure.
obituary()
{
	grep -E "worker [0-9]+ \(pid $1, [0-9]+\.[0-9] s old\)" "$LOG"
}

# Until no worker that is there now would count as one that died young, which is a matter of time.
grow_up()
{
	sleep 1.1
}

# refused STATUS COFFERD-ARGUMENT...: cofferd does not start, and ends with STATUS.
refused()
{
	local status=$1
	shift
	run -"$status" timeout -k 5 "$PATIENCE" "$COFFER_BUILD/cofferd" -f "$T/cofferd.conf" "$@"
}
