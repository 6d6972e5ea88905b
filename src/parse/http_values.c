/* http_values - tags and conditions, preferences, and the query of a listing. */

#include "parse/http_values.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "parse/words.h"

static void
skip(struct http_text *list, size_t n)
{
	list->at += n;
	list->len -= n;
}

/* Spaces and commas between the items of a list. */
static void
skip_between(struct http_text *list)
{
	while (list->len > 0 && (*list->at == ' ' || *list->at == '\t' || *list->at == ','))
		skip(list, 1);
}

/* The next tag of a list, with its quotes, and whether it is weak.  False at the end, or where
 * the list is broken. */
static bool
next_tag(struct http_text *list, struct http_text *tag, bool *weak)
{
	const char *quote;

	skip_between(list);
	*weak = list->len > 2 && memcmp(list->at, "W/\"", 3) == 0;
	if (*weak)
		skip(list, 2);
	if (list->len < 2 || *list->at != '"' ||
	    (quote = memchr(list->at + 1, '"', list->len - 1)) == NULL)
		return false;
	tag->at = list->at;
	tag->len = (size_t)(quote + 1 - list->at);
	skip(list, tag->len);
	return true;
}

/* A weak tag of ours is W/ and what theirs is without it. */
static bool
is_tag(struct http_text tag, const struct http_version *v, bool weakly)
{
	const char *ours;

	for (size_t i = 0; i < sizeof(v->tag) / sizeof(v->tag[0]); i++) {
		if ((ours = v->tag[i]) == NULL)
			continue;
		if (*ours == 'W' && weakly)
			ours += 2;
		if (words_equal(tag.at, tag.len, ours))
			return true;
	}
	return false;
}

/* Whether a list of tags, or *, names this version.  Weak ones count where `weakly`. */
static bool
names(struct http_text list, const struct http_version *v, bool weakly)
{
	struct http_text tag;
	bool weak;

	if (list.len == 1 && *list.at == '*')
		return true;
	while (next_tag(&list, &tag, &weak))
		if ((weakly || !weak) && is_tag(tag, v, weakly))
			return true;
	return false;
}

/* The same for each field of that name. */
static bool
any_names(const struct http_request *rq, enum http_name name, const struct http_version *v, bool weakly)
{
	for (size_t i = 0; i < rq->fields; i++)
		if (rq->field[i].name == name && names(rq->field[i].value, v, weakly))
			return true;
	return false;
}

static bool
came(const struct http_request *rq, enum http_name name)
{
	return (rq->seen >> name & 1) != 0;
}

/* A date that counts: there is exactly one, it can be read, and we have one to compare. */
static bool
date_of(const struct http_request *rq, enum http_name name, const struct http_version *v, time_t *date)
{
	return came(rq, name) && v->dated && !http_repeated(rq, name) &&
	    http_date_parse(date, http_field(rq, name)) == 0;
}

enum http_verdict
http_conditions(const struct http_request *rq, const struct http_version *v)
{
	time_t date;

	if (came(rq, HTTP_IF_MATCH)) {
		if (!any_names(rq, HTTP_IF_MATCH, v, false))
			return HTTP_FAILED;
	} else if (date_of(rq, HTTP_IF_UNMODIFIED_SINCE, v, &date) && v->date > date)
		return HTTP_FAILED;
	if (came(rq, HTTP_IF_NONE_MATCH))
		return any_names(rq, HTTP_IF_NONE_MATCH, v, true) ? HTTP_NOT_MODIFIED : HTTP_SEND;
	if (date_of(rq, HTTP_IF_MODIFIED_SINCE, v, &date) && v->date <= date)
		return HTTP_NOT_MODIFIED;
	return HTTP_SEND;
}

bool
http_if_range(const struct http_request *rq, const struct http_version *v)
{
	struct http_text value = http_field(rq, HTTP_IF_RANGE);
	time_t date;

	if (value.at == NULL)
		return true;
	if (http_repeated(rq, HTTP_IF_RANGE))
		return false;
	if (value.len > 0 && *value.at == '"')
		return value.at[value.len - 1] == '"' && is_tag(value, v, false);
	/* A date of this very second may stand for two versions. */
	return date_of(rq, HTTP_IF_RANGE, v, &date) && v->date == date && date < v->now;
}

/* The weight of a range of Accept, in thousandths: behind ";q=". */
static unsigned
weight(struct http_text item)
{
	unsigned q = 0, unit = 1000;
	size_t i;

	for (i = 0; i + 3 < item.len; i++)
		if (item.at[i] == ';' || item.at[i] == ' ' || item.at[i] == '\t') {
			if ((item.at[i + 1] | 0x20) == 'q' && item.at[i + 2] == '=')
				break;
		}
	if (i + 3 >= item.len)
		return 1000;
	for (i += 3; i < item.len && unit > 0; i++) {
		if (item.at[i] == '.')
			continue;
		if (item.at[i] < '0' || item.at[i] > '9')
			break;
		q += unit * (unsigned)(item.at[i] - '0');
		unit /= 10;
	}
	return q < 1000 ? q : 1000;
}

/* What each of the two gets, and how precisely it was named. */
struct preference {
	unsigned	q, precision;
};

static void
prefer(struct preference *p, struct http_text item, const char *type, unsigned precision)
{
	size_t len = strlen(type);

	if (precision < p->precision || item.len < len || strncasecmp(item.at, type, len) != 0)
		return;
	if (item.len > len && item.at[len] != ';' && item.at[len] != ' ' && item.at[len] != '\t')
		return;
	p->q = weight(item);
	p->precision = precision;
}

static void
read_accept(struct http_text list, struct preference *json, struct preference *html)
{
	struct http_text item;
	char *comma;

	for (skip_between(&list); list.len > 0; skip_between(&list)) {
		comma = memchr(list.at, ',', list.len);
		item.at = list.at;
		item.len = comma != NULL ? (size_t)(comma - list.at) : list.len;
		prefer(json, item, "*/*", 1);
		prefer(html, item, "*/*", 1);
		prefer(json, item, "application/*", 2);
		prefer(html, item, "text/*", 2);
		prefer(json, item, "application/json", 3);
		prefer(html, item, "text/html", 3);
		skip(&list, item.len);
	}
}

static void
preferences(const struct http_request *rq, struct preference *json, struct preference *html)
{
	*json = *html = (struct preference){ 0, 0 };
	if (came(rq, HTTP_ACCEPT))
		for (size_t i = 0; i < rq->fields; i++)
			if (rq->field[i].name == HTTP_ACCEPT)
				read_accept(rq->field[i].value, json, html);
}

bool
http_wants_json(const struct http_request *rq)
{
	struct preference json, html;

	preferences(rq, &json, &html);
	return json.q > html.q;
}

bool
http_wants_html(const struct http_request *rq)
{
	struct preference json, html;

	preferences(rq, &json, &html);
	return html.precision == 3 && html.q > 0;
}

/* As forms write it: a plus is a space. */
static int
decode(struct http_text *value)
{
	ptrdiff_t n;

	for (size_t i = 0; i < value->len; i++)
		if (value->at[i] == '+')
			value->at[i] = ' ';
	if ((n = text_decode(value->at, value->len)) == -1)
		return -1;
	value->at[n] = '\0';
	value->len = (size_t)n;
	return 0;
}

static int
set_sort(enum http_sort *sort, struct http_text value)
{
	static const char *const words[] = {
		[HTTP_BY_NAME] = "name", [HTTP_BY_SIZE] = "size", [HTTP_BY_MTIME] = "mtime",
	};

	for (*sort = HTTP_BY_NAME; *sort <= HTTP_BY_MTIME; ++*sort)
		if (words_equal(value.at, value.len, words[*sort]))
			return 0;
	return -1;
}

/* Without a value it is wanted. */
static int
set_json(struct http_query *q, struct http_text value)
{
	static const char *const words[] = { "", "1", "yes", "true", "0", "no", "false" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (words_equal(value.at, value.len, words[i]))
			break;
	q->json = i < 4;
	q->page = !q->json;
	return i < sizeof(words) / sizeof(words[0]) ? 0 : -1;
}

static int
set_pair(struct http_query *q, struct http_text name, struct http_text value, const char **why)
{
	if (words_equal(name.at, name.len, "json")) {
		*why = "json is yes or no";
		return set_json(q, value);
	} else if (words_equal(name.at, name.len, "sort")) {
		*why = "sort is name, size or mtime";
		return set_sort(&q->sort, value);
	} else if (words_equal(name.at, name.len, "limit")) {
		*why = "limit is a number from 1";
		if (text_number(&q->limit, value.at, value.len, UINT64_MAX) == -1 || q->limit == 0)
			return -1;
	} else if (words_equal(name.at, name.len, "after")) {
		*why = "after is a name, percent-encoded";
		if (decode(&value) == -1 || memchr(value.at, '\0', value.len) != NULL)
			return -1;
		q->after = value.at;
	}
	return 0;
}

int
http_query_parse(struct http_query *q, struct http_text query, const char **why)
{
	struct http_text name, value;
	char *end, *equals, *pos, *next;

	*q = (struct http_query){ .json = false };
	*why = "";
	if (query.at == NULL)
		return 0;
	end = query.at + query.len;
	for (pos = query.at; pos < end; pos = next + 1) {
		if ((next = memchr(pos, '&', (size_t)(end - pos))) == NULL)
			next = end;
		if ((equals = memchr(pos, '=', (size_t)(next - pos))) == NULL)
			equals = next;
		name = (struct http_text){ pos, (size_t)(equals - pos) };
		value = (struct http_text){ equals < next ? equals + 1 : next, 0 };
		value.len = (size_t)(next - value.at);
		if (set_pair(q, name, value, why) == -1)
			return -1;
	}
	if (q->after != NULL && q->sort > HTTP_BY_NAME) {
		*why = "after goes with sort=name only";
		return -1;
	}
	return 0;
}
