/* rivals - who is at the same work for the same client. */

#include <string.h>

#include "io/socket.h"
#include "server/rivals.h"

static bool
is_rival(const struct progress *other, const struct progress *mine)
{
	if (other->number == mine->number || other->state != PROGRESS_BUSY ||
	    strncmp(other->verb, mine->verb, sizeof(mine->verb)) != 0 ||
	    !socket_same_client((const struct sockaddr *)&other->peer, (const struct sockaddr *)&mine->peer))
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
