/* path - names within the tree.
 * Compares and joins bytes; never asks the file system whether a name exists. */

#include "store/path.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static int
fail(int error)
{
	errno = error;
	return -1;
}

static bool
is_dots(const char *part, size_t len)
{
	return part[0] == '.' && (len == 1 || (len == 2 && part[1] == '.'));
}

static bool
is_reserved(const char *part, size_t len)
{
	return len == sizeof(PATH_RESERVED) - 1 && memcmp(part, PATH_RESERVED, len) == 0;
}

/* Appends one part, which has no slash and no NUL and is not empty. */
static int
append(struct path *path, const char *part, size_t len)
{
	size_t leaf = path->len > 0 ? path->len + 1 : 0;

	assert(len > 0);
	if (part[0] == '.') {
		if (is_dots(part, len))
			return fail(EINVAL);
		if (is_reserved(part, len))
			return fail(ENOENT);
	}
	if (len > PATH_PART_MAX || leaf + len > PATH_LEN_MAX)
		return fail(ENAMETOOLONG);
	if (leaf > 0)
		path->name[path->len] = '/';
	memcpy(path->name + leaf, part, len);
	path->leaf = leaf;
	path->len = leaf + len;
	path->name[path->len] = '\0';
	return 0;
}

static void
clear(struct path *path)
{
	path->len = path->leaf = 0;
	path->name[0] = '\0';
}

int
path_parse(struct path *path, const char *name, size_t len)
{
	const char *end = name + len, *slash;

	clear(path);
	if (len == 0 || name[0] != '/' || memchr(name, '\0', len) != NULL)
		return fail(EINVAL);
	while (name < end) {
		if (*name == '/') {
			name++;
			continue;
		}
		if ((slash = memchr(name, '/', (size_t)(end - name))) == NULL)
			slash = end;
		if (append(path, name, (size_t)(slash - name)) == -1) {
			clear(path);	/* half a path must not be taken for one */
			return -1;
		}
		name = slash;
	}
	return 0;
}

static void
copy(struct path *to, const struct path *from)
{
	if (to == from)
		return;
	to->len = from->len;
	to->leaf = from->leaf;
	memcpy(to->name, from->name, from->len + 1);
}

int
path_join(struct path *to, const struct path *path, const char *part, size_t len)
{
	if (len == 0 || memchr(part, '\0', len) != NULL || memchr(part, '/', len) != NULL)
		return fail(EINVAL);
	copy(to, path);
	return append(to, part, len);
}

int
path_parent(struct path *to, const struct path *path)
{
	const char *slash;

	if (path_is_root(path))
		return fail(EINVAL);
	copy(to, path);
	to->len = to->leaf > 0 ? to->leaf - 1 : 0;
	to->name[to->len] = '\0';
	slash = memrchr(to->name, '/', to->len);
	to->leaf = slash != NULL ? (size_t)(slash + 1 - to->name) : 0;
	return 0;
}

bool
path_is_root(const struct path *path)
{
	return path->len == 0;
}

bool
path_part_shown(const char *part)
{
	size_t len;

	if (part[0] != '.')
		return true;		/* nearly all: no strlen for them */
	len = strlen(part);
	return !is_dots(part, len) && !is_reserved(part, len);
}
