/* folds - folders that take names of another case for the same.
 * In one, whoever writes a name otherwise comes past all that is said by name: the rights of places, and
 * the reserved folder. */

#ifndef STORE_FOLDS_H
#define STORE_FOLDS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the folder `root`, or one on the way that `path` goes beneath it, does so, as far as can be told:
 * by the kind of the file system, by the folder's flag, and by whether a name that is there is there in the
 * other case, too.  "" is root itself.  The first `*len` bytes of path lead to that folder. */
bool	folds(const char *root, const char *path, size_t *len);

/* Whether it does so with the name of a folder that is there, in an open folder: 1, 0, or -1 with errno. */
int	folds_name(int dirfd, const char *name);

#endif
