/* layer - stands between a server and libc, by LD_PRELOAD, where files are concerned.
 * Makes the nth call fail when it is told to, and logs what was done to the tree and what
 * was fsynced, for those who want to know what a power cut would leave.  See faults.h.
 * Sockets, pipes (but for those of uploads), the log on stderr and the libraries' own files are none of
 * its business. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"

static struct faults *F;

/* The function that would have been called. */
#define REAL(name)								\
	static __typeof__(name) *real;						\
	if (real == NULL)							\
		real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int	really_fstat(int, struct stat *);

static bool
is_stored(int fd)
{
	struct stat st;
	int error = errno;
	bool stored;

	stored = fd > STDERR_FILENO && really_fstat(fd, &st) == 0 &&
	    (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
	errno = error;
	return stored;
}

/* What no disk is behind does not say these. */
static bool
is_of_disks(int what)
{
	return what == ENOSPC || what == EDQUOT || what == EIO;
}

/* 0: go on; else what is to happen instead. */
static int
gate_of(const char *name, bool can_be_short, bool disk)
{
	unsigned n;

	if (F == NULL || !atomic_load(&F->armed))
		return 0;
	n = atomic_fetch_add(&F->count, 1) + 1;
	if (n <= FAULTS_CALLS)
		strncpy(F->calls[n - 1], name, FAULTS_NAME - 1);
	if (n != F->nth || (F->what == FAULTS_SHORT && !can_be_short) || (!disk && is_of_disks(F->what)))
		return 0;
	atomic_store(&F->hit, true);
	if (F->what == FAULTS_KILL)
		_exit(128 + SIGKILL);	/* a sandbox lets nobody kill */
	return F->what;
}

static int
gate(const char *name, bool can_be_short)
{
	return gate_of(name, can_be_short, true);
}

/* In a function that answers -1 with errno. */
#define GATE(name)								\
	do {									\
		int what = gate(name, false);					\
		if (what != 0) {						\
			errno = what;						\
			return -1;						\
		}								\
	} while (0)
#define GATE_FD(name, fd)							\
	do {									\
		if (is_stored(fd))						\
			GATE(name);						\
	} while (0)

/* The same where fewer bytes may be moved than were asked for. */
#define GATE_BYTES(name, fd, len)						\
	do {									\
		int what = is_stored(fd) ? gate(name, (len) > 1) : 0;		\
		if (what == FAULTS_SHORT)					\
			(len) /= 2;						\
		else if (what != 0) {						\
			errno = what;						\
			return -1;						\
		}								\
	} while (0)

/* From a socket into a pipe, where `wire`: of all calls on sockets, this one alone. */
#define GATE_SPLICE(wire, out, len)						\
	do {									\
		int what = (wire) ? gate_of("splice+", (len) > 1, false) :	\
		    is_stored(out) ? gate("splice", (len) > 1) : 0;		\
		if (what == FAULTS_SHORT)					\
			(len) /= 2;						\
		else if (what != 0) {						\
			errno = what;						\
			return -1;						\
		}								\
	} while (0)

/* --- logging */

static bool
recording(void)
{
	return F != NULL && F->record;
}

static struct faults_record
about(int fd, enum faults_kind kind)
{
	struct faults_record r = { .kind = kind };
	struct stat st;

	if (really_fstat(fd, &st) == 0) {
		r.ino = st.st_ino;
		r.mtime_sec = st.st_mtim.tv_sec;
		r.mtime_nsec = (uint32_t)st.st_mtim.tv_nsec;
	}
	return r;
}

static uint64_t
inode_of(int fd)
{
	struct stat st;

	return really_fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static void
log_fd(int fd, enum faults_kind kind, uint64_t at, const void *data, size_t len)
{
	struct faults_record r;
	int error = errno;

	if (!recording() || !is_stored(fd))
		return;
	r = about(fd, kind);
	r.at = at;
	faults_lock(F);
	faults_append(F, &r, data, len);
	faults_unlock(F);
	errno = error;
}

/* Around each change of a name, so that the log has them in the order of the kernel. */
static void
names_lock(void)
{
	if (recording())
		faults_lock(F);
}

static void
names_unlock(void)
{
	int error = errno;

	if (recording())
		faults_unlock(F);
	errno = error;
}

static void
log_name(enum faults_kind kind, int dirfd, const char *name, uint64_t ino)
{
	const struct faults_record r = { .kind = kind, .dir = inode_of(dirfd), .ino = ino };

	faults_append(F, &r, name, strlen(name) + 1);
}

static uint64_t
inode_at(int dirfd, const char *name)
{
	struct stat st;

	return syscall(SYS_newfstatat, dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

static void
log_names(enum faults_kind kind, int dirfd, const char *name, int todir, const char *toname)
{
	const struct faults_record r = {
		.kind = kind, .dir = inode_of(dirfd), .todir = inode_of(todir), .ino = inode_at(todir, toname),
	};
	char both[2 * 256];
	size_t len = strlen(name) + 1, tolen = strlen(toname) + 1;

	if (len + tolen > sizeof(both))
		abort();
	memcpy(both, name, len);
	memcpy(both + len, toname, tolen);
	faults_append(F, &r, both, len + tolen);
}

/* --- fsync, and what may be said of it that is not true */

static _Thread_local struct faults_record owed[64];
static _Thread_local unsigned owing;

static void
disk_takes_its_time(void)
{
	struct timespec t = { 0 };

	if (F == NULL || F->sync_us == 0)
		return;
	t.tv_nsec = (long)(rand() % (int)F->sync_us) * 1000;
	nanosleep(&t, NULL);
}

static uint64_t
log_record(struct faults_record r)
{
	uint64_t number;

	faults_lock(F);
	number = faults_append(F, &r, NULL, 0);
	faults_unlock(F);
	return number;
}

static void
pay(unsigned keep)
{
	while (owing > keep) {
		owed[0].at = log_record(owed[0]);
		owed[0].kind = LOG_SYNC;
		log_record(owed[0]);
		memmove(&owed[0], &owed[1], --owing * sizeof(owed[0]));
	}
}

/* Whether the call is over, by a lie. */
static bool
lie(int fd)
{
	struct stat st;

	if (!recording() || F->lie == LIE_NONE || really_fstat(fd, &st) == -1)
		return false;
	if (F->lie == LIE_FILE || F->lie == LIE_FOLDER)
		return (F->lie == LIE_FOLDER) == S_ISDIR(st.st_mode);
	if (F->lie == LIE_REORDER && S_ISDIR(st.st_mode))
		return false;
	pay(F->lie == LIE_LATE ? 2 : sizeof(owed) / sizeof(owed[0]) - 1);
	owed[owing++] = about(fd, LOG_BEGIN);
	return true;
}

static int
sync_by(int (*real)(int), int fd)
{
	struct faults_record r;
	int ret;

	if (lie(fd))
		return 0;
	if (!recording() || !is_stored(fd)) {
		disk_takes_its_time();
		return real(fd);
	}
	r = about(fd, LOG_BEGIN);
	r.at = log_record(r);
	disk_takes_its_time();
	ret = real(fd);
	r.kind = LOG_SYNC;
	if (ret == 0)
		log_record(r);
	return ret;
}

int
fsync(int fd)
{
	REAL(fsync);

	GATE_FD("fsync", fd);
	return sync_by(real, fd);
}

int
fdatasync(int fd)
{
	REAL(fdatasync);

	GATE_FD("fdatasync", fd);
	return sync_by(real, fd);
}

/* Of all that there is: inode 0. */
int
syncfs(int fd)
{
	struct faults_record r = { .kind = LOG_BEGIN };
	int ret;
	REAL(syncfs);

	GATE_FD("syncfs", fd);
	if (!recording())
		return real(fd);
	if (F->lie == LIE_FILE || F->lie == LIE_LATE || F->lie == LIE_REORDER)
		return 0;
	r.at = log_record(r);
	disk_takes_its_time();
	ret = real(fd);
	r.kind = LOG_SYNC;
	if (ret == 0)
		log_record(r);
	return ret;
}

/* --- names */

static bool
makes(int flags)
{
	return (flags & O_CREAT) != 0;
}

int
openat(int dirfd, const char *name, int flags, ...)
{
	mode_t mode = 0;
	bool new;
	va_list ap;
	int fd;
	REAL(openat);

	if (makes(flags)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	GATE_FD(makes(flags) ? "openat+" : "openat", dirfd);
	if (!makes(flags) || !recording() || !is_stored(dirfd))
		return real(dirfd, name, flags, mode);
	names_lock();
	new = inode_at(dirfd, name) == 0;
	if ((fd = real(dirfd, name, flags, mode)) != -1 && new)
		log_name(LOG_CREATE, dirfd, name, inode_of(fd));
	names_unlock();
	return fd;
}

/* openat2(2) has no function of its own; nothing is made by it here. */
long
syscall(long number, ...)
{
	long a[6];
	va_list ap;
	REAL(syscall);

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (number == SYS_openat2)
		GATE("openat2");
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int
mkdirat(int dirfd, const char *name, mode_t mode)
{
	int ret;
	REAL(mkdirat);

	GATE("mkdirat");
	names_lock();
	if ((ret = real(dirfd, name, mode)) == 0 && recording())
		log_name(LOG_MKDIR, dirfd, name, inode_at(dirfd, name));
	names_unlock();
	return ret;
}

int
unlinkat(int dirfd, const char *name, int flags)
{
	int ret;
	REAL(unlinkat);

	GATE("unlinkat");
	names_lock();
	if ((ret = real(dirfd, name, flags)) == 0 && recording())
		log_name(LOG_UNLINK, dirfd, name, 0);
	names_unlock();
	return ret;
}

int
renameat(int dirfd, const char *name, int todir, const char *toname)
{
	int ret;
	REAL(renameat);

	GATE("renameat");
	names_lock();
	if ((ret = real(dirfd, name, todir, toname)) == 0 && recording())
		log_names(LOG_RENAME, dirfd, name, todir, toname);
	names_unlock();
	if (recording() && F->lie == LIE_REORDER)
		pay(0);
	return ret;
}

int
renameat2(int dirfd, const char *name, int todir, const char *toname, unsigned flags)
{
	int ret;
	REAL(renameat2);

	GATE("renameat2");
	if (F != NULL && F->no_noreplace && (flags & RENAME_NOREPLACE) != 0) {
		errno = EINVAL;
		return -1;
	}
	names_lock();
	if ((ret = real(dirfd, name, todir, toname, flags)) == 0 && recording())
		log_names(LOG_RENAME, dirfd, name, todir, toname);
	names_unlock();
	if (recording() && F->lie == LIE_REORDER)
		pay(0);
	return ret;
}

int
linkat(int dirfd, const char *name, int todir, const char *toname, int flags)
{
	int ret;
	REAL(linkat);

	GATE("linkat");
	names_lock();
	if ((ret = real(dirfd, name, todir, toname, flags)) == 0 && recording())
		log_names(LOG_LINK, dirfd, name, todir, toname);
	names_unlock();
	return ret;
}

/* --- bytes */

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	ssize_t n;
	REAL(pwrite);

	GATE_BYTES("pwrite", fd, len);
	if ((n = real(fd, data, len, at)) > 0)
		log_fd(fd, LOG_WRITE, (uint64_t)at, data, (size_t)n);
	return n;
}

ssize_t
pwritev2(int fd, const struct iovec *iov, int count, off_t at, int flags)
{
	struct iovec first = iov[0];
	ssize_t n;
	REAL(pwritev2);

	/* One piece at a time: a short write is what every caller must be able to bear. */
	(void)count;
	GATE_BYTES("pwritev2", fd, first.iov_len);
	if ((n = real(fd, &first, 1, at, flags)) > 0)
		log_fd(fd, LOG_WRITE, (uint64_t)at, first.iov_base, (size_t)n);
	return n;
}

ssize_t
write(int fd, const void *data, size_t len)
{
	off_t at = -1;
	ssize_t n;
	REAL(write);

	if (F != NULL && is_stored(fd)) {
		GATE_BYTES("write", fd, len);
		at = lseek(fd, 0, SEEK_CUR);
	}
	if ((n = real(fd, data, len)) > 0 && at >= 0)
		log_fd(fd, LOG_WRITE, (uint64_t)at, data, (size_t)n);
	return n;
}

static void
log_copied(int fd, off_t at, size_t len)
{
	char *data;

	if (!recording() || (data = malloc(len)) == NULL)
		return;
	if (syscall(SYS_pread64, fd, data, len, at) == (long)len)
		log_fd(fd, LOG_WRITE, (uint64_t)at, data, len);
	free(data);
}

ssize_t
copy_file_range(int in, off_t *from, int out, off_t *to, size_t len, unsigned flags)
{
	off_t at = to != NULL ? *to : lseek(out, 0, SEEK_CUR);
	ssize_t n;
	REAL(copy_file_range);

	GATE_BYTES("copy_file_range", out, len);
	if ((n = real(in, from, out, to, len, flags)) > 0)
		log_copied(out, at, (size_t)n);
	return n;
}

ssize_t
splice(int in, off64_t *from, int out, off64_t *to, size_t len, unsigned flags)
{
	off_t at = to != NULL ? *to : 0;
	ssize_t n;
	REAL(splice);

	GATE_SPLICE(to == NULL, out, len);
	if ((n = real(in, from, out, to, len, flags)) > 0 && to != NULL)
		log_copied(out, at, (size_t)n);
	return n;
}

int
ftruncate(int fd, off_t size)
{
	int ret;
	REAL(ftruncate);

	GATE_FD("ftruncate", fd);
	if ((ret = real(fd, size)) == 0)
		log_fd(fd, LOG_SIZE, (uint64_t)size, NULL, 0);
	return ret;
}

int
fallocate(int fd, int mode, off_t at, off_t len)
{
	int ret;
	REAL(fallocate);

	GATE_FD("fallocate", fd);
	if ((ret = real(fd, mode, at, len)) == 0 && (mode & FALLOC_FL_KEEP_SIZE) == 0)
		log_fd(fd, LOG_SIZE, (uint64_t)(at + len), NULL, 0);
	return ret;
}

int
sync_file_range(int fd, off64_t at, off64_t len, unsigned flags)
{
	REAL(sync_file_range);

	GATE_FD("sync_file_range", fd);
	return real(fd, at, len, flags);
}

ssize_t
pread(int fd, void *data, size_t len, off_t at)
{
	REAL(pread);

	GATE_BYTES("pread", fd, len);
	return real(fd, data, len, at);
}

/* --- what is said of a file */

int
fsetxattr(int fd, const char *name, const void *value, size_t len, int flags)
{
	int ret;
	REAL(fsetxattr);

	GATE_FD("fsetxattr", fd);
	if ((ret = real(fd, name, value, len, flags)) == 0 && strcmp(name, "user.coffer.sha256") == 0)
		log_fd(fd, LOG_ATTR, 0, value, len);
	return ret;
}

int
fremovexattr(int fd, const char *name)
{
	int ret;
	REAL(fremovexattr);

	GATE_FD("fremovexattr", fd);
	if ((ret = real(fd, name)) == 0 && strcmp(name, "user.coffer.sha256") == 0)
		log_fd(fd, LOG_ATTR, 0, NULL, 0);
	return ret;
}

ssize_t
fgetxattr(int fd, const char *name, void *value, size_t len)
{
	REAL(fgetxattr);

	GATE_FD("fgetxattr", fd);
	return real(fd, name, value, len);
}

int
fchmod(int fd, mode_t mode)
{
	REAL(fchmod);

	GATE_FD("fchmod", fd);
	return real(fd, mode);
}

int
futimens(int fd, const struct timespec times[2])
{
	int ret;
	REAL(futimens);

	GATE_FD("futimens", fd);
	if ((ret = real(fd, times)) == 0)
		log_fd(fd, LOG_MTIME, 0, NULL, 0);
	return ret;
}

/* By name: only what lies in the reserved folder, and is not published as it is. */
int
fchmodat(int dirfd, const char *name, mode_t mode, int flags)
{
	REAL(fchmodat);

	GATE_FD("fchmodat", dirfd);
	return real(dirfd, name, mode, flags);
}

int
utimensat(int dirfd, const char *name, const struct timespec times[2], int flags)
{
	REAL(utimensat);

	GATE_FD("utimensat", dirfd);
	return real(dirfd, name, times, flags);
}

static int
really_fstat(int fd, struct stat *st)
{
	REAL(fstat);

	return real(fd, st);
}

int
fstat(int fd, struct stat *st)
{
	GATE_FD("fstat", fd);
	return really_fstat(fd, st);
}

int
fstatat(int dirfd, const char *name, struct stat *st, int flags)
{
	REAL(fstatat);

	GATE_FD("fstatat", dirfd);
	return real(dirfd, name, st, flags);
}

int
statx(int dirfd, const char *name, int flags, unsigned mask, struct statx *stx)
{
	REAL(statx);

	GATE_FD("statx", dirfd);
	return real(dirfd, name, flags, mask, stx);
}

int
fstatfs(int fd, struct statfs *v)
{
	REAL(fstatfs);

	GATE_FD("fstatfs", fd);
	return real(fd, v);
}

int
fstatvfs(int fd, struct statvfs *v)
{
	REAL(fstatvfs);

	GATE_FD("fstatvfs", fd);
	return real(fd, v);
}

/* --- the clock, which may jump; times of files stay those of the kernel */

int
clock_gettime(clockid_t which, struct timespec *now)
{
	int ret;
	REAL(clock_gettime);

	if ((ret = real(which, now)) == 0 && F != NULL &&
	    (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
		now->tv_sec += (time_t)atomic_load(&F->jump);
	return ret;
}

/* --- locks and descriptors */

int
dup3(int fd, int to, int flags)
{
	REAL(dup3);

	GATE_FD("dup3", fd);
	return real(fd, to, flags);
}

int
flock(int fd, int operation)
{
	REAL(flock);

	GATE_FD("flock", fd);
	return real(fd, operation);
}

int
fcntl(int fd, int command, ...)
{
	void *arg;
	va_list ap;
	REAL(fcntl);

	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (command == F_OFD_SETLKW || command == F_OFD_SETLK)
		GATE_FD("fcntl", fd);
	if (command == F_SETPIPE_SZ)
		GATE("fcntl pipe");
	return real(fd, command, arg);
}

/* Those through which large uploads go. */
int
pipe2(int fd[2], int flags)
{
	REAL(pipe2);

	GATE("pipe2");
	return real(fd, flags);
}

/* Whatever close(2) answers, the descriptor is closed. */
int
close(int fd)
{
	bool stored = F != NULL && atomic_load(&F->armed) && is_stored(fd);
	int ret;
	REAL(close);

	ret = real(fd);
	if (stored)
		GATE("close");
	return ret;
}

static __attribute__((constructor)) void
begin(void)
{
	const char *name = getenv(FAULTS_ENV);
	struct faults *f;

	if (name == NULL)
		return;
	if ((f = faults_map(name)) == NULL) {
		fprintf(stderr, "faults: %s: %s\n", name, strerror(errno));
		_exit(1);
	}
	F = f;
}
