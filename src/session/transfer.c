/* transfer - the pump: the one place where store and stream meet. */

#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/wait.h"
#include "session/transfer.h"

#define HASH_PIECE	(1024 * 1024)	/* bytes hashed while as many are sent */
#define WARM_PIECE	(2 * 1024 * 1024) /* bytes looked at before they are sent */
#define WARM_STEP	(64 * 1024)	/* one byte in so many is asked for */
#define RECENT_MAX	(128 * 1024)	/* bytes that the kernel reads ahead, and forgets, together */

/* Bytes of an upload hashed while as many are received and written.  The larger, the fewer are the
 * moments at which one side waits for the other, as long as there are not many uploads. */
#define TAKE_MAX	(1024 * 1024)
#define TAKE_MIN	(256 * 1024)
#define TAKE_PIECE	((size_t)128 * 1024)	/* received and written before more is: half a cache */
#define TAKE_MS		200	/* milliseconds after which a batch is written as it is */
#define TAKE_ALL	(64 * 1024 * 1024)	/* shared by all uploads of this process */

/* A piece of a file, for the calls that may run on another thread. */
struct piece {
	int		 fd;
	off_t		 at;
	size_t		 len;
	char		*buffer;
	struct digest_state *digest;
};

/* Reads the whole piece.  0, or -1: EPROTO where the file ends early. */
static int
read_piece(void *arg)
{
	struct piece *p = arg;
	size_t done = 0;
	ssize_t n;

	while (done < p->len) {
		n = pread(p->fd, p->buffer + done, p->len - done, p->at + (off_t)done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR) {
			errno = n == 0 ? EPROTO : errno;
			return -1;
		}
	}
	return 0;
}

/* Reads what is in memory at once, and lets the disk hold up nobody else. */
static int
read_now(struct piece *p)
{
	struct iovec iov = { .iov_base = p->buffer, .iov_len = p->len };
	static atomic_bool lacking;	/* a file system without RWF_NOWAIT was seen */
	ssize_t n;

	if (!lacking) {
		n = preadv2(p->fd, &iov, 1, p->at, RWF_NOWAIT);
		if (n == (ssize_t)p->len)
			return 0;
		if (n != -1 || errno != EOPNOTSUPP)
			return wait_call(read_piece, p);
		lacking = true;
	}
	return read_piece(p);
}

int
transfer_read(const struct object *object, off_t from, char *buffer, size_t len)
{
	struct piece p = { .fd = object->fd, .at = from, .len = len, .buffer = buffer };

	return len > 0 ? read_now(&p) : 0;
}

/* Brings the piece into memory: asks for all of it, then waits for some of it. */
static int
warm_piece(void *arg)
{
	struct piece *p = arg;
	size_t at;
	char byte;

	(void)posix_fadvise(p->fd, p->at, (off_t)p->len, POSIX_FADV_WILLNEED);
	for (at = 0; at < p->len; at += WARM_STEP)
		if (pread(p->fd, &byte, 1, p->at + (off_t)at) < 1)
			break;	/* the one who sends will see why */
	return 0;
}

static bool
is_cold_at(int fd, off_t at)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };

	return preadv2(fd, &iov, 1, at, RWF_NOWAIT) == -1 && errno == EAGAIN;
}

/* `recent`: it has been read a moment ago, so that what is short is in memory wholly or not at all. */
static bool
is_cold(const struct piece *p, bool recent)
{
	return is_cold_at(p->fd, p->at + (off_t)p->len - 1) ||
	    (!(recent && p->len <= RECENT_MAX) && is_cold_at(p->fd, p->at));
}

/* sendfile(2) in pieces that are in memory, so that a slow disk stops one session only. */
static int
send_file(struct stream *stream, int fd, off_t from, uint64_t len, bool recent)
{
	struct piece p = { .fd = fd, .at = from };

	while (len > 0) {
		p.len = len < WARM_PIECE ? (size_t)len : WARM_PIECE;
		if (is_cold(&p, recent))
			(void)wait_call(warm_piece, &p);
		if (stream_sendfile(stream, fd, p.at, p.len) == -1)
			return -1;
		p.at += (off_t)p.len;
		len -= p.len;
	}
	return 0;
}

/* A small file goes into the buffer behind its header: both leave in one write. */
static int
send_inline(struct stream *stream, const struct object *object, off_t from, size_t len,
    struct digest *digest)
{
	struct piece p = { .fd = object->fd, .at = from, .len = len };

	if ((p.buffer = stream_reserve(stream, len)) == NULL)
		return -1;
	if (len > 0 && read_now(&p) == -1)
		return stream_fail(stream, errno);
	stream_commit(stream, len);
	if (digest != NULL)
		digest_of(p.buffer, len, digest);
	return 0;
}

int
transfer_send(struct session *s, const struct object *object, off_t from, uint64_t len)
{
	if (len <= TRANSFER_INLINE_MAX)
		return send_inline(s->stream, object, from, (size_t)len, NULL);
	return send_file(s->stream, object->fd, from, len, object->kept != NULL);
}

static int
hash_piece(void *arg)
{
	struct piece *p = arg;

	if (read_piece(p) == -1)
		return -1;
	digest_update(p->digest, p->buffer, p->len);
	return 0;
}

/* Each piece is hashed from the page cache while it is sent from there. */
static int
send_hashing(struct stream *stream, struct piece *p, uint64_t len)
{
	struct wait_job job;
	int sent;

	while (len > 0) {
		p->len = len < HASH_PIECE ? (size_t)len : HASH_PIECE;
		wait_begin(&job, hash_piece, p);
		sent = send_file(stream, p->fd, p->at, p->len, false);
		if (wait_finish(&job) == -1)
			return stream_fail(stream, errno);
		if (sent == -1)
			return stream_fail(stream, stream_fault(stream));
		p->at += (off_t)p->len;
		len -= p->len;
	}
	return 0;
}

int
transfer_send_hashed(struct session *s, const struct object *object, off_t from, uint64_t len,
    struct digest *digest)
{
	struct piece p = { .fd = object->fd, .at = from };
	int ret;

	if (len <= TRANSFER_INLINE_MAX)
		return send_inline(s->stream, object, from, (size_t)len, digest);
	p.buffer = malloc(len < HASH_PIECE ? (size_t)len : HASH_PIECE);
	p.digest = digest_begin();
	if (p.buffer == NULL || p.digest == NULL) {
		digest_drop(&p.digest);
		free(p.buffer);
		return stream_fail(s->stream, ENOMEM);
	}
	ret = send_hashing(s->stream, &p, len);
	digest_end(&p.digest, digest);
	free(p.buffer);
	return ret;
}

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
	char *bytes = b->buffer;
	ssize_t n = (ssize_t)b->len;
	size_t most;

	for (;;) {
		if (upload_put(b->up, bytes, (size_t)n) == -1)
			return -1;
		bytes = b->buffer + b->len;
		most = piece_of(b, b->want - b->len);
		if (most == 0 || (n = stream_read_now(b->stream, bytes, most)) == 0)
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

/* Two batches in turn: one is hashed while the other is received and written. */
static int
receive_batches(struct batch batch[2], uint64_t *left)
{
	struct batch *now = &batch[0], *before = &batch[1], *swap;
	int ret = 0, error = 0;

	while (ret == 0 && *left > 0) {
		ret = next_batch(now, left);
		error = errno;
		(void)wait_finish(&before->hashing);
		if (now->len > 0)
			wait_begin(&now->hashing, hash_batch, now);
		swap = before;
		before = now;
		now = swap;
	}
	(void)wait_finish(&before->hashing);
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

int
transfer_receive(struct session *s, struct upload *up, uint64_t len, uint64_t *left)
{
	struct batch batch[2] = { { .stream = s->stream, .up = up }, { .stream = s->stream, .up = up } };
	int ret;

	*left = len;
	if (len <= MEM_BUFFER)
		return receive_inline(s->stream, up, left);
	batch[0].most = batch[1].most = batch_most(len);
	if ((batch[0].buffer = malloc(2 * batch[0].most)) == NULL)
		return -1;
	batch[1].buffer = batch[0].buffer + batch[0].most;
	atomic_fetch_add(&receiving, 1);
	ret = receive_batches(batch, left);
	atomic_fetch_sub(&receiving, 1);
	free(batch[0].buffer);
	return ret;
}
