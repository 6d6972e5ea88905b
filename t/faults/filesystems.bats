#!/usr/bin/env bats
# filesystems - the fault bench on each file system that can be mounted here.
#
# A part of the long form: make check-faults.

bats_require_minimum_version 1.5.0
load ../bats/helper
load ../bats/dialog
load faults

CUTS=${CUTS:-100}
KILLS=${KILLS:-50}

teardown()
{
	local status=0
	coffer_teardown_mounted || status=$?
	coffer_teardown || status=$?
	return $status
}

# Servers first: a mount that is in use stays.
coffer_teardown_mounted()
{
	local pid
	[[ -n ${MOUNTED:-} ]] || return 0
	for pid in "${SERVERS[@]}"; do
		end_server "$pid" || true
	done
	SERVERS=()
	umount "$MOUNTED" || umount -l "$MOUNTED"
}

# mounted TYPE: a file system of this type, of 1 GiB, with $ROOT on it.
mounted()
{
	[[ $(id -u) == 0 ]] || skip "only root can mount"
	mkdir "$T/mnt"
	if [[ $1 == tmpfs ]]; then
		mount -t tmpfs -o size=1g none "$T/mnt" || skip "tmpfs cannot be mounted here"
	else
		command -v "mkfs.$1" >/dev/null || skip "mkfs.$1 is not installed"
		truncate -s 1G "$T/image"
		"mkfs.$1" -q "$T/image" >"$T/mkfs" 2>&1 || { cat "$T/mkfs"; return 1; }
		mount -o loop -t "$1" "$T/image" "$T/mnt" 2>"$T/mkfs" || skip "$1 cannot be mounted here: $(<"$T/mkfs")"
	fi
	MOUNTED=$T/mnt
	ROOT=$T/mnt/root
	mkdir "$ROOT"
}

suite()
{
	local WORKERS=1
	mounted "$1"
	echo "on $1:" | tell
	sweep_server
	sweep -x huge ENOSPC EIO EINTR short
	stop_server
	WORKERS=3
	sweep_server
	sweep -x huge kill
	stop_server
	find "$ROOT" -mindepth 1 -delete
	load_and_cut $((CUTS / 4)) 60
	tell <"$T/cuts"
	find "$ROOT" -mindepth 1 -delete
	kill_at_random $((KILLS / 10)) -w -o respawn-delay-max=100ms -o quarantine=0
	find "$ROOT" -mindepth 1 -delete
	full
}

# The disk is full for once, truly: nothing half, the answer is 507, and all is well afterwards.
full()
{
	local n
	server -w
	noise 30000000 "$T/big"
	for ((n = 0; n < 60; n++)); do
		put "$T/big" "/$n" | replies >"$T/reply"
		[[ $(<"$T/reply") == 201* ]] || break
	done
	assert_regex "$(<"$T/reply")" '^507 '
	((n > 10)) || fail "the disk is full after $n files"
	[[ ! -e $ROOT/$n ]] || fail "what was refused is there"
	for ((n--; n >= 0; n--)); do
		cmp "$T/big" "$ROOT/$n"
	done
	assert_equal "$(staged)" ''
	run -0 ask 'DELETE /0' 'DELETE /1' 'DELETE /2'
	put "$T/big" /0 | replies >"$T/reply"
	assert_regex "$(<"$T/reply")" '^201 '
	stop_server
}

@test "faults, power cuts and kills on ext4" {
	suite ext4
}

@test "faults, power cuts and kills on xfs" {
	suite xfs
}

@test "faults, power cuts and kills on btrfs" {
	suite btrfs
}

@test "faults, power cuts and kills on tmpfs" {
	suite tmpfs
}
