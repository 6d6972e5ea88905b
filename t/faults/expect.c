/* expect - from the clients' lines to what may be there. */

#include "expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES		64		/* different contents that one name may have */
#define PENDING		64		/* requests of one client that are remembered */
#define CLIENTS		64
#define NAMES		(1 << 16)	/* a power of 2 */

struct value {
	enum there	there;
	struct digest	digest;
};

struct name {
	char		*path;
	unsigned	 count;
	struct value	 value[VALUES];	/* it has one of them */
	const struct request *last;	/* that touched it */
	const struct actual *seen;
};

struct request {
	unsigned	 number;
	bool		 open;		/* begun, not acknowledged */
	struct name	*from, *to;	/* NULL: none */
	struct value	 value;		/* that `to` gets; `from` is gone then */
};

struct expect {
	struct name	*name[NAMES];
	struct request	 request[CLIENTS][PENDING];
	unsigned	 acknowledged;
};

struct expect *
expect_new(void)
{
	return calloc(1, sizeof(struct expect));
}

static struct name **
slot(struct expect *e, const char *path)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	const char *p;

	for (p = path; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
	while (e->name[hash % NAMES] != NULL && strcmp(e->name[hash % NAMES]->path, path) != 0)
		hash++;
	return &e->name[hash % NAMES];
}

static struct name *
get(struct expect *e, const char *path)
{
	struct name **n = slot(e, path);

	if (*n == NULL) {
		*n = calloc(1, sizeof(**n));
		(*n)->path = strdup(path);
		(*n)->count = 1;	/* nothing is there */
	}
	return *n;
}

static bool
same(const struct value *a, const struct value *b)
{
	return a->there == b->there && (a->there != FILE_THERE || digest_equal(&a->digest, &b->digest));
}

static bool
may_be(const struct name *n, const struct value *v)
{
	for (unsigned i = 0; i < n->count; i++)
		if (same(&n->value[i], v))
			return true;
	return false;
}

static void
add(struct name *n, const struct value *v)
{
	if (n == NULL || may_be(n, v))
		return;
	if (n->count == VALUES) {
		fprintf(stderr, "expect: %s may be too many things\n", n->path);
		exit(2);
	}
	n->value[n->count++] = *v;
}

static void
settle(struct name *n, const struct value *v)
{
	if (n == NULL)
		return;
	n->count = 1;
	n->value[0] = *v;
}

static void
begin(struct expect *e, struct request *r, const char *text)
{
	static const struct value gone = { .there = GONE };
	char verb[8], one[512], two[512], three[80];
	const char *hex = NULL;

	*r = (struct request){ .number = r->number, .open = true };
	if (sscanf(text, "%7s %511s %511s %79s", verb, one, two, three) < 2)
		abort();
	if (strcmp(verb, "put") == 0) {
		r->to = get(e, one);
		hex = two;
	} else if (strcmp(verb, "move") == 0) {
		r->from = get(e, one);
		r->to = get(e, two);
		hex = three;
	} else if (strcmp(verb, "dir") == 0) {
		r->to = get(e, one);
		r->value.there = FOLDER_THERE;
	} else
		r->from = get(e, one);
	if (hex != NULL) {
		r->value.there = FILE_THERE;
		if (digest_parse(&r->value.digest, hex, DIGEST_HEX - 1) == -1)
			abort();
	}
	add(r->from, &gone);
	add(r->to, &r->value);
	if (r->from != NULL)
		r->from->last = r;
	if (r->to != NULL)
		r->to->last = r;
}

static void
acknowledge(struct expect *e, struct request *r)
{
	static const struct value gone = { .there = GONE };

	r->open = false;
	settle(r->from, &gone);
	settle(r->to, &r->value);
	e->acknowledged++;
}

void
expect_line(struct expect *e, const char *line)
{
	unsigned client, number;
	struct request *r;
	char what;
	int at = 0;

	if (sscanf(line, "%c %u %u%n", &what, &client, &number, &at) != 3 || client >= CLIENTS)
		return;		/* a comment, or cut off by a kill */
	r = &e->request[client][number % PENDING];
	if (what == 'b') {
		r->number = number;
		begin(e, r, line + at);
	} else if (what == 'a' && r->number == number && r->open)
		acknowledge(e, r);
}

unsigned
expect_acknowledged(const struct expect *e)
{
	return e->acknowledged;
}

static void
describe(const struct value *v, char text[32])
{
	char hex[DIGEST_HEX];

	if (v->there == FILE_THERE)
		snprintf(text, 32, "%.12s...", digest_hex(&v->digest, hex));
	else
		snprintf(text, 32, "%s", v->there == GONE ? "nothing" : "a folder");
}

static struct value
value_of(const struct actual *a)
{
	struct value v = { .there = GONE };

	if (a != NULL) {
		v.there = a->there;
		v.digest = a->digest;
	}
	return v;
}

static unsigned
check_name(const struct name *n, const char *when)
{
	struct value v = value_of(n->seen);
	char is[32], may[32];

	if (may_be(n, &v))
		return 0;
	describe(&v, is);
	printf("%s: %s is %s (%lld bytes), and should be", when, n->path, is,
	    n->seen != NULL ? (long long)n->seen->size : 0);
	for (unsigned i = 0; i < n->count; i++) {
		describe(&n->value[i], may);
		printf("%s %s", i > 0 ? " or" : "", may);
	}
	printf("\n");
	return 1;
}

/* What was being moved is under one of its names. */
static unsigned
check_move(const struct request *r, const char *when)
{
	struct value to, from;

	if (!r->open || r->from == NULL || r->to == NULL || r->from->last != r || r->to->last != r)
		return 0;
	from = value_of(r->from->seen);
	to = value_of(r->to->seen);
	if (from.there != GONE || same(&to, &r->value))
		return 0;
	printf("%s: %s was lost on its way to %s\n", when, r->from->path, r->to->path);
	return 1;
}

static unsigned
check_attr(const struct actual *a, const char *when)
{
	if (a->there != FILE_THERE || !a->has_attr || digest_equal(&a->attr, &a->digest))
		return 0;
	printf("%s: %s has a kept digest that is wrong\n", when, a->path);
	return 1;
}

unsigned
expect_check(struct expect *e, const struct actual *actual, unsigned count, const char *when)
{
	unsigned wrong = 0, i, j;
	struct name *n;

	for (i = 0; i < NAMES; i++)
		if (e->name[i] != NULL)
			e->name[i]->seen = NULL;
	for (i = 0; i < count; i++) {
		wrong += check_attr(&actual[i], when);
		if ((n = *slot(e, actual[i].path)) != NULL)
			n->seen = &actual[i];
		else {
			printf("%s: %s should not be there\n", when, actual[i].path);
			wrong++;
		}
	}
	for (i = 0; i < NAMES; i++)
		if (e->name[i] != NULL)
			wrong += check_name(e->name[i], when);
	for (i = 0; i < CLIENTS; i++)
		for (j = 0; j < PENDING; j++)
			wrong += check_move(&e->request[i][j], when);
	return wrong;
}
