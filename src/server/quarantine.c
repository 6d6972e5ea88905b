/* quarantine - which requests workers have died of, and which are refused for it. */

#include <sys/socket.h>

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/fnv.h"
#include "base/log.h"
#include "base/shared.h"
#include "base/text.h"
#include "io/socket.h"
#include "proto/protocols.h"
#include "server/quarantine.h"

#define ENTRIES		64		/* the oldest makes way */
#define MEMORY_MS	(60 * 60 * 1000)
#define LOCK_TRIES	10000		/* its holder may have been killed */

/* A request is compared by its keys alone; the rest of an entry is for people. */
struct entry {
	_Atomic uint64_t key;		/* of request and peer, or of the request from anybody; 0: free */
	uint64_t	 request_key;
	_Atomic int64_t	 until;		/* refused until then; 0: not yet */
	struct quarantine_entry shown;
};

struct quarantine {
	atomic_uint	 refused;	/* entries whose until is not 0 */
	atomic_uint	 lock;
	_Atomic int64_t	 ms;
	struct entry	 entry[ENTRIES];
};

struct quarantine *
quarantine_open(void)
{
	return shared_new(sizeof(struct quarantine));
}

void
quarantine_for(struct quarantine *q, int64_t ms)
{
	atomic_store(&q->ms, ms);
}

static uint64_t
key_of_request(const struct progress *p)
{
	uint64_t h = fnv64(FNV64, &p->protocol, sizeof(p->protocol));

	h = fnv64(h, p->verb, strlen(p->verb));
	h = fnv64(h, &p->path_len, sizeof(p->path_len));
	h = fnv64(h, &p->path_sum, sizeof(p->path_sum));
	return fnv64(h, p->path, p->path_len < PROGRESS_PATH ? p->path_len : PROGRESS_PATH) | 1;
}

/* The same from this peer, whatever its port. */
static uint64_t
key_of_peer(uint64_t h, const struct progress *p)
{
	struct sockaddr_in6 client;

	socket_client(&client, (const struct sockaddr *)&p->peer);
	return fnv64(h, &client, sizeof(client)) | 1;
}

/* Deaths are rare, and under fork several processes may bury at once. */
static void
lock(struct quarantine *q)
{
	unsigned i, no = 0;

	/* After so many the holder must be dead: better two at once than nobody any more. */
	for (i = 0; i < LOCK_TRIES && !atomic_compare_exchange_strong(&q->lock, &no, 1); i++, no = 0)
		(void)sched_yield();
}

static void
unlock(struct quarantine *q)
{
	atomic_store(&q->lock, 0);
}

static void
refuse(struct quarantine *q, struct entry *e, int64_t until)
{
	if (atomic_exchange(&e->until, until) == 0)
		(void)atomic_fetch_add(&q->refused, 1);
}

static void
forget(struct quarantine *q, struct entry *e)
{
	atomic_store(&e->key, 0);
	if (atomic_exchange(&e->until, 0) != 0)
		(void)atomic_fetch_sub(&q->refused, 1);
	e->shown.deaths = 0;
}

/* The entry of that key, a free one, or that of the oldest death, made the key's. */
static struct entry *
find(struct quarantine *q, uint64_t key)
{
	struct entry *e, *best = NULL;

	for (e = q->entry; e < q->entry + ENTRIES; e++) {
		if (atomic_load(&e->key) == key)
			return e;
		if (best == NULL || (atomic_load(&best->key) != 0 &&
		    (atomic_load(&e->key) == 0 || e->shown.last < best->shown.last)))
			best = e;
	}
	forget(q, best);
	memset(&best->shown, 0, sizeof(best->shown));
	atomic_store(&best->key, key);
	return best;
}

/* One more death of that key; whether it is now refused, and was not before. */
static bool
count(struct quarantine *q, struct entry *e, uint64_t request_key, const struct progress *p, unsigned limit)
{
	int64_t now = clock_ms(), ms = atomic_load(&q->ms);
	bool was = atomic_load(&e->until) > now;

	if (e->shown.deaths > 0 && now - e->shown.last > (ms > MEMORY_MS ? ms : MEMORY_MS))
		e->shown.deaths = 0;
	e->request_key = request_key;
	e->shown.request = *p;
	e->shown.deaths++;
	e->shown.last = now;
	if (e->shown.deaths < limit)
		return false;
	refuse(q, e, now + ms);
	return !was;
}

/* From how many peers the request has killed. */
static unsigned
peers(struct quarantine *q, uint64_t request_key)
{
	unsigned n = 0, i;

	for (i = 0; i < ENTRIES; i++)
		if (atomic_load(&q->entry[i].key) != 0 && q->entry[i].request_key == request_key &&
		    !q->entry[i].shown.all_peers && q->entry[i].shown.deaths > 0)
			n++;
	return n;
}

static void
tell(const struct quarantine *q, const struct progress *p, unsigned deaths, bool all)
{
	char peer[SOCKET_NAME_MAX], path[PROGRESS_SHOWN], verb[4 * PROGRESS_VERB];
	const struct protocol *protocol = protocol_at(p->protocol);

	log_error("quarantine: %s %s %s from %s is refused for %jd s, for processes died of it %u times",
	    protocol != NULL ? protocol->name : "?", text_visible(verb, sizeof(verb), p->verb, strlen(p->verb)),
	    progress_path(path, p), all ? "everybody" :
	    socket_name(peer, (const struct sockaddr *)&p->peer, sizeof(p->peer), false),
	    (intmax_t)atomic_load(&q->ms) / 1000, deaths);
}

void
quarantine_death(struct quarantine *q, const struct progress *p)
{
	uint64_t request_key = key_of_request(p);
	struct entry *e;

	if (atomic_load(&q->ms) == 0 || atomic_load(&p->turn) != 0)
		return;
	lock(q);
	e = find(q, key_of_peer(request_key, p));
	e->shown.all_peers = false;
	if (count(q, e, request_key, p, QUARANTINE_DEATHS))
		tell(q, p, e->shown.deaths, false);
	if (peers(q, request_key) >= QUARANTINE_PEERS) {
		e = find(q, request_key);
		e->shown.all_peers = true;
		if (e->shown.deaths == 0) {
			e->shown.deaths = QUARANTINE_PEERS - 1;
			e->shown.last = clock_ms();
		}
		if (count(q, e, request_key, p, QUARANTINE_PEERS))
			tell(q, p, e->shown.deaths, true);
	}
	unlock(q);
}

int64_t
quarantine_refuses(struct quarantine *q, const struct progress *p)
{
	uint64_t any, key, mine;
	int64_t now, until, last = 0;
	unsigned i;

	if (atomic_load_explicit(&q->refused, memory_order_relaxed) == 0)
		return 0;
	now = clock_ms();
	any = key_of_request(p);
	mine = key_of_peer(any, p);
	for (i = 0; i < ENTRIES; i++) {
		key = atomic_load(&q->entry[i].key);
		until = atomic_load(&q->entry[i].until);
		if ((key == mine || key == any) && until > last)
			last = until;
	}
	return last > now ? last - now : 0;
}

bool
quarantine_each(struct quarantine *q, unsigned *at, struct quarantine_entry *copy)
{
	int64_t now = clock_ms();
	struct entry *e;

	while (*at < ENTRIES) {
		e = &q->entry[(*at)++];
		if (atomic_load(&e->key) == 0)
			continue;
		*copy = e->shown;
		copy->until = atomic_load(&e->until) > now ? atomic_load(&e->until) : 0;
		return true;
	}
	return false;
}

static bool
is_of(const struct progress *p, const char *path)
{
	size_t len = strlen(path);

	if (path[0] == '/') {
		path++;
		len--;
	}
	return len == p->path_len && memcmp(path, p->path, len < PROGRESS_PATH ? len : PROGRESS_PATH) == 0;
}

/* As status shows it: not every name can be written in a line. */
static bool
is_shown_as(const struct progress *p, const char *path)
{
	char shown[PROGRESS_SHOWN];

	return strcmp(progress_path(shown, p), path) == 0;
}

unsigned
quarantine_forgive(struct quarantine *q, const char *path)
{
	unsigned i, n = 0;

	lock(q);
	for (i = 0; i < ENTRIES; i++)
		if (atomic_load(&q->entry[i].key) != 0 &&
		    (path == NULL || is_of(&q->entry[i].shown.request, path) ||
		    is_shown_as(&q->entry[i].shown.request, path))) {
			forget(q, &q->entry[i]);
			n++;
		}
	unlock(q);
	return n;
}
