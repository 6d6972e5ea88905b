/* evil - a worker that somebody else commands, for the tests of the sandbox.
 *
 *	evil MODEL ro|rw|udp|chroot|secret ROOT DEED [ARGUMENT]
 *
 * Enters the sandbox that workers under MODEL get, with ROOT as the folder that is served (rw: and
 * written to; udp: with sockets for TFTP, and the log going to syslog; chroot: as root starts one
 * that is read-only; secret: that of the authenticator, whatever MODEL is), says "in: LEVEL", and then
 * does one DEED.  Says "done", or "no: ERROR" (status 1); or is killed.  Other trouble is status 2. */

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "sched/sched.h"
#include "server/sandbox.h"

static const char *argument;
static int root = -1;		/* ROOT, opened outside */
static int accepted = -1;	/* a connection that was made outside */
static struct sockaddr_in listener;	/* where somebody accepts */
static pid_t parent;

static int
open_file(void)
{
	return open(argument, O_RDONLY);
}

static int
open_truncate(void)
{
	return open(argument, O_RDONLY | O_TRUNC);
}

static int
open_to_write(void)
{
	return open(argument, O_WRONLY);
}

static int
make_file(void)
{
	char name[256];

	(void)snprintf(name, sizeof(name), "%s.%d", argument, (int)getpid());
	return openat(root, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
}

static int
set_mode(void)
{
	int fd = openat(root, argument, O_RDONLY);

	return fd == -1 ? -1 : fchmod(fd, 0777);
}

static int
set_attribute(void)
{
	int fd = openat(root, argument, O_RDONLY);

	return fd == -1 ? -1 : fsetxattr(fd, "user.x", "x", 1, 0);
}

static int
cut_off(void)
{
	return truncate(argument, 0);
}

static int
remove_file(void)
{
	return unlinkat(root, argument, 0);
}

static int
link_out(void)
{
	return linkat(AT_FDCWD, argument, root, "linked", 0);
}

static int
symlink_in(void)
{
	return symlinkat(argument, root, "symlinked");
}

static int
make_fifo(void)
{
	return mkfifoat(root, "fifo", 0644);
}

static int
walk_up(void)
{
	int fd = openat(root, "..", O_RDONLY | O_DIRECTORY);

	return fd == -1 ? -1 : openat(fd, argument, O_RDONLY);
}

static int
connect_out(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd == -1 ? -1 : connect(fd, (struct sockaddr *)&listener, sizeof(listener));
}

/* The connection that a client made is undone, and made anew to elsewhere. */
static int
reconnect(void)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (connect(accepted, &none, sizeof(none)) == -1)
		return -1;
	return connect(accepted, (struct sockaddr *)&listener, sizeof(listener));
}

static int
fast_open(void)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	if (connect(accepted, &none, sizeof(none)) == -1)
		return -1;
	return (int)sendto(accepted, "x", 1, MSG_FASTOPEN, (struct sockaddr *)&listener,
	    sizeof(listener));
}

static int
listen_on(void)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_in any = { .sin_family = AF_INET };

	if (connect(accepted, &none, sizeof(none)) == -1)
		return -1;
	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return bind(accepted, (struct sockaddr *)&any, sizeof(any));
}

static int
raw_socket(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static int
udp_socket(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)&any, sizeof(any)) == -1)
		return -1;
	any.sin_port = htons(9);
	return connect(fd, (struct sockaddr *)&any, sizeof(any));
}

static int
unix_stream(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
netlink_socket(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int
execute(void)
{
	char *const argv[] = { (char []){ "true" }, NULL };

	return execve("/bin/true", argv, argv + 1);
}

static int
trace(void)
{
	return (int)ptrace(PTRACE_ATTACH, parent, NULL, NULL);
}

static int
read_memory(void)
{
	return (int)syscall(SYS_process_vm_readv, parent, NULL, 0, NULL, 0, 0);
}

static int
fork_child(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid == -1 || waitpid(pid, &status, 0) == -1 || status != 0 ? -1 : 0;
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
start_thread(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, nothing, NULL);
	return errno != 0 ? -1 : (errno = pthread_join(thread, NULL)) != 0 ? -1 : 0;
}

static int
new_namespace(void)
{
	return unshare(CLONE_NEWUSER);
}

static int
clone_namespace(void)
{
	return (int)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
}

static int
signal_parent(void)
{
	return kill(parent, SIGTERM);
}

static int
signal_parent_thread(void)
{
	return (int)syscall(SYS_tgkill, parent, parent, SIGABRT);
}

static int
become_root(void)
{
	return setuid(0);
}

static int
raise_limit(void)
{
	const struct rlimit limit = { 1 << 20, 1 << 20 };

	return setrlimit(RLIMIT_CORE, &limit);
}

static int
ask_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_CORE, &limit) == -1)
		return -1;
	errno = EOVERFLOW;
	return limit.rlim_max <= 1 ? 0 : -1;
}

static int
map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ?
	    -1 : 0;
}

static int
protect_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int
catch_sigsys(void)
{
	return signal(SIGSYS, SIG_IGN) == SIG_ERR ? -1 : 0;
}

static int
mount_over(void)
{
	return (int)syscall(SYS_mount, "none", "/", "tmpfs", 0, NULL);
}

static int
handle_faults(void)
{
	return (int)syscall(SYS_userfaultfd, 0);
}

static int
make_rings(void)
{
	return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int
change_root(void)
{
	return chroot(".");
}

static int
clone_anew(void)
{
	return (int)syscall(SYS_clone3, NULL, 0);
}

static int
be_still(void)
{
	return write(STDOUT_FILENO, "", 0) == 0 ? 0 : -1;
}

static const struct {
	const char	*name;
	int		(*run)(void);
} deeds[] = {
	{ "nothing", be_still },
	{ "open", open_file },
	{ "open-write", open_to_write },
	{ "make", make_file },
	{ "fchmod", set_mode },
	{ "fsetxattr", set_attribute },
	{ "remove", remove_file },
	{ "truncate", cut_off },
	{ "open-truncate", open_truncate },
	{ "link", link_out },
	{ "symlink", symlink_in },
	{ "fifo", make_fifo },
	{ "up", walk_up },
	{ "connect", connect_out },
	{ "reconnect", reconnect },
	{ "fastopen", fast_open },
	{ "listen", listen_on },
	{ "raw", raw_socket },
	{ "udp", udp_socket },
	{ "unix-stream", unix_stream },
	{ "netlink", netlink_socket },
	{ "exec", execute },
	{ "ptrace", trace },
	{ "read-memory", read_memory },
	{ "fork", fork_child },
	{ "thread", start_thread },
	{ "unshare", new_namespace },
	{ "clone-namespace", clone_namespace },
	{ "kill", signal_parent },
	{ "tgkill", signal_parent_thread },
	{ "setuid", become_root },
	{ "setrlimit", raise_limit },
	{ "getrlimit", ask_limit },
	{ "map-code", map_code },
	{ "protect-code", protect_code },
	{ "catch-sigsys", catch_sigsys },
	{ "io_uring", make_rings },
	{ "mount", mount_over },
	{ "userfaultfd", handle_faults },
	{ "chroot", change_root },
	{ "clone3", clone_anew },
};

/* A pair of sockets over loopback, for what a worker has when it is taken over. */
static void
connect_outside(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(listener);

	listener.sin_family = AF_INET;
	listener.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&listener, len) == -1 || listen(fd, 8) == -1 ||
	    getsockname(fd, (struct sockaddr *)&listener, &len) == -1 ||
	    connect(client, (struct sockaddr *)&listener, len) == -1 ||
	    (accepted = accept(fd, NULL, NULL)) == -1)
		err(2, "loopback");
}

int
main(int argc, char **argv)
{
	struct sandbox_opts opts = { .mode = SANDBOX_REQUIRED };
	struct config_shares shares = { .count = 0 };
	struct config_share *served;
	struct sandbox_level level;
	const struct sched *model;
	size_t i;

	if (argc < 5 || (model = sched_find(argv[1])) == NULL)
		errx(2, "usage: evil MODEL ro|rw|udp|chroot|secret ROOT DEED [ARGUMENT]");
	argument = argc > 5 ? argv[5] : "";
	parent = getppid();
	opts.forks = model->forks;
	opts.threads = model->threads;
	opts.writable = strcmp(argv[2], "rw") == 0;
	opts.secret = strcmp(argv[2], "secret") == 0;
	opts.datagrams = opts.syslog = strcmp(argv[2], "udp") == 0;
	served = config_shares_add(&shares, "/", "");
	served->root = argv[3];
	served->most = opts.writable ? RIGHTS_ALL : RIGHTS_LOOK;
	opts.shares = &shares;
	if ((root = open(argv[3], O_PATH | O_DIRECTORY)) == -1)
		err(2, "%s", argv[3]);
	connect_outside();
	if (strcmp(argv[2], "chroot") == 0) {
		if (chroot(argv[3]) == -1 || chdir("/") == -1 || setresuid(65534, 65534, 65534) == -1)
			err(2, "chroot");
		opts.rooted = true;
	}
	if (sandbox_enter(&opts, &level) == -1)
		errx(2, "%s", level.text);
	(void)printf("in: %s\n", level.text);
	(void)fflush(stdout);
	for (i = 0; strcmp(deeds[i].name, argv[4]) != 0; )
		if (++i == sizeof(deeds) / sizeof(deeds[0]))
			errx(2, "no deed is called %s", argv[4]);
	if (deeds[i].run() == -1) {
		(void)printf("no: %s\n", strerrorname_np(errno));
		return 1;
	}
	(void)puts("done");
	return 0;
}
