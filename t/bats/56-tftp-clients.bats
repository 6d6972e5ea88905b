#!/usr/bin/env bats
# 56-tftp-clients - the TFTP clients that people have, against the server: what they get is what is
# there, what they put is what they have.  Which of them are installed is asked; a missing one is
# skipped aloud.
# t/run: takes long

bats_require_minimum_version 1.5.0
load helper
load dialog
load tftp

SIZES='0 511 512 513'

need()
{
	command -v "$1" >/dev/null || skip "$1 is not installed (Debian: $2)"
}

# round_trips GET PUT SIZE...: both commands are called with a remote and a local name.
round_trips()
{
	local size
	WORKERS=6 tftp_server -w
	for size in "${@:3}"; do
		if ((size > 1000000)); then
			truncate -s "$size" "$T/mine"
			noise 300000 | dd of="$T/mine" bs=100000 seek=5 conv=notrunc status=none
		else
			noise "$size" "$T/mine"
		fi
		cp "$T/mine" "$T/root/there"
		rm -f "$T/got"
		timeout -k 5 50 "$1" there "$T/got" 3>&-
		cmp "$T/mine" "$T/got"
		timeout -k 5 50 "$2" "put$size" "$T/mine" 3>&-
		wait_for cmp -s "$T/mine" "$T/root/put$size" || cmp "$T/mine" "$T/root/put$size"
		rm -f "$T/root/put$size"
	done
	stop_server
}

# Commands for timeout(1) are programs: small scripts.
script()
{
	printf '#!/bin/bash\ncd "%s"\n%s\n' "$T" "$2" >"$T/$1"
	chmod +x "$T/$1"
}

# in_both_ports GET PUT SIZE...: $PORT in the scripts is the environment's.
in_both_ports()
{
	for SINGLE in no yes; do
		export TPORT
		round_trips "$@"
	done
}

# in_one_port SINGLE GET PUT SIZE...: for what takes long.
in_one_port()
{
	export TPORT
	SINGLE=$1 round_trips "${@:2}"
}

curl_scripts()
{
	need curl curl
	curl -V | grep -qw tftp || skip 'this curl speaks no TFTP'
	script get "exec curl -sS $1 -o \"\$2\" tftp://127.0.0.1:\$TPORT/\$1"
	script put "exec curl -sS $1 -T \"\$2\" tftp://127.0.0.1:\$TPORT/\$1"
}

# bats test_tags=models:all
@test "curl gets and puts, with and without options" {
	curl_scripts ''
	in_both_ports "$T/get" "$T/put" $SIZES
	curl_scripts --tftp-no-options
	in_both_ports "$T/get" "$T/put" $SIZES
	curl_scripts '--tftp-blksize 1468'
	in_both_ports "$T/get" "$T/put" 1467 1468 100000
}

@test "curl gets and puts 40 MiB in blocks of 1,468 bytes" {
	curl_scripts '--tftp-blksize 1468'
	in_one_port yes "$T/get" "$T/put" 41943040
}

atftp_scripts()
{
	need atftp atftp
	script get "exec atftp $1 -g -r \"\$1\" -l \"\$2\" 127.0.0.1 \$TPORT >/dev/null"
	script put "exec atftp $1 -p -r \"\$1\" -l \"\$2\" 127.0.0.1 \$TPORT >/dev/null"
}

# bats test_tags=models:all
@test "atftp gets and puts, with and without options" {
	atftp_scripts ''
	in_both_ports "$T/get" "$T/put" $SIZES
	atftp_scripts '--option "tsize 0" --option "blksize 1468" --option "windowsize 16"'
	in_both_ports "$T/get" "$T/put" 511 1468 100000
}

@test "atftp gets and puts 40 MiB in blocks of 1,468 bytes, in windows of 16" {
	atftp_scripts '--option "blksize 1468" --option "windowsize 16"'
	in_one_port no "$T/get" "$T/put" 41943040
}

hpa_scripts()
{
	need /usr/bin/tftp tftp-hpa
	/usr/bin/tftp -V 2>&1 | grep -q hpa || skip 'the tftp here is not tftp-hpa'
	script get "exec /usr/bin/tftp -m $1 127.0.0.1 \$TPORT -c get \"\$1\" \"\$2\""
	script put "exec /usr/bin/tftp -m $1 127.0.0.1 \$TPORT -c put \"\$2\" \"\$1\""
}

# bats test_tags=models:all
@test "tftp-hpa gets and puts" {
	hpa_scripts binary
	in_both_ports "$T/get" "$T/put" $SIZES
}

@test "tftp-hpa gets and puts 40 MiB, in blocks of 512 bytes" {
	hpa_scripts binary
	in_one_port no "$T/get" "$T/put" 41943040
}

# bats test_tags=models:all
@test "tftp-hpa gets and puts text" {
	hpa_scripts ascii
	WORKERS=4 tftp_server -w
	export TPORT
	printf 'a line\nand a \r in one\n\n' >"$T/mine"
	cp "$T/mine" "$T/root/there"
	timeout -k 5 50 "$T/get" there "$T/got" 3>&-
	cmp "$T/mine" "$T/got"
	timeout -k 5 50 "$T/put" up "$T/mine" 3>&-
	wait_for cmp -s "$T/mine" "$T/root/up" || cmp "$T/mine" "$T/root/up"
}

busybox_scripts()
{
	need busybox busybox
	busybox --list | grep -qx tftp || skip 'this busybox has no tftp'
	script get "exec busybox tftp $1 -g -r \"\$1\" -l \"\$2\" 127.0.0.1 \$TPORT 2>/dev/null"
	script put "exec busybox tftp $1 -p -r \"\$1\" -l \"\$2\" 127.0.0.1 \$TPORT 2>/dev/null"
}

# bats test_tags=models:all
@test "busybox gets and puts, with and without options" {
	busybox_scripts ''
	in_both_ports "$T/get" "$T/put" $SIZES
	busybox_scripts '-b 1468'
	in_both_ports "$T/get" "$T/put" 511 1468 100000
}

@test "busybox gets and puts 40 MiB in blocks of 1,468 bytes" {
	busybox_scripts '-b 1468'
	in_one_port yes "$T/get" "$T/put" 41943040
}
