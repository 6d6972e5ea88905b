/* text - numbers and names as text.
 * Knows no format beyond these; locale never matters here. */

#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define SECONDS_MAX	UINT64_C(253402300799)	/* 9999-12-31T23:59:59Z */

static const char pairs[] =
    "00010203040506070809" "10111213141516171819" "20212223242526272829"
    "30313233343536373839" "40414243444546474849" "50515253545556575859"
    "60616263646566676869" "70717273747576777879" "80818283848586878889"
    "90919293949596979899";

static int
fail(int error)
{
	errno = error;
	return -1;
}

int
text_number(uint64_t *number, const char *s, size_t len, uint64_t max)
{
	uint64_t n = 0;
	unsigned digit;
	int over = 0;

	if (len == 0)
		return fail(EINVAL);
	for (size_t i = 0; i < len; i++) {
		if ((digit = (unsigned char)s[i] - (unsigned)'0') > 9)
			return fail(EINVAL);
		if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, digit, &n))
			over = 1;	/* go on: "99...9x" is no number at all */
	}
	if (over || n > max)
		return fail(ERANGE);
	*number = n;
	return 0;
}

struct unit {
	const char	*name;
	int64_t		 factor;
};

static const struct unit sizes[] = {
	{ "", 1 }, { "K", INT64_C(1) << 10 }, { "M", INT64_C(1) << 20 },
	{ "G", INT64_C(1) << 30 }, { "T", INT64_C(1) << 40 }, { NULL, 0 }
};

static const struct unit durations[] = {
	{ "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
	{ "h", 3600000 }, { "d", 86400000 }, { NULL, 0 }
};

static int
quantity(int64_t *result, const char *s, const struct unit *unit)
{
	size_t digits = strspn(s, "0123456789");
	uint64_t n;

	while (unit->name != NULL && strcmp(unit->name, s + digits) != 0)
		unit++;
	if (unit->name == NULL)
		return fail(EINVAL);
	if (text_number(&n, s, digits, INT64_MAX) == -1)
		return -1;
	if (__builtin_mul_overflow((int64_t)n, unit->factor, result))
		return fail(ERANGE);
	return 0;
}

int
text_size(int64_t *bytes, const char *s)
{
	int64_t n;

	if (quantity(&n, s, sizes) == -1)
		return -1;
	*bytes = n;
	return 0;
}

int
text_duration(int64_t *ms, const char *s)
{
	int64_t n;

	if (quantity(&n, s, durations) == -1)
		return -1;
	*ms = n;
	return 0;
}

/* ".5" is 500000000: each digit missing of nine is a factor of ten. */
static int
fraction(long *nsec, const char *s, size_t len)
{
	uint64_t n;

	if (len < 1 || len > 9 || text_number(&n, s, len, 999999999) == -1)
		return fail(EINVAL);
	for (; len < 9; len++)
		n *= 10;
	*nsec = (long)n;
	return 0;
}

int
text_timespec(struct timespec *ts, const char *s, size_t len)
{
	const char *dot;
	uint64_t sec;
	long nsec = 0;

	dot = len > 0 ? memchr(s, '.', len) : NULL;
	if (dot != NULL && fraction(&nsec, dot + 1, len - (size_t)(dot + 1 - s)) == -1)
		return -1;
	if (text_number(&sec, s, dot != NULL ? (size_t)(dot - s) : len, SECONDS_MAX) == -1)
		return -1;
	ts->tv_sec = (time_t)sec;
	ts->tv_nsec = nsec;
	return 0;
}

char *
text_put_timespec(char *dst, const struct timespec *ts)
{
	unsigned nsec = (unsigned)ts->tv_nsec;
	uint64_t sec = (uint64_t)ts->tv_sec;

	if (sec > SECONDS_MAX) {	/* file systems keep such times, or make them up */
		sec = ts->tv_sec < 0 ? 0 : SECONDS_MAX;
		nsec = 0;
	}
	dst = text_decimal(dst, sec);
	*dst++ = '.';
	for (int i = 7; i >= 1; i -= 2) {
		memcpy(dst + i, pairs + (size_t)(nsec % 100) * 2, 2);
		nsec /= 100;
	}
	*dst = (char)('0' + nsec);
	return dst + 9;
}

int
text_mode(unsigned *mode, const char *s, size_t len)
{
	unsigned m = 0;

	if (len == 0)
		return fail(EINVAL);
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '7')
			return fail(EINVAL);
		m = m << 3 | (unsigned)(s[i] - '0');
		if (m > 07777)
			return fail(EINVAL);
	}
	*mode = m;
	return 0;
}

char *
text_decimal(char *dst, uint64_t n)
{
	char digits[TEXT_DECIMAL_MAX];
	char *p = digits + sizeof(digits);
	size_t len;

	while (n >= 100) {
		p -= 2;
		memcpy(p, pairs + n % 100 * 2, 2);
		n /= 100;
	}
	if (n >= 10) {
		p -= 2;
		memcpy(p, pairs + n * 2, 2);
	} else
		*--p = (char)('0' + n);
	len = (size_t)(digits + sizeof(digits) - p);
	memcpy(dst, p, len);
	return dst + len;
}

char *
text_octal4(char *dst, unsigned mode)
{
	dst[0] = (char)('0' + (mode >> 9 & 7));
	dst[1] = (char)('0' + (mode >> 6 & 7));
	dst[2] = (char)('0' + (mode >> 3 & 7));
	dst[3] = (char)('0' + (mode & 7));
	return dst + 4;
}

static int
must_encode(unsigned char c)
{
	return c <= 0x20 || c == 0x7f || c == '%';
}

#define EACH(byte)	(UINT64_C(0x0101010101010101) * (byte))
#define HIGH		EACH(0x80)
#define BELOW(x, n)	(((x) - EACH(n)) & ~(x) & HIGH)	/* not 0: some byte of x is below n */

/* Whether eight bytes stand for themselves: names rarely hold anything else. */
static int
plain8(const char *name)
{
	uint64_t x;

	memcpy(&x, name, sizeof(x));
	return (BELOW(x, 0x21) | BELOW(x ^ EACH(0x7f), 1) | BELOW(x ^ EACH('%'), 1)) == 0;
}

char *
text_encode(char *dst, const char *name, size_t len)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *end = name + len;
	unsigned char c;

	while (name < end) {
		if (end - name >= 8 && plain8(name)) {
			memcpy(dst, name, 8);
			dst += 8;
			name += 8;
			continue;
		}
		/* Up to eight by hand, so that one odd byte is not looked for twice. */
		for (int i = 0; i < 8 && name < end; i++) {
			c = (unsigned char)*name++;
			if (must_encode(c)) {
				*dst++ = '%';
				*dst++ = digits[c >> 4];
				*dst++ = digits[c & 15];
			} else
				*dst++ = (char)c;
		}
	}
	return dst;
}

int
text_nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
text_hex(uint64_t *n, const char *s, size_t len)
{
	uint64_t value = 0;
	int digit;

	if (len < 1 || len > TEXT_HEX_MAX)
		return fail(EINVAL);
	for (size_t i = 0; i < len; i++) {
		if ((digit = text_nibble(s[i])) == -1)
			return fail(EINVAL);
		value = value << 4 | (uint64_t)digit;
	}
	*n = value;
	return 0;
}

ptrdiff_t
text_decode(char *name, size_t len)
{
	const char *src, *first, *end = name + len;
	char *dst;

	if (len == 0 || (first = memchr(name, '%', len)) == NULL)
		return (ptrdiff_t)len;
	for (src = first; src < end; src++) {	/* all of it, before a byte is changed */
		if (*src != '%')
			continue;
		if (end - src < 3 || text_nibble(src[1]) == -1 || text_nibble(src[2]) == -1)
			return fail(EINVAL);
		src += 2;
	}
	for (src = first, dst = name + (first - name); src < end; src++) {
		if (*src == '%') {
			*dst++ = (char)((unsigned)text_nibble(src[1]) << 4 | (unsigned)text_nibble(src[2]));
			src += 2;
		} else
			*dst++ = *src;
	}
	return dst - name;
}

/* Length of the well-formed UTF-8 character at s of two to four bytes (Unicode 15,
 * table 3-7: no overlong forms, no surrogates), 0 if there is none. */
static size_t
utf8(const unsigned char *s, size_t len)
{
	unsigned char low = 0x80, high = 0xbf;	/* bounds of the second byte */
	size_t n;

	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (s[0] == 0xc2 || s[0] == 0xe0)
		low = 0xa0;		/* C2: U+0080 to U+009F are control characters */
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (n > len || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return n;
}

size_t
text_printable(const char *s, size_t len)
{
	unsigned char c = (unsigned char)*s;

	assert(len > 0);
	if (c >= 0x80)
		return utf8((const unsigned char *)s, len);
	return c >= 0x20 && c != 0x7f;
}

/* What is shown for the character at *s, at most four bytes; moves *s past it. */
static size_t
show(char out[4], const char **s, const char *end)
{
	unsigned char c = (unsigned char)**s;
	size_t n;

	if (c == '\\') {
		memcpy(out, "\\\\", n = 2);
		++*s;
	} else if ((n = text_printable(*s, (size_t)(end - *s))) > 0) {
		memcpy(out, *s, n);
		*s += n;
	} else {
		out[0] = '\\';
		out[1] = (char)('0' + (c >> 6));
		out[2] = (char)('0' + (c >> 3 & 7));
		out[3] = (char)('0' + (c & 7));
		n = 4;
		++*s;
	}
	return n;
}

char *
text_visible(char *dst, size_t size, const char *s, size_t len)
{
	static const char dots[] = "...";
	const char *end = s + len;
	size_t pos = 0, cut = 0, n;
	char out[4];

	assert(size > 0);
	while (s < end) {
		n = show(out, &s, end);
		if (pos + n >= size) {
			pos = cut;
			for (n = 0; n < 3 && pos + 1 < size; n++)
				dst[pos++] = dots[n];
			break;
		}
		memcpy(dst + pos, out, n);
		pos += n;
		if (pos + 4 <= size)
			cut = pos;	/* the dots and the NUL fit from here */
	}
	dst[pos] = '\0';
	return dst;
}
