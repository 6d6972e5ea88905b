/* control - the socket by which an administrator talks to the master.
 * One line comes, one line goes, and the connection ends.  Never blocks: what is slow, silent or
 * talks nonsense is dropped by a deadline.  Knows nothing of what the commands do. */

#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONTROL_LINE_MAX	1024			/* bytes of a request, with its line end */
#define CONTROL_CLIENTS_MAX	160			/* at once; more wait to be accepted */
#define CONTROL_REPLIES_MAX	(64 * 1024 * 1024)	/* bytes of replies that are not taken yet, */
							/* before further requests have to wait */
#define CONTROL_REQUEST_MS	5000			/* to send a request */
#define CONTROL_REPLY_MS	10000			/* to take a reply */
#define CONTROL_WHY		512			/* bytes that hold any sentence of this module */
#define CONTROL_POLL_MAX	(CONTROL_CLIENTS_MAX + 1)

struct control;
struct control_client;

/* A request, without its line end; printable.  May be changed.  Must be followed by one of
 * control_reply(), control_hold() or, later, a reply to the one who is held. */
typedef void control_serve(void *arg, struct control_client *, char *line);

/* Listens at path, or goes on with the socket that was handed over, which is -1 or ours now.  A stale
 * socket is replaced.  NULL with a sentence: a live one, one that is somebody else's. */
struct control	*control_open(const char *path, int handed, control_serve *, void *arg,
		    char why[CONTROL_WHY]);

/* Removes the socket of that name if it is ours and nobody listens on it. */
void		 control_clear(const char *path);

/* Removes sockets from the folder on which nobody listens, and whose names begin so. */
void		 control_sweep(const char *dir, const char *prefix);

/* Drops everybody; `unlink` also takes the socket's file away.  NULL is nothing. */
void		 control_close(struct control **, bool unlink);

int		 control_fd(const struct control *);

/* Says what to wait for: up to CONTROL_POLL_MAX places are filled, and *until is made earlier
 * where somebody's time ends. */
size_t		 control_poll(struct control *, struct pollfd *, int64_t *until);

/* Does what can be done, after poll(2) of just these. */
void		 control_turn(struct control *, const struct pollfd *, size_t n);

/* Sends the text (malloc'ed, and taken; NULL closes at once) and a line end, and hangs up, or with
 * `keep` leaves the connection open until control_close(): its end tells that the server has gone. */
void		 control_reply(struct control_client *, char *text, bool keep);

/* The connection of one who is answered otherwise: lent, until control_reply(). */
int		 control_client_fd(const struct control_client *);

/* The reply comes later: a number of the caller's that is not 0 says on what occasion. */
void		 control_hold(struct control_client *, int occasion);

/* Those who are held for `from` are held for `to` from here on. */
void		 control_regroup(struct control *, int from, int to);

/* The next who is held for that occasion, or NULL. */
struct control_client *control_held(struct control *, int occasion);

#endif
