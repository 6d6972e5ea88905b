/* test_path - which names are paths within the tree, and which part is which. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/path.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

struct row {
	const char	*in;
	size_t		 len;
	int		 error;
	const char	*want;
	size_t		 leaf;
};
#define ROW(in, error, want, leaf)	{ in, sizeof(in) - 1, error, want, leaf }

static void
parse(void **state)
{
	static const struct row rows[] = {
		ROW("/", 0, "", 0),
		ROW("//", 0, "", 0),
		ROW("/a", 0, "a", 0),
		ROW("/a/", 0, "a", 0),
		ROW("//a///b//", 0, "a/b", 2),
		ROW("/a/bc/d", 0, "a/bc/d", 5),
		ROW("/...", 0, "...", 0),
		ROW("/..a", 0, "..a", 0),
		ROW("/.a", 0, ".a", 0),
		ROW("/a.", 0, "a.", 0),
		ROW("/a/.coffers", 0, "a/.coffers", 2),
		ROW("/.coffe", 0, ".coffe", 0),
		ROW("/.COFFER", 0, ".COFFER", 0),
		ROW("/coffer", 0, "coffer", 0),
		ROW("/a b\n\xff\\", 0, "a b\n\xff\\", 0),
		ROW("/%2e%2e", 0, "%2e%2e", 0),		/* decoding was done before */
		ROW("", EINVAL, NULL, 0),
		ROW("a", EINVAL, NULL, 0),
		ROW("a/b", EINVAL, NULL, 0),
		ROW("./a", EINVAL, NULL, 0),
		ROW("/.", EINVAL, NULL, 0),
		ROW("/..", EINVAL, NULL, 0),
		ROW("/../", EINVAL, NULL, 0),
		ROW("/a/..", EINVAL, NULL, 0),
		ROW("/a/../b", EINVAL, NULL, 0),
		ROW("/a/./b", EINVAL, NULL, 0),
		ROW("/a//..//b", EINVAL, NULL, 0),
		ROW("\0", EINVAL, NULL, 0),
		ROW("/\0", EINVAL, NULL, 0),
		ROW("/a\0", EINVAL, NULL, 0),
		ROW("/a\0/b", EINVAL, NULL, 0),
		ROW("/..\0", EINVAL, NULL, 0),
		ROW("/.coffer\0", EINVAL, NULL, 0),
		ROW("/.coffer", ENOENT, NULL, 0),
		ROW("/.coffer/", ENOENT, NULL, 0),
		ROW("/.coffer/staging/x", ENOENT, NULL, 0),
		ROW("//a/.coffer", ENOENT, NULL, 0),
	};
	struct path path;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		int ret;

		errno = 0;
		ret = path_parse(&path, rows[i].in, rows[i].len);
		if (errno != rows[i].error)
			print_message("row %zu: \"%s\"\n", i, rows[i].in);
		assert_int_equal(ret, rows[i].error == 0 ? 0 : -1);
		assert_int_equal(errno, rows[i].error);
		if (rows[i].error != 0)
			continue;
		assert_string_equal(path.name, rows[i].want);
		assert_int_equal(path.len, strlen(rows[i].want));
		assert_int_equal(path.leaf, rows[i].leaf);
		assert_int_equal(path_is_root(&path), rows[i].want[0] == '\0');
	}
}

/* Makes "/xxx/xxx..." of `len` bytes behind the first slash, in parts of `part`. */
static char *
make_long(size_t len, size_t part)
{
	char *name = malloc(len + 1);

	assert_non_null(name);
	memset(name, 'x', len + 1);
	for (size_t at = 0; at <= len; at += part + 1)
		name[at] = '/';
	return name;
}

static void
lengths(void **state)
{
	static const struct {
		size_t	len, part;
		int	error;
	} rows[] = {
		{ PATH_PART_MAX, PATH_PART_MAX, 0 },
		{ PATH_PART_MAX + 1, PATH_PART_MAX + 1, ENAMETOOLONG },
		{ PATH_LEN_MAX, 99, 0 },		/* 4095 = 40 * 100 + 95 */
		{ PATH_LEN_MAX + 1, 99, ENAMETOOLONG },
		{ PATH_LEN_MAX, PATH_PART_MAX, 0 },	/* sixteen of 255, fifteen slashes */
		{ PATH_LEN_MAX + 2, PATH_PART_MAX, ENAMETOOLONG },
		{ 8192, 1, ENAMETOOLONG },
		{ 1000000, 255, ENAMETOOLONG },
	};
	struct path path;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char *name = make_long(rows[i].len, rows[i].part);
		int ret;

		errno = 0;
		ret = path_parse(&path, name, rows[i].len + 1);
		assert_int_equal(ret, rows[i].error == 0 ? 0 : -1);
		assert_int_equal(errno, rows[i].error);
		if (ret == 0) {
			assert_int_equal(path.len, rows[i].len);
			assert_memory_equal(path.name, name + 1, path.len);
			assert_int_equal(path.name[path.len], '\0');
		} else
			assert_true(path_is_root(&path));	/* nothing half */
		free(name);
	}
}

static void
get(struct path *path, const char *name)
{
	assert_int_equal(path_parse(path, name, strlen(name)), 0);
}

static void
join(void **state)
{
	static const struct {
		const char	*path;
		const char	*part;
		size_t		 len;
		int		 error;
		const char	*want;
	} rows[] = {
		{ "/", "a", 1, 0, "a" },
		{ "/a", "b", 1, 0, "a/b" },
		{ "/a/b", "c d", 3, 0, "a/b/c d" },
		{ "/a", "...", 3, 0, "a/..." },
		{ "/a", "", 0, EINVAL, NULL },
		{ "/a", ".", 1, EINVAL, NULL },
		{ "/a", "..", 2, EINVAL, NULL },
		{ "/a", "b/c", 3, EINVAL, NULL },
		{ "/a", "/", 1, EINVAL, NULL },
		{ "/a", "b\0c", 3, EINVAL, NULL },
		{ "/a", ".coffer", 7, ENOENT, NULL },
		{ "/", ".coffer", 7, ENOENT, NULL },
		{ "/", ".coffer", 6, 0, ".coffe" },
	};
	struct path path, joined;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		int ret;

		get(&path, rows[i].path);
		errno = 0;
		ret = path_join(&joined, &path, rows[i].part, rows[i].len);
		assert_int_equal(ret, rows[i].error == 0 ? 0 : -1);
		assert_int_equal(errno, rows[i].error);
		if (ret == -1)
			continue;
		assert_string_equal(joined.name, rows[i].want);
		assert_int_equal(joined.len, strlen(rows[i].want));
		assert_memory_equal(joined.name + joined.leaf, rows[i].part, rows[i].len);
		assert_int_equal(path_join(&path, &path, rows[i].part, rows[i].len), 0);
		assert_string_equal(path.name, joined.name);	/* in place, too */
	}
}

static void
join_lengths(void **state)
{
	char *name = make_long(PATH_LEN_MAX - 2, 99), part[PATH_PART_MAX + 1];
	struct path path, joined;

	(void)state;
	assert_int_equal(path_parse(&path, name, PATH_LEN_MAX - 1), 0);
	assert_int_equal(path_join(&joined, &path, "a", 1), 0);
	assert_int_equal(joined.len, PATH_LEN_MAX);
	assert_int_equal(path_join(&joined, &path, "ab", 2), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	memset(part, 'x', sizeof(part));
	get(&path, "/");
	assert_int_equal(path_join(&joined, &path, part, PATH_PART_MAX), 0);
	assert_int_equal(path_join(&joined, &path, part, PATH_PART_MAX + 1), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	free(name);
}

static void
parent(void **state)
{
	struct path path, up;

	(void)state;
	get(&path, "/a/bc/d");
	assert_int_equal(path_parent(&up, &path), 0);
	assert_string_equal(up.name, "a/bc");
	assert_int_equal(up.len, 4);
	assert_int_equal(up.leaf, 2);
	assert_int_equal(path_parent(&up, &up), 0);		/* in place */
	assert_string_equal(up.name, "a");
	assert_int_equal(up.leaf, 0);
	assert_int_equal(path_parent(&up, &up), 0);
	assert_true(path_is_root(&up));
	assert_string_equal(up.name, "");
	errno = 0;
	assert_int_equal(path_parent(&up, &up), -1);
	assert_int_equal(errno, EINVAL);
	assert_string_equal(path.name, "a/bc/d");
}

static void
shown(void **state)
{
	static const char *const hidden[] = { ".", "..", ".coffer" };
	static const char *const plain[] = { "a", "...", ".a", "..a", ".coffers", ".coffe",
	    ".cofferx",
	    "coffer", "a." };

	(void)state;
	for (size_t i = 0; i < ROWS(hidden); i++)
		assert_false(path_part_shown(hidden[i]));
	for (size_t i = 0; i < ROWS(plain); i++)
		assert_true(path_part_shown(plain[i]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(lengths),
		cmocka_unit_test(join),
		cmocka_unit_test(join_lengths),
		cmocka_unit_test(parent),
		cmocka_unit_test(shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
