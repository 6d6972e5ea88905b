#!/usr/bin/env bats
# 65-sandbox - what a worker cannot do, even if somebody else commands it.
# t/evil is such a worker: it enters the sandbox by the function that workers enter it by.

bats_require_minimum_version 1.5.0
load helper
load dialog
load pool

KILLED=159	# 128 + SIGSYS

# Skips where this build, or this kernel, has no whole sandbox.
needs_sandbox()
{
	# A process that nobody may look into is no place for a look at leaks.
	run env ASAN_OPTIONS=detect_leaks=0 "$COFFER_BUILD/t/evil" serial ro "$T/root" nothing
	[[ $status != 2 ]] || skip "no whole sandbox here: $output"
}

# status_of PID FIELD: its line in /proc/PID/status.
status_of()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status" | xargs
}

# As root, also as an ordinary user.
everybody()
{
	WHO=("")
	cp "$COFFER_BUILD/t/evil" "$T/evil"
	[[ $(id -u) == 0 ]] || return 0
	chown nobody "$T/root"
	WHO+=("setpriv --reuid nobody --regid $(id -g nobody) --clear-groups")
}

# evil ACCESS DEED [ARGUMENT]: by each user; all must end alike.
evil()
{
	local who first=
	for who in "${WHO[@]}"; do
		run timeout 10 $who "$T/evil" "$MODEL" "$1" "$T/root" "${@:2}"
		assert_line --index 0 --regexp '^in: landlock [1-9][0-9]*, seccomp$'
		[[ -z $first || $status == "$first" ]] || fail "$*: $first as root, $status as $who"
		first=$status
	done
}

# killed ACCESS DEED CALL [ARGUMENT]: the deed is the last, and the call is named.
killed()
{
	evil "$1" "$2" "${@:4}"
	assert_equal "$2 $status" "$2 $KILLED"
	assert_line --regexp "^error: the sandbox ends this process: it made system call [0-9]+ \($3\), which is not on the list\$"
	refute_line done
}

# refused_with ERROR ACCESS DEED [ARGUMENT]
refused_with()
{
	evil "${@:2}"
	assert_line "no: $1"
}

allowed()
{
	evil "$@"
	assert_line done
}

# --- live workers

# bats test_tags=models:all
@test "every process and thread of a live server's workers is in the sandbox, respawned ones too" {
	local pid thread round
	needs_sandbox
	expect_deaths
	server -w
	grep -Eq '^sandbox: user [^ ,]+(, chroot)?, landlock [1-9][0-9]*, seccomp$' "$LOG"
	noise 300000 "$T/mine"
	for round in 1 2; do
		coffer put "$T/mine" /mine$round	# so that helper threads have begun
		dial
		for pid in $(workers) $(for pid in $(workers); do pgrep -P "$pid" || true; done); do
			for thread in "/proc/$pid/task/"*; do
				thread=${thread##*/}
				assert_equal "$(status_of "$thread" Seccomp)" 2
				assert_equal "$(status_of "$thread" NoNewPrivs)" 1
				assert_equal "$(status_of "$thread" CapEff)" 0000000000000000
				assert_equal "$(status_of "$thread" CapPrm)" 0000000000000000
				[[ $(id -u) != 0 ]] || assert_equal "$(status_of "$thread" CapBnd)" 0000000000000000
			done
			grep -Eq '^Max core file size +1 +1 ' "/proc/$pid/limits"
		done
		hang_up
		kill -KILL $(workers)
		wait_for pool_is "$WORKERS"
	done
}

@test "a worker that root started sees nothing but the served folder" {
	local pid
	[[ $(id -u) == 0 ]] || skip "only root can change its root folder"
	needs_sandbox
	server -w
	for pid in $(workers); do
		assert_equal "$(readlink "/proc/$pid/root")" "$T/root"
		assert_equal "$(readlink "/proc/$pid/cwd")" "$T/root"
	done
}

@test "where the log is syslog's there is no chroot, and the workers live" {
	needs_sandbox
	launch -l "unix:$T/socket" -n 2 -m "$MODEL" -o log=syslog "$T/root"
	wait_for test -S "$T/socket"
	echo hello >"$T/root/f"
	run -0 timeout "$PATIENCE" nc -NU "$T/socket" <<<$'GET /f\nGET /f\nGET /none\nQUIT'
	assert_line hello
	assert_line --regexp '^404 '
	assert_equal "$(readlink "/proc/$(workers | head -n 1)/root")" /
	run -0 pgrep -P "$PID"
	assert_equal "${#lines[@]}" 2
}

@test "-o sandbox=off leaves the user's rights alone, and says so" {
	local pid
	server -o sandbox=off
	grep -q '^warning: sandbox: user [^ ,]*, off$' "$LOG"
	for pid in $(workers); do
		assert_equal "$(status_of "$pid" Seccomp)" 0
		assert_equal "$(status_of "$pid" NoNewPrivs)" 1
	done
}

# --- a kernel that lacks something

@test "what the kernel lacks is told aloud at the start, and the rest is in force" {
	local pid
	needs_sandbox
	setsid "$COFFER_BUILD/t/without" landlock_create_ruleset "$COFFER_BUILD/cofferd" \
	    -f "$T/cofferd.conf" -l "unix:$T/socket" -n 2 "$T/root" </dev/null >"$T/log.1" 2>&1 3>&- &
	PID=$! LOG=$T/log.1
	SERVERS+=("$PID")
	LOGS+=("$LOG")
	wait_ready
	grep -q '^warning: sandbox: user [^ ,]*\(, chroot\)\?, no landlock: the kernel has none: .*, seccomp$' "$LOG"
	for pid in $(workers); do
		assert_equal "$(status_of "$pid" Seccomp)" 2
	done
}

@test "-o sandbox=required starts where all is there, and else says in a sentence why not, with status 71" {
	needs_sandbox
	server -o sandbox=required
	run -71 timeout "$PATIENCE" "$COFFER_BUILD/t/without" landlock_create_ruleset "$COFFER_BUILD/cofferd" \
	    -f "$T/cofferd.conf" -l coffer://127.0.0.1:0 -o sandbox=required "$T/root"
	assert_output --regexp '^cofferd: sandbox is required, and this is what can be had: no landlock: .*, seccomp$'
	run -71 timeout "$PATIENCE" "$COFFER_BUILD/t/without" landlock_restrict_self "$COFFER_BUILD/cofferd" \
	    -t -f "$T/cofferd.conf" -o sandbox=required "$T/root"
	assert_output --regexp ': no landlock: the kernel refuses it, seccomp$'
}

# --- what is stopped

# bats test_tags=models:all
@test "no file outside of the root can be opened, by no name" {
	needs_sandbox
	everybody
	echo inside >"$T/root/inside"
	echo outside >"$T/outside"
	chmod 644 "$T/root/inside" "$T/outside"
	ln -s "$T/outside" "$T/root/link"
	allowed rw open "$T/root/inside"
	refused_with EACCES rw open /etc/passwd
	refused_with EACCES rw open "$T/outside"
	refused_with EACCES rw open "$T/root/link"
	refused_with EACCES rw up outside
	refused_with EACCES rw open /proc/self/maps
	refused_with EACCES rw open /proc/self/root/etc/passwd
	refused_with EACCES rw open /dev/null
	refused_with EACCES rw make ../made
	assert_equal "$(echo "$T"/made*)" "$T/made*"
}

# bats test_tags=models:all
@test "the same for a worker that root started: it sees nothing else, and writes nothing" {
	[[ $(id -u) == 0 ]] || skip "only root can change its root folder"
	needs_sandbox
	WHO=("")
	cp "$COFFER_BUILD/t/evil" "$T/evil"
	echo inside >"$T/root/inside"
	echo outside >"$T/outside"
	ln -s "$T/outside" "$T/root/link"
	chmod 666 "$T/root/inside"
	chmod 777 "$T/root"
	allowed chroot open /inside
	refused_with ENOENT chroot open /etc/passwd
	refused_with ENOENT chroot open "$T/outside"
	refused_with ENOENT chroot open /link
	refused_with ENOENT chroot up outside
	refused_with ENOENT chroot open /proc/self/maps
	refused_with EACCES chroot open-write /inside
	refused_with EACCES chroot make made
	killed chroot truncate truncate /inside
	killed chroot remove unlinkat inside
	killed chroot exec execve
	killed chroot chroot chroot
	assert_equal "$(cat "$T/root/inside")" inside
}

# bats test_tags=models:all
@test "nothing changes in a tree that is served read-only; in a writable one no more than a store needs" {
	needs_sandbox
	everybody
	echo inside >"$T/root/inside"
	[[ $(id -u) != 0 ]] || chown nobody "$T/root/inside"
	refused_with EACCES ro make made
	killed ro fchmod fchmod inside
	killed ro fsetxattr fsetxattr inside
	killed ro remove unlinkat inside
	killed ro truncate truncate "$T/root/inside"
	refused_with EACCES ro open-write "$T/root/inside"
	refused_with EACCES ro open-truncate "$T/root/inside"
	killed ro link linkat "$T/root/inside"
	assert_equal "$(ls "$T/root")" inside
	allowed rw make made
	allowed rw fchmod inside
	killed rw symlink symlinkat inside
	killed rw fifo mknodat
	assert_equal "$(ls "$T/root" | sed 's/made\..*/made/' | uniq)" $'inside\nmade'
}

# bats test_tags=models:all
@test "no connection is made, and nobody is listened for" {
	needs_sandbox
	everybody
	killed rw connect socket
	killed rw udp socket
	killed rw raw socket
	killed rw netlink socket
	killed rw unix-stream socket
	killed rw reconnect connect
	killed rw listen connect
}

# bats test_tags=models:all
@test "with a socket for TFTP or syslog, no TCP connection is made all the same" {
	needs_sandbox
	everybody
	allowed udp udp
	killed udp connect socket
	killed udp raw socket
	killed udp netlink socket
	killed udp fastopen sendto
	refused_with EACCES udp unix-stream
	run "$T/evil" "$MODEL" udp "$T/root" nothing
	[[ $(sed -n 's/^in: landlock \([0-9]*\),.*/\1/p' <<<"$output") -ge 4 ]] ||
	    skip "the rest needs Landlock 4: $output"
	refused_with EACCES udp reconnect
	refused_with EACCES udp listen
}

# bats test_tags=models:all
@test "no program is executed, and no code made" {
	needs_sandbox
	everybody
	killed rw exec execve
	killed rw map-code mmap
	killed rw protect-code mprotect
}

@test "the authenticator opens no file, makes no connection and no process, and signals nobody" {
	needs_sandbox
	everybody
	echo inside >"$T/root/inside"
	chmod 644 "$T/root/inside"
	allowed secret thread
	refused_with EACCES secret open "$T/root/inside"
	refused_with EACCES secret open /etc/passwd
	refused_with ENOSYS secret clone3
	killed secret remove unlinkat inside
	killed secret connect socket
	killed secret udp socket
	killed secret reconnect connect
	killed secret exec execve
	killed secret fork clone
	killed secret ptrace ptrace
	killed secret read-memory process_vm_readv
	killed secret kill kill
	killed secret map-code mmap
}

# bats test_tags=models:all
@test "no other process is traced, read, or sent a signal" {
	needs_sandbox
	everybody
	killed rw ptrace ptrace
	killed rw read-memory process_vm_readv
	killed rw kill kill
	if [[ $MODEL == fork ]]; then
		refused_with EPERM rw tgkill
	else
		killed rw tgkill tgkill
	fi
}

# bats test_tags=models:all
@test "processes are made under fork alone, threads under thread and coroutine, namespaces under none" {
	needs_sandbox
	everybody
	refused_with ENOSYS rw clone3
	killed rw unshare unshare
	killed rw clone-namespace clone
	# The C library blocks all signals while it makes a thread: nothing is left to name the call.
	case $MODEL in
	fork)
		allowed rw fork
		evil rw thread
		assert_equal "$status" "$KILLED"
		;;
	serial)
		killed rw fork clone
		evil rw thread
		assert_equal "$status" "$KILLED"
		;;
	*)
		allowed rw thread
		killed rw fork clone
		;;
	esac
}

@test "the sandbox is not left: no user, limit, handler or root folder is changed" {
	needs_sandbox
	everybody
	killed rw setuid setuid
	killed rw chroot chroot
	killed rw setrlimit prlimit64
	killed rw catch-sigsys rt_sigaction
	killed rw io_uring io_uring_setup
	killed rw mount mount
	killed rw userfaultfd userfaultfd
	allowed rw getrlimit
}
