#!/usr/bin/env bats
# 28-interrupted - a large upload that is broken off again and again, by the death of the client, of
# the workers and of the whole server, and goes on each time.  LONG=1 for 1 GiB and ten times.

bats_require_minimum_version 1.5.0
load helper
load dialog

SIZE=$((24 * 1024 * 1024)) TIMES=4
[[ -z ${LONG:-} ]] || SIZE=$((1024 * 1024 * 1024)) TIMES=10 TEST_LIMIT=600 CLIENT_LIMIT=500

# slow_way: passes on what comes at unix:$T/way to the port that stands in $T/port, not too fast; how
# many bytes went to the server is added to $T/sent.
slow_way()
{
	perl -MIO::Socket::UNIX -MIO::Socket::INET -e '
		my ($dir, $pause) = @ARGV;
		my $l = IO::Socket::UNIX->new(Local => "$dir/way", Listen => 5) or die;
		$SIG{PIPE} = "IGNORE"; $SIG{CHLD} = "IGNORE";
		alarm 600;
		while (my $c = $l->accept()) {
			next if fork;
			alarm 600;
			open(my $f, "<", "$dir/port"); chomp(my $port = <$f>);
			my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or exit;
			my $sum = 0;
			for (;;) {
				my $in = "";
				vec($in, fileno($_), 1) = 1 for $c, $s;
				select($in, undef, undef, undef);
				if (vec($in, fileno($s), 1)) {
					last unless sysread($s, my $b, 65536);
					syswrite($c, $b);
				}
				if (vec($in, fileno($c), 1)) {
					last unless my $n = sysread($c, my $b, 65536);
					for (my $at = 0; $at < $n; ) {
						my $w = syswrite($s, $b, $n - $at, $at) or last;
						$at += $w;
					}
					$sum += $n;
					select(undef, undef, undef, $pause);
				}
			}
			open(my $o, ">>", "$dir/sent"); print $o "$sum\n"; close($o);
			exit;
		}' "$T" "$1" 3>&- &
	WAY=$!
	wait_for test -S "$T/way"
}

# Bytes that the server has on disk.
there()
{
	local file size=0
	for file in "$T/root/.coffer"/*; do
		[[ $file == */lock ]] || size=$(stat -c %s "$file" 2>/dev/null || echo 0)
	done
	echo "$size"
}

at_least()
{
	(($(there) >= $1)) || done_already
}

done_already()
{
	[[ -e $T/root/big ]]
}

client()
{
	coffer -q -H "unix:$T/way" put -c "$T/big" /big >"$T/said" 2>&1 3>&- &
	CLIENT=$!
}

new_server()
{
	server -w
	echo "$PORT" >"$T/port"
}

@test "an upload that is interrupted again and again sends little twice" {
	local n kind sent PATIENCE=60
	expect_deaths
	noise "$SIZE" "$T/big"
	new_server
	slow_way 0.003
	client
	RANDOM=${SEED:-$RANDOM}
	echo "# seed $RANDOM" >&3
	for ((n = 1; n <= TIMES; n++)); do
		wait_for at_least $((SIZE / (TIMES + 1) * n))
		! done_already || break
		kind=$((TIMES < 10 ? n % 3 : RANDOM % 3))
		case $kind in
		0)	kill_tree "$CLIENT"; wait "$CLIENT" || true ;;
		1)	kill -KILL $(workers) ;;
		2)	kill -KILL "$PID" $(workers); wait_for no_session "$PID" || true; new_server ;;
		esac
		kill -0 "$CLIENT" 2>/dev/null || client
	done
	for ((n = 1; n <= 5; n++)); do
		wait "$CLIENT" && break
		cat "$T/said"
		client
	done
	cmp "$T/big" "$T/root/big"
	kill_tree "$WAY"
	sent=$(awk '{ n += $1 } END { print n }' "$T/sent")
	echo "# $((sent * 1000 / SIZE)) thousandths of the size were sent" >&3
	if ((TIMES == 10)); then
		((sent * 100 < SIZE * 105))
	else
		((sent < SIZE * 2))
	fi
}

# last_put_below N: whether the last PUT in the log came with fewer than N bytes.
last_put_below()
{
	local bytes
	bytes=$(grep -oP ' PUT \S+ 201 \K[0-9]+' "$LOG" | tail -n 1)
	((bytes < $1))
}

# bats test_tags=models:all
@test "what was published before its client heard of it is not sent again, and nothing else is taken for it" {
	server -w
	noise 2000000 "$T/big"
	coffer put -c "$T/big" /big
	run -1 last_put_below 2000000
	coffer put -c "$T/big" /big
	last_put_below 1000
	mv "$T/root/big" "$T/root/other"
	ln -s other "$T/root/big"
	coffer put -c "$T/big" /big
	run -1 last_put_below 2000000
	[[ ! -L $T/root/big ]]
	coffer put -c "$T/big" /big
	last_put_below 1000
	touch -d '2001-01-01 UTC' "$T/big"
	coffer put -c "$T/big" /big
	run -1 last_put_below 2000000
	assert_equal "$(stat -c %Y "$T/root/big")" "$(stat -c %Y "$T/big")"
	chmod 600 "$T/big"
	coffer put -c "$T/big" /big
	run -1 last_put_below 2000000
	assert_equal "$(stat -c %a "$T/root/big")" 600
	noise 2000000 "$T/big"
	touch -d '2001-01-01 UTC' "$T/big"
	chmod 600 "$T/big"
	coffer put -c "$T/big" /big
	cmp "$T/big" "$T/root/big"
	echo behind your back >>"$T/root/big"
	coffer put -c "$T/big" /big
	cmp "$T/big" "$T/root/big"
	printf X | dd of="$T/root/big" bs=1 seek=1000000 conv=notrunc status=none
	touch -r "$T/big" "$T/root/big"
	coffer put -c "$T/big" /big
	cmp "$T/big" "$T/root/big"
}

@test "who may not set a mode exactly does not send twice for it" {
	printf 'share "/" { root = "%s"\n allow = { "everybody: list read create replace" } }\n' "$T/root" >"$T/cofferd.conf"
	chown -hR "$(server_user)" "$T/root" 2>/dev/null || true
	launch -l coffer://127.0.0.1:0 -n "$WORKERS" -m "$MODEL"
	wait_ready
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG")
	export COFFER_URL=coffer://127.0.0.1:$PORT
	noise 2000000 "$T/big"
	chmod 666 "$T/big"
	coffer put -c "$T/big" /big
	coffer put -c "$T/big" /big
	last_put_below 1000
}

@test "who may not read is not told that a file has the bytes which he has" {
	printf 'share "/" { root = "%s"\n allow = { "everybody: create replace" } }\n' "$T/root" >"$T/cofferd.conf"
	echo secret >"$T/root/f"
	chown -hR "$(server_user)" "$T/root" 2>/dev/null || true
	launch -l coffer://127.0.0.1:0 -n "$WORKERS" -m "$MODEL"
	wait_ready
	PORT=$(sed -nE 's|.*listening on coffer://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG")
	dial
	say "PUT /f size=7 sha256=$(sha256sum <"$T/root/f" | cut -d ' ' -f 1) resume"
	expect '^100 from=0$'
}
