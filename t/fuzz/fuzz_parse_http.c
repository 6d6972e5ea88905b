/* fuzz_parse_http - any bytes as a head that comes in two pieces, as a query, a field's value, a
 * chunk's line or a name to escape: the first byte chooses.  The rest lies in memory of its
 * length. */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parse/http_escape.h"
#include "parse/http_values.h"
#include "parse/parse_http.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_within(struct http_text t, const char *s, size_t len)
{
	if (t.at != NULL && t.len > 1)	/* the path "/" may be our own */
		assert(t.at >= s && t.at + t.len <= s + len);
}

static void
check_values(const struct http_request *rq)
{
	const struct http_version v = {
		.tag = { "\"a\"", NULL }, .dated = true, .date = 784111777, .now = 784111779,
	};
	struct http_range r[HTTP_RANGES_MAX];
	int n = http_ranges(r, http_field(rq, HTTP_RANGE), 1000);

	assert(n >= -1 && n <= HTTP_RANGES_MAX);
	for (int i = 0; i < n; i++)
		assert(r[i].from >= 0 && r[i].len > 0 && r[i].from + r[i].len <= 1000);
	(void)http_conditions(rq, &v);
	(void)http_if_range(rq, &v);
	assert(!http_wants_json(rq) || (rq->seen >> HTTP_ACCEPT & 1));
	(void)http_wants_html(rq);
}

static void
head(char *s, size_t len)
{
	static struct http_request rq;
	const char *why = NULL;
	size_t whole, first, i;
	int status;

	if (len == 0)
		return;
	whole = http_complete(s, len, 0);
	assert(whole <= len);
	/* However it comes, it is the same. */
	for (first = 1; first < len && first < 64; first++) {
		size_t early = http_complete(s, first, 0);

		if (early == 0)
			assert(http_complete(s, len, first) == whole);
	}
	if (whole == 0 || (whole == 2 && s[0] == '\r' && s[1] == '\n'))
		return;
	status = http_parse(&rq, s, whole, &why);
	assert(why != NULL && (status == 0) == (why[0] == '\0'));
	check_within(rq.target, s, whole);
	if (status != 0)
		return;
	assert(memcmp(s + whole - 4, "\r\n\r\n", 4) == 0 && memchr(s, '\0', whole) == NULL);
	assert(rq.fields <= HTTP_FIELDS_MAX && whole <= HTTP_HEAD_MAX);
	assert(!(rq.chunked && rq.length > 0));
	assert(rq.path.at == NULL || (rq.path.len > 0 && rq.path.at[0] == '/'));
	check_within(rq.path, s, whole);
	check_within(rq.query, s, whole);
	check_within(rq.host, s, whole);
	for (i = 0; i < rq.fields; i++)
		check_within(rq.field[i].value, s, whole);
	check_values(&rq);
}

/* In place, with one byte behind it that may be written. */
static void
query(char *s, size_t len)
{
	struct http_query q;
	const char *why;

	if (len > 0 && http_query_parse(&q, (struct http_text){ s, len - 1 }, &why) == 0) {
		assert(q.sort <= HTTP_BY_MTIME);
		assert(q.after == NULL || strlen(q.after) < len);
	}
}

static void
values(char *s, size_t len)
{
	struct http_text text = { s, len };
	char again[HTTP_DATE_LEN];
	time_t time, back;

	if (http_date_parse(&time, text) == 0) {
		(void)http_put_date(again, time);
		assert(http_date_parse(&back, (struct http_text){ again, HTTP_DATE_LEN }) == 0);
		assert(back == time);
	}
	(void)http_has_word(text, "close");
}

/* In place. */
static void
basic(char *s, size_t len)
{
	struct http_text text = { s, len };
	struct http_basic b;

	if (http_basic_parse(&b, text) == -1)
		return;
	check_within(b.user, s, len);
	check_within(b.password, s, len);
	assert(b.password.at == b.user.at + b.user.len + 1 && b.user.at[b.user.len] == ':');
	assert(memchr(b.user.at, ':', b.user.len) == NULL);
}

static void
chunk(const char *s, size_t len)
{
	uint64_t n;

	if (http_chunk_parse(&n, s, len) == 0)
		assert(len > 0 && n < UINT64_C(1) << 60);
}

static void
escape(const char *s, size_t len)
{
	char *dst = malloc(HTTP_HTML_GROWS * len + 1), *p;

	assert(dst != NULL);
	assert(http_put_url(dst, s, len) <= dst + HTTP_URL_GROWS * len);
	p = http_put_html(dst, s, len);
	assert(p <= dst + HTTP_HTML_GROWS * len && http_is_utf8(dst, (size_t)(p - dst)));
	for (char *q = dst; q < p; q++)
		assert(*q != '<' && *q != '>' && *q != '"' && *q != '\'' && (unsigned char)*q >= 0x20);
	p = http_put_json(dst, s, len);
	assert(p <= dst + HTTP_JSON_GROWS * len && http_is_utf8(dst, (size_t)(p - dst)));
	free(dst);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s;

	if (size < 1)
		return 0;
	assert((s = malloc(size > 1 ? size - 1 : 1)) != NULL);
	memcpy(s, data + 1, size - 1);
	switch (data[0] % 8) {
	case 0:
		query(s, size - 1);
		break;
	case 1:
		values(s, size - 1);
		basic(s, size - 1);
		break;
	case 2:
		chunk(s, size - 1);
		break;
	case 3:
		escape(s, size - 1);
		break;
	default:
		head(s, size - 1);
	}
	free(s);
	return 0;
}
