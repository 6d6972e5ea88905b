/* failures - who has said wrong passwords, and who is not listened to for that.
 * A table of sets, each of few places; the oldest place of a set makes room for what is new.  So it
 * never grows, and an attack by many addresses makes it forget, at most. */

#include <sys/mman.h>

#include <arpa/inet.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "auth/failures.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/shared.h"
#include "io/socket.h"

#define SETS		1024
#define PLACES		8		/* in each */
#define ADDRESS_FACTOR	4
#define USER_FACTOR	20
#define GOOD_MS		(INT64_C(30) * 86400 * 1000)	/* how long an address is remembered as good */
#define TRIES		100		/* of a reader, while an entry changes */

struct place {
	atomic_uint	 turn;		/* odd while the rest is being written */
	bool		 used;
	struct failures_entry entry;
};

struct failures {
	struct failures_counts counts;
	uint8_t		 key[16];	/* nobody outside can tell who shares a set */
	struct place	 place[SETS * PLACES];
};

struct failures *
failures_open(void)
{
	struct failures *f = shared_new(sizeof(*f));

	if (f == NULL)
		return NULL;
	arc4random_buf(f->key, sizeof(f->key));
	failures_share(f, false);
	return f;
}

void
failures_close(struct failures **f)
{
	shared_free(*f, sizeof(**f));
	*f = NULL;
}

void
failures_share(struct failures *f, bool share)
{
	(void)madvise(f, sizeof(*f), share ? MADV_DOFORK : MADV_DONTFORK);
}

struct failures_counts *
failures_counts(struct failures *f)
{
	return &f->counts;
}

static struct place *
set_of(struct failures *f, const struct failures_entry *e)
{
	uint8_t bytes[sizeof(f->key) + sizeof(e->peer) + sizeof(e->name)];
	struct digest digest;
	uint32_t which;

	memcpy(bytes, f->key, sizeof(f->key));
	memcpy(bytes + sizeof(f->key), &e->peer, sizeof(e->peer));
	memcpy(bytes + sizeof(f->key) + sizeof(e->peer), e->name, sizeof(e->name));
	digest_of(bytes, sizeof(bytes), &digest);
	memcpy(&which, &digest, sizeof(which));
	return &f->place[which % SETS * PLACES];
}

static bool
same(const struct place *p, const struct failures_entry *key)
{
	return p->used && memcmp(&p->entry.peer, &key->peer, sizeof(key->peer)) == 0 &&
	    strcmp(p->entry.name, key->name) == 0;
}

static int64_t
last_of(const struct place *p)
{
	if (!p->used)
		return -1;
	return p->entry.good > p->entry.last ? p->entry.good : p->entry.last;
}

/* One that is banned stays as long as there is another. */
static bool
goes_first(const struct place *a, const struct place *b, int64_t now)
{
	bool a_banned = a->used && a->entry.until > now, b_banned = b->used && b->entry.until > now;

	return a_banned != b_banned ? b_banned : last_of(a) < last_of(b);
}

static void
write_place(struct place *p, const struct failures_entry *e)
{
	unsigned turn = atomic_load_explicit(&p->turn, memory_order_relaxed);

	atomic_store_explicit(&p->turn, turn | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	p->used = e != NULL;
	if (e != NULL)
		p->entry = *e;
	atomic_store_explicit(&p->turn, (turn | 1) + 1, memory_order_release);
}

/* The entry of that address (NULL: any) and user ("": any), or a new one, in *e; and its place, which
 * is that of another one while the entry is new. */
static struct place *
find(struct failures *f, const struct sockaddr_in6 *peer, const char *name, struct failures_entry *e)
{
	struct place *set, *oldest;
	int64_t now = clock_ms();
	unsigned i;

	memset(e, 0, sizeof(*e));
	if (peer != NULL)
		socket_client(&e->peer, (const struct sockaddr *)peer);
	(void)strlcpy(e->name, name, sizeof(e->name));
	oldest = set = set_of(f, e);
	for (i = 0; i < PLACES; i++) {
		if (same(&set[i], e)) {
			*e = set[i].entry;
			return &set[i];
		}
		if (goes_first(&set[i], oldest, now))
			oldest = &set[i];
	}
	return oldest;
}

/* The same with what is too long ago left out. */
static struct place *
look(struct failures *f, const struct failures_limits *l, const struct sockaddr_in6 *peer,
    const char *name, struct failures_entry *e)
{
	struct place *p = find(f, peer, name, e);
	int64_t now = clock_ms();

	if (e->until <= now)
		e->until = 0;
	if (e->until == 0 && now - e->last > l->ban_ms)
		e->failures = 0;
	if (now - e->good > GOOD_MS)
		e->good = 0;
	return p;
}

int64_t
failures_banned(struct failures *f, const struct failures_limits *l, const struct sockaddr_in6 *peer,
    const char *name)
{
	struct failures_entry pair, address;
	int64_t now = clock_ms();

	if (l->count == 0)
		return 0;
	(void)look(f, l, peer, name, &pair);
	if (pair.until != 0)
		return pair.until - now;
	(void)look(f, l, peer, "", &address);
	return address.until != 0 && pair.good == 0 ? address.until - now : 0;
}

static bool
attacked(struct failures *f, const struct failures_limits *l, const char *name)
{
	struct failures_entry user;

	(void)look(f, l, NULL, name, &user);
	return l->count != 0 && user.failures >= l->count * USER_FACTOR;
}

bool
failures_suspect(struct failures *f, const struct failures_limits *l, const struct sockaddr_in6 *peer,
    const char *name)
{
	struct failures_entry pair, address;

	(void)look(f, l, peer, name, &pair);
	if (pair.good != 0)
		return pair.failures > 0;
	(void)look(f, l, peer, "", &address);
	return address.failures > 0 || attacked(f, l, name);
}

void
failures_right(struct failures *f, const struct sockaddr_in6 *peer, const char *name)
{
	struct failures_entry pair;
	struct place *p = find(f, peer, name, &pair);

	pair.failures = 0;
	pair.until = 0;
	pair.good = clock_ms();
	write_place(p, &pair);
}

/* One more.  How many there are now. */
static unsigned
add(struct failures *f, const struct failures_limits *l, const struct sockaddr_in6 *peer, const char *name,
    unsigned most)
{
	char shown[SOCKET_NAME_MAX];
	struct failures_entry e;
	struct place *p = look(f, l, peer, name, &e);
	bool begins = most > 0 && e.failures + 1 >= most && e.until == 0;

	e.failures++;
	e.last = clock_ms();
	if (begins)
		e.until = e.last + l->ban_ms;
	write_place(p, &e);
	if (begins)
		(void)atomic_fetch_add(&f->counts.bans, 1);
	if (begins)
		log_warn("logins from %s%s%s are refused for %jd s, after %u wrong passwords",
		    socket_name(shown, (const struct sockaddr *)&e.peer, sizeof(e.peer), false),
		    name[0] != '\0' ? " as " : "", name, (intmax_t)(l->ban_ms / 1000), e.failures);
	return e.failures;
}

int64_t
failures_wrong(struct failures *f, const struct failures_limits *l, const struct sockaddr_in6 *peer,
    const char *name)
{
	int64_t ms = l->delay_ms;
	unsigned n;

	(void)add(f, l, peer, name, l->count);
	n = add(f, l, peer, "", l->count * ADDRESS_FACTOR);
	if (l->count != 0 && add(f, l, NULL, name, 0) == l->count * USER_FACTOR)
		log_warn("%s is under attack: %u wrong passwords; logins from where this user is not known "
		    "are slow", name, l->count * USER_FACTOR);
	if (ms > 0 && attacked(f, l, name))
		return FAILURES_DELAY_MAX_MS;
	while (--n > 0 && ms < FAILURES_DELAY_MAX_MS)
		ms *= 2;
	return ms < FAILURES_DELAY_MAX_MS ? ms : FAILURES_DELAY_MAX_MS;
}

static bool
is_address(const struct sockaddr_in6 *peer, const char *what)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, what, &four.sin_addr) == 1)
		memcpy(&six, &four, sizeof(four));
	else if (inet_pton(AF_INET6, what, &six.sin6_addr) != 1)
		return peer->sin6_family == AF_UNIX && strcmp(what, "unix") == 0;
	return socket_same_client((const struct sockaddr *)peer, (const struct sockaddr *)&six);
}

static bool
means(const struct failures_entry *e, const char *what)
{
	if (strcmp(what, "all") == 0 || (e->name[0] != '\0' && strcmp(what, e->name) == 0))
		return true;
	return is_address(&e->peer, what);
}

unsigned
failures_forgive(struct failures *f, const char *what, bool only_count)
{
	struct failures_entry e;
	unsigned at = 0, n = 0;

	while (failures_each(f, &at, &e)) {
		if (e.failures == 0 || !means(&e, what))
			continue;
		n++;
		e.failures = 0;
		e.until = 0;
		if (!only_count)
			write_place(&f->place[at - 1], e.good != 0 ? &e : NULL);
	}
	return n;
}

/* Whether it is one; a copy of one moment. */
static bool
read_place(const struct place *p, struct failures_entry *e)
{
	unsigned before, after, i;
	bool used = false;

	for (i = 0; i < TRIES; i++) {
		before = atomic_load_explicit(&p->turn, memory_order_acquire);
		used = p->used;
		*e = p->entry;
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&p->turn, memory_order_relaxed);
		if (before == after && before % 2 == 0)
			break;
	}
	e->name[sizeof(e->name) - 1] = '\0';
	return used;
}

bool
failures_each(const struct failures *f, unsigned *at, struct failures_entry *e)
{
	while (*at < SETS * PLACES)
		if (read_place(&f->place[(*at)++], e))
			return true;
	return false;
}
