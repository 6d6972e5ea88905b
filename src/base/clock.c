/* clock - the two clocks, and deadlines made of one of them.
 * Asks the kernel (by the vDSO); never waits. */

#include "base/clock.h"

#include <assert.h>
#include <limits.h>

static struct timespec
now(clockid_t which)
{
	struct timespec ts;
	int failed;

	failed = clock_gettime(which, &ts);
	assert(failed == 0);	/* both clocks exist on every Linux */
	(void)failed;
	return ts;
}

int64_t
clock_ms(void)
{
	struct timespec ts = now(CLOCK_MONOTONIC);

	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_us(void)
{
	struct timespec ts = now(CLOCK_MONOTONIC);

	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_in(int64_t ms)
{
	int64_t deadline;

	/* A configured limit may be as large as int64_t: then it is for ever. */
	if (ms < 0 || __builtin_add_overflow(clock_ms(), ms, &deadline))
		return CLOCK_NEVER;
	return deadline;
}

int
clock_left(int64_t deadline)
{
	int64_t left;

	if (deadline == CLOCK_NEVER)
		return -1;
	if (__builtin_sub_overflow(deadline, clock_ms(), &left) || left <= 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

struct timespec
clock_wall(void)
{
	return now(CLOCK_REALTIME);
}
