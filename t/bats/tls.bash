# tls.bash - certificates, and servers that show them; loaded after helper.
#
#	certificate NAME [SAN]...	makes $T/NAME.pem with key and certificate, self-signed, for these
#					subjectAltNames (default: DNS:localhost and IP:127.0.0.1)
#	tls_server [ARGUMENT]...	as server(), with coffers and https as well, and the certificate
#					$T/server.pem (made unless it is there); sets TLS_PORT and WEB_PORT
#	s_client [ARGUMENT]...		openssl s_client to $TLS_PORT that believes $T/server.pem
#	talk [ARGUMENT]...		the same: sends stdin, prints what comes until the server closes
#	tls_get PATH [ARGUMENT]...	curl to https://localhost

certificate()
{
	local name=$1 sans
	shift
	(($# > 0)) || set -- DNS:localhost IP:127.0.0.1
	sans=$(IFS=,; echo "$*")
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
	    -subj "/CN=$name" -addext "subjectAltName=$sans" -keyout "$T/$name.key" -out "$T/$name.crt" \
	    2>/dev/null
	cat "$T/$name.key" "$T/$name.crt" >"$T/$name.pem"
	chmod 600 "$T/$name.key" "$T/$name.pem"
}

port_of()
{
	sed -nE "s|.*listening on $1://127\.0\.0\.1:([0-9]+).*|\1|p" "$LOG" | head -n 1
}

tls_server()
{
	[[ -e $T/server.pem ]] || certificate server
	server -l coffers://127.0.0.1:0 -l https://127.0.0.1:0 -o "tls-certificate=$T/server.pem" "$@"
	TLS_PORT=$(port_of coffers)
	WEB_PORT=$(port_of https)
	[[ -n $TLS_PORT && -n $WEB_PORT ]] || fail_with_log "no line \"listening on coffers://127.0.0.1:PORT\""
}

s_client()
{
	timeout -k 5 "$PATIENCE" openssl s_client -connect "127.0.0.1:$TLS_PORT" -servername localhost \
	    -CAfile "$T/server.crt" -verify_return_error "$@"
}

# With -quiet, it stays until the server closes, also when stdin has ended.
talk()
{
	s_client -quiet "$@" 2>"$T/talk.err"
}

tls_get()
{
	local path=$1
	shift
	curl -q -s -S --noproxy '*' --path-as-is --globoff -m "$PATIENCE" --cacert "$T/server.crt" "$@" \
	    "https://localhost:$WEB_PORT$path"
}
