/* remote_int - what the files of remote share; nobody else includes it.
 * connect.c makes the connection, remote.c talks. */

#ifndef CLIENT_REMOTE_INT_H
#define CLIENT_REMOTE_INT_H

#include "client/remote.h"
#include "client/trust.h"
#include "io/stream.h"

#define REMOTE_LINE	8192		/* bytes of a request, with its line end */

struct remote {
	struct socket_url	 server;
	struct stream		*stream;	/* for input */
	struct stream_opts	 stream_opts;
	struct trust		 trust;
	char			*out;		/* OUT_ROOM bytes */
	size_t			 begin, end;	/* what of it is not sent yet */
	bool			 verbose, greeted;
	bool			 flushing;	/* replies are being taken from within send_all() */
	bool			 deaf;		/* the peer does not take bytes any more */
	int			 fault;
	char			 why[256];
	int			(*input)(void *);
	void			*input_arg;
};

/* Connects.  NULL with errno. */
struct remote	*remote_open(const struct socket_url *, int64_t timeout_ms, bool verbose);

/* A line of the protocol, for --verbose. */
void	remote_trace(const struct remote *, const char *arrow, const char *line, size_t len);

/* Room for `len` bytes behind what is gathered, which begin to count by r->end. */
char	*remote_room(struct remote *, size_t len);

#endif
