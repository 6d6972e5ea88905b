/* upload - a file on its way in: staged, then published all at once.
 * Bytes go to a file in the reserved folder, on the file system of the target, and
 * get their final name by one rename after they were verified and fsynced.
 * Nobody ever sees half a file under a final name; what a crash leaves in staging
 * can be resumed until staging_ttl_ms is over. */

#ifndef STORE_UPLOAD_H
#define STORE_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

#define UPLOAD_SIZE_UNKNOWN	(-1)
#define UPLOAD_RESERVE_MIN	(256 * 1024)	/* bytes from which a declared size is reserved */

enum upload_condition { UPLOAD_ANY, UPLOAD_IF_NEW, UPLOAD_IF_THERE, UPLOAD_IF_DIGEST };

struct hold;

struct upload_want {
	int64_t		 size;		/* bytes, or UPLOAD_SIZE_UNKNOWN */
	bool		 has_digest, has_mtime, has_mode;
	struct digest	 digest;	/* of the whole content */
	struct timespec	 mtime;		/* else the time of publishing */
	unsigned	 mode;		/* permission bits; else 0666 less the umask */
	enum upload_condition condition;
	bool		 masked;	/* of the mode, what the umask leaves of it */
	bool		 imposed;	/* the condition is no wish of who sends it */
	struct digest	 current;	/* for UPLOAD_IF_DIGEST: what stands there now */
	bool		 in_flight;	/* small, and on its way already: nothing is refused before
					 * the bytes have come, and nothing is kept for a resume */
	bool		 resume;	/* go on with what was staged for the same user, path,
					 * size and digest, if anything */
	bool		 patient;	/* with resume: EAGAIN while somebody else is at it, who may be a
					 * connection that is just breaking; else a new one is begun */
	const char	*user;		/* "" for nobody in particular */
	struct hold	*hold;		/* NULL, or where it will wait for others: see hold.h */
};

struct upload;

/* Begins an upload to path.  Refused before a byte moves: EISDIR (path is a folder),
 * ENOENT (its folder is missing), EEXIST (UPLOAD_IF_NEW and there is something),
 * ESTALE (UPLOAD_IF_DIGEST and another digest stands there, UPLOAD_IF_THERE and nothing does), ENOSPC or EDQUOT (the
 * declared size does not fit), EROFS, EBADFD (something else stands in the place of the reserved folder, or it
 * cannot be written) ...  May block (a condition may have to hash). */
int	upload_open(struct store *, const struct path *, const struct upload_want *,
	    struct upload **);

/* Whether a file of the size, time and mode that are wanted stands at path already, and none whose digest is
 * known to be another; then *there is open.  Its bytes are still to be compared: a digest that is kept says
 * nothing of an edit after which the time was set back.  May block. */
bool	upload_stands(struct store *, const struct path *, const struct upload_want *, struct object *there);

/* Makes it and its name durable, if the store is.  0, or -1: ESTALE, something else has the name by now, or
 * it is a link; EIO ...  Blocks. */
int	upload_settle(struct store *, const struct path *, const struct object *there);

/* What is there already is to be taken into the digest before anything else is: upload_write() and
 * upload_publish() do so, unless somebody who has the time has done it before.  He gets the open file
 * and the state, lent, and how many bytes; 0: none. */
int64_t	upload_unhashed(struct upload *, int *fd, struct digest_state **);
void	upload_hashed(struct upload *);

/* How many bytes are there already: where the sender goes on. */
int64_t	upload_offset(const struct upload *);

/* Appends, and takes the bytes into the digest.  EFBIG past the declared size.
 * Faults stick: later calls and the publishing give the same errno. */
int	upload_write(struct upload *, const void *, size_t len);

/* Its two halves, for a caller who has both done with the same bytes, perhaps at the same time; the
 * prefix must have been hashed before.  The publishing relies on both. */
int	upload_put(struct upload *, const void *, size_t len);
void	upload_digest(struct upload *, const void *, size_t len);

/* The same two, of bytes that are in a pipe, and that are hashed from the file then, where it has them in
 * memory: is that so?  The digest may run beside what appends more. */
bool	upload_splices(const struct upload *);
int	upload_splice(struct upload *, int pipe, size_t len);
int	upload_digest_kept(struct upload *, int64_t from, size_t len);

/* Verifies size (EMSGSIZE: fewer bytes than declared) and digest (EBADMSG), makes the file
 * durable, gives it its name, makes the name durable.  On success *done says what
 * was kept (fd -1, digest known).  On failure nothing was published, and the
 * staged bytes are removed (EBADMSG, conditions) or kept for a resume (too few, or no room for the name); for EBADMSG
 * done->digest is that of the bytes which came; ENOTRECOVERABLE: somebody removed what was staged.  Either way
 * the upload is gone and *up is NULL.  EEXIST and ESTALE as in upload_open(). */
int	upload_publish(struct upload **up, struct object *done);

/* Gives up: what was staged stays for a resume if `keep` and it can be resumed (a declared
 * size, at least one byte), else is removed.  *up becomes NULL; NULL is nothing. */
void	upload_abandon(struct upload **up, bool keep);

/* A copy of `from` in the first store at `to` in the second, which may be the same: by
 * copy_file_range(2), staged and published like any upload; the digest goes along or is computed. */
int	store_copy(struct store *, const struct path *from, struct store *, const struct path *to,
	    bool only_new, struct object *done);

#endif
