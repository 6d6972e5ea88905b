/* each - one thing after the other, for commands that ask something of each operand. */

#ifndef CLIENT_EACH_H
#define CLIENT_EACH_H

#include "client/place.h"
#include "client/remote.h"

/* Calls fn for each operand, on a connection to its server; for the server's own path if there
 * is none and `none` allows it.  fn returns an exit code.  After a lost connection, the next
 * operand tries a new one.  The exit code of all. */
int	each_place(struct client *, int argc, char **argv, bool none,
	    int (*fn)(struct client *, const struct place *, void *), void *arg);

/* Asks, and tells a refusal.  An exit code: DONE with the reply. */
int	ask_for(struct client *, struct coffer_reply *, const char *verb, const char *path,
	    const char *options);

/* Whether the path is a folder: 1, 0 if it is none or cannot be told, or -1 with the exit code in
 * *code: the connection is of no use. */
int	ask_is_folder(struct client *, const char *path, int *code);

#endif
