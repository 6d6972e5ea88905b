#!/usr/bin/env bats
# 32-evil-names - names that are meant to get out of the served folder, in every protocol.
# bats file_tags=models:all

bats_require_minimum_version 1.5.0
load helper
load dialog
load http
load tftp
load names

# begin: a writable server of every protocol, with what the names are after; $T/names.
begin()
{
	evil_tree
	server -w -l http://127.0.0.1:0 -l tftp://127.0.0.1:0
	WEB_PORT=$(sed -nE 's|.*listening on http://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	WEB=http://127.0.0.1:$WEB_PORT
	TPORT=$(sed -nE 's|.*listening on tftp://127\.0\.0\.1:([0-9]+).*|\1|p' "$LOG" | head -n 1)
	evil_names >"$T/names"
	(($(wc -l <"$T/names") > 100))
	(cd "$T" && find root etc ! -name lock -printf '%p %s %m\n' | sort) >"$T/before"
}

# untouched FILE...: nothing was read that is outside, nothing written anywhere, and the server is well.
untouched()
{
	run ! grep -a 'nobody must see' "$@"
	run ! grep -aq 'root:' "$@"
	(cd "$T" && find root etc ! -name lock -printf '%p %s %m\n' | sort) | diff "$T/before" -
	assert_equal "$(ask 'GET /f' QUIT | sed -n 3p)" good
}

# bytes: the names of stdin as bytes in hexadecimal, one a line.
bytes()
{
	perl -ne 'chomp; s/%([0-9A-Fa-f]{2})/chr hex $1/ge; print unpack("H*", $_), "\n"'
}

# judge REGEX-BAD REGEX-NONE REGEX-LINK REGEX-LONG: what is in $T/got, line by line, is an answer for the
# kind of name in $T/kinds.
judge()
{
	assert_equal "$(wc -l <"$T/got")" "$(wc -l <"$T/kinds")"
	paste -d ' ' "$T/kinds" "$T/got" | cut -c 1-300 >"$T/pairs"
	grep -avE "^bad $1|^none $2|^link $3|^long $4" "$T/pairs" >"$T/odd" || true
	assert_equal "$(cat "$T/odd")" ''
}

@test "the native protocol: no request by an evil name does anything" {
	local kind name
	begin
	while read -r kind name; do
		printf "$kind %s\n" "LIST $name" "STAT $name" "GET $name" "HASH $name" "PUT $name/y size=1 wait" \
		    "PUT $name/y size=1 resume" "MKDIR $name/y"
		# Links are things of the tree, and can be removed.
		[[ $kind == link ]] || printf "$kind %s\n" "DELETE $name" "RMDIR $name" "SET $name mode=0777" \
		    "MOVE $name /x" "COPY $name /x" "COPY /f $name/y"
	done <"$T/names" >"$T/asked"
	cut -d ' ' -f 1 "$T/asked" >"$T/kinds"
	cut -d ' ' -f 2- "$T/asked" | replies >"$T/got"
	judge '40[04] ' '(404 |400 .*4095)' '40[34] ' '40[04] '
	untouched "$T/got"
}

@test "HTTP: GET and HEAD of an evil name give nothing" {
	local how
	begin
	cut -d ' ' -f 1 "$T/names" >"$T/kinds"
	sed 's|^[a-z]* \(.*\)|url = "'"$WEB"'\1"|' "$T/names" >"$T/config"
	for how in -si -sI; do
		timeout 60 curl -q "$how" --noproxy '*' --path-as-is --globoff -m "$PATIENCE" -K "$T/config" >"$T/replies"
		grep -a '^HTTP/1.1 ' "$T/replies" | cut -d ' ' -f 2- | tr -d '\r' >"$T/got"
		judge '40[04] ' '404 ' '40[34] ' '4(00|04|14) '
		untouched "$T/replies"
	done
}

@test "TFTP: neither a read nor a write of an evil name does anything" {
	local opcode
	begin
	# A NUL ends a name here, and a request has less room.  What is written replaces a link, and does not follow it.
	for opcode in 1 2; do
		grep -av '%00' "$T/names" | awk -v opcode=$opcode \
		    'length($2) < 600 && !(opcode == 2 && $1 == "link" && split($2, part, "/") == 2)' >"$T/some"
		cut -d ' ' -f 1 "$T/some" >"$T/kinds"
		cut -d ' ' -f 2 "$T/some" | bytes |
		    sed "s/.*/fresh\nask 000$opcode & 00 \"octet\" 00\ntext 5000/" | tftp talk >"$T/got"
		judge '5 [12] ' '5 [12] ' '5 [12] ' '5 [12] '
		untouched "$T/got"
	done
}
