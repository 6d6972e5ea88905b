/* hold_int - between hold.c (what waits) and commit.c (how it is published). */

#ifndef STORE_HOLD_INT_H
#define STORE_HOLD_INT_H

#include "store/hold.h"
#include "store/upload_int.h"

#define PLACES		8	/* file systems that one commit may span */

/* Up to so many files of a file system, an fsync of each: syncfs(2) writes out what everybody
 * else has there, too.  Their descriptors stay open. */
#define SYNC_EACH_MAX	8

/* A file system with held uploads.  The descriptor is older than their bytes, so that syncfs(2)
 * tells by it of each fault in writing them, whoever else has been told. */
struct place {
	int	fd;		/* its reserved folder, open for reading */
	dev_t	dev;
	ino_t	inode;
	bool	whole;		/* syncfs(2) is known to do what it says */
	size_t	count;		/* held uploads there */
	int	error;		/* of its syncfs(2) */
};

struct hold {
	struct store	*store;
	size_t		 max, count, room;
	struct upload	**at;	/* their `fault` is how they went */
	unsigned	 places, parts;
	struct place	 place[PLACES];
	bool		 done;	/* hold_publish() was there: only results are left */
	const struct store *last; /* the last upload's, */
	int		 root;	/* and which place is that of its root's mount, or -1 */
	size_t		 known;	/* bytes of the folder below; 0: none */
	char		 folder[PATH_MAX]; /* the last upload's, with its last slash */
};

/* Whether the files of a place are synced all at once. */
static inline bool
place_at_once(const struct place *p)
{
	return p->whole && p->count > SYNC_EACH_MAX;
}

#endif
