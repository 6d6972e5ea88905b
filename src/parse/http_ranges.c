/* http_ranges - the field Range: which bytes of a file, bounded, without overlaps. */

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "parse/http_values.h"

/* Digits at *pos; a number that is too large for a file is as good as the largest.  -1 if there
 * are none. */
static int64_t
number(const char **pos, const char *end)
{
	const char *s = *pos;
	int64_t n = 0;

	for (; s < end && *s >= '0' && *s <= '9'; s++)
		if (n > (INT64_MAX - 9) / 10)
			n = INT64_MAX / 16;	/* stays above every size of a file while digits follow */
		else
			n = n * 10 + (*s - '0');
	if (s == *pos)
		return -1;
	*pos = s;
	return n;
}

/* "5-9", "5-" or "-5".  1: a range; 0: there is no such byte; -1: it is none. */
static int
read_range(struct http_range *r, const char *s, const char *end, int64_t size)
{
	int64_t first, last;

	first = number(&s, end);
	if (s == end || *s++ != '-')
		return -1;
	last = number(&s, end);
	if (s != end || (first == -1 && last == -1) || (first != -1 && last != -1 && last < first))
		return -1;
	if (first == -1) {
		r->from = last < size ? size - last : 0;
		r->len = size - r->from;
		return last > 0;
	}
	if (first >= size)
		return 0;
	if (last == -1 || last >= size)
		last = size - 1;
	r->from = first;
	r->len = last - first + 1;
	return 1;
}

static bool
touch(const struct http_range *a, const struct http_range *b)
{
	return a->from <= b->from + b->len + HTTP_RANGE_GAP && b->from <= a->from + a->len + HTTP_RANGE_GAP;
}

static void
unite(struct http_range *a, const struct http_range *b)
{
	int64_t end = a->from + a->len, other = b->from + b->len;

	if (b->from < a->from)
		a->from = b->from;
	a->len = (end > other ? end : other) - a->from;
}

/* Puts it where the first that it touches stood, or at the end.  The new number. */
static int
add(struct http_range *ranges, int n, struct http_range r)
{
	int at = n, i = 0;

	while (i < n) {
		if (!touch(&ranges[i], &r)) {
			i++;
			continue;
		}
		unite(&r, &ranges[i]);
		if (i < at)
			at = i;
		memmove(&ranges[i], &ranges[i + 1], (size_t)(n - i - 1) * sizeof(r));
		n--;
		i = 0;		/* it has grown, and may touch others now */
	}
	if (at > n)
		at = n;
	memmove(&ranges[at + 1], &ranges[at], (size_t)(n - at) * sizeof(r));
	ranges[at] = r;
	return n + 1;
}

int
http_ranges(struct http_range ranges[HTTP_RANGES_MAX], struct http_text value, int64_t size)
{
	const char *s = value.at, *end, *comma, *last;
	int n = 0, asked = 0, kind;
	struct http_range r;

	if (value.len < 6 || strncasecmp(s, "bytes=", 6) != 0)
		return 0;
	end = s + value.len;
	for (s += 6; s < end; s = comma + 1) {
		if ((comma = memchr(s, ',', (size_t)(end - s))) == NULL)
			comma = end;
		while (s < comma && (*s == ' ' || *s == '\t'))
			s++;
		for (last = comma; last > s && (last[-1] == ' ' || last[-1] == '\t'); last--)
			;
		if (s == last)
			continue;	/* an empty item is nothing */
		if (++asked > HTTP_RANGES_MAX || (kind = read_range(&r, s, last, size)) == -1)
			return 0;
		if (kind == 1 && r.len > 0)
			n = add(ranges, n, r);
		else if (kind == 1)
			return 0;	/* the last bytes of an empty file: all of it */
	}
	return n > 0 ? n : asked > 0 ? -1 : 0;
}
