/* stream - a buffered, two-way connection.
 * Waits only in io/wait; knows nothing of what the bytes mean.
 * Here are its beginning and end, its faults, and how long it waits for a peer who is at something;
 * what it reads and writes is stream_line.c, stream_read.c, stream_write.c, stream_sendfile.c. */

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/stream_int.h"
#include "io/wait.h"

struct stream *
stream_open(int fd, const struct stream_opts *opts)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		wait_close(fd);
		return NULL;
	}
	s->fd = fd;
	s->opts = opts;
	s->meter = &s->own;
	s->still = CLOCK_NEVER;
	return s;
}

void
stream_close(struct stream **sp)
{
	struct stream *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	tls_close(&s->tls, s->fault == 0);
	wait_close(s->fd);
	stream_drop(s, s->in_end);
	mem_give(s->in);
	mem_give(s->out);
	free(s);
}

int
stream_fd(const struct stream *s)
{
	return s->fd;
}

int
stream_tls(struct stream *s, struct tls *tls, int64_t deadline)
{
	assert(s->tls == NULL && s->in_at == s->in_end && s->out_end == 0);
	if ((s->tls = tls) == NULL)
		return stream_fail(s, ENOMEM);
	s->drained = false;
	return tls_handshake(tls, deadline) == 0 ? 0 : stream_fail(s, errno);
}

const struct tls *
stream_secured(const struct stream *s)
{
	return s->tls;
}

void
stream_meter(struct stream *s, struct stream_meter *meter)
{
	s->meter = meter;
	s->still = CLOCK_NEVER;
}

void
stream_throttle(struct stream *s, const struct stream_throttle *throttle)
{
	s->throttle = throttle;
}

int
stream_fault(const struct stream *s)
{
	return s->fault;
}

int
stream_fail(struct stream *s, int error)
{
	if (s->fault == 0)
		s->fault = error;
	errno = s->fault;
	return -1;
}

uint64_t
stream_moved(const struct stream *s)
{
	return stream_meter_moved(s->meter) - (s->in_end - s->in_at) + s->out_end;
}

bool
stream_last_word(struct stream *s)
{
	if (s->stuck || (s->fault != ECONNRESET && s->fault != ETIMEDOUT))
		return false;
	s->fault = 0;
	return true;
}

/* A peer who takes no more is not to be told of it, either. */
static int
fail_moving(struct stream *s, short events, int error)
{
	s->stuck |= (events & POLLOUT) != 0;
	return stream_fail(s, error);
}

int64_t
stream_still(struct stream *s, int64_t now)
{
	const uint64_t moved = stream_meter_moved(s->meter);

	if (s->still == CLOCK_NEVER || s->still_at != moved) {
		s->still = now;
		s->still_at = moved;
	}
	return s->still;
}

int
stream_await_moving(struct stream *s, short events)
{
	const struct stream_opts *o = s->opts;
	const int64_t began = clock_ms(), still = stream_still(s, began);

	if (wait_fd(s->fd, events, o->stall_ms < 0 ? CLOCK_NEVER : still + o->stall_ms) == -1)
		return fail_moving(s, events, errno);
	s->sent = 0;
	s->waited += clock_ms() - began;
	if (o->stall_ms < 0 || s->waited < o->stall_ms)
		return 0;
	if (stream_meter_moved(s->meter) - s->moved < (uint64_t)(o->min_rate * s->waited / 1000))
		return fail_moving(s, events, ETIMEDOUT);
	s->waited = 0;
	s->moved = stream_meter_moved(s->meter);
	return 0;
}

void
stream_linger(struct stream *s, int64_t ms)
{
	int64_t deadline = clock_in(ms);
	char *buffer;
	ssize_t n;

	if (stream_flush_last(s) == -1)
		return;
	if (s->tls != NULL)
		tls_farewell(s->tls);
	if (shutdown(s->fd, SHUT_WR) == -1)
		return;
	if (s->in == NULL && (s->in = mem_take()) == NULL)
		return;
	stream_drop(s, s->in_end);
	buffer = s->in;
	for (;;) {
		n = recv(s->fd, buffer, MEM_BUFFER, MSG_DONTWAIT);
		if (n > 0)
			explicit_bzero(buffer, (size_t)n);
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
			return;
		if (clock_ms() >= deadline || (n == -1 && wait_fd(s->fd, POLLIN, deadline) == -1))
			return;
	}
}
