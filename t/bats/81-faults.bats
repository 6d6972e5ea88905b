#!/usr/bin/env bats
# 81-faults - the calls of an upload fail, one by one; the power is cut; ten want one name.
#
# This is the short form.  `make check-faults` runs it longer (see HACKING.md): FAULTS_LONG=1, and
# CUTS=N power cuts, KILLS=N kills, ROUNDS=N races.  SEED=N repeats what was seen.
# t/run: takes long

bats_require_minimum_version 1.5.0
load helper
load dialog
load ../faults/faults

CUTS=${CUTS:-60}
KILLS=${KILLS:-15}
ROUNDS=${ROUNDS:-20}

setup()
{
	coffer_setup
	in_memory
}

teardown()
{
	faults_teardown
}

# The huge upload takes a while: in the long form only.
[[ -n ${FAULTS_LONG:-} ]] && BRIEFLY=() || BRIEFLY=(-x huge)

# bats test_tags=models:all
@test "each call of each request fails in turn: a clean answer, nothing half, nothing leaked" {
	local WORKERS=1
	# One connection at a time is all that serial can do with one worker.
	[[ $MODEL != serial ]] || WORKERS=2
	sweep_server
	case ${FAULTS_LONG:+long}$MODEL in
	long*)	sweep ENOSPC EDQUOT EIO EINTR EINVAL ENOSYS EOPNOTSUPP short ;;
	coroutine) sweep -x huge ENOSPC EDQUOT EIO EINTR short ;;
	*)	sweep -x huge EIO EINTR ;;
	esac
	assert_well
}

@test "the layer knows all calls by which requests of the upload path touch files" {
	local WORKERS=1 tracer worker
	command -v strace >/dev/null || skip "needs strace"
	sweep_server
	worker=$(workers)
	strace -f -y -qq -e signal=none -o "$T/trace" -p "$worker" 2>"$T/strace" 3>&- &
	tracer=$!
	wait_for grep -q '^TracerPid:.*[1-9]' "/proc/$worker/status" || skip "strace cannot attach: $(<"$T/strace")"
	sweep "${BRIEFLY[@]}" -l none
	kill "$tracer"
	wait "$tracer" || true
	# Large uploads go by a pipe, and the sweeps make that fail, too.
	assert_regex "$(grep '^put by a pipe, ' "$T/swept")" ' pipe2 fcntl pipe .* splice\+ .* splice '
	# Whatever has something of the served folder among its arguments.  Reading is another path.
	sed -nE "s|^[0-9]+ +([a-z0-9_]+)\\(.*<${ROOT:-$T/root}.*|\\1|p" "$T/trace" | sort -u |
	    grep -vxE 'preadv2|sendfile|fadvise64|getdents64|lseek' >"$T/seen"
	# By the kernel's names.
	sed -nE 's/.* calls: //p' "$T/swept" | tr ' ' '\n' | sed -E 's/\+$//; s/^(pread|pwrite)$/\164/
		s/^(fstat|fstatat)$/newfstatat/; s/^fstatvfs$/fstatfs/; s/^futimens$/utimensat/' | sort -u >"$T/known"
	assert_equal "$(comm -23 "$T/seen" "$T/known")" ''
	(($(wc -l <"$T/seen") > 15)) || fail "strace has seen no more than $(tr '\n' ' ' <"$T/seen")"
}

@test "each call of each request is the last one of its worker: nothing half, and the next upload succeeds" {
	local WORKERS=3
	sweep_server
	sweep "${BRIEFLY[@]}" kill
}

@test "the same where names cannot be taken without replacing" {
	local WORKERS=3
	sweep_server
	sweep -n -s if=new kill
}

@test "the power is cut: what was acknowledged is there and whole, and nothing is half" {
	load_and_cut "$CUTS" $((CUTS / 3 + 10))
	tell <"$T/cuts"
}

@test "a server that forgets to fsync a file, or a folder, or does it too late, is found out" {
	for lie in file folder late reorder; do
		caught "$lie"
	done
}

@test "workers, clients and masters are killed at random: what was acknowledged is there, and nothing is half" {
	local WORKERS=3
	kill_at_random "$KILLS" -w -o respawn-delay-max=100ms -o quarantine=0
}

@test "ten writers want one name, by if=new and if=sha256: exactly one gets it" {
	local WORKERS=4
	[[ $MODEL != serial ]] || skip "needs ten sessions at once"
	server -w
	run -0 "$BENCH/race" "$ROUNDS" "$PORT"
	tell <<<"$output"
}
