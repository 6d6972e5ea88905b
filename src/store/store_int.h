/* store_int - what the files of this folder share; nobody else includes it. */

#ifndef STORE_STORE_INT_H
#define STORE_STORE_INT_H

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>

#include "store/store.h"

#define STORE_BOOT	40		/* a UUID with its NUL, rounded up */

struct store {
	struct store_opts opts;		/* root is NULL: the descriptor is the root */
	int		  root;		/* O_PATH */
	uint64_t	  resolve;	/* RESOLVE_* of every openat2(2) */
	mode_t		  umask;	/* of the process, when the store was opened */
	int		  opener;	/* the process that opened it */
	uint64_t	  brief;	/* part of the names of brief staged files */
	atomic_uint	  briefs;	/* how many there have been */
	atomic_int	  owner;	/* the process that holds its lock by owner_fd; 0: none */
	atomic_int	  owner_fd;	/* see staging_lock.c; -1: none */
	atomic_int	  nameless;	/* see nameless.c */
	struct opened	 *opened;	/* or NULL: files are not kept open */
	char		  boot[STORE_BOOT]; /* the kernel's, as text: another one after the machine fell */
	_Atomic int	  staging;	/* the reserved folder of the root's mount, O_PATH;
					 * -1: not yet */
};

static inline int
fail_with(int error)
{
	errno = error;
	return -1;
}

/* store.c */

/* Opening for reading never waits (a FIFO) and never makes a terminal ours. */
#define STORE_READ	(O_RDONLY | O_NONBLOCK | O_NOCTTY)

/* openat2(2) beneath the root with O_CLOEXEC; "" is the root.  `more` are further
 * RESOLVE_* bits.  The descriptor or -1. */
int	store_resolve(struct store *, const char *name, int flags, uint64_t more);

/* The same for a name that has symbolic links on its way, all of which stay in the tree, and out of
 * the reserved folder.  follow.c */
int	store_follow(struct store *, const char *name, int flags, uint64_t how_to);

/* The same within any folder, with just these RESOLVE_* bits. */
int	store_resolve_in(int dirfd, const char *name, int flags, uint64_t how_to);

/* Opens the folder that holds path; the root path is EBUSY.  path->name + path->leaf is
 * then the name within.  In a durable store it is open for reading, so that it can be
 * fsynced, else O_PATH. */
int	store_parent(struct store *, const struct path *, uint64_t more);

/* fsync(2) of a folder that store_parent() opened, if the store is durable. */
int	store_sync_folder(struct store *, int dirfd);

/* Fills everything but fd, known, settled and digest.  ENXIO: neither file, folder nor link. */
int	object_from_stat(struct object *, const struct stat *);

/* Whether both say the same file in the same state, as far as a stat can tell. */
bool	object_unchanged(const struct object *, const struct object *);

/* usage.c */

/* Counts what is about to come: EDQUOT beyond the quota; and what has gone. */
int	usage_charge(struct store *, uint64_t bytes, uint64_t names);
void	usage_give_back(struct store *, uint64_t bytes, uint64_t names);
void	usage_gone(struct store *, const struct stat *);
uint64_t usage_size(const struct stat *);
void	usage_moved(struct store *, const struct stat *);	/* was renamed */

/* Notes how much of what is counted has not come yet, so that it is given back if this process dies;
 * owed->bytes is to be kept true.  NULL where nobody counts, or too many owe. */
struct usage_owed *usage_owe(struct store *, uint64_t bytes, uint64_t names);
void	usage_settle(struct usage_owed **);

/* Whether any later change of a file with this mtime will show in it. */
bool	object_settled(const struct timespec *mtime);

/* local.c: whether fd is on a disk or in memory of this machine, where what statx(2) says of a name is
 * what there is, and not what another machine said a moment ago; and where one inode is one content. */
bool	store_is_local(int fd);

/* digest_attr.c */

/* Keeps `digest` on fd as the digest of what object says. */
int	digest_keep(int fd, const struct object *, const struct digest *);

/* Hashes `len` bytes of fd into the state, the first at `from`.  EIO if there are fewer. */
int	digest_file(struct digest_state *, int fd, off_t from, off_t len);

/* change.c */

/* Renames; with only_new, EEXIST where there is something.  EOPNOTSUPP where the kernel
 * does not rename between the two folders. */
int	store_rename(int fromdir, const char *from, int todir, const char *to, bool only_new);

/* staging.c: the reserved folder, and the files in it that become uploads */

#define STAGING_NAME	64		/* a name in the reserved folder, with its NUL */
#define STAGING_BLOCK	65536		/* by which a file may take more room than its size */
#define STAGING_LOCKS	"lock"		/* the file whose bytes are the locks of paths */

struct staged {
	int	folder;			/* -1: none; given back by staging_leave() */
	int	fd;			/* open for both, locked by flock(2); -1: none */
	bool	fresh;			/* made now, with the mode that was asked for */
	bool	patient;		/* EAGAIN while somebody else is busy with it */
	bool	resumable;		/* has the name under which a resume looks for it */
	off_t	size;			/* bytes that are there already */
	off_t	found;			/* bytes that were there and are counted; -1: it is new */
	char	name[STAGING_NAME];	/* "": none, until nameless_name() */
};

/* openat(2) in the reserved folder, done again after a signal. */
int	staging_open(int folder, const char *name, int flags, mode_t);

/* Opens the reserved folder of the mount on which the folder of `path` is (open as
 * `parent`; `is_root` says that it is the root's mount).  `make`: where it is missing, else ENOENT. */
int	staging_enter(struct store *, const struct path *, int parent, bool is_root, bool make);
void	staging_leave(struct store *, int folder);

/* The same of the root's mount, which stays open: not to be left. */
int	staging_enter_root(struct store *, bool make);

/* Makes the one of the root's mount again, which somebody has removed while it was open. */
int	staging_enter_again(struct store *, int folder);

/* Makes st->name in st->folder, or goes on with what an earlier upload left under
 * it: as it is up to `max` bytes, else emptied.  Where somebody else is
 * busy with it, another name is taken, and the upload is not resumable. */
int	staging_take(struct store *, struct staged *, mode_t, off_t max);

/* Makes a file for bytes that are here in a moment: of a name that nobody looks for, and
 * without a lock of its own; the sweep leaves it alone while this process lives. */
int	staging_take_brief(struct store *, struct staged *, mode_t);

/* Opens and locks a file of the reserved folder that nobody is at.  Its descriptor, or -1: EBUSY, ENOENT. */
int	staging_claim(int folder, const char *name, struct stat *);

/* Whether that time is longer ago. */
bool	staging_older(const struct timespec *, int64_t ms);

/* Whether a file is so new that its maker may not have locked it yet. */
bool	staging_is_new(const struct stat *);

/* Whether more blocks are the file's than its bytes need, by what a large upload reserves. */
bool	staging_reserves(const struct stat *);

/* What is true of any that is new. */
void	staging_is_fresh(struct staged *);

/* staging_lock.c: a new name for a brief one, which nobody else has, in the folder; where that is the one which is
 * swept, a lock says from then on that this process lives.  0, or -1 with the errno of open(2) or fcntl(2). */
int	staging_name_brief(struct store *, int folder, char name[STAGING_NAME]);

/* Whether a name is that of a brief one; and whether it is, and its process has ended for certain. */
bool	staging_is_brief(const char *name);
bool	staging_is_orphan(int folder, const char *name);

/* staged.c: writes down, on a staged file that is left, whose it is, and of what size it was to be; and takes that away. */
void	staged_mark(int fd, const char *user, const char *path, off_t declared);
void	staged_unmark(int fd);

/* Gives it a name as that of a brief one, so that its lock may go. */
int	staging_hide(struct store *, struct staged *);

/* nameless.c */

/* As staging_take_brief(), but without a name where that can be had; else -1. */
int	nameless_take(struct store *, struct staged *, mode_t);

/* Gives it its final name in the folder, if nothing has that yet: 0, or -1 with EEXIST ... */
int	nameless_name(const struct staged *, int folder, const char *name);

/* Gives it the name of a brief one, so that it can replace something by a rename. */
int	nameless_hide(struct store *, struct staged *);

struct staged_name {
	int		 parent;	/* open folder */
	const char	*leaf;
};

/* Locks one or two names against all others who lock them, in all processes: whoever replaces or
 * removes what a name stands for, so that it is still the same after a look at it.  A
 * descriptor to close, or -1. */
int	staging_lock(int folder, const struct staged_name *, size_t n);

#endif
