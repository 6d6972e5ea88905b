/* proto_http - HTTP/1.1 for reading (RFC 9110, 9112): the conversation.
 * A head is a request, a reply follows; which bytes those are stands in http_*.c. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "io/wait.h"
#include "proto/http.h"
#include "proto/protocols.h"

#define LINGER_MS	2000	/* to let a peer read its last reply */
#define SHOWN_TARGET	256	/* bytes of a refused target that the log shows */

/* The path of a target, decoded once.  0, or -1 and the reply is there.  A slash that was encoded ends no
 * path for a client, so that a page's links would lead elsewhere. */
static int
read_path(struct http_exchange *x)
{
	struct http_text *path = &x->request.path;
	bool slash = path->at[path->len - 1] == '/';
	ptrdiff_t len = text_decode(path->at, path->len);

	if (len == -1) {
		reply_status(x, 400, "a percent sign is not followed by two hexadecimal digits");
		return -1;
	}
	path->len = (size_t)len;
	x->folder = path->at[len - 1] == '/';
	if (path_parse(&x->path, path->at, path->len) == -1)
		reply_fault(x, errno);
	else if (x->folder && !slash && !path_is_root(&x->path))
		reply_to_folder(x);
	else
		return 0;
	return -1;
}

static void
answer_request(struct http_exchange *x)
{
	const struct http_request *rq = &x->request;

	if (rq->path.at != NULL && read_path(x) == -1)
		return;
	if (session_too_open(x->session) && x->session->protocol != &protocol_metrics) {
		reply_status(x, 403, "nothing is served in clear here: ask by https");
		return;
	}
	if (x->session->hurries) {
		reply_fault(x, ETOOMANYREFS);
		return;
	}
	if (x->session->protocol != &protocol_metrics && log_in(x) == -1)
		return;
	if (session_begin(x->session, http_method_name(rq->method), x->path.name, x->path.len,
	    x->began) == -1)
		reply_fault(x, errno);
	else if (rq->method == HTTP_OPTIONS)
		reply_options(x);
	else if (x->session->protocol == &protocol_metrics)
		serve_metrics(x);
	else
		serve_target(x);
}

/* A method that is refused: its body is read away, unless the client waits with it. */
static void
refuse_method(struct http_exchange *x, const char *head, size_t len)
{
	bool unknown = x->request.method == HTTP_METHODS;

	if (x->request.expect)
		x->over = x->linger = true;
	else if (body_drop(x, head, len) == -1)
		return;
	if (x->request.method == HTTP_CONNECT)
		x->over = x->linger = true;	/* what follows may be no HTTP */
	if (x->session->hurries)
		reply_fault(x, ETOOMANYREFS);
	else
		reply_status(x, unknown ? 501 : 405, unknown ? "this method is not known here" :
		    "this server only lets clients read");
}

/* Not inlined, for it has a large frame. */
static __attribute__((noinline)) void
log_shown(struct http_exchange *x, uint64_t moved)
{
	const struct http_request *rq = &x->request;
	const struct path *path = &x->path;
	/* Decoding has changed the target; what it became is the path. */
	const struct http_text *refused = rq->path.at != NULL ? &rq->path : &rq->target;
	char shown[2 * PATH_MAX];

	shown[0] = '/';
	if (path->len > 0 || (x->code < 400 && rq->path.at != NULL))
		(void)text_visible(shown + 1, sizeof(shown) - 1, path->name, path->len);
	else if (refused->len > 0)
		(void)text_visible(shown, SHOWN_TARGET, refused->at, refused->len);
	else
		(void)strcpy(shown, "-");
	session_access(x->session, http_method_name(rq->method), shown, x->code, moved, x->began);
}

static void
log_exchange(struct http_exchange *x, uint64_t moved)
{
	if (x->session->opts->access_log)
		log_shown(x, moved);
	else
		session_access(x->session, http_method_name(x->request.method), NULL, x->code, moved, x->began);
}

static void
begin(struct http_exchange *x, struct session *s)
{
	x->session = s;
	x->stream = s->stream;
	x->at.store = NULL;
	x->kept = NULL;
	x->path.len = 0;
	x->path.name[0] = '\0';
	x->folder = x->over = x->linger = x->broken = false;
	x->code = 0;
	x->now = time(NULL);
	x->began = clock_us();
	session_request(s);
}

/* Sends what is left.  Whether the conversation goes on. */
static bool
finish(struct http_exchange *x)
{
	free(x->kept);
	if (!x->over)
		return stream_fault(x->stream) == 0;
	if (x->linger || stream_buffered(x->stream))
		stream_linger(x->stream, LINGER_MS);
	else
		(void)stream_flush_last(x->stream);
	return false;
}

/* From a head to its reply.  Not inlined, so that its frame is not held by ten thousand
 * sessions that wait for a request. */
static __attribute__((noinline)) bool
answer(struct session *s, char *head, size_t len)
{
	struct http_exchange x;
	uint64_t before;
	const char *why;
	int status;

	begin(&x, s);
	before = stream_moved(s->stream);
	if ((status = http_parse(&x.request, head, len, &why)) != 0) {
		x.broken = x.over = x.linger = true;
		reply_status(&x, status, why);
	} else if (x.request.method > HTTP_OPTIONS)
		refuse_method(&x, head, len);
	else if (body_drop(&x, head, len) == 0)
		answer_request(&x);
	forget_password(&x);
	log_exchange(&x, stream_moved(s->stream) - before);
	return finish(&x);
}

/* A head that does not come to its end. */
static __attribute__((noinline)) void
answer_broken(struct session *s, int error)
{
	struct http_exchange x;

	begin(&x, s);
	x.request.method = HTTP_METHODS;
	x.request.keep = x.request.old = false;
	x.request.seen = 0;
	x.request.target.len = x.request.path.len = 0;
	x.request.path.at = NULL;
	x.over = x.linger = true;
	if (error == ETIMEDOUT)
		reply_status(&x, 408, "the head of the request did not come in time");
	else
		reply_status(&x, 400, "the head of the request does not end");
	forget_password(&x);
	log_exchange(&x, 0);
	(void)finish(&x);
}

/* A conversation that ends otherwise than by a reply: between two requests without a word. */
static void
part(struct session *s, int error)
{
	int fault = stream_fault(s->stream);

	if (fault == 0 || fault == EPIPE)
		return;
	if (stream_last_word(s->stream))
		answer_broken(s, fault);
	else
		session_log(s, "session ended: %s", strerror(error));
}

void
http_serve(struct session *s)
{
	ssize_t len;
	char *head;

	while ((len = stream_block(s->stream, &head, http_complete)) != -1)
		if (len == 2 && memcmp(head, "\r\n", 2) == 0)
			session_request(s);	/* before a request it is nothing, but costs as much */
		else if (!answer(s, head, (size_t)len))
			return;
	part(s, errno);
}

static const char *
method_name(int i)
{
	return http_method_name((enum http_method)i);
}

const struct protocol protocol_http = {
	.full = HTTP_FULL,
	.full_len = sizeof(HTTP_FULL) - 1,
	.name = "http",
	.port = "8080",
	.serve = http_serve,
	.verb = method_name,
	.verbs = HTTP_METHODS,
};

const struct protocol protocol_https = {
	.name = "https",
	.port = "8443",
	.secure = true,
	.alpn = "http/1.1",
	.serve = http_serve,
	.verb = method_name,
	.verbs = HTTP_METHODS,
};
