/* pidfile - a file that holds the master's process id, and keeps a second one from starting. */

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "server/pidfile.h"

#define TRIES	20	/* to lock the file that is there, while others remove theirs */
#define TRY_US	5000

struct pidfile {
	int	 fd;
	char	*path;
};

/* The pid that stands in it, or -1. */
static pid_t
read_pid(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	uint64_t pid;

	while (n > 0 && text[n - 1] == '\n')
		n--;
	return n > 0 && text_number(&pid, text, (size_t)n, INT32_MAX) == 0 ? (pid_t)pid : -1;
}

/* Whether fd is the file that has the name now. */
static bool
is_file(int fd, const char *path)
{
	struct stat here, there;

	return fstat(fd, &here) == 0 && lstat(path, &there) == 0 && here.st_dev == there.st_dev &&
	    here.st_ino == there.st_ino;
}

/* Whoever else owns it could keep us from starting, or have us write into what is precious to him. */
static bool
is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

/* One try: locked; or -1 with errno, which is EAGAIN where another try may help. */
static int
try_lock(const char *path, pid_t *other)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0644);

	if (fd == -1)
		return -1;
	if (!is_ours(fd)) {
		(void)close(fd);
		errno = EPERM;
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		*other = read_pid(fd);
		(void)close(fd);
		errno = *other != -1 ? EEXIST : EAGAIN;	/* or it has not written its pid yet */
		return -1;
	}
	if (is_file(fd, path))
		return fd;
	(void)close(fd);
	errno = EAGAIN;		/* the one before us has just removed it */
	return -1;
}

static int
open_locked(const char *path, pid_t *other)
{
	int fd, i;

	for (i = 0; (fd = try_lock(path, other)) == -1 && errno == EAGAIN && i < TRIES; i++)
		(void)usleep(TRY_US);
	if (fd == -1 && errno == EAGAIN)
		errno = EEXIST;
	return fd;
}

struct pidfile *
pidfile_take(const char *path, int handed, pid_t *other)
{
	struct pidfile *p = calloc(1, sizeof(*p));

	*other = -1;
	if (p == NULL || (p->path = strdup(path)) == NULL) {
		free(p);
		return NULL;
	}
	if (handed != -1 && is_file(handed, path))
		p->fd = handed;
	else {
		if (handed != -1)
			(void)close(handed);
		p->fd = open_locked(path, other);
	}
	if (p->fd != -1)
		return p;
	free(p->path);
	free(p);
	return NULL;
}

int
pidfile_put(struct pidfile *p)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%d", (int)getpid());

	if (ftruncate(p->fd, 0) == -1 || pwrite(p->fd, text, (size_t)len, 0) != len)
		return -1;
	return 0;
}

int
pidfile_fd(const struct pidfile *p)
{
	return p->fd;
}

void
pidfile_release(struct pidfile *p)
{
	pid_t pid;

	if (p == NULL || p->fd == -1)
		return;
	pid = read_pid(p->fd);		/* -1: we have come no further */
	if ((pid == getpid() || pid == -1) && is_file(p->fd, p->path))
		(void)unlink(p->path);
	(void)close(p->fd);
	p->fd = -1;
}

void
pidfile_leave(struct pidfile **pidfile)
{
	struct pidfile *p = *pidfile;

	if (p == NULL)
		return;
	pidfile_release(p);
	free(p->path);
	free(p);
	*pidfile = NULL;
}
