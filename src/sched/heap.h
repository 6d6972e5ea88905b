/* heap - a heap of deadlines: what is due next is found at once, and all else moves in few steps. */

#ifndef SCHED_HEAP_H
#define SCHED_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {		/* part of what waits; all zero: in no heap */
	int64_t		 due;	/* while it is in one */
	uint32_t	 place;	/* + 1; 0: in none */
};

struct heap {			/* all zero: empty */
	struct heap_node **at;		/* by malloc(3) */
	uint32_t	 len, room;
};

/* Makes room for `n` nodes in all, so that putting them in cannot fail.  0, or -1 with ENOMEM. */
int	heap_reserve(struct heap *, uint32_t n);

/* Puts it in, or moves it within. */
void	heap_put(struct heap *, struct heap_node *, int64_t due);

/* A node that is in it. */
void	heap_remove(struct heap *, struct heap_node *);

static inline bool
heap_has(const struct heap_node *n)
{
	return n->place != 0;
}

/* Whose is due first; NULL where there is none. */
static inline struct heap_node *
heap_first(const struct heap *h)
{
	return h->len > 0 ? h->at[0] : NULL;
}

#endif
