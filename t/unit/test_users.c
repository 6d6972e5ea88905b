/* test_users - the users file: its lines, its faults with their places, and decoys. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/users.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define HASH		"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"

static void
lines(void **state)
{
	static const struct {
		const char	*line;
		size_t		 len;	/* 0: up to the NUL */
		int		 kind;
		const char	*name, *hash, *rest;
	} rows[] = {
		{ "", 0, 0, NULL, NULL, NULL },
		{ " \t", 0, 0, NULL, NULL, NULL },
		{ "\r", 0, 0, NULL, NULL, NULL },
		{ "# alice:" HASH, 0, 0, NULL, NULL, NULL },
		{ "alice:" HASH, 0, 1, "alice", HASH, NULL },
		{ "alice:" HASH "\r", 0, 1, "alice", HASH, NULL },
		{ "alice:" HASH ":", 0, 1, "alice", HASH, "" },
		{ "alice:" HASH ":since: May", 0, 1, "alice", HASH, "since: May" },
		{ "j\303\266rg@example.org:*", 0, 1, "j\303\266rg@example.org", "*", NULL },
		{ "bob:!" HASH, 0, 1, "bob", "!" HASH, NULL },
		{ "123456789012345678901234567890123456789:*", 0, 1,
		    "123456789012345678901234567890123456789", "*", NULL },
		{ "1234567890123456789012345678901234567890:*", 0, -1, NULL, NULL, NULL },
		{ "alice", 0, -1, NULL, NULL, NULL },
		{ ":" HASH, 0, -1, NULL, NULL, NULL },
		{ "alice:", 0, -1, NULL, NULL, NULL },
		{ "alice::" HASH, 0, -1, NULL, NULL, NULL },
		{ "alice:secret", 0, -1, NULL, NULL, NULL },
		{ "alice:$nosuch$x", 0, -1, NULL, NULL, NULL },
		{ "al ice:*", 0, -1, NULL, NULL, NULL },
		{ "a/b:*", 0, -1, NULL, NULL, NULL },
		{ "a\tb:*", 0, -1, NULL, NULL, NULL },
		{ "a\377b:*", 0, -1, NULL, NULL, NULL },
		{ "a\0b:*", 5, -1, NULL, NULL, NULL },
		{ "a:*\0", 4, -1, NULL, NULL, NULL },
		{ ".:*", 0, -1, NULL, NULL, NULL },
		{ "..:*", 0, -1, NULL, NULL, NULL },
		{ "anonymous:*", 0, -1, NULL, NULL, NULL },
		{ "users:*", 0, -1, NULL, NULL, NULL },
		{ "everybody:*", 0, -1, NULL, NULL, NULL },
	};
	struct users_line l;
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(rows); i++) {
		print_message("row %zu\n", i);
		assert_int_equal(users_line(&l, rows[i].line, rows[i].len != 0 ? rows[i].len :
		    strlen(rows[i].line), &why), rows[i].kind);
		if (rows[i].kind == -1)
			assert_non_null(why);
		if (rows[i].kind != 1)
			continue;
		assert_int_equal(l.name_len, strlen(rows[i].name));
		assert_memory_equal(l.name, rows[i].name, l.name_len);
		assert_int_equal(l.hash_len, strlen(rows[i].hash));
		assert_memory_equal(l.hash, rows[i].hash, l.hash_len);
		assert_int_equal(l.rest != NULL, rows[i].rest != NULL);
		if (rows[i].rest != NULL)
			assert_memory_equal(l.rest, rows[i].rest, strlen(rows[i].rest));
	}
}

static char told[1024];

static void
tell(void *arg, const char *line)
{
	(void)arg;
	(void)strlcat(told, line, sizeof(told));
	(void)strlcat(told, "\n", sizeof(told));
}

static struct users *
read_text(const char *text, size_t len)
{
	FILE *file = tmpfile();

	told[0] = '\0';
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	rewind(file);
	return users_read(dup(fileno(file)), "users", tell, NULL);
}
#define READ(text)	read_text(text, sizeof(text) - 1)

static void
faults(void **state)
{
	(void)state;
	assert_null(READ("alice:*\n\nbob\ncarol:secret\nalice:*:again"));
	assert_string_equal(told, "users:3: a line is NAME:HASH\n"
	    "users:4: this is no hash that crypt(3) knows; cofferctl passwd makes one\n"
	    "users:5: alice stands on line 1 already\n");
}

static void
finds(void **state)
{
	struct users *users = READ("# all\nzoe:" HASH "\nadam:!" HASH "\nmia:*\neve:$5$salt$x\n");

	(void)state;
	assert_string_equal(told, "");
	assert_non_null(users);
	assert_int_equal(users_count(users), 4);
	assert_string_equal(users_find(users, "zoe"), HASH);
	assert_string_equal(users_find(users, "eve"), "$5$salt$x");
	assert_null(users_find(users, "adam"));
	assert_true(users_admitted(users, "zoe"));
	assert_true(users_admitted(users, "mia"));
	assert_false(users_admitted(users, "adam"));
	assert_false(users_admitted(users, "nobody"));
	assert_null(users_find(users, "mia"));
	assert_null(users_find(users, ""));
	assert_null(users_find(users, "zo"));
	users_free(&users);
	assert_null(users);
	users_free(&users);
}

/* Decoys are hashes that can be right, the same one for the same name, and each of them for some. */
static void
decoys(void **state)
{
	struct users *users = READ("zoe:" HASH "\nmia:*\neve:$5$salt$x\n");
	char name[16];
	unsigned i, n[2] = { 0 };

	(void)state;
	for (i = 0; i < 64; i++) {
		(void)snprintf(name, sizeof(name), "user%u", i);
		n[strcmp(users_decoy(users, name), HASH) == 0]++;
		assert_ptr_equal(users_decoy(users, name), users_decoy(users, name));
	}
	assert_int_equal(n[0] + n[1], 64);
	assert_true(n[0] > 0 && n[1] > 0);
	users_free(&users);
	users = READ("mia:*\n");
	assert_int_equal(strncmp(users_decoy(users, "mia"), "$y$", 3), 0);
	users_free(&users);
	users = READ("");
	assert_non_null(users);
	assert_int_equal(strncmp(users_decoy(users, ""), "$y$", 3), 0);
	users_free(&users);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(faults),
		cmocka_unit_test(finds),
		cmocka_unit_test(decoys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
