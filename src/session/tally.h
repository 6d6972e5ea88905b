/* tally - what the requests of one worker have cost, in shared memory, for metrics.
 * Counts only grow.  The sessions write, each in its own time, and whoever reads adds up what the
 * workers have: nobody waits, and no two counts need be of one moment. */

#ifndef SESSION_TALLY_H
#define SESSION_TALLY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_PROTOCOLS	10	/* places in the table of protocols */
#define TALLY_VERBS	24	/* names of requests that one protocol may have; what is more is "other" */
#define TALLY_CODES	6	/* hundreds of the reply's code; 0 for none */
#define TALLY_TIMES	16	/* buckets of seconds, and */
#define TALLY_SIZES	13	/* of bytes; the last of each has no bound */

struct tally_verb {
	_Atomic uint64_t code[TALLY_CODES];
	_Atomic uint64_t time[TALLY_TIMES];	/* in this bucket, not up to it */
	_Atomic uint64_t size[TALLY_SIZES];
	_Atomic uint64_t us, bytes;		/* sums */
};

/* What became of a login. */
enum tally_login {
	TALLY_LOGIN_RIGHT,
	TALLY_LOGIN_WRONG,	/* the user, the password, the certificate or the account */
	TALLY_LOGIN_BANNED,	/* not looked at, for wrong ones before */
	TALLY_LOGIN_LIMITED,	/* too many logins at a time, or sessions of that user */
	TALLY_LOGIN_REFUSED,	/* not looked at: said in clear text, or nobody can log in */
	TALLY_LOGIN_UNANSWERED,	/* it could not be checked */
	TALLY_LOGINS
};

struct tally {
	struct tally_verb verb[TALLY_PROTOCOLS][TALLY_VERBS + 1];
	_Atomic uint64_t login[TALLY_PROTOCOLS][TALLY_LOGINS];
	_Atomic uint64_t bans;		/* that began by one of these */
};

/* One request of the verb with that place, or TALLY_VERBS for another one. */
void	tally_request(struct tally *, unsigned protocol, unsigned verb, int code, uint64_t us, uint64_t bytes);

/* A login, and how many bans began by it. */
void	tally_login(struct tally *, unsigned protocol, enum tally_login, unsigned bans);

/* The bound of a bucket, inclusive, in microseconds or bytes; UINT64_MAX for the last. */
uint64_t tally_time_bound(size_t bucket);
uint64_t tally_size_bound(size_t bucket);

/* Adds what one has to another one, which nobody else writes. */
void	tally_gather(struct tally *to, const struct tally *from);

#endif
