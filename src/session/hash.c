/* hash - the digest of a file, or of a part of it, piece by piece. */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/wait.h"
#include "session/hash.h"

#define PIECE	(512 * 1024)	/* bytes; two are in memory */

struct piece {
	int		 fd;
	off_t		 at;
	size_t		 len;
	char		*buffer;
	struct digest_state *state;
	struct wait_job	 job;
};

static int
read_piece(void *arg)
{
	struct piece *p = arg;
	size_t done = 0;
	ssize_t n;

	while (done < p->len) {
		n = pread(p->fd, p->buffer + done, p->len - done, p->at + (off_t)done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n == 0 ? EPROTO : errno;
			return -1;
		}
		done += (size_t)n;
	}
	return 0;
}

static int
take_piece(void *arg)
{
	struct piece *p = arg;

	digest_update(p->state, p->buffer, p->len);
	return 0;
}

/* A peer who has only ended his half of the connection still waits for the answer. */
static bool
peer_gone(const struct session *s)
{
	struct pollfd pfd = { .fd = stream_fd(s->stream) };

	return poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR)) != 0;
}

/* Readies the piece behind `before`, and begins to read it; nothing at the end. */
static void
read_ahead(struct piece *next, const struct piece *before, off_t end)
{
	next->at = before->at + (off_t)before->len;
	next->len = end - next->at < PIECE ? (size_t)(end - next->at) : PIECE;
	if (next->len > 0)
		wait_begin(&next->job, read_piece, next);
}

static int
hash_pieces(struct session *s, struct piece piece[2], off_t end)
{
	struct piece *now = &piece[0], *next = &piece[1], *swap;

	for (read_ahead(now, &piece[1], end); now->len > 0; swap = now, now = next, next = swap) {
		if (wait_finish(&now->job) == -1)
			return -1;
		if (peer_gone(s)) {
			errno = ECONNRESET;
			return stream_fail(s->stream, ECONNRESET);
		}
		read_ahead(next, now, end);
		(void)wait_call(take_piece, now);
	}
	return 0;
}

int
hash_range(struct session *s, int fd, off_t from, uint64_t len, struct digest_state *state)
{
	struct piece piece[2] = { { .fd = fd, .state = state }, { .fd = fd, .state = state, .at = from } };
	size_t room = len < PIECE ? (size_t)len : PIECE;
	int ret, error;

	if (len == 0)
		return 0;
	if ((piece[0].buffer = malloc(2 * room)) == NULL)
		return -1;
	piece[1].buffer = piece[0].buffer + room;
	ret = hash_pieces(s, piece, from + (off_t)len);
	error = errno;
	free(piece[0].buffer);
	errno = error;
	return ret;
}
