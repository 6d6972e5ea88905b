/* crash - faults for a server under test, which has none of this in itself: an object to be loaded
 * before it by LD_PRELOAD.  The store's only ways to a file are openat2(2) by syscall(3), and, for a
 * folder within a listing, openat(2); where the name (its last part) is one of these, that happens:
 *	crash-segv, crash-abort, crash-overflow		the process dies of it
 *	crash-loop					it never comes back
 *	crash-sleep					it comes back after 2 seconds, or after the next signal
 * Where FOLDS is in the environment, folders whose names end in -folds bear the flag of those that ignore the
 * case of names, and the name .coffer is there in the other case, too.
 * Where CRASH_NO_EPOLL is in the environment, no descriptor is left for epoll(7). */

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <linux/fs.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile int	*nowhere;

static __attribute__((noinline)) int
overflow(volatile char *from)
{
	volatile char room[4096];

	room[0] = *from;
	return room[0] == '\0' ? 0 : overflow(room) + room[0];
}

static void
misbehave(const char *how)
{
	const struct timespec two = { .tv_sec = 2 };
	char c = 'x';

	if (strcmp(how, "segv") == 0)
		*nowhere = 1;
	else if (strcmp(how, "abort") == 0)
		abort();
	else if (strcmp(how, "overflow") == 0)
		(void)overflow(&c);
	else if (strcmp(how, "loop") == 0)
		for (;;)
			nowhere = NULL;
	else if (strcmp(how, "sleep") == 0)
		(void)nanosleep(&two, NULL);
}

static void
look_at(const char *name)
{
	const char *last = strrchr(name, '/');

	last = last != NULL ? last + 1 : name;
	if (strncmp(last, "crash-", 6) == 0)
		misbehave(last + 6);
}

int
openat(int dirfd, const char *name, int flags, ...)
{
	static int (*real)(int, const char *, int, ...);
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "openat");
	look_at(name);
	return real(dirfd, name, flags, mode);
}

long
syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6];
	va_list ap;
	int i;

	va_start(ap, number);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	if (number == SYS_openat2)
		look_at((const char *)a[1]);
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int
ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int, unsigned long, ...);
	char link[64], name[4096];
	ssize_t len;
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "ioctl");
	ret = real(fd, request, arg);
	if (request != FS_IOC_GETFLAGS || getenv("FOLDS") == NULL)
		return ret;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, name, sizeof(name));
	if (len < 6 || memcmp(name + len - 6, "-folds", 6) != 0)
		return ret;
	*(int *)arg = 0x40000000;
	return 0;
}

int
fstatat(int dirfd, const char *name, struct stat *st, int flags)
{
	static int (*real)(int, const char *, struct stat *, int);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "fstatat");
	if (getenv("FOLDS") != NULL && strcmp(name, ".COFFER") == 0)
		name = ".coffer";
	return real(dirfd, name, st, flags);
}

int
epoll_create1(int flags)
{
	static int (*real)(int);

	if (getenv("CRASH_NO_EPOLL") != NULL) {
		errno = EMFILE;
		return -1;
	}
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "epoll_create1");
	return real(flags);
}
