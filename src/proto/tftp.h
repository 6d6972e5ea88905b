/* tftp - what the files of TFTP share; nobody else includes it.
 * proto_tftp.c holds the request and its end, tftp_talk.c packets and patience, tftp_read.c and
 * tftp_write.c the two transfers, tftp_text.c netascii on its way out. */

#ifndef PROTO_TFTP_H
#define PROTO_TFTP_H

#include "parse/netascii.h"
#include "parse/parse_tftp.h"
#include "session/blocks.h"
#include "session/session.h"
#include "store/path.h"

/* How long to wait for a packet before the last one is sent again: what the client asks for, or at
 * first the former, doubled each time up to the latter. */
#define TFTP_WAIT_MS		1000
#define TFTP_WAIT_MAX_MS	8000

/* How often a packet, or a window of them, is sent again without any progress.  Fewer before the peer
 * has said anything but its request: whoever has written a wrong sender into that is not to get much
 * for it. */
#define TFTP_AGAIN_FIRST	3
#define TFTP_AGAIN		5

#define TFTP_IN_FLIGHT		(1024 * 1024)	/* bytes of a window that is sent */
#define TFTP_STRANGERS		16		/* wrong transfer ids that one transfer answers */
#define TFTP_TURN		64		/* packets after which other sessions have their turn */

/* One request on its way to its end. */
struct transfer {
	struct session		*session;
	struct datagram		*d;
	struct tftp_request	 request;	/* its name lies within d->bytes */
	struct path		 path;
	struct reach		 at;		/* what was reached by it, */
	struct path		*rest;		/* room for its name there */
	bool			 named;		/* path is the name of the request */
	int			 code;		/* for the log, as in coffer-protocol(7) */
	uint64_t		 bytes;		/* of the file, as far as they have arrived */
	int64_t			 began;		/* clock_us() */

	/* what was agreed upon */
	size_t			 blksize;	/* bytes */
	unsigned		 window;	/* blocks */

	/* patience */
	bool			 met;		/* the peer has said something that fits */
	bool			 idle;		/* nothing is in progress any more: draining ends it */
	bool			 waited;	/* since something was sent: what comes may be its answer */
	unsigned		 again;		/* how often in a row something was sent again */
	int64_t			 wait_ms;	/* how long to wait for the next packet */
	int64_t			 deadline;	/* until when */
	int64_t			 stall;		/* when the transfer ends unless there is progress */
	int64_t			 rate_at;	/* when the rate is looked at */
	uint64_t		 rate_bytes;	/* bytes when it was looked at before */
	unsigned		 strangers;
	unsigned		 turn;

	bool			 renewed;	/* the packet in d->bytes is another request of the peer */
};

/* The patience of a transfer that begins; the options are agreed upon. */
void	talk_begin(struct transfer *);

/* Sends a whole packet.  0, or -1 with ECONNREFUSED. */
int	talk_send(struct transfer *, const void *, size_t len);

/* The same for n packets of two parts, however many calls that takes. */
int	talk_send_all(struct transfer *, struct iovec (*parts)[2], size_t n);

/* Something has been sent that the peer is to answer. */
void	talk_sent(struct transfer *);

/* The peer's next packet, in `buffer`.  1, 0 when it is time to send the last one again, or -1 with
 * errno: ECONNREFUSED, ECONNABORTED (the peer has sent an ERROR, or another request), ETIMEDOUT.
 * Answers strangers on the way, and drops what is no packet. */
int	talk_receive(struct transfer *, struct tftp_packet *, char *buffer, size_t size);

/* Whether another request of the peer is there already, once the transfer is over. */
bool	talk_renewed(struct transfer *);

/* It is time to send something again: 0, or -1 with ETIMEDOUT where there is no patience left. */
int	talk_again(struct transfer *);

/* What came was a step forward. */
void	talk_progress(struct transfer *);

/* The line in the log, and t->code is 0. */
void	tftp_log(struct transfer *);

/* The two transfers: 0, or -1 with errno; the peer has not been told of it yet. */
int	tftp_read(struct transfer *);
int	tftp_write(struct transfer *);

/* A file as netascii, in blocks as source_blocks() gives them.  Where a block begins in the file can
 * only be found by going there: so from `kept` on, which is the first that may be wanted again. */
struct text_place {
	uint64_t	 block;
	off_t		 at;		/* of the file: the next byte to encode */
	struct netascii	 state;
};
struct text_source {
	struct source	 raw;
	char		*buffer;	/* encoded blocks */
	struct text_place kept, next;
};
int	text_open(struct text_source *, const struct object *, size_t blksize);
void	text_close(struct text_source *);
int	text_blocks(struct text_source *, uint64_t first, struct iovec (*parts)[2], size_t n, uint64_t *last);
int	text_keep(struct text_source *, uint64_t block);	/* none before it is wanted again */

#endif
