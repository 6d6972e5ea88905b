/* parse_cidr - networks as text: "192.0.2.0/24", "2001:db8::/32", "192.0.2.7".
 * Pure.  IPv4 is what it is within IPv6 (::ffff:192.0.2.7), so that an address is one thing, whichever
 * socket it came by. */

#ifndef PARSE_PARSE_CIDR_H
#define PARSE_PARSE_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CIDR_ADDRESS	16	/* bytes of an address */

struct cidr {
	uint8_t	 address[CIDR_ADDRESS];
	uint8_t	 len;		/* bits that count, from 0 to 128 */
};

/* 0, or -1: it is none, or has bits behind its length (as 192.0.2.7/24 has), which is likely to be
 * meant otherwise. */
int	cidr_parse(struct cidr *, const char *text);

bool	cidr_holds(const struct cidr *, const uint8_t address[CIDR_ADDRESS]);

/* The same address of four bytes, as one of 16. */
void	cidr_map(uint8_t address[CIDR_ADDRESS], const void *four);

#endif
