#!/usr/bin/env bats
# bats file_tags=models:all
# 27-races - conditional writes of several clients at once.  LONG=1 for a thousand rounds.

bats_require_minimum_version 1.5.0
load helper
load dialog

ROUNDS=${LONG:+1000}
ROUNDS=${ROUNDS:-40}

@test "of ten writers with if=new on one name, exactly one wins each round" {
	local writer
	mkdir "$T/root/r"
	server -w -o durability=none -o access-log=no
	for writer in {0..9}; do
		(
			seq "$ROUNDS" | awk -v w="$writer" '{ printf "PUT /r/%d size=1 if=new\n%d", $1, w }' |
			    replies | awk -v w="$writer" '{ print NR, w, $1 }' >"$T/answers.$writer"
		) 3>&- &
	done
	wait $(jobs -p | grep -vx -e "$PID" -e "$WATCH")
	# ROUND WRITER CODE; what is in the file is what the winner wrote.
	run -0 awk -v root="$T/root/r/" -v rounds="$ROUNDS" '
		$3 == 201 { wins[$1]++; winner[$1] = $2 }
		$3 == 412 { losses++ }
		END {
			for (r = 1; r <= rounds; r++) {
				getline in_file < (root r)
				close(root r)
				if (wins[r] != 1 || in_file != winner[r])
					print "round " r ": " wins[r] " won, " winner[r] ", and " in_file " is there"
			}
			if (losses != 9 * rounds)
				print losses " lost"
		}' "$T"/answers.*
	assert_output ''
	assert_equal "$(staged)" ''
}

# A client that asks one thing after another.
cat_perl()
{
	cat <<'END'
	use IO::Socket::INET; use Digest::SHA qw(sha256_hex);
	alarm 100;
	my ($port, $turns, $name) = @ARGV;
	my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") or die "connect: $!";
	scalar <$s>;
	sub get { print $s "GET /n\n"; $s->flush; my ($n) = <$s> =~ /^200 size=(\d+)/ or die "GET"; my $b = "";
		read($s, $b, $n) if $n; return $b; }
	sub put { my ($b, $if) = @_; print $s "PUT /n size=", length $b, " $if\n", $b; $s->flush;
		my $l = <$s>; $l =~ /^(201|412) / or die "PUT: $l"; return $1; }
END
}

# increment TURNS: so many increments of the number in /n, each on what was read.
increment()
{
	perl -e "$(cat_perl)"' for (1 .. $turns) { for (1 .. 100000) {
		my $b = get(); last if put($b + 1, "if=sha256:" . sha256_hex($b)) == 201; } }' "$PORT" "$1"
}

@test "increments by if=sha256 lose none" {
	local turns=$((ROUNDS / 4)) n pids=()
	printf 0 >"$T/root/n"
	server -w -o durability=none -o access-log=no
	for n in 1 2 3 4; do
		increment "$turns" 3>&- & pids+=($!)
	done
	for n in "${pids[@]}"; do
		wait "$n"
	done
	assert_equal "$(cat "$T/root/n")" $((4 * turns))
}

@test "a conditional write on what has just been replaced does not undo that" {
	local pids=() n
	printf 0 >"$T/root/n"
	server -w -o durability=none -o access-log=no
	for n in 1 2; do
		perl -e "$(cat_perl)"' for (1 .. $turns) {
			my $b = get(); put($b . "+", "if=sha256:" . sha256_hex($b)); }' "$PORT" $((4 * ROUNDS)) 3>&- &
		pids+=($!)
	done
	perl -e "$(cat_perl)"' for (1 .. $turns) { put("T$_", ""); my $b = get();
		$b =~ /^T$_\+*$/ or die "T$_ was put, and $b is there"; }' "$PORT" "$ROUNDS" 3>&-
	for n in "${pids[@]}"; do
		wait "$n"
	done
}
