/* stream - a buffered, two-way connection.
 * Waits only in io/wait; knows nothing of what the bytes mean. */

#include <sys/sendfile.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/stream.h"
#include "io/tls.h"
#include "io/wait.h"

/* Pieces of this size keep the socket's buffer full without holding up other sessions. */
#define SENDFILE_PIECE	(512 * 1024)
#define SENDFILE_TURN	(8 * SENDFILE_PIECE)	/* bytes after which the others go first */
#define RECEIVE_TURN	(4 * MEM_BUFFER)	/* the same, of what is received */
#define ENCRYPT_PIECE	(32 * 1024)	/* bytes read and encrypted while they are near the processor */
#define ENCRYPT_TURN	(8 * MEM_BUFFER)	/* and of what TLS sends, which takes longer */

struct stream {
	int		 fd;
	int		 fault;		/* errno of the first fault, or 0 */
	struct tls	*tls;		/* what is between us and the socket, or NULL */
	const struct stream_opts *opts;
	char		*in, *out;	/* MEM_BUFFER bytes each, or NULL */
	uint32_t	 in_at, in_end;	/* what is there and not yet read */
	uint32_t	 out_end;	/* what is written and not yet sent */
	uint32_t	 turn;		/* bytes received since the others have had their turn */
	bool		 drained;	/* the last read took all there was */
	bool		 skipping;	/* within a line that was too long */
	bool		 within;	/* the line that is read is part of a request */
	bool		 last_call;	/* draining, and the one more line has been waited for */
	bool		 stuck;		/* the peer takes no more */
	int64_t		 line_end;	/* deadline of the line that has begun, or 0 */
	int64_t		 waited;	/* milliseconds since the rate was last judged, */
	uint64_t	 moved;		/* and received + sent at that time */
	struct stream_meter *meter;	/* received and sent: its own, or one that others see */
	struct stream_meter own;
	const struct stream_throttle *throttle;	/* or NULL */
};

/* One writer: nothing that would lock the bus. */
static void
count(_Atomic uint64_t *counter, ssize_t n)
{
	atomic_store_explicit(counter,
	    atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)n, memory_order_relaxed);
}

static uint64_t
total(const struct stream *s)
{
	return stream_meter_moved(s->meter);
}

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
}

void
stream_throttle(struct stream *s, const struct stream_throttle *throttle)
{
	s->throttle = throttle;
}

/* Of `len` bytes as many as may move at a time, and the price of those that have. */
static size_t
piece(const struct stream *s, size_t len)
{
	return s->throttle != NULL && len > s->throttle->piece ? s->throttle->piece : len;
}

static void
pay(struct stream *s, ssize_t n)
{
	if (s->throttle != NULL && n > 0)
		s->throttle->spend(s->throttle->arg, (size_t)n);
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
	return total(s) - (s->in_end - s->in_at) + s->out_end;
}

bool
stream_last_word(struct stream *s)
{
	if (s->stuck || (s->fault != ECONNRESET && s->fault != ETIMEDOUT))
		return false;
	s->fault = 0;
	return true;
}

bool
stream_buffered(const struct stream *s)
{
	return s->in_at < s->in_end;
}

static int
fail_moving(struct stream *s, short events, int error)
{
	s->stuck |= (events & POLLOUT) != 0;
	return stream_fail(s, error);
}

bool
stream_quiet(const struct stream *s)
{
	return s->in_at == s->in_end && s->drained;
}

void
stream_wipe(struct stream *s)
{
	if (s->in == NULL)
		return;
	explicit_bzero(s->in, s->in_at);
	explicit_bzero(s->in + s->in_end, MEM_BUFFER - s->in_end);
}

/* Waits for the peer in a transfer.  Progress renews the limit, but over each stall_ms
 * of waiting min_rate must have been reached: time that we spent ourselves does
 * not count against the peer. */
static int
wait_moving(struct stream *s, short events)
{
	const struct stream_opts *o = s->opts;
	int64_t began = clock_ms();

	if (wait_fd(s->fd, events, o->stall_ms < 0 ? CLOCK_NEVER : began + o->stall_ms) == -1)
		return fail_moving(s, events, errno);
	s->waited += clock_ms() - began;
	if (o->stall_ms < 0 || s->waited < o->stall_ms)
		return 0;
	if (total(s) - s->moved < (uint64_t)(o->min_rate * s->waited / 1000))
		return fail_moving(s, events, ETIMEDOUT);
	s->waited = 0;
	s->moved = total(s);
	return 0;
}

/* Whichever way the socket must be waited for before it takes more. */
static short
sends_on(const struct stream *s)
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

static int
send_out(struct stream *s, int flags)
{
	uint32_t at = 0;
	ssize_t n;

	while (s->fault == 0 && at < s->out_end) {
		n = send_some(s, s->out + at, piece(s, s->out_end - at), flags);
		if (n >= 0) {
			at += (uint32_t)n;
			count(&s->meter->sent, n);
			pay(s, n);
		} else if (errno == EAGAIN)
			(void)wait_moving(s, sends_on(s));
		else if (errno != EINTR)
			(void)stream_fail(s, errno);
	}
	s->out_end = 0;
	if (s->fault == 0)
		return 0;
	errno = s->fault;
	return -1;
}

int
stream_flush(struct stream *s)
{
	return send_out(s, 0);
}

ssize_t
stream_send(struct stream *s, const void *bytes, size_t len)
{
	ssize_t n = send_some(s, bytes, len, 0);

	if (n > 0)
		count(&s->meter->sent, n);
	return n;
}

short
stream_sends_on(const struct stream *s)
{
	return sends_on(s);
}

/* As recv(2).  TLS may have to say something before it can hear more. */
static ssize_t
receive_tls(struct stream *s, void *dst, size_t len)
{
	ssize_t n;

	while ((n = tls_read(s->tls, dst, len)) == -1 && errno == EAGAIN && tls_wants(s->tls) == POLLOUT)
		if (wait_moving(s, POLLOUT) == -1)
			return -1;
	return n;
}

/* One read into `dst`.  The number of bytes, 0 if the peer must be waited for, -1. */
static ssize_t
receive(struct stream *s, void *dst, size_t len)
{
	ssize_t n;

	if (s->fault != 0)
		return stream_fail(s, s->fault);
	if (s->drained) {
		s->drained = false;
		return 0;
	}
	len = piece(s, len);
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
	count(&s->meter->received, n);
	pay(s, n);
	if ((s->turn += (uint32_t)n) >= RECEIVE_TURN) {
		s->turn = 0;
		wait_yield();	/* a peer who is quicker than we are is never waited for */
	}
	return n;
}

/* Between two lines.  A peer that was heard a moment ago is likely to have its next line on the way
 * when we are to leave: it is waited for, once, so that nobody is turned away who was being served. */
static int
wait_next(struct stream *s)
{
	const int64_t began = clock_ms(), last = began + STREAM_LAST_CALL_MS;
	int error;

	if (wait_request(s->fd, s->opts->idle_ms < 0 ? CLOCK_NEVER : began + s->opts->idle_ms) == 0)
		return 0;
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
		return wait_moving(s, POLLIN);
	mem_give(s->in);
	mem_give(s->out);
	s->in = s->out = NULL;
	s->in_at = s->in_end = 0;
	return wait_next(s);
}

/* Gets more bytes of a line behind those that are there. */
static int
fill(struct stream *s)
{
	ssize_t n;

	for (;;) {
		if (s->in == NULL && (s->in = mem_take()) == NULL)
			return stream_fail(s, errno);
		if (s->in_at > 0) {
			memmove(s->in, s->in + s->in_at, s->in_end - s->in_at);
			s->in_end -= s->in_at;
			s->in_at = 0;
		}
		n = receive(s, s->in + s->in_end, MEM_BUFFER - s->in_end);
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
	s->in_at = s->in_end;
	s->skipping = true;
	errno = EMSGSIZE;
	return -1;
}

/* A line or block is whole: what comes next has its own time. */
static void
taken(struct stream *s)
{
	s->line_end = 0;
	if (!s->within) {	/* else chunks of one byte would be a way around min_rate */
		s->waited = 0;
		s->moved = total(s);
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
				(void)finish_line(s, begin, lf);
				errno = EMSGSIZE;
				return -1;
			}
			*line = begin;
			return finish_line(s, begin, lf);
		}
		if (lf != NULL) {
			(void)finish_line(s, begin, lf);
			s->skipping = false;
			seen = 0;
			continue;
		}
		if (s->skipping) {
			s->in_at = s->in_end;
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
	if ((n = receive(s, s->in, MEM_BUFFER)) > 0)
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
		n = receive(s, s->in, MEM_BUFFER);
		if (n == -1)
			return -1;
		s->in_end = (uint32_t)n;
		if (n == 0 && (stream_flush(s) == -1 || wait_moving(s, POLLIN) == -1))
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
	while ((n = receive(s, dst, len)) == 0)
		if (stream_flush(s) == -1 || wait_moving(s, POLLIN) == -1)
			return -1;
	return n;
}

/* What is on the wire has a price where a throttle is, for which its session may have to wait. */
bool
stream_reads_now(const struct stream *s)
{
	return s->fault == 0 && (s->in_at < s->in_end || (!s->drained && s->throttle == NULL));
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
	if (n > 0) {
		s->drained = s->tls != NULL ? tls_drained(s->tls) : (size_t)n < len;
		count(&s->meter->received, n);
		return n;
	}
	if (n == 0 && s->tls != NULL)	/* a good-bye has been taken from the socket: no wait would see it */
		(void)stream_fail(s, ECONNRESET);
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		(void)stream_fail(s, errno);
	s->drained = true;	/* also at the end, which is for the next read to find */
	return 0;
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

char *
stream_reserve(struct stream *s, size_t len)
{
	assert(len <= MEM_BUFFER);
	if (s->fault == 0 && s->out_end + len > MEM_BUFFER)
		(void)send_out(s, 0);
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

/* A file through our own hands, for what is sent is not what stands in it. */
static int
send_encrypted(struct stream *s, int file, off_t offset, uint64_t len)
{
	uint64_t turn = 0;
	size_t room;
	ssize_t n;

	while (len > 0 && stream_reserve(s, 1) != NULL) {
		if (s->out_end >= ENCRYPT_PIECE && send_out(s, 0) == -1)
			break;
		room = ENCRYPT_PIECE - s->out_end;
		n = pread(file, s->out + s->out_end, len < room ? (size_t)len : room, offset);
		if (n > 0) {
			stream_commit(s, (size_t)n);
			offset += n;
			len -= (uint64_t)n;
			if ((turn += (uint64_t)n) >= ENCRYPT_TURN && len > 0) {
				turn = 0;
				wait_yield();
			}
		} else if (n == 0 || errno != EINTR)
			(void)stream_fail(s, n == 0 ? EPROTO : errno);
	}
	return s->fault == 0 ? 0 : stream_fail(s, s->fault);
}

/* As sendfile(2). */
static ssize_t
send_file_some(struct stream *s, int file, off_t *offset, size_t len)
{
	ssize_t n;

	if (s->tls == NULL)
		return sendfile(s->fd, file, offset, len);
	if ((n = tls_sendfile(s->tls, file, *offset, len)) > 0)
		*offset += n;
	return n;
}

int
stream_sendfile(struct stream *s, int file, off_t offset, uint64_t len)
{
	uint64_t turn = 0;
	ssize_t n;

	if (s->tls != NULL && !tls_kernel_sends(s->tls))
		return send_encrypted(s, file, offset, len);
	(void)send_out(s, len > 0 ? MSG_MORE : 0);
	while (s->fault == 0 && len > 0) {
		n = send_file_some(s, file, &offset,
		    piece(s, len < SENDFILE_PIECE ? (size_t)len : SENDFILE_PIECE));
		if (n > 0) {
			len -= (uint64_t)n;
			count(&s->meter->sent, n);
			pay(s, n);
			if ((turn += (uint64_t)n) >= SENDFILE_TURN && len > 0) {
				turn = 0;
				wait_yield();
			}
		} else if (n == 0)
			(void)stream_fail(s, EPROTO);
		else if (errno == EAGAIN)
			(void)wait_moving(s, sends_on(s));
		else if (errno != EINTR)
			(void)stream_fail(s, errno);
	}
	if (s->fault == 0)
		return 0;
	errno = s->fault;
	return -1;
}

void
stream_linger(struct stream *s, int64_t ms)
{
	int64_t deadline = clock_in(ms);
	char *buffer;
	ssize_t n;

	if (stream_flush(s) == -1)
		return;
	if (s->tls != NULL)
		tls_farewell(s->tls);
	if (shutdown(s->fd, SHUT_WR) == -1)
		return;
	if (s->in == NULL && (s->in = mem_take()) == NULL)
		return;
	buffer = s->in;
	for (;;) {
		n = recv(s->fd, buffer, MEM_BUFFER, MSG_DONTWAIT);
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
			return;
		if (clock_ms() >= deadline || (n == -1 && wait_fd(s->fd, POLLIN, deadline) == -1))
			return;
	}
}
