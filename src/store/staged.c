/* staged - what lies in the reserved folder to be resumed.
 * Its name is a digest; whose it is, and where it was to go, is written to it in an extended
 * attribute when it begins, if it is large, or is left, and taken away again before it is published. */

#include "store/staged.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/text.h"
#include "store/store_int.h"

#define ATTR	"user.coffer.staged"	/* USER, NUL, PATH, and perhaps NUL, SIZE */
#define SIZE_MAX_TEXT	20

void
staged_mark(int fd, const char *user, const char *path, off_t declared)
{
	char text[STAGED_USER + PATH_MAX + SIZE_MAX_TEXT], *p;
	size_t len = strlen(user), plen = strlen(path);

	if (len >= STAGED_USER || plen >= PATH_MAX)
		return;
	memcpy(text, user, len + 1);
	memcpy(text + len + 1, path, plen + 1);
	p = text_decimal(text + len + 1 + plen + 1, (uint64_t)declared);
	(void)fsetxattr(fd, ATTR, text, (size_t)(p - text), 0);
}

void
staged_unmark(int fd)
{
	(void)fremovexattr(fd, ATTR);
}

static void
read_mark(int fd, struct staged_entry *e)
{
	char text[STAGED_USER + PATH_MAX + SIZE_MAX_TEXT + 1], *path, *size;
	ssize_t len = fgetxattr(fd, ATTR, text, sizeof(text) - 1);
	uint64_t declared;

	e->known = false;
	e->declared = -1;
	e->user[0] = e->path[0] = '\0';
	if (len <= 0)
		return;
	text[len] = '\0';
	path = text + strlen(text) + 1;
	if (path > text + len || strlen(text) >= sizeof(e->user) || strlen(path) >= sizeof(e->path))
		return;
	(void)strlcpy(e->user, text, sizeof(e->user));
	(void)strlcpy(e->path, path, sizeof(e->path));
	e->known = true;
	size = path + strlen(path) + 1;
	if (size < text + len && text_number(&declared, size, (size_t)(text + len - size), INT64_MAX) == 0)
		e->declared = (off_t)declared;
}

static bool
is_staged(const char *name)
{
	return strchr(name, '/') == NULL && strcmp(name, STAGING_LOCKS) != 0 && strcmp(name, "..") != 0 &&
	    strcmp(name, ".") != 0;
}

static int
open_one(int folder, const char *name, struct stat *st)
{
	int fd;

	if (!is_staged(name))
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
	e.busy = staging_is_brief(name) ? !staging_is_orphan(folder, name) : flock(fd, LOCK_SH | LOCK_NB) == -1;
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

static int
remove_one(struct store *s, int folder, const char *name)
{
	struct stat st;
	int fd, ret, error;

	if (staging_is_brief(name) && !staging_is_orphan(folder, name))
		return fail_with(EBUSY);
	if (!is_staged(name))
		return fail_with(ENOENT);
	if ((fd = staging_claim(folder, name, &st)) == -1)
		return -1;
	ret = staging_is_new(&st) ? fail_with(EBUSY) : unlinkat(folder, name, 0);
	if (ret == 0)
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
