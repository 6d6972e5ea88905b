/* limited - what a session takes of its address's and its user's allowance. */

#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/wait.h"
#include "session/limits.h"
#include "session/session.h"

#define ADDRESS		1	/* of progress->accounts */
#define USER		2
#define PIECES		8	/* so many are sent in a second, where a rate is kept */
#define PIECE_MIN	1024
#define PIECE_MAX	(512 * 1024)
#define LOOK_MS		200	/* between two looks whether it has been kicked */
#define DRAIN_MAX	(64 * 1024)	/* bytes of a request that is not read, before its refusal */

/* The flag is set for a little longer than the account counts: a death in between gives back what was not
 * taken, which is forgotten when the last session of the account ends; the other way it would never be. */
int
session_enter(struct progress *p, const struct session_opts *opts)
{
	if (opts->limits == NULL)
		return 0;
	(void)atomic_fetch_or(&p->accounts, ADDRESS);
	if (limits_enter_address(opts->limits, (const struct sockaddr *)&p->peer,
	    opts->limit.sessions_per_address) != NULL)
		return 0;
	(void)atomic_fetch_and(&p->accounts, (unsigned char)~ADDRESS);
	return errno == ETOOMANYREFS ? -1 : 0;
}

void
session_leave(struct limits *limits, const struct progress *p, atomic_uchar *accounts)
{
	unsigned char flags = atomic_load(accounts);

	if (limits == NULL || flags == 0)
		return;
	if ((flags & ADDRESS) != 0)
		limits_leave_address(limits, (const struct sockaddr *)&p->peer);
	if ((flags & USER) != 0)
		limits_leave_user(limits, p->user);
	atomic_store(accounts, 0);
}

/* What has come is read, as far as it is there: a reset would take the refusal along. */
void
session_refuse(int fd, const struct protocol *protocol)
{
	char bytes[4096];
	size_t n = 0;
	ssize_t got;

	if (protocol->full == NULL)
		return;
	while (n < DRAIN_MAX && (got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		n += (size_t)got;
	explicit_bzero(bytes, sizeof(bytes));	/* among them may be a password */
	(void)send(fd, protocol->full, protocol->full_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
}

/* Who it is, and one session more of his; marked first, as in session_enter(). */
static int
become(struct session *s, const char *user, unsigned max)
{
	struct limits *limits = s->opts->limits;
	struct progress *p = s->progress;

	s->user = NULL;
	progress_user(p, user);
	if (limits == NULL || user[0] == '\0')
		return 0;
	(void)atomic_fetch_or(&p->accounts, USER);
	if ((s->user = limits_enter_user(limits, user, max)) != NULL)
		return 0;
	(void)atomic_fetch_and(&p->accounts, (unsigned char)~USER);
	return errno == ETOOMANYREFS ? -1 : 0;
}

int
session_as(struct session *s, const char *user)
{
	struct progress *p = s->progress;
	char before[PROGRESS_USER];

	if (s->opts->limits != NULL && strcmp(user, p->user) == 0)
		return 0;
	(void)strlcpy(before, p->user, sizeof(before));
	if (s->user != NULL) {
		limits_leave_user(s->opts->limits, before);
		(void)atomic_fetch_and(&p->accounts, (unsigned char)~USER);
	}
	if (become(s, user, s->opts->limit.sessions_per_user) == 0) {
		memset(&s->groups, 0, sizeof(s->groups));
		return 0;
	}
	(void)become(s, before, 0);
	errno = ETOOMANYREFS;
	return -1;
}

void
session_request(struct session *s)
{
	const struct limits_opts *limit = &s->opts->limit;

	s->hurries = s->address != NULL && limit->requests_per_second > 0 &&
	    !limits_request(&s->address->requests, clock_us(), limit->requests_per_second, limit->requests_burst);
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* In steps, for who is kicked is not to be waited for; draining ends it, too. */
static void
wait_for_rate(const struct session *s, int64_t until)
{
	int64_t now;

	while ((now = clock_ms()) < until && atomic_load(&s->progress->kick) != s->number + 1)
		if (wait_until(until - now < LOOK_MS ? until : now + LOOK_MS) == -1)
			return;
}

/* Waits as long as the slowest of the rates wants it; not while draining, for then time is short. */
static void
spend(void *arg, size_t len)
{
	struct session *s = arg;
	const struct limits_opts *limit = &s->opts->limit;
	int64_t now = clock_us(), until = 0;

	if (limit->rate_session > 0)
		until = limits_spend(&s->spent, now, len, limit->rate_session);
	if (limit->rate_address > 0 && s->address != NULL)
		until = later(until, limits_spend(&s->address->bytes, now, len, limit->rate_address));
	if (limit->rate_user > 0 && s->user != NULL)
		until = later(until, limits_spend(&s->user->bytes, now, len, limit->rate_user));
	if (until > now)
		wait_for_rate(s, until / 1000 + 1);
}

void
session_pay(struct session *s, size_t len)
{
	if (s->throttle.piece > 0)
		spend(s, len);
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return b == 0 || (a > 0 && a < b) ? a : b;
}

void
session_limit(struct session *s)
{
	const struct limits_opts *limit = &s->opts->limit;
	uint64_t rate = least(least(limit->rate_session, limit->rate_address), limit->rate_user);

	if (s->opts->limits == NULL)
		return;
	/* Counted already, when it came; this is only to know where. */
	if ((s->progress->accounts & ADDRESS) != 0)
		s->address = limits_address(s->opts->limits, (const struct sockaddr *)&s->peer);
	if (rate == 0)
		return;
	rate /= PIECES;
	s->throttle = (struct stream_throttle){
		.piece = rate < PIECE_MIN ? PIECE_MIN : rate > PIECE_MAX ? PIECE_MAX : (size_t)rate,
		.spend = spend, .arg = s,
	};
	if (s->stream != NULL)
		stream_throttle(s->stream, &s->throttle);
}
