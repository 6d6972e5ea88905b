/* scoreboard - what all processes of the pool know of each other, in shared memory. */

#include <sys/mman.h>

#include <stddef.h>

#include "server/scoreboard.h"

struct scoreboard *
scoreboard_open(unsigned size)
{
	struct scoreboard *board;

	board = mmap(NULL, sizeof(*board) + size * sizeof(board->slot[0]), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (board == MAP_FAILED)
		return NULL;
	board->size = size;
	return board;
}

void
scoreboard_reset(struct scoreboard *board, unsigned slot)
{
	atomic_store(&board->slot[slot].accepting, false);
	atomic_store(&board->slot[slot].sessions, 0);
}

unsigned
scoreboard_surplus(const struct scoreboard *board, unsigned slot)
{
	unsigned i, mine = 0, n, total = 0, accepting = 0;

	for (i = 0; i < board->size; i++) {
		if (!atomic_load_explicit(&board->slot[i].accepting, memory_order_relaxed))
			continue;
		n = atomic_load_explicit(&board->slot[i].sessions, memory_order_relaxed);
		accepting++;
		total += n;
		if (i == slot)
			mine = n;
	}
	return accepting > 1 && mine * accepting > total ? mine - total / accepting : 0;
}
