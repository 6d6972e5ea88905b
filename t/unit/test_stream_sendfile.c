/* test_stream_sendfile - that whoever sends a large file lets others have their turn, although his peer takes
 * all at once: /dev/null is one who does. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/stream.h"
#include "io/wait.h"

#define SIZE	(64 * 1024 * 1024)
#define TURN	(1024 * 1024)		/* nobody is to wait for more than that */

static struct wait_ops	 counting;
static unsigned		 yields;

static int
until(int64_t deadline)
{
	if (deadline == 0)
		yields++;
	return wait_blocking.until(deadline);
}

static unsigned
yields_of(size_t piece)
{
	const struct stream_opts opts = { .stall_ms = 1000 };
	struct stream *s = stream_open(open("/dev/null", O_WRONLY | O_CLOEXEC), &opts);
	int file = memfd_create("sendfile", MFD_CLOEXEC);

	assert_non_null(s);
	assert_int_equal(ftruncate(file, SIZE), 0);
	counting = wait_blocking;
	counting.until = until;
	wait_use(&counting);
	yields = 0;
	for (off_t at = 0; at < SIZE; at += (off_t)piece)
		assert_int_equal(stream_sendfile(s, file, at, piece), 0);
	wait_use(&wait_blocking);
	close(file);
	stream_close(&s);
	return yields;
}

static void
a_file_in_one_call(void **state)
{
	(void)state;
	assert_in_range(yields_of(SIZE), SIZE / TURN - 1, UINT32_MAX);
}

/* The pump calls for each piece that it has seen to be in memory. */
static void
a_file_in_many_calls(void **state)
{
	(void)state;
	assert_in_range(yields_of(TURN * 2), SIZE / TURN - 1, UINT32_MAX);
	assert_in_range(yields_of(TURN / 64), SIZE / TURN - 1, UINT32_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_in_one_call),
		cmocka_unit_test(a_file_in_many_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
