/* needs - which rights a request needs. */

#include <strings.h>

#include "auth/needs.h"
#include "auth/rights.h"

static const struct {
	const char	*name;
	unsigned	 all, any;
} needs[NEEDS] = {
	[NEED_LIST]	= { "LIST", RIGHT_LIST, 0 },
	[NEED_STAT]	= { "STAT", 0, RIGHTS_LOOK },
	[NEED_GET]	= { "GET", RIGHT_READ, 0 },
	[NEED_HASH]	= { "HASH", RIGHT_READ, 0 },
	[NEED_PUT]	= { "PUT", 0, RIGHT_CREATE | RIGHT_REPLACE },
	[NEED_DELETE]	= { "DELETE", RIGHT_DELETE, 0 },
	[NEED_MKDIR]	= { "MKDIR", RIGHT_CREATE, 0 },
	[NEED_RMDIR]	= { "RMDIR", RIGHT_DELETE, 0 },
	/* Without read, a file could be moved to where it may be read. */
	[NEED_MOVE]	= { "MOVE", RIGHT_READ | RIGHT_DELETE, 0 },
	[NEED_COPY]	= { "COPY", RIGHT_READ, 0 },
	[NEED_TO]	= { "TO", RIGHT_CREATE, 0 },
	[NEED_SET_MTIME] = { "SET", 0, RIGHT_REPLACE | RIGHT_ADMIN },
	[NEED_SET_MODE]	= { "SET-MODE", RIGHT_ADMIN, 0 },
	[NEED_SPACE]	= { "SPACE", 0, RIGHTS_ALL },
};

bool
need_met(enum need need, unsigned rights)
{
	return (rights & needs[need].all) == needs[need].all &&
	    (needs[need].any == 0 || (rights & needs[need].any) != 0);
}

unsigned
need_all(enum need need)
{
	return needs[need].all;
}

unsigned
need_any(enum need need)
{
	return needs[need].any;
}

const char *
need_name(enum need need)
{
	return needs[need].name;
}

enum need
need_find(const char *name)
{
	enum need need;

	for (need = 0; need < NEEDS; need++)
		if (strcasecmp(needs[need].name, name) == 0)
			break;
	return need;
}
