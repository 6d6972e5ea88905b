/* scoreboard - what all processes of the pool know of each other, in shared memory.
 * Each worker writes its own slot; everybody reads. */

#ifndef SERVER_SCOREBOARD_H
#define SERVER_SCOREBOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct scoreboard_slot {
	_Alignas(64) atomic_uint sessions;	/* now */
	atomic_bool	 accepting;
	_Atomic uint64_t accepted;		/* since the slot's first worker */
};

struct scoreboard {
	unsigned	 size;			/* slots */
	_Atomic uint64_t connections;		/* accepted by the pool: numbers the sessions */
	struct scoreboard_slot slot[];
};

/* Shared with every process forked from here on.  NULL with errno. */
struct scoreboard *scoreboard_open(unsigned size);

/* A worker begins, or is gone: its slot holds nobody. */
void	scoreboard_reset(struct scoreboard *, unsigned slot);

/* How many sessions this slot has beyond its share of the pool's, at least 0. */
unsigned scoreboard_surplus(const struct scoreboard *, unsigned slot);

#endif
