/* listing - a folder, entry by entry, without ever holding all of it.
 * Entries come in the order of the file system, in batches, unless a sort was asked
 * for: then (and only then) memory is needed for each entry. */

#ifndef STORE_LISTING_H
#define STORE_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

#define LISTING_DEPTH_MAX	64	/* folders within folders that a recursive listing enters */
#define LISTING_ALL		UINT32_MAX

enum listing_sort { LISTING_UNSORTED, LISTING_BY_NAME, LISTING_BY_SIZE, LISTING_BY_MTIME };

/* What may be done to a name. */
#define LISTING_SHOW	1
#define LISTING_ENTER	2
#define LISTING_DIGEST	4		/* to tell its digest */

/* Something that is not in the folder, or hides what is: another store, or (NULL) a folder in which
 * there is nothing but others of these. */
struct listing_mount {
	const char	*name;		/* relative to the listed folder */
	size_t		 len;
	struct store	*store;
};

struct listing_opts {
	uint32_t	 depth;		/* 1: the folder itself; LISTING_ALL: everything beneath */
	enum listing_sort sort;		/* by bytes of the name; size and mtime
					 * descending, then name */
	const char	*match;		/* fnmatch(3) pattern for the last part of the name,
					 * or NULL; folders are entered all the same */
	const char	*after;		/* only names greater than this, or NULL; implies
					 * LISTING_BY_NAME */
	uint64_t	 limit;		/* entries at most; 0: all */
	bool		 digest;	/* look for kept digests */
	unsigned	(*may)(void *, const char *name, size_t len);	/* LISTING_*; NULL: everything */
	void		*may_arg;
	const struct listing_mount *mount;
	size_t		 mounts;
};

struct listing_entry {
	const char	*name;		/* relative to the listed folder, with slashes where
					 * depth > 1 */
	size_t		 len;
	struct object	 object;	/* fd is -1; a symbolic link is not followed */
};

struct listing;

/* Opens the folder at path (without a store, one of mounts only), or the single file at it (a listing of one entry whose name
 * is its leaf).  What opts points to must outlive the listing. */
int	listing_open(struct store *, const struct path *, const struct listing_opts *,
	    struct listing **);

/* Whether the listed path is a folder. */
bool	listing_is_folder(const struct listing *);

/* Reads the next batch: some hundred entries, a thousand after the first time; with a sort, all of them.  May block.
 * 1 if there are entries, 0 at the end, -1 with errno.  What cannot be listed on the way
 * does not stop it: the first such fault is told at the end, once, in place of the 0 (EACCES;
 * ENAMETOOLONG for what lies too deep, by LISTING_DEPTH_MAX or by PATH_LEN_MAX ...).
 * What vanished meanwhile is no fault. */
int	listing_fill(struct listing *);

/* Whether the next fill will read nothing, and thus not block. */
bool	listing_at_end(const struct listing *);

/* The next entry of the batch; good until the next fill.  1, or 0: fill again. */
int	listing_next(struct listing *, struct listing_entry *);

/* *l becomes NULL; NULL is nothing. */
void	listing_close(struct listing **l);

#endif
