/* obituary - what a process was doing when it died, for the log and for the quarantine. */

#ifndef SERVER_OBITUARY_H
#define SERVER_OBITUARY_H

#include <stdbool.h>
#include <sys/types.h>

#include "server/crash.h"
#include "server/scoreboard.h"

/* A worker has died; before scoreboard_died().  Its requests in hand and its last words go to the
 * log, behind the pool's line that tells of the death.  Where it is known which session ran, the
 * quarantine counts that one's request, else all that were in hand; nothing where the death came from
 * outside (TERM, KILL, ALRM ...) and was no stall. */
void	obituary_of_worker(struct scoreboard *, unsigned row, int status);

/* The same for a child of this worker, whose session this was. */
void	obituary_of_session(struct scoreboard *, const struct progress *, int status);

/* The last words of one that still lives, if it has said any. */
bool	obituary_trace(struct scoreboard *, unsigned row, pid_t, const char *what);

#endif
