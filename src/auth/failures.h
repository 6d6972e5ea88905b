/* failures - who has said wrong passwords, and who is not listened to for that.
 * In shared memory that outlives an authenticator: one process writes, the one that checks
 * passwords, and the master reads.
 *
 * What is counted, for as long as the last one is younger than ban_ms:
 *  - by address and user: after `count` wrong ones, this user cannot log in from this address;
 *  - by address: after 4 times as many, nobody can log in from this address who has not done so before;
 *  - by user: after 20 times as many, strangers' logins as this user are slow.
 * Each ban ends ban_ms after the failure that began it.  So nobody is kept out by what others do at
 * other addresses, nor, once he has logged in, by what others do at his own.
 *
 * An address of IPv6 stands for its network of 64 bits, for whoever has one has them all. */

#ifndef AUTH_FAILURES_H
#define AUTH_FAILURES_H

#include <netinet/in.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "auth/users_line.h"

struct failures_limits {
	unsigned	count;		/* 0: nobody is banned */
	int64_t		ban_ms;
	int64_t		delay_ms;	/* after the first failure of an address; doubles with each */
};

#define FAILURES_DELAY_MAX_MS	5000

struct failures;

/* Anonymous shared memory, which a fork(2) leaves out until failures_share(true).  NULL with errno. */
struct failures	*failures_open(void);
void	failures_close(struct failures **);
void	failures_share(struct failures *, bool);

/* For how long a login as this user from there is refused; 0 where it is not. */
int64_t	failures_banned(struct failures *, const struct failures_limits *,
	    const struct sockaddr_in6 *peer, const char *name);

/* Whether it is one that must not hold up others: the address has failed, or the user is under attack,
 * and this user has not logged in from there before. */
bool	failures_suspect(struct failures *, const struct failures_limits *,
	    const struct sockaddr_in6 *peer, const char *name);

/* The password was right; or it was wrong: then for how long the answer is to be held back.  Bans that
 * begin by that are logged. */
void	failures_right(struct failures *, const struct sockaddr_in6 *peer, const char *name);
int64_t	failures_wrong(struct failures *, const struct failures_limits *,
	    const struct sockaddr_in6 *peer, const char *name);

/* Forgets what is known of a user, of an address ("unix" for Unix sockets), or of "all".  How many
 * entries that were; with `only_count` they stay. */
unsigned failures_forgive(struct failures *, const char *what, bool only_count);

/* What is known, one after the other: begin with *at 0, until false.  For other processes, too. */
struct failures_entry {
	struct sockaddr_in6 peer;	/* AF_UNSPEC: any */
	char		 name[USERS_NAME_MAX + 1];	/* "": any */
	unsigned	 failures;
	int64_t		 last;		/* clock_ms() of the last of these */
	int64_t		 until;		/* refused until then (clock_ms()); 0: not */
	int64_t		 good;		/* clock_ms() of the last right password; 0: none */
};
bool	failures_each(const struct failures *, unsigned *at, struct failures_entry *);

/* What was answered so far, and how many users there are, for anybody to read. */
struct failures_counts {
	_Atomic uint64_t users;
	_Atomic uint64_t right, wrong, banned, busy, unknown;	/* by enum login_verdict */
	_Atomic uint64_t bans;		/* that have begun */
};
struct failures_counts *failures_counts(struct failures *);

#endif
