/* http_metrics - a listener that tells what the pool does, and nothing of the tree.
 * The conversation is that of HTTP; the text is made by whoever knows the scoreboard. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parse/parse_http.h"
#include "proto/http.h"
#include "proto/protocols.h"

#define METRICS_PATH	"metrics"
#define METRICS_FIELDS	"Content-Type: text/plain; version=0.0.4; charset=utf-8\r\nCache-Control: no-store\r\n"

static void
send_text(struct http_exchange *x, const char *text, size_t len)
{
	char *begin, *p;

	if ((begin = stream_reserve(x->stream, HTTP_REPLY_MAX)) == NULL)
		return;
	p = head_put(head_begin(x, begin, 200), METRICS_FIELDS);
	p = head_number(p, "Content-Length", len);
	stream_commit(x->stream, (size_t)(head_end(x, p) - begin));
	if (x->request.method != HTTP_HEAD)
		stream_write(x->stream, text, len);
}

void
serve_metrics(struct http_exchange *x)
{
	const struct session_opts *opts = x->session->opts;
	char *text;
	size_t len;

	if (strcmp(x->path.name, METRICS_PATH) != 0 || x->folder)
		reply_status(x, 404, "there is only /metrics here");
	else if (opts->metrics == NULL || (text = opts->metrics(opts->metrics_arg, &len)) == NULL)
		reply_fault(x, ENOMEM);
	else {
		send_text(x, text, len);
		free(text);
	}
}

static const char *
method_name(int i)
{
	return http_method_name((enum http_method)i);
}

const struct protocol protocol_metrics = {
	.full = HTTP_FULL,
	.full_len = sizeof(HTTP_FULL) - 1,
	.name = "metrics",
	.port = "9633",
	.serve = http_serve,
	.verb = method_name,
	.verbs = HTTP_METHODS,
};
