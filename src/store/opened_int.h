/* opened_int - what the files of opened share; nobody else includes it.
 * opened.c keeps files, opened_folder.c the folders on the way to them. */

#ifndef STORE_OPENED_INT_H
#define STORE_OPENED_INT_H

#include <sys/queue.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/opened.h"
#include "store/store_int.h"

#define BUCKETS		1024
#define FOLDER_BUCKETS	64
#define ASKED		4096		/* paths of which it is remembered that somebody asked */

/* How statx(2) asks, of a name or, with AT_EMPTY_PATH, of a descriptor. */
#define LOOK_FLAGS	(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC)
#define LOOK_MASK	(STATX_TYPE | STATX_MODE | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_CTIME | \
			    STATX_MNT_ID)

/* A folder on the way to a kept file. */
struct folder {
	LIST_ENTRY(folder) bucket;
	struct folder	*parent;	/* NULL: the root */
	struct statx	 is;
	int		 fd;		/* O_PATH: while it is open its inode's number is nobody else's */
	unsigned	 users;		/* files and folders beneath */
	unsigned	 seen;		/* in its place; see opened.heard */
	bool		 listed;
	char		 name[];
};

struct kept {
	LIST_ENTRY(kept) bucket;
	TAILQ_ENTRY(kept) use;
	struct opened	*home;
	struct folder	*folder;
	struct statx	 is;
	struct digest	 digest;
	int		 fd;
	unsigned	 users;		/* objects that have not been closed */
	unsigned	 age;		/* what opened.age was at the last use */
	unsigned	 seen;		/* as what it is; see opened.heard */
	uint32_t	 hash;
	bool		 listed, known;
	uint16_t	 len, leaf;
	char		 name[];
};

struct opened {
	pthread_mutex_t	 lock;
	unsigned	 max, count;	/* descriptors */
	unsigned	 heard;		/* so often have requests come: what was seen since the last time
					 * need not be looked at again */
	_Atomic uint64_t turn;		/* whose requests were the last to come by their turn */
	unsigned	 age;
	bool		 paused;
	TAILQ_HEAD(uses_head, kept) uses;	/* the last used is the first */
	LIST_HEAD(, kept) bucket[BUCKETS];
	LIST_HEAD(, folder) folders[FOLDER_BUCKETS];
	uint32_t	 asked[ASKED];
};

/* All of these are called with the lock held. */

/* What a name within a folder is; a link is a link. */
int	opened_look(const struct store *, const struct folder *, const char *name, struct statx *);
bool	opened_same_inode(const struct statx *, const struct statx *);

/* The folder that holds the path, for one more user; *f is NULL if it is the root.  Whether it can
 * be kept.  What was entered is to be left, in either case. */
bool	opened_folder_of(struct store *, const struct path *, struct folder **f);
void	opened_folder_leave(struct opened *, struct folder *);	/* NULL is nothing */

/* Whether it is still where it was when it was opened: this is how the kernel goes down a path, only
 * that each folder on it is known to be one, and open. */
bool	opened_folder_holds(struct store *, struct folder *);

#endif
