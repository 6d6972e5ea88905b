/* test_heap - what is due first, against a list that is looked through. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sched/heap.h"

#define NODES	67
#define STEPS	20000

static struct heap_node	 node[NODES];

/* The same numbers each time. */
static uint32_t
next(void)
{
	static uint32_t x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}

/* The least of those that are in it, by looking at all; INT64_MAX: none is. */
static int64_t
least(void)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < NODES; i++)
		if (heap_has(&node[i]) && node[i].due < due)
			due = node[i].due;
	return due;
}

static void
check(const struct heap *h)
{
	const struct heap_node *first = heap_first(h);
	uint32_t i;

	for (i = 0; i < h->len; i++)
		assert_int_equal(h->at[i]->place, i + 1);
	if (first == NULL)
		assert_int_equal(least(), INT64_MAX);
	else
		assert_int_equal(first->due, least());
}

static void
the_first_is_always_the_least(void **state)
{
	struct heap h = { 0 };
	struct heap_node *n;
	unsigned step, i, in;

	(void)state;
	assert_null(heap_first(&h));
	assert_int_equal(heap_reserve(&h, NODES), 0);
	for (step = 0; step < STEPS; step++) {
		n = &node[next() % NODES];
		if (heap_has(n) && next() % 3 == 0)
			heap_remove(&h, n);
		else
			heap_put(&h, n, next() % 100);	/* so few that many are the same */
		for (i = in = 0; i < NODES; i++)
			in += heap_has(&node[i]);
		assert_int_equal(h.len, in);
		check(&h);
	}
	free(h.at);
}

/* As much room as was asked for, and what was in it before stays. */
static void
room_grows(void **state)
{
	static struct heap_node many[1000];
	struct heap h = { 0 };
	int64_t i, n = sizeof(many) / sizeof(many[0]);

	(void)state;
	for (i = 0; i < n; i++) {
		assert_int_equal(heap_reserve(&h, (uint32_t)i + 1), 0);
		assert_true(h.room > h.len);
		heap_put(&h, &many[i], n - i);
	}
	for (i = 1; i <= n; i++) {
		assert_ptr_equal(heap_first(&h), &many[n - i]);
		assert_int_equal(heap_first(&h)->due, i);
		heap_remove(&h, heap_first(&h));
		assert_false(heap_has(&many[n - i]));
	}
	assert_null(heap_first(&h));
	free(h.at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_is_always_the_least),
		cmocka_unit_test(room_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
