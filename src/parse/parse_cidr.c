/* parse_cidr - networks as text. */

#include <sys/socket.h>

#include <arpa/inet.h>

#include <string.h>

#include "base/text.h"
#include "parse/parse_cidr.h"

#define MAPPED_BITS	96	/* in front of an IPv4 address */

void
cidr_map(uint8_t address[CIDR_ADDRESS], const void *four)
{
	memset(address, 0, 10);
	address[10] = address[11] = 0xff;
	memcpy(address + 12, four, 4);
}

/* Bits of the address that its text could have, or -1. */
static int
parse_address(uint8_t address[CIDR_ADDRESS], const char *text)
{
	uint8_t four[4];

	if (inet_pton(AF_INET, text, four) == 1) {
		cidr_map(address, four);
		return 32;
	}
	return inet_pton(AF_INET6, text, address) == 1 ? 128 : -1;
}

/* Whether all bits from `len` on are 0. */
static bool
ends_at(const struct cidr *c)
{
	unsigned bit;

	for (bit = c->len; bit < 8 * CIDR_ADDRESS; bit++)
		if ((c->address[bit / 8] & (0x80 >> bit % 8)) != 0)
			return false;
	return true;
}

int
cidr_parse(struct cidr *c, const char *text)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	uint64_t given;
	int bits;

	if (len >= sizeof(address))
		return -1;
	memcpy(address, text, len);
	address[len] = '\0';
	if ((bits = parse_address(c->address, address)) == -1)
		return -1;
	given = (uint64_t)bits;
	if (text[len] == '/' && text_number(&given, text + len + 1, strlen(text + len + 1), (uint64_t)bits) == -1)
		return -1;
	c->len = (uint8_t)(given + (bits == 32 ? MAPPED_BITS : 0));
	return ends_at(c) ? 0 : -1;
}

bool
cidr_holds(const struct cidr *c, const uint8_t address[CIDR_ADDRESS])
{
	unsigned whole = c->len / 8, rest = c->len % 8;

	return memcmp(c->address, address, whole) == 0 &&
	    (rest == 0 || ((c->address[whole] ^ address[whole]) >> (8 - rest)) == 0);
}
