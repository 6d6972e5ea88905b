/* tftp_read - RRQ: a file on its way to the peer, block by block, window by window.
 * A packet that was lost is sent again when time is over, and, within a window, when the peer tells
 * where the gap is.  An ACK that comes twice is never answered twice, or every packet of the rest
 * of the transfer would be sent twice. */

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "proto/tftp.h"

struct reading {
	struct transfer	*t;
	struct object	 object;
	struct source	 source;	/* octet */
	struct text_source text;	/* netascii */
	uint64_t	 base;		/* the first block that was not acknowledged; 0: the OACK */
	uint64_t	 next;		/* behind the last that was sent */
	uint64_t	 last;		/* the file's last block, once known; else UINT64_MAX */
	unsigned	 calm;		/* steps until the next gap is believed in */
	int64_t		 sent_us;	/* when the window had been sent */
	int64_t		 trip_us;	/* the shortest time from there to its ACK; INT64_MAX: none yet */
};

static int
get_blocks(struct reading *r, struct iovec (*parts)[2], size_t n)
{
	if (r->t->request.netascii)
		return text_blocks(&r->text, r->next, parts, n, &r->last);
	return source_blocks(&r->source, r->next, parts, n, &r->last);
}

/* As many blocks as one call may send. */
static size_t
batch(const struct transfer *t)
{
	size_t n = 65000 / (TFTP_HEAD + t->blksize);

	return n < 1 ? 1 : n < DATAGRAM_BATCH ? n : DATAGRAM_BATCH;
}

static int
send_blocks(struct reading *r, uint64_t end)
{
	struct iovec parts[DATAGRAM_BATCH][2];
	char head[DATAGRAM_BATCH][TFTP_HEAD];
	size_t n = batch(r->t);
	int got, i;

	if (end - r->next < n)
		n = (size_t)(end - r->next);
	if ((got = get_blocks(r, parts, n)) == -1)
		return -1;
	for (i = 0; i < got; i++)
		parts[i][0] = (struct iovec){
			.iov_base = head[i], .iov_len = tftp_put_data(head[i], (uint16_t)(r->next + (uint64_t)i)),
		};
	r->next += (uint64_t)got;
	return talk_send_all(r->t, parts, (size_t)got);
}

/* The window from base on. */
static int
send_window(struct reading *r)
{
	char packet[TFTP_OACK_MAX];
	uint64_t end = r->base + r->t->window;

	r->next = r->base;
	if (r->base == 0) {
		r->next = 1;
		if (talk_send(r->t, packet, tftp_put_oack(packet, &r->t->request)) == -1)
			return -1;
	} else
		while (r->next < end && r->next <= r->last)
			if (send_blocks(r, end) == -1)
				return -1;
	if (r->t->window > 1)
		r->sent_us = clock_us();
	talk_sent(r->t);
	return 0;
}

static uint64_t
bytes_before(const struct reading *r, uint64_t block)
{
	uint64_t bytes = block == 0 ? 0 : (block - 1) * r->t->blksize, size = (uint64_t)r->object.size;

	if (r->t->request.netascii)	/* bytes of the file, too, at the end */
		return block > r->last ? size : bytes < size ? bytes : size;
	return bytes < size ? bytes : size;
}

/* The peer has everything before `block`. */
static int
advance(struct reading *r, uint64_t block)
{
	int64_t trip = r->t->window > 1 ? clock_us() - r->sent_us : 0;

	if (block == r->next && trip < r->trip_us)
		r->trip_us = trip;
	r->base = block;
	if (r->calm > 0)
		r->calm--;
	r->t->bytes = bytes_before(r, block);
	talk_progress(r->t);
	return r->t->request.netascii && block <= r->last ? text_keep(&r->text, block) : 0;
}

/* Whether an ACK of what was acknowledged before tells of a gap: not if it is a copy of that one,
 * which is here before any answer to the window can be, nor within the next step, where it may be
 * what the peer says to blocks that it got twice. */
static bool
tells_gap(struct reading *r)
{
	if (r->t->window == 1 || r->base == 0 || r->calm > 0 || !r->t->waited ||
	    clock_us() - r->sent_us < r->trip_us)
		return false;
	r->calm = 2;
	return true;
}

/* Waits until there is something to send: the next window, or the same again. */
static int
await_ack(struct reading *r)
{
	char buffer[TFTP_REQUEST_MAX];
	struct tftp_packet p;
	uint64_t forward;
	int come;

	while ((come = talk_receive(r->t, &p, buffer, sizeof(buffer))) == 1) {
		if (p.op != TFTP_ACK)
			continue;
		forward = (uint16_t)(p.number - (uint16_t)(r->base - 1));
		if (forward >= 1 && forward <= r->next - r->base)
			return advance(r, r->base + forward);
		if (forward == 0 && tells_gap(r))
			return 0;
	}
	return come == 0 ? talk_again(r->t) : -1;
}

static int
send_file(struct reading *r)
{
	while (r->base <= r->last)
		if (send_window(r) == -1 || await_ack(r) == -1)
			return -1;
	return 0;
}

/* What of the options is answered.  The size of a text as it is sent is known at its end only, and a
 * size of 0 is taken for an error by curl. */
static void
agree(struct transfer *t, const struct object *object)
{
	unsigned most = t->session->opts->window_max, fit = TFTP_IN_FLIGHT / t->request.blksize;

	t->blksize = t->request.blksize;
	if (t->request.windowsize > most)
		t->request.windowsize = most;
	if (t->request.windowsize > fit)
		t->request.windowsize = fit;
	t->window = t->request.windowsize;
	t->request.tsize = (uint64_t)object->size;
	if (t->request.netascii || object->size == 0)
		t->request.given &= ~(unsigned)TFTP_GIVEN_TSIZE;
}

static int
open_source(struct reading *r)
{
	if (r->t->request.netascii)
		return text_open(&r->text, &r->object, r->t->blksize);
	return source_open(&r->source, &r->object, r->t->blksize);
}

int
tftp_read(struct transfer *t)
{
	struct reading r = { .t = t, .last = UINT64_MAX, .trip_us = INT64_MAX };
	int ret, error;

	if (store_get(t->at.store, t->at.path, &r.object) == -1)
		return -1;
	agree(t, &r.object);
	talk_begin(t);
	r.base = t->request.given != 0 ? 0 : 1;
	ret = open_source(&r) == -1 ? -1 : send_file(&r);
	error = errno;
	source_close(&r.source);
	text_close(&r.text);
	object_close(&r.object);
	if (ret == 0)
		t->code = 200;
	errno = error;
	return ret;
}
