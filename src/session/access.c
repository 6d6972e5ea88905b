/* access - the line of the access log in each of its formats. */

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/nitems.h"
#include "session/access.h"

#define TAIL	256	/* bytes that what follows a path may take */

/* A line that grows, and stops growing where it is full. */
struct line {
	char	*at, *end;
};

static void __attribute__((format(printf, 2, 3)))
put(struct line *l, const char *fmt, ...)
{
	size_t room = (size_t)(l->end - l->at);
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->at, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->at += (size_t)n < room ? (size_t)n : room - 1;
}

/* A string of JSON.  It has no control bytes and is UTF-8 by now; one that is cut is cut
 * between two characters. */
static void
put_string(struct line *l, const char *s)
{
	const char *stop = l->end - TAIL;

	*l->at++ = '"';
	for (; *s != '\0' && (l->at < stop || ((unsigned char)*s & 0xc0) == 0x80); s++) {
		if (*s == '"' || *s == '\\')
			*l->at++ = '\\';
		*l->at++ = *s;
	}
	if (*s != '\0')
		l->at = stpcpy(l->at, "...");
	*l->at++ = '"';
}

static void
put_json(struct line *l, const struct access *a)
{
	char stamp[LOG_STAMP_MAX];

	put(l, "{\"time\":\"%s\",\"session\":\"%s\",\"peer\":\"%s\",\"user\":",
	    log_stamp(stamp, &a->now), a->id, a->peer);
	put_string(l, a->user);
	put(l, ",\"protocol\":\"%s\",\"verb\":", a->protocol);
	put_string(l, a->verb);
	put(l, ",\"path\":");
	put_string(l, a->path);
	put(l, ",\"code\":%d,\"bytes\":%ju,\"seconds\":%.6f}", a->code, (uintmax_t)a->bytes,
	    (double)a->us / 1e6);
}

/* Which way a request's file goes, if it is one of a transfer. */
static char
direction(const char *verb)
{
	static const struct { const char *verb; char way; } ways[] = {
		{ "GET", 'o' }, { "RETR", 'o' }, { "RRQ", 'o' },
		{ "PUT", 'i' }, { "STOR", 'i' }, { "STOU", 'i' }, { "APPE", 'i' }, { "WRQ", 'i' },
		{ "DELETE", 'd' }, { "DELE", 'd' },
	};
	size_t i;

	for (i = 0; i < nitems(ways); i++)
		if (strcmp(ways[i].verb, verb) == 0)
			return ways[i].way;
	return '\0';
}

/* As wu-ftpd writes it: a space would begin the next field. */
static void
put_xfer_path(struct line *l, const char *path)
{
	const char *stop = l->end - TAIL;

	for (; *path != '\0' && l->at < stop; path++)
		*l->at++ = *path == ' ' ? '_' : *path;
}

static bool
put_xferlog(struct line *l, const struct access *a)
{
	char way = direction(a->verb), date[32];
	bool done = a->code >= 200 && a->code < 300;
	bool named = a->user[0] != '\0';
	struct tm tm;

	if (way == '\0')
		return false;
	(void)localtime_r(&a->now.tv_sec, &tm);
	(void)strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &tm);
	put(l, "%s %jd %s %ju ", date, (intmax_t)((a->us + 999999) / 1000000), a->peer, (uintmax_t)a->bytes);
	put_xfer_path(l, a->path);
	put(l, " b _ %c %c %s %s %d %s %c", way, named ? 'r' : 'a', named ? a->user : "anonymous",
	    a->protocol, named, named ? a->user : "*", done ? 'c' : 'i');
	return true;
}

size_t
access_line(char dst[ACCESS_MAX], enum access_format format, const struct access *a)
{
	struct line l = { .at = dst, .end = dst + ACCESS_MAX };

	switch (format) {
	case ACCESS_TEXT:
		put(&l, "%s %s%s%s %s %s ", a->id, a->user, a->user[0] != '\0' ? "@" : "", a->peer, a->protocol,
		    a->verb);
		put(&l, "%.*s", ACCESS_MAX - TAIL - (int)(l.at - dst), a->path);
		put(&l, " %d %ju bytes %.3f s", a->code, (uintmax_t)a->bytes, (double)a->us / 1e6);
		break;
	case ACCESS_JSON:
		put_json(&l, a);
		break;
	case ACCESS_XFERLOG:
		if (!put_xferlog(&l, a))
			return 0;
		break;
	case ACCESS_NONE:
		return 0;
	}
	return (size_t)(l.at - dst);
}
