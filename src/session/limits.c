/* limits - how much one address or user may have, known to every process of the pool.
 * Each clock is a bucket in one word: it says when the bucket will be full again. */

#include <netinet/in.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/shared.h"
#include "io/socket.h"
#include "session/limits.h"

#define PLACES		65536	/* touched as far as they are used */
#define PROBES		16	/* in which one account may lie */
#define COUNT_BITS	24
#define COUNT_MAX	((UINT64_C(1) << COUNT_BITS) - 1)
#define SECOND_US	INT64_C(1000000)
#define WHO_MAX		64

struct limits {
	char	key[32];
	struct limits_account at[PLACES];
};

/* Whose account, in a form that nobody outside can find a second one for. */
struct who {
	uint64_t tag, place;
};

struct limits *
limits_open(void)
{
	struct limits *l = shared_new(sizeof(*l));

	if (l != NULL)
		arc4random_buf(l->key, sizeof(l->key));
	return l;
}

static struct who
who_is(const struct limits *l, char kind, const void *bytes, size_t len)
{
	char text[sizeof(l->key) + 1 + WHO_MAX];
	struct digest digest;
	struct who who;

	if (len > WHO_MAX)
		len = WHO_MAX;
	memcpy(text, l->key, sizeof(l->key));
	text[sizeof(l->key)] = kind;
	memcpy(text + sizeof(l->key) + 1, bytes, len);
	digest_of(text, sizeof(l->key) + 1 + len, &digest);
	memcpy(&who, digest.byte, sizeof(who));
	who.tag = who.tag << COUNT_BITS | UINT64_C(1) << 63;	/* never 0 */
	return who;
}

static struct limits_account *
account_at(struct limits *l, const struct who *who, unsigned probe)
{
	return &l->at[(who->place + probe) % PLACES];
}

static bool
is_tagged(uint64_t word, const struct who *who)
{
	return (word & ~COUNT_MAX) == who->tag;
}

/* Whether nobody would miss it. */
static bool
is_free(struct limits_account *a, uint64_t word, int64_t now)
{
	return word == 0 || ((word & COUNT_MAX) == 0 && atomic_load(&a->requests) <= now &&
	    atomic_load(&a->bytes) <= now);
}

/* The account that is somebody's, or one that can be; NULL where all places are taken. */
static struct limits_account *
find(struct limits *l, const struct who *who, uint64_t *word)
{
	struct limits_account *a, *free_one = NULL;
	int64_t now = clock_us();
	uint64_t seen;

	for (unsigned i = 0; i < PROBES; i++) {
		a = account_at(l, who, i);
		seen = atomic_load(&a->word);
		if (is_tagged(seen, who)) {
			*word = seen;
			return a;
		}
		if (free_one == NULL && is_free(a, seen, now)) {
			free_one = a;
			*word = seen;
		}
	}
	return free_one;
}

static struct limits_account *
enter(struct limits *l, const struct who *who, unsigned max)
{
	struct limits_account *a;
	uint64_t word, count;

	while ((a = find(l, who, &word)) != NULL) {
		count = is_tagged(word, who) ? word & COUNT_MAX : 0;
		if (count == COUNT_MAX || (max > 0 && count >= max)) {
			errno = ETOOMANYREFS;
			return NULL;
		}
		/* If it is another's by now, or has another count, another look. */
		if (atomic_compare_exchange_strong(&a->word, &word, who->tag | (count + 1)))
			return a;
	}
	errno = ENOSPC;
	return NULL;
}

static void
leave(struct limits *l, const struct who *who)
{
	struct limits_account *a;
	uint64_t word;

	for (unsigned i = 0; i < PROBES; i++) {
		a = account_at(l, who, i);
		word = atomic_load(&a->word);
		/* A worker that died on its way out may have left already. */
		while (is_tagged(word, who) && (word & COUNT_MAX) > 0)
			if (atomic_compare_exchange_weak(&a->word, &word, word - 1))
				return;
	}
}

static bool
who_has(struct who *who, const struct limits *l, const struct sockaddr *sa)
{
	struct sockaddr_in6 client;

	if (sa->sa_family != AF_INET && sa->sa_family != AF_INET6)
		return false;
	socket_client(&client, sa);
	*who = who_is(l, 'a', &client, sizeof(client));
	return true;
}

struct limits_account *
limits_enter_address(struct limits *l, const struct sockaddr *sa, unsigned max)
{
	struct who who;

	if (who_has(&who, l, sa))
		return enter(l, &who, max);
	errno = ENOSPC;
	return NULL;
}

struct limits_account *
limits_address(struct limits *l, const struct sockaddr *sa)
{
	struct limits_account *a;
	struct who who;
	uint64_t word;

	if (!who_has(&who, l, sa) || (a = find(l, &who, &word)) == NULL || !is_tagged(word, &who))
		return NULL;
	return a;
}

struct limits_account *
limits_enter_user(struct limits *l, const char *user, unsigned max)
{
	struct who who = who_is(l, 'u', user, strlen(user));

	return enter(l, &who, max);
}

void
limits_leave_address(struct limits *l, const struct sockaddr *sa)
{
	struct who who;

	if (who_has(&who, l, sa))
		leave(l, &who);
}

void
limits_leave_user(struct limits *l, const char *user)
{
	struct who who = who_is(l, 'u', user, strlen(user));

	leave(l, &who);
}

bool
limits_request(limits_clock *clock, int64_t now, unsigned per_second, unsigned burst)
{
	int64_t cost = SECOND_US / per_second, from = now - cost * burst, was = atomic_load(clock), next;

	do {
		next = (was > from ? was : from) + cost;
		if (next > now)
			return false;
	} while (!atomic_compare_exchange_weak(clock, &was, next));
	return true;
}

int64_t
limits_spend(limits_clock *clock, int64_t now, size_t len, uint64_t rate)
{
	int64_t cost = (int64_t)((double)len * SECOND_US / (double)rate), was = atomic_load(clock), next;

	do
		next = (was > now - SECOND_US ? was : now - SECOND_US) + cost;
	while (!atomic_compare_exchange_weak(clock, &was, next));
	return next;
}
