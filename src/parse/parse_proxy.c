/* parse_proxy - the header that a proxy puts before a connection. */

#include <sys/socket.h>

#include <arpa/inet.h>

#include <string.h>

#include "base/text.h"
#include "parse/parse_proxy.h"

#define LINE_BEGIN	"PROXY "
#define LINE_MAX_LEN	107	/* bytes of a line, with its CR LF */
#define SIGNATURE	"\r\n\r\n\0\r\nQUIT\n"
#define SIGNATURE_LEN	12
#define HEAD		16	/* bytes of version 2 before the addresses */
#define VERSION_2	0x20
#define LOCAL		0
#define PROXY		1
#define OVER_TCP4	0x11	/* family and transport */
#define OVER_TCP6	0x21

static ssize_t
measure_line(const char *bytes, size_t len)
{
	const char *lf = memchr(bytes, '\n', len < LINE_MAX_LEN ? len : LINE_MAX_LEN);

	if (lf != NULL)
		return lf - bytes + 1;
	return len < LINE_MAX_LEN ? 0 : -1;
}

static size_t
length_of(const char *bytes)
{
	return HEAD + ((size_t)(uint8_t)bytes[14] << 8 | (uint8_t)bytes[15]);
}

static ssize_t
measure_binary(const char *bytes, size_t len)
{
	if (len < HEAD)
		return 0;
	if (length_of(bytes) > PROXY_MAX)
		return -1;
	return len < length_of(bytes) ? 0 : (ssize_t)length_of(bytes);
}

/* Whether the bytes could yet become a header that begins so. */
static bool
begins(const char *bytes, size_t len, const char *with, size_t withlen)
{
	return memcmp(bytes, with, len < withlen ? len : withlen) == 0;
}

ssize_t
proxy_measure(const char *bytes, size_t len)
{
	if (len == 0)
		return 0;
	if (begins(bytes, len, LINE_BEGIN, strlen(LINE_BEGIN)))
		return measure_line(bytes, len);
	if (begins(bytes, len, SIGNATURE, SIGNATURE_LEN))
		return measure_binary(bytes, len);
	return -1;
}

/* "1 to 65535" without leading zeros, and 0 as well, which some send. */
static int
parse_port(uint16_t *port, const char *text)
{
	uint64_t n;

	if ((text[0] == '0' && text[1] != '\0') || text_number(&n, text, strlen(text), UINT16_MAX) == -1)
		return -1;
	*port = (uint16_t)n;
	return 0;
}

static int
parse_address(uint8_t address[CIDR_ADDRESS], int family, const char *text)
{
	uint8_t four[4];

	if (family == AF_INET6)
		return inet_pton(AF_INET6, text, address) == 1 ? 0 : -1;
	if (inet_pton(AF_INET, text, four) != 1)
		return -1;
	cidr_map(address, four);
	return 0;
}

/* The next word, ended by one space, or the rest. */
static char *
next(char **rest)
{
	return *rest != NULL ? strsep(rest, " ") : NULL;
}

/* PROXY TCP4 source destination source-port destination-port */
static int
parse_line(struct proxy_header *h, const char *bytes, size_t len)
{
	char line[LINE_MAX_LEN + 1], *rest = line, *words[6];
	uint8_t destination[CIDR_ADDRESS];
	uint16_t port;
	size_t n = 0;
	int family;

	if (len < 2 || bytes[len - 2] != '\r' || memchr(bytes, '\0', len) != NULL)
		return -1;
	memcpy(line, bytes, len - 2);
	line[len - 2] = '\0';
	while (n < 6 && (words[n] = next(&rest)) != NULL)
		n++;
	if (n >= 2 && strcmp(words[1], "UNKNOWN") == 0)
		return 0;	/* whatever follows */
	if (n != 6 || rest != NULL)
		return -1;
	family = strcmp(words[1], "TCP4") == 0 ? AF_INET : strcmp(words[1], "TCP6") == 0 ? AF_INET6 : AF_UNSPEC;
	if (family == AF_UNSPEC || parse_address(h->source, family, words[2]) == -1 ||
	    parse_address(destination, family, words[3]) == -1 ||
	    parse_port(&h->port, words[4]) == -1 || parse_port(&port, words[5]) == -1)
		return -1;
	h->known = true;
	return 0;
}

static int
parse_binary(struct proxy_header *h, const char *bytes, size_t len)
{
	unsigned version = (uint8_t)bytes[12] & 0xf0U, command = (uint8_t)bytes[12] & 0x0fU;
	unsigned over = (uint8_t)bytes[13];
	const char *from = bytes + HEAD;
	size_t size = over == OVER_TCP4 ? 4 : CIDR_ADDRESS;

	if (version != VERSION_2 || command > PROXY)
		return -1;
	if (command == LOCAL || (over != OVER_TCP4 && over != OVER_TCP6))
		return 0;
	if (len < HEAD + 2 * size + 2 * sizeof(h->port))
		return -1;
	if (over == OVER_TCP4)
		cidr_map(h->source, from);
	else
		memcpy(h->source, from, size);
	h->port = (uint16_t)((uint8_t)from[2 * size] << 8 | (uint8_t)from[2 * size + 1]);
	h->known = true;
	return 0;
}

int
proxy_parse(struct proxy_header *h, const char *bytes, size_t len)
{
	memset(h, 0, sizeof(*h));
	if (proxy_measure(bytes, len) != (ssize_t)len || len == 0)
		return -1;
	return bytes[0] == 'P' ? parse_line(h, bytes, len) : parse_binary(h, bytes, len);
}
