/* needs - which rights a request needs.  One table for the protocols, which enforce it, and for
 * `cofferctl explain`, which tells of it. */

#ifndef AUTH_NEEDS_H
#define AUTH_NEEDS_H

#include <stdbool.h>

enum need {
	NEED_LIST, NEED_STAT, NEED_GET, NEED_HASH, NEED_PUT, NEED_DELETE, NEED_MKDIR, NEED_RMDIR,
	NEED_MOVE, NEED_COPY,		/* of what is moved or copied, */
	NEED_TO,			/* and of where to */
	NEED_SET_MTIME, NEED_SET_MODE, NEED_SPACE,
	NEEDS				/* how many */
};

/* Whether these rights are enough.  What is made or replaced besides is for RIGHT_CREATE and
 * RIGHT_REPLACE to say, once it is known whether there is something. */
bool	need_met(enum need, unsigned rights);

/* The rights of which all are needed, and those of which one is; either may be 0. */
unsigned need_all(enum need);
unsigned need_any(enum need);

/* The request's name, as in coffer-protocol(7); and back, in any case: NEEDS for none. */
const char *need_name(enum need);
enum need need_find(const char *name);

#endif
