/* netascii - text as TFTP sends it: LF is CR LF, and CR is CR NUL. */

#include "parse/netascii.h"

#include <string.h>

size_t
netascii_encode(struct netascii *n, const char **src, size_t *len, char *dst, size_t size)
{
	const char *s = *src, *end = s + *len;
	char *d = dst, *full = dst + size;

	while (d < full) {
		if (n->pending != -1) {
			*d++ = (char)n->pending;
			n->pending = -1;
			continue;
		}
		if (s == end)
			break;
		if (*s == '\n' || *s == '\r') {
			n->pending = *s == '\n' ? '\n' : '\0';
			*d++ = '\r';
		} else
			*d++ = *s;
		s++;
	}
	*src = s;
	*len = (size_t)(end - s);
	return (size_t)(d - dst);
}

size_t
netascii_decode(struct netascii *n, const char *src, size_t len, char *dst)
{
	const char *end = src + len;
	char *d = dst;

	for (; src < end; src++) {
		if (n->pending != -1) {
			n->pending = -1;
			if (*src == '\n' || *src == '\0') {
				*d++ = *src == '\n' ? '\n' : '\r';
				continue;
			}
			*d++ = '\r';
		}
		if (*src == '\r')
			n->pending = '\r';
		else
			*d++ = *src;
	}
	return (size_t)(d - dst);
}

size_t
netascii_end(struct netascii *n, char *dst)
{
	if (n->pending == -1)
		return 0;
	n->pending = -1;
	*dst = '\r';
	return 1;
}
