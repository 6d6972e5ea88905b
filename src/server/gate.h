/* gate - which addresses may come at all, and whose word is taken for another address.
 * What the keys allow, deny and proxy-from say.  Asked before anything is sent, and before a session
 * costs anything. */

#ifndef SERVER_GATE_H
#define SERVER_GATE_H

#include <sys/socket.h>

#include <stdbool.h>

#include "server/config.h"
#include "session/progress.h"

struct gate;

/* NULL where none of the keys is set, which all functions take as an open gate; exits the process
 * where there is no memory. */
struct gate	*gate_open(const struct config *);

/* Whether whoever has this address may come.  Of the networks in allow and deny that hold it, the longest
 * decides, and deny where both have it; where there is an allow, whoever is in none may not.  Those
 * who come by a Unix socket always may.  Says so in the log if not, but each worker not more often than
 * once in a second. */
bool		 gate_admits(struct gate *, const struct sockaddr *);

/* Whether a connection from there begins with a PROXY header. */
bool		 gate_trusts(struct gate *, const struct sockaddr *);

/* Reads that header from the connection of a session that has just begun, and nothing behind it: the
 * peer is who it says from here on.  Waits in io/wait, until the deadline.  Whether he may come. */
bool		 gate_hears(struct gate *, struct progress *, int64_t deadline);

#endif
