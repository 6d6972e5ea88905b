# steady.bash - a load that notices every request that fails.
#
#	load helper
#	load steady

# steady_begin [CLIENTS]: a load that lasts until steady_end, which fails unless all went well.
steady_begin()
{
	[[ -x $COFFER_BUILD/t/steady ]] || skip "t/steady is not built (make check does)"
	mkfifo "$T/steady"
	timeout -k 5 100 "$COFFER_BUILD/t/steady" "$PORT" "$T/root/file" "${1:-32}" \
	    <"$T/steady" >"$T/steady.out" 2>&1 3>&- &
	STEADY=$!
	exec {STEADY_IN}>"$T/steady"
}

steady_end()
{
	exec {STEADY_IN}>&-
	wait "$STEADY" || fail "$(cat "$T/steady.out")"
	grep -qE '^requests=[1-9][0-9]* failed=0 refused=0 ' "$T/steady.out" || fail "$(cat "$T/steady.out")"
}
