/* master_int - what the files of the master share: master.c the loop, reload.c the change of
 * configuration, handover.c that of the binary. */

#ifndef SERVER_MASTER_INT_H
#define SERVER_MASTER_INT_H

#include <limits.h>

#include "server/admin.h"
#include "server/authority.h"
#include "server/config.h"
#include "server/control.h"
#include "server/faults.h"
#include "server/generation.h"
#include "server/master.h"
#include "server/stall.h"
#include "server/upgrade.h"

#define MASTER_LEAVING_MAX	8	/* generations that drain at once, before a reload has to wait */
#define MASTER_GENERATIONS_MAX	(MASTER_LEAVING_MAX + 8)	/* with those that were abandoned */

/* What came of the last one. */
struct verdict {
	int64_t		 when;			/* clock_ms(); 0: there was none */
	bool		 done;
	struct faults	 said;
};

struct master {
	const struct master_start *start;
	struct stall	*stall;
	struct authority *authority;
	struct scoreboard *scoreboard;
	struct generation_list generations;	/* all that have workers, the newest first */
	struct generation *serving;
	struct generation *coming;		/* a reload's, until it is ready; or NULL */
	unsigned	 generation;		/* the number of the newest */
	bool		 reload_wanted;
	int64_t		 reload_until;		/* when patience with the coming one ends */
	struct faults	 reload_notes;		/* what its verdict will say besides */
	struct upgrade	 upgrade;
	bool		 upgrade_wanted;
	bool		 in_charge;		/* of the control socket and all other names: false before
						 * and after another binary is */
	pid_t		 elder;			/* the master before us, which started us; or 0 */
	char		 control_left[PATH_MAX];	/* the name of the control socket that it had and we do
						 * not go on with; or "" */
	struct verdict	 last[ADMIN_TASKS];	/* of reloads and upgrades */
	struct pidfile	*pidfile;		/* or NULL */
	struct control	*control;		/* or NULL */
	bool		 control_handed;	/* its file is the service manager's */
	int64_t		 began;			/* clock_ms() */
	bool		 ending;
	int		 code;			/* to exit with */
};

/* From here on nobody is respawned: workers finish what they do, or stop at once. */
void	master_drain(struct master *);
void	master_stop(struct master *);

/* Begins the upgrade that is wanted, as soon as it can begin, and abandons one that takes too long.
 * When to come again. */
int64_t	upgrade_step(struct master *);

/* Something has come from the new binary; or a child of ours has died: whether it was that. */
void	upgrade_turn(struct master *);
bool	upgrade_died(struct master *, pid_t, int status);

/* If there is an upgrade, it is given up. */
void	upgrade_abandon(struct master *, const char *why);

/* As the new binary, or as one that nobody has called: listeners are open; all workers accept; the
 * wire has something; it is over. */
void	handover_sort(struct master *);
void	handover_ready(struct master *);
void	handover_turn(struct master *);
void	handover_end(struct master *);

/* Begins the reload that is wanted, as soon as it can begin, and abandons one that takes too long.
 * When to come again. */
int64_t	reload_step(struct master *);

/* The coming generation accepts: it serves from now on, and the old one drains. */
void	reload_commit(struct master *);

/* The coming generation is given up; the serving one goes on. */
void	reload_abandon(struct master *, const char *why);

/* Opens the log's files again, here and in all workers.  0, or -1 with errno. */
int	master_reopen(struct master *);

#endif
