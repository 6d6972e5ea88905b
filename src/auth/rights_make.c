/* rights_make - the tables of rights grow, and are checked. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/rights_int.h"
#include "auth/users_line.h"
#include "base/nitems.h"

static const struct {
	const char	*name;
	unsigned	 rights;
} words[] = {
	{ "list", RIGHT_LIST }, { "read", RIGHT_READ }, { "create", RIGHT_CREATE },
	{ "replace", RIGHT_REPLACE }, { "delete", RIGHT_DELETE }, { "admin", RIGHT_ADMIN },
	{ "write", RIGHTS_WRITE }, { "all", RIGHTS_ALL }, { "nothing", 0 },
};
#define SINGLE	6	/* of them are one right each */

static const struct {
	const char	*name;
	enum who	 what;
} people[] = {
	{ "anonymous", WHO_ANONYMOUS }, { "users", WHO_USERS }, { "everybody", WHO_EVERYBODY },
	{ RIGHTS_USER, WHO_OWNER },
};

struct rights *
rights_new(void)
{
	return calloc(1, sizeof(struct rights));
}

static void
free_group(struct group *g)
{
	for (size_t i = 0; i < g->members; i++)
		free(g->member[i]);
	free(g->member);
	free(g->name);
	free(g->where);
}

static void
free_rule(struct rule *rule)
{
	free(rule->who);
	free(rule->text);
	free(rule->where);
}

static void
free_place(struct place *p)
{
	for (size_t i = 0; i < p->rules; i++)
		free_rule(&p->rule[i]);
	free(p->rule);
	free(p->path);
	free(p->where);
}

void
rights_free(struct rights **rp)
{
	struct rights *r = *rp;

	if (r == NULL)
		return;
	for (size_t i = 0; i < r->groups; i++)
		free_group(&r->group[i]);
	for (size_t i = 0; i < r->places; i++)
		free_place(&r->place[i]);
	free(r->group);
	free(r->place);
	free(r->order);
	free(r);
	*rp = NULL;
}

/* The array with room for one more behind the nth, zeroed; or NULL. */
static void *
enlarge(void *array, size_t n, size_t size)
{
	char *more = reallocarray(array, n + 1, size);

	if (more != NULL)
		memset(more + n * size, 0, size);
	return more;
}

static int
no_memory(char *why)
{
	(void)snprintf(why, RIGHTS_WHY, "%s", strerror(ENOMEM));
	return -1;
}

static bool
is_name(const char *name)
{
	if (strlen(name) > USERS_NAME_MAX || name[0] == '\0' || name[0] == '@' || name[0] == '%' || name[0] == '.')
		return false;
	for (const char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '/' || *p == ':' || *p == ',')
			return false;
	return true;
}

bool
rights_is_user(const char *name)
{
	for (size_t i = 0; i < nitems(people); i++)
		if (strcmp(name, people[i].name) == 0)
			return false;
	return is_name(name);
}

/* Names of groups are written with an @ only where users may stand as well. */
int
rights_group(struct rights *r, const char *name, const char *where, char why[RIGHTS_WHY])
{
	struct group *g;

	if (!is_name(name)) {
		(void)snprintf(why, RIGHTS_WHY, "a group cannot be called so");
		return -1;
	}
	if (r->groups == RIGHTS_GROUPS) {
		(void)snprintf(why, RIGHTS_WHY, "there are %d groups already", RIGHTS_GROUPS);
		return -1;
	}
	for (size_t i = 0; i < r->groups; i++)
		if (strcmp(r->group[i].name, name) == 0) {
			(void)snprintf(why, RIGHTS_WHY, "there is a group of that name already, at %.200s",
			    r->group[i].where);
			return -1;
		}
	if ((g = enlarge(r->group, r->groups, sizeof(*g))) == NULL)
		return no_memory(why);
	r->group = g;
	g += r->groups++;
	if ((g->name = strdup(name)) == NULL || (g->where = strdup(where)) == NULL)
		return no_memory(why);
	return (int)r->groups - 1;
}

int
rights_member(struct rights *r, int group, const char *user, char why[RIGHTS_WHY])
{
	struct group *g = &r->group[group];
	char **member;

	if (!rights_is_user(user)) {
		(void)snprintf(why, RIGHTS_WHY, "a user cannot be called so");
		return -1;
	}
	if ((member = enlarge(g->member, g->members, sizeof(*member))) == NULL)
		return no_memory(why);
	g->member = member;
	if ((member[g->members] = strdup(user)) == NULL)
		return no_memory(why);
	g->members++;
	return 0;
}

/* Where %u stands in the path, and how many parts there are. */
static int
take_apart(struct place *p, char *why)
{
	const char *part = p->path, *end;

	p->head = p->tail = strlen(p->path);
	for (; *part != '\0'; part = *end == '/' ? end + 1 : end) {
		end = strchrnul(part, '/');
		if (memmem(part, (size_t)(end - part), RIGHTS_USER, 2) != NULL) {
			if (end - part != 2 || p->head != p->tail) {
				(void)snprintf(why, RIGHTS_WHY,
				    "%%u stands for a whole part of a path, and once");
				return -1;
			}
			p->head = (size_t)(part - p->path);
			p->tail = (size_t)(end - p->path);
			p->literal = p->parts;
		}
		p->parts++;
	}
	if (p->head == p->tail)
		p->literal = p->parts;
	return 0;
}

int
rights_place(struct rights *r, const char *path, const char *where, char why[RIGHTS_WHY])
{
	struct place *p;

	for (size_t i = 0; i < r->places; i++)
		if (strcmp(r->place[i].path, path) == 0) {
			(void)snprintf(why, RIGHTS_WHY, "there is a section of that path already, at %.200s",
			    r->place[i].where);
			return -1;
		}
	if ((p = enlarge(r->place, r->places, sizeof(*p))) == NULL)
		return no_memory(why);
	r->place = p;
	p += r->places++;
	p->share = -1;
	if ((p->path = strdup(path)) == NULL || (p->where = strdup(where)) == NULL)
		return no_memory(why);
	return take_apart(p, why) == -1 ? -1 : (int)r->places - 1;
}

void
rights_within(struct rights *r, int place, int share)
{
	r->place[place].share = share;
}

static int
read_who(struct rule *rule, const char *who, size_t len, char *why)
{
	bool group = len > 0 && who[0] == '@';

	for (size_t i = 0; i < nitems(people); i++)
		if (strlen(people[i].name) == len && memcmp(who, people[i].name, len) == 0) {
			rule->what = people[i].what;
			return 0;
		}
	rule->what = group ? WHO_GROUP : WHO_USER;
	if ((rule->who = strndup(who + group, len - group)) == NULL)
		return no_memory(why);
	if (is_name(rule->who))
		return 0;
	(void)snprintf(why, RIGHTS_WHY, "a rule begins with a user, an @group, %%u, users, anonymous or "
	    "everybody, and a colon");
	return -1;
}

static int
read_right(struct rule *rule, const char *word, size_t len, char *why)
{
	for (size_t i = 0; i < nitems(words); i++)
		if (strlen(words[i].name) == len && memcmp(word, words[i].name, len) == 0) {
			rule->allowed |= words[i].rights;
			return 0;
		}
	(void)snprintf(why, RIGHTS_WHY, "\"%.*s\" is no right (list, read, create, replace, delete, admin; "
	    "write for create, replace and delete; all; nothing)", (int)(len < 40 ? len : 40), word);
	return -1;
}

static int
read_rule(struct rule *rule, const char *text, char *why)
{
	const char *colon = strchr(text, ':'), *word;
	unsigned n = 0;
	size_t len;

	if (colon == NULL)
		return read_who(rule, "", 0, why);
	if (read_who(rule, text, (size_t)(colon - text), why) == -1)
		return -1;
	for (word = colon + 1; *(word += strspn(word, " \t,")) != '\0'; word += len, n++) {
		len = strcspn(word, " \t,");
		if (read_right(rule, word, len, why) == -1)
			return -1;
	}
	if (n > 0)
		return 0;
	(void)snprintf(why, RIGHTS_WHY, "no right stands behind the colon (nothing is a word, too)");
	return -1;
}

static int
fill_rule(struct rule *rule, const struct place *p, const char *text, const char *where, char *why)
{
	rule->group = -1;
	if ((rule->text = strdup(text)) == NULL || (rule->where = strdup(where)) == NULL)
		return no_memory(why);
	if (read_rule(rule, text, why) == -1)
		return -1;
	if (rule->what != WHO_OWNER || p->head != p->tail)
		return 0;
	(void)snprintf(why, RIGHTS_WHY, "%%u is nobody here: the path has no part %%u");
	return -1;
}

int
rights_allow(struct rights *r, int place, const char *text, const char *where, char why[RIGHTS_WHY])
{
	struct place *p = &r->place[place];
	struct rule *rule = enlarge(p->rule, p->rules, sizeof(*rule));

	if (rule == NULL)
		return no_memory(why);
	p->rule = rule;
	rule += p->rules;
	if (fill_rule(rule, p, text, where, why) == 0) {
		p->rules++;
		return 0;
	}
	free_rule(rule);	/* so that others are not compared with it */
	return -1;
}

char *
rights_text(char text[RIGHTS_TEXT], unsigned rights)
{
	text[0] = '\0';
	for (size_t i = 0; i < SINGLE; i++)
		if (rights & words[i].rights) {
			(void)strlcat(text, text[0] != '\0' ? "," : "", RIGHTS_TEXT);
			(void)strlcat(text, words[i].name, RIGHTS_TEXT);
		}
	if (text[0] == '\0')
		(void)strlcpy(text, "nothing", RIGHTS_TEXT);
	return text;
}
