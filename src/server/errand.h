/* errand - what an administrator wants done with names that clients have chosen.
 * The master, which may be root, looks at none of them: a child of it becomes what a worker is, user,
 * sandbox and all, does the one thing, answers the asker itself, and ends. */

#ifndef SERVER_ERRAND_H
#define SERVER_ERRAND_H

#include "server/worker.h"

#define ERRANDS_MAX	4	/* children at once */
#define ERRAND_S	120	/* seconds after which one ends, done or not */

/* Begins one, which answers over fd, its own copy of which it has: a list of what lies in staging
 * (NULL), or the removal of `what`: "all", "older=SECONDS", or "id=NAME".  0, or -1 with errno: EAGAIN
 * where there are too many. */
int	errand_staged(const struct heritage *, int fd, const char *what);

/* A child has died: whether it was one. */
bool	errand_died(pid_t);

#endif
