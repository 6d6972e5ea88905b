/* roots - the folders that are served, and the stores over them.
 * A share of the configuration becomes one of reach.h here. */

#ifndef SERVER_ROOTS_H
#define SERVER_ROOTS_H

#include "server/config.h"
#include "server/privilege.h"
#include "session/reach.h"

struct usage;

/* Whether the workers' user can serve them all, and what is said by names holds in them: as
 * privilege_check(). */
int	roots_check(const struct config *, char why[PRIVILEGE_WHY]);

/* The memory in which the ith root's files are counted; the same for all generations that serve that
 * folder, and forked with them.  NULL with errno.  The master's. */
struct usage *roots_usage(const char *root);

/* Opens the stores.  `rooted`: the one root is all that this process sees; open_files: what all of them
 * together may keep open between two requests.  0, or -1 after a line in the log. */
int	roots_open(struct shares *, const struct config *, bool rooted, struct usage *const *usage,
	    unsigned open_files);
void	roots_close(struct shares *);

/* As store_tidy() and store_pause(), of all of them. */
void	roots_tidy(struct shares *);
void	roots_pause(struct shares *, bool);

/* Each of them may block: abandoned uploads are removed (how many); files are counted, where there
 * is a quota and nobody has counted within so many milliseconds. */
int	roots_sweep(struct shares *);
void	roots_count(struct shares *, int64_t ms);

#endif
