/* netascii - text as TFTP sends it (RFC 1350, RFC 764): LF is CR LF, and CR is CR NUL.
 * Pure.  What a block cuts in two is remembered for the next. */

#ifndef PARSE_NETASCII_H
#define PARSE_NETASCII_H

#include <stddef.h>

struct netascii {
	int	pending;	/* the second byte of a pair, to be written; decoding: a CR was
				 * read; -1 for nothing */
};

#define NETASCII_START	{ .pending = -1 }

/* Encodes from *src, of *len bytes, until it is used up or dst, of `size` bytes, is full: *src and
 * *len are what is left.  How many bytes were written. */
size_t	netascii_encode(struct netascii *, const char **src, size_t *len, char *dst, size_t size);

/* Decodes all of it; dst has room for len + 1 bytes.  A CR that is followed by neither LF nor NUL
 * stays as it is.  How many bytes were written. */
size_t	netascii_decode(struct netascii *, const char *src, size_t len, char *dst);

/* The end of what is decoded: a CR may be left.  How many bytes were written, 0 or 1. */
size_t	netascii_end(struct netascii *, char *dst);

#endif
