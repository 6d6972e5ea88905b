/* test_file - the digest of a part of a file is that of its bytes, and a file that is cut off meanwhile ends
 * in an error and not in the end of the process. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

#define SIZE	(9 * 1024 * 1024 + 4321)	/* more than is mapped at once */
#define PAGE	4096

static char			*bytes;
static int			 fd = -1;
static volatile sig_atomic_t	 mended;

static void
on_bus(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (!file_mend(info->si_addr))
		(void)signal(number, SIG_DFL);
	mended++;
}

/* A folder on a disk, most probably: elsewhere nothing is mapped. */
static int
make(void **state)
{
	char name[] = "/var/tmp/coffer-file.XXXXXX";
	unsigned seed = 7;

	(void)state;
	if ((bytes = malloc(SIZE)) == NULL || (fd = mkstemp(name)) == -1 || unlink(name) == -1)
		return -1;
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
	return write(fd, bytes, SIZE) == SIZE ? 0 : -1;
}

static int
destroy(void **state)
{
	(void)state;
	free(bytes);
	return close(fd);
}

static void
assert_same(size_t at, size_t len)
{
	struct digest_state *d = digest_begin();
	struct digest is, want;

	digest_of(bytes + at, len, &want);
	assert_int_equal(file_digest(fd, (off_t)at, len, d), 0);
	digest_end(&d, &is);
	assert_true(digest_equal(&is, &want));
}

static void
the_digest_of_a_part_is_that_of_its_bytes(void **state)
{
	static const size_t parts[][2] = {
		{ 0, SIZE }, { 0, 0 }, { 1, SIZE - 1 }, { PAGE, SIZE - PAGE }, { 4321, 700000 }, { SIZE - 300000, 300000 },
		{ SIZE - 5, 5 }, { 0, 8 * 1024 * 1024 }, { 17, 8 * 1024 * 1024 + 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_same(parts[i][0], parts[i][1]);
}

static void
mapped_it_is_the_same(void **state)
{
	file_mends();
	the_digest_of_a_part_is_that_of_its_bytes(state);
	assert_int_equal(mended, 0);
}

static int
end_after(off_t size)
{
	struct digest_state *d = digest_begin();
	int ret, error;

	assert_int_equal(ftruncate(fd, size), 0);
	errno = 0;
	ret = file_digest(fd, 0, SIZE, d);
	error = errno;
	digest_drop(&d);
	return ret == 0 ? 0 : error;
}

/* Within its last page, it reads as zeros; behind it, the kernel sends a signal. */
static void
a_file_that_has_become_shorter_is_told(void **state)
{
	struct sigaction action = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO }, before;

	(void)state;
	(void)sigaction(SIGBUS, &action, &before);	/* cmocka has one, too */
	assert_int_equal(end_after(SIZE - 1), EPROTO);
	assert_int_equal(end_after(SIZE / PAGE * PAGE), EPROTO);
	assert_int_equal(end_after(SIZE - PAGE), EPROTO);
	assert_int_equal(end_after(3 * 1024 * 1024 + 1), EPROTO);
	assert_int_equal(end_after(0), EPROTO);
	(void)sigaction(SIGBUS, &before, NULL);
	if (mended == 0)
		skip();	/* no disk here */
	assert_false(file_mend(bytes));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_digest_of_a_part_is_that_of_its_bytes),
		cmocka_unit_test(mapped_it_is_the_same),
		cmocka_unit_test(a_file_that_has_become_shorter_is_told),
	};

	return cmocka_run_group_tests(tests, make, destroy);
}
