/* clock - what time it is, and when something must have happened.
 * Deadlines are absolute milliseconds of CLOCK_MONOTONIC, so that a chain of
 * calls can share one without arithmetic.  Nothing here waits. */

#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NEVER	INT64_MAX	/* a deadline that does not come */

/* Milliseconds, and microseconds, since some fixed moment.  Never go back. */
int64_t	clock_ms(void);
int64_t	clock_us(void);

/* The deadline `ms` milliseconds from now; a negative `ms` is CLOCK_NEVER. */
int64_t	clock_in(int64_t ms);

/* Milliseconds left for poll(2) and epoll_wait(2): -1 for CLOCK_NEVER, 0 if past. */
int	clock_left(int64_t deadline);

/* The time of day (CLOCK_REALTIME). */
struct timespec	clock_wall(void);

#endif
