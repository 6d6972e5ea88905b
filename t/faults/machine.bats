#!/usr/bin/env bats
# machine - a virtual machine serves an ext4 and is killed, many times; what was acknowledged is on its
# disk.  This catches what no layer can: what the kernel itself has not yet written.
#
# A part of the long form: make check-faults.  It needs root, qemu-system-x86_64, busybox-static, cpio,
# kmod, and Debian's cloud kernel: the package as $FAULTS_KERNEL, or to be had by apt-get.
#
# MACHINES=N sets how many times (20).

bats_require_minimum_version 1.5.0
load ../bats/helper
load ../bats/dialog
load faults

MACHINES=${MACHINES:-20}

teardown()
{
	[[ -z ${QEMU:-} ]] || kill -KILL "$QEMU" 2>/dev/null || true
	[[ -z ${LOAD:-} ]] || kill_tree "$LOAD"
	! mountpoint -q "$T/mnt" || umount "$T/mnt"
	coffer_teardown
}

need_machine()
{
	local what
	[[ $(id -u) == 0 ]] || skip "only root can mount the disk"
	for what in qemu-system-x86_64 busybox cpio depmod mkfs.ext4 dpkg-deb perl; do
		command -v "$what" >/dev/null || skip "$what is not installed"
	done
	! ldd "$(command -v busybox)" >/dev/null 2>&1 || skip "needs busybox-static"
	mkdir "$T/kernel"
	if [[ -z ${FAULTS_KERNEL:-} ]]; then
		what=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -nE 's/.*Depends: (linux-image-[0-9].*)/\1/p')
		[[ -n $what ]] && (cd "$T/kernel" && timeout 120 apt-get -q download "$what" >/dev/null 2>&1) ||
		    skip "no cloud kernel is to be had by apt-get"
		FAULTS_KERNEL=$(echo "$T"/kernel/*.deb)
	fi
	dpkg-deb -x "$FAULTS_KERNEL" "$T/kernel"
}

# library_of PROGRAM...: what it needs to start.
libraries_of()
{
	ldd "$@" | grep -oE '/[^ ]+' | grep -v ':$' | sort -u
}

# Everything that the machine has in memory.
make_initramfs()
{
	local r=$T/initramfs version file
	version=$(ls "$T/kernel/lib/modules")
	mkdir -p "$r"/{bin,proc,sys,dev,srv,tmp,etc,lib/modules}
	cp "$(command -v busybox)" "$r/bin/"
	cp "$COFFER_BUILD/cofferd" "$BENCH/orders" "$BENCH/layer.so" "$r/bin/"
	for file in $(libraries_of "$COFFER_BUILD/cofferd" "$BENCH/orders" "$BENCH/layer.so"); do
		mkdir -p "$r${file%/*}"
		cp -L "$file" "$r$file"
	done
	# Of the modules, those of the disk, the network and ext4, with what they need.
	depmod -b "$T/kernel" "$version"
	for file in virtio_pci virtio_blk virtio_net ext4 crc32c_generic; do
		modprobe -d "$T/kernel" -S "$version" --show-depends "$file" 2>/dev/null | sed -n 's/^insmod //p'
	done | awk '!seen[$1]++ { print $1 }' >"$T/modules"
	while read -r file; do
		cp "$file" "$r/lib/modules/"
		echo "${file##*/}"
	done <"$T/modules" >"$r/lib/modules/order"
	echo 'root:x:0:0::/:/bin/sh
nobody:x:65534:65534::/:/bin/false' >"$r/etc/passwd"
	echo 'root:x:0:
nogroup:x:65534:' >"$r/etc/group"
	cat >"$r/init" <<-'INIT'
		#!/bin/busybox sh
		/bin/busybox --install -s /bin
		mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
		mount -t tmpfs none /tmp
		while read -r m; do insmod /lib/modules/$m; done </lib/modules/order
		ip link set lo up
		ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.2
		mount -t ext4 /dev/vda /srv
		lie=$(sed -n 's/.*lie=\([a-z]*\).*/\1/p' /proc/cmdline)
		if [ -n "$lie" ]; then
			orders -r -m 100 -l $lie /tmp/faults
			export LD_PRELOAD=/bin/layer.so COFFER_FAULTS=/tmp/faults
		fi
		exec cofferd -f /dev/null -l coffer://10.0.2.15:26333 -n 2 -w -o access-log=no /srv/root
	INIT
	chmod 755 "$r/init"
	(cd "$r" && find . | cpio -o -H newc --quiet) >"$T/initrd"
}

# boot KERNEL-ARGUMENT: on a disk with an empty folder.
boot()
{
	PORT=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport')
	rm -f "$T/disk"
	truncate -s 128M "$T/disk"
	mkdir -p "$T/empty/root"
	chmod 777 "$T/empty/root"
	mkfs.ext4 -q -d "$T/empty" "$T/disk"
	qemu-system-x86_64 -machine accel=tcg -m 384 -display none -monitor none -serial "file:$T/console" -no-reboot \
	    -kernel "$T"/kernel/boot/vmlinuz-* -initrd "$T/initrd" -append "console=ttyS0 quiet panic=-1 $1" \
	    -drive "file=$T/disk,if=virtio,format=raw" -netdev "user,id=n,hostfwd=tcp:127.0.0.1:$PORT-:26333" \
	    -device virtio-net-pci,netdev=n >"$T/qemu" 2>&1 3>&- &
	QEMU=$!
	PATIENCE=90 wait_for serves_or_dead
	grep -q 'ready: ' "$T/console" || {
		tail -n 20 "$T/console" "$T/qemu"
		return 1
	}
}

serves_or_dead()
{
	grep -q 'ready: ' "$T/console" || gone "$QEMU"
}

# crash LIE: a machine that is killed while clients work; or, with a lie, just after they have done a
# little, before the kernel writes everything by itself.  Whether all is well; the verdict is in $T/checked.
crash()
{
	local status=0 requests=100000
	[[ -z $1 ]] || requests=4
	boot "${1:+lie=$1}"
	rm -f "$T/journal"
	"$BENCH/load" -k -c 4 -n "$requests" -s "$RANDOM" -t 60 -j "$T/journal" "$PORT" >"$T/load" 2>&1 3>&- &
	LOAD=$!
	if [[ -z $1 ]]; then
		pause "$((1 + RANDOM % 3)).$((RANDOM % 10))"
	else
		wait "$LOAD"
	fi
	kill -KILL "$QEMU"
	wait "$QEMU" 2>/dev/null || true
	kill_tree "$LOAD"
	wait "$LOAD" 2>/dev/null || true
	QEMU= LOAD=
	! grep -vE 'no connection any more|^client ' "$T/load" || return 2
	mkdir -p "$T/mnt"
	mount -o loop -t ext4 "$T/disk" "$T/mnt"
	"$BENCH/check" "$T/mnt/root" "$T/journal" >"$T/checked" || status=$?
	umount "$T/mnt"
	return $status
}

@test "a machine is killed: what was acknowledged is on its disk, whole" {
	local n acknowledged=0
	need_layer
	need_machine
	make_initramfs
	RANDOM=${SEED: -4}
	for ((n = 0; n < MACHINES; n++)); do
		crash '' || { cat "$T/checked"; fail "after the crash of machine $n (seed $SEED)"; }
		acknowledged=$((acknowledged + $(sed -nE 's/^([0-9]+) requests were.*/\1/p' "$T/checked")))
	done
	((acknowledged > 0)) || fail "nothing was acknowledged"
	echo "$n machines were killed (seed $SEED): all of $acknowledged acknowledged requests were kept" | tell
}

@test "a machine whose server forgets to fsync is found out" {
	local lie n caught status
	need_layer
	need_machine
	make_initramfs
	RANDOM=${SEED: -4}
	for lie in folder file; do
		caught=0
		for ((n = 1; n <= 5 && caught == 0; n++)); do
			status=0
			crash "$lie" || status=$?
			((status != 1)) || caught=$n
			((status < 2)) || fail "$(cat "$T/load" "$T/checked")"
		done
		((caught > 0)) || fail "5 machines without the fsync of a $lie were killed, and nothing was missing"
		echo "without the fsync of a $lie, found by machine $caught: $(head -n 1 "$T/checked")" | tell
	done
}
