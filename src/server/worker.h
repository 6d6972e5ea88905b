/* worker - accepts on the shared sockets and runs sessions, unprivileged.
 * One process of the pool, from fork to exit. */

#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include "server/config.h"
#include "server/listener.h"
#include "server/sandbox.h"
#include "server/scoreboard.h"
#include "session/claims.h"
#include "session/limits.h"

/* What crosses the fork; every other descriptor is closed. */
struct heritage {
	const struct config	*config;
	const struct listeners	*listeners;
	struct scoreboard	*scoreboard;
	struct claims		*claims;	/* of requests that came as datagrams */
	unsigned		 first_row;	/* the generation's, in the scoreboard */
	struct sandbox_level	*sandbox;	/* in shared memory: what slot 0 reached, before it was ready */
	int			 lifeline;	/* the pipe's read end */
	struct usage		**usage;	/* of each root; shared by all generations */
	struct limits		*limits;	/* shared likewise; NULL: nothing is limited */
	int			 login;		/* where the authenticator is asked; -1: nobody can log in */
	int			 ready;		/* an eventfd: 1 is added when a worker accepts */
};

/* Serves until the lifeline ends, then until its sessions have ended.  Does not return: exits
 * with 0, or one of sysexits where it cannot begin. */
_Noreturn void	worker_run(unsigned slot, const struct heritage *);

/* Becomes what a worker of the heritage is, user, sandbox and all, but to accept nothing: for a child
 * of the master.  Descriptors that are not on the list are closed, and the shares opened.  0; or -1, or
 * the end of this process, where that fails, which is logged. */
int	worker_confine(const struct heritage *, const char *name, struct shares *);

#endif
