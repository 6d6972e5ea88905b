/* parse_proxy - the header that a proxy puts before a connection: PROXY protocol, versions 1 (a line)
 * and 2 (binary).  Pure.  Strict: what is not said exactly as the protocol has it is no header. */

#ifndef PARSE_PARSE_PROXY_H
#define PARSE_PARSE_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#include "parse/parse_cidr.h"

#define PROXY_MAX	2048	/* bytes of a header with all that may follow the addresses */

struct proxy_header {
	bool	 known;		/* it says whose connection it is; else it is the proxy's own, or one
				 * of which nothing can be said */
	uint8_t	 source[CIDR_ADDRESS];	/* whose, */
	uint16_t port;			/* and his port */
};

/* The length of the header that the bytes begin with; 0 where more must come; -1 where it is none,
 * or a longer one than PROXY_MAX.  Of PROXY_MAX bytes it is never 0. */
ssize_t	proxy_measure(const char *bytes, size_t len);

/* Takes a header of that length apart.  0, or -1: it is none. */
int	proxy_parse(struct proxy_header *, const char *bytes, size_t len);

#endif
