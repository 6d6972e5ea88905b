/* test_rights - which place and which rule decides, and what is told of rules that cannot be. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "auth/needs.h"
#include "auth/rights.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static char told[1024];

static void
tell(void *arg, const char *where, const char *why)
{
	size_t len = strlen(told);

	(void)arg;
	(void)snprintf(told + len, sizeof(told) - len, "%s: %s\n", where, why);
}

/* Places, each followed by its rules, which begin otherwise than with a slash. */
static struct rights *
make(const char *const lines[])
{
	struct rights *r = rights_new();
	char why[RIGHTS_WHY], where[16];
	int group, place = -1;

	group = rights_group(r, "staff", "g", why);
	assert_int_equal(group, 0);
	assert_int_equal(rights_member(r, group, "bert", why), 0);
	assert_int_equal(rights_member(r, group, "anna", why), 0);
	for (int i = 0; lines[i] != NULL; i++) {
		(void)snprintf(where, sizeof(where), "%d", i);
		if (lines[i][0] == '/')
			place = rights_place(r, lines[i] + 1, where, why);
		else
			assert_int_equal(rights_allow(r, place, lines[i], where, why), 0);
		assert_true(place >= 0);
	}
	told[0] = '\0';
	(void)rights_finish(r, tell, NULL);
	return r;
}

static void
decides(void **state)
{
	static const char *const lines[] = {
		"/", "anonymous: list", "mallory: nothing", "users: list read",
		"/pub", "@staff: all", "everybody: list,read",
		"/pub/in", "everybody: create",
		"/home/%u", "%u: all", "@staff: list",
		"/home/shared", "users: read write",
		"/data/%u/out", "%u: read",
		"/none", "anna: nothing",
		NULL
	};
	static const struct {
		const char *user, *path;
		unsigned allowed, logged_in;
		const char *place, *rule;
	} rows[] = {
		{ "", "", RIGHT_LIST, RIGHTS_LOOK, "", "anonymous: list" },
		{ "", "x/y", RIGHT_LIST, RIGHTS_LOOK, "", "anonymous: list" },
		{ "mallory", "x", 0, RIGHTS_LOOK, "", "mallory: nothing" },
		{ "zoe", "x", RIGHTS_LOOK, RIGHTS_LOOK, "", "users: list read" },
		{ "zoe", "publish", RIGHTS_LOOK, RIGHTS_LOOK, "", "users: list read" },
		{ "", "pub", RIGHTS_LOOK, RIGHTS_ALL, "pub", "everybody: list,read" },
		{ "anna", "pub/x", RIGHTS_ALL, RIGHTS_ALL, "pub", "@staff: all" },
		{ "bert", "pub/in", RIGHT_CREATE, RIGHT_CREATE, "pub/in", "everybody: create" },
		{ "bert", "pub/in/x", RIGHT_CREATE, RIGHT_CREATE, "pub/in", "everybody: create" },
		{ "bert", "pub/inn", RIGHTS_ALL, RIGHTS_ALL, "pub", "@staff: all" },
		{ "zoe", "home/zoe", RIGHTS_ALL, RIGHTS_ALL, "home/%u", "%u: all" },
		{ "zoe", "home/zoe/a/b", RIGHTS_ALL, RIGHTS_ALL, "home/%u", "%u: all" },
		{ "zoe", "home/zo", 0, RIGHTS_ALL, "home/%u", NULL },
		{ "zoe", "home/zoee", 0, RIGHTS_ALL, "home/%u", NULL },
		{ "anna", "home/zoe", RIGHT_LIST, RIGHTS_ALL, "home/%u", "@staff: list" },
		{ "", "home/zoe", 0, RIGHTS_ALL, "home/%u", NULL },
		{ "", "home/shared/x", 0, RIGHT_READ | RIGHTS_WRITE, "home/shared", NULL },
		{ "shared", "home/shared", RIGHT_READ | RIGHTS_WRITE, RIGHT_READ | RIGHTS_WRITE,
		    "home/shared", "users: read write" },
		{ "zoe", "home", RIGHTS_LOOK, RIGHTS_LOOK, "", "users: list read" },
		{ "zoe", "data/zoe/out/x", RIGHT_READ, RIGHT_READ, "data/%u/out", "%u: read" },
		{ "zoe", "data/zoe/outs", RIGHTS_LOOK, RIGHTS_LOOK, "", "users: list read" },
		{ "zoe", "data/zoe", RIGHTS_LOOK, RIGHTS_LOOK, "", "users: list read" },
		{ "zoe", "data//out", RIGHTS_LOOK, RIGHTS_LOOK, "", "users: list read" },
		{ "anna", "none/x", 0, 0, "none", "anna: nothing" },
		{ "bert", "none/x", 0, 0, "none", NULL },
	};
	struct rights *r = make(lines);
	struct rights_answer a;
	const char *where;

	(void)state;
	assert_string_equal(told, "");
	for (size_t i = 0; i < ROWS(rows); i++) {
		rights_ask(r, rows[i].user, NULL, rows[i].path, strlen(rows[i].path), &a);
		if (a.allowed != rows[i].allowed || a.logged_in != rows[i].logged_in)
			print_message("row %zu: \"%s\" at \"%s\"\n", i, rows[i].user, rows[i].path);
		assert_int_equal(a.allowed, rows[i].allowed);
		assert_int_equal(a.logged_in, rows[i].logged_in);
		assert_string_equal(rights_place_path(r, a.place, &where), rows[i].place);
		if (rows[i].rule == NULL)
			assert_int_equal(a.rule, -1);
		else
			assert_string_equal(rights_rule_text(r, a.place, a.rule, &where), rows[i].rule);
	}
	rights_free(&r);
}

/* Of those the configuration names no members: the system does. */
static void
groups_from_outside(void **state)
{
	static const char *const lines[] = { "/", "@staff: all", "users: list", NULL };
	static const char names[] = "wheel\0staff\0";
	struct rights *r = make(lines);
	struct rights_groups more;
	struct rights_answer a;

	(void)state;
	rights_groups(r, names, 6, &more);
	rights_ask(r, "zoe", &more, "", 0, &a);
	assert_int_equal(a.allowed, RIGHT_LIST);
	rights_groups(r, names, sizeof(names) - 1, &more);
	rights_ask(r, "zoe", &more, "", 0, &a);
	assert_int_equal(a.allowed, RIGHTS_ALL);
	rights_ask(r, "", &more, "", 0, &a);
	assert_int_equal(a.allowed, 0);
	rights_free(&r);
}

static void
shares_apart(void **state)
{
	static const char *const lines[] = {
		"/", "everybody: list", "/staff", "@staff: all", "/%u/public", "everybody: list read", NULL
	};
	struct rights *r = make(lines);
	struct rights_answer a;

	(void)state;
	rights_ask(r, "", NULL, "staff/public/x", 14, &a);
	assert_int_equal(a.allowed, RIGHTS_LOOK);
	rights_within(r, 0, 0);
	rights_within(r, 1, 1);
	rights_within(r, 2, 0);
	rights_ask(r, "", NULL, "staff/public/x", 14, &a);
	assert_int_equal(a.allowed, 0);
	rights_ask(r, "", NULL, "zoe/public/x", 12, &a);
	assert_int_equal(a.allowed, RIGHTS_LOOK);
	rights_ask(r, "anna", NULL, "staff/public/x", 14, &a);
	assert_int_equal(a.allowed, RIGHTS_ALL);
	rights_free(&r);
}

static void
without_a_place(void **state)
{
	static const char *const lines[] = { "/pub", "everybody: all", NULL };
	struct rights *r = make(lines);
	struct rights_answer a;

	(void)state;
	rights_ask(r, "anna", NULL, "", 0, &a);
	assert_int_equal(a.place, -1);
	assert_int_equal(a.allowed, 0);
	rights_ask(r, "anna", NULL, "publish", 7, &a);
	assert_int_equal(a.place, -1);
	assert_int_equal(rights_most(r, 0), RIGHTS_ALL);
	rights_free(&r);
}

static void
divided(void **state)
{
	static const char *const lines[] = {
		"/", "everybody: all", "/a/b/c", "everybody: all", "/home/%u/in", "%u: all", NULL
	};
	static const struct {
		const char *path;
		bool divided;
	} rows[] = {
		{ "", true }, { "a", true }, { "a/b", true }, { "a/b/c", false }, { "a/b/c/d", false },
		{ "a/bb", false }, { "ab", false }, { "home", true }, { "home/x", true }, { "home/x/in", false },
		{ "home/x/i", false }, { "hom", false },
	};
	struct rights *r = make(lines);

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (rights_divided(r, rows[i].path, strlen(rows[i].path)) != rows[i].divided)
			print_message("row %zu: \"%s\"\n", i, rows[i].path);
		assert_int_equal(rights_divided(r, rows[i].path, strlen(rows[i].path)), rows[i].divided);
	}
	rights_free(&r);
}

static void
never_reached(void **state)
{
	static const char *const lines[] = {
		"/a", "everybody: read", "anna: all",
		"/b", "@staff: read", "anna: all", "zoe: all", "zoe: read", "@stuff: all",
		"/c", "users: read", "anna: all", "@staff: all", "anonymous: list", "everybody: all",
		"/d/%u", "%u: all", "users: list", "%u: read", "everybody: list",
		NULL
	};
	struct rights *r = make(lines);

	(void)state;
	assert_string_equal(told,
	    "2: \"anna: all\" is never reached: \"everybody: read\" comes first\n"
	    "5: \"anna: all\" is never reached: \"@staff: read\" comes first\n"
	    "7: \"zoe: read\" is never reached: \"zoe: all\" comes first\n"
	    "8: \"@stuff: all\": there is no such group\n"
	    "11: \"anna: all\" is never reached: \"users: read\" comes first\n"
	    "12: \"@staff: all\" is never reached: \"users: read\" comes first\n"
	    "14: \"everybody: all\" is never reached: \"anonymous: list\" comes first\n"
	    "18: \"%u: read\" is never reached: \"%u: all\" comes first\n");
	rights_free(&r);
}

static void
refused(void **state)
{
	static const struct {
		const char *rule, *why;
	} rows[] = {
		{ "", "a rule begins with a user" },
		{ "anna", "a rule begins with a user" },
		{ ": read", "a rule begins with a user" },
		{ "@: read", "a rule begins with a user" },
		{ "%x: read", "a rule begins with a user" },
		{ "an na: read", "a rule begins with a user" },
		{ "a/b: read", "a rule begins with a user" },
		{ "..: read", "a rule begins with a user" },
		{ "anna:", "no right stands behind the colon" },
		{ "anna: , ", "no right stands behind the colon" },
		{ "anna: reed", "\"reed\" is no right (list, " },
		{ "anna: read reed", "\"reed\" is no right (list, " },
		{ "%u: read", "%u is nobody here" },
	};
	struct rights *r = rights_new();
	char why[RIGHTS_WHY];

	(void)state;
	assert_int_equal(rights_place(r, "a", "1", why), 0);
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(rights_allow(r, 0, rows[i].rule, "2", why), -1);
		if (strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
			print_message("row %zu: \"%s\": %s\n", i, rows[i].rule, why);
		assert_int_equal(strncmp(why, rows[i].why, strlen(rows[i].why)), 0);
	}
	assert_int_equal(rights_place(r, "a", "3", why), -1);
	assert_non_null(strstr(why, "already, at 1"));
	assert_int_equal(rights_place(r, "a%u", "3", why), -1);
	assert_int_equal(rights_place(r, "%u/%u", "3", why), -1);
	assert_int_equal(rights_group(r, "@x", "3", why), -1);
	assert_int_equal(rights_group(r, "x", "3", why), 0);
	assert_int_equal(rights_group(r, "x", "4", why), -1);
	assert_int_equal(rights_member(r, 0, "users", why), -1);
	assert_int_equal(rights_member(r, 0, "@y", why), -1);
	assert_int_equal(rights_member(r, 0, "", why), -1);
	rights_free(&r);
	rights_free(&r);
}

static void
words(void **state)
{
	char text[RIGHTS_TEXT];

	(void)state;
	assert_string_equal(rights_text(text, 0), "nothing");
	assert_string_equal(rights_text(text, RIGHT_READ), "read");
	assert_string_equal(rights_text(text, RIGHTS_ALL), "list,read,create,replace,delete,admin");
	assert_false(rights_is_user("everybody"));
	assert_true(rights_is_user("anna.b-c_d"));
	assert_true(rights_is_user("a23456789b123456789c123456789d123456789"));
	assert_false(rights_is_user("a23456789b123456789c123456789d123456789e"));
}

static void
needs(void **state)
{
	(void)state;
	assert_int_equal(need_find("get"), NEED_GET);
	assert_int_equal(need_find("GETT"), NEEDS);
	assert_true(need_met(NEED_STAT, RIGHT_LIST));
	assert_true(need_met(NEED_STAT, RIGHT_READ));
	assert_false(need_met(NEED_STAT, RIGHTS_WRITE));
	assert_false(need_met(NEED_GET, RIGHTS_ALL & ~(unsigned)RIGHT_READ));
	assert_true(need_met(NEED_PUT, RIGHT_CREATE));
	assert_false(need_met(NEED_PUT, RIGHTS_LOOK | RIGHT_DELETE));
	assert_false(need_met(NEED_MOVE, RIGHT_DELETE));
	for (enum need need = 0; need < NEEDS; need++) {
		assert_false(need_met(need, 0));
		assert_true(need_met(need, RIGHTS_ALL));
		assert_int_equal(need_find(need_name(need)), need);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides),
		cmocka_unit_test(groups_from_outside),
		cmocka_unit_test(shares_apart),
		cmocka_unit_test(without_a_place),
		cmocka_unit_test(divided),
		cmocka_unit_test(never_reached),
		cmocka_unit_test(refused),
		cmocka_unit_test(words),
		cmocka_unit_test(needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
