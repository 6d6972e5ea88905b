/* transfer - the pump: with receive.c, the one place where store and stream meet. */

#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/file.h"
#include "io/wait.h"
#include "session/transfer.h"

#define HASH_PIECE	(1024 * 1024)	/* bytes hashed while as many are sent */
#define WARM_PIECE	(2 * 1024 * 1024) /* bytes looked at before they are sent */
#define WARM_STEP	(64 * 1024)	/* one byte in so many is asked for */
#define RECENT_MAX	(128 * 1024)	/* bytes that the kernel reads ahead, and forgets, together */

/* A piece of a file, for the calls that may run on another thread. */
struct piece {
	int		 fd;
	off_t		 at;
	size_t		 len;
	char		*buffer;
	struct digest_state *digest;
};

static int
read_piece(void *arg)
{
	struct piece *p = arg;

	return file_read(p->fd, p->buffer, p->len, p->at);
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

	return file_digest(p->fd, p->at, p->len, p->digest);
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
	if ((p.digest = digest_begin()) == NULL)
		return stream_fail(s->stream, errno);
	ret = send_hashing(s->stream, &p, len);
	digest_end(&p.digest, digest);
	return ret;
}
