/* stream_line - lines, and blocks of them: where a stream waits for what its peer wants next. */

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/stream_int.h"
#include "io/wait.h"

/* Between two lines.  A peer that was heard a moment ago is likely to have its next line on the way
 * when we are to leave: it is waited for, once, so that nobody is turned away who was being served. */
static int
wait_next(struct stream *s)
{
	const int64_t began = clock_ms(), last = began + STREAM_LAST_CALL_MS, still = stream_still(s, began);
	const uint64_t turn = wait_turn();
	int error;

	if (wait_request(s->fd, s->opts->idle_ms < 0 ? CLOCK_NEVER : still + s->opts->idle_ms) == 0) {
		/* In the same turn it was an old tale; and TLS may have read a record that is no input. */
		s->told = wait_turn() != turn && s->tls == NULL;
		return 0;
	}
	error = errno;
	if (error == ECANCELED && !s->last_call && clock_ms() < last) {
		s->last_call = true;
		if (wait_fd(s->fd, POLLIN, last) == 0)
			return 0;
	}
	errno = error;
	return -1;
}

/* Waits for more of a line.  Nobody who waits for a request holds buffers. */
static int
wait_line(struct stream *s)
{
	if (stream_flush(s) == -1)
		return -1;
	if (s->in_at < s->in_end || s->skipping) {
		if (s->line_end == 0)
			s->line_end = clock_in(s->opts->line_ms);
		if (wait_fd(s->fd, POLLIN, s->line_end) == -1)
			return stream_fail(s, errno);
		return 0;
	}
	if (s->within)
		return stream_await_moving(s, POLLIN);
	mem_give(s->in);
	mem_give(s->out);
	s->in = s->out = NULL;
	s->in_at = s->in_end = 0;
	return wait_next(s);
}

/* What is moved leaves nothing where it was: it may be the begin of a password. */
static void
to_front(struct stream *s)
{
	const uint32_t len = s->in_end - s->in_at, old = s->in_at > len ? s->in_at : len;

	memmove(s->in, s->in + s->in_at, len);
	explicit_bzero(s->in + old, s->in_end - old);
	s->in_at = 0;
	s->in_end = len;
}

/* Gets more bytes of a line behind those that are there. */
static int
fill(struct stream *s)
{
	ssize_t n;

	for (;;) {
		if (s->in == NULL && (s->in = mem_take()) == NULL)
			return stream_fail(s, errno);
		if (s->in_at > 0)
			to_front(s);
		n = stream_receive(s, s->in + s->in_end, MEM_BUFFER - s->in_end);
		if (n == -1) {
			if (s->in_end == 0 && !s->within && s->fault == ECONNRESET)
				errno = s->fault = EPIPE;	/* a peer may go between two lines */
			return -1;
		}
		if (n > 0) {
			s->in_end += (uint32_t)n;
			return 0;
		}
		if (wait_line(s) == -1)
			return -1;
	}
}

/* A line over the limit: what is here of it goes; the rest will when it comes. */
static ssize_t
too_long(struct stream *s)
{
	stream_drop(s, s->in_end);
	s->skipping = true;
	errno = EMSGSIZE;
	return -1;
}

/* A line or block is whole: what comes next has its own time. */
static void
taken(struct stream *s)
{
	s->line_end = 0;
	s->prompt = s->told;
	s->told = false;
	if (!s->within) {	/* else chunks of one byte would be a way around min_rate */
		s->waited = 0;
		s->moved = stream_meter_moved(s->meter);
	}
}

static ssize_t
finish_line(struct stream *s, char *begin, char *lf)
{
	s->in_at = (uint32_t)(lf + 1 - s->in);
	taken(s);
	if (lf > begin && lf[-1] == '\r')
		lf--;
	*lf = '\0';
	return lf - begin;
}

ssize_t
stream_line(struct stream *s, char **line)
{
	size_t seen = 0, have;
	char *begin, *lf;

	if (s->fault != 0)
		return stream_fail(s, s->fault);
	for (;;) {
		have = s->in_end - s->in_at;
		begin = have > 0 ? s->in + s->in_at : NULL;
		lf = have > seen ? memchr(begin + seen, '\n', have - seen) : NULL;
		if (lf != NULL && !s->skipping) {
			if (lf + 1 - begin > STREAM_LINE_MAX) {
				stream_drop(s, (uint32_t)(lf - s->in));
				(void)finish_line(s, begin, lf);
				errno = EMSGSIZE;
				return -1;
			}
			*line = begin;
			return finish_line(s, begin, lf);
		}
		if (lf != NULL) {
			stream_drop(s, (uint32_t)(lf - s->in));
			(void)finish_line(s, begin, lf);
			s->skipping = false;
			seen = 0;
			continue;
		}
		if (s->skipping) {
			stream_drop(s, s->in_end);
			have = 0;
		} else if (have >= STREAM_LINE_MAX)
			return too_long(s);
		seen = have;
		if (fill(s) == -1)
			return -1;
	}
}

ssize_t
stream_line_within(struct stream *s, char **line)
{
	ssize_t n;

	s->within = true;
	n = stream_line(s, line);
	s->within = false;
	return n;
}

static ssize_t
read_block(struct stream *s, char **block, size_t (*measure)(const char *, size_t, size_t))
{
	size_t seen = 0, have, len;

	for (;;) {
		have = s->in_end - s->in_at;
		len = have > seen ? measure(s->in + s->in_at, have, seen) : 0;
		if (len > 0) {
			*block = s->in + s->in_at;
			s->in_at += (uint32_t)len;
			taken(s);
			return (ssize_t)len;
		}
		assert(have < MEM_BUFFER);
		seen = have;
		if (fill(s) == -1)
			return -1;
	}
}

ssize_t
stream_block(struct stream *s, char **block, size_t (*measure)(const char *, size_t, size_t))
{
	return s->fault != 0 ? stream_fail(s, s->fault) : read_block(s, block, measure);
}

ssize_t
stream_block_within(struct stream *s, char **block, size_t (*measure)(const char *, size_t, size_t))
{
	ssize_t n;

	if (s->fault != 0)
		return stream_fail(s, s->fault);
	s->within = true;
	n = read_block(s, block, measure);
	s->within = false;
	return n;
}
