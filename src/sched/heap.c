/* heap - a heap of deadlines, each node of which knows its place. */

#include <stdlib.h>

#include "sched/heap.h"

static void
set(struct heap *h, uint32_t at, struct heap_node *n)
{
	h->at[at] = n;
	n->place = at + 1;
}

static void
up(struct heap *h, uint32_t at, struct heap_node *n)
{
	while (at > 0 && h->at[(at - 1) / 2]->due > n->due) {
		set(h, at, h->at[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	set(h, at, n);
}

static void
down(struct heap *h, uint32_t at, struct heap_node *n)
{
	uint32_t child;

	while ((child = 2 * at + 1) < h->len) {
		if (child + 1 < h->len && h->at[child + 1]->due < h->at[child]->due)
			child++;
		if (h->at[child]->due >= n->due)
			break;
		set(h, at, h->at[child]);
		at = child;
	}
	set(h, at, n);
}

/* To where it belongs, from a place that is free. */
static void
settle(struct heap *h, uint32_t at, struct heap_node *n)
{
	if (at > 0 && h->at[(at - 1) / 2]->due > n->due)
		up(h, at, n);
	else
		down(h, at, n);
}

int
heap_reserve(struct heap *h, uint32_t n)
{
	struct heap_node **bigger;

	if (n <= h->room)
		return 0;
	if ((bigger = reallocarray(h->at, (size_t)n * 2, sizeof(*h->at))) == NULL)
		return -1;
	h->at = bigger;
	h->room = n * 2;
	return 0;
}

void
heap_put(struct heap *h, struct heap_node *n, int64_t due)
{
	n->due = due;
	settle(h, heap_has(n) ? n->place - 1 : h->len++, n);
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
	const uint32_t at = n->place - 1;
	struct heap_node *last = h->at[--h->len];

	n->place = 0;
	if (last != n)
		settle(h, at, last);
}
