/* tree - a folder here and all beneath it, one entry after the other.
 * Symbolic links are followed, but never round in circles.
 * Knows nothing of connections. */

#ifndef CLIENT_TREE_H
#define CLIENT_TREE_H

#include <stdbool.h>
#include <stdint.h>

struct tree_entry {
	char		 type;		/* d, f, or s: something special */
	const char	*name;		/* relative to the tree's root, good until the next call */
	const char	*leaf;		/* its last part */
	int		 dir;		/* the open folder that holds it */
};

struct tree;

/* NULL with errno. */
struct tree	*tree_open(const char *root);
void	tree_close(struct tree **);

/* The next entry: a folder comes before what it holds.  1; 0 at the end; -1 with errno
 * for one that cannot be looked at: entry->name tells which, and the next call goes on. */
int	tree_next(struct tree *, struct tree_entry *);

/* How many files and bytes lie beneath. */
void	tree_count(const char *root, uint64_t *files, uint64_t *bytes);

#endif
