#!/usr/bin/env bats
# 58-tls-files - certificates: which are shown, when they change, whose they are, and what is wrong with them.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool
load tftp
load tls

# shown NAME: the common name of what is shown to who asks for that name.
shown()
{
	s_client -servername "$1" <<<QUIT 2>&1 | sed -nE 's/^subject=.*CN = //p'
}

# --- which are shown

@test "a client gets the certificate for the name that it asks for, and else the first" {
	certificate one.example DNS:one.example DNS:uno.example
	certificate two.example 'DNS:*.two.example' IP:127.0.0.1
	cat "$T/one.example.crt" "$T/two.example.crt" >"$T/server.crt"
	server -l coffers://127.0.0.1:0 -o "tls-certificate=$T/one.example.crt" \
	    -o "tls-certificate=$T/two.example.crt" -o "tls-key=$T/one.example.key" -o "tls-key=$T/two.example.key"
	TLS_PORT=$(port_of coffers)
	grep -q '^TLS: 2 certificates, ' "$LOG"
	assert_equal "$(shown one.example)" one.example
	assert_equal "$(shown uno.example)" one.example
	assert_equal "$(shown a.two.example)" two.example
	assert_equal "$(shown two.example)" one.example
	assert_equal "$(shown three.example)" one.example
	run -0 ctl status
	assert_line --regexp '^TLS +2 certificates, (no )?kernel TLS$'
}

# bats test_tags=models:all
@test "a reload swaps the certificate while requests go on, and none of them fails" {
	local i client
	certificate old
	certificate new
	cat "$T/old.crt" "$T/new.crt" >"$T/server.crt"
	cp "$T/old.pem" "$T/server.pem"
	tls_server
	echo hello >"$T/root/f"
	assert_equal "$(shown localhost)" old
	(
		exec 3>&-
		until [[ -e $T/enough ]]; do
			coffer --cacert "$T/server.crt" get "coffers://127.0.0.1:$TLS_PORT/f" - || : >"$T/failed"
			tls_get /f || : >"$T/failed"
		done >"$T/got" 2>"$T/said"
	) &
	client=$!
	for i in new old new; do
		cp "$T/$i.pem" "$T/server.pem"
		ctl reload
		assert_equal "$(shown localhost)" "$i"
	done
	: >"$T/enough"
	wait "$client"
	assert_not_exist "$T/failed"
	run -0 sort -u "$T/got"
	assert_output hello
}

@test "a worker that is started again has what the others have, whatever has become of the files" {
	expect_deaths
	tls_server
	echo nonsense >"$T/server.pem"
	kill -KILL $(workers)
	wait_for pool_is "$WORKERS"
	run -0 talk <<<QUIT
	assert_line '200 bye'
	run -1 ctl reload
	assert_output --partial 'server.pem: there is no certificate in it'
	run -0 talk <<<QUIT
	assert_line '200 bye'
}

# --- clients with certificates

# signed_client NAME SUBJECT [SAN]: $T/NAME.pem, signed by $T/ca.
signed_client()
{
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/$1.key" -subj "$2" \
	    ${3:+-addext "subjectAltName=$3"} 2>/dev/null |
	    openssl x509 -req -CA "$T/ca.crt" -CAkey "$T/ca.key" -CAcreateserial -copy_extensions copy \
	    -days 30 -out "$T/$1.crt" 2>/dev/null
	cat "$T/$1.key" "$T/$1.crt" >"$T/$1.pem"
}

# bats test_tags=models:all
@test "a client's certificate logs it in, one of somebody else's is refused, and none is needed" {
	certificate ca
	certificate stranger
	signed_client ann /CN=ann email:ann@example.org
	signed_client evil /CN=..
	signed_client spaced '/CN=ann and bob'
	tls_server -o "tls-client-ca=$T/ca.crt"
	run -0 talk -cert "$T/ann.pem" -key "$T/ann.pem" <<<$'WHOAMI\nQUIT'
	assert_line --partial 'user=ann '
	wait_for grep -q ' coffers login as ann by a certificate$' "$LOG"
	run -0 talk <<<$'WHOAMI\nQUIT'
	assert_line --partial 'user=anonymous '
	run talk -cert "$T/stranger.pem" -key "$T/stranger.pem" <<<$'WHOAMI\nQUIT'
	refute_output --partial 'user='
	for name in evil spaced; do
		run talk -cert "$T/$name.pem" -key "$T/$name.pem" <<<$'WHOAMI\nQUIT'
		refute_output --partial 'user='
	done
	wait_for grep -q "TLS: the client's certificate is refused: nobody can have this name" "$LOG"
	# A session that goes on by its ticket is still the same client's.
	printf 'PING\nQUIT\n' | talk -cert "$T/ann.pem" -key "$T/ann.pem" -sess_out "$T/session" >"$T/out"
	run -0 talk -sess_in "$T/session" <<<$'WHOAMI\nQUIT'
	assert_line --partial 'user=ann '
	stop_server
	tls_server -o "tls-client-ca=$T/ca.crt" -o tls-client-users=email
	run -0 talk -cert "$T/ann.pem" -key "$T/ann.pem" <<<$'WHOAMI\nQUIT'
	assert_line --partial 'user=ann@example.org '
}

# bats test_tags=models:all
@test "whom the users file has locked, or has not, comes in no way: by no certificate, nor as TFTP's user" {
	local name
	certificate ca
	for name in ann locked none; do signed_client $name "/CN=$name"; done
	printf 'ann:*\nlocked:!*\n' >"$T/users"
	chmod 600 "$T/users"
	echo hello >"$T/root/f"
	tls_server -o "tls-client-ca=$T/ca.crt" -o users="$T/users" -o tftp-user=ann -l tftp://127.0.0.1:0
	TPORT=$(port_of tftp)
	run -0 talk -cert "$T/ann.pem" -key "$T/ann.pem" <<<$'WHOAMI\nQUIT'
	assert_line --partial 'user=ann '
	for name in locked none; do
		run talk -cert "$T/$name.pem" -key "$T/$name.pem" <<<$'WHOAMI\nQUIT'
		refute_output --partial 'user='
	done
	[[ $(grep -c "certificate is refused: the users file has locked its user, or has none of that name" \
	    "$LOG") == 2 ]]
	assert_equal "$(tftp get f)" hello
	# It is asked each time.
	printf 'ann:!*\n' >"$T/users"
	wait_for grep -q 'users: 1 users' "$LOG"
	run talk -cert "$T/ann.pem" -key "$T/ann.pem" <<<$'WHOAMI\nQUIT'
	refute_output --partial 'user='
	run ! tftp get f
	wait_for grep -q ' tftp ann is refused: the users file has locked this user' "$LOG"
}

# relay: what comes to a port $RELAY goes on to the server in the connection $C, and back.
relay()
{
	mkfifo "$T/back"
	timeout 30 nc -lvN 127.0.0.1 0 <"$T/back" 2>"$T/nc" 3>&- >&"$C" &
	cat <&"$C" >"$T/back" 2>/dev/null 3>&- &
	wait_for grep -q '^Listening on ' "$T/nc"
	RELAY=$(sed -nE 's/^Listening on .* ([0-9]+)$/\1/p' "$T/nc")
}

@test "STARTTLS forgets who has logged in, and what was held; LOGIN counts anew behind it" {
	ctl passwd -f "$T/users" alice <<<secret 2>/dev/null
	tls_server -w -o "users=$T/users" -o login-delay=0
	wait_for grep -q 'authenticator: .*users: 1 users' "$LOG"
	dial
	say 'LOGIN alice secret' WHOAMI 'PUT /held size=2 hold' x STARTTLS
	expect '^200 user=alice$' '^200 user=alice ' '^200 held' '^200 tls=now$'
	relay
	TLS_PORT=$RELAY
	run -0 talk <<<$'WHOAMI\nCOMMIT\nLOGIN alice secret\nWHOAMI\nQUIT'
	hang_up
	assert_line --index 0 --regexp '^200 user=anonymous '
	assert_line --index 1 --regexp '^200 published=0 failed=0'
	assert_line --regexp '^200 user=alice '
	assert_line '200 bye'
	assert_file_not_exist "$T/root/held"
}

# --- what is wrong with them

# faulty REGEX LINE...: a configuration of these lines is refused with that sentence.
faulty()
{
	printf '%s\n' "${@:2}" >"$T/cofferd.conf"
	run -78 timeout "$PATIENCE" "$COFFER_BUILD/cofferd" -t -f "$T/cofferd.conf" "$T/root"
	assert_output --regexp "$1"
}

@test "what is wrong with certificates and keys is told with its place, and nothing starts" {
	local conf=$T/cofferd.conf
	certificate a
	certificate b
	chmod 644 "$T/b.key"
	openssl ec -in "$T/a.key" -aes128 -passout pass:x -out "$T/locked.key" 2>/dev/null
	chmod 600 "$T/locked.key"
	faulty "^$conf:2: tls-certificate: $T/none: No such file" '' "tls-certificate = { '$T/none' }"
	faulty "^$conf:1: tls-certificate: $T/a.key: there is no certificate in it" \
	    "tls-certificate = { '$T/a.key' }" "tls-key = { '$T/a.key' }"
	faulty "^$conf:2: tls-key: $T/b.key: others can read or change it" \
	    "tls-certificate = { '$T/b.crt' }" "tls-key = { '$T/b.key' }"
	chmod 600 "$T/b.key"
	faulty "^$conf:1: tls-certificate: $T/a.crt: the key does not belong to the certificate" \
	    "tls-certificate = { '$T/a.crt' }" "tls-key = { '$T/b.key' }"
	faulty 'the key is locked by a passphrase' \
	    "tls-certificate = { '$T/a.crt' }" "tls-key = { '$T/locked.key' }"
	chmod 600 "$T/a.crt"
	faulty "^$conf:1: tls-certificate: $T/a.crt: there is no private key in it" "tls-certificate = { '$T/a.crt' }"
	faulty "^$conf:2: tls-key: there are 1 keys for 2 certificates" \
	    "tls-certificate = { '$T/a.crt', '$T/b.crt' }" "tls-key = { '$T/b.key' }"
	faulty '^listen: coffers://127.0.0.1:0 needs a certificate, and tls-certificate names none' \
	    "listen = { 'coffers://127.0.0.1:0' }"
	faulty '^listen: coffer://127.0.0.1:0 needs a certificate, and tls-certificate names none' \
	    "listen = { 'coffer://127.0.0.1:0?tls-required' }"
	faulty '^tls-required: this needs a certificate' 'tls-required = yes'
	faulty "tls-client-ca: $T/a.key: there is no certificate in it" \
	    "tls-certificate = { '$T/a.pem' }" "tls-client-ca = '$T/a.key'"
	printf '%s\n' "tls-certificate = { '$T/a.pem' }" >"$conf"
	run -0 timeout "$PATIENCE" "$COFFER_BUILD/cofferd" -t -f "$conf" "$T/root"
}

@test "the master's memory, the log and the core of a worker hold no key" {
	local pid secret key found status=0
	tls_server -v
	run -0 talk <<<QUIT
	secret=$(sed -n 2p "$T/server.key")
	[[ ${#secret} == 64 ]]
	cat >"$T/search" <<-'END'
		my ($pid, $text, $key) = @ARGV;
		open(my $maps, "<", "/proc/$pid/maps") or exit 2;
		open(my $mem, "<:raw", "/proc/$pid/mem") or exit 2;
		while (<$maps>) {
			my ($from, $to, $mode) = /^([0-9a-f]+)-([0-9a-f]+) (r)/ or next;
			next if /\[v/;
			seek($mem, hex($from), 0) or next;
			read($mem, my $bytes, hex($to) - hex($from)) or next;
			print "found\n" if index($bytes, $text) >= 0 || index($bytes, pack("H*", $key)) >= 0;
		}
	END
	key=$(openssl ec -in "$T/server.key" -outform DER 2>/dev/null | xxd -p -s 7 -l 32 -c 32)
	[[ ${#key} == 64 ]]
	found=$(perl "$T/search" "$PID" "$secret" "$key") || status=$?
	[[ $status != 2 ]] || skip "the master's memory cannot be read here"
	assert_equal "$found" ''
	refute grep -qF "$secret" "$LOG"
	# The search does find what is there.
	SECRET=$secret sleep 20 3>&- &
	pid=$!
	wait_for grep -q "$secret" "/proc/$pid/environ"
	found=$(perl "$T/search" "$pid" "$secret" "$key")
	kill "$pid"
	assert_equal "$found" found
	for pid in $(workers); do
		grep -Eq '^Max core file size +[01] +[01] ' "/proc/$pid/limits" || [[ ! -r /proc/$pid/mem ]]
	done
}

@test "cofferctl certificate makes one that serves at once, and never over another file" {
	need_localhost
	echo hello >"$T/root/f"
	run -0 ctl certificate "$T/made.pem" files.example.org localhost 127.0.0.1
	assert_line --index 0 "$T/made.pem: for files.example.org localhost 127.0.0.1"
	assert_line --index 1 --regexp '^sha256=[0-9a-f]{64}$'
	assert_equal "$(stat -c %a "$T/made.pem")" 600
	run -1 ctl certificate "$T/made.pem"
	assert_output --partial 'File exists'
	run -1 ctl certificate "$T/other.pem" 'a b'
	run -0 ctl certificate "$T/own.pem"
	assert_line --index 0 --regexp ' localhost 127\.0\.0\.1 ::1$'
	server -l coffers://127.0.0.1:0 -o "tls-certificate=$T/made.pem"
	run -0 coffer --cacert "$T/made.pem" get "coffers://localhost:$(port_of coffers)/f" -
	assert_output hello
	run -0 coffer --fingerprint "$(openssl x509 -in "$T/made.pem" -noout -fingerprint -sha256 | cut -d = -f 2)" \
	    get "coffers://127.0.0.1:$(port_of coffers)/f" -
	assert_output hello
}
