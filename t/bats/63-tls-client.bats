#!/usr/bin/env bats
# 63-tls-client - coffer over TLS: what it carries, and whom it believes.

bats_require_minimum_version 1.5.0
load helper
load dialog
load tls

setup()
{
	coffer_setup
	export XDG_CONFIG_HOME=$T/config
	KNOWN=$T/config/coffer/known
}

# expired NAME: as certificate(), but that its time is over.
expired()
{
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/$1.key" \
	    -subj "/CN=$1" -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null |
	    openssl x509 -req -signkey "$T/$1.key" -days -1 -copy_extensions copy -out "$T/$1.crt" 2>/dev/null
	cat "$T/$1.key" "$T/$1.crt" >"$T/$1.pem"
	chmod 600 "$T/$1.key" "$T/$1.pem"
}

fingerprint()
{
	openssl x509 -in "$1" -noout -fingerprint -sha256 | cut -d = -f 2
}

# bats test_tags=models:all
@test "trees go and come by coffers, by STARTTLS and by --starttls" {
	local i url
	need_localhost
	tls_server -w
	mkdir "$T/tree" "$T/tree/sub"
	for i in 0 1 16383 16384 16385 3145728; do noise "$i" "$T/tree/$i"; done
	for i in {1..200}; do echo "$i" >"$T/tree/sub/$i"; done
	for url in "coffers://127.0.0.1:$TLS_PORT" "coffer+starttls://localhost:$PORT" "$URL --starttls"; do
		rm -rf "$T/back" "$T/root/tree"
		coffer --cacert "$T/server.crt" -H $url put -r "$T/tree" / 2>"$T/err"
		coffer --cacert "$T/server.crt" -H $url get -r /tree "$T/back" 2>"$T/err"
		diff -r "$T/tree" "$T/back"
		run -0 coffer --cacert "$T/server.crt" -H $url ls /tree/sub
		assert_equal "${#lines[@]}" 200
	done
	grep -q ' coffers GET /tree/3145728 200 ' "$LOG"
	grep -q ' coffer STARTTLS - 200 ' "$LOG"
	noise 300000 | coffer --cacert "$T/server.crt" -H "coffers://localhost:$TLS_PORT" put - /pipe
	assert_equal "$(stat -c %s "$T/root/pipe")" 300000
	assert_not_exist "$KNOWN"
}

@test "a server is believed by an authority and its name, and else refused, with exit 12" {
	need_localhost
	local url
	certificate elsewhere DNS:elsewhere.example
	expired old
	tls_server
	url=coffers://127.0.0.1:$TLS_PORT
	echo secret >"$T/root/f"
	run -12 coffer get "$url/f" -
	assert_output "coffer: 127.0.0.1:$TLS_PORT: no TLS: the certificate is refused: self-signed certificate"
	run -12 coffer --cacert "$T/elsewhere.crt" get "$url/f" -
	refute_output --partial secret
	run -0 coffer --cacert "$T/server.crt" get "$url/f" -
	run -0 coffer --cacert "$T/server.crt" get "coffers://localhost:$TLS_PORT/f" -
	run -2 coffer --fingerprint 1234 get "$url/f" -
	run -12 coffer --cacert "$T/none.crt" get "$url/f" -
	assert_output --partial none.crt
	stop_server
	server -l coffers://127.0.0.1:0 -o "tls-certificate=$T/elsewhere.pem"
	url=coffers://127.0.0.1:$(port_of coffers)
	run -12 coffer --cacert "$T/elsewhere.crt" get "$url/f" -
	assert_output --partial 'mismatch'
	run -12 coffer --cacert "$T/elsewhere.crt" get "${url/127.0.0.1/localhost}/f" -
	assert_output --partial 'mismatch'
	run -0 coffer --fingerprint "$(fingerprint "$T/elsewhere.crt")" get "$url/f" -
	assert_output secret
	run -12 coffer --fingerprint "$(fingerprint "$T/old.crt")" get "$url/f" -
	assert_output --partial 'does not have the fingerprint'
	refute_output --partial secret
	stop_server
	server -l coffers://127.0.0.1:0 -o "tls-certificate=$T/old.pem"
	grep -q 'warning: .*old\.pem: the certificate has expired' "$LOG"
	run -12 coffer --cacert "$T/old.crt" get "coffers://localhost:$(port_of coffers)/f" -
	assert_output --partial 'certificate has expired'
	assert_not_exist "$KNOWN"
}

@test "with --pin a server is known from then on, and one that shows another certificate is refused aloud" {
	local url
	echo secret >"$T/root/f"
	tls_server
	url=coffers://127.0.0.1:$TLS_PORT
	run -0 --separate-stderr coffer --pin get "$url/f" -
	assert_output secret
	[[ $stderr == *"127.0.0.1:$TLS_PORT: from now on known by its certificate, sha256="* ]]
	assert_equal "$(stat -c %a "$KNOWN")" 600
	run -0 coffer get "$url/f" -
	assert_output secret
	# Another certificate comes, by a reload.
	certificate other
	cp "$T/other.pem" "$T/server.pem"
	ctl reload
	for pin in --pin --quiet; do
		run -12 coffer $pin get "$url/f" -
		assert_output --partial "127.0.0.1:$TLS_PORT: THE SERVER'S CERTIFICATE IS NOT THE ONE THAT IS KNOWN"
		refute_output --partial secret
	done
	# Others that are known stay known.
	sed -i "1i elsewhere:1 sha256=$(printf '%064d' 7)" "$KNOWN"
	sed -i "/^127/d" "$KNOWN"
	run -0 coffer --pin -q get "$url/f" -
	assert_output secret
	assert_equal "$(wc -l <"$KNOWN")" 2
	chmod 000 "$KNOWN"
	[[ $(id -u) == 0 ]] || run -12 coffer get "$url/f" -
	printf '127.0.0.1:%s sha256=nonsense\n' "$TLS_PORT" >"$T/nonsense"
	mv -f "$T/nonsense" "$KNOWN"
	run -12 coffer --pin get "$url/f" -
	refute_output --partial secret
}

# A server in clear that says its stdin, on a port that the kernel chooses.
liar()
{
	: >"$T/nc"	# that of the liar before it
	timeout 30 nc -lvN 127.0.0.1 0 <&0 >"$T/asked" 2>"$T/nc" 3>&- &
	wait_for grep -q '^Listening on ' "$T/nc"
	LIAR=$(sed -nE 's/^Listening on .* ([0-9]+)$/\1/p' "$T/nc")
}

@test "with STARTTLS nothing is said in clear, whatever the server says" {
	server
	run -12 coffer --starttls ls "$URL/"
	assert_output --partial 'no TLS: the server says: 501 '
	printf '200 coffer=1 server=liar/1\n200 tls=now\n200 type=d\n.\n' >"$T/words"
	liar <"$T/words"
	run -12 coffer --starttls ls "coffer://127.0.0.1:$LIAR/"
	assert_output --partial 'no TLS: something was put in behind'
	assert_equal "$(cat "$T/asked")" STARTTLS
	printf '200 coffer=1 server=liar/1\n404 no\n' >"$T/words"
	liar <"$T/words"
	run -12 coffer --starttls ls "coffer://127.0.0.1:$LIAR/"
	assert_equal "$(cat "$T/asked")" STARTTLS
	liar <"$T/words"
	run -12 coffer --fingerprint "$(printf '%064d' 0)" ls "coffers://127.0.0.1:$LIAR/"
	assert_output --partial 'no TLS: wrong version number'
}
