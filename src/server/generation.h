/* generation - one configuration at work: its listeners, its lifeline and its workers.
 * A reload puts the next one beside it; knows nothing of how that is decided. */

#ifndef SERVER_GENERATION_H
#define SERVER_GENERATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "server/config.h"
#include "server/listener.h"
#include "server/pool.h"
#include "server/worker.h"

#define GENERATION_STOP_MS	5000	/* from TERM to KILL, for a worker that does not go */
#define GENERATION_WHY		1280	/* bytes that hold any sentence of this module */

struct generation {
	TAILQ_ENTRY(generation) entry;
	unsigned	 number;	/* from 1 */
	int64_t		 began;		/* clock_ms() */
	struct config	 config;
	struct listeners listeners;
	struct heritage	 heritage;
	struct pool	*pool;
	int		 lifeline;	/* the pipe's write end; closing it drains the workers */
	unsigned	 accepting;	/* how many have accepted once, until all have */
	bool		 ready;		/* all have */
	unsigned	 places;	/* workers, and one that is being replaced */
	int		 old, young;	/* the places of that one, and of who replaces it; -1: nobody */
	bool		 leaving;	/* nobody is respawned, and who has not gone by kill_at is killed */
	int64_t		 kill_at;
};
TAILQ_HEAD(generation_list, generation);

/* Opens listeners, keeping those of `have` that it wants, takes rows of the scoreboard, and forks
 * nothing yet.  *config is the
 * generation's now, and empty behind.  NULL with a sentence, and *code one of sysexits; then *config
 * is still the caller's. */
struct generation *generation_open(unsigned number, struct config *config,
		    struct scoreboard *, const struct listeners *have, char why[GENERATION_WHY],
		    int *code);

/* Frees it, whose workers must all have gone, and closes its listeners but those that `next` (NULL:
 * nobody) has as well. */
void		 generation_close(struct generation **, const struct generation *next);

/* Closes the listeners here and now, but those that `next` has as well. */
void		 generation_deafen(struct generation *, const struct generation *next);

/* Forks what is due, or kills what is overdue.  When to come again. */
int64_t		 generation_step(struct generation *);

/* Readable when workers have become ready; and whether by that all of them are, for the first time. */
int		 generation_ready_fd(const struct generation *);
bool		 generation_count_ready(struct generation *);

/* Once all are ready: the lines that say what their sandbox is (aloud, where it is not whole), and their
 * TLS. */
void		 generation_tell_sandbox(const struct generation *);

/* Workers see the end of their lifeline, finish what they do, and go; within grace-timeout. */
void		 generation_drain(struct generation *);

/* Workers are told to go at once. */
void		 generation_stop(struct generation *);

#endif
