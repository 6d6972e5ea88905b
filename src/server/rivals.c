/* rivals - who is at the same work for the same client. */

#include <string.h>

#include "server/rivals.h"

/* Not the port; those who come by a Unix socket are one. */
static bool
same_address(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->sin6_family != b->sin6_family)
		return false;
	if (a->sin6_family == AF_INET6)
		return memcmp(&a->sin6_addr, &b->sin6_addr, sizeof(a->sin6_addr)) == 0;
	return a->sin6_family != AF_INET || a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

static bool
is_rival(const struct progress *other, const struct progress *mine)
{
	if (other->number == mine->number || other->state != PROGRESS_BUSY ||
	    strncmp(other->verb, mine->verb, sizeof(mine->verb)) != 0 ||
	    !same_address(&other->peer, &mine->peer))
		return false;
	return other->since < mine->since || (other->since == mine->since && other->number < mine->number);
}

unsigned
rivals_count(const struct scoreboard *board, const struct progress *mine)
{
	unsigned count = 0, rows = scoreboard_rows(board), at;
	struct progress other;

	for (unsigned row = 0; row < rows; row++)
		for (at = 0; scoreboard_session(board, row, &at, &other); )
			count += is_rival(&other, mine);
	return count;
}
