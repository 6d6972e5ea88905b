/* worker_int - what the files of worker share; nobody else includes it.
 * worker.c becomes a worker, worker_accept.c accepts, worker_session.c is a session's way through it. */

#ifndef SERVER_WORKER_INT_H
#define SERVER_WORKER_INT_H

#include "sched/sched.h"
#include "server/gate.h"
#include "server/receiver.h"
#include "server/worker.h"

struct worker {
	unsigned		 slot;
	const struct heritage	*heritage;
	const struct sched	*sched;
	struct scoreboard_row	*score;
	struct shares		 shares;
	struct session_opts	 session;
	int			 fds[LISTENERS_MAX];
	struct receiver		 receiver;
	struct gate		*gate;		/* or NULL: everybody may come */
	unsigned		 reopened;	/* logs, so often, when that session was accepted */
	int			 accepted;	/* the connection that a session is being started for */
	int64_t			 sweep;		/* when to look for abandoned uploads; one worker does */
	int64_t			 swept;		/* when it has done so */
	uint64_t		 losses;	/* processes that had died by then */
	unsigned		 sessions_max;
	int64_t			 retitle;	/* when the process's title is to be looked at again */
	unsigned		 titled;	/* sessions that it tells of */
};

/* All that sessions are to know and may do, from the heritage; `mime` may be NULL.  Also who the worker
 * is that the functions below serve. */
void	worker_open_sessions(struct worker *, const struct mime *);

/* Begins a session on fd, a connection that came in at the listener, or else the socket of an arrival, which goes
 * to it, whatever happens; a place must be free.  Waits where a process, a thread or memory for it cannot be
 * had.  0, also where the session was refused; or -1 with errno. */
int	worker_serve(struct worker *, int fd, const struct sockaddr *peer, socklen_t len,
	    const struct listener *, struct arrival *);

/* What ran out may be there again: says so, once in a while, and waits.  0, or -1 while draining. */
int	worker_shortage(int error);

/* The place of the session that runs, or -1.  Async-signal-safe. */
int	worker_running(void);

/* The accept loop: a sched's main function with the worker as its argument. */
void	worker_accept(void *worker);

/* Once in a while, as it is `now`, the title of the process; `more`: sessions that are about to begin. */
void	worker_retitle(struct worker *, int64_t now, unsigned more);

#endif
