/* test_parse_http - which heads are requests and which are refused, and what values mean. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parse/http_escape.h"
#include "parse/http_values.h"
#include "parse/parse_http.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define HOST		"Host: h\r\n"

/* A head in memory of exactly its length: whoever looks further is caught by the sanitizer. */
static char *
exact(const char *text, size_t len)
{
	char *copy = malloc(len);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return copy;
}

static int
parse_head(struct http_request *rq, const char *text, size_t len, char **head)
{
	const char *why = NULL;
	int status;

	*head = exact(text, len);
	assert_int_equal(http_complete(*head, len, 0), len);
	status = http_parse(rq, *head, len, &why);
	assert_non_null(why);
	assert_int_equal(status == 0, why[0] == '\0');
	return status;
}

struct head {
	const char	*text;
	size_t		 len;
	int		 status;
};
#define HEAD(text, status)	{ text, sizeof(text) - 1, status }

static void
statuses(void **state)
{
	static const struct head rows[] = {
		HEAD("GET / HTTP/1.1\r\n" HOST "\r\n", 0),
		HEAD("GET / HTTP/1.0\r\n\r\n", 0),
		HEAD("GET / HTTP/1.9\r\n" HOST "\r\n", 0),
		HEAD("XYZZY / HTTP/1.1\r\n" HOST "\r\n", 0),
		HEAD("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0),
		HEAD("CONNECT h:80 HTTP/1.1\r\n" HOST "\r\n", 0),
		HEAD("GET http://x:80/a?b HTTP/1.1\r\n" HOST "\r\n", 0),
		HEAD("GET HTTP://x HTTP/1.1\r\n" HOST "\r\n", 0),
		HEAD("GET / HTTP/1.1\r\nhOsT:h\r\nX:\r\nY: \xff\tb \r\n\r\n", 0),
		HEAD("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0),
		HEAD("GET / HTTP/1.1\r\nHost:\r\n\r\n", 0),
		/* other protocols */
		HEAD("GET /\r\n", 400),
		HEAD("GET\r\n", 400),
		HEAD("\x16\x03\x01", 400),
		HEAD("PRI * HTTP/2.0\r\n\r\n", 505),
		HEAD("GET / HTTP/0.9\r\n\r\n", 505),
		HEAD("GET / HTTP/2.0\r\n" HOST "\r\n", 505),
		HEAD("GET / http/1.1\r\n", 400),
		HEAD("GET / HTTP/1.10\r\n" HOST "\r\n", 400),
		HEAD("GET / HTTP/1\r\n" HOST "\r\n", 400),
		HEAD("GET / HTTP/1.x\r\n" HOST "\r\n", 400),
		/* the request line */
		HEAD(" GET / HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET  / HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET /  HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET / HTTP/1.1 \r\n" HOST "\r\n", 400),
		HEAD("GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("G(T / HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET  HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET /a b HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET /a\0b HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET /a#b HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET a HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET * HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET h:80 HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET ftp://h/ HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET http:///a HTTP/1.1\r\n" HOST "\r\n", 400),
		HEAD("GET http://u@h/a HTTP/1.1\r\n" HOST "\r\n", 400),
		/* lines */
		HEAD("GET / HTTP/1.1\n" HOST "\r\n", 400),
		HEAD("GET / HTTP/1.1\r\nHost: h\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST "\n", 400),
		HEAD("GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\r\n" HOST "\r\n", 400),
		HEAD("GET / HTTP/1.1\r\nX: a\r\n b\r\n" HOST "\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n X: a\r\n" HOST "\r\n", 400),
		HEAD("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n: h\r\n" HOST "\r\n", 400),
		HEAD("GET / HTTP/1.1\r\nX: a\0b\r\n" HOST "\r\n", 400),
		HEAD("GET / HTTP/1.1\r\nX: a\x01\r\n" HOST "\r\n", 400),
		HEAD("GET / HTTP/1.1\r\nX\xff: a\r\n" HOST "\r\n", 400),
		/* Host */
		HEAD("GET / HTTP/1.1\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST HOST "\r\n", 400),
		HEAD("GET / HTTP/1.0\r\n" HOST HOST "\r\n", 400),
		HEAD("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
		/* bodies */
		HEAD("GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\n", 0),
		HEAD("GET / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n", 0),
		HEAD("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n", 0),
		HEAD("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n", 400),
		HEAD("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
		HEAD("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 501),
		HEAD("GET / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n", 501),
		HEAD("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
		/* wishes */
		HEAD("GET / HTTP/1.1\r\n" HOST "Expect: 100-Continue\r\n\r\n", 0),
		HEAD("GET / HTTP/1.1\r\n" HOST "Expect: tea\r\n\r\n", 417),
		HEAD("GET / HTTP/1.0\r\nExpect: tea\r\n\r\n", 0),
	};
	struct http_request rq;
	char *head;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		int status = parse_head(&rq, rows[i].text, rows[i].len, &head);

		if (status != rows[i].status)
			fail_msg("%d, not %d: %s", status, rows[i].status, rows[i].text);
		free(head);
	}
}

static void
is_text(struct http_text got, const char *want)
{
	if (want == NULL) {
		assert_null(got.at);
		return;
	}
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.at, want, got.len);
}

static void
parts(void **state)
{
	static const struct {
		const char	*text, *path, *query, *host;
		bool		 keep;
	} rows[] = {
		{ "GET /a%20b?c?d HTTP/1.1\r\n" HOST "\r\n", "/a%20b", "c?d", "h", true },
		{ "GET /? HTTP/1.1\r\n" HOST "\r\n", "/", "", "h", true },
		{ "GET http://x:80/a?b HTTP/1.1\r\n" HOST "\r\n", "/a", "b", "x:80", true },
		{ "GET http://x?b HTTP/1.1\r\n" HOST "\r\n", "/", "b", "x", true },
		{ "GET https://x HTTP/1.1\r\n" HOST "\r\n", "/", NULL, "x", true },
		{ "OPTIONS * HTTP/1.1\r\n" HOST "\r\n", NULL, NULL, "h", true },
		{ "GET / HTTP/1.1\r\nConnection: a, Close\r\n" HOST "\r\n", "/", NULL, "h", false },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: closed\r\n\r\n", "/", NULL, "h", true },
		{ "GET / HTTP/1.1\r\n" HOST "Connection: keep-alive\r\nConnection: x,close\r\n\r\n", "/",
		    NULL, "h", false },
		{ "GET / HTTP/1.0\r\n\r\n", "/", NULL, NULL, false },
		{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/", NULL, NULL, true },
	};
	struct http_request rq;
	char *head;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(parse_head(&rq, rows[i].text, strlen(rows[i].text), &head), 0);
		is_text(rq.path, rows[i].path);
		is_text(rq.query, rows[i].query);
		is_text(rq.host, rows[i].host);
		assert_int_equal(rq.keep, rows[i].keep);
		free(head);
	}
}

static void
fields_are_found(void **state)
{
	static const char text[] = "PUT / HTTP/1.1\r\nHOST: h\r\nRange:  bytes=1-2 \t\r\nAccept: a\r\n"
	    "X-Range: 9\r\naccept: b\r\nContent-Length: 007\r\nExpect: 100-continue\r\n\r\n";
	struct http_request rq;
	char *head;

	(void)state;
	assert_int_equal(parse_head(&rq, text, sizeof(text) - 1, &head), 0);
	assert_int_equal(rq.method, HTTP_PUT);
	assert_int_equal(rq.length, 7);
	assert_true(rq.expect);
	is_text(http_field(&rq, HTTP_RANGE), "bytes=1-2");
	is_text(http_field(&rq, HTTP_ACCEPT), "a");
	is_text(http_field(&rq, HTTP_IF_RANGE), NULL);
	assert_true(http_repeated(&rq, HTTP_ACCEPT));
	assert_false(http_repeated(&rq, HTTP_RANGE));
	free(head);
}

/* A head comes byte by byte: each prefix asks for more, until it is whole, whatever was seen. */
static void
completeness(void **state)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\nGET";
	size_t whole = sizeof(text) - 4, len, seen;
	char *head;

	(void)state;
	for (len = 1; len <= sizeof(text) - 1; len++) {
		head = exact(text, len);
		for (seen = 0; seen < len && seen < whole; seen++)
			assert_int_equal(http_complete(head, len, seen), len < whole ? 0 : whole);
		free(head);
	}
	assert_int_equal(http_complete("\r", 1, 0), 0);
	assert_int_equal(http_complete("\r\nGET", 5, 0), 2);
	assert_int_equal(http_complete("GET /", 5, 0), 0);
}

/* fill: a head of `len` bytes in all, one field being as long as need be. */
static char *
long_head(size_t len)
{
	static const char begin[] = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
	char *head = malloc(len);

	assert_non_null(head);
	memset(head, 'x', len);
	memcpy(head, begin, sizeof(begin) - 1);
	memcpy(head + len - 4, "\r\n\r\n", 4);
	return head;
}

static void
limits(void **state)
{
	static struct http_request rq;
	const char *why;
	char *head;
	size_t len;

	(void)state;
	for (len = HTTP_HEAD_MAX - 1; len <= HTTP_HEAD_MAX + 1; len++) {
		head = long_head(len);
		assert_int_equal(http_complete(head, len, 0), len);
		assert_int_equal(http_parse(&rq, head, len, &why), len <= HTTP_HEAD_MAX ? 0 : 431);
		free(head);
	}
	head = long_head(HTTP_HEAD_MAX + 1);
	assert_int_equal(http_complete(head, HTTP_HEAD_MAX - 1, 0), 0);
	assert_int_equal(http_complete(head, HTTP_HEAD_MAX, 0), HTTP_HEAD_MAX);
	free(head);
}

/* RFC 7617, and base64 of one form alone. */
static void
basic(void **state)
{
	static const struct { const char *value, *user, *password; } rows[] = {
		{ "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame" },
		{ "basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame" },
		{ "Basic dGVzdDoxMjPCow==", "test", "123\302\243" },
		{ "Basic YTpiOmM=", "a", "b:c" },
		{ "Basic OnB3", "", "pw" },
		{ "Basic YTo=", "a", "" },
		{ "Basic Og==", "", "" },
		{ "Basic YTpi", "a", "b" },
		{ "Basic", NULL, NULL },
		{ "Basic ", NULL, NULL },
		{ "Basic YWI=", NULL, NULL },		/* no colon */
		{ "Basic Og", NULL, NULL },		/* no padding */
		{ "Basic Ov==", NULL, NULL },		/* bits that are lost */
		{ "Basic YTp=", NULL, NULL },
		{ "Basic Og==Og==", NULL, NULL },
		{ "Basic ====", NULL, NULL },
		{ "Basic Y-_i", NULL, NULL },
		{ "Basic YTpi YTpi", NULL, NULL },
		{ "Bearer YTpi", NULL, NULL },
		{ "YTpi", NULL, NULL },
	};
	struct http_basic b;
	char value[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu: %s\n", i, rows[i].value);
		(void)strcpy(value, rows[i].value);
		assert_int_equal(http_basic_parse(&b, (struct http_text){ value, strlen(value) }),
		    rows[i].user != NULL ? 0 : -1);
		if (rows[i].user == NULL)
			continue;
		assert_int_equal(b.user.len, strlen(rows[i].user));
		assert_memory_equal(b.user.at, rows[i].user, b.user.len);
		assert_int_equal(b.password.len, strlen(rows[i].password));
		assert_memory_equal(b.password.at, rows[i].password, b.password.len);
	}
}

static void
line_limit(void **state)
{
	static struct http_request rq;
	static char head[HTTP_LINE_MAX + 64];
	const char *why;
	size_t line;
	int len;

	(void)state;
	for (line = HTTP_LINE_MAX - 1; line <= HTTP_LINE_MAX + 1; line++) {
		len = snprintf(head, sizeof(head), "GET /%0*d HTTP/1.1\r\n" HOST "\r\n",
		    (int)line - 16, 0);
		assert_int_equal(http_complete(head, (size_t)len, 0), len);
		assert_int_equal(http_parse(&rq, head, (size_t)len, &why), line <= HTTP_LINE_MAX ? 0 : 414);
	}
	assert_int_equal(http_complete(head, HTTP_LINE_MAX - 1, 0), 0);
}

static void
field_limit(void **state)
{
	static struct http_request rq;
	static char head[HTTP_HEAD_MAX];
	const char *why;
	int count, i;
	char *p;

	(void)state;
	for (count = HTTP_FIELDS_MAX - 1; count <= HTTP_FIELDS_MAX + 1; count++) {
		p = head + sprintf(head, "GET / HTTP/1.1\r\n" HOST);
		for (i = 1; i < count; i++)
			p += sprintf(p, "Accept: a\r\n");
		p += sprintf(p, "\r\n");
		assert_int_equal(http_parse(&rq, head, (size_t)(p - head), &why),
		    count <= HTTP_FIELDS_MAX ? 0 : 431);
	}
}

static struct http_text
text_of(const char *s)
{
	return (struct http_text){ (char *)(uintptr_t)s, strlen(s) };
}

static void
dates(void **state)
{
	static const struct {
		const char	*text;
		int		 ret;
		time_t		 time;
	} rows[] = {
		{ "Sun, 06 Nov 1994 08:49:37 GMT", 0, 784111777 },
		{ "Sunday, 06-Nov-94 08:49:37 GMT", 0, 784111777 },
		{ "Sun Nov  6 08:49:37 1994", 0, 784111777 },
		{ "Sun Nov 16 08:49:37 1994", 0, 784975777 },
		{ "Thu, 01 Jan 1970 00:00:00 GMT", 0, 0 },
		{ "Thu, 29 Feb 2024 23:59:60 GMT", 0, 1709251200 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 0, 253402300799 },
		{ "Wed, 29 Feb 2023 00:00:00 GMT", -1, 0 },
		{ "Sun, 06 Nov 1994 24:00:00 GMT", -1, 0 },
		{ "Sun, 6 Nov 1994 08:49:37 GMT", -1, 0 },
		{ "Sun, 06 Nov 1994 08:49:37", -1, 0 },
		{ "Sun, 06 Nov 1994 08:49:37 CET", -1, 0 },
		{ "Sun, 06 Nov 1994 08:49:37 GMT ", -1, 0 },
		{ "sun, 06 nov 1994 08:49:37 gmt", -1, 0 },
		{ "Sun, 00 Nov 1994 08:49:37 GMT", -1, 0 },
		{ "0", -1, 0 },
		{ "", -1, 0 },
	};
	const struct timespec moment = { 784111777, 5 };
	char got[40];
	time_t time;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		time = 1;
		assert_int_equal(http_date_parse(&time, text_of(rows[i].text)), rows[i].ret);
		assert_true(rows[i].ret == -1 || time == rows[i].time);
	}
	*http_put_date(got, 784111777) = '\0';
	assert_string_equal(got, "Sun, 06 Nov 1994 08:49:37 GMT");
	*http_put_date(got, INT64_MAX) = '\0';
	assert_string_equal(got, "Fri, 31 Dec 9999 23:59:59 GMT");
	*http_put_date(got, INT64_MIN) = '\0';
	assert_string_equal(got, "Mon, 01 Jan 0001 00:00:00 GMT");
	*http_put_stamp(got, &moment) = '\0';
	assert_string_equal(got, "1994-11-06T08:49:37.000000005Z");
	*http_put_minute(got, -1, ' ') = '\0';
	assert_string_equal(got, "1969-12-31 23:59");
}

/* Every day of 500 years there and back. */
static void
each_day(void **state)
{
	char text[HTTP_DATE_LEN];
	time_t t, back;

	(void)state;
	for (t = -5000000000; t < 11000000000; t += 86400) {
		assert_ptr_equal(http_put_date(text, t), text + HTTP_DATE_LEN);
		assert_int_equal(http_date_parse(&back, (struct http_text){ text, HTTP_DATE_LEN }), 0);
		assert_true(back == t);
	}
}

static void
ranges(void **state)
{
	static const struct {
		const char	*value;
		int64_t		 size;
		int		 n;
		struct http_range want[3];
	} rows[] = {
		{ "bytes=0-0", 10, 1, { { 0, 1 } } },
		{ "Bytes=2-", 10, 1, { { 2, 8 } } },
		{ "bytes=-3", 10, 1, { { 7, 3 } } },
		{ "bytes=-30", 10, 1, { { 0, 10 } } },
		{ "bytes=2-99999999999999999999999999", 10, 1, { { 2, 8 } } },
		{ "bytes=-99999999999999999999999999", 10, 1, { { 0, 10 } } },
		{ "bytes=9-9", 10, 1, { { 9, 1 } } },
		{ "bytes=10-", 10, -1, { { 0, 0 } } },
		{ "bytes=99999999999999999999-", 10, -1, { { 0, 0 } } },
		{ "bytes=-0", 10, -1, { { 0, 0 } } },
		{ "bytes=10-,-0", 10, -1, { { 0, 0 } } },
		{ "bytes=0-", 0, -1, { { 0, 0 } } },
		{ "bytes=-5", 0, 0, { { 0, 0 } } },
		{ "bytes=5-2", 10, 0, { { 0, 0 } } },
		{ "bytes=5", 10, 0, { { 0, 0 } } },
		{ "bytes=-", 10, 0, { { 0, 0 } } },
		{ "bytes=--1", 10, 0, { { 0, 0 } } },
		{ "bytes=a-b", 10, 0, { { 0, 0 } } },
		{ "bytes=0-1-2", 10, 0, { { 0, 0 } } },
		{ "bytes=0 -1", 10, 0, { { 0, 0 } } },
		{ "bytes=0-1;2-3", 10, 0, { { 0, 0 } } },
		{ "bytes=+1-2", 10, 0, { { 0, 0 } } },
		{ "bytes=", 10, 0, { { 0, 0 } } },
		{ "bytes= ,, ,", 10, 0, { { 0, 0 } } },
		{ "bytes 0-1", 10, 0, { { 0, 0 } } },
		{ "lines=0-1", 10, 0, { { 0, 0 } } },
		{ "", 10, 0, { { 0, 0 } } },
		/* several */
		{ "bytes=0-0, 1000-1999,,-1", 5000, 3, { { 0, 1 }, { 1000, 1000 }, { 4999, 1 } } },
		{ "bytes=-1,0-0", 5000, 2, { { 4999, 1 }, { 0, 1 } } },
		{ "bytes=0-0,9000-", 5000, 1, { { 0, 1 } } },
		{ "bytes=0-9,5-20", 5000, 1, { { 0, 21 } } },
		{ "bytes=5-20,0-9", 5000, 1, { { 0, 21 } } },
		{ "bytes=0-9,20-29", 5000, 1, { { 0, 30 } } },
		{ "bytes=0-9,138-138", 5000, 1, { { 0, 139 } } },
		{ "bytes=0-9,139-139", 5000, 2, { { 0, 10 }, { 139, 1 } } },
		{ "bytes=0-0,2000-2000,1000-1000,1-2000", 5000, 1, { { 0, 2001 } } },
		{ "bytes=0-0,0-0,0-0,0-0", 5000, 1, { { 0, 1 } } },
	};
	struct http_range got[HTTP_RANGES_MAX];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (http_ranges(got, text_of(rows[i].value), rows[i].size) != rows[i].n)
			fail_msg("%s of %jd", rows[i].value, (intmax_t)rows[i].size);
		for (int j = 0; j < rows[i].n; j++) {
			assert_true(got[j].from == rows[i].want[j].from);
			assert_true(got[j].len == rows[i].want[j].len);
		}
	}
}

static void
range_limit(void **state)
{
	struct http_range got[HTTP_RANGES_MAX];
	char value[16 * (HTTP_RANGES_MAX + 2)];
	int count, i, len;

	(void)state;
	for (count = HTTP_RANGES_MAX; count <= HTTP_RANGES_MAX + 1; count++) {
		len = sprintf(value, "bytes=");
		for (i = 0; i < count; i++)
			len += sprintf(value + len, "%d-%d,", 1000 * i, 1000 * i);
		assert_int_equal(http_ranges(got, text_of(value), 1000000),
		    count <= HTTP_RANGES_MAX ? count : 0);
	}
}

/* The verdict on a request with these fields, for a version "a" (or "b") of the date 1000000000. */
static enum http_verdict
verdict(const char *fields, bool *if_range)
{
	const struct http_version v = {
		.tag = { "\"a\"", "\"b\"" }, .dated = true, .date = 1000000000, .now = 1000000009,
	};
	struct http_request rq;
	enum http_verdict got;
	char text[512], *head;
	int len;

	len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "%s\r\n", fields);
	assert_int_equal(parse_head(&rq, text, (size_t)len, &head), 0);
	got = http_conditions(&rq, &v);
	*if_range = http_if_range(&rq, &v);
	free(head);
	return got;
}

#define THEN	"Sun, 09 Sep 2001 01:46:40 GMT"
#define BEFORE	"Sun, 09 Sep 2001 01:46:39 GMT"
#define LATER	"Sun, 09 Sep 2001 01:46:41 GMT"

static void
conditions(void **state)
{
	static const struct {
		const char	 *fields;
		enum http_verdict want;
	} rows[] = {
		{ "", HTTP_SEND },
		{ "If-Match: \"a\"\r\n", HTTP_SEND },
		{ "If-Match: \"x\", \"b\"\r\n", HTTP_SEND },
		{ "If-Match: \"x\"\r\nIf-Match: \"b\"\r\n", HTTP_SEND },
		{ "If-Match: *\r\n", HTTP_SEND },
		{ "If-Match: \"x\"\r\n", HTTP_FAILED },
		{ "If-Match: W/\"a\"\r\n", HTTP_FAILED },
		{ "If-Match: a\r\n", HTTP_FAILED },
		{ "If-Match: \"a\r\n", HTTP_FAILED },
		{ "If-Match: \"x,\"a\"\"\r\n", HTTP_FAILED },
		{ "If-Match: \"a\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", HTTP_SEND },
		{ "If-Unmodified-Since: " BEFORE "\r\n", HTTP_FAILED },
		{ "If-Unmodified-Since: " THEN "\r\n", HTTP_SEND },
		{ "If-Unmodified-Since: yesterday\r\n", HTTP_SEND },
		{ "If-None-Match: \"a\"\r\n", HTTP_NOT_MODIFIED },
		{ "If-None-Match: W/\"b\"\r\n", HTTP_NOT_MODIFIED },
		{ "If-None-Match: *\r\n", HTTP_NOT_MODIFIED },
		{ "If-None-Match: \"x\" , \"a\"\r\n", HTTP_NOT_MODIFIED },
		{ "If-None-Match: \"x\"\r\n", HTTP_SEND },
		{ "If-None-Match: \"x\"\r\nIf-Modified-Since: " LATER "\r\n", HTTP_SEND },
		{ "If-Modified-Since: " THEN "\r\n", HTTP_NOT_MODIFIED },
		{ "If-Modified-Since: " LATER "\r\n", HTTP_NOT_MODIFIED },
		{ "If-Modified-Since: " BEFORE "\r\n", HTTP_SEND },
		{ "If-Modified-Since: 1\r\n", HTTP_SEND },
		{ "If-Modified-Since: " THEN "\r\nIf-Modified-Since: " THEN "\r\n", HTTP_SEND },
		{ "If-Match: \"x\"\r\nIf-None-Match: \"a\"\r\n", HTTP_FAILED },
	};
	bool if_range;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (verdict(rows[i].fields, &if_range) != rows[i].want)
			fail_msg("%s", rows[i].fields);
}

static void
if_range(void **state)
{
	static const struct {
		const char	*fields;
		bool		 want;
	} rows[] = {
		{ "", true },
		{ "If-Range: \"a\"\r\n", true },
		{ "If-Range: \"b\"\r\n", true },
		{ "If-Range: \"x\"\r\n", false },
		{ "If-Range: W/\"a\"\r\n", false },
		{ "If-Range: \"x\", \"a\"\r\n", false },
		{ "If-Range: *\r\n", false },
		{ "If-Range: " THEN "\r\n", true },
		{ "If-Range: " BEFORE "\r\n", false },
		{ "If-Range: " LATER "\r\n", false },
		{ "If-Range: \r\n", false },
		{ "If-Range: \"a\"\r\nIf-Range: \"a\"\r\n", false },
	};
	bool got;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		(void)verdict(rows[i].fields, &got);
		if (got != rows[i].want)
			fail_msg("%s", rows[i].fields);
	}
}

static void
accept(void **state)
{
	static const struct {
		const char	*value;
		bool		 json, html;
	} rows[] = {
		{ "*/*", false, false },
		{ "application/json", true, false },
		{ "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false, true },
		{ "application/json, text/html", false, true },
		{ "application/json, text/html;q=0.9", true, true },
		{ "application/json;q=0.5, text/html", false, true },
		{ "application/json ; charset=x ;q=0.5, */*;q=0.4", true, false },
		{ "application/*", true, false },
		{ "text/*;q=0.5, application/json;q=0.50", false, false },
		{ "application/json;q=0", false, false },
		{ "application/jsonx", false, false },
		{ "text/html;q=0", false, false },
		{ "TEXT/HTML", false, true },
		{ "text/plain", false, false },
		{ ",", false, false },
		{ "", false, false },
	};
	struct http_request rq;
	char text[256], *head;
	int len;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" HOST "Accept: %s\r\n\r\n", rows[i].value);
		assert_int_equal(parse_head(&rq, text, (size_t)len, &head), 0);
		if (http_wants_json(&rq) != rows[i].json || http_wants_html(&rq) != rows[i].html)
			fail_msg("%s", rows[i].value);
		free(head);
	}
}

static void
queries(void **state)
{
	static const struct {
		const char	*query;
		int		 ret;
		bool		 json;
		enum http_sort	 sort;
		uint64_t	 limit;
		const char	*after;
	} rows[] = {
		{ "", 0, false, HTTP_UNSORTED, 0, NULL },
		{ "json", 0, true, HTTP_UNSORTED, 0, NULL },
		{ "json=", 0, true, HTTP_UNSORTED, 0, NULL },
		{ "json=1", 0, true, HTTP_UNSORTED, 0, NULL },
		{ "json=yes&sort=name", 0, true, HTTP_BY_NAME, 0, NULL },
		{ "json=true", 0, true, HTTP_UNSORTED, 0, NULL },
		{ "json=0", 0, false, HTTP_UNSORTED, 0, NULL },
		{ "json=no", 0, false, HTTP_UNSORTED, 0, NULL },
		{ "json&json=false", 0, false, HTTP_UNSORTED, 0, NULL },
		{ "json=maybe", -1, false, HTTP_UNSORTED, 0, NULL },
		{ "v=1&&x&sort=size&json&limit=10", 0, true, HTTP_BY_SIZE, 10, NULL },
		{ "sort=mtime", 0, false, HTTP_BY_MTIME, 0, NULL },
		{ "after=a%26b%3dc+d%ff&sort=name", 0, false, HTTP_BY_NAME, 0, "a&b=c d\xff" },
		{ "after=", 0, false, HTTP_UNSORTED, 0, "" },
		{ "C=M;O=A", 0, false, HTTP_UNSORTED, 0, NULL },
		{ "sort=", -1, false, 0, 0, NULL },
		{ "sort=date", -1, false, 0, 0, NULL },
		{ "limit=0", -1, false, 0, 0, NULL },
		{ "limit=-1", -1, false, 0, 0, NULL },
		{ "limit", -1, false, 0, 0, NULL },
		{ "limit=99999999999999999999", -1, false, 0, 0, NULL },
		{ "after=%zz", -1, false, 0, 0, NULL },
		{ "after=a%00b", -1, false, 0, 0, NULL },
		{ "after=a&sort=size", -1, false, 0, 0, NULL },
	};
	struct http_query q;
	const char *why;
	char *copy;
	int ret;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		copy = exact(rows[i].query, strlen(rows[i].query) + 1);
		ret = http_query_parse(&q, text_of(copy), &why);
		if (ret != rows[i].ret || (ret == -1) != (why[0] != '\0' && ret == -1))
			fail_msg("%s", rows[i].query);
		if (ret == 0) {
			assert_int_equal(q.json, rows[i].json);
			assert_int_equal(q.sort, rows[i].sort);
			assert_true(q.limit == rows[i].limit);
			assert_int_equal(q.after == NULL, rows[i].after == NULL);
			if (q.after != NULL)
				assert_string_equal(q.after, rows[i].after);
		}
		free(copy);
	}
}

static void
chunks(void **state)
{
	static const struct {
		const char	*line;
		int		 ret;
		uint64_t	 len;
	} rows[] = {
		{ "0", 0, 0 }, { "a", 0, 10 }, { "1F", 0, 31 }, { "00000001", 0, 1 },
		{ "fffffffffffffff", 0, UINT64_C(0xfffffffffffffff) }, { "5;a=b", 0, 5 }, { "5 ;a", 0, 5 },
		{ "5 ;", 0, 5 }, { "5 ", -1, 0 },
		{ "", -1, 0 }, { "1000000000000000", -1, 0 }, { "0x5", -1, 0 }, { "-1", -1, 0 },
		{ "+1", -1, 0 }, { " 5", -1, 0 }, { "5g", -1, 0 }, { "5 5", -1, 0 }, { "5;\r", -1, 0 },
		{ "1_0", -1, 0 },
	};
	uint64_t len;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (http_chunk_parse(&len, rows[i].line, strlen(rows[i].line)) != rows[i].ret)
			fail_msg("%s", rows[i].line);
		assert_true(rows[i].ret == -1 || len == rows[i].len);
	}
}

static void
trailers(void **state)
{
	static const struct {
		const char	*line;
		int		 status;
	} rows[] = {
		{ "A: b", 0 }, { "A:", 0 }, { "a-b:\tc d ", 0 },
		{ "A", 400 }, { "A : b", 400 }, { " A: b", 400 }, { ": b", 400 }, { "A: b\rc", 400 },
	};
	char line[16];
	const char *why;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		(void)strcpy(line, rows[i].line);
		if (http_trailer_parse(line, strlen(line), &why) != rows[i].status)
			fail_msg("%s", rows[i].line);
	}
}

static void
escapes(void **state)
{
	static const struct {
		const char	*name, *url, *html, *json;
		int		 utf8;
	} rows[] = {
		{ "a-Z_0.9~", "a-Z_0.9~", "a-Z_0.9~", "a-Z_0.9~", 1 },
		{ "a b/c:d", "a%20b/c%3Ad", "a b/c:d", "a b/c:d", 1 },
		{ "<&>\"'", "%3C%26%3E%22%27", "&lt;&amp;&gt;&quot;&#39;", "<&>\\\"'", 1 },
		{ "a\\b", "a%5Cb", "a\\b", "a\\\\b", 1 },
		{ "\x01\n\x7f", "%01%0A%7F", "\u2401\u240a\u2421", "\\u0001\\u000A\x7f", 1 },
		{ "\xc3\xa4\xe2\x82\xac", "%C3%A4%E2%82%AC", "\u00e4\u20ac", "\u00e4\u20ac", 1 },
		{ "\xff" "a", "%FFa", "\ufffd" "a", "\ufffd" "a", 0 },
		{ "\xc3", "%C3", "\ufffd", "\ufffd", 0 },
		{ "\xed\xa0\x80", "%ED%A0%80", "\ufffd\ufffd\ufffd", "\ufffd\ufffd\ufffd", 0 },
		{ "\xc2\x85", "%C2%85", "\ufffd", "\xc2\x85", 1 },
	};
	char got[128];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t len = strlen(rows[i].name);

		*http_put_url(got, rows[i].name, len) = '\0';
		assert_string_equal(got, rows[i].url);
		*http_put_html(got, rows[i].name, len) = '\0';
		assert_string_equal(got, rows[i].html);
		*http_put_json(got, rows[i].name, len) = '\0';
		assert_string_equal(got, rows[i].json);
		assert_int_equal(http_is_utf8(rows[i].name, len), rows[i].utf8);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses),
		cmocka_unit_test(parts),
		cmocka_unit_test(fields_are_found),
		cmocka_unit_test(completeness),
		cmocka_unit_test(limits),
		cmocka_unit_test(line_limit),
		cmocka_unit_test(basic),
		cmocka_unit_test(field_limit),
		cmocka_unit_test(dates),
		cmocka_unit_test(each_day),
		cmocka_unit_test(ranges),
		cmocka_unit_test(range_limit),
		cmocka_unit_test(conditions),
		cmocka_unit_test(if_range),
		cmocka_unit_test(accept),
		cmocka_unit_test(queries),
		cmocka_unit_test(chunks),
		cmocka_unit_test(trailers),
		cmocka_unit_test(escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
