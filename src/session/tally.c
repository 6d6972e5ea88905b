/* tally - what the requests of one worker have cost, in shared memory, for metrics. */

#include "session/tally.h"

/* 100 us, 250 us, 500 us, 1 ms ... 10 s: the steps of 1, 2.5, 5 that people know from dashboards. */
static const uint64_t times[TALLY_TIMES] = {
	100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000,
	30000000, UINT64_MAX,
};

uint64_t
tally_time_bound(size_t bucket)
{
	return times[bucket];
}

/* 256 bytes, and four times as much from one to the next, up to 1 GiB. */
uint64_t
tally_size_bound(size_t bucket)
{
	return bucket < TALLY_SIZES - 1 ? UINT64_C(256) << (2 * bucket) : UINT64_MAX;
}

static void
add(_Atomic uint64_t *counter, uint64_t n)
{
	(void)atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static size_t
time_bucket(uint64_t us)
{
	size_t i = 0;

	while (us > times[i])
		i++;
	return i;
}

static size_t
size_bucket(uint64_t bytes)
{
	size_t i = 0;

	while (i < TALLY_SIZES - 1 && bytes > UINT64_C(256) << (2 * i))
		i++;
	return i;
}

void
tally_request(struct tally *t, unsigned protocol, unsigned verb, int code, uint64_t us, uint64_t bytes)
{
	struct tally_verb *v;

	if (protocol >= TALLY_PROTOCOLS)
		return;
	v = &t->verb[protocol][verb < TALLY_VERBS ? verb : TALLY_VERBS];
	add(&v->code[code >= 100 && code < 100 * TALLY_CODES ? code / 100 : 0], 1);
	add(&v->time[time_bucket(us)], 1);
	add(&v->size[size_bucket(bytes)], 1);
	add(&v->us, us);
	add(&v->bytes, bytes);
}

void
tally_login(struct tally *t, unsigned protocol, enum tally_login result, unsigned bans)
{
	if (protocol < TALLY_PROTOCOLS)
		add(&t->login[protocol][result], 1);
	if (bans > 0)
		add(&t->bans, bans);
}

void
tally_gather(struct tally *to, const struct tally *from)
{
	const _Atomic uint64_t *src = (const void *)from;
	_Atomic uint64_t *dst = (void *)to;
	size_t i;
	uint64_t n;

	/* It is made of nothing but counts. */
	for (i = 0; i < sizeof(*to) / sizeof(*dst); i++)
		if ((n = atomic_load_explicit(&src[i], memory_order_relaxed)) != 0)
			atomic_store_explicit(&dst[i],
			    atomic_load_explicit(&dst[i], memory_order_relaxed) + n, memory_order_relaxed);
}
