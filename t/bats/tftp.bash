# tftp.bash - a server of TFTP, and a client that can be as bad as a network.
#
#	load helper
#	load tftp
#
# SINGLE is yes where answers are to come from the port that was asked.

SINGLE=no

# tftp_server [COFFERD-ARGUMENT]...: a server that also listens on tftp://127.0.0.1:$TPORT.
tftp_server()
{
	server -l tftp://127.0.0.1:0 -o tftp-single-port=$SINGLE "$@"
	TPORT=$(sed -nE 's|.*listening on tftp://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	[[ -n $TPORT ]] || fail_with_log "no line \"listening on tftp://127.0.0.1:PORT\""
}

# in_both FUNCTION: once with a port for each transfer, and once with one for all.
in_both()
{
	for SINGLE in no yes; do
		echo "(tftp-single-port=$SINGLE)"
		"$1"
		stop_server
		find "$T/root" -mindepth 1 -delete
	done
}

# tftp [OPTION]... get|put NAME: t/tftp, within a time limit.
tftp()
{
	local n=$(($# - 2))
	[[ ${!#} != talk && ${!#} != noise ]] || n=$(($# - 1))
	timeout -k 5 60 "$COFFER_BUILD/t/tftp" "${@:1:n}" "${TPORT:?}" "${@:n+1}"
}

# talk LINE...: what the client hears.
talk()
{
	printf '%s\n' "$@" | tftp talk
}

# logged REGEX: until the log has such a line.
logged()
{
	wait_for grep -qE -- "$1" "$LOG" || fail_with_log "no line \"$1\""
}

# Requests, as bytes for talk.
rrq()
{
	local option
	printf '0001 "%s" 00 "octet" 00' "$1"
	for option in "${@:2}"; do
		printf ' "%s" 00 "%s" 00' "${option%%=*}" "${option#*=}"
	done
}

wrq()
{
	local bytes
	bytes=$(rrq "$@")
	echo "0002${bytes#0001}"
}
