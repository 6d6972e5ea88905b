/* strays - symbolic links that would lead elsewhere if they, or the folder that they lie in, were moved. */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "store/store_int.h"

#define DEPTH_MAX	100	/* a folder that holds deeper ones is not looked through */

/* Whether a link's text goes up anywhere: within a folder, only such a one can lead out of it.  One that
 * begins at the root leads out of the tree, and is never followed. */
static bool
goes_up(const char *text)
{
	if (text[0] == '/')
		return false;
	for (const char *at = text; (at = strstr(at, "..")) != NULL; at++)
		if ((at == text || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
			return true;
	return false;
}

/* Whether that link leads elsewhere from another folder; `moved`: its own folder goes along. */
static bool
link_strays(int dirfd, const char *name, bool moved)
{
	char text[PATH_MAX];
	ssize_t len = readlinkat(dirfd, name, text, sizeof(text) - 1);

	if (len == -1)
		return errno != ENOENT && errno != EINVAL;	/* it has gone, or is none */
	text[len] = '\0';
	return text[0] != '/' && (!moved || goes_up(text));
}

/* All that lies in an open folder, which is closed.  1, 0, or -1 with errno. */
static int
folder_strays(int fd, unsigned depth)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	struct dirent *e;
	int ret = 0, below;
	DIR *dir;

	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return -1;
	}
	while (ret == 0 && (errno = 0, e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_type == DT_LNK || e->d_type == DT_UNKNOWN)
			ret = link_strays(dirfd(dir), e->d_name, true);
		if (ret != 0 || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
			continue;
		if ((below = openat(dirfd(dir), e->d_name, flags)) != -1)
			ret = depth < DEPTH_MAX ? folder_strays(below, depth + 1) : (close(below), 1);
		else if (errno != ENOTDIR && errno != ELOOP && errno != ENOENT)
			ret = -1;
	}
	if (e == NULL && ret == 0 && errno != 0)
		ret = -1;
	fd = errno;
	closedir(dir);
	errno = fd;
	return ret;
}

int
store_move_strays(struct store *s, const struct path *from, const struct path *to)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
	const char *leaf = from->name + from->leaf;
	int parent, fd, ret;

	if (s->opts.symlinks == STORE_SYMLINKS_NEVER ||
	    (from->leaf == to->leaf && memcmp(from->name, to->name, from->leaf) == 0))
		return 0;
	if ((parent = store_parent(s, from, 0)) == -1)
		return -1;
	if ((fd = openat(parent, leaf, flags | O_CLOEXEC)) != -1)
		ret = folder_strays(fd, 0);
	else if (errno == ENOTDIR || errno == ELOOP)
		ret = link_strays(parent, leaf, false);
	else
		ret = errno == ENOENT ? 0 : -1;		/* which the move will say itself */
	fd = errno;
	close(parent);
	errno = fd;
	return ret;
}
