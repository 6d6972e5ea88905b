/* siphon - an upload from a plain socket by a pipe into the file, and hashed from the page cache.
 * One helper thread fills the file while another one follows it with the digest.  Neither waits for the
 * other's pieces: who hashes takes what has come meanwhile, so that the two meet every few megabytes. */

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/wait.h"
#include "session/siphon.h"

#define PIPE_SIZE	((size_t)256 * 1024)	/* 64 pages */
#define PIPES_MAX	64		/* in this process */

#define PIECE		((size_t)128 * 1024)	/* of what comes slowly is written at once, */
#define COLLECT_MS	200		/* or what has come in so many milliseconds */
#define FILL_TURN	(4 * 1024 * 1024)	/* bytes for which a helper is taken */
#define HASH_TURN	(4 * 1024 * 1024)
#define HASH_PIECE	(1024 * 1024)	/* hashed before we look what has come, */
#define HASH_MIN	(256 * 1024)	/* unless it is less than this */
/* Bytes written and not yet hashed: what a large cache of the processors may still have. */
#define LEAD_MAX	(8 * 1024 * 1024)

struct siphon {
	struct stream	*stream;
	struct upload	*up;
	uint64_t	 left;		/* bytes that have not been read from the stream */
	char		*piece;
	size_t		 collected;	/* bytes in it */
	int		 pipe[2];
	bool		 unfit;		/* the socket has refused */
	_Atomic int64_t	 written, hashed;	/* up to where in the file */
	int64_t		 enough;	/* bytes that are worth hashing */
	atomic_bool	 following;	/* `hashing` is at it */
	struct wait_job	 hashing;
};

static atomic_uint	pipes;

static int64_t
lead(struct siphon *p)
{
	return atomic_load(&p->written) - atomic_load(&p->hashed);
}

/* What has been collected, and what else has come. */
static int
fill(void *arg)
{
	struct siphon *p = arg;
	uint64_t end = p->left > FILL_TURN ? p->left - FILL_TURN : 0;
	ssize_t n;

	if (p->collected > 0) {
		if (upload_put(p->up, p->piece, p->collected) == -1)
			return -1;
		atomic_store(&p->written, upload_offset(p->up));
	}
	while (p->left > end && lead(p) < LEAD_MAX) {
		n = stream_splice_now(p->stream, p->pipe[1], p->left < PIPE_SIZE ? (size_t)p->left : PIPE_SIZE);
		p->unfit = n == -1;
		if (n <= 0)
			break;
		p->left -= (uint64_t)n;
		if (upload_splice(p->up, p->pipe[0], (size_t)n) == -1)
			return -1;
		atomic_store(&p->written, upload_offset(p->up));
	}
	return 0;
}

/* What is there, and what comes meanwhile. */
static int
follow(void *arg)
{
	struct siphon *p = arg;
	int64_t at = atomic_load(&p->hashed), end = at + HASH_TURN, n;
	int ret = 0;

	while (ret == 0 && at < end && (n = atomic_load(&p->written) - at) >= p->enough) {
		n = n < HASH_PIECE ? n : HASH_PIECE;
		ret = upload_digest_kept(p->up, at, (size_t)n);
		at += n;
		atomic_store(&p->hashed, at);
	}
	atomic_store(&p->following, false);
	return ret;
}

/* Has somebody follow where there is enough to do, and waits for him only where he is far behind. */
static int
keep_followed(struct siphon *p)
{
	while (lead(p) >= p->enough) {
		if (atomic_load(&p->following) && lead(p) < LEAD_MAX)
			break;
		if (wait_finish(&p->hashing) == -1)
			return -1;
		if (lead(p) < p->enough)
			break;
		atomic_store(&p->following, true);
		wait_begin(&p->hashing, follow, p);
	}
	return 0;
}

/* All that was written.  The first fault is what is told. */
static int
follow_to_end(struct siphon *p, int ret)
{
	int error = errno, last = wait_finish(&p->hashing);

	p->enough = 1;
	while (ret == 0 && last == 0 && lead(p) > 0)
		last = wait_call(follow, p);
	if (ret == -1)
		errno = error;
	return ret == -1 ? -1 : last;
}

/* Where nothing is here, waits for a piece; but what a slow peer has sent is not kept waiting, for it
 * would be lost to a resume.  What was read ahead comes first, since no pipe can take it. */
static int
collect(struct siphon *p)
{
	size_t want = PIECE - (size_t)upload_offset(p->up) % PIECE;
	int64_t enough = clock_in(COLLECT_MS);
	ssize_t n;
	int come;

	p->collected = 0;
	if (!stream_buffered(p->stream) && stream_reads_now(p->stream))
		return 0;
	want = p->left < want ? (size_t)p->left : want;
	while (p->collected < want) {
		if (p->collected > 0 && !stream_buffered(p->stream)) {
			if (stream_reads_now(p->stream))
				return 0;
			if ((come = stream_await(p->stream, enough)) != 1)
				return come;
		}
		if ((n = stream_read(p->stream, p->piece + p->collected, want - p->collected)) == -1)
			return -1;
		p->collected += (size_t)n;
		p->left -= (uint64_t)n;
	}
	return 0;
}

static int
siphon(struct siphon *p)
{
	int ret = 0, error;

	while (ret == 0 && p->left > 0 && !p->unfit) {
		ret = collect(p);
		error = errno;
		if ((ret == 0 || p->collected > 0) && wait_call(fill, p) == -1 && ret == 0) {
			ret = -1;
			error = errno;
		}
		errno = error;
		if (ret == 0)
			ret = keep_followed(p);
	}
	return follow_to_end(p, ret);
}

static void
pipe_close(int pipe[2])
{
	(void)close(pipe[0]);
	(void)close(pipe[1]);
}

/* -1 where there is none of this size to be had: the kernel keeps count of each user's. */
static int
pipe_open(int pipe[2])
{
	if (pipe2(pipe, O_CLOEXEC | O_NONBLOCK) == -1)
		return -1;
	if (fcntl(pipe[1], F_SETPIPE_SZ, PIPE_SIZE) != -1)
		return 0;
	pipe_close(pipe);
	return -1;
}

int
siphon_receive(struct stream *stream, struct upload *up, uint64_t *left)
{
	struct siphon p = { .stream = stream, .up = up, .left = *left, .enough = HASH_MIN };
	int ret = 0, error;

	if (!stream_splices(stream) || !upload_splices(up))
		return 0;
	atomic_init(&p.written, upload_offset(up));
	atomic_init(&p.hashed, upload_offset(up));
	if (atomic_fetch_add(&pipes, 1) < PIPES_MAX && pipe_open(p.pipe) == 0) {
		if ((p.piece = malloc(PIECE)) != NULL)
			ret = siphon(&p);
		error = errno;
		pipe_close(p.pipe);
		free(p.piece);
		errno = error;
	}
	atomic_fetch_sub(&pipes, 1);
	*left = p.left;
	return ret;
}
