# helper.bash - what every bats file loads: programs, a folder, servers, tidying up.
#
#	bats_require_minimum_version 1.5.0
#	load helper
#
# Each test has a folder $T of its own, with an empty $T/root in it to serve, and
# a configuration $T/cofferd.conf that it may write keys into.  Everything that is started
# by server() is ended by teardown(), which also fails the test if a log tells of a
# sanitizer's report, or of a worker killed by a signal that was not expected.
#
# To run the tests of a file under every concurrency model, begin it with
#	# bats file_tags=models:all
# (or a single test with `# bats test_tags=models:all` before it): t/run then sets $MODEL
# to one after the other.  Run by hand, MODEL is coroutine unless set.
#
# A file with a setup() or teardown() of its own calls coffer_setup and coffer_teardown.
# A command left running in the background of a test must close bats' descriptor: 3>&-
#
# Most of what a test costs is processes of the shell's, thousands of times: what is called by
# every test, or in a loop, does with bash alone what it can.  Before each command bats notes where
# it is, which costs more than most commands: `local -; set +T` spares the functions beneath that.
# (Not for the test itself: it would be told of wrong lines.)

COFFER_SOURCE=${COFFER_SOURCE:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
COFFER_BUILD=${COFFER_BUILD:-$COFFER_SOURCE}
MODEL=${MODEL:-coroutine}
WORKERS=${WORKERS:-2}
TEST_LIMIT=${TEST_LIMIT:-120}	# seconds for one test; then its commands are killed, and it fails
PATIENCE=${PATIENCE:-20}	# seconds to wait for a thing that should be there at once

for library in bats-support bats-assert bats-file; do
	for folder in ${BATS_LIB_PATH:+"${BATS_LIB_PATH//:/ }"} /usr/lib/bats /usr/local/lib/bats \
	    /usr/lib /usr/local/lib; do
		[[ -f $folder/$library/load.bash ]] || continue
		if [[ -d $folder/$library/src ]]; then	# load.bash forks for each of them
			for part in "$folder/$library/src"/*.bash; do
				source "$part"
			done
		else
			load "$folder/$library/load"
		fi
		continue 2
	done
	echo "$library is not installed (Debian: apt-get install $library)" >&2
	exit 1
done
unset library folder part

for program in cofferd coffer cofferctl; do
	[[ -x $COFFER_BUILD/$program ]] && continue
	echo "$COFFER_BUILD/$program is not built (make), or COFFER_BUILD is not the build folder" >&2
	exit 1
done
unset program

if [[ -z ${COFFER_USER:-} ]]; then
	if id -u coffer >/dev/null 2>&1; then COFFER_USER=coffer; else COFFER_USER=nobody; fi
	export COFFER_USER	# for all tests of the file
fi

# A report of the client's goes to a file, a server's to its log: teardown looks at both.
export UBSAN_OPTIONS=print_stacktrace=1
CLIENT_ASAN=exitcode=99:detect_leaks=1

setup()
{
	coffer_setup
}

teardown()
{
	coffer_teardown
}

coffer_setup()
{
	# Not $BATS_TEST_TMPDIR: nobody may enter that, and workers of root's are nobody.
	T=${TMPDIR:-/tmp}/coffer.$BASHPID.$SRANDOM
	mkdir -m 755 "$T" "$T/root"
	: >"$T/cofferd.conf"
	exec 6<> <(:)		# for pause()
	LAUNCHER=() COFFERD=
	SERVERS=() LOGS=() PID= PORT= URL= LOG=
	DEATHS_EXPECTED=
	unset COFFER_URL COFFER_PASSWORD NOTIFY_SOCKET LISTEN_FDS LISTEN_PID LISTEN_FDNAMES
	export RUNTIME_DIRECTORY=$T/run		# for control sockets
	local self=$BASHPID
	watch "$self" 3>&- &
	WATCH=$!
	disown
}

coffer_teardown()
{
	local - pid log status=0
	set +T

	kill -KILL "$WATCH" 2>/dev/null || true
	if [[ -e $T/overdue ]]; then
		echo "this test took more than $TEST_LIMIT s"
		status=1
	fi
	for pid in "${SERVERS[@]}"; do
		end_server "$pid" || status=1
	done
	for log in "${LOGS[@]}"; do
		check_log "$log" || status=1
	done
	for log in "$T"/client-report.*; do
		[[ -e $log ]] || continue
		echo "the client's sanitizer reports:"
		cat "$log"
		status=1
	done
	# What bats shows of a test that failed: the end of the server's log.
	[[ ${BATS_TEST_COMPLETED:-} == 1 || -z $LOG ]] || { echo "log:"; tail -n 30 "$LOG"; }
	rm -rf "$T" 2>/dev/null || {
		chmod -R u+rwX "$T" || true
		rm -rf "$T"
	}
	return $status
}

# Ends what the test left running: by TERM, so that the sanitizers can speak at the end.
end_server()
{
	local - text
	set +T
	local status=0 PATIENCE=10

	kill "$1" 2>/dev/null || true
	wait_for gone "$1" || {
		echo "the server (pid $1) did not end by TERM within $PATIENCE s"
		[[ -n $DEATHS_EXPECTED ]] || status=1
	}
	kill -KILL -- "-$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
	return $status
}

# Kills what the test is waiting for, once it has taken too long.
watch()
{
	pause "$TEST_LIMIT"
	: >"$T/overdue"
	for pid in $(pgrep -P "$1"); do
		[[ $pid == "$BASHPID" ]] || kill_tree "$pid"
	done
}

# kill_tree PID: it and all beneath it.
kill_tree()
{
	local child
	for child in $(pgrep -P "$1"); do
		kill_tree "$child"
	done
	kill -KILL "$1" 2>/dev/null || true
}

# TERM is how the master ends its workers.
check_log()
{
	local bad='AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error|[Aa]ssertion .* failed'
	[[ -n $DEATHS_EXPECTED ]] || bad+='|killed by signal ([^1]|1[^5])'
	if grep -qE "$bad" "$1"; then
		echo "the log should not say this:"
		grep -E -A 30 "$bad" "$1"
		return 1
	fi
}

# Workers will die in this test, and that is what it is about.
expect_deaths()
{
	DEATHS_EXPECTED=yes
}

# The user that the workers of a server started by root become.
server_user()
{
	echo "$COFFER_USER"
}

# server [COFFERD-ARGUMENT]...: serves ${ROOT:-$T/root} on a port that the kernel chooses, under
# $MODEL, with $WORKERS workers.  Sets PID, PORT, URL, LOG, and COFFER_URL for the client.
server()
{
	((EUID != 0)) || chown -hR "$COFFER_USER" "${ROOT:-$T/root}"
	launch -l coffer://127.0.0.1:0 -n "$WORKERS" -m "$MODEL" "$@" "${ROOT:-$T/root}"
	wait_ready
	read -rd '' text <"$LOG" || true
	[[ $text =~ 'listening on coffer://127.0.0.1:'([0-9]+) ]] ||
	    fail_with_log "no line \"listening on coffer://127.0.0.1:PORT\""
	PORT=${BASH_REMATCH[1]}
	URL=coffer://127.0.0.1:$PORT
	export COFFER_URL=$URL
}

# launch COFFERD-ARGUMENT...: starts cofferd (or $COFFERD, by the command in LAUNCHER), in a session
# (setsid(2)) of its own, and
# does not wait.  Sets PID and LOG.
launch()
{
	LOG=$T/log.${#SERVERS[@]}
	: >"$LOG"	# it is looked at before the shell's child has made it
	setsid "${LAUNCHER[@]}" "${COFFERD:-$COFFER_BUILD/cofferd}" -f "$T/cofferd.conf" "$@" \
	    </dev/null >"$LOG" 2>&1 3>&- 6>&- &
	PID=$!
	SERVERS+=("$PID")
	LOGS+=("$LOG")
}

wait_ready()
{
	wait_for ready_or_dead || fail_with_log "the server was not ready within $PATIENCE s"
	says_ready || fail_with_log "the server ended instead of being ready"
}

says_ready()
{
	local text
	read -rd '' text <"$LOG" || true
	[[ $text == *'ready: '* ]]
}

ready_or_dead()
{
	says_ready || ! kill -0 "$PID" 2>/dev/null
}

fail_with_log()
{
	echo "$1; its log:"
	cat "$LOG"
	return 1
}

# stop_server [SIGNAL]: ends the server (TERM) and fails unless it ends by itself, with status
# 0, and leaves no process behind.
stop_server()
{
	local - status=0
	set +T

	kill -"${1:-TERM}" "$PID"
	wait_for gone "$PID" || fail_with_log "the server did not end within $PATIENCE s"
	wait "$PID" || status=$?
	[[ $status == 0 ]] || fail_with_log "the server ended with status $status"
	wait_for no_session "$PID" || {
		echo "processes were left behind:"
		ps -o pid,ppid,stat,args -s "$PID"
		return 1
	}
}

# Whether a child of this shell has ended (it may still have to be waited for).
gone()
{
	local stat
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	[[ ${stat##*) } == [ZX]* ]]
}

no_session()
{
	local pid
	for pid in $(pgrep -s "$1"); do
		gone "$pid" || return 1
	done
}

# The pids of the last server's workers.
workers()
{
	pgrep -P "${1:-$PID}"
}

# sanitized: whether the server was built with a sanitizer, which some tests cannot bear.
sanitized()
{
	ldd "$COFFER_BUILD/cofferd" | grep -q libasan
}

# An installation without /etc/hosts knows no localhost, which certificates have as their name.
need_localhost()
{
	getent ahostsv4 localhost >/dev/null || skip "this machine does not know localhost"
}

# A network of its own, for `unshare "${NETWORK[@]}" COMMAND`: whoever is not root is it there.
need_network()
{
	NETWORK=(-n)
	[[ $(id -u) == 0 ]] || NETWORK=(-rn)
	command -v ip >/dev/null || skip "needs ip(8)"
	unshare "${NETWORK[@]}" true 2>/dev/null || skip "this user may make no network namespace"
}

need_ipv6()
{
	grep -q '^0*1 ' /proc/net/if_inet6 2>/dev/null || skip "there is no ::1 here"
}

# wait_for COMMAND...: until it succeeds, for $PATIENCE seconds.
wait_for()
{
	local - end=$((SECONDS + PATIENCE))
	set +T
	until "$@"; do
		((SECONDS < end)) || return 1
		pause 0.02
	done
}

# pause SECONDS: without a process.  For what a client does slowly, and not to wait for something: for that
# there is wait_for, and master_turned (pool.bash) for what does not happen.
pause()
{
	read -rt "$1" -u 6 || (($? > 128)) || sleep "$1"
}

# coffer ARGUMENT...: the client that was built, within a time limit.
coffer()
{
	ASAN_OPTIONS=$CLIENT_ASAN:log_path=$T/client-report \
	    timeout -k 5 "${CLIENT_LIMIT:-60}" "$COFFER_BUILD/coffer" "$@"
}

# ctl ARGUMENT...: cofferctl, which finds the test's server by itself if there is but one.
ctl()
{
	ASAN_OPTIONS=$CLIENT_ASAN:log_path=$T/client-report \
	    timeout -k 5 "${CLIENT_LIMIT:-60}" "$COFFER_BUILD/cofferctl" "$@"
}

# ask LINE...: sends the lines, ends our half of the connection, prints all replies.
ask()
{
	printf '%s\n' "$@" | ask_bytes
}

# The same with whatever bytes stdin has.
ask_bytes()
{
	timeout -k 5 "$PATIENCE" nc -N 127.0.0.1 "$PORT"
}
