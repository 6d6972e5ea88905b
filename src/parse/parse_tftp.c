/* parse_tftp - the grammar of TFTP. */

#include "parse/parse_tftp.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/nitems.h"
#include "base/text.h"

#define TSIZE_DIGITS	40	/* digits of a size that is too large and still a number */

bool
tftp_is_request(const char *packet, size_t len)
{
	return len >= 2 && packet[0] == 0 && (packet[1] == TFTP_RRQ || packet[1] == TFTP_WRQ);
}

/* The next string, which a NUL ends within the packet; NULL if there is none. */
static const char *
next_string(const char **pos, const char *end, size_t *len)
{
	const char *s = *pos, *nul = s < end ? memchr(s, '\0', (size_t)(end - s)) : NULL;

	if (nul == NULL)
		return NULL;
	*len = (size_t)(nul - s);
	*pos = nul + 1;
	return s;
}

/* A number of digits only; what is larger than max is max. */
static int
read_number(uint64_t *n, const char *value, size_t len, uint64_t max)
{
	size_t i;

	if (text_number(n, value, len, max) == 0)
		return 0;
	if (errno != ERANGE || len > TSIZE_DIGITS)
		return -1;
	for (i = 0; i < len; i++)
		if (value[i] < '0' || value[i] > '9')
			return -1;
	*n = max;
	return 0;
}

/* A value out of bounds, or that is no number, leaves the option out, as an unknown one is; a block
 * or a window that is too large is answered with the largest. */
static void
take_value(struct tftp_request *rq, unsigned bit, const char *value, size_t len)
{
	uint64_t n;

	if (read_number(&n, value, len, bit == TFTP_GIVEN_TIMEOUT ? 256 : UINT64_MAX) == -1)
		return;
	switch (bit) {
	case TFTP_GIVEN_BLKSIZE:
		if (n < TFTP_BLKSIZE_MIN)
			return;
		rq->blksize = n > TFTP_BLKSIZE_MAX ? TFTP_BLKSIZE_MAX : (unsigned)n;
		break;
	case TFTP_GIVEN_TIMEOUT:
		if (n < 1 || n > 255)
			return;
		rq->timeout = (unsigned)n;
		break;
	case TFTP_GIVEN_WINDOWSIZE:
		if (n < 1)
			return;
		rq->windowsize = n > TFTP_WINDOW_MAX ? TFTP_WINDOW_MAX : (unsigned)n;
		break;
	default:
		rq->tsize = n;
	}
	rq->given |= bit;
}

static const struct {
	const char	*name;
	unsigned	 bit;
} options[] = {
	{ "blksize", TFTP_GIVEN_BLKSIZE },
	{ "timeout", TFTP_GIVEN_TIMEOUT },
	{ "tsize", TFTP_GIVEN_TSIZE },
	{ "windowsize", TFTP_GIVEN_WINDOWSIZE },
};

static unsigned
option_bit(const char *name)
{
	for (size_t i = 0; i < nitems(options); i++)
		if (strcasecmp(options[i].name, name) == 0)
			return options[i].bit;
	return 0;
}

static uint64_t
option_value(const struct tftp_request *rq, unsigned bit)
{
	switch (bit) {
	case TFTP_GIVEN_BLKSIZE:
		return rq->blksize;
	case TFTP_GIVEN_TIMEOUT:
		return rq->timeout;
	case TFTP_GIVEN_WINDOWSIZE:
		return rq->windowsize;
	default:
		return rq->tsize;
	}
}

static int
refuse(enum tftp_code *code, enum tftp_code is, const char **why, const char *sentence)
{
	*code = is;
	*why = sentence;
	return -1;
}

/* Some programs fill their packets up with NULs: what they end is no option. */
static int
take_options(struct tftp_request *rq, const char *pos, const char *end, enum tftp_code *code,
    const char **why)
{
	const char *name, *value;
	unsigned bit, seen = 0;
	size_t len;

	while (pos < end) {
		if ((name = next_string(&pos, end, &len)) == NULL)
			return refuse(code, TFTP_ILLEGAL, why, "an option is cut off");
		if (len == 0)
			continue;
		if ((value = next_string(&pos, end, &len)) == NULL)
			return refuse(code, TFTP_ILLEGAL, why, "an option has no value");
		if ((bit = option_bit(name)) == 0)
			continue;
		if ((seen & bit) != 0)
			return refuse(code, TFTP_BAD_OPTION, why, "an option is given twice");
		seen |= bit;
		take_value(rq, bit, value, len);
	}
	return 0;
}

int
tftp_parse_request(struct tftp_request *rq, const char *packet, size_t len, enum tftp_code *code,
    const char **why)
{
	const char *pos = packet + 2, *end = packet + len, *mode;
	size_t n;

	memset(rq, 0, sizeof(*rq));
	rq->blksize = TFTP_BLKSIZE;
	rq->windowsize = 1;
	if (!tftp_is_request(packet, len))
		return refuse(code, TFTP_ILLEGAL, why, "no request");
	rq->op = packet[1] == TFTP_RRQ ? TFTP_RRQ : TFTP_WRQ;
	if (len > TFTP_REQUEST_MAX)
		return refuse(code, TFTP_ILLEGAL, why, "a request is at most 512 bytes");
	if ((rq->name = next_string(&pos, end, &rq->len)) == NULL)
		return refuse(code, TFTP_ILLEGAL, why, "the name is cut off");
	if (rq->len == 0)
		return refuse(code, TFTP_ILLEGAL, why, "the name is empty");
	if ((mode = next_string(&pos, end, &n)) == NULL)
		return refuse(code, TFTP_ILLEGAL, why, "the mode is cut off");
	rq->netascii = strcasecmp(mode, "netascii") == 0;
	if (!rq->netascii && strcasecmp(mode, "octet") != 0)
		return refuse(code, TFTP_ILLEGAL, why, "the mode is neither octet nor netascii");
	return take_options(rq, pos, end, code, why);
}

static uint16_t
get16(const char *p)
{
	return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

static void
put16(char *p, uint16_t n)
{
	p[0] = (char)(n >> 8);
	p[1] = (char)n;
}

int
tftp_parse_packet(struct tftp_packet *p, const char *packet, size_t len)
{
	uint16_t op = len >= 2 ? get16(packet) : 0;

	memset(p, 0, sizeof(*p));
	if (op < TFTP_RRQ || op > TFTP_OACK)
		return -1;
	p->op = (enum tftp_op)op;
	if (op != TFTP_DATA && op != TFTP_ACK && op != TFTP_ERROR)
		return 0;
	if (len < TFTP_HEAD)
		return -1;
	p->number = get16(packet + 2);
	p->data = packet + TFTP_HEAD;
	p->len = len - TFTP_HEAD;
	if (op == TFTP_ERROR)
		p->len = strnlen(p->data, p->len);
	return 0;
}

size_t
tftp_put_data(char dst[TFTP_HEAD], uint16_t block)
{
	put16(dst, TFTP_DATA);
	put16(dst + 2, block);
	return TFTP_HEAD;
}

size_t
tftp_put_ack(char dst[TFTP_HEAD], uint16_t block)
{
	put16(dst, TFTP_ACK);
	put16(dst + 2, block);
	return TFTP_HEAD;
}

size_t
tftp_put_error(char dst[TFTP_ERROR_MAX], enum tftp_code code, const char *sentence)
{
	size_t len = strnlen(sentence, TFTP_ERROR_MAX - TFTP_HEAD - 1);

	put16(dst, TFTP_ERROR);
	put16(dst + 2, (uint16_t)code);
	memcpy(dst + TFTP_HEAD, sentence, len);
	dst[TFTP_HEAD + len] = '\0';
	return TFTP_HEAD + len + 1;
}

size_t
tftp_put_oack(char dst[TFTP_OACK_MAX], const struct tftp_request *rq)
{
	char *p = dst + 2;
	size_t len;

	put16(dst, TFTP_OACK);
	for (size_t i = 0; i < nitems(options); i++) {
		if ((rq->given & options[i].bit) == 0)
			continue;
		len = strlen(options[i].name) + 1;
		memcpy(p, options[i].name, len);
		p = text_decimal(p + len, option_value(rq, options[i].bit));
		*p++ = '\0';
	}
	return (size_t)(p - dst);
}
