/* transfer - the pump: with receive.c, the one place where store and stream meet. */

#include <errno.h>

#include "base/file.h"
#include "io/wait.h"
#include "session/transfer.h"
#include "session/warm.h"

#define HASH_PIECE	(1024 * 1024)	/* bytes hashed while as many are sent */
#define WARM_PIECE	(2 * 1024 * 1024) /* bytes looked at before they are sent */

/* A piece of a file that is hashed, perhaps on another thread. */
struct piece {
	int		 fd;
	off_t		 at;
	size_t		 len;
	struct digest_state *digest;
};

/* sendfile(2) in pieces that are in memory, so that a slow disk stops one session only. */
static int
send_file(struct stream *stream, const struct object *object, off_t from, uint64_t len)
{
	size_t piece;

	for (; len > 0; len -= piece, from += (off_t)piece) {
		piece = len < WARM_PIECE ? (size_t)len : WARM_PIECE;
		warm_up(object, from, piece);
		if (stream_sendfile(stream, object->fd, from, piece) == -1)
			return -1;
	}
	return 0;
}

/* A small file goes into the buffer behind its header: both leave in one write. */
static int
send_inline(struct stream *stream, const struct object *object, off_t from, size_t len,
    struct digest *digest)
{
	char *buffer;

	if ((buffer = stream_reserve(stream, len)) == NULL)
		return -1;
	if (warm_read(object, from, buffer, len) == -1)
		return stream_fail(stream, errno);
	stream_commit(stream, len);
	if (digest != NULL)
		digest_of(buffer, len, digest);
	return 0;
}

int
transfer_send(struct session *s, const struct object *object, off_t from, uint64_t len)
{
	if (len <= TRANSFER_INLINE_MAX)
		return send_inline(s->stream, object, from, (size_t)len, NULL);
	return send_file(s->stream, object, from, len);
}

static int
hash_piece(void *arg)
{
	struct piece *p = arg;

	return file_digest(p->fd, p->at, p->len, p->digest);
}

/* Each piece is hashed from the page cache while it is sent from there. */
static int
send_hashing(struct stream *stream, const struct object *object, struct piece *p, uint64_t len)
{
	struct wait_job job;
	int sent;

	while (len > 0) {
		p->len = len < HASH_PIECE ? (size_t)len : HASH_PIECE;
		wait_begin(&job, hash_piece, p);
		sent = send_file(stream, object, p->at, p->len);
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
	ret = send_hashing(s->stream, object, &p, len);
	digest_end(&p.digest, digest);
	return ret;
}
