/* receive - the pump's other half: an upload, from the stream to the store. */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/wait.h"
#include "session/siphon.h"
#include "session/transfer.h"

/* Bytes of an upload hashed while as many are received and written.  The larger, the fewer are the
 * moments at which one side waits for the other, as long as there are not many uploads. */
#define TAKE_MAX	(1024 * 1024)
#define TAKE_MIN	(256 * 1024)
#define TAKE_PIECE	((size_t)128 * 1024)	/* received and written before more is: half a cache */
#define TAKE_MS		200	/* milliseconds after which a batch is written as it is */
#define TAKE_ALL	(64 * 1024 * 1024)	/* shared by all uploads of this process */

/* Small uploads: straight from the stream's buffer. */
static int
receive_inline(struct stream *stream, struct upload *up, uint64_t *left)
{
	const char *bytes;
	ssize_t n;

	while (*left > 0) {
		n = stream_borrow(stream, &bytes, *left < MEM_BUFFER ? (size_t)*left : MEM_BUFFER);
		if (n == -1)
			return -1;
		*left -= (uint64_t)n;
		if (upload_write(up, bytes, (size_t)n) == -1)
			return -1;
	}
	return 0;
}

static atomic_uint	receiving;	/* uploads that hold batches */

struct batch {
	struct stream	*stream;
	struct upload	*up;
	char		*buffer;
	size_t		 most;		/* bytes of it */
	size_t		 want;		/* of what is to come, as much as there is room for */
	size_t		 len;		/* of it is here */
	struct wait_job	 hashing;
};

/* How much of `len` bytes to write next, up to where a piece of the file ends. */
static size_t
piece_of(const struct batch *b, size_t len)
{
	size_t most = TAKE_PIECE - (size_t)upload_offset(b->up) % TAKE_PIECE;

	return len < most ? len : most;
}

/* Writes what is here, and what else has come, each piece while the cache of this processor has
 * it; hashing it takes longer, and another processor may do that. */
static int
take_batch(void *arg)
{
	struct batch *b = arg;
	size_t written = 0;
	ssize_t n = (ssize_t)b->len;

	for (;;) {
		if (n > 0 && upload_put(b->up, b->buffer + written, (size_t)n) == -1)
			return -1;
		written = b->len;
		if (b->len == b->want)
			return 0;
		n = stream_read_now(b->stream, b->buffer + b->len, piece_of(b, b->want - b->len));
		if (n == 0)
			return 0;
		b->len += (size_t)n;
	}
}

static int
hash_batch(void *arg)
{
	struct batch *b = arg;

	upload_digest(b->up, b->buffer, b->len);
	return 0;
}

/* Waits for some bytes, where none are here: a piece of them, but what a slow peer has sent is not kept
 * waiting, for it would be lost to a resume. */
static int
wait_for_some(struct batch *b)
{
	size_t want = piece_of(b, b->want);
	int64_t enough = clock_in(TAKE_MS);
	ssize_t n;
	int come;

	b->len = 0;
	if (stream_reads_now(b->stream))
		return 0;
	for (; b->len < want; b->len += (size_t)n) {
		if (b->len > 0 && (come = stream_await(b->stream, enough)) != 1)
			return come;
		n = stream_read(b->stream, b->buffer + b->len, want - b->len);
		if (n == -1)
			return -1;
	}
	return 0;
}

/* Receives and writes the next batch.  A resume goes on from what came before a break. */
static int
next_batch(struct batch *b, uint64_t *left)
{
	size_t offset = (size_t)upload_offset(b->up), most = b->most - offset % TAKE_PIECE;
	int ret, error;

	b->want = *left < most ? (size_t)*left : most;
	ret = wait_for_some(b);
	error = errno;
	if ((ret == 0 || b->len > 0) && wait_call(take_batch, b) == -1) {
		ret = -1;
		error = errno;
	}
	*left -= b->len;
	errno = error;
	return ret;
}

/* The first fault is what is told. */
static int
hashed(struct batch *b, int ret, int *error)
{
	if (wait_finish(&b->hashing) == 0 || ret == -1)
		return ret;
	*error = errno;
	return -1;
}

/* Two batches in turn: one is hashed while the other is received and written. */
static int
receive_batches(struct batch batch[2], uint64_t *left)
{
	struct batch *now = &batch[0], *before = &batch[1], *swap;
	int ret = 0, error = 0;

	while (ret == 0 && *left > 0) {
		ret = next_batch(now, left);
		error = errno;
		ret = hashed(before, ret, &error);
		if (now->len > 0)
			wait_begin(&now->hashing, hash_batch, now);
		swap = before;
		before = now;
		now = swap;
	}
	ret = hashed(before, ret, &error);
	errno = error;
	return ret;
}

/* A number of pieces. */
static size_t
batch_most(uint64_t len)
{
	size_t most = TAKE_ALL / 2 / (atomic_load(&receiving) + 1);

	most = most > TAKE_MAX ? TAKE_MAX : most < TAKE_MIN ? TAKE_MIN : most;
	most = len < most ? (size_t)len : most;
	return (most + TAKE_PIECE - 1) / TAKE_PIECE * TAKE_PIECE;
}

static int
receive_buffered(struct stream *stream, struct upload *up, uint64_t *left)
{
	struct batch batch[2] = { { .stream = stream, .up = up }, { .stream = stream, .up = up } };
	int ret, error;

	batch[0].most = batch[1].most = batch_most(*left);
	if ((batch[0].buffer = malloc(2 * batch[0].most)) == NULL)
		return -1;
	batch[1].buffer = batch[0].buffer + batch[0].most;
	atomic_fetch_add(&receiving, 1);
	ret = receive_batches(batch, left);
	error = errno;
	atomic_fetch_sub(&receiving, 1);
	free(batch[0].buffer);
	errno = error;
	return ret;
}

int
transfer_receive(struct session *s, struct upload *up, uint64_t len, uint64_t *left)
{
	*left = len;
	if (len >= SIPHON_MIN && siphon_receive(s->stream, up, left) == -1)
		return -1;
	return *left <= MEM_BUFFER ? receive_inline(s->stream, up, left) : receive_buffered(s->stream, up, left);
}
