/* rights - who may do what at which place of the tree: the answers. */

#include <string.h>

#include "auth/rights_int.h"

/* Whether a rule is about that user; `owner`: the part %u of the path is his name. */
static bool
is_about(const struct rights *r, const struct rule *rule, const char *user,
    const struct rights_groups *more, bool owner)
{
	switch (rule->what) {
	case WHO_EVERYBODY:
		return true;
	case WHO_ANONYMOUS:
		return user[0] == '\0';
	case WHO_USERS:
		return user[0] != '\0';
	case WHO_OWNER:
		return owner;
	case WHO_USER:
		return strcmp(rule->who, user) == 0;
	case WHO_GROUP:
		return user[0] != '\0' && (rights_is_member(&r->group[rule->group], user) ||
		    (more != NULL && (more->set[rule->group / 64] >> rule->group % 64 & 1) != 0));
	}
	return false;
}

/* Whether path is the place's or lies beneath it, and if there is a %u, what stands for it. */
static bool
lies_at(const struct place *p, const char *path, size_t len, const char **name, size_t *namelen)
{
	const char *at, *end;
	size_t tail;

	*namelen = 0;
	if (p->parts == 0)
		return true;
	if (len < p->head || memcmp(path, p->path, p->head) != 0)
		return false;
	at = path + p->head;
	if (p->head == p->tail)
		return len == p->head || *at == '/';
	if ((end = memchr(at, '/', len - p->head)) == NULL)
		end = path + len;
	*name = at;
	*namelen = (size_t)(end - at);
	tail = strlen(p->path + p->tail);
	if (*namelen == 0 || (size_t)(path + len - end) < tail || memcmp(end, p->path + p->tail, tail) != 0)
		return false;
	at = end + tail;
	return at == path + len || *at == '/';
}

/* Whether no share that is deeper than the place's own holds the path. */
static bool
is_nearest(const struct rights *r, const struct place *p, const char *path, size_t len)
{
	const struct place *q;
	const char *name;
	size_t namelen;

	for (size_t i = 0; p->share != -1 && i < r->places; i++) {
		q = &r->place[i];
		if (q->share == (int)i && q->parts > r->place[p->share].parts &&
		    lies_at(q, path, len, &name, &namelen))
			return false;
	}
	return true;
}

void
rights_groups(const struct rights *r, const char *names, size_t len, struct rights_groups *more)
{
	const char *name;
	size_t i;

	memset(more, 0, sizeof(*more));
	for (name = names; name < names + len; name += strlen(name) + 1)
		for (i = 0; i < r->groups; i++)
			if (strcmp(r->group[i].name, name) == 0)
				more->set[i / 64] |= UINT64_C(1) << i % 64;
}

void
rights_ask(const struct rights *r, const char *user, const struct rights_groups *more, const char *path,
    size_t len, struct rights_answer *answer)
{
	const struct place *p = NULL;
	const char *name = NULL;
	size_t namelen = 0, i;
	bool owner;

	*answer = (struct rights_answer){ .place = -1, .rule = -1 };
	for (i = 0; i < r->places; i++)
		if (lies_at(&r->place[r->order[i]], path, len, &name, &namelen) &&
		    is_nearest(r, &r->place[r->order[i]], path, len))
			break;
	if (i == r->places)
		return;
	p = &r->place[answer->place = r->order[i]];
	answer->logged_in = p->logged_in;
	owner = namelen > 0 && strlen(user) == namelen && memcmp(user, name, namelen) == 0;
	for (i = 0; i < p->rules; i++)
		if (is_about(r, &p->rule[i], user, more, owner)) {
			answer->allowed = p->rule[i].allowed;
			answer->rule = (int)i;
			return;
		}
}

/* Whether the place's path has more parts than this one, and begins like it. */
static bool
lies_beneath(const struct place *p, const char *path, size_t len)
{
	const char *want = p->path, *end = path + len, *next;

	while (path < end && *want != '\0') {
		next = strchrnul(want, '/');
		if (want == p->path + p->head && p->head != p->tail) {
			if ((path = memchr(path, '/', (size_t)(end - path))) == NULL)
				path = end;
		} else if ((size_t)(end - path) < (size_t)(next - want) ||
		    memcmp(path, want, (size_t)(next - want)) != 0)
			return false;
		else
			path += next - want;
		if (path < end && *path++ != '/')
			return false;
		want = *next == '/' ? next + 1 : next;
	}
	return path == end && *want != '\0';
}

bool
rights_divided(const struct rights *r, const char *path, size_t len)
{
	for (size_t i = 0; i < r->places; i++)
		if (lies_beneath(&r->place[i], path, len))
			return true;
	return false;
}

unsigned
rights_most(const struct rights *r, int place)
{
	return r->place[place].most;
}

const char *
rights_place_path(const struct rights *r, int place, const char **where)
{
	*where = r->place[place].where;
	return r->place[place].path;
}

const char *
rights_rule_text(const struct rights *r, int place, int rule, const char **where)
{
	*where = r->place[place].rule[rule].where;
	return r->place[place].rule[rule].text;
}
