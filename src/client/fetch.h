/* fetch - files and trees from a server to the disk, over one connection.
 * A window of requests is on its way at any time; the replies come in order.
 * Nothing has its final name before it is whole and verified. */

#ifndef CLIENT_FETCH_H
#define CLIENT_FETCH_H

#include "client/local.h"
#include "client/place.h"

struct fetch_opts {
	bool	resume;		/* go on from part files, and after a lost connection */
	bool	keep;		/* leave files alone that exist here */
	bool	recursive;
	int	out;		/* write to this descriptor, not to files; -1: no */
};

struct fetch;

struct fetch	*fetch_new(struct client *, const struct fetch_opts *);
void	fetch_free(struct fetch *);

/* Something to fetch from a place to `name` beneath the target; both must outlive the fetch. */
void	fetch_add(struct fetch *, const struct place *, struct target *, const char *name);

/* Fetches what was added.  The exit code; results are counted in `tally` as well.
 * A code of which fetch_broken() is true means that nothing further can be done. */
int	fetch_run(struct fetch *, struct tally *);
bool	fetch_broken(const struct fetch *);

#endif
