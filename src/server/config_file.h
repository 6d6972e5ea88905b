/* config_file - one configuration file and what it includes, read by libConfuse.
 * Knows nothing of other sources of settings, nor how keys depend on one another. */

#ifndef SERVER_CONFIG_FILE_H
#define SERVER_CONFIG_FILE_H

#include <stdbool.h>

#include "server/config.h"

/* A configuration while it is put together. */
struct config_draft {
	struct config	 config;
	struct faults	*faults;	/* where what is wrong goes */
	char		*root_place;	/* where root was set last: "x.conf:3", or NULL; owned */
};

/* Takes what the file says into the draft, and each fault with its place into draft->faults.
 * An `optional` file may be missing.  Not for two threads at once: libConfuse's lexer keeps
 * its state in static variables. */
bool	config_file_read(struct config_draft *, const char *name, bool optional);

/* Sets one key at `place`; an unknown key or a bad value becomes a fault. */
void	config_draft_set(struct config_draft *, const char *place, const char *key,
	    const char *value);

#endif
