/* siphon - an upload from a plain socket by a pipe into the file: one copy less than by way of our memory. */

#ifndef SESSION_SIPHON_H
#define SESSION_SIPHON_H

#include "session/session.h"
#include "store/upload.h"

#define SIPHON_MIN	(1024 * 1024)	/* bytes of a body from which a pipe is worth its making */

/* Takes *left bytes from the stream into the upload, and counts *left down.  0, also where it stops because
 * this socket, or the number of pipes, does not allow it: *left is then what another way is to take.
 * -1 with errno as transfer_receive(). */
int	siphon_receive(struct stream *, struct upload *, uint64_t *left);

#endif
