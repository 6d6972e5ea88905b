/* stream - a buffered, two-way connection.
 * Lines and bytes in, whole replies out: what is written is gathered until the
 * buffer is full, stream_flush() is called, or the stream must wait for input.
 * Faults stick: after one, every call fails with the same errno, so that a
 * protocol can write a whole reply and ask once.  End of input is the fault
 * ECONNRESET in the middle of something, EPIPE between lines.
 * Buffers are held only while bytes are in them. */

#ifndef IO_STREAM_H
#define IO_STREAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STREAM_LAST_CALL_MS	1000	/* who was heard within that time before a drain may ask once more */
#define STREAM_LINE_MAX	8192	/* bytes of a line, with its line end */

struct stream_opts {
	int64_t	idle_ms;	/* to wait for the first byte of a line */
	int64_t	line_ms;	/* from its first byte to its end */
	int64_t	stall_ms;	/* without one byte moving, in a transfer or a flush */
	int64_t	min_rate;	/* bytes per second that a transfer must reach, measured over
				 * stall_ms; 0: any */
};

/* Bytes that have come and gone, for others to look at; one writer. */
struct stream_meter {
	_Atomic uint64_t received, sent;
};

static inline uint64_t
stream_meter_moved(const struct stream_meter *m)
{
	return atomic_load_explicit(&m->received, memory_order_relaxed) +
	    atomic_load_explicit(&m->sent, memory_order_relaxed);
}

/* What a stream may move at a time, and whom it tells how much has moved: who may wait until more may. */
struct stream_throttle {
	size_t	  piece;	/* bytes, at least 1 */
	void	(*spend)(void *arg, size_t len);
	void	 *arg;
};

struct stream;

/* fd is a non-blocking socket (or pipe) and is the stream's now; opts must outlive
 * the stream.  NULL with ENOMEM, and fd is closed. */
struct stream	*stream_open(int fd, const struct stream_opts *opts);

/* Closes without flushing; *s becomes NULL; NULL is nothing. */
void	stream_close(struct stream **s);

int	stream_fd(const struct stream *);

/* Speaks TLS from here on; the stream's now, also on failure; NULL fails with ENOMEM.  Nothing may be
 * buffered either way.  Does the handshake: 0, or -1 with the fault. */
struct tls;
int	stream_tls(struct stream *, struct tls *, int64_t deadline);

/* The TLS beneath it, even of a handshake that failed, for its words; or NULL. */
const struct tls *stream_secured(const struct stream *);

/* Counts there from now on, instead of within; the meter, which begins at 0, must outlive the stream. */
void	stream_meter(struct stream *, struct stream_meter *);

/* Keeps to that from now on; the throttle must outlive the stream. */
void	stream_throttle(struct stream *, const struct stream_throttle *);

/* The first fault, or 0. */
int	stream_fault(const struct stream *);

/* Makes `error` the stream's fault, unless it has one.  Returns -1 with it in errno. */
int	stream_fail(struct stream *, int error);

/* The next line without its LF (and CR before it), NUL in its place.  *line may be
 * changed and stays good until the next read.  Its length, or -1: EMSGSIZE for a
 * line over STREAM_LINE_MAX does not stick: the rest of that line is skipped
 * before the next; nor do ETIMEDOUT and ECANCELED between two lines (idle too long;
 * draining), so that a last word can be written.  Everything written so far is
 * flushed before waiting. */
ssize_t	stream_line(struct stream *, char **line);

/* The same for a line in the middle of a request: the peer must keep moving, as in a
 * transfer, draining does not end it, and every fault but EMSGSIZE sticks. */
ssize_t	stream_line_within(struct stream *, char **line);

/* The next block of lines, such as a head of HTTP, of the length that `measure` finds: it is given
 * the `len` bytes that are here, of which it has seen the first `seen` before, and
 * returns how many of them are the block, or 0 for more; within MEM_BUFFER bytes it must have
 * decided.  All else is as with stream_line().  The length, or -1. */
ssize_t	stream_block(struct stream *, char **block,
	    size_t (*measure)(const char *bytes, size_t len, size_t seen));

/* The same in the middle of a request, as stream_line_within(). */
ssize_t	stream_block_within(struct stream *, char **block,
	    size_t (*measure)(const char *bytes, size_t len, size_t seen));

/* Whether one last reply can be written in spite of the fault, since that was on the way in: the
 * end of input in the middle of something, or a peer that was too slow.  Then the fault is
 * forgotten, so the caller must end the conversation, by stream_linger(). */
bool	stream_last_word(struct stream *);

/* Whether a whole line, or anything at all, can be read without waiting. */
bool	stream_buffered(const struct stream *);

/* The same, after having looked whether more has come: without waiting. */
bool	stream_ready(struct stream *);

/* From 1 to `len` bytes, or -1 with the fault; end of input is ECONNRESET. */
ssize_t	stream_read(struct stream *, void *, size_t len);

/* The same without copying: *bytes are lent until the next read. */
ssize_t	stream_borrow(struct stream *, const char **bytes, size_t len);

/* The same, of what has come already: 0 where nothing has, or only a read can tell.  Never waits: it may
 * run on another thread, while its session waits for that one. */
ssize_t	stream_read_now(struct stream *, void *, size_t len);

/* Whether that may bring anything. */
bool	stream_reads_now(const struct stream *);

/* The same into an empty pipe, past our memory, where nothing but a socket is between: what was read
 * ahead is to be taken before.  -1, and no fault, where the socket or the kernel cannot. */
ssize_t	stream_splice_now(struct stream *, int pipe, size_t len);
bool	stream_splices(const struct stream *);

/* Waits until there is something to read, or the deadline: for a reader who has other work to do
 * where nothing comes.  1, 0 at the deadline, or -1 with the fault (end of input counts as
 * something: the next read tells it). */
int	stream_await(struct stream *, int64_t deadline);

/* What has been read leaves no trace in the buffer: for passwords.  Lines that were lent are gone. */
void	stream_wipe(struct stream *);

/* Whether the line or block that was read last, or at least its first byte, was waited for and had come
 * when the kernel was asked last (wait_turn()). */
bool	stream_prompt(const struct stream *);

/* Whether nothing that has come is unread, as far as the last read could tell. */
bool	stream_quiet(const struct stream *);

/* Reads and drops `len` bytes.  0 or -1. */
int	stream_skip(struct stream *, uint64_t len);

/* Appends; waits where the buffer is full.  Faults are seen at stream_flush(). */
void	stream_write(struct stream *, const void *, size_t len);
void	stream_puts(struct stream *, const char *);
void	stream_printf(struct stream *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Room for `len` bytes (at most MEM_BUFFER) to write into, flushing if need be, and
 * the taking of as many as were written.  NULL with the fault. */
char	*stream_reserve(struct stream *, size_t len);
void	stream_commit(struct stream *, size_t len);

/* What was written, and then `len` bytes of the regular file `file` from `offset`, by
 * sendfile(2).  0, or -1: EPROTO where the file ended early. */
int	stream_sendfile(struct stream *, int file, off_t offset, uint64_t len);

/* As send(2), past all that was written by the functions above, for a caller that does its own waiting:
 * until the socket is ready for stream_sends_on() where this says EAGAIN; then the same bytes must be
 * tried again, perhaps with more behind them.  No fault sticks. */
ssize_t	stream_send(struct stream *, const void *, size_t);
short	stream_sends_on(const struct stream *);

/* Sends all that was written.  0, or -1 with the fault. */
int	stream_flush(struct stream *);

/* The same, of the last that is sent before the stream is closed, at once: so the end of the connection
 * goes along in the same packet, for which the peer is woken once. */
int	stream_flush_last(struct stream *);

/* Sends what is written, then ends our half of the connection and reads what the
 * peer still sends, for at most `ms`, so that the last reply is not lost to a reset. */
void	stream_linger(struct stream *, int64_t ms);

/* Bytes that were read from it and written to it so far, whether or not they have gone. */
uint64_t	stream_moved(const struct stream *);

#endif
