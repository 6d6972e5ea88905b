/* parse_tftp - the grammar of TFTP: RFC 1350, and the options of RFC 2347, 2348, 2349, 7440.
 * Pure: bytes in, a struct out, and the other way; no descriptor, no clock, no allocation. */

#ifndef PARSE_PARSE_TFTP_H
#define PARSE_PARSE_TFTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TFTP_REQUEST_MAX	512	/* bytes of a request, RFC 2347 */
#define TFTP_HEAD		4	/* bytes before the data, and of an ACK */
#define TFTP_BLKSIZE		512	/* without the option */
#define TFTP_BLKSIZE_MIN	8
#define TFTP_BLKSIZE_MAX	65464
#define TFTP_WINDOW_MAX		65535
#define TFTP_ERROR_MAX		128	/* bytes of an ERROR that we send */
#define TFTP_OACK_MAX		128	/* bytes of an OACK: every option with its longest value */

enum tftp_op { TFTP_RRQ = 1, TFTP_WRQ, TFTP_DATA, TFTP_ACK, TFTP_ERROR, TFTP_OACK };

/* Codes of an ERROR. */
enum tftp_code {
	TFTP_OTHER, TFTP_NOT_FOUND, TFTP_ACCESS, TFTP_FULL, TFTP_ILLEGAL, TFTP_UNKNOWN_ID,
	TFTP_EXISTS, TFTP_NO_USER, TFTP_BAD_OPTION
};

/* Options, as bits of tftp_request.given. */
enum {
	TFTP_GIVEN_BLKSIZE	= 1 << 0,
	TFTP_GIVEN_TIMEOUT	= 1 << 1,
	TFTP_GIVEN_TSIZE	= 1 << 2,
	TFTP_GIVEN_WINDOWSIZE	= 1 << 3,
};

struct tftp_request {
	enum tftp_op	 op;		/* TFTP_RRQ or TFTP_WRQ */
	const char	*name;		/* within the packet, NUL-terminated */
	size_t		 len;		/* of name, not 0 */
	bool		 netascii;	/* else octet */
	unsigned	 given;		/* the options that were understood; others are left out */
	unsigned	 blksize;	/* bytes of a block, from TFTP_BLKSIZE_MIN to _MAX */
	unsigned	 timeout;	/* seconds, from 1 to 255 */
	unsigned	 windowsize;	/* blocks, from 1 to TFTP_WINDOW_MAX */
	uint64_t	 tsize;		/* bytes; UINT64_MAX for more than that */
};

/* Whether a packet of `len` bytes is a request at all, good or bad. */
bool	tftp_is_request(const char *packet, size_t len);

/* Takes a request apart.  0, or -1 with the code and a sentence for the answer. */
int	tftp_parse_request(struct tftp_request *, const char *packet, size_t len, enum tftp_code *,
	    const char **why);

/* What comes within a transfer. */
struct tftp_packet {
	enum tftp_op	 op;
	uint16_t	 number;	/* block of DATA and ACK, code of ERROR */
	const char	*data;		/* of DATA; the sentence of ERROR, which no NUL may end */
	size_t		 len;
};

/* 0, or -1 for what is none, or is cut off.  Of an OACK and of requests only op is filled in. */
int	tftp_parse_packet(struct tftp_packet *, const char *packet, size_t len);

/* Writers.  Each returns how many bytes the packet has. */
size_t	tftp_put_data(char dst[TFTP_HEAD], uint16_t block);	/* the head alone */
size_t	tftp_put_ack(char dst[TFTP_HEAD], uint16_t block);
size_t	tftp_put_error(char dst[TFTP_ERROR_MAX], enum tftp_code, const char *sentence);
size_t	tftp_put_oack(char dst[TFTP_OACK_MAX], const struct tftp_request *); /* those in `given` */

#endif
