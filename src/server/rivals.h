/* rivals - who is at the same work for the same client, in all workers of a generation. */

#ifndef SERVER_RIVALS_H
#define SERVER_RIVALS_H

#include "server/scoreboard.h"

/* How many sessions of the same client (socket_client()) have a request of the same verb in hand that came
 * before this one's: so the first to come are served, however many come at once. */
unsigned rivals_count(const struct scoreboard *, const struct progress *);

#endif
