/* test_access - the line of the access log in each of its formats. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "session/access.h"

static struct access
sample(void)
{
	return (struct access){
		.now = { .tv_sec = 1000000000, .tv_nsec = 5000000 }, .id = "7f3", .peer = "192.0.2.7", .user = "",
		.protocol = "coffer", .verb = "GET", .path = "/plans/roof.pdf", .code = 200, .bytes = 88120,
		.us = 21499,
	};
}

static void
check(enum access_format format, const struct access *a, const char *want)
{
	char line[ACCESS_MAX];
	size_t len = access_line(line, format, a);

	assert_int_equal(len, strlen(want));
	assert_memory_equal(line, want, len);
}

static void
text(void **state)
{
	struct access a = sample();

	(void)state;
	check(ACCESS_TEXT, &a, "7f3 192.0.2.7 coffer GET /plans/roof.pdf 200 88120 bytes 0.021 s");
	check(ACCESS_NONE, &a, "");
}

static void
json(void **state)
{
	struct access a = sample();

	(void)state;
	check(ACCESS_JSON, &a, "{\"time\":\"2001-09-09T01:46:40.005Z\",\"session\":\"7f3\",\"peer\":\"192.0.2.7\","
	    "\"user\":\"\",\"protocol\":\"coffer\",\"verb\":\"GET\",\"path\":\"/plans/roof.pdf\",\"code\":200,"
	    "\"bytes\":88120,\"seconds\":0.021499}");
}

static void
xferlog(void **state)
{
	struct access a = sample();

	(void)state;
	(void)setenv("TZ", "UTC", 1);
	check(ACCESS_XFERLOG, &a,
	    "Sun Sep  9 01:46:40 2001 1 192.0.2.7 88120 /plans/roof.pdf b _ o a anonymous coffer 0 * c");
	a.verb = "STOR";
	a.user = "jo";
	a.path = "/a b";
	a.code = 550;
	a.us = 1000001;
	check(ACCESS_XFERLOG, &a, "Sun Sep  9 01:46:40 2001 2 192.0.2.7 88120 /a_b b _ i r jo coffer 1 jo i");
	a.verb = "DELETE";
	a.code = 204;
	check(ACCESS_XFERLOG, &a, "Sun Sep  9 01:46:40 2001 2 192.0.2.7 88120 /a_b b _ d r jo coffer 1 jo c");
	a.verb = "LIST";
	check(ACCESS_XFERLOG, &a, "");
}

/* Whatever the path, a line is bounded, and one of JSON is JSON; what fits comes back. */
static void
any_path(void **state)
{
	static const char *const pieces[] = { "x", "\"", "\\\\", "\\012", "\xc3\xa4", "\xf0\x9f\x98\x80" };
	char path[3 * ACCESS_MAX], line[ACCESS_MAX + 1];
	struct access a = sample();
	json_error_t error;
	size_t i, n, len;
	json_t *object;

	(void)state;
	a.path = path;
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
		for (n = 0; n < 2 * ACCESS_MAX / strlen(pieces[i]); n += n < 1500 ? 100 : 1) {
			path[0] = '\0';
			for (size_t k = 0; k < n; k++)
				(void)strcpy(path + k * strlen(pieces[i]), pieces[i]);
			len = access_line(line, ACCESS_TEXT, &a);
			assert_true(len < ACCESS_MAX);
			assert_memory_equal(line + len - 2, " s", 2);
			assert_true(access_line(line, ACCESS_XFERLOG, &a) < ACCESS_MAX);
			len = access_line(line, ACCESS_JSON, &a);
			assert_true(len < ACCESS_MAX);
			object = json_loadb(line, len, 0, &error);
			assert_non_null(object);
			if (strlen(path) < 800)
				assert_string_equal(json_string_value(json_object_get(object, "path")), path);
			assert_int_equal(json_integer_value(json_object_get(object, "code")), 200);
			json_decref(object);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text),
		cmocka_unit_test(json),
		cmocka_unit_test(xferlog),
		cmocka_unit_test(any_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
