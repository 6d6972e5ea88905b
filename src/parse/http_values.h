/* http_values - what stands in the fields of HTTP: dates, tags, conditions, ranges,
 * preferences (RFC 9110), and the query of a listing.  Pure. */

#ifndef PARSE_HTTP_VALUES_H
#define PARSE_HTTP_VALUES_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "parse/parse_http.h"

#define HTTP_DATE_LEN	29	/* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define HTTP_TAG_MAX	80	/* bytes of a tag of ours, with its quotes and a NUL */
#define HTTP_RANGES_MAX	32	/* ranges of one request; with more, all are ignored */
#define HTTP_RANGE_GAP	128	/* ranges with no more bytes between are sent as one: a
				 * part's own head would be longer */

/* Exactly HTTP_DATE_LEN bytes, no NUL; a time outside the years 1 to 9999 is written as
 * the nearer bound.  Returns the end. */
char	*http_put_date(char *dst, time_t);

/* "2026-11-24T11:43:37.123456789Z", 30 bytes, and "2026-11-24 11:43", 16 bytes with that byte
 * between; likewise. */
char	*http_put_stamp(char *dst, const struct timespec *);
char	*http_put_minute(char *dst, time_t, char between);

/* Any of the three forms of RFC 9110.  0, or -1. */
int	http_date_parse(time_t *, struct http_text);

/* What is known of the version that stands at a path. */
struct http_version {
	const char	*tag[2];	/* quoted, behind W/ if weak; either stands for it; NULL: none */
	bool		 dated;		/* `date` is its Last-Modified */
	time_t		 date;
	time_t		 now;		/* the time of the reply */
};

enum http_verdict { HTTP_SEND, HTTP_NOT_MODIFIED, HTTP_FAILED };

/* If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since, in their order. */
enum http_verdict http_conditions(const struct http_request *, const struct http_version *);

/* Whether If-Range lets the Range be used: there is none, or it names this very version. */
bool	http_if_range(const struct http_request *, const struct http_version *);

/* Authorization: Basic, taken apart in place.  0, or -1 where it is another scheme, or broken. */
struct http_basic {
	struct http_text user, password;	/* any bytes */
};
int	http_basic_parse(struct http_basic *, struct http_text value);

struct http_range {
	int64_t	from, len;	/* within the file, not empty */
};

/* The ranges of a file of `size` bytes that are to be sent, in the order asked for; those
 * that overlap or nearly touch have become one.  Their number; 0 where Range is to be ignored
 * (it is none of bytes, or bad, or too much); -1 where there is no such byte (416). */
int	http_ranges(struct http_range[HTTP_RANGES_MAX], struct http_text, int64_t size);

/* Whether the Accept of a request prefers JSON to HTML, and whether it names HTML. */
bool	http_wants_json(const struct http_request *);
bool	http_wants_html(const struct http_request *);

enum http_sort { HTTP_UNSORTED, HTTP_BY_NAME, HTTP_BY_SIZE, HTTP_BY_MTIME };

/* ?json, ?sort=, ?after= and ?limit= */
struct http_query {
	bool		 json, page;	/* ?json=yes, ?json=no; neither: as Accept prefers */
	enum http_sort	 sort;
	uint64_t	 limit;		/* 0: none */
	char		*after;		/* decoded, ended by NUL, or NULL */
};

/* Takes the query apart in place; `end` behind it may be written.  0, or -1 and *why. */
int	http_query_parse(struct http_query *, struct http_text query, const char **why);

#endif
