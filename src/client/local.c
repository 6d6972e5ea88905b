/* local - files that are being fetched: NAME.part first, NAME once it is whole. */

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"
#include "client/client.h"
#include "client/local.h"

#define FOLDER_FLAGS	(O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define FOLDER_MODE	0777		/* less the user's umask, which client_umask keeps */

static const char suffix[] = ".part", other_suffix[] = ".coffer.part";

int
target_open(struct target *t, const char *name)
{
	memset(t, 0, sizeof(*t));
	t->last = -1;
	if ((t->root = open(name, FOLDER_FLAGS)) == -1)
		return -1;
	t->name = xstrdup(name);
	return 0;
}

void
target_close(struct target *t)
{
	if (t->name == NULL)
		return;
	if (t->last != -1)
		(void)close(t->last);
	(void)close(t->root);
	free(t->name);
	memset(t, 0, sizeof(*t));
}

/* Opens one folder beneath another, making it if it is missing. */
static int
enter(int dir, const char *part)
{
	int fd, tries;

	for (tries = 0; tries < 2; tries++) {
		fd = openat(dir, part, FOLDER_FLAGS | O_NOFOLLOW);
		if (fd != -1 || errno != ENOENT)
			break;
		if (mkdirat(dir, part, FOLDER_MODE & ~client_umask) == -1 && errno != EEXIST)
			break;
	}
	return fd;
}

/* Where to begin: the folder that was used last, if the name lies beneath it. */
static int
nearest(const struct target *t, const char **name, size_t *len)
{
	size_t n = strlen(t->last_name);

	if (t->last == -1 || *len < n || memcmp(*name, t->last_name, n) != 0 ||
	    (*len > n && (*name)[n] != '/'))
		return t->root;
	*name += n;
	*len -= n;
	return t->last;
}

int
target_folder(struct target *t, const char *name, size_t len)
{
	const char *rest = name, *end = name + len;
	int dir, fd;
	char part[NAME_MAX + 1];
	size_t n = len;

	if (len == 0)
		return t->root;
	if (len >= sizeof(t->last_name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (dir = nearest(t, &rest, &n); rest < end; rest += n) {
		rest += strspn(rest, "/");
		if ((n = strcspn(rest, "/")) > NAME_MAX || n > (size_t)(end - rest)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		(void)snprintf(part, sizeof(part), "%.*s", (int)n, rest);
		if ((fd = enter(dir, part)) == -1)
			return -1;
		if (t->last != -1)
			(void)close(t->last);
		dir = t->last = fd;
		(void)snprintf(
		    t->last_name, sizeof(t->last_name), "%.*s", (int)(rest + n - name), name);
	}
	return dir;
}

int
target_parent(struct target *t, const char *name, const char **leaf)
{
	const char *slash = strrchr(name, '/');

	*leaf = slash != NULL ? slash + 1 : name;
	return target_folder(t, name, slash != NULL ? (size_t)(slash - name) : 0);
}

const char *
target_shown(const struct target *t, const char *name)
{
	static char shown[2 * PATH_MAX];
	size_t len = t->name != NULL ? strlen(t->name) : 0;

	if (len == 0 || strcmp(t->name, ".") == 0)
		(void)snprintf(shown, sizeof(shown), "%s", *name != '\0' ? name : ".");
	else
		(void)snprintf(shown, sizeof(shown), "%s%s%s", t->name,
		    t->name[len - 1] == '/' || *name == '\0' ? "" : "/", name);
	return shown;
}

/* A name that would be too long with its suffix is cut, and told from others that are
 * cut alike by a piece of its digest. */
void
part_name(char temp[NAME_MAX + 1], const char *name, bool other)
{
	const char *end = other ? other_suffix : suffix;
	size_t len = strlen(name), endlen = strlen(end);
	struct digest digest;

	if (len + endlen <= NAME_MAX) {
		memcpy(mempcpy(temp, name, len), end, endlen + 1);
		return;
	}
	digest_of(name, len, &digest);
	(void)snprintf(temp, NAME_MAX + 1, "%.220s~%02x%02x%02x%02x%s", name, digest.byte[0],
	    digest.byte[1], digest.byte[2], digest.byte[3], end);
}

int64_t
part_size(int dir, const char *name, bool other)
{
	char temp[NAME_MAX + 1];
	struct stat st;

	part_name(temp, name, other);
	if (fstatat(dir, temp, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(st.st_mode))
		return -1;
	return st.st_size;
}

static int
begin(struct part *p, int dir, const char *name, bool other)
{
	size_t len = strlen(name);

	p->fd = -1;
	p->dir = dir;
	if (len > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(p->name, name, len + 1);
	part_name(p->temp, name, other);
	return 0;
}

/* Whoever writes a part file holds its lock, so that two never write the same one. */
static int
lock(struct part *p)
{
	int error;

	if (flock(p->fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	error = errno;
	if (error != EWOULDBLOCK)
		return 0;	/* a file system without locks */
	(void)close(p->fd);
	p->fd = -1;
	errno = EBUSY;
	return -1;
}

/* Takes the old part file away, unless somebody writes it. */
static int
clear(struct part *p)
{
	p->fd = openat(p->dir, p->temp, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (p->fd != -1) {
		if (lock(p) == -1)
			return -1;
		(void)close(p->fd);
		p->fd = -1;
	}
	return unlinkat(p->dir, p->temp, 0);
}

int
part_create(struct part *p, int dir, const char *name, bool other, unsigned mode)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	if (begin(p, dir, name, other) == -1)
		return -1;
	p->mode = mode;
	p->fd = openat(dir, p->temp, flags, (mode_t)mode);
	if (p->fd == -1 && errno == EEXIST) {
		if (clear(p) == -1)
			return -1;
		p->fd = openat(dir, p->temp, flags, (mode_t)mode);
	}
	return p->fd == -1 ? -1 : lock(p);
}

int
part_resume(struct part *p, int dir, const char *name, bool other)
{
	const int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;

	if (begin(p, dir, name, other) == -1)
		return -1;
	p->fd = openat(dir, p->temp, flags);
	if (p->fd == -1 && errno == EACCES && fchmodat(dir, p->temp, 0600, 0) == 0)
		p->fd =
		    openat(dir, p->temp, flags); /* a file that nobody may write was interrupted */
	if (p->fd == -1 || lock(p) == -1)
		return -1;
	if (fstat(p->fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		(void)close(p->fd);
		p->fd = -1;
		errno = EINVAL;
		return -1;
	}
	p->mode = st.st_mode & 07777;
	return 0;
}

/* The final name, if nothing has it yet. */
static int
rename_new(const struct part *p)
{
	if (renameat2(p->dir, p->temp, p->dir, p->name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* Some network file systems cannot, but can do this. */
	if (linkat(p->dir, p->temp, p->dir, p->name, 0) == -1)
		return -1;
	(void)unlinkat(p->dir, p->temp, 0);
	return 0;
}

int
part_publish(struct part *p, unsigned mode, const struct timespec *mtime, bool keep)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, *mtime };
	int ret = 0, error;

	if (p->mode != mode)
		ret = fchmod(p->fd, (mode_t)mode);
	if (ret == 0)
		ret = futimens(p->fd, times);
	if (ret == 0)
		ret = keep ? rename_new(p) : renameat(p->dir, p->temp, p->dir, p->name);
	error = errno;
	if (close(p->fd) == -1 && ret == 0) {
		error = errno;
		ret = -1;
	}
	p->fd = -1;
	errno = error;
	return ret;
}

void
part_leave(struct part *p)
{
	struct stat st;

	if (p->fd == -1)
		return;
	if (fstat(p->fd, &st) == 0 && st.st_size == 0)
		(void)unlinkat(p->dir, p->temp, 0);
	(void)close(p->fd);
	p->fd = -1;
}

int
write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;
	ssize_t n;

	while (len > 0) {
		n = write(fd, p, len);
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}
