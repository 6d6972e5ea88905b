#!/usr/bin/env bats
# 4c-install - what make install puts into the places of other programs.

bats_require_minimum_version 1.5.0
load helper
load dialog

# installed: everything but the programs, in $T/inst.
installed()
{
	[[ -e $COFFER_BUILD/Makefile ]] || skip "there is no Makefile in the build folder"
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$COFFER_BUILD" install-data \
	    DESTDIR="$T/inst" prefix=/usr sysconfdir=/etc >/dev/null
}

# complete WORD...: what bash proposes for the last of these words of a command line.
complete_line()
{
	bash -c '
		source "$1/etc/completion/coffer.bash"
		PATH=$2:$PATH
		COMP_WORDS=("${@:3}") COMP_CWORD=$(($# - 3))
		"_$3"
		printf "%s\n" "${COMPREPLY[@]}"' - "$COFFER_SOURCE" "$COFFER_BUILD" "$@"
}

@test "units, sysusers, tmpfiles, logrotate, completions and the dashboard are installed, with the names they must have" {
	local file
	installed
	for file in usr/lib/systemd/system/coffer.{service,socket} usr/lib/sysusers.d/coffer.conf \
	    usr/lib/tmpfiles.d/coffer.conf etc/logrotate.d/coffer \
	    usr/share/bash-completion/completions/{coffer,cofferctl,cofferd} \
	    usr/share/zsh/site-functions/_coffer usr/share/coffer/coffer.grafana.json \
	    usr/share/fish/vendor_completions.d/{coffer,cofferctl,cofferd}.fish; do
		assert_file_exist "$T/inst/$file"
		refute grep -H '@[a-z]*dir@' "$T/inst/$file"
	done
	grep -q '^ExecStart=/.*/cofferd ' "$T/inst/usr/lib/systemd/system/coffer.service"
}

@test "systemd finds no fault in the units" {
	command -v systemd-analyze >/dev/null || skip "needs systemd-analyze"
	installed
	cd "$T/inst/usr/lib/systemd/system"
	sed -i "s|^ExecStart=[^ ]*|ExecStart=$COFFER_BUILD/cofferd|" coffer.service
	run systemd-analyze verify --man=no ./coffer.service ./coffer.socket
	# An older one does not know the newest words; nothing else may be wrong.
	output=$(grep -F coffer. <<<"$output" | grep -vE 'notify-reload|[Uu]nknown system call' || true)
	assert_output ''
}

@test "logrotate takes the file" {
	command -v logrotate >/dev/null || skip "needs logrotate"
	installed
	run -0 logrotate -d -s "$T/state" "$T/inst/etc/logrotate.d/coffer"
	refute_output --partial error
}

@test "bash completes commands, options, names on the server, sessions and keys" {
	server
	mkdir "$T/root/folder" "$T/root/other"
	: >"$T/root/folder/file"
	assert_equal "$(complete_line coffer mk)" mkdir
	assert_equal "$(complete_line coffer get --recu)" --recursive
	assert_equal "$(complete_line coffer get /fol)" /folder
	assert_equal "$(complete_line coffer get /folder/f)" /folder/file
	assert_equal "$(complete_line cofferctl rel)" reload
	assert_equal "$(complete_line cofferctl --js)" --json
	assert_equal "$(complete_line cofferd -o sessions-per-w)" sessions-per-worker=
	assert_equal "$(complete_line cofferd -m co)" coroutine
	assert_equal "$(cd "$T" && complete_line cofferd ro)" root
	dial
	say 'STAT /'
	expect '^200 '
	assert_equal "$(complete_line cofferctl kick '')" "$(ctl --json who | jq -r '.[].session')"
}

@test "zsh and fish find no fault in their completions" {
	local file some=
	if command -v zsh >/dev/null; then
		some=yes
		zsh -n "$COFFER_SOURCE/etc/completion/coffer.zsh"
	fi
	if command -v fish >/dev/null; then
		some=yes
		for file in "$COFFER_SOURCE"/etc/completion/*.fish; do
			fish --no-execute "$file"
		done
	fi
	[[ -n $some ]] || skip "needs zsh or fish"
}
