/* sandbox_seccomp - which system calls a worker can make.
 * A list of what may be called; whoever makes another call dies of SIGSYS, and the log names the
 * call.  Calls that a C library only tries, and has another way for, are answered instead. */

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/nitems.h"
#include "server/sandbox_int.h"
#include "server/signals.h"

#define CALLS_MAX	512	/* numbers of system calls whose names are known */
#define NAMES_SIZE	8192	/* bytes of these names */

#ifndef SOL_TLS
#define SOL_TLS		282
#endif

/* Calls without whose arguments the kernel keeps a bitmap (since Linux 5.11): they cost next to
 * nothing.  So what a transfer calls all the time is asked for no argument, if that can be. */

/* What every worker may call, whatever the arguments. */
static const char *const always[] = {
	/* bytes */
	"read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "sendfile", "recvfrom",
	"recvmsg", "recvmmsg", "lseek", "close", "shutdown",
	/* names, beneath the root by openat2(2) and Landlock */
	"openat", "openat2", "fstat", "newfstatat", "statx", "statfs", "fstatfs", "getdents64",
	"fgetxattr", "faccessat", "fadvise64", "readlinkat",
	/* waiting */
	"poll", "ppoll", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2",
	"signalfd4", "pipe2", "futex", "nanosleep", "clock_nanosleep", "restart_syscall", "sched_yield",
	"alarm", "setitimer", "wait4", "waitid",
	/* connections */
	"accept4", "getsockopt", "getsockname", "getpeername",
	/* memory */
	"brk", "munmap", "mremap", "madvise",
	/* descriptors */
	"dup", "dup2", "dup3", "close_range",
	/* itself */
	"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "clock_gettime",
	"clock_getres", "gettimeofday", "time", "getrandom", "getrusage", "uname", "sysinfo", "getcpu",
	"sched_getaffinity", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	"set_robust_list", "rseq", "membarrier", "exit", "exit_group",
};

/* What the authenticator may call, which opens nothing: it is handed its file. */
static const char *const secret[] = {
	"read", "write", "writev", "recvfrom", "recvmsg", "lseek", "close", "fstat", "newfstatat",
	"poll", "ppoll", "futex", "nanosleep", "clock_nanosleep", "restart_syscall", "sched_yield",
	"brk", "munmap", "mremap", "madvise", "dup3",
	"getpid", "gettid", "clock_gettime", "gettimeofday", "time", "getrandom", "getcpu",
	"sched_getaffinity", "setpriority", "rt_sigprocmask", "rt_sigreturn", "sigaltstack",
	"set_robust_list", "rseq", "membarrier", "exit", "exit_group",
};

/* What one that serves a writable tree may call besides. */
static const char *const writing[] = {
	"pwrite64", "pwritev", "pwritev2", "ftruncate", "fallocate", "fsync", "fdatasync", "syncfs",
	"sync_file_range", "copy_file_range", "splice", "flock", "fchmod", "fchmodat", "utimensat", "fsetxattr",
	"fremovexattr", "mkdirat", "unlinkat", "renameat", "renameat2", "linkat",
};

/* With a socket of its own: for TFTP, or to the system's log. */
static const char *const dialling[] = { "bind", "connect" };

/* What is answered, for the C library or another one asks and goes another way. */
static const struct {
	const char	*name;
	int		 error;
} answered[] = {
	{ "clone3", ENOSYS },		/* its flags are out of reach; then it is clone(2) */
	{ "ioctl", ENOTTY },		/* stdio asks whether it writes to a terminal */
	{ "epoll_pwait2", ENOSYS },
	{ "faccessat2", ENOSYS },
	{ "fchmodat2", ENOSYS },
	{ "futex_waitv", ENOSYS },
	{ "cachestat", ENOSYS },
	{ "mseal", ENOSYS },
};

/* How these are called is asked, too. */
static const int fcntls[] = {
	F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETLK, F_SETLKW, F_GETLK,
	F_OFD_SETLK, F_OFD_SETLKW, F_OFD_GETLK, F_SETPIPE_SZ, F_GETPIPE_SZ,
};
static const int prctls[] = { PR_SET_PDEATHSIG, PR_SET_NAME, PR_GET_NAME };
static const int levels[] = { SOL_SOCKET, IPPROTO_TCP, IPPROTO_IP, IPPROTO_IPV6, SOL_TLS };
static const int deadly[] = { SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };

#define NAMESPACES	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
			    CLONE_NEWPID | CLONE_NEWNET)
#if defined(__s390x__)
#define CLONE_FLAGS	SCMP_A1_64
#else
#define CLONE_FLAGS	SCMP_A0_64
#endif

/* Names of calls by their numbers, for a handler that may not ask. */
static char names[NAMES_SIZE];
static uint16_t name_at[CALLS_MAX];	/* its offset in names; 0: not known */
static struct sigaction before;		/* whoever else wants to hear of it */

static void
learn_names(void)
{
	size_t at = 1, len;
	char *name;
	int i;

	for (i = 0; i < CALLS_MAX; i++) {
		if ((name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i)) == NULL)
			continue;
		len = strlen(name) + 1;
		if (at + len <= sizeof(names)) {
			memcpy(names + at, name, len);
			name_at[i] = (uint16_t)at;
			at += len;
		}
		free(name);
	}
}

/* The kernel has not done what was asked.  The handler is spent: the signal is deadly now, also to
 * the one who was to hear of it before us, and is heard now. */
static void
on_denied(int number, siginfo_t *info, void *context)
{
	int call = info->si_syscall;
	char line[160];

	(void)snprintf(line, sizeof(line), "the sandbox ends this process: it made system call %d (%s), "
	    "which is not on the list", call,
	    call >= 0 && call < CALLS_MAX && name_at[call] != 0 ? names + name_at[call] : "unknown");
	log_last(line);
	if ((before.sa_flags & SA_SIGINFO) != 0)
		before.sa_sigaction(number, info, context);
	(void)raise(number);
	_exit(128 + number);
}

static int
catch_denied(void)
{
	struct sigaction action = {
		.sa_sigaction = on_denied,
		.sa_flags = SA_SIGINFO | SA_RESETHAND | SA_NODEFER | SA_ONSTACK,
	};

	learn_names();
	return sigaction(SIGSYS, &action, &before);
}

/* A call that this architecture, or this libseccomp, does not have is none to allow. */
static int
add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned n,
    const struct scmp_arg_cmp *args)
{
	int call = seccomp_syscall_resolve_name(name);

	return call < 0 ? 0 : seccomp_rule_add_array(filter, action, call, n, args);
}

static int
allow(scmp_filter_ctx filter, const char *const *list, size_t n)
{
	int error = 0;

	for (size_t i = 0; i < n && error == 0; i++)
		error = add(filter, SCMP_ACT_ALLOW, list[i], 0, NULL);
	return error;
}

/* The call with one of these values as that argument. */
static int
allow_one_of(scmp_filter_ctx filter, const char *name, unsigned arg, const int *values, size_t n)
{
	int error = 0;

	for (size_t i = 0; i < n && error == 0; i++) {
		struct scmp_arg_cmp is = SCMP_CMP32(arg, SCMP_CMP_MASKED_EQ, 0xffffffffU, (uint32_t)values[i]);

		error = add(filter, SCMP_ACT_ALLOW, name, 1, &is);
	}
	return error;
}

/* The call, unless that argument has one of these bits. */
static int
allow_without(scmp_filter_ctx filter, const char *name, unsigned arg, unsigned bits)
{
	struct scmp_arg_cmp without = SCMP_CMP64(arg, SCMP_CMP_MASKED_EQ, bits, 0);

	return add(filter, SCMP_ACT_ALLOW, name, 1, &without);
}

/* fork(2) as the C library makes it, or threads; never into namespaces. */
static int
allow_clone(scmp_filter_ctx filter, const struct sandbox_opts *opts)
{
	const struct scmp_arg_cmp process = CLONE_FLAGS(SCMP_CMP_EQ,
	    CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD);
	const struct scmp_arg_cmp thread = CLONE_FLAGS(SCMP_CMP_MASKED_EQ, CLONE_THREAD | NAMESPACES,
	    CLONE_THREAD);
	int error = 0;

	if (opts->forks)
		error = add(filter, SCMP_ACT_ALLOW, "clone", 1, &process);
	if (error == 0 && opts->threads)
		error = add(filter, SCMP_ACT_ALLOW, "clone", 1, &thread);
	return error;
}

/* A signal to itself; after a fork, at least none that one could live with, and what a worker hands
 * on to its children. */
static int
allow_signals(scmp_filter_ctx filter, const struct sandbox_opts *opts)
{
	const struct scmp_arg_cmp own = SCMP_A0_64(SCMP_CMP_EQ, (uint64_t)getpid());
	const struct scmp_arg_cmp not_ours = SCMP_A0_64(SCMP_CMP_NE, SIGSYS);
	const int handed_on[] = { SIGNAL_KICK, SIGNAL_TRACE, SIGNAL_RETIRE, SIGUSR1 };
	int error;

	if ((error = add(filter, SCMP_ACT_ALLOW, "rt_sigaction", 1, &not_ours)) != 0)
		return error;
	if (!opts->forks)
		return add(filter, SCMP_ACT_ALLOW, "tgkill", 1, &own);
	if ((error = allow_one_of(filter, "kill", 1, handed_on, nitems(handed_on))) != 0)
		return error;
	return allow_one_of(filter, "tgkill", 2, deadly, nitems(deadly));
}

static int
allow_socket(scmp_filter_ctx filter, uint32_t action, int family, int type, int protocol)
{
	const struct scmp_arg_cmp args[] = {
		SCMP_A0_64(SCMP_CMP_EQ, (uint64_t)family),
		SCMP_A1_64(SCMP_CMP_MASKED_EQ, 0xffffffffU & ~(unsigned)(SOCK_CLOEXEC | SOCK_NONBLOCK),
		    (uint64_t)type),
		SCMP_A2_64(SCMP_CMP_EQ, (uint64_t)protocol),
	};

	return add(filter, action, "socket", nitems(args), args);
}

/* Who has no socket of its own has nobody to call.  Where somebody has, an accepted connection
 * might be undone by connect(2) and made anew to elsewhere: Landlock forbids that, but would
 * not see one that MSG_FASTOPEN makes. */
static int
allow_sockets(scmp_filter_ctx filter, const struct sandbox_opts *opts)
{
	static const int families[] = { AF_INET, AF_INET6 };
	static const char *const sends[] = { "sendto", "sendmsg", "sendmmsg" };
	bool any = opts->datagrams || opts->syslog;
	int error = 0;

	if (!any)
		return allow(filter, sends, nitems(sends));
	for (size_t i = 0; i < nitems(families) && opts->datagrams && error == 0; i++) {
		error = allow_socket(filter, SCMP_ACT_ALLOW, families[i], SOCK_DGRAM, 0);
		if (error == 0)
			error = allow_socket(filter, SCMP_ACT_ALLOW, families[i], SOCK_DGRAM, IPPROTO_UDP);
	}
	if (error == 0 && opts->syslog)
		error = allow_socket(filter, SCMP_ACT_ALLOW, AF_UNIX, SOCK_DGRAM, 0);
	if (error == 0 && opts->syslog)		/* syslog(3) tries it next */
		error = allow_socket(filter, SCMP_ACT_ERRNO(EACCES), AF_UNIX, SOCK_STREAM, 0);
	if (error == 0)
		error = allow(filter, dialling, nitems(dialling));
	if (error == 0)
		error = allow_without(filter, "sendto", 3, MSG_FASTOPEN);
	if (error == 0)
		error = allow_without(filter, "sendmsg", 2, MSG_FASTOPEN);
	return error == 0 ? allow_without(filter, "sendmmsg", 3, MSG_FASTOPEN) : error;
}

/* What is asked of limits is answered, but none is set. */
static int
allow_itself(scmp_filter_ctx filter, const struct sandbox_opts *opts)
{
	const struct scmp_arg_cmp asks = SCMP_A2_64(SCMP_CMP_EQ, 0);
	int error;

	if ((error = allow_clone(filter, opts)) != 0 ||
	    (error = allow_signals(filter, opts)) != 0 ||
	    (error = add(filter, SCMP_ACT_ALLOW, "prlimit64", 1, &asks)) != 0 ||
	    (error = allow_one_of(filter, "prctl", 0, prctls, nitems(prctls))) != 0 ||
	    (error = allow_without(filter, "mmap", 2, PROT_EXEC)) != 0)
		return error;
	return allow_without(filter, "mprotect", 2, PROT_EXEC);
}

/* A question to the authenticator carries one end of a pair. */
static int
allow_pairs(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp local = SCMP_A0_64(SCMP_CMP_EQ, AF_UNIX);

	return add(filter, SCMP_ACT_ALLOW, "socketpair", 1, &local);
}

static int
fill_secret(scmp_filter_ctx filter, const struct sandbox_opts *opts)
{
	struct sandbox_opts own = { .threads = true, .secret = true, .syslog = opts->syslog };
	int error = allow(filter, secret, nitems(secret));

	for (size_t i = 0; i < nitems(answered) && error == 0; i++)
		error = add(filter, SCMP_ACT_ERRNO((unsigned)answered[i].error), answered[i].name, 0, NULL);
	if (error == 0)
		error = allow_one_of(filter, "fcntl", 1, fcntls, nitems(fcntls));
	if (error == 0)		/* libraries look for what they can do without */
		error = add(filter, SCMP_ACT_ERRNO(EACCES), "openat", 0, NULL);
	if (error == 0)
		error = allow_sockets(filter, &own);
	return error == 0 ? allow_itself(filter, &own) : error;
}

static int
fill(scmp_filter_ctx filter, const struct sandbox_opts *opts)
{
	int error = allow(filter, always, nitems(always));

	for (size_t i = 0; i < nitems(answered) && error == 0; i++)
		error = add(filter, SCMP_ACT_ERRNO((unsigned)answered[i].error), answered[i].name, 0, NULL);
	if (error == 0 && opts->writable)
		error = allow(filter, writing, nitems(writing));
	if (error == 0)
		error = allow_one_of(filter, "fcntl", 1, fcntls, nitems(fcntls));
	if (error == 0 && opts->asks)
		error = allow_pairs(filter);
	if (error == 0)
		error = allow_one_of(filter, "setsockopt", 1, levels, nitems(levels));
	if (error == 0)
		error = allow_sockets(filter, opts);
	return error == 0 ? allow_itself(filter, opts) : error;
}

int
sandbox_seccomp(const struct sandbox_opts *opts, const char **why)
{
	static char fault[64];
	scmp_filter_ctx filter;
	int error;

	*why = "not on 32 bits";
	if (sizeof(void *) < 8)
		return -1;
	*why = "out of memory";
	if ((filter = seccomp_init(SCMP_ACT_TRAP)) == NULL)
		return -1;
	(void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);	/* a tree, no chain */
	/* No foreign code runs beside us: older kernels would slow the whole process down for that. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if ((error = (opts->secret ? fill_secret : fill)(filter, opts)) == 0)
		error = catch_denied() == -1 ? -errno : seccomp_load(filter);
	seccomp_release(filter);
	if (error == 0)
		return 0;
	(void)snprintf(fault, sizeof(fault), "the kernel refuses it: %s", strerror(-error));
	*why = fault;
	return -1;
}
