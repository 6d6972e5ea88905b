/* stream_write - what a stream sends, gathered into large pieces. */

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "io/stream_int.h"

short
stream_sends_on(const struct stream *s)
{
	return s->tls != NULL ? tls_wants(s->tls) : POLLOUT;
}

/* As send(2). */
static ssize_t
send_some(struct stream *s, const void *bytes, size_t len, int flags)
{
	return s->tls != NULL ? tls_write(s->tls, bytes, len) :
	    send(s->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT | flags);
}

int
stream_send_out(struct stream *s, int flags)
{
	uint32_t at = 0;
	ssize_t n;

	while (s->fault == 0 && at < s->out_end) {
		n = send_some(s, s->out + at, stream_piece(s, s->out_end - at), flags);
		if (n >= 0) {
			at += (uint32_t)n;
			stream_count(&s->meter->sent, n);
			stream_pay(s, n);
		} else if (errno == EAGAIN)
			(void)stream_await_moving(s, stream_sends_on(s));
		else if (errno != EINTR)
			(void)stream_fail(s, errno);
	}
	s->out_end = 0;
	return stream_verdict(s);
}

int
stream_flush(struct stream *s)
{
	return stream_send_out(s, 0);
}

int
stream_flush_last(struct stream *s)
{
	return stream_send_out(s, MSG_MORE);
}

ssize_t
stream_send(struct stream *s, const void *bytes, size_t len)
{
	ssize_t n = send_some(s, bytes, len, 0);

	if (n > 0)
		stream_count(&s->meter->sent, n);
	return n;
}

char *
stream_reserve(struct stream *s, size_t len)
{
	assert(len <= MEM_BUFFER);
	if (s->fault == 0 && s->out_end + len > MEM_BUFFER)
		(void)stream_send_out(s, 0);
	if (s->fault == 0 && s->out == NULL && (s->out = mem_take()) == NULL)
		(void)stream_fail(s, errno);
	if (s->fault != 0) {
		errno = s->fault;
		return NULL;
	}
	return s->out + s->out_end;
}

void
stream_commit(struct stream *s, size_t len)
{
	assert(len <= MEM_BUFFER - s->out_end);
	s->out_end += (uint32_t)len;
}

void
stream_write(struct stream *s, const void *src, size_t len)
{
	const char *from = src;
	size_t piece;
	char *to;

	while (len > 0) {
		piece = len < MEM_BUFFER ? len : MEM_BUFFER;
		if ((to = stream_reserve(s, piece)) == NULL)
			return;
		memcpy(to, from, piece);
		stream_commit(s, piece);
		from += piece;
		len -= piece;
	}
}

void
stream_puts(struct stream *s, const char *text)
{
	stream_write(s, text, strlen(text));
}

void
stream_printf(struct stream *s, const char *fmt, ...)
{
	size_t room = STREAM_LINE_MAX;
	va_list ap;
	char *to;
	int n;

	/* Nearly everything is a line; what is longer gets a second try. */
	while ((to = stream_reserve(s, room)) != NULL) {
		va_start(ap, fmt);
		n = vsnprintf(to, room, fmt, ap);
		va_end(ap);
		assert(n >= 0 && n < MEM_BUFFER);
		if ((size_t)n < room) {
			stream_commit(s, (size_t)n);
			return;
		}
		room = (size_t)n + 1;
	}
}
