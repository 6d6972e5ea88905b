/* http_body - bodies that nobody asked for: read away, within drop-max, so that the next request
 * is found where it begins. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/http.h"

static const char too_large[] = "a body of that size is not read here";

/* One line within a body, which ends by CR LF.  Its length without them; -1 for a bad one,
 * or the stream's fault. */
static size_t
measure(const char *s, size_t len, size_t seen)
{
	const char *lf = memchr(s + seen, '\n', len - seen);

	if (lf != NULL)
		return (size_t)(lf + 1 - s);
	return len < HTTP_CHUNK_MAX ? 0 : len;
}

static ssize_t
body_line(struct stream *stream, char **line)
{
	ssize_t n = stream_block_within(stream, line, measure);

	if (n == -1)
		return -1;
	if (n < 2 || n > HTTP_CHUNK_MAX || memcmp(*line + n - 2, "\r\n", 2) != 0)
		return -2;
	return n - 2;
}

/* Fields behind the last chunk, until the empty line. */
static int
drop_trailer(struct stream *stream, const char **why)
{
	char *line;
	ssize_t n;
	int i;

	for (i = 0; i <= HTTP_FIELDS_MAX; i++) {
		if ((n = body_line(stream, &line)) <= 0)
			return n == 0 ? 0 : 400;
		if (http_trailer_parse(line, (size_t)n, why) != 0)
			return 400;
	}
	*why = "the body has too many fields behind it";
	return 431;
}

/* The status to answer with where it cannot be read away, else 0. */
static int
drop_chunks(struct http_exchange *x, const char **why)
{
	uint64_t len, room = x->session->opts->drop_max;
	char *line;
	ssize_t n;

	*why = "a chunk is its length in hexadecimal digits, CR LF, its bytes, CR LF";
	for (;;) {
		n = body_line(x->stream, &line);
		if (n < 0 || http_chunk_parse(&len, line, (size_t)n) == -1)
			return 400;
		if (len == 0)
			return drop_trailer(x->stream, why);
		if (len > room) {
			*why = too_large;
			return 413;
		}
		room -= len;
		if (stream_skip(x->stream, len) == -1 || body_line(x->stream, &line) != 0)
			return 400;
	}
}

/* The request's words move out of the stream's buffer. */
static int
keep_head(struct http_exchange *x, const char *head, size_t len)
{
	const char *why;
	int status;

	if ((x->kept = malloc(len)) == NULL)
		return -1;
	memcpy(x->kept, head, len);
	status = http_parse(&x->request, x->kept, len, &why);
	return status == 0 ? 0 : -1;	/* it was parsed before */
}

int
body_drop(struct http_exchange *x, const char *head, size_t len)
{
	const struct http_request *rq = &x->request;
	const char *why = too_large;
	int code = 0;

	if (!rq->chunked && rq->length == 0)
		return 0;
	if (keep_head(x, head, len) == -1) {
		x->over = x->linger = true;
		reply_fault(x, ENOMEM);
		return -1;
	}
	if (rq->length > x->session->opts->drop_max)
		code = 413;
	else {
		if (rq->expect)
			stream_puts(x->stream, "HTTP/1.1 100 Continue\r\n\r\n");
		if (rq->chunked)
			code = drop_chunks(x, &why);
		else
			(void)stream_skip(x->stream, rq->length);
	}
	if (stream_fault(x->stream) != 0)
		return -1;
	if (code == 0)
		return 0;
	x->over = x->linger = true;
	reply_status(x, code, why);
	return -1;
}
