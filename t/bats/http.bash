# http.bash - servers that speak HTTP, and clients for them; loaded after helper.
#
#	web [COFFERD-ARGUMENT]...	as server(); sets WEB (http://127.0.0.1:PORT) and WEB_PORT
#	get PATH [CURL-ARGUMENT]...	prints the body
#	head_of PATH [CURL-ARGUMENT]...	prints the head of a GET, with LF only; its body is in $T/body
#	status_of PATH [CURL-ARGUMENT]...	prints the status
#	speak TEXT...			sends the lines, each with CR LF, and one empty line; prints
#					all replies, with LF only
#	speak_bytes			sends stdin as it is

web()
{
	server -l http://127.0.0.1:0 "$@"
	WEB_PORT=$(sed -nE 's|.*listening on http://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	[[ -n $WEB_PORT ]] || fail_with_log "no line \"listening on http://127.0.0.1:PORT\""
	WEB=http://127.0.0.1:$WEB_PORT
}

# Nothing on the way may change what we ask for.
ask_web()
{
	local path=$1
	shift
	curl -q -s -S --noproxy '*' --path-as-is --globoff -m "$PATIENCE" "$@" "$WEB$path"
}

get()
{
	ask_web "$@"
}

head_of()
{
	local path=$1
	shift
	ask_web "$path" -D "$T/head" -o "$T/body" "$@"
	tr -d '\r' <"$T/head"
}

status_of()
{
	local path=$1
	shift
	ask_web "$path" -o "$T/body" -w '%{http_code}\n' "$@"
}

speak()
{
	printf '%s\r\n' "$@" '' | speak_bytes
}

speak_bytes()
{
	timeout -k 5 "$PATIENCE" nc -N 127.0.0.1 "$WEB_PORT" | tr -d '\r'
}

# field NAME: its value in the head on stdin.
field()
{
	sed -n "s/^$1: //Ip"
}
