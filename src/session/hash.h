/* hash - the digest of a file, or of a part of it, piece by piece.
 * Where a model has helper threads, one of them does it, and nobody is held up. */

#ifndef SESSION_HASH_H
#define SESSION_HASH_H

#include "session/session.h"

/* Takes `len` bytes of fd from `from` into the state.  0, or -1 with errno: EPROTO where the file ends
 * early, ECONNRESET once the peer has gone (the stream has failed then). */
int	hash_range(struct session *, int fd, off_t from, uint64_t len, struct digest_state *);

#endif
