/* remote - the connection to a server, and requests that do not wait for each other.
 * Input goes through a stream.  Output does not: a stream that must send would wait until all
 * is sent, while the server may wait for us to take its replies.  Here, replies are taken
 * meanwhile, so that neither waits for the other for ever. */

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/place.h"
#include "client/progress.h"
#include "client/remote_int.h"
#include "client/stop.h"
#include "io/wait.h"

#define OUT_ROOM	(256 * 1024)	/* bytes gathered before they are sent */
#define CONNECT_MS	20000		/* to connect, where the timeout is longer */

struct remote *
remote_open(const struct socket_url *server, int64_t timeout_ms, bool verbose)
{
	int64_t patience = timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS;
	struct remote *r;
	int fd;

	if ((fd = socket_connect(server, place_port(server), clock_in(patience))) == -1)
		return NULL;
	r = xmalloc(sizeof(*r));
	memset(r, 0, sizeof(*r));
	r->server = *server;
	r->verbose = verbose;
	r->stream_opts = (struct stream_opts){
		.idle_ms = timeout_ms, .line_ms = timeout_ms, .stall_ms = timeout_ms,
	};
	r->out = xmalloc(OUT_ROOM);
	if ((r->stream = stream_open(fd, &r->stream_opts)) == NULL)
		remote_close(&r);
	return r;
}

void
remote_close(struct remote **r)
{
	if (*r == NULL)
		return;
	stream_close(&(*r)->stream);
	trust_end(&(*r)->trust);
	free((*r)->out);
	free(*r);
	*r = NULL;
}

void
remote_trace(const struct remote *r, const char *arrow, const char *line, size_t len)
{
	char shown[1024];

	if (!r->verbose)
		return;
	progress_wipe();
	(void)fprintf(stderr, "%s %s\n", arrow, text_visible(shown, sizeof(shown), line, len));
}

/*
 * Faults.
 */

static int
fail(struct remote *r, int error, const char *why)
{
	if (r->fault == 0) {
		r->fault = error;
		(void)snprintf(r->why, sizeof(r->why), "%s", why);
	}
	errno = r->fault;
	return -1;
}

static int
fail_errno(struct remote *r, int error)
{
	char why[64];

	switch (error) {
	case EPIPE:
	case ECONNRESET:
		return fail(r, ECONNRESET, "the connection was lost");
	case ETIMEDOUT:
		(void)snprintf(why, sizeof(why), "nothing came for %jd s",
		    (intmax_t)r->stream_opts.idle_ms / 1000);
		return fail(r, error, why);
	case EINTR:
		return fail(r, error, "interrupted");
	case EMSGSIZE:
		return fail(r, EPROTO, "the server sent a line that is too long");
	default:
		return fail(r, error, errno_words(error));
	}
}

int
remote_protocol_error(struct remote *r, const char *why)
{
	return fail(r, EPROTO, why);
}

int
remote_fault(const struct remote *r)
{
	return r->fault;
}

const char *
remote_why(const struct remote *r)
{
	return r->why;
}

static int
exit_code(const struct remote *r, bool transfer)
{
	switch (r->fault) {
	case 0:
		return DONE;
	case ETIMEDOUT:
		return TIMED_OUT;
	case EPROTO:
		return PROTOCOL_ERROR;
	case EINTR:
		return RESUMABLE;
	default:
		return transfer ? RESUMABLE : NO_CONNECTION;
	}
}

int
remote_complain(const struct remote *r, bool transfer)
{
	char name[SOCKET_NAME_MAX + 256];

	place_name(name, sizeof(name), &r->server);
	say_of(name, "%s", r->why);
	return exit_code(r, transfer);
}

/*
 * Output.
 */

static int	take_greeting(struct remote *);

/* Waits until bytes can be sent, taking replies meanwhile.  Behind a greeting there need not be
 * one: the server may wait for the very bytes that we are sending. */
static int
wait_to_send(struct remote *r)
{
	const short on = stream_sends_on(r->stream);
	const short events = r->input != NULL ? POLLIN | on : on;

	if (r->input != NULL && remote_has_input(r))
		return r->greeted ? r->input(r->input_arg) : take_greeting(r);
	if (wait_fd(stream_fd(r->stream), events, clock_in(r->stream_opts.stall_ms)) == -1)
		return fail_errno(r, errno);
	return 0;
}

static int
send_all(struct remote *r, const char *bytes, size_t len)
{
	int ret = 0;
	ssize_t n;

	r->flushing = true;
	while (len > 0 && !r->deaf && ret == 0) {
		if (stop_wanted()) {
			ret = fail_errno(r, EINTR);
			break;
		}
		n = stream_send(r->stream, bytes, len);
		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN)
			ret = wait_to_send(r);
		else if (errno != EINTR)
			r->deaf = true;
	}
	r->flushing = false;
	return r->fault ? -1 : ret;
}

void
remote_push(struct remote *r)
{
	ssize_t n;

	if (r->begin == r->end || r->deaf || r->fault)
		return;
	n = stream_send(r->stream, r->out + r->begin, r->end - r->begin);
	if (n > 0)
		r->begin += (size_t)n;
	else if (errno != EAGAIN && errno != EINTR)
		r->deaf = true;
}

int
remote_flush(struct remote *r)
{
	int ret;

	if (r->begin == r->end || r->flushing)
		return r->fault ? -1 : 0;
	ret = send_all(r, r->out + r->begin, r->end - r->begin);
	r->begin = r->end = 0;
	return ret;
}

char *
remote_room(struct remote *r, size_t len)
{
	if (r->begin == r->end)
		r->begin = r->end = 0;
	if (OUT_ROOM - r->end < len)
		(void)remote_flush(r);
	return r->out + r->end;
}

size_t
remote_unsent(const struct remote *r)
{
	return r->end - r->begin;
}

void
remote_body(struct remote *r, const void *bytes, size_t len)
{
	if (len <= OUT_ROOM / 4) {
		memcpy(remote_room(r, len), bytes, len);
		r->end += len;
	} else if (remote_flush(r) == 0)
		(void)send_all(r, bytes, len);
}

/* Appends " PATH", encoded; the end, or NULL where it would pass `limit`. */
static char *
append_path(char *dst, const char *limit, const char *path)
{
	char encoded[3 * REMOTE_LINE];
	size_t len = strlen(path);

	if (len >= REMOTE_LINE)
		return NULL;
	len = (size_t)(text_encode(encoded, path, len) - encoded);
	if (len + 1 > (size_t)(limit - dst))
		return NULL;
	*dst++ = ' ';
	memcpy(dst, encoded, len);
	return dst + len;
}

static int
append_line(
    struct remote *r, const char *verb, const char *path, const char *path2, const char *options)
{
	char *line = remote_room(r, REMOTE_LINE), *limit = line + REMOTE_LINE - 1, *p;
	size_t len = strlen(options);

	p = stpcpy(line, verb);
	if (path != NULL)
		p = append_path(p, limit, path);
	if (p != NULL && path2 != NULL)
		p = append_path(p, limit, path2);
	if (p == NULL || len + 1 > (size_t)(limit - p)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (len > 0) {
		*p++ = ' ';
		p = mempcpy(p, options, len);
	}
	remote_trace(r, ">", line, (size_t)(p - line));
	*p++ = '\n';
	r->end += (size_t)(p - line);
	return 0;
}

int
remote_request(struct remote *r, const char *verb, const char *path, const char *fmt, ...)
{
	char options[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(options, sizeof(options), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(options)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return append_line(r, verb, path, NULL, options);
}

int
remote_request2(
    struct remote *r, const char *verb, const char *from, const char *to, const char *options)
{
	return append_line(r, verb, from, to, options);
}

void
remote_on_input(struct remote *r, int (*fn)(void *), void *arg)
{
	r->input = fn;
	r->input_arg = arg;
}

/*
 * Input.
 */

bool
remote_has_input(struct remote *r)
{
	struct pollfd pfd = { .fd = stream_fd(r->stream), .events = POLLIN };

	/* What comes in TLS may be no word for us. */
	if (stream_secured(r->stream) != NULL)
		return stream_ready(r->stream);
	return stream_buffered(r->stream) || poll(&pfd, 1, 0) > 0;
}

/* Whether there was no fault, and no wish to stop: waits see that, but there may be none. */
static int
usable(struct remote *r)
{
	if (r->fault == 0 && stop_wanted())
		return fail_errno(r, EINTR);
	return r->fault ? -1 : 0;
}

ssize_t
remote_line(struct remote *r, char **line)
{
	ssize_t len;

	if (usable(r) == -1)
		return -1;
	if ((len = stream_line(r->stream, line)) == -1)
		return fail_errno(r, errno);
	remote_trace(r, "<", *line, (size_t)len);
	return len;
}

static int
next_reply(struct remote *r, struct coffer_reply *reply)
{
	ssize_t len;
	char *line;

	if ((len = remote_line(r, &line)) == -1)
		return -1;
	if (coffer_reply_parse(reply, line, (size_t)len) == -1)
		return remote_protocol_error(
		    r, "the server's answer is no reply of the coffer protocol");
	return 0;
}

/* A reply that ends the session, in place of the one that was waited for. */
static int
fail_reply(struct remote *r, const struct coffer_reply *reply)
{
	char shown[200], why[256];

	(void)snprintf(why, sizeof(why), "the server says: %s",
	    text_visible(shown, sizeof(shown), reply->text, strlen(reply->text)));
	return fail(r, ECONNABORTED, why);
}

static int
take_greeting(struct remote *r)
{
	struct coffer_reply reply;
	char version[8];

	if (next_reply(r, &reply) == -1)
		return -1;
	r->greeted = true;
	if (reply.code == 503 || reply.code == 429)
		return fail_reply(r, &reply);
	if (reply.code != 200 ||
	    coffer_reply_value(&reply, "coffer", version, sizeof(version)) != 1 ||
	    version[0] != '1')
		return remote_protocol_error(r, "no server of the coffer protocol, version 1");
	return 0;
}

int
remote_reply(struct remote *r, struct coffer_reply *reply)
{
	if (remote_flush(r) == -1 || (!r->greeted && take_greeting(r) == -1) ||
	    next_reply(r, reply) == -1)
		return -1;
	/* Without a path, it is not about a request: the server goes. */
	if (reply->code == 503 && reply->text[0] != '/')
		return fail_reply(r, reply);
	return 0;
}

int
remote_ask(struct remote *r, struct coffer_reply *reply, const char *verb, const char *path,
    const char *options)
{
	static char too_long[] = "the name is too long";

	if (append_line(r, verb, path, NULL, options) == -1) {
		*reply = (struct coffer_reply){ .code = 400, .text = too_long };
		return 0;
	}
	return remote_reply(r, reply);
}

int
remote_entry(struct remote *r, struct coffer_entry *entry, struct coffer_reply *end)
{
	static char none[] = "";
	ssize_t len;
	char *line;

	if ((len = remote_line(r, &line)) == -1)
		return -1;
	if (len == 1 && *line == '.') {
		*end = (struct coffer_reply){ .code = 200, .text = none };
		return 0;
	}
	if (len > 2 && line[0] == '!' && line[1] == ' ') {
		if (coffer_reply_parse(end, line + 2, (size_t)len - 2) == -1 || end->code < 300)
			return remote_protocol_error(r, "the end of the list makes no sense");
		return 0;
	}
	if (coffer_entry_parse(entry, line, (size_t)len) == -1)
		return remote_protocol_error(r, "a line of the list makes no sense");
	return 1;
}

ssize_t
remote_read(struct remote *r, void *dst, size_t len)
{
	ssize_t n;

	if (usable(r) == -1)
		return -1;
	n = stream_read(r->stream, dst, len);
	return n == -1 ? fail_errno(r, errno) : n;
}

ssize_t
remote_borrow(struct remote *r, const char **bytes, size_t len)
{
	ssize_t n;

	if (usable(r) == -1)
		return -1;
	n = stream_borrow(r->stream, bytes, len);
	return n == -1 ? fail_errno(r, errno) : n;
}
