/* master - binds, forks, reaps and respawns; never reads a byte from a client. */

#ifndef SERVER_MASTER_H
#define SERVER_MASTER_H

#include "server/config.h"
#include "server/inherit.h"
#include "server/pidfile.h"
#include "server/upgrade.h"

/* What a master begins with. */
struct master_start {
	const struct config_source *source;	/* where a reload reads from */
	const struct upgrade_self *self;	/* what an upgrade starts */
	struct inherited *inherited;
	struct pidfile	*pidfile;		/* or NULL */
};

/* Serves until a signal says stop, and returns the exit code: EX_UNAVAILABLE (69) where a
 * listener cannot be bound, which has been told by then.  Calls daemon_ready() once when all
 * workers accept; until then, daemon_complain() is how a fault reaches whoever started us.
 * *config is the master's from here on, and empty behind; of what was
 * inherited it takes what it uses. */
int	master_run(struct config *, const struct master_start *);

#endif
