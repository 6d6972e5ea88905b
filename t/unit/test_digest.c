/* test_digest - SHA-256 against published answers, and states that are used again. */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define EMPTY	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define MILLION	"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"	/* of "a" */

static void
assert_digest(const struct digest *digest, const char *want)
{
	char hex[DIGEST_HEX];

	assert_ptr_equal(digest_hex(digest, hex), hex);
	assert_string_equal(hex, want);
}

static void
known(void **state)
{
	struct digest digest;

	(void)state;
	digest_of("", 0, &digest);
	assert_digest(&digest, EMPTY);
	digest_of("abc", 3, &digest);
	assert_digest(&digest, ABC);
}

/* The same million bytes in pieces of any length. */
static void
pieces(void **state)
{
	static const size_t lengths[] = { 1, 63, 64, 65, 4096, 65536, 1000000 };
	char *data = malloc(1000000);

	(void)state;
	assert_non_null(data);
	memset(data, 'a', 1000000);
	for (size_t i = 0; i < ROWS(lengths); i++) {
		struct digest_state *d = digest_begin();
		struct digest digest;
		size_t left = 1000000;

		assert_non_null(d);
		while (left > 0) {
			size_t n = left < lengths[i] ? left : lengths[i];

			digest_update(d, data, n);
			left -= n;
		}
		digest_end(&d, &digest);
		assert_null(d);
		assert_digest(&digest, MILLION);
	}
	free(data);
}

/* What was dropped in the middle must not be in the next one's digest. */
static void
used_again(void **state)
{
	struct digest_state *d[100];
	struct digest digest;

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ROWS(d); i++) {
			assert_non_null(d[i] = digest_begin());
			digest_update(d[i], "abc", 3);
		}
		for (size_t i = 0; i < ROWS(d); i++) {
			if (i % 2 == 0) {
				digest_drop(&d[i]);
				assert_null(d[i]);
				continue;
			}
			digest_end(&d[i], &digest);
			assert_digest(&digest, ABC);
		}
	}
	digest_drop(&d[0]);	/* NULL is nothing */
}

static void *
many(void *arg)
{
	struct digest *last = arg;

	for (int i = 0; i < 2000; i++)
		digest_of("abc", 3, last);
	return NULL;
}

static void
threads(void **state)
{
	pthread_t thread[4];
	struct digest last[4];

	(void)state;
	for (size_t i = 0; i < ROWS(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, many, &last[i]), 0);
	for (size_t i = 0; i < ROWS(thread); i++) {
		pthread_join(thread[i], NULL);
		assert_digest(&last[i], ABC);
	}
}

static void
parse(void **state)
{
	static const struct {
		const char	*in;
		size_t		 len;
		int		 fails;
	} rows[] = {
		{ ABC, 64, 0 },
		{ "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", 64, 0 },
		{ ABC, 63, 1 },
		{ ABC "0", 65, 1 },
		{ ABC, 65, 1 },		/* with its NUL */
		{ "", 0, 1 },
		{ "-", 1, 1 },
		{ "ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 64, 1 },
		{ "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a ", 64, 1 },
		{ "0xa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a", 64, 1 },
		{ "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015\x10\x11", 64, 1 },
	};
	struct digest digest;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct digest before;

		memset(&digest, 0x5a, sizeof(digest));
		before = digest;
		errno = 0;
		assert_int_equal(digest_parse(&digest, rows[i].in, rows[i].len), -rows[i].fails);
		assert_int_equal(errno, rows[i].fails ? EINVAL : 0);
		if (rows[i].fails)
			assert_true(digest_equal(&digest, &before));
		else
			assert_digest(&digest, ABC);
	}
}

static void
equal(void **state)
{
	struct digest a, b;

	(void)state;
	digest_of("abc", 3, &a);
	b = a;
	assert_true(digest_equal(&a, &b));
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		b = a;
		b.byte[i] ^= 1;
		assert_false(digest_equal(&a, &b));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(pieces),
		cmocka_unit_test(used_again),
		cmocka_unit_test(threads),
		cmocka_unit_test(parse),
		cmocka_unit_test(equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
