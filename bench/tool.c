/* tool - what bench/run needs and a shell has not: memory and processor time of
 * a server with all its processes, locked page cache, test files, a free port.
 * It neither serves nor asks. */

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "net.h"

#define PROCS_MAX	4096

/* ---- a process with all that descend from it ---- */

static pid_t pids[PROCS_MAX];
static size_t npids;

struct proc {
	pid_t			parent;
	unsigned long long	ticks;	/* of its own, and of its children that were reaped */
};

/* 0, or -1 when there is no such process (any more). */
static int
proc_stat(pid_t pid, struct proc *pr)
{
	char name[64], text[1024], *p;
	unsigned long long t[4];
	size_t n;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	if ((f = fopen(name, "re")) == NULL)
		return -1;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	if ((p = strrchr(text, ')')) == NULL || sscanf(p, ") %*c %d %*d %*d %*d %*d %*u %*u %*u"
	    " %*u %*u %llu %llu %llu %llu", &pr->parent, &t[0], &t[1], &t[2], &t[3]) != 5)
		return -1;
	pr->ticks = t[0] + t[1] + t[2] + t[3];
	return 0;
}

static int
is_member(pid_t pid)
{
	for (size_t i = 0; i < npids; i++)
		if (pids[i] == pid)
			return 1;
	return 0;
}

/* One look at /proc; whether a process was added. */
static int
add_children(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	struct proc pr;
	size_t before = npids;

	if (d == NULL)
		die("/proc");
	while ((e = readdir(d)) != NULL) {
		pid_t pid = (pid_t)atoi(e->d_name);

		if (pid > 0 && npids < PROCS_MAX && !is_member(pid) && proc_stat(pid, &pr) == 0 &&
		    is_member(pr.parent))
			pids[npids++] = pid;
	}
	closedir(d);
	return npids > before;
}

static void
family(const char *pid)
{
	pids[npids++] = (pid_t)number(pid);
	while (add_children())
		;
}

/* ---- the sub-commands ---- */

/* cpu PID: seconds of processor time so far. */
static void
cpu(char **arg)
{
	unsigned long long ticks = 0;
	struct proc pr;

	family(arg[0]);
	for (size_t i = 0; i < npids; i++)
		if (proc_stat(pids[i], &pr) == 0)
			ticks += pr.ticks;
	printf("%.2f\n", (double)ticks / (double)sysconf(_SC_CLK_TCK));
}

/* The value of a line "Key:   N kB". */
static unsigned long long
kib(pid_t pid, const char *file, const char *key)
{
	char name[64], l[256];
	unsigned long long n = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/%s", (int)pid, file);
	if ((f = fopen(name, "re")) == NULL)
		die("%s", name);
	while (fgets(l, sizeof(l), f) != NULL)
		if (strncmp(l, key, strlen(key)) == 0)
			n = strtoull(l + strlen(key), NULL, 10);
	fclose(f);
	return n;
}

/* mem PID: KiB of all processes.  The peak counts from the last reset-peak. */
static void
mem(char **arg)
{
	unsigned long long pss = 0, rss = 0, peak = 0;

	family(arg[0]);
	for (size_t i = 0; i < npids; i++) {
		pss += kib(pids[i], "smaps_rollup", "Pss:");
		rss += kib(pids[i], "status", "VmRSS:");
		peak += kib(pids[i], "status", "VmHWM:");
	}
	printf("pss=%llu rss=%llu peak=%llu processes=%zu\n", pss, rss, peak, npids);
}

static void
reset_peak(char **arg)
{
	char name[64];
	int fd;

	family(arg[0]);
	for (size_t i = 0; i < npids; i++) {
		snprintf(name, sizeof(name), "/proc/%d/clear_refs", (int)pids[i]);
		if ((fd = open(name, O_WRONLY | O_CLOEXEC)) == -1 || write(fd, "5", 1) != 1)
			die("%s", name);
		close(fd);
	}
}

/* lock FILE: hold it in the page cache until killed. */
static void
lock(char **arg)
{
	int fd = open(arg[0], O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd == -1 || fstat(fd, &st) == -1)
		die("%s", arg[0]);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		die("mmap");
	printf("%s\n", mlock(p, (size_t)st.st_size) == 0 ? "locked" : "held, but not locked");
	fflush(stdout);
	for (;;) {	/* without the right to lock: use it again and again */
		sleep(2);
		madvise(p, (size_t)st.st_size, MADV_POPULATE_READ);
	}
}

static void
write_file(int dir, const char *name, unsigned long long size)
{
	static unsigned bytes[64 * 1024];
	static unsigned seed = 1;
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd == -1)
		die("%s", name);
	while (size > 0) {
		size_t n = size < sizeof(bytes) ? (size_t)size : sizeof(bytes);

		for (size_t i = 0; i < (n + 3) / 4; i++)
			bytes[i] = seed = seed * 1664525 + 1013904223;
		if (write_all(fd, bytes, n) == -1)
			die("%s", name);
		size -= n;
	}
	close(fd);
}

/* file PATH BYTES */
static void
file(char **arg)
{
	write_file(AT_FDCWD, arg[0], (unsigned long long)number(arg[1]));
}

/* files DIR N BYTES: DIR/0000 ... */
static void
files(char **arg)
{
	char name[32];
	int dir;

	if (mkdir(arg[0], 0755) == -1 || (dir = open(arg[0], O_RDONLY | O_CLOEXEC)) == -1)
		die("%s", arg[0]);
	for (int i = 0, n = (int)number(arg[1]); i < n; i++) {
		snprintf(name, sizeof(name), "%04d", i);
		write_file(dir, name, (unsigned long long)number(arg[2]));
	}
	close(dir);
}

/* tree DIR FOLDERS FILES BYTES: that many files in each of so many folders. */
static void
tree(char **arg)
{
	char name[4096];
	char *sub[] = { name, arg[2], arg[3] };

	if (mkdir(arg[0], 0755) == -1)
		die("%s", arg[0]);
	for (int i = 0, n = (int)number(arg[1]); i < n; i++) {
		snprintf(name, sizeof(name), "%s/%03d", arg[0], i);
		files(sub);
	}
}

/* port: one that nobody used a moment ago, for programs that cannot let the kernel choose. */
static void
port(char **arg)
{
	int n;

	(void)arg;
	close(listen_any(&n));
	printf("%d\n", n);
}

static const struct {
	const char	*name;
	int		 nargs;
	void		(*run)(char **);
	const char	*usage;
} works[] = {
	{ "cpu", 1, cpu, "PID" },
	{ "mem", 1, mem, "PID" },
	{ "reset-peak", 1, reset_peak, "PID" },
	{ "lock", 1, lock, "FILE" },
	{ "file", 2, file, "PATH BYTES" },
	{ "files", 3, files, "DIR N BYTES" },
	{ "tree", 4, tree, "DIR FOLDERS FILES BYTES" },
	{ "port", 0, port, "" },
};

int
main(int argc, char **argv)
{
	bounded();
	for (size_t i = 0; argc > 1 && i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, argv[1]) == 0 && works[i].nargs == argc - 2) {
			works[i].run(argv + 2);
			return 0;
		}
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		fprintf(stderr, "usage: tool %s %s\n", works[i].name, works[i].usage);
	return 64;
}
