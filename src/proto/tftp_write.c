/* tftp_write - WRQ: a file on its way in, published when its last block has come.
 * The last ACK is the promise that it is kept.  A block that comes again is acknowledged again only
 * if its ACK may be lost; within a window, a gap is told once. */

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "proto/tftp.h"

#define RECEIVE_ROOM	(1024 * 1024)	/* bytes wanted of the socket for what comes at once */

struct writing {
	struct transfer	*t;
	struct upload	*upload;
	struct sink	 sink;
	struct netascii	 text;
	char		*buffer;	/* MEM_BUFFER bytes: a packet */
	char		*decoded;	/* the same, for netascii */
	uint64_t	 got;		/* the last block that came in its turn; 0: none */
	uint64_t	 acked;		/* the last that was acknowledged */
	bool		 told;		/* a gap behind `got` has been told */
	bool		 over;		/* the last block is there */
};

static int
send_ack(struct writing *w)
{
	char packet[TFTP_OACK_MAX];
	size_t len;

	if (w->got == 0 && w->t->request.given != 0)
		len = tftp_put_oack(packet, &w->t->request);
	else
		len = tftp_put_ack(packet, (uint16_t)w->got);
	w->acked = w->got;
	if (talk_send(w->t, packet, len) == -1)
		return -1;
	talk_sent(w->t);
	return 0;
}

static int
keep(struct writing *w, const char *bytes, size_t len)
{
	uint64_t max = w->t->session->opts->upload_max;
	size_t rest;

	w->t->bytes += len;
	if (max > 0 && w->t->bytes > max) {
		errno = EFBIG;
		return -1;
	}
	if (!w->t->request.netascii)
		return sink_add(&w->sink, bytes, len);
	rest = netascii_decode(&w->text, bytes, len, w->decoded);
	if (w->over)
		rest += netascii_end(&w->text, w->decoded + rest);
	return sink_add(&w->sink, w->decoded, rest);
}

/* The block that was waited for. */
static int
take_block(struct writing *w, const struct tftp_packet *p)
{
	w->got++;
	w->told = false;
	w->over = p->len < w->t->blksize;
	session_pay(w->t->session, p->len);
	talk_progress(w->t);
	if (keep(w, p->data, p->len) == -1)
		return -1;
	if (w->over || w->got - w->acked < w->t->window)
		return 0;	/* the last ACK waits until the file is kept */
	return send_ack(w);
}

static int
take_packet(struct writing *w, const struct tftp_packet *p)
{
	uint16_t ahead = (uint16_t)(p->number - (uint16_t)(w->got + 1));

	if (p->op != TFTP_DATA || p->len > w->t->blksize)
		return 0;
	if (ahead == 0)
		return take_block(w, p);
	if (ahead < w->t->window && !w->told) {
		w->told = true;
		return send_ack(w);
	}
	/* The end of a window that was acknowledged: its sender has not heard of that. */
	if (p->number == (uint16_t)w->acked && w->got == w->acked && w->got > 0)
		return send_ack(w);
	return 0;
}

static int
receive_file(struct writing *w)
{
	struct tftp_packet p;
	int come;

	if (send_ack(w) == -1)
		return -1;
	while (!w->over) {
		come = talk_receive(w->t, &p, w->buffer, MEM_BUFFER);
		if (come == -1)
			return -1;
		if (come == 0 && (talk_again(w->t) == -1 || send_ack(w) == -1))
			return -1;
		if (come == 1 && take_packet(w, &p) == -1)
			return -1;
	}
	return 0;
}

static int
call_publish(void *arg)
{
	struct writing *w = arg;
	struct object done;

	return upload_publish(&w->upload, &done);
}

/* A size that is told for a text is not that of the file. */
static bool
is_declared(const struct tftp_request *rq)
{
	return !rq->netascii && (rq->given & TFTP_GIVEN_TSIZE) && rq->tsize > 0;
}

static int
publish(struct writing *w)
{
	if (sink_end(&w->sink) == -1)
		return -1;
	if (is_declared(&w->t->request) && w->t->bytes < w->t->request.tsize) {
		errno = EMSGSIZE;	/* not kept for a resume, as by upload_publish() */
		return -1;
	}
	/* Without fsync it is a rename: not worth another thread. */
	return store_durable(w->t->at.store) ? wait_call(call_publish, w) : call_publish(w);
}

/* The ACK that promises, again for a sender who has not heard it.  Whatever happens here, the file
 * is kept. */
static void
dally(struct writing *w)
{
	int64_t end = clock_in(w->t->session->opts->dally_ms);
	unsigned again = 0;
	struct tftp_packet p;
	int come;

	w->t->idle = true;
	w->t->rate_at = INT64_MAX;
	while (again < TFTP_AGAIN && clock_ms() < end) {
		w->t->deadline = end;
		come = talk_receive(w->t, &p, w->buffer, MEM_BUFFER);
		if (come != 1)
			return;
		if (p.op == TFTP_DATA && p.number == (uint16_t)w->got) {
			again++;
			if (send_ack(w) == -1)
				return;
		}
	}
}

static int
call_open(void *arg)
{
	struct writing *w = arg;
	struct transfer *t = w->t;
	struct upload_want want = {
		.size = is_declared(&t->request) ? (int64_t)t->request.tsize : UPLOAD_SIZE_UNKNOWN,
		.user = session_user(t->session),
	};

	if (reach_upload(t->session, &t->at, &want) == -1)
		return -1;
	return upload_open(t->at.store, t->at.path, &want, &w->upload);
}

/* A size of 0 is sent by programs that do not know it. */
static int
open_upload(struct writing *w)
{
	const struct tftp_request *rq = &w->t->request;
	uint64_t max = w->t->session->opts->upload_max;

	if ((rq->given & TFTP_GIVEN_TSIZE) && ((max > 0 && rq->tsize > max) || rq->tsize > INT64_MAX)) {
		errno = EFBIG;
		return -1;
	}
	if ((rq->given & TFTP_GIVEN_TSIZE) && rq->tsize >= UPLOAD_RESERVE_MIN)
		return wait_call(call_open, w);
	return call_open(w);
}

/* What of the options is answered: no window that the socket cannot hold. */
static void
agree(struct transfer *t)
{
	unsigned most = t->session->opts->window_max;
	size_t fit;

	t->blksize = t->request.blksize;
	if (t->request.windowsize > most)
		t->request.windowsize = most;
	if (t->request.windowsize > 1) {
		fit = datagram_room(t->d, RECEIVE_ROOM, TFTP_HEAD + t->blksize);
		if (t->request.windowsize > fit)
			t->request.windowsize = fit > 0 ? (unsigned)fit : 1;
	}
	t->window = t->request.windowsize;
}

static int
open_buffers(struct writing *w)
{
	w->buffer = mem_take();
	if (w->t->request.netascii)
		w->decoded = mem_take();
	return w->buffer == NULL || (w->t->request.netascii && w->decoded == NULL) ? -1 : 0;
}

int
tftp_write(struct transfer *t)
{
	struct writing w = { .t = t, .text = NETASCII_START };
	int ret = -1, error;

	if (open_buffers(&w) == 0 && open_upload(&w) == 0) {
		agree(t);
		talk_begin(t);
		w.sink.upload = w.upload;
		ret = receive_file(&w) == -1 || publish(&w) == -1 ? -1 : 0;
	}
	error = errno;
	sink_close(&w.sink);
	upload_abandon(&w.upload, false);	/* nobody can go on with it */
	if (ret == 0) {
		t->code = 201;
		(void)send_ack(&w);
		tftp_log(t);
		dally(&w);
	}
	mem_give(w.buffer);
	mem_give(w.decoded);
	errno = error;
	return ret;
}
