/* known - the certificates that were remembered, in ~/.config/coffer/known: a line "HOST:PORT sha256=HEX" for
 * each server. */

#ifndef CLIENT_KNOWN_H
#define CLIENT_KNOWN_H

#include "base/digest.h"

/* The file's name, in static memory; NULL where there is no place for one. */
const char	*known_file(void);

/* 1, 0 where that server is not in the file, or -1 with errno. */
int	known_find(const char *server, struct digest *);

/* Takes it into the file, in place of what was known of that server.  0, or -1 with errno; then the file is
 * as it was. */
int	known_remember(const char *server, const struct digest *);

#endif
