/* fuzz_parse_tftp - any packet as a request, and as one within a transfer; and as text, encoded and
 * decoded in pieces that the first byte chooses. */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parse/netascii.h"
#include "parse/parse_tftp.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
request(const char *packet, size_t len)
{
	char oack[TFTP_OACK_MAX];
	struct tftp_request rq;
	enum tftp_code code;
	const char *why = NULL;

	if (tftp_parse_request(&rq, packet, len, &code, &why) == -1) {
		assert(why != NULL && (code == TFTP_ILLEGAL || code == TFTP_BAD_OPTION));
		return;
	}
	assert(len <= TFTP_REQUEST_MAX && tftp_is_request(packet, len));
	assert(rq.op == TFTP_RRQ || rq.op == TFTP_WRQ);
	assert(rq.name > packet && rq.name + rq.len < packet + len);
	assert(rq.len > 0 && strlen(rq.name) == rq.len);
	assert(rq.blksize >= TFTP_BLKSIZE_MIN && rq.blksize <= TFTP_BLKSIZE_MAX);
	assert(rq.windowsize >= 1 && rq.windowsize <= TFTP_WINDOW_MAX);
	assert(rq.timeout <= 255 && (rq.timeout > 0) == ((rq.given & TFTP_GIVEN_TIMEOUT) != 0));
	assert(tftp_put_oack(oack, &rq) <= sizeof(oack));
}

static void
packet(const char *bytes, size_t len)
{
	struct tftp_packet p;

	if (tftp_parse_packet(&p, bytes, len) == -1)
		return;
	assert(p.op >= TFTP_RRQ && p.op <= TFTP_OACK);
	if (p.data != NULL)
		assert(len >= TFTP_HEAD && p.data == bytes + TFTP_HEAD && p.len <= len - TFTP_HEAD);
}

static void
text(const char *bytes, size_t len, size_t piece)
{
	struct netascii out = NETASCII_START, in = NETASCII_START;
	char *wire = malloc(2 * len + 1), *back = malloc(2 * len + 2);
	size_t n = 0, m = 0, at, left = len;
	const char *from = bytes;

	assert(wire != NULL && back != NULL);
	while (left > 0 || out.pending != -1)
		n += netascii_encode(&out, &from, &left, wire + n, piece);
	assert(n <= 2 * len && from == bytes + len);
	for (at = 0; at < n; at += piece)
		m += netascii_decode(&in, wire + at, n - at < piece ? n - at : piece, back + m);
	m += netascii_end(&in, back + m);
	assert(m == len && memcmp(back, bytes, len) == 0);
	/* What nobody encoded. */
	m = netascii_decode(&in, bytes, len, back);
	m += netascii_end(&in, back + m);
	assert(m <= len);
	free(wire);
	free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (size == 0)
		return 0;
	copy = malloc(size);	/* of exactly its size */
	assert(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	request(copy, size - 1);
	packet(copy, size - 1);
	text(copy, size - 1, (size_t)data[0] + 1);
	free(copy);
	return 0;
}
