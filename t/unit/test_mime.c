/* test_mime - which media types names have, with a file, without one, and with a bad one. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mime.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

struct row {
	const char	*name, *type;
};

static void
check(const struct mime *m, const struct row *row, size_t n)
{
	for (; n > 0; n--, row++)
		assert_string_equal(mime_find(m, row->name, strlen(row->name)), row->type);
}

static void
without_file(void **state)
{
	static const struct row rows[] = {
		{ "a.txt", "text/plain" }, { "a.TXT", "text/plain" }, { "a.tar.gz", "application/gzip" },
		{ ".html", "text/html" }, { "README", "text/plain" }, { "a.", MIME_DEFAULT },
		{ "a.unheard-of", MIME_DEFAULT }, { "a", MIME_DEFAULT }, { "", MIME_DEFAULT },
		{ "a.txtttttttttttttttttttttttttttttttttttttttttt", MIME_DEFAULT },
	};
	struct mime *m;
	int error;

	(void)state;
	assert_non_null(m = mime_open("", &error));
	assert_int_equal(error, 0);
	check(m, rows, ROWS(rows));
	mime_close(&m);
	assert_null(m);
	assert_non_null(m = mime_open("/nonexistent", &error));
	assert_int_equal(error, ENOENT);
	check(m, rows, ROWS(rows));
	mime_close(&m);
	assert_non_null(m = mime_open("/", &error));
	assert_int_equal(error, EINVAL);
	mime_close(&m);
}

static void
with_file(void **state)
{
	static const struct row rows[] = {
		{ "a.txt", "text/x-other" }, { "a.t2", "text/x-other" }, { "a.png", "image/png" },
		{ "a.big", "Application/Big" }, { "a.bad1", MIME_DEFAULT }, { "a.bad2", MIME_DEFAULT },
		{ "a.bad3", MIME_DEFAULT }, { "a.commented", MIME_DEFAULT }, { "a.e999", "x/y999" },
	};
	char name[] = "/tmp/coffer-mime.XXXXXX";
	int fd = mkstemp(name), error, i;
	struct mime *m;
	FILE *f;

	(void)state;
	assert_true(fd != -1 && (f = fdopen(fd, "w")) != NULL);
	fprintf(f, "# a comment\n\ntext/x-other\tTXT t2 # commented\r\napplication/big\tbig\n"
	    "bad1/ bad1\nbad2 bad2\nbad3/\x01x bad3\nlonely/type\n");
	for (i = 0; i < 1000; i++)
		fprintf(f, "x/y%d e%d\n", i, i);
	assert_int_equal(fclose(f), 0);
	assert_non_null(m = mime_open(name, &error));
	assert_int_equal(error, 0);
	for (size_t j = 0; j < ROWS(rows); j++)
		assert_int_equal(strcasecmp(mime_find(m, rows[j].name, strlen(rows[j].name)), rows[j].type), 0);
	mime_close(&m);
	assert_int_equal(unlink(name), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_file),
		cmocka_unit_test(with_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
