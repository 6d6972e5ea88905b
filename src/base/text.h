/* text - numbers and names as text, in both directions, with bounds.
 * Pure: no allocation, no locale, no clock. */

#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define TEXT_HEX_MAX		15	/* digits of a hexadecimal number: its sums cannot overflow */
#define TEXT_DECIMAL_MAX	20	/* the longest text_decimal() writes, without NUL */

/* `len` bytes that must be a decimal number from 0 to `max`: digits only, no
 * sign, no space, at least one.  0, or -1 with EINVAL (not a number) or ERANGE. */
int	text_number(uint64_t *, const char *, size_t len, uint64_t max);

/* A number of bytes: digits and at most one of K M G T (powers of 1024).
 * A time: digits and ms, s, m, h or d (none means s), in milliseconds.
 * 0, or -1 with EINVAL or ERANGE (does not fit int64_t). */
int	text_size(int64_t *bytes, const char *);
int	text_duration(int64_t *ms, const char *);

/* SECONDS or SECONDS.FRACTION with one to nine digits of fraction, seconds from 0
 * to 253402300799 (the end of year 9999), and the writing of it with nine digits: a
 * time outside is written as the nearer bound, so that it can always be read back. */
int	text_timespec(struct timespec *, const char *, size_t len);
char	*text_put_timespec(char *dst, const struct timespec *);	/* at most 31 bytes */

/* A hexadecimal number of 1 to TEXT_HEX_MAX digits of either case: 0, or -1 with EINVAL.  And what
 * one such digit is worth, or -1. */
int	text_hex(uint64_t *, const char *, size_t len);
int	text_nibble(char);

/* Octal mode from 0 to 07777.  0, or -1 with EINVAL. */
int	text_mode(unsigned *, const char *, size_t len);

/* Fast writers for hot loops: write at dst, return the end; no NUL is written. */
char	*text_decimal(char *dst, uint64_t);
char	*text_octal4(char *dst, unsigned mode);	/* four digits */

/* Percent-encoding of a name for the wire (coffer-protocol(7)): bytes up to 0x20,
 * 0x7F and '%' become %XX with upper-case digits.  dst has room for 3 * len bytes.
 * Returns the end; no NUL is written. */
char	*text_encode(char *dst, const char *name, size_t len);

/* Undoes %XX in place.  The new length, or -1 with EINVAL for a broken escape (then
 * nothing was changed). */
ptrdiff_t	text_decode(char *name, size_t len);

/* Length of the character at s, of `len` bytes at least one: printable ASCII or a
 * well-formed UTF-8 character that is no control character; 0 if it is neither. */
size_t	text_printable(const char *s, size_t len);

/* `len` bytes made safe to show: control bytes, 0x7F and bytes that are no
 * well-formed UTF-8 become \ooo, a backslash becomes \\.  Always NUL-terminated,
 * cut with "..." where dst is too small.  Returns dst. */
char	*text_visible(char *dst, size_t size, const char *, size_t len);

#endif
