/* staged - what lies in the reserved folder to be resumed.
 * Its name is a digest; whose it is, and where it was to go, is written to it in an extended
 * attribute when it is left, and taken away again before it is published. */

#include "store/staged.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "store/store_int.h"

#define ATTR	"user.coffer.staged"	/* USER, NUL, PATH */

void
staged_mark(int fd, const char *user, const char *path)
{
	char text[STAGED_USER + PATH_MAX];
	size_t len = strlen(user), plen = strlen(path);

	if (len >= STAGED_USER || plen >= PATH_MAX)
		return;
	memcpy(text, user, len + 1);
	memcpy(text + len + 1, path, plen);
	(void)fsetxattr(fd, ATTR, text, len + 1 + plen, 0);
}

void
staged_unmark(int fd)
{
	(void)fremovexattr(fd, ATTR);
}

static void
read_mark(int fd, struct staged_entry *e)
{
	char text[STAGED_USER + PATH_MAX], *end;
	ssize_t len = fgetxattr(fd, ATTR, text, sizeof(text) - 1);
	size_t user;

	e->known = false;
	e->user[0] = e->path[0] = '\0';
	if (len <= 0 || (end = memchr(text, '\0', (size_t)len)) == NULL)
		return;
	text[len] = '\0';
	user = (size_t)(end - text);
	if (user >= sizeof(e->user) || (size_t)len - user - 1 >= sizeof(e->path))
		return;
	memcpy(e->user, text, user + 1);
	memcpy(e->path, end + 1, (size_t)len - user);
	e->known = true;
}

static int
open_one(int folder, const char *name, struct stat *st)
{
	int fd;

	if (strchr(name, '/') != NULL || strcmp(name, STAGING_LOCKS) == 0)
		return fail_with(ENOENT);
	fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return fail_with(ENOENT);
}

static bool
show(int folder, const char *name, void (*fn)(void *, const struct staged_entry *), void *arg)
{
	struct staged_entry e = { .name = name };
	struct stat st;
	int fd;

	if ((fd = open_one(folder, name, &st)) == -1)
		return false;
	e.size = st.st_size;
	e.mtime = st.st_mtim;
	e.busy = staging_is_brief(name) || flock(fd, LOCK_SH | LOCK_NB) == -1;
	read_mark(fd, &e);
	close(fd);
	fn(arg, &e);
	return true;
}

int
store_staged(struct store *s, void (*fn)(void *, const struct staged_entry *), void *arg)
{
	struct dirent *d;
	int folder, n = 0;
	DIR *dir;

	folder = store_resolve(s, PATH_RESERVED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (folder == -1)
		return errno == ENOENT ? 0 : -1;
	if ((dir = fdopendir(folder)) == NULL) {
		close(folder);
		return fail_with(ENOMEM);
	}
	while ((d = readdir(dir)) != NULL)
		n += show(folder, d->d_name, fn, arg);
	closedir(dir);
	return n;
}

/* First the lock: whoever has it is at the upload. */
static int
remove_one(struct store *s, int folder, const char *name)
{
	struct stat st;
	int fd, ret = -1, error;

	if ((fd = open_one(folder, name, &st)) == -1)
		return -1;
	if (staging_is_brief(name) || flock(fd, LOCK_EX | LOCK_NB) == -1)
		errno = EBUSY;
	else if ((ret = unlinkat(folder, name, 0)) == 0)
		usage_gone(s, &st);
	error = errno;
	close(fd);
	errno = error;
	return ret;
}

int
store_staged_remove(struct store *s, const char *name)
{
	int folder, ret, error;

	folder = store_resolve(s, PATH_RESERVED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (folder == -1)
		return -1;
	ret = remove_one(s, folder, name);
	error = errno;
	close(folder);
	errno = error;
	return ret;
}
