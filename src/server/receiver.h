/* receiver - takes datagrams from the shared sockets and makes sessions of them.
 * What accept(2) is for a stream is here: a socket for each who asks, and the certainty that one
 * request is one session. */

#ifndef SERVER_RECEIVER_H
#define SERVER_RECEIVER_H

#include <pthread.h>
#include <stdbool.h>

#include "io/datagram.h"
#include "session/claims.h"
#include "session/session.h"

struct receiver {
	struct claims	*claims;
	bool		(*admits)(void *, const struct sockaddr *);	/* whether he may be heard at all; */
	void		*admits_arg;					/* NULL: all may */
	bool		 single;	/* sessions have the port of the listening socket */
	struct caught	*caught;	/* packets that a session's socket got before it was its own */
	struct guest	*guests;	/* sessions that are about to begin */
	pthread_mutex_t	 lock;		/* of guests: these may begin in a thread of their own */
};

#define RECEIVER_INIT	{ .lock = PTHREAD_MUTEX_INITIALIZER }

/* A datagram that is to become a session. */
struct arrival {
	const struct protocol	*protocol;
	struct datagram		*datagram;	/* from malloc(3), its socket open */
	claim			*claim;
};

/* The next datagram of the socket, which speaks that protocol.  1; 0 if there is none that needs a
 * session; -1 with errno where something is short. */
int	receiver_take(struct receiver *, int listener, const struct protocol *, struct arrival *);

/* The same for one that was caught by chance: 0 if there is none left. */
int	receiver_caught(struct receiver *, struct arrival *);

/* A session knows its slot of the scoreboard only: what else it needs waits here for it.  0, or -1
 * with ENOMEM, and the arrival is the caller's. */
int	receiver_put(struct receiver *, const struct progress *, const struct arrival *);

/* Fetches it, once: false if there is nothing. */
bool	receiver_get(struct receiver *, const struct progress *, struct arrival *);

/* Lets go of what will not be a session. */
void	receiver_drop(struct arrival *);

#endif
