# faults.bash - the parts of the fault bench, put together: servers with a layer beneath them, loads,
# sweeps, power cuts, kills.
#
#	load helper
#	load dialog
#	load ../faults/faults
#
# $FAULTS is the file that a server with a layer shares with the programs here.

BENCH=$COFFER_BUILD/t/faults
SEED=${SEED:-$RANDOM$RANDOM}

# in_memory: serves a folder in memory, where there is one: there, an fsync costs nothing.
in_memory()
{
	[[ -d /dev/shm && -w /dev/shm ]] || return 0
	ROOT=$(mktemp -d /dev/shm/coffer.XXXXXX)
	chmod 755 "$ROOT"
}

# Before a file's own teardown.
faults_teardown()
{
	local status=0
	coffer_teardown || status=$?
	[[ ${ROOT:-} != /dev/shm/coffer.?* ]] || rm -rf "$ROOT"
	return $status
}

# Skips the test where the layer cannot go beneath the server.
need_layer()
{
	[[ -e $BENCH/layer.so ]] || fail "$BENCH/layer.so is not built: make check does it"
	! sanitized || skip "a sanitizer will have nothing beneath it"
}

# orders ARGUMENT...: makes $FAULTS anew.
orders()
{
	FAULTS=$T/faults
	"$BENCH/orders" "$@" "$FAULTS"
	# Who starts the server and who reads the log need not be the same user.
	chmod 666 "$FAULTS"
}

# layered COMMAND...: what it starts has the layer beneath it.
layered()
{
	LD_PRELOAD=$BENCH/layer.so COFFER_FAULTS=$FAULTS "$@"
}

# Tells what the bench has found to be so: below the test, and at the end of the long form.
tell()
{
	tee -a "${FAULTS_TOLD:-/dev/null}" | sed 's/^/# /' >&3
}

# sweep_server COFFERD-ARGUMENT...
sweep_server()
{
	need_layer
	expect_deaths
	orders
	# Descriptors are counted: none that stays open for the next request.
	layered server -w -o respawn-delay-max=100ms -o quarantine=0 -o open-files=0 -o quota=100G "$@"
	wait_for counted
}

# Whether the server knows how much is there.
counted()
{
	[[ $(ask SPACE) == *' used=0 '* ]]
}

# sweep ARGUMENT... FAULT...: each call of each request fails.
sweep()
{
	local option=()
	while [[ $1 == -* ]]; do
		option+=("$1")
		[[ $1 != -[sx] ]] || { option+=("$2"); shift; }
		shift
	done
	timeout "${SWEEP_LIMIT:-100}" "$BENCH/sweep" "${option[@]}" "$FAULTS" "$PORT" "$PID" "${ROOT:-$T/root}" "$@" \
	    >"$T/swept" || { cat "$T/swept"; return 1; }
	grep -E 'failed in turn|cannot do that' "$T/swept" | sort -u | tell
}

# load_and_cut CUTS REQUESTS [ORDER]...: clients work on a server, whose power is then cut in thought,
# so many times.
load_and_cut()
{
	local cuts=$1 requests=$2
	shift 2
	need_layer
	orders -r -m "${LOG_MIB:-1000}" -t 2000 "$@"
	layered server -w
	timeout 300 "$BENCH/load" -c 4 -n "$requests" -s "$SEED" -f "$FAULTS" "$PORT" >"$T/loaded"
	stop_server
	timeout 300 "$BENCH/cut" -n "$cuts" -s "$SEED" "${CUT_OPTIONS[@]}" "$FAULTS" "${ROOT:-$T/root}" 2>"$T/cuts"
}

# caught LIE: a server that does not do what it says is found out.
caught()
{
	local status=0
	find "${ROOT:-$T/root}" -mindepth 1 -delete
	load_and_cut "${LIE_CUTS:-60}" 15 -l "$1" >"$T/found" || status=$?
	[[ $status == 1 && -s $T/found ]] || {
		echo "with an fsync that lies ($1), nothing was found to be wrong: $(cat "$T/cuts" "$T/found")"
		return 1
	}
}

# --- kills

# one_client NUMBER: a client that comes again when it was killed, until $T/stop is there.
one_client()
{
	while [[ ! -e $T/stop ]]; do
		"$BENCH/load" -k -i "$1" -n 100000 -s "$RANDOM" -t 900 -j "$T/journal.$1" "$PORT" >>"$T/clients" 2>&1 &
		echo $! >"$T/client.$1"
		wait $! || true
	done
	kill "$(<"$T/client.$1")" 2>/dev/null || true
}

# The same folder on the same port, as soon as the dead have let go of it.
server_again()
{
	local try
	for ((try = 0; try < 200; try++)); do
		launch -l "coffer://127.0.0.1:$PORT" -n "$WORKERS" -m "$MODEL" "$@" "${ROOT:-$T/root}"
		wait_for ready_or_dead || true
		! grep -q 'ready: ' "$LOG" || return 0
		sleep 0.05
	done
	fail_with_log "no server can be started any more"
}

# kill_at_random KILLS COFFERD-ARGUMENT...: workers, clients and masters die, by chance, while
# clients work; then the tree is compared with what was acknowledged.
kill_at_random()
{
	local kills=$1 clients=4 victim what n pids=() list=() worker=0 client=0 master=0
	shift
	expect_deaths
	rm -f "$T/stop"
	server "$@"
	for ((n = 0; n < clients; n++)); do
		one_client "$n" 3>&- &
		pids+=($!)
	done
	sleep 0.5
	RANDOM=${SEED: -4}
	for ((n = 0; n < kills; n++)); do
		what=$((RANDOM % 20))
		if ((what == 0)); then
			kill -KILL "$PID"
			wait "$PID" 2>/dev/null || true
			server_again "$@"
			master=$((master + 1))
		elif ((what < 5)); then
			kill -KILL "$(<"$T/client.$((what - 1))")" 2>/dev/null && client=$((client + 1)) || n=$((n - 1))
		else
			list=($(workers))
			((${#list[@]} > 0)) && victim=${list[RANDOM % ${#list[@]}]} &&
			    kill -KILL "$victim" 2>/dev/null && worker=$((worker + 1)) || n=$((n - 1))
		fi
		kill -0 "$PID" 2>/dev/null || fail_with_log "the master is dead"
		pause "0.0$((RANDOM % 90 + 10))"
	done
	: >"$T/stop"
	for ((n = 0; n < clients; n++)); do
		kill -KILL "$(<"$T/client.$n")" 2>/dev/null || true
	done
	wait "${pids[@]}" || true
	! grep -vE 'no connection any more|^client ' "$T/clients" || fail "a client was answered what it should not be"
	kill -TERM "$PID"
	wait_for gone "$PID"
	"$BENCH/check" "${ROOT:-$T/root}" "$T"/journal.* >"$T/checked" || { tail -n 30 "$T/checked"; return 1; }
	echo "killed: $worker workers, $client clients, $master masters (seed $SEED); $(tail -n 1 "$T/checked")" | tell
}
