/* rights_check - what can only be seen once all the rules of rights are there. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/rights_int.h"

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool
rights_is_member(const struct group *g, const char *user)
{
	return g->members > 0 &&
	    bsearch(&user, g->member, g->members, sizeof(g->member[0]), by_text) != NULL;
}

/* Whether everybody whom `rule` is about is a matter of `before` already. */
static bool
covers(const struct rights *r, const struct rule *before, const struct rule *rule)
{
	if (before->what == WHO_EVERYBODY)
		return true;
	if (before->what == WHO_USERS)
		return rule->what != WHO_ANONYMOUS && rule->what != WHO_EVERYBODY;
	if (before->what == WHO_GROUP && rule->what == WHO_USER)
		return rights_is_member(&r->group[before->group], rule->who);
	return before->what == rule->what && before->group == rule->group &&
	    (rule->what != WHO_USER || strcmp(before->who, rule->who) == 0);
}

/* The rule before the ith that leaves nobody to it, or NULL. */
static const struct rule *
covered_by(const struct rights *r, const struct place *p, size_t i)
{
	bool users = false, anonymous = false;

	for (size_t j = 0; j < i; j++) {
		users |= p->rule[j].what == WHO_USERS;
		anonymous |= p->rule[j].what == WHO_ANONYMOUS;
		if (covers(r, &p->rule[j], &p->rule[i]) || (users && anonymous))
			return &p->rule[j];
	}
	return NULL;
}

static int
find_group(const struct rights *r, const char *name)
{
	for (size_t i = 0; i < r->groups; i++)
		if (strcmp(r->group[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* For each place in the order in which it decides: before its elders. */
static int
compare(const struct place *a, const struct place *b)
{
	if (a->parts != b->parts)
		return a->parts > b->parts ? -1 : 1;
	return a->literal != b->literal ? (a->literal > b->literal ? -1 : 1) : 0;
}

static int
sort_places(struct rights *r)
{
	if ((r->order = calloc(r->places + 1, sizeof(r->order[0]))) == NULL)
		return -1;
	for (size_t i = 0, j; i < r->places; i++) {
		for (j = i; j > 0 && compare(&r->place[i], &r->place[r->order[j - 1]]) < 0; j--)
			r->order[j] = r->order[j - 1];
		r->order[j] = (int)i;
	}
	return 0;
}

/* Resolves and checks the rules of a place.  How many faults. */
static int
finish_place(struct rights *r, struct place *p, void (*fault)(void *, const char *, const char *), void *arg)
{
	const struct rule *before;
	char why[RIGHTS_WHY];
	int faults = 0;

	for (size_t i = 0; i < p->rules; i++) {
		struct rule *rule = &p->rule[i];

		if (rule->what == WHO_GROUP && (rule->group = find_group(r, rule->who)) == -1) {
			(void)snprintf(why, sizeof(why), "\"%.100s\": there is no such group", rule->text);
			rule->what = WHO_OWNER;	/* nobody, until this is repaired */
		} else if ((before = covered_by(r, p, i)) != NULL)
			(void)snprintf(why, sizeof(why), "\"%.100s\" is never reached: \"%.100s\" comes first",
			    rule->text, before->text);
		else {
			if (rule->what != WHO_ANONYMOUS)
				p->logged_in |= rule->allowed;
			p->most |= rule->allowed;
			continue;
		}
		fault(arg, rule->where, why);
		faults++;
	}
	return faults;
}

int
rights_finish(struct rights *r, void (*fault)(void *, const char *, const char *), void *arg)
{
	int faults = 0;

	for (size_t i = 0; i < r->groups; i++)
		if (r->group[i].members > 1)
			qsort(r->group[i].member, r->group[i].members, sizeof(char *), by_text);
	for (size_t i = 0; i < r->places; i++)
		faults += finish_place(r, &r->place[i], fault, arg);
	if (sort_places(r) == -1) {
		fault(arg, "rights", strerror(ENOMEM));
		faults++;
	}
	return faults == 0 ? 0 : -1;
}
