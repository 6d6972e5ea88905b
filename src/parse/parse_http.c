/* parse_http - a request of HTTP/1.1, taken apart line by line. */

#include "parse/parse_http.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/nitems.h"
#include "base/text.h"
#include "parse/words.h"

static const char *const methods[HTTP_METHODS] = {
	[HTTP_GET] = "GET", [HTTP_HEAD] = "HEAD", [HTTP_OPTIONS] = "OPTIONS", [HTTP_PUT] = "PUT",
	[HTTP_POST] = "POST", [HTTP_DELETE] = "DELETE", [HTTP_PATCH] = "PATCH",
	[HTTP_TRACE] = "TRACE", [HTTP_CONNECT] = "CONNECT",
};

#define NAME(text)	{ text, sizeof(text) - 1 }

static const struct {
	const char	*text;
	size_t		 len;
} names[HTTP_NAMES] = {
	[HTTP_HOST] = NAME("host"),
	[HTTP_CONNECTION] = NAME("connection"),
	[HTTP_CONTENT_LENGTH] = NAME("content-length"),
	[HTTP_TRANSFER_ENCODING] = NAME("transfer-encoding"),
	[HTTP_EXPECT] = NAME("expect"),
	[HTTP_ACCEPT] = NAME("accept"),
	[HTTP_RANGE] = NAME("range"),
	[HTTP_IF_RANGE] = NAME("if-range"),
	[HTTP_IF_MATCH] = NAME("if-match"),
	[HTTP_IF_NONE_MATCH] = NAME("if-none-match"),
	[HTTP_IF_MODIFIED_SINCE] = NAME("if-modified-since"),
	[HTTP_IF_UNMODIFIED_SINCE] = NAME("if-unmodified-since"),
	[HTTP_AUTHORIZATION] = NAME("authorization"),
};

/* tchar of RFC 9110: what methods and names of fields are made of. */
static bool
is_token(unsigned char c)
{
	static const uint32_t set[8] = {
		0, 0x03ff6cfa,	/* ! # $ % & ' * + - . and digits */
		0xc7fffffe, 0x57ffffff,	/* letters ^ _ ` | ~ */
	};

	return set[c >> 5] >> (c & 31) & 1;
}

static bool
all_tokens(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_token((unsigned char)s[i]))
			return false;
	return len > 0;
}

/* Whether a first line is one of a request with a head behind it. */
static bool
has_version(const char *line, size_t len)
{
	return memmem(line, len, " HTTP/", 6) != NULL;
}

size_t
http_complete(const char *s, size_t len, size_t seen)
{
	size_t bound = len < HTTP_HEAD_MAX ? len : HTTP_HEAD_MAX;
	const char *end = s + bound, *lf;

	if (s[0] == '\r')
		return len < 2 ? 0 : 2;
	if (!is_token((unsigned char)s[0]))
		return len;		/* not HTTP at all: TLS, for instance */
	lf = memchr(s, '\n', bound < HTTP_LINE_MAX ? bound : HTTP_LINE_MAX);
	if (lf == NULL)
		return len < HTTP_LINE_MAX ? 0 : len;
	if (!has_version(s, (size_t)(lf - s)))
		return (size_t)(lf + 1 - s);	/* HTTP/0.9 has no head that could end */
	if (seen > 2 && s + seen - 2 > lf)
		lf = memchr(s + seen - 2, '\n', bound - (seen - 2));
	for (; lf != NULL; lf = memchr(lf + 1, '\n', (size_t)(end - lf - 1))) {
		if (end - lf > 1 && lf[1] == '\n')
			return (size_t)(lf + 2 - s);	/* refused, but not kept waiting */
		if (end - lf > 2 && lf[1] == '\r' && lf[2] == '\n')
			return (size_t)(lf + 3 - s);
	}
	return len < HTTP_HEAD_MAX ? 0 : len;
}

const char *
http_method_name(enum http_method method)
{
	return method < HTTP_METHODS ? methods[method] : "?";
}

static int
refuse(int status, const char **why, const char *sentence)
{
	*why = sentence;
	return status;
}

/* The line at *pos without its CR LF; *pos goes past it. */
static int
next_line(char **pos, const char *end, struct http_text *line, const char **why)
{
	char *lf = memchr(*pos, '\n', (size_t)(end - *pos));

	if (lf == NULL)
		return refuse(400, why, "the head of the request does not end");
	if (lf == *pos || lf[-1] != '\r')
		return refuse(400, why, "a line ends with CR LF");
	line->at = *pos;
	line->len = (size_t)(lf - 1 - *pos);
	*pos = lf + 1;
	return 0;
}

static enum http_method
find_method(const char *s, size_t len)
{
	enum http_method m;

	for (m = 0; m < HTTP_METHODS; m++)
		if (words_equal(s, len, methods[m]))
			break;
	return m;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
parse_version(struct http_request *rq, const char *s, size_t len, const char **why)
{
	if (len != 8 || memcmp(s, "HTTP/", 5) != 0 || !is_digit(s[5]) || s[6] != '.' || !is_digit(s[7]))
		return refuse(400, why, "a request line is METHOD TARGET HTTP/1.1, with one space between");
	if (s[5] != '1')
		return refuse(505, why, "only HTTP/1.1 and HTTP/1.0 are spoken here");
	rq->old = s[7] == '0';
	return 0;
}

/* Host of RFC 3986, as far as it could be taken for something else. */
static bool
is_authority(const char *s, size_t len)
{
	static const char others[] = "-._~!$&'()*+;=:[]%";

	for (size_t i = 0; i < len; i++)
		if (!is_digit(s[i]) && !((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z') &&
		    (s[i] == '\0' || strchr(others, s[i]) == NULL))
			return false;
	return true;
}

/* "http://host/path": the path begins at the third slash, or is "/" where there is none. */
static int
absolute_target(struct http_request *rq, const char **why)
{
	char *s = rq->target.at, *end = s + rq->target.len, *host;
	size_t scheme = rq->target.len >= 7 && strncasecmp(s, "http://", 7) == 0 ? 7 :
	    rq->target.len >= 8 && strncasecmp(s, "https://", 8) == 0 ? 8 : 0;

	if (scheme == 0)
		return refuse(400, why, "the target is neither a path nor a URL of http");
	for (host = s += scheme; s < end && *s != '/' && *s != '?'; s++)
		;
	rq->host = (struct http_text){ host, (size_t)(s - host) };
	if (s == host || !is_authority(host, rq->host.len))
		return refuse(400, why, "the target names no host");
	rq->path = (struct http_text){ s, (size_t)(end - s) };
	return 0;
}

static void
split_query(struct http_request *rq)
{
	static char root[] = "/";
	char *mark;

	if (rq->path.len > 0 && (mark = memchr(rq->path.at, '?', rq->path.len)) != NULL) {
		rq->query.at = mark + 1;
		rq->query.len = rq->path.len - (size_t)(mark + 1 - rq->path.at);
		rq->path.len = (size_t)(mark - rq->path.at);
	}
	if (rq->path.len == 0)
		rq->path = (struct http_text){ root, 1 };
}

static int
parse_target(struct http_request *rq, const char **why)
{
	const char *s = rq->target.at;
	size_t i, len = rq->target.len;
	int status = 0;

	for (i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x21 || (unsigned char)s[i] > 0x7e || s[i] == '#')
			return refuse(400, why, "the target holds a byte that must be percent-encoded");
	if (rq->method == HTTP_CONNECT)
		return 0;		/* whatever it is: we connect nobody */
	if (len == 1 && s[0] == '*') {
		if (rq->method == HTTP_OPTIONS)
			return 0;
		return refuse(400, why, "only OPTIONS has the target *");
	}
	if (s[0] == '/')
		rq->path = rq->target;
	else
		status = absolute_target(rq, why);
	if (status == 0)
		split_query(rq);
	return status;
}

static int
parse_line(struct http_request *rq, struct http_text line, const char **why)
{
	const char *end = line.at + line.len, *space = memchr(line.at, ' ', line.len);
	char *last = memrchr(line.at, ' ', line.len);
	size_t method = space != NULL ? (size_t)(space - line.at) : line.len;
	int status;

	if (!all_tokens(line.at, method))
		return refuse(400, why, "this is not a request of HTTP");
	rq->method = find_method(line.at, method);
	if (space == NULL || last == space)
		return refuse(400, why, "HTTP/0.9 is not spoken here: METHOD TARGET HTTP/1.1");
	rq->target = (struct http_text){ line.at + method + 1, (size_t)(last - space - 1) };
	if ((status = parse_version(rq, last + 1, (size_t)(end - last - 1), why)) != 0)
		return status;
	if (rq->target.len == 0 || memchr(rq->target.at, ' ', rq->target.len) != NULL)
		return refuse(400, why, "a request line is METHOD TARGET HTTP/1.1, with one space between");
	return parse_target(rq, why);
}

static enum http_name
find_name(const char *s, size_t len)
{
	enum http_name n;

	for (n = 0; n < HTTP_NAMES; n++)
		if (names[n].len == len && strncasecmp(s, names[n].text, len) == 0)
			break;
	return n;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

static struct http_text
trim(char *s, size_t len)
{
	for (; len > 0 && is_space(*s); len--)
		s++;
	while (len > 0 && is_space(s[len - 1]))
		len--;
	return (struct http_text){ s, len };
}

/* Control bytes but the tabulator: a CR within a line, or NUL. */
static bool
has_control(const char *s, size_t len)
{
	const char *end = s + len, *control;

	while ((control = words_control(s, (size_t)(end - s))) != NULL && *control == '\t')
		s = control + 1;
	return control != NULL;
}

/* NAME: VALUE, taken apart. */
static int
split_field(struct http_text line, struct http_text *name, struct http_text *value, const char **why)
{
	char *colon = memchr(line.at, ':', line.len);

	if (is_space(line.at[0]))
		return refuse(400, why, "a field is not continued on the next line");
	if (colon == NULL || !all_tokens(line.at, (size_t)(colon - line.at)))
		return refuse(400, why, "a field is NAME: VALUE, with no space before the colon");
	*name = (struct http_text){ line.at, (size_t)(colon - line.at) };
	*value = trim(colon + 1, line.len - (name->len + 1));
	if (has_control(value->at, value->len))
		return refuse(400, why, "a field holds a control byte");
	return 0;
}

int
http_trailer_parse(char *line, size_t len, const char **why)
{
	struct http_text name, value;

	assert(len > 0);
	return split_field((struct http_text){ line, len }, &name, &value, why);
}

static int
parse_field(struct http_request *rq, struct http_text line, const char **why)
{
	struct http_text text, value;
	enum http_name name;
	int status;

	if ((status = split_field(line, &text, &value, why)) != 0)
		return status;
	name = find_name(text.at, text.len);
	if (name < HTTP_NAMES) {
		rq->seen |= UINT32_C(1) << name;
		rq->field[rq->fields++] = (struct http_field){ name, value };
	}
	return 0;
}

static int
parse_fields(struct http_request *rq, char *pos, const char *end, const char **why)
{
	struct http_text line;
	unsigned count;
	int status;

	for (count = 0;; count++) {
		if ((status = next_line(&pos, end, &line, why)) != 0 || line.len == 0)
			return status;
		if (count == HTTP_FIELDS_MAX)
			return refuse(431, why, "the head has too many fields");
		if ((status = parse_field(rq, line, why)) != 0)
			return status;
	}
}

struct http_text
http_field(const struct http_request *rq, enum http_name name)
{
	if (rq->seen >> name & 1)
		for (size_t i = 0; i < rq->fields; i++)
			if (rq->field[i].name == name)
				return rq->field[i].value;
	return (struct http_text){ NULL, 0 };
}

bool
http_repeated(const struct http_request *rq, enum http_name name)
{
	unsigned n = 0;

	for (size_t i = 0; i < rq->fields; i++)
		n += rq->field[i].name == name;
	return n > 1;
}

bool
http_has_word(struct http_text list, const char *word)
{
	size_t wanted = strlen(word);
	struct http_text item;
	char *comma;

	while (list.len > 0) {
		if ((comma = memchr(list.at, ',', list.len)) == NULL)
			comma = list.at + list.len;
		item = trim(list.at, (size_t)(comma - list.at));
		if (item.len == wanted && strncasecmp(item.at, word, wanted) == 0)
			return true;
		list.len -= (size_t)(comma - list.at);
		list.at = comma;
		if (list.len > 0) {
			list.at++;
			list.len--;
		}
	}
	return false;
}

static int
check_host(struct http_request *rq, const char **why)
{
	struct http_text host = http_field(rq, HTTP_HOST);

	if (host.at == NULL)
		return rq->old ? 0 : refuse(400, why, "a request of HTTP/1.1 has a field Host");
	if (http_repeated(rq, HTTP_HOST) || !is_authority(host.at, host.len))
		return refuse(400, why, "Host is one host, perhaps with a port");
	if (rq->host.at == NULL)
		rq->host = host;
	return 0;
}

/* Where the body ends, if there is one: there must be one answer, or none. */
static int
check_body(struct http_request *rq, const char **why)
{
	struct http_text length = http_field(rq, HTTP_CONTENT_LENGTH);
	struct http_text coding = http_field(rq, HTTP_TRANSFER_ENCODING);

	if (length.at != NULL && (http_repeated(rq, HTTP_CONTENT_LENGTH) ||
	    text_number(&rq->length, length.at, length.len, INT64_MAX) == -1))
		return refuse(400, why, "Content-Length is one number");
	if (coding.at == NULL)
		return 0;
	if (length.at != NULL || rq->old || http_repeated(rq, HTTP_TRANSFER_ENCODING))
		return refuse(400, why, "there is one Transfer-Encoding in HTTP/1.1, and no Content-Length with it");
	if (coding.len != 7 || strncasecmp(coding.at, "chunked", 7) != 0)
		return refuse(501, why, "the only Transfer-Encoding known here is chunked");
	rq->chunked = true;
	return 0;
}

/* Connection and Expect, which may be repeated as any list. */
static int
check_wishes(struct http_request *rq, const char **why)
{
	const struct http_field *f;
	bool close = false;

	rq->keep = !rq->old;
	for (f = rq->field; f < rq->field + rq->fields; f++)
		if (f->name == HTTP_CONNECTION) {
			close |= http_has_word(f->value, "close");
			rq->keep |= http_has_word(f->value, "keep-alive");
		} else if (f->name == HTTP_EXPECT && !rq->old) {
			if (f->value.len != 12 || strncasecmp(f->value.at, "100-continue", 12) != 0)
				return refuse(417, why, "nothing can be expected here but 100-continue");
			rq->expect = true;
		}
	rq->keep &= !close;
	return 0;
}

static void
clear(struct http_request *rq)
{
	memset(rq, 0, offsetof(struct http_request, field));
	rq->method = HTTP_METHODS;
}

int
http_parse(struct http_request *rq, char *head, size_t len, const char **why)
{
	size_t bound = len < HTTP_LINE_MAX ? len : HTTP_LINE_MAX;
	char *pos = head;
	struct http_text line;
	int status;

	clear(rq);
	*why = "";
	assert(len > 0);
	if (!is_token((unsigned char)head[0]))
		return refuse(400, why, "this is not a request of HTTP");
	if (memchr(head, '\n', bound) == NULL && len >= HTTP_LINE_MAX)
		return refuse(414, why, "the request line is too long");
	if ((status = next_line(&pos, head + len, &line, why)) != 0 ||
	    (status = parse_line(rq, line, why)) != 0)
		return status;
	if (len > HTTP_HEAD_MAX || (len == HTTP_HEAD_MAX && memcmp(head + len - 4, "\r\n\r\n", 4) != 0))
		return refuse(431, why, "the head of the request is too large");
	if ((status = parse_fields(rq, pos, head + len, why)) != 0 ||
	    (status = check_host(rq, why)) != 0 || (status = check_body(rq, why)) != 0)
		return status;
	return check_wishes(rq, why);
}

int
http_chunk_parse(uint64_t *len, const char *line, size_t linelen)
{
	size_t i = 0;

	while (i < linelen && text_nibble(line[i]) != -1)
		i++;
	if (text_hex(len, line, i) == -1 || has_control(line, linelen))
		return -1;
	if (i == linelen)
		return 0;
	/* Extensions begin with a semicolon, before which there may be space. */
	while (i < linelen && is_space(line[i]))
		i++;
	return i < linelen && line[i] == ';' ? 0 : -1;
}
