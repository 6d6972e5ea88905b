# dialog.bash - talks with the server step by step, where helper.bash's `ask` is too simple.
#
#	load helper
#	load dialog
#
# A connection is bash's /dev/tcp; its descriptor is $C.  A test with two of them keeps the
# number (`dial; reader=$C`) and speaks to one by `C=$reader expect ...`.  Under the model
# serial each of them holds a worker.

# dial: connects and reads the greeting.  dial_only does not wait for it.
dial()
{
	dial_only
	expect '^200 coffer=1 '
}

dial_only()
{
	exec {C}<>"/dev/tcp/127.0.0.1/$PORT"
}

hang_up()
{
	exec {C}>&-
}

# say LINE...: each with its line end.  say_bytes copies stdin.
say()
{
	printf '%s\n' "$@" >&"$C"
}

say_bytes()
{
	cat >&"$C"
}

# expect REGEX...: the next lines match; the last one is left in $REPLY.
expect()
{
	local regex
	for regex; do
		IFS= read -r -t "$PATIENCE" -u "$C" REPLY || {
			echo "no line matching \"$regex\" came, but \"$REPLY\""
			return 1
		}
		[[ $REPLY =~ $regex ]] || {
			echo "\"$REPLY\" came instead of \"$regex\""
			return 1
		}
	done
}

# take N: the next N bytes, to stdout; fewer if the connection ends, or after $PATIENCE.
take()
{
	timeout "$PATIENCE" head -c "$1" <&"$C"
}

# ended [SECONDS]: the server ends the connection within that time, without another word.
ended()
{
	local line= status=0
	IFS= read -r -t "${1:-$PATIENCE}" -u "$C" line || status=$?
	((status <= 128)) || {
		echo "the connection is still open${line:+, and said \"$line\"}"
		return 1
	}
	[[ $status == 1 && -z $line ]] || {
		echo "\"$line\" came instead of the end of the connection"
		return 1
	}
}

# quiet SECONDS: nothing comes, not even the end.  On a slow machine it may see too little, and never
# what is not there.
quiet()
{
	local line= status=0
	IFS= read -r -t "$1" -u "$C" line || status=$?
	((status > 128)) && [[ -z $line ]] || {
		echo "\"$line\" came (status $status) where nothing should"
		return 1
	}
}

# Milliseconds, for differences.
now()
{
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# put FILE PATH [OPTION]...: the request with the file as its body.
put()
{
	local file=$1
	shift
	printf 'PUT %s size=%d%s\n' "$1" "$(stat -c %s "$file")" "$(printf ' %s' "${@:2}")"
	cat "$file"
}

# chunked SIZE FILE PATH [OPTION]...: the same in chunks of SIZE bytes.
chunked()
{
	printf 'PUT %s size=*%s\n' "$3" "$(printf ' %s' "${@:4}")"
	perl -e 'open(F, "<:raw", $ARGV[1]) or die;
		printf("%x\n%s", length($b), $b) while read(F, $b, $ARGV[0]);
		print "0\n"' "$1" "$2"
}

# The replies to the bytes of stdin, without the greeting.
replies()
{
	ask_bytes | tail -n +2
}

sha()
{
	sha256sum "$@" | cut -d ' ' -f 1
}

# noise BYTES [FILE]: random bytes.
noise()
{
	head -c "$1" /dev/urandom >"${2:-/dev/stdout}"
}

# The names in the reserved folder, but for the file that holds the locks.
staged()
{
	find "${ROOT:-$T/root}/.coffer" -type f ! -name lock -printf '%f\n' 2>/dev/null
}

# Fails unless the server is as alive as it was: for the end of a test of evil input.
assert_well()
{
	kill -0 "$PID"
	[[ $(workers | wc -l) == "$WORKERS" ]]
	[[ $(ask PING | tail -n 1) == '200 time='* ]]
}
