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

/* Bytes of an upload written while as many are received.  The larger, the fewer are the
 * moments at which one side waits for the other, as long as there are not many uploads. */
#define TAKE_MAX	(2 * 1024 * 1024)
#define TAKE_MIN	(256 * 1024)
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
is_cold(const struct piece *p)
{
	struct iovec iov;
	char byte;

	iov = (struct iovec){ .iov_base = &byte, .iov_len = 1 };
	return (preadv2(p->fd, &iov, 1, p->at, RWF_NOWAIT) == -1 && errno == EAGAIN) ||
	    (preadv2(p->fd, &iov, 1, p->at + (off_t)p->len - 1, RWF_NOWAIT) == -1 && errno == EAGAIN);
}

/* sendfile(2) in pieces that are in memory, so that a slow disk stops one session only. */
static int
send_file(struct stream *stream, int fd, off_t from, uint64_t len)
{
	struct piece p = { .fd = fd, .at = from };

	while (len > 0) {
		p.len = len < WARM_PIECE ? (size_t)len : WARM_PIECE;
		if (is_cold(&p))
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
	return send_file(s->stream, object->fd, from, len);
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
		sent = send_file(stream, p->fd, p->at, p->len);
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
	struct upload	*up;
	char		*buffer;
	size_t		 room;
	size_t		 len;
	struct wait_job	 job;
};

static int
write_batch(void *arg)
{
	struct batch *b = arg;

	return upload_write(b->up, b->buffer, b->len);
}

/* Fills the batch; what a slow peer has sent is not kept waiting, for it would be lost to a
 * resume. */
static int
read_batch(struct stream *stream, struct batch *b, uint64_t *left)
{
	size_t want = *left < b->room ? (size_t)*left : b->room;
	int64_t enough = clock_in(TAKE_MS);
	ssize_t n;
	int come;

	for (b->len = 0; b->len < want; b->len += (size_t)n) {
		if (b->len > 0 && (come = stream_await(stream, enough)) != 1)
			return come;
		n = stream_read(stream, b->buffer + b->len, want - b->len);
		if (n == -1)
			return -1;
		*left -= (uint64_t)n;
	}
	return 0;
}

/* Two batches in turn: one is written and hashed while the other is received. */
static int
receive_batches(struct stream *stream, struct batch batch[2], uint64_t *left)
{
	struct batch *now = &batch[0], *before = &batch[1], *swap;
	int ret = 0, error = 0;

	while (ret == 0 && *left > 0) {
		ret = read_batch(stream, now, left);
		error = errno;
		if (wait_finish(&before->job) == -1) {
			ret = -1;
			error = errno;
		} else if (now->len > 0)	/* a resume goes on from what came before a break */
			wait_begin(&now->job, write_batch, now);
		swap = before;
		before = now;
		now = swap;
	}
	if (wait_finish(&before->job) == -1) {
		ret = -1;
		error = errno;
	}
	errno = error;
	return ret;
}

static size_t
batch_room(uint64_t len)
{
	size_t room = TAKE_ALL / 2 / (atomic_load(&receiving) + 1);

	room = room > TAKE_MAX ? TAKE_MAX : room < TAKE_MIN ? TAKE_MIN : room;
	return len < room ? (size_t)len : room;
}

int
transfer_receive(struct session *s, struct upload *up, uint64_t len, uint64_t *left)
{
	struct batch batch[2] = { { .up = up }, { .up = up } };
	int ret;

	*left = len;
	if (len <= MEM_BUFFER)
		return receive_inline(s->stream, up, left);
	batch[0].room = batch[1].room = batch_room(len);
	batch[0].buffer = malloc(2 * batch[0].room);
	if (batch[0].buffer == NULL)
		return -1;
	batch[1].buffer = batch[0].buffer + batch[0].room;
	atomic_fetch_add(&receiving, 1);
	ret = receive_batches(s->stream, batch, left);
	atomic_fetch_sub(&receiving, 1);
	free(batch[0].buffer);
	return ret;
}
