/* hash - the digest of a file, or of a part of it, piece by piece. */

#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/file.h"
#include "io/wait.h"
#include "session/hash.h"

#define STEP	(4 * 1024 * 1024)	/* bytes after which we look at the clock */
/* Milliseconds after which we look whether anybody still wants to know.  Each time another thread has the
 * next word, which may be on another processor, asleep, or not in turn: after every MiB, it was a tenth of the
 * time, and so many wakings that other sessions waited four times as long. */
#define TURN_MS	10

struct turn {
	int		 fd;
	off_t		 at;
	uint64_t	 left;
	struct digest_state *state;
};

static int
take_turn(void *arg)
{
	struct turn *t = arg;
	int64_t until = clock_in(TURN_MS);
	uint64_t n;

	do {
		n = t->left < STEP ? t->left : STEP;
		if (file_digest(t->fd, t->at, n, t->state) == -1)
			return -1;
		t->at += (off_t)n;
		t->left -= n;
	} while (t->left > 0 && clock_ms() < until);
	return 0;
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
	struct turn t = { .fd = fd, .at = from, .left = len, .state = state };

	while (t.left > 0) {
		if (wait_call(take_turn, &t) == -1)
			return -1;
		if (peer_gone(s)) {
			errno = ECONNRESET;
			return stream_fail(s->stream, ECONNRESET);
		}
	}
	return 0;
}
