/* limits - how much one address or user may have, known to every process of the pool.
 * A table in shared memory: an account is there for as long as somebody has a session, or has just
 * spent something.  No locks; two words are all that an account is compared by and counts with.
 * Where the table is full, who comes is not limited rather than not served. */

#ifndef SESSION_LIMITS_H
#define SESSION_LIMITS_H

#include <sys/socket.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 is no limit. */
struct limits_opts {
	unsigned sessions_per_address, sessions_per_user;	/* at a time */
	unsigned requests_per_second, requests_burst;	/* of one address: in the long run, and at once */
	uint64_t rate_session, rate_address, rate_user;	/* bytes a second, both ways together */
};

/* A moment, of clock_us(), up to which somebody has spent what he may. */
typedef _Atomic int64_t limits_clock;

struct limits_account {
	_Atomic uint64_t word;		/* whose it is, and how many sessions he has */
	limits_clock	 requests;
	limits_clock	 bytes;
};

struct limits;

/* Shared with whoever is forked from here on.  NULL with errno. */
struct limits	*limits_open(void);

/* One session more of an address or a user; it must be left in the end.  NULL with errno: ETOOMANYREFS
 * where there are `max` (0: any number), ENOSPC where no account can be had (such as for a Unix socket),
 * which is no reason to refuse. */
struct limits_account *limits_enter_address(struct limits *, const struct sockaddr *, unsigned max);
struct limits_account *limits_enter_user(struct limits *, const char *user, unsigned max);
struct limits_account *limits_address(struct limits *, const struct sockaddr *);	/* without one more */
void	limits_leave_address(struct limits *, const struct sockaddr *);
void	limits_leave_user(struct limits *, const char *user);

/* Whether one more request may be made: `burst` at once, and so many a second. */
bool	limits_request(limits_clock *, int64_t now, unsigned per_second, unsigned burst);

/* `len` bytes have moved of so many a second, of which one second's may move at once: until when to wait,
 * in clock_us(). */
int64_t	limits_spend(limits_clock *, int64_t now, size_t len, uint64_t rate);

#endif
