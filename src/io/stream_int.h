/* stream_int - what the files of stream share; nobody else includes it. */

#ifndef IO_STREAM_INT_H
#define IO_STREAM_INT_H

#include "io/stream.h"
#include "io/tls.h"

struct stream {
	int		 fd;
	int		 fault;		/* errno of the first fault, or 0 */
	struct tls	*tls;		/* what is between us and the socket, or NULL */
	const struct stream_opts *opts;
	char		*in, *out;	/* MEM_BUFFER bytes each, or NULL */
	uint32_t	 in_at, in_end;	/* what is there and not yet read */
	uint32_t	 out_end;	/* what is written and not yet sent */
	uint32_t	 turn;		/* bytes received since the others have had their turn, */
	uint32_t	 sent;		/* and bytes of files that the kernel has taken since then */
	bool		 drained;	/* the last read took all there was */
	bool		 skipping;	/* within a line that was too long */
	bool		 within;	/* the line that is read is part of a request */
	bool		 last_call;	/* draining, and the one more line has been waited for */
	bool		 stuck;		/* the peer takes no more */
	bool		 told;		/* that there is input, by the last wait for a line; and nothing was read since */
	bool		 prompt;	/* the same, before the line that was read last */
	int64_t		 line_end;	/* deadline of the line that has begun, or 0 */
	int64_t		 waited;	/* milliseconds since the rate was last judged, */
	uint64_t	 moved;		/* and received + sent at that time */
	int64_t		 still;		/* since when the peer has been waited for and nothing moved, */
	uint64_t	 still_at;	/* and received + sent at that time */
	struct stream_meter *meter;	/* received and sent: its own, or one that others see */
	struct stream_meter own;
	const struct stream_throttle *throttle;	/* or NULL */
};

/* One writer: nothing that would lock the bus. */
static inline void
stream_count(_Atomic uint64_t *counter, ssize_t n)
{
	atomic_store_explicit(counter,
	    atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)n, memory_order_relaxed);
}

/* Of `len` bytes as many as may move at a time, and the price of those that have. */
static inline size_t
stream_piece(const struct stream *s, size_t len)
{
	return s->throttle != NULL && len > s->throttle->piece ? s->throttle->piece : len;
}

static inline void
stream_pay(struct stream *s, ssize_t n)
{
	if (s->throttle != NULL && n > 0)
		s->throttle->spend(s->throttle->arg, (size_t)n);
}

/* 0, or -1 with the fault. */
static inline int
stream_verdict(struct stream *s)
{
	return s->fault == 0 ? 0 : stream_fail(s, s->fault);
}

/* Since when, if a wait begins now, nothing has moved while the peer was waited for.  A wait may end for
 * what TLS reads and writes for itself: that renews no limit. */
int64_t	stream_still(struct stream *, int64_t now);

/* Waits for the peer in a transfer.  Progress renews the limit, but over each stall_ms of waiting
 * min_rate must have been reached: time that we spent ourselves does not count against the peer.
 * 0, or -1 with the fault. */
int	stream_await_moving(struct stream *, short events);

/* What has come, up to `end` in the buffer, is not wanted, and leaves no trace there. */
void	stream_drop(struct stream *, uint32_t end);

/* One read.  The number of bytes, 0 if the peer must be waited for, or -1 with the fault. */
ssize_t	stream_receive(struct stream *, void *, size_t len);

/* Sends all that was written, with these flags of send(2).  0, or -1 with the fault. */
int	stream_send_out(struct stream *, int flags);

#endif
