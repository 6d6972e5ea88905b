/* usage - how much a tree holds, known to all processes that serve it, and its quota.
 * Counted once by a walk, and from then on by each change that goes through a store.  What others
 * change behind its back shows at the next walk. */

#ifndef STORE_USAGE_H
#define STORE_USAGE_H

#include <stdatomic.h>
#include <stdint.h>

#include "store/store.h"

/* All only grow.  What there is, is the difference of the first two. */
struct usage_count {
	_Atomic uint64_t came, went;
	_Atomic uint64_t moved;		/* renamed: a walk may have missed it, or seen it twice */
};

/* What is counted for an upload and has not come yet, and whose it is.  Where there is no place
 * left, what a dead process had stays counted until the next walk.  Small ones leave half of them to others. */
#define USAGE_OWERS	1024

struct usage_owed {
	atomic_int	 pid;		/* the process that runs the upload; 0: a free place */
	atomic_int	 worker;	/* that it belongs to, or itself */
	_Atomic uint64_t bytes;
	_Atomic uint64_t names;
};

/* In memory that all processes share; zeroed, it is one that nobody has counted yet. */
struct usage {
	struct usage_count bytes;	/* of files by their sizes, with those in staging */
	struct usage_count names;	/* files, folders and links */
	atomic_bool	 counted;	/* until then, the quota holds nobody up */
	atomic_bool	 counting;
	_Atomic int64_t	 began;		/* clock_ms() of the last walk */
	struct usage_owed owed[USAGE_OWERS];
};

/* A worker or one of its processes has died: what it owed is given back. */
void	usage_bury(struct usage *, pid_t);

/* Walks the tree and puts the count right, unless the changes that came meanwhile may be all that is
 * between the two.  May take long.  0, or -1 with errno (EBUSY: somebody else is at it). */
int	store_count(struct store *);

/* Whether there is a quota, and nobody has counted yet, or within so many milliseconds. */
bool	store_count_due(struct store *, int64_t ms);

/* What there is; either may be NULL.  Whether there is a quota, and it was counted. */
bool	store_used(struct store *, uint64_t *bytes, uint64_t *names);

#endif
