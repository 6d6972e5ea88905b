/* hash - the digest of a file, or of a part of it, piece by piece. */

#include <errno.h>
#include <poll.h>

#include "base/file.h"
#include "io/wait.h"
#include "session/hash.h"

#define PIECE	(1024 * 1024)	/* bytes after which we look whether anybody still wants to know */

struct piece {
	int		 fd;
	off_t		 at;
	size_t		 len;
	struct digest_state *state;
};

static int
take_piece(void *arg)
{
	struct piece *p = arg;

	return file_digest(p->fd, p->at, p->len, p->state);
}

/* A peer who has only ended his half of the connection still waits for the answer. */
static bool
peer_gone(const struct session *s)
{
	struct pollfd pfd = { .fd = stream_fd(s->stream) };

	return poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR)) != 0;
}

/* Read and hashed by one thread, so that one session never takes two processors; the kernel reads
 * ahead of it. */
int
hash_range(struct session *s, int fd, off_t from, uint64_t len, struct digest_state *state)
{
	struct piece p = { .fd = fd, .at = from, .state = state };

	for (; len > 0; p.at += (off_t)p.len, len -= p.len) {
		p.len = len < PIECE ? (size_t)len : PIECE;
		if (wait_call(take_piece, &p) == -1)
			return -1;
		if (peer_gone(s)) {
			errno = ECONNRESET;
			return stream_fail(s->stream, ECONNRESET);
		}
	}
	return 0;
}
