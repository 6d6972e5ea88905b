/* stall - notices workers that do not move any more, and has them replaced.
 * What a worker's heart is depends on its model: the loop of the coroutines, the accept loop
 * under thread and fork, and under serial also every wait of its one session.  It is counted in the
 * scoreboard; here it is listened to.  Only time in which the master itself was awake counts, so
 * that a machine that slept, or a pool that was stopped as a whole, does not lose its workers. */

#ifndef SERVER_STALL_H
#define SERVER_STALL_H

#include <stdint.h>

#include "server/scoreboard.h"

struct stall;

/* NULL with ENOMEM. */
struct stall	*stall_open(struct scoreboard *);
void		 stall_close(struct stall **);

/* Listens to every worker of the scoreboard; one that was not heard for timeout_ms is asked where
 * it is, which goes to the log, and soon after killed.  0: nobody is killed.  When to be called
 * next (clock_ms()). */
int64_t		 stall_look(struct stall *, int64_t timeout_ms);

#endif
