/* progress - what can be known of one session from outside, in its slot of the scoreboard.
 * The session's own process writes, the master and others read, each in its own time: nobody
 * waits for anybody, and nothing here is a pointer, for what a stranger's bytes may have
 * broken must not lead a reader astray. */

#ifndef SESSION_PROGRESS_H
#define SESSION_PROGRESS_H

#include <netinet/in.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/stream.h"

#define PROGRESS_VERB	12	/* bytes of a verb, with its NUL */
#define PROGRESS_USER	40	/* bytes of a user's name, with its NUL */
#define PROGRESS_PATH	200	/* bytes of a path, without NUL; of a longer one the beginning */

enum progress_state {
	PROGRESS_FREE,		/* the slot is nobody's */
	PROGRESS_IDLE,		/* between two requests */
	PROGRESS_BUSY		/* a request is in hand */
};

/* The fields up to `fixed` are single words that stand for themselves.  Those behind it belong
 * together: they change between two steps of `turn`, and are read by progress_read(). */
struct progress {
	_Alignas(64) atomic_uint turn;	/* odd while the rest is being written */
	atomic_uint	 next;		/* in the scoreboard's list of free slots */
	atomic_int	 pid;		/* the process that runs the session */
	atomic_int	 fd;		/* its socket in that process; -1: none any more */
	atomic_uchar	 state;		/* enum progress_state */
	atomic_uchar	 accounts;	/* of limits.h, in which it counts: session_leave() knows */
	_Atomic uint64_t kick;		/* 1 + the number of the session that is to end */
	_Atomic uint64_t requests;
	struct stream_meter meter;	/* bytes so far */

	uint64_t	 number;	/* as in the log */
	int64_t		 began;		/* clock_us() at accept */
	int64_t		 since;		/* clock_us() when the request came */
	uint64_t	 counted;	/* bytes moved before the request */
	struct sockaddr_in6 peer;	/* or any shorter address */
	uint8_t		 protocol;	/* its place in the table of protocols */
	bool		 proxied;	/* the peer is who a proxy says */
	bool		 tls_required;	/* where it came in, nothing is served in clear */
	char		 user[PROGRESS_USER];
	char		 verb[PROGRESS_VERB];	/* of the request in hand, or of the last one */
	uint32_t	 path_len;	/* of the whole path */
	uint32_t	 path_sum;	/* of all that did not fit, or 0 */
	char		 path[PROGRESS_PATH];	/* without its first slash; any bytes */
};
_Static_assert(sizeof(struct progress) == 384, "a slot of the scoreboard has grown");

/* A session begins: everything of the slot's last one is forgotten.  The state becomes IDLE. */
void	progress_open(struct progress *, uint64_t number, int fd, const struct sockaddr *peer,
	    socklen_t, uint8_t protocol);

/* A request is in hand from here to progress_answered().  The path as it is, without its first slash. */
void	progress_request(struct progress *, const char *verb, const char *path, size_t len,
	    int64_t since);
void	progress_answered(struct progress *);

/* It comes from a proxy, which says who the peer is; NULL: nobody. */
void	progress_proxied(struct progress *, const struct sockaddr *peer, socklen_t);

/* Who it is, once that is known. */
void	progress_user(struct progress *, const char *user);

/* The socket will be closed: a kick that comes now does not touch it any more. */
void	progress_leave(struct progress *);

/* Cuts the connection, in the session's own process; async-signal-safe. */
void	progress_shutdown(struct progress *);

/* A copy that is of one moment.  Whether there is a session in the slot; the copy of one whose writer
 * has died in the middle, or does not come on, is taken as it is, and may be torn: its turn is 1, else 0. */
bool	progress_read(const struct progress *, struct progress *copy);

/* The path as it may be shown, with its slash and "..." where it was too long.  Returns dst. */
#define PROGRESS_SHOWN	(4 * PROGRESS_PATH + 8)
char	*progress_path(char dst[PROGRESS_SHOWN], const struct progress *copy);

#endif
