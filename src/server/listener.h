/* listener - the sockets that all workers accept on.
 * Opened once, by the master, before anything forks. */

#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stddef.h>

#include "server/config.h"
#include "session/session.h"

#define LISTENERS_MAX	64	/* sockets; a name may have several addresses */

struct listener {
	int			 fd;
	const struct protocol	*protocol;
	char			 name[1100];	/* "coffer://127.0.0.1:26333" or "unix:/path" */
};

struct listeners {
	struct listener	 at[LISTENERS_MAX];
	size_t		 count;
};

/* Binds all that the configuration names.  0, or -1 with errno and *which the URL that failed;
 * then none is open. */
int	listeners_open(struct listeners *, const struct config *, const char **which);

/* Closes them; `unlink_unix` also takes the files of Unix sockets away. */
void	listeners_close(struct listeners *, int unlink_unix);

#endif
