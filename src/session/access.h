/* access - the line of the access log in each of its formats.
 * Pure: what happened in, bytes out. */

#ifndef SESSION_ACCESS_H
#define SESSION_ACCESS_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum access_format { ACCESS_NONE, ACCESS_TEXT, ACCESS_JSON, ACCESS_XFERLOG };

#define ACCESS_MAX	2048	/* bytes of a line; of a path that does not fit, the beginning */

struct access {
	struct timespec	 now;		/* when the request was answered */
	const char	*id;		/* the session's number */
	const char	*peer, *user;	/* the user is "" where nobody logged in */
	const char	*protocol, *verb;
	const char	*path;		/* made visible: as text_visible() writes it */
	int		 code;
	uint64_t	 bytes;
	int64_t		 us;		/* that it took */
};

/* The line, without its end.  Its length; 0 where the format has no line for such a request
 * (xferlog tells of transfers and deletions only). */
size_t	access_line(char dst[ACCESS_MAX], enum access_format, const struct access *);

#endif
