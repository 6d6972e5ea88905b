#!/usr/bin/perl
# memory.pl PID WORD...: prints those of the words that are in the process's writable memory, or in
# what it has of its program.
use strict;
my ($pid, @words) = @ARGV;
my %found;
open(my $maps, "<", "/proc/$pid/maps") or die "maps: $!";
open(my $mem, "<:raw", "/proc/$pid/mem") or die "mem: $!";
open(my $pages, "<:raw", "/proc/$pid/pagemap");
my $page = `getconf PAGESIZE`;

# Whether any page there is in memory, or in swap.
sub touched
{
	my ($at, $len) = @_;
	defined $pages && sysseek($pages, $at / $page * 8, 0) or return 1;
	sysread($pages, my $bits, $len / $page * 8) or return 1;
	return scalar grep { $_ >> 62 } unpack("Q*", $bits);
}

while (<$maps>) {
	my ($from, $to, $rights, $what) = /^(\w+)-(\w+) (\S+) \S+ \S+ \S+\s*(.*)/ or next;
	next if $rights !~ /^r/ || $what =~ /^\[v/ || $what =~ /\.so/;
	my ($at, $end, $last) = (hex $from, hex $to, "");
	next if $end - $at > 64 << 30;	# the shadow of a sanitizer
	while ($at < $end) {
		my $len = $end - $at < 1 << 20 ? $end - $at : 1 << 20;
		# Stacks, and tables of many sessions, are mostly holes.
		if ($end - (hex $from) > 16 << 20 && !touched($at, $len)) {
			($at, $last) = ($at + $len, "");
			next;
		}
		sysseek($mem, $at, 0) or last;
		my $n = sysread($mem, my $bytes, $len) or last;
		my $text = $last . $bytes;
		for my $word (@words) {
			$found{$word} = 1 if index($text, $word) >= 0;
		}
		$last = substr($text, -256);
		$at += $n;
	}
}
print "$_\n" for sort keys %found;
