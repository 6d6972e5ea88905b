/* send - files and folders to a server, over one connection.
 * Requests are sent without waiting for replies, and replies are taken while sending,
 * so that neither side waits for the other for ever. */

#ifndef CLIENT_SEND_H
#define CLIENT_SEND_H

#include "client/place.h"

struct send_opts {
	bool	resume;		/* large files go on where they were interrupted */
	bool	keep;		/* leave files alone that exist there */
	bool	hold;		/* small files are published many at a time, if the server can */
};

struct send;

/* The place tells the server, and is lent. */
struct send *send_new(
    struct client *, const struct place *, const struct send_opts *, struct tally *);
void	send_free(struct send *);

/* A folder and those above it, where they are missing.  Of this and the next: 0, or -1: the
 * connection is of no use, see send_finish(). */
int	send_folder(struct send *, const char *remote);

/* The file `leaf` of the open folder dir, called `local` from here.  `named`: by the user. */
int	send_file(struct send *, int dir, const char *leaf, const char *local, const char *remote,
	    bool named);

/* All bytes of a pipe. */
int	send_pipe(struct send *, int fd, const char *remote);

/* Takes all replies that are due.  The exit code of everything. */
int	send_finish(struct send *);

#endif
