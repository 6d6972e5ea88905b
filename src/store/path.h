/* path - a name within the tree, looked at once.
 * A protocol decodes its wire form and calls path_parse(); from then on the
 * type is the proof, and the store takes nothing else.  Pure. */

#ifndef STORE_PATH_H
#define STORE_PATH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define PATH_RESERVED	".coffer"	/* no part of a path may be called this */
#define PATH_PART_MAX	NAME_MAX	/* 255 bytes */
#define PATH_LEN_MAX	(PATH_MAX - 1)	/* 4095 bytes */

/* Relative to the root, no leading or trailing slash, no empty part, no "." or "..",
 * no NUL, no reserved name.  The root itself is the empty path. */
struct path {
	size_t	len;
	size_t	leaf;			/* where the last part begins in name */
	char	name[PATH_MAX];		/* NUL-terminated */
};

/* Reads an absolute name of `len` bytes (a trailing slash and double slashes are
 * taken away).  0, or -1: EINVAL (not absolute, a "." or ".." part, a NUL),
 * ENAMETOOLONG, or ENOENT for a reserved name (which thus does not exist). */
int	path_parse(struct path *, const char *name, size_t len);

/* path + "/" + one part, as path_parse() would read it. */
int	path_join(struct path *, const struct path *, const char *part, size_t len);

/* The folder that holds it.  The root has none: -1 with EINVAL. */
int	path_parent(struct path *, const struct path *);

bool	path_is_root(const struct path *);

/* Whether a name found in a folder may be shown (is not reserved, "." or ".."). */
bool	path_part_shown(const char *part);

#endif
