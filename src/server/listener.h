/* listener - the sockets that all workers accept on.
 * Opened by the master before anything forks; the next generation, or the next binary, keeps
 * those that it has use for. */

#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

#include "server/config.h"
#include "session/session.h"

#define LISTENERS_MAX	64	/* sockets; a name may have several addresses */

struct listener {
	int			 fd;
	const struct protocol	*protocol;
	char			*url;		/* as configured, or as whoever handed it over named it */
	bool			 tls_required;	/* nothing is served in clear there */
	bool			 handed;	/* not ours to remove: the service manager's */
	char			 name[1100];	/* "coffer://127.0.0.1:26333" or "unix:/path" */
};

struct listeners {
	struct listener	 at[LISTENERS_MAX];
	size_t		 count;
};

/* Binds all that the configuration names (one that is only a default and cannot be bound is
 * passed over with a line in the log), but keeps those of `have` (NULL: nothing) that are bound
 * to the same addresses.  Where the configuration names none, and `have` holds some that were
 * handed, these are what is served.  0, or -1 with errno and *which the URL that failed; then
 * everything is as it was. */
int	listeners_open(struct listeners *, const struct config *, const struct listeners *have,
	    const char **which);

/* Takes a socket that was handed over under that name into the list.  0, or -1 with errno where
 * there is no room, or fd is not bound as that protocol needs it; fd is the caller's then. */
int	listeners_add(struct listeners *, int fd, const char *name);

/* The first that speaks this protocol, or NULL. */
const struct listener	*listeners_first(const struct listeners *, const char *protocol);

/* Whether one takes datagrams, of a port up to `port`. */
bool	listeners_take_datagrams(const struct listeners *, unsigned port);

/* Whether one has that name. */
bool	listeners_have(const struct listeners *, const char *name);

/* Closes them, except those that are also in `but` (NULL: nothing); `unlink_unix` takes the files
 * of Unix sockets away. */
void	listeners_close(struct listeners *, const struct listeners *but, bool unlink_unix);

#endif
