/* digest - SHA-256 through OpenSSL's EVP.
 * The algorithm is fetched once and contexts are used again: a 4 KiB file takes
 * some two microseconds to hash, and a fresh context would cost a good part of that.
 * Does no I/O. */

#include "base/digest.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/text.h"

#define SPARE_MAX	64	/* finished states kept for the next computation */

struct digest_state {
	EVP_MD_CTX		*ctx;
	struct digest_state	*next;	/* while spare */
};

static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_MD *sha256;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct digest_state *spares;
static unsigned count;

static void
fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static void
state_free(struct digest_state *state)
{
	EVP_MD_CTX_free(state->ctx);
	free(state);
}

static struct digest_state *
state_new(void)
{
	struct digest_state *state;

	if ((state = calloc(1, sizeof(*state))) == NULL)
		return NULL;
	if ((state->ctx = EVP_MD_CTX_new()) == NULL) {
		free(state);
		return NULL;
	}
	return state;
}

static struct digest_state *
state_take(void)
{
	struct digest_state *state;

	pthread_mutex_lock(&lock);
	if ((state = spares) != NULL) {
		spares = state->next;
		count--;
	}
	pthread_mutex_unlock(&lock);
	return state != NULL ? state : state_new();
}

static void
state_give(struct digest_state *state)
{
	int keep;

	pthread_mutex_lock(&lock);
	if ((keep = count < SPARE_MAX) != 0) {
		state->next = spares;
		spares = state;
		count++;
	}
	pthread_mutex_unlock(&lock);
	if (!keep)
		state_free(state);
}

struct digest_state *
digest_begin(void)
{
	struct digest_state *state;

	pthread_once(&fetched, fetch);
	if (sha256 == NULL || (state = state_take()) == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	if (EVP_DigestInit_ex2(state->ctx, sha256, NULL) != 1) {
		state_free(state);
		errno = ENOMEM;
		return NULL;
	}
	return state;
}

void
digest_update(struct digest_state *state, const void *data, size_t len)
{
	int done;

	done = EVP_DigestUpdate(state->ctx, data, len);
	assert(done == 1);
	(void)done;
}

void
digest_end(struct digest_state **state, struct digest *digest)
{
	unsigned len = 0;
	int done;

	done = EVP_DigestFinal_ex((*state)->ctx, digest->byte, &len);
	assert(done == 1 && len == DIGEST_LEN);
	(void)done;
	digest_drop(state);
}

void
digest_drop(struct digest_state **state)
{
	if (*state != NULL)
		state_give(*state);
	*state = NULL;
}

void
digest_of(const void *data, size_t len, struct digest *digest)
{
	struct digest_state *state;

	/* No caller could go on without it, and it is a few hundred bytes. */
	if ((state = digest_begin()) == NULL)
		abort();
	digest_update(state, data, len);
	digest_end(&state, digest);
}

char *
digest_hex(const struct digest *digest, char hex[DIGEST_HEX])
{
	static const char digits[] = "0123456789abcdef";
	char *p = hex;

	for (size_t i = 0; i < DIGEST_LEN; i++) {
		*p++ = digits[digest->byte[i] >> 4];
		*p++ = digits[digest->byte[i] & 15];
	}
	*p = '\0';
	return hex;
}

int
digest_parse(struct digest *digest, const char *hex, size_t len)
{
	struct digest d;
	int high, low;

	if (len != DIGEST_HEX - 1) {
		errno = EINVAL;
		return -1;
	}
	for (size_t i = 0; i < DIGEST_LEN; i++) {
		high = text_nibble(hex[2 * i]);
		low = text_nibble(hex[2 * i + 1]);
		if (high == -1 || low == -1) {
			errno = EINVAL;
			return -1;
		}
		d.byte[i] = (uint8_t)(high << 4 | low);
	}
	*digest = d;
	return 0;
}

bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->byte, b->byte, DIGEST_LEN) == 0;
}
