/* stream_sendfile - a file behind what was written, by whichever way is the shortest: the kernel
 * takes it from the page cache, or it is encrypted from the stream's buffer. */

#include <sys/sendfile.h>
#include <sys/socket.h>

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/stream_int.h"
#include "io/wait.h"

/* Pieces of this size keep the socket's buffer full without holding up other sessions, which go first
 * after each.  Of several streams to quick readers, those that wait for their turn keep their readers busy
 * by what is in their buffers: taken to its end at once, a stream would have its reader fall asleep, and
 * to wake it for each packet costs more than to send one. */
#define SENDFILE_PIECE	(256 * 1024)
#define ENCRYPT_PIECE	(32 * 1024)	/* bytes read and encrypted while they are near the processor */
#define ENCRYPT_TURN	(8 * MEM_BUFFER)	/* and of what TLS sends, which takes longer */

/* A file through our own hands, for what is sent is not what stands in it. */
static int
send_encrypted(struct stream *s, int file, off_t offset, uint64_t len)
{
	uint64_t turn = 0;
	size_t room;
	ssize_t n;

	while (len > 0 && stream_reserve(s, 1) != NULL) {
		if (s->out_end >= ENCRYPT_PIECE && stream_send_out(s, 0) == -1)
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
	return stream_verdict(s);
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

/* A file may come by many calls, and the peer be so quick that nothing is ever waited for. */
static void
let_others(struct stream *s)
{
	if (s->sent < SENDFILE_PIECE)
		return;
	s->sent = 0;
	wait_yield();
}

int
stream_sendfile(struct stream *s, int file, off_t offset, uint64_t len)
{
	ssize_t n;

	if (s->tls != NULL && !tls_kernel_sends(s->tls))
		return send_encrypted(s, file, offset, len);
	(void)stream_send_out(s, len > 0 ? MSG_MORE : 0);
	while (s->fault == 0 && len > 0) {
		let_others(s);
		n = send_file_some(s, file, &offset,
		    stream_piece(s, len < SENDFILE_PIECE ? (size_t)len : SENDFILE_PIECE));
		if (n > 0) {
			len -= (uint64_t)n;
			stream_count(&s->meter->sent, n);
			stream_pay(s, n);
			s->sent += (uint32_t)n;
		} else if (n == 0)
			(void)stream_fail(s, EPROTO);
		else if (errno == EAGAIN)
			(void)stream_await_moving(s, stream_sends_on(s));
		else if (errno != EINTR)
			(void)stream_fail(s, errno);
	}
	return stream_verdict(s);
}
