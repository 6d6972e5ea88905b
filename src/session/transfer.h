/* transfer - the pump: the one place where store and stream meet. */

#ifndef SESSION_TRANSFER_H
#define SESSION_TRANSFER_H

#include "session/session.h"
#include "store/upload.h"

/* Bytes up to which a file is copied into the reply's buffer: two calls are saved, but a copy more is
 * made, which at about this size takes as long. */
#define TRANSFER_INLINE_MAX	8192

/* Sends `len` bytes of the object from `from`.  0, or -1 with the stream's fault (EPROTO: the
 * file has become shorter; the stream has failed, for its size was promised). */
int	transfer_send(struct session *, const struct object *, off_t from, uint64_t len);

/* The same, and the digest of what was sent. */
int	transfer_send_hashed(struct session *, const struct object *, off_t from, uint64_t len, struct digest *);

/* Takes `len` bytes from the stream into the upload.  0, or -1 with errno: the stream's fault,
 * or (stream_fault() is 0) the upload's; *left is how many of the bytes have not been
 * read then. */
int	transfer_receive(struct session *, struct upload *, uint64_t len, uint64_t *left);

#endif
