/* http_reply - heads of replies, and the replies that are no more than a sentence. */

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "io/wait.h"
#include "parse/http_escape.h"
#include "proto/http.h"

#define SENTENCE_MAX	512	/* bytes of a sentence */
#define LOCATION_MAX	(HTTP_URL_GROWS * PATH_LEN_MAX + HTTP_LINE_MAX)

static const struct {
	int		 code;
	const char	*reason;
} reasons[] = {
	{ 200, "OK" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 301, "Moved Permanently" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 421, "Misdirected Request" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *
reason(int code)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].code == code)
			return reasons[i].reason;
	return "";
}

char *
head_number(char *dst, const char *name, uint64_t n)
{
	dst = text_decimal(head_put(head_put(dst, name), ": "), n);
	return head_put(dst, "\r\n");
}

/* The date changes once a second; each thread keeps its own. */
static char *
put_now(char *dst, time_t now)
{
	static __thread struct {
		time_t	at;
		char	text[HTTP_DATE_LEN];
	} kept = { .at = -1 };

	if (kept.at != now) {
		(void)http_put_date(kept.text, now);
		kept.at = now;
	}
	memcpy(dst, kept.text, HTTP_DATE_LEN);
	return dst + HTTP_DATE_LEN;
}

char *
head_begin(struct http_exchange *x, char *dst, int code)
{
	x->code = code;
	dst = text_decimal(head_put(dst, "HTTP/1.1 "), (uint64_t)code);
	*dst++ = ' ';
	dst = head_put(head_put(dst, reason(code)), "\r\nServer: cofferd/" PACKAGE_VERSION "\r\nDate: ");
	return head_put(put_now(dst, x->now), "\r\n");
}

char *
head_end(struct http_exchange *x, char *dst)
{
	if (!x->request.keep || wait_draining())
		x->over = true;
	if (x->over)
		dst = head_put(dst, "Connection: close\r\n");
	else if (x->request.old)
		dst = head_put(dst, "Connection: keep-alive\r\n");
	return head_put(dst, "\r\n");
}

/* "404 Not Found: no such file or folder", for people: as a page for a browser. */
static size_t
put_sentence(struct http_exchange *x, char *dst, int code, const char *sentence, bool html)
{
	char *p = dst;

	if (html)
		p = head_put(p, "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
		    "<meta name=\"viewport\" content=\"width=device-width\">"
		    "<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;"
		    "max-width:40rem;margin:15vh auto;padding:0 1rem}</style>\n<title>");
	p = text_decimal(p, (uint64_t)code);
	*p++ = ' ';
	p = head_put(p, reason(code));
	if (html) {
		p = head_put(text_decimal(head_put(p, "</title>\n<h1>"), (uint64_t)code), " ");
		p = head_put(head_put(p, reason(code)), "</h1>\n<p>");
		p = http_put_html(p, sentence, strlen(sentence));
		p = head_put(p, "</p>\n</html>\n");
	} else
		p = head_put(head_put(head_put(p, ": "), sentence), "\n");
	(void)x;
	return (size_t)(p - dst);
}

/* `fields` are more lines of the head. */
static void
reply(struct http_exchange *x, int code, const char *sentence, const char *fields)
{
	bool html = http_wants_html(&x->request);
	char body[HTTP_REPLY_MAX], *begin, *p;
	size_t len;

	len = put_sentence(x, body, code, sentence, html);
	if ((begin = stream_reserve(x->stream, 2 * HTTP_REPLY_MAX + LOCATION_MAX)) == NULL)
		return;
	p = head_put(head_begin(x, begin, code), fields);
	p = head_number(p, "Content-Length", len);
	p = head_put(p, html ? "Content-Type: text/html; charset=utf-8\r\n" :
	    "Content-Type: text/plain; charset=utf-8\r\n");
	p = head_end(x, head_put(p, HTTP_VARY "X-Content-Type-Options: nosniff\r\n"));
	if (x->request.method != HTTP_HEAD) {
		memcpy(p, body, len);
		p += len;
	}
	stream_commit(x->stream, (size_t)(p - begin));
}

void
reply_status(struct http_exchange *x, int code, const char *sentence)
{
	reply(x, code, sentence, code == 405 ? "Allow: " HTTP_METHODS_HERE "\r\n" :
	    code == 401 ? "WWW-Authenticate: Basic realm=\"coffer\", charset=\"UTF-8\"\r\n" :
	    code == 503 || code == 429 ? "Retry-After: 1\r\n" : "");
}

void
reply_later(struct http_exchange *x, int code, const char *sentence, int64_t seconds)
{
	char field[64], *p;

	p = text_decimal(head_put(field, "Retry-After: "), (uint64_t)(seconds > 0 ? seconds : 1));
	*head_put(p, "\r\n") = '\0';
	reply(x, code, sentence, field);
}

static const struct {
	int		 error, code;
	const char	*sentence;
} errors[] = {
	{ ENOENT,	404, "no such file or folder" },
	{ ENOTDIR,	404, "no such file or folder" },
	{ ENAMETOOLONG,	404, "no file has so long a name" },
	{ EILSEQ,	404, "no file has such a name" },
	{ EACCES,	403, "not allowed" },
	{ EPERM,	403, "not allowed" },
	{ ENOKEY,	401, "log in first" },
	{ ELOOP,	403, "a symbolic link that is not followed" },
	{ EXDEV,	403, "a symbolic link leads out of the tree" },
	{ ENXIO,	403, "neither a file nor a folder" },
	{ EINVAL,	400, "a path has no part . or .. and no NUL" },
	{ EBUSY,	503, "busy" },
	{ EMFILE,	503, "too many open files" },
	{ ENFILE,	503, "too many open files" },
	{ ENOMEM,	503, "out of memory" },
	{ ECANCELED,	503, "shutting down" },
	{ ETOOMANYREFS,	429, "too many requests of your address; try again later" },
	{ EOWNERDEAD,	503, "refused for a while, for processes of the server died of this request" },
};

void
reply_fault(struct http_exchange *x, int error)
{
	size_t i;

	if (error == ENOKEY && !session_private(x->session)) {
		reply_status(x, 403, "log in first, by https: a password must not be said in clear text");
		return;
	}
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].error == error) {
			if (error == EOWNERDEAD)
				reply_later(x, errors[i].code, errors[i].sentence, x->session->refused / 1000 + 1);
			else
				reply_status(x, errors[i].code, errors[i].sentence);
			return;
		}
	session_log(x->session, "%s: %s", http_method_name(x->request.method), strerror(error));
	reply_status(x, 500, "the server could not do that (see its log)");
}

void
reply_store_fault(struct http_exchange *x, int error)
{
	reply_fault(x, reach_errno(&x->at, error));
}

void
reply_no_range(struct http_exchange *x, off_t size)
{
	char field[64], *p;

	p = text_decimal(head_put(field, "Content-Range: bytes */"), (uint64_t)size);
	*head_put(p, "\r\n") = '\0';
	reply(x, 416, "the file has no such bytes", field);
}

void
reply_not_modified(struct http_exchange *x, const char *tag)
{
	char *begin, *p;

	if ((begin = stream_reserve(x->stream, HTTP_REPLY_MAX)) == NULL)
		return;
	p = head_begin(x, begin, 304);
	if (tag != NULL)
		p = head_put(head_put(head_put(p, "ETag: "), tag), "\r\n");
	p = head_put(p, x->folder && tag == NULL ? HTTP_NO_CACHE HTTP_VARY : x->folder ? HTTP_VARY : "");
	stream_commit(x->stream, (size_t)(head_end(x, p) - begin));
}

void
reply_options(struct http_exchange *x)
{
	char *begin, *p;

	if ((begin = stream_reserve(x->stream, HTTP_REPLY_MAX)) == NULL)
		return;
	p = head_put(head_begin(x, begin, 204), "Allow: " HTTP_METHODS_HERE "\r\nAccept-Ranges: bytes\r\n");
	stream_commit(x->stream, (size_t)(head_end(x, p) - begin));
}

void
reply_to_folder(struct http_exchange *x)
{
	char field[LOCATION_MAX + 32], *p;
	const struct http_request *rq = &x->request;

	/* Made of the path, not of the target: two slashes at its begin would be a host. */
	p = head_put(field, "Location: /");
	p = http_put_url(p, x->path.name, x->path.len);
	*p++ = '/';
	if (rq->query.len > 0) {
		*p++ = '?';
		memcpy(p, rq->query.at, rq->query.len);
		p += rq->query.len;
	}
	*head_put(p, "\r\n") = '\0';
	reply(x, 301, "a folder's name ends with a slash", field);
}
