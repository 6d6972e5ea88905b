/* staged - what lies in the reserved folder to be resumed: its list, and its removal. */

#ifndef STORE_STAGED_H
#define STORE_STAGED_H

#include "store/store.h"

#define STAGED_USER	64	/* bytes of a user's name with its NUL */

struct staged_entry {
	const char	*name;		/* in the reserved folder */
	off_t		 size;		/* bytes that are there */
	off_t		 declared;	/* of so many; -1: unknown */
	struct timespec	 mtime;
	bool		 busy;		/* somebody is at it now */
	bool		 known;		/* user and path are; else the upload is a small one and younger
					 * than its first interruption, or its worker has died */
	char		 user[STAGED_USER];
	char		 path[PATH_MAX];	/* without its first slash; any bytes but NUL */
};

/* Calls fn for each, on the root's mount; the entry is lent.  How many, or -1 with errno. */
int	store_staged(struct store *, void (*fn)(void *, const struct staged_entry *), void *arg);

/* Removes one of that name.  ENOENT; EBUSY while somebody is at it. */
int	store_staged_remove(struct store *, const char *name);

#endif
