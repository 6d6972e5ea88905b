/* store - the tree: names to open descriptors, and the changes that are not uploads.
 * Every name is resolved beneath the root by the kernel (openat2(2)), so that no
 * symbolic link, rename or race leads out.  Returns 0 or -1 with errno throughout:
 *	ENOENT ENOTDIR EISDIR EEXIST ENOTEMPTY EACCES EPERM ELOOP ENAMETOOLONG
 *	ENOSPC EDQUOT EIO	as open(2), rename(2) ... say them
 *	EXDEV			a symbolic link leads out of the tree
 *	ENXIO			there, but neither a file nor a folder (FIFO, socket, device)
 *	EROFS			the store is read-only
 *	EBUSY			the root itself; a name that is being changed all the time
 * Calls block in the kernel; sessions wrap those that may take long in wait_call(). */

#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/digest.h"
#include "store/path.h"

struct usage;

enum store_symlinks { STORE_SYMLINKS_INSIDE, STORE_SYMLINKS_NEVER };

struct store_opts {
	const char		*root;		/* the folder to serve */
	bool			 writable;
	enum store_symlinks	 symlinks;	/* inside: followed while they stay inside */
	bool			 durable;	/* fsync before success is answered */
	int64_t			 staging_ttl_ms; /* how long an abandoned upload stays resumable */
	struct usage		*usage;		/* see usage.h; NULL: nobody counts */
	uint64_t		 quota;		/* bytes that the tree may hold; 0: no limit */
	uint64_t		 quota_files;	/* files, folders and links; 0: no limit */
	unsigned		 open_files;	/* descriptors kept between two requests; 0: none (opened.h) */
};

/* Takes note of which run of the machine this is, while /proc can be seen: stores that this process and
 * its children open later, perhaps where it cannot, rely on it. */
void		 store_note_boot(void);

struct store;

/* Opens the root.  The options are copied.  NULL with errno, and *why a static
 * sentence about what failed: ENOSYS where the kernel has no openat2(2). */
struct store	*store_open(const struct store_opts *, const char **why);
void		 store_close(struct store **);
bool		 store_writable(const struct store *);
bool		 store_durable(const struct store *);

/* What a name is. */
enum object_type { OBJECT_FILE, OBJECT_FOLDER, OBJECT_SYMLINK };

struct kept;

struct object {
	int		 fd;		/* open for reading; -1 where only asked about */
	struct kept	*kept;		/* fd is shared, and stays open; or NULL */
	enum object_type type;
	off_t		 size;		/* bytes; 0 for a folder */
	struct timespec	 mtime;
	unsigned	 mode;		/* permission bits, 07777 */
	ino_t		 inode;
	dev_t		 device;
	bool		 settled;	/* any later change of the file will show in its mtime */
	bool		 known;		/* whether the digest is known */
	struct digest	 digest;
};

/* Opens a regular file for reading (EISDIR for a folder).  The caller closes
 * object->fd, by object_close(), and reads from it by place alone, for others may have it, too.  A
 * FIFO does not block it. */
int	store_get(struct store *, const struct path *, struct object *);
void	object_close(struct object *);

/* For stores that keep files open.  A request has come: what it asks for is looked at anew.  To be
 * called after its bytes were received and before it is acted upon; requests that came in one piece may
 * share a call, and so may all that had come before a turn began: calls with the same `turn` are one.  It
 * is 0 for a request that may have come later.  Then, what is to be called once a second, which closes what nobody has asked for since
 * the one before the last; and to close all of it, and keep none until told otherwise. */
void	store_heard(struct store *, uint64_t turn);
void	store_tidy(struct store *);
void	store_pause(struct store *, bool pause);

/* What is at path, with the digest if it is known; object->fd is -1.  Follows
 * symbolic links, as store_get() does. */
int	store_stat(struct store *, const struct path *, struct object *);

/* Keeps the digest of an object that was read whole, if it is still the file that
 * was opened, unchanged (size, mtime, inode).  Best effort: where it cannot be
 * kept (no extended attributes, read-only store, a file that was written in the
 * same tick of the clock in which it was opened), -1 and nothing is changed. */
int	store_keep_digest(struct store *, const struct object *, const struct digest *);

/* Reads the kept digest of an open file whose stat is in *object into object->known and
 * ->digest.  For listings. */
void	store_known_digest(int fd, struct object *);

int	store_delete(struct store *, const struct path *);		/* a file or link; EISDIR */
int	store_rmdir(struct store *, const struct path *);		/* an empty folder */
int	store_mkdir(struct store *, const struct path *, bool parents);	/* parents: as mkdir -p */
/* Renames; replaces a file at `to` unless `only_new` (EEXIST).  EOPNOTSUPP between file
 * systems; EINVAL into itself; a folder replaces only an empty folder.  The kept digest
 * goes along. */
int	store_move(struct store *, const struct path *from, const struct path *to, bool only_new);
/* Whether a move would change what a symbolic link points to: it is one, or holds one that leads out of it,
 * and comes to another folder.  1, 0, or -1 with errno.  As long as it takes to look through a folder. */
int	store_move_strays(struct store *, const struct path *from, const struct path *to);
/* Changes what is not NULL, of a file or a folder; the kept digest stays valid.  Of the mode
 * only 0777 is set.  EACCES where we may not read it. */
int	store_set(struct store *, const struct path *, const struct timespec *mtime,
	    const unsigned *mode);

struct store_space {
	uint64_t	total, free, avail;	/* bytes; avail: to us */
	uint64_t	files_free;		/* inodes */
	bool		limited;		/* by a quota: the others are no larger than its rest */
	uint64_t	quota, used;		/* bytes; quota 0: none */
	uint64_t	quota_files, used_files;
};
int	store_space(struct store *, struct store_space *);

/* Removes staged uploads older than staging_ttl_ms that nobody holds, on the root's mount, and takes
 * back what was reserved for those whose process has died.  How many are removed. */
int	store_sweep(struct store *);

#endif
