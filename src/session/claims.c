/* claims - who is being answered at this moment, known to every process of the pool.
 * A table of words: the upper bits are when the claim ends, the others what is claimed, in a form
 * that nobody outside can find a second one for. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/shared.h"
#include "session/claims.h"

#define PLACES		65536	/* half a megabyte, touched as far as it is used */
#define PROBES		16	/* places in which one claim may lie */
#define TIME_SHIFT	40
#define TIME_MASK	0xffffffU /* seconds, which begin anew after half a year */
#define WHAT_MASK	((UINT64_C(1) << TIME_SHIFT) - 1)

struct claims {
	char	key[32];
	claim	none;		/* given away where all places are taken */
	claim	at[PLACES];
};

struct claims *
claims_open(void)
{
	struct claims *c = shared_new(sizeof(*c));

	if (c != NULL)
		arc4random_buf(c->key, sizeof(c->key));
	return c;
}

void
claims_close(struct claims **c)
{
	shared_free(*c, sizeof(**c));
	*c = NULL;
}

static uint64_t
hash(const struct claims *c, const void *bytes, size_t len)
{
	char text[sizeof(c->key) + 1024];
	struct digest digest;
	uint64_t h;

	memcpy(text, c->key, sizeof(c->key));
	len = len < sizeof(text) - sizeof(c->key) ? len : sizeof(text) - sizeof(c->key);
	memcpy(text + sizeof(c->key), bytes, len);
	digest_of(text, sizeof(c->key) + len, &digest);
	memcpy(&h, digest.byte, sizeof(h));
	return h;
}

static bool
is_over(uint64_t word, uint32_t now)
{
	uint32_t left = ((uint32_t)(word >> TIME_SHIFT) - now) & TIME_MASK;

	return word == 0 || left == 0 || left > CLAIM_SECONDS;
}

claim *
claims_take(struct claims *c, const void *bytes, size_t len)
{
	uint64_t h = hash(c, bytes, len), what = h & WHAT_MASK, word, found;
	uint32_t now = (uint32_t)(clock_ms() / 1000);
	claim *at, *free_one = NULL;

	word = (uint64_t)((now + CLAIM_SECONDS) & TIME_MASK) << TIME_SHIFT | what;
	for (size_t i = 0; i < PROBES; i++) {
		at = &c->at[((h >> TIME_SHIFT) + i) % PLACES];
		found = atomic_load(at);
		if ((found & WHAT_MASK) == what && !is_over(found, now))
			return NULL;
		if (free_one == NULL && is_over(found, now))
			free_one = at;
	}
	if (free_one == NULL)
		return &c->none;
	/* Whoever is quicker with the same claim takes the same place. */
	found = atomic_load(free_one);
	if (!is_over(found, now) || !atomic_compare_exchange_strong(free_one, &found, word))
		return claims_take(c, bytes, len);
	return free_one;
}

void
claims_drop(claim **c)
{
	if (*c != NULL)
		atomic_store(*c, 0);
	*c = NULL;
}
