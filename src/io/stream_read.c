/* stream_read - bytes that a stream receives: at once, after a wait, or not at all. */

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/stream_int.h"
#include "io/wait.h"

#define RECEIVE_TURN	(4 * MEM_BUFFER)	/* bytes received after which the others go first */
#define TLS_READ_COST	1024	/* what a read counts there at least: records are work, whatever is in them */

/* As recv(2).  TLS may have to say something before it can hear more. */
static ssize_t
receive_tls(struct stream *s, void *dst, size_t len)
{
	ssize_t n;

	while ((n = tls_read(s->tls, dst, len)) == -1 && errno == EAGAIN && tls_wants(s->tls) == POLLOUT)
		if (stream_await_moving(s, POLLOUT) == -1)
			return -1;
	return n;
}

ssize_t
stream_receive(struct stream *s, void *dst, size_t len)
{
	ssize_t n;

	if (s->fault != 0)
		return stream_fail(s, s->fault);
	if (s->drained) {
		s->drained = false;
		return 0;
	}
	len = stream_piece(s, len);
	do
		n = s->tls != NULL ? receive_tls(s, dst, len) : recv(s->fd, dst, len, MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return errno == EAGAIN ? 0 : stream_fail(s, errno);
	if (n == 0) {
		(void)stream_flush(s);	/* who has said all may still want to hear */
		return stream_fail(s, ECONNRESET);
	}
	s->drained = s->tls != NULL ? tls_drained(s->tls) : (size_t)n < len;
	stream_count(&s->meter->received, n);
	stream_pay(s, n);
	s->turn += s->tls != NULL && n < TLS_READ_COST ? TLS_READ_COST : (uint32_t)n;
	if (s->turn >= RECEIVE_TURN) {
		s->turn = 0;
		wait_yield();	/* a peer who is quicker than we are is never waited for */
	}
	return n;
}

bool
stream_buffered(const struct stream *s)
{
	return s->in_at < s->in_end;
}

bool
stream_quiet(const struct stream *s)
{
	return s->in_at == s->in_end && s->drained;
}

bool
stream_prompt(const struct stream *s)
{
	return s->prompt;
}

void
stream_wipe(struct stream *s)
{
	if (s->in == NULL)
		return;
	explicit_bzero(s->in, s->in_at);
	explicit_bzero(s->in + s->in_end, MEM_BUFFER - s->in_end);
}

void
stream_drop(struct stream *s, uint32_t end)
{
	if (s->in != NULL)
		explicit_bzero(s->in + s->in_at, end - s->in_at);
	s->in_at = end;
}

bool
stream_ready(struct stream *s)
{
	ssize_t n;

	if (s->in_at < s->in_end || s->fault != 0)
		return true;
	if (s->in == NULL && (s->in = mem_take()) == NULL)
		return false;
	s->drained = false;
	s->in_at = s->in_end = 0;
	if ((n = stream_receive(s, s->in, MEM_BUFFER)) > 0)
		s->in_end = (uint32_t)n;
	return n != 0;
}

ssize_t
stream_borrow(struct stream *s, const char **bytes, size_t len)
{
	ssize_t n;

	while (s->in_at == s->in_end) {
		if (s->in == NULL && (s->in = mem_take()) == NULL)
			return stream_fail(s, errno);
		s->in_at = s->in_end = 0;
		n = stream_receive(s, s->in, MEM_BUFFER);
		if (n == -1)
			return -1;
		s->in_end = (uint32_t)n;
		if (n == 0 && (stream_flush(s) == -1 || stream_await_moving(s, POLLIN) == -1))
			return -1;
	}
	if (len > s->in_end - s->in_at)
		len = s->in_end - s->in_at;
	*bytes = s->in + s->in_at;
	s->in_at += (uint32_t)len;
	return (ssize_t)len;
}

ssize_t
stream_read(struct stream *s, void *dst, size_t len)
{
	const char *bytes;
	ssize_t n;

	if (s->in_at < s->in_end) {
		n = stream_borrow(s, &bytes, len);
		if (n > 0)
			memcpy(dst, bytes, (size_t)n);
		return n;
	}
	while ((n = stream_receive(s, dst, len)) == 0)
		if (stream_flush(s) == -1 || stream_await_moving(s, POLLIN) == -1)
			return -1;
	return n;
}

/* What is on the wire has a price where a throttle is, for which its session may have to wait. */
bool
stream_reads_now(const struct stream *s)
{
	return s->fault == 0 && (s->in_at < s->in_end || (!s->drained && s->throttle == NULL));
}

/* What a read that brought nothing has said. */
static ssize_t
nothing_now(struct stream *s, ssize_t n)
{
	if (n == 0 && s->tls != NULL)	/* a good-bye has been taken from the socket: no wait would see it */
		(void)stream_fail(s, ECONNRESET);
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		(void)stream_fail(s, errno);
	/* Also at the end, which is for the next read to find; but a signal has said nothing of what is there. */
	s->drained = n == 0 || errno != EINTR;
	return 0;
}

ssize_t
stream_read_now(struct stream *s, void *dst, size_t len)
{
	size_t have = s->in_end - s->in_at;
	ssize_t n;

	if (!stream_reads_now(s))
		return 0;
	if (have > 0) {
		len = len < have ? len : have;
		memcpy(dst, s->in + s->in_at, len);
		s->in_at += (uint32_t)len;
		return (ssize_t)len;
	}
	n = s->tls != NULL ? tls_read(s->tls, dst, len) : recv(s->fd, dst, len, MSG_DONTWAIT);
	if (n <= 0)
		return nothing_now(s, n);
	s->drained = s->tls != NULL ? tls_drained(s->tls) : (size_t)n < len;
	stream_count(&s->meter->received, n);
	return n;
}

bool
stream_splices(const struct stream *s)
{
	return s->tls == NULL && s->throttle == NULL;
}

/* That fewer came than were asked for says nothing: a pipe may be full of pieces. */
ssize_t
stream_splice_now(struct stream *s, int pipe, size_t len)
{
	ssize_t n;

	if (!stream_reads_now(s) || s->in_at < s->in_end)
		return 0;
	n = splice(s->fd, NULL, pipe, NULL, len, SPLICE_F_NONBLOCK);
	if (n == -1 && (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
		return -1;
	if (n <= 0)
		return nothing_now(s, n);
	stream_count(&s->meter->received, n);
	return n;
}

int
stream_await(struct stream *s, int64_t deadline)
{
	int64_t began;
	int ret;

	if (s->fault != 0)
		return stream_fail(s, s->fault);
	if (s->in_at < s->in_end || !s->drained)
		return 1;	/* only a read can tell */
	if ((began = clock_ms()) >= deadline)
		return 0;
	ret = wait_fd(s->fd, POLLIN, deadline);
	s->waited += clock_ms() - began;
	if (ret == -1)
		return errno == ETIMEDOUT ? 0 : stream_fail(s, errno);
	s->drained = false;
	return 1;
}

int
stream_skip(struct stream *s, uint64_t len)
{
	const char *bytes;
	ssize_t n;

	while (len > 0) {
		n = stream_borrow(s, &bytes, len < MEM_BUFFER ? (size_t)len : MEM_BUFFER);
		if (n == -1)
			return -1;
		len -= (uint64_t)n;
	}
	return 0;
}
