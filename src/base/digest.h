/* digest - SHA-256 (FIPS 180-4), by OpenSSL.
 * Knows bytes; knows nothing of files. */

#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_LEN	32			/* bytes */
#define DIGEST_HEX	(2 * DIGEST_LEN + 1)	/* its text with the NUL */

struct digest {
	uint8_t	byte[DIGEST_LEN];
};

struct digest_state;	/* a computation under way; used by one thread at a time */

/* A new computation; NULL with ENOMEM. */
struct digest_state	*digest_begin(void);

/* Takes `len` more bytes. */
void	digest_update(struct digest_state *, const void *, size_t len);

/* The digest of all bytes so far.  Ends and frees *state and leaves NULL behind. */
void	digest_end(struct digest_state **state, struct digest *);

/* Ends a computation whose result nobody wants; *state may be NULL. */
void	digest_drop(struct digest_state **state);

/* The digest of one piece of memory. */
void	digest_of(const void *, size_t len, struct digest *);

/* Lower-case hexadecimal, NUL at the end.  Returns `hex`. */
char	*digest_hex(const struct digest *, char hex[DIGEST_HEX]);

/* Reads exactly 64 hexadecimal digits of either case.  0, or -1 with EINVAL. */
int	digest_parse(struct digest *, const char *hex, size_t len);

bool	digest_equal(const struct digest *, const struct digest *);

#endif
