/* fiber - sessions on stacks of their own, and whose turn it is. */

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "base/clock.h"
#include "io/wait.h"
#include "sched/fiber.h"

#define TRIM_AFTER	1000	/* milliseconds of sleep after which a stack is trimmed */

TAILQ_HEAD(fibers, fiber);

static struct fibers	 all = TAILQ_HEAD_INITIALIZER(all);
static struct fibers	 turn = TAILQ_HEAD_INITIALIZER(turn);	/* the next one */
static struct fibers	 present = TAILQ_HEAD_INITIALIZER(present);	/* what is left of this one */
static struct fibers	 dozing = TAILQ_HEAD_INITIALIZER(dozing);
static uint32_t		 count;		/* of all */
static int64_t		 turn_ms;	/* when this turn began */

/* Who is woken stays in it, for most will wait again, until later: so a wait changes nothing here but
 * once in a while, when a place has come to its front. */
static struct heap	 heap;

struct fiber *
fiber_self(void)
{
	struct coroutine *co = coroutine_self();

	assert(co != NULL);
	return coroutine_local(co);
}

static void
fiber_main(void *arg)
{
	struct fiber *f = arg;

	f->task.run(f->task.arg);
	TAILQ_REMOVE(&all, f, all);
	count--;
	if (heap_has(&f->node))
		heap_remove(&heap, &f->node);
	if (f->dozing)
		TAILQ_REMOVE(&dozing, f, sleep);
	if (f->ended != NULL)
		f->ended(f);
}

/* Room in the heap is made here, so that sleeping cannot fail.  It runs in this turn: to ask the kernel
 * before it has said for what it waits is a system call for nothing. */
int
fiber_start(const struct sched_task *task, void (*ended)(struct fiber *))
{
	struct coroutine *co;
	struct fiber *f;

	if (heap_reserve(&heap, count + 1) == -1 || (co = coroutine_new(fiber_main)) == NULL)
		return -1;
	f = coroutine_local(co);
	f->co = co;
	f->task = *task;
	f->ended = ended;
	count++;
	TAILQ_INSERT_TAIL(&all, f, all);
	TAILQ_INSERT_TAIL(&present, f, turn);
	return 0;
}

int
fiber_doze(int64_t deadline, bool cancellable)
{
	struct fiber *f = fiber_self();

	if (cancellable && wait_draining()) {
		errno = ECANCELED;
		return -1;
	}
	f->waiting = true;
	f->cancellable = cancellable;
	f->deadline = deadline;
	if (deadline != CLOCK_NEVER && (!heap_has(&f->node) || f->node.due > deadline))
		heap_put(&heap, &f->node, deadline);
	f->since = turn_ms;
	if (!f->dozing) {
		f->dozing = true;
		f->listed = turn_ms;
		TAILQ_INSERT_TAIL(&dozing, f, sleep);
	}
	coroutine_suspend();
	if (f->error == 0)
		return 0;
	errno = f->error;
	return -1;
}

void
fiber_yield(void)
{
	TAILQ_INSERT_TAIL(&turn, fiber_self(), turn);
	coroutine_suspend();
}

void
fiber_wake(struct fiber *f, int error)
{
	if (!f->waiting)
		return;
	f->waiting = false;
	f->error = error;
	TAILQ_INSERT_TAIL(&turn, f, turn);
}

void
fiber_cancel(void)
{
	struct fiber *f;

	TAILQ_FOREACH(f, &all, all)
		if (f->waiting && f->cancellable)
			fiber_wake(f, ECANCELED);
}

bool
fiber_any(void)
{
	return !TAILQ_EMPTY(&all);
}

void
fiber_turn(void)
{
	struct fiber *f;

	TAILQ_CONCAT(&present, &turn, turn);
	while ((f = TAILQ_FIRST(&present)) != NULL) {
		TAILQ_REMOVE(&present, f, turn);
		(void)coroutine_resume(f->co);
	}
}

int
fiber_timeout(void)
{
	const struct heap_node *first = heap_first(&heap);
	int64_t deadline = first != NULL ? first->due : CLOCK_NEVER;

	if (!TAILQ_EMPTY(&turn))
		return 0;
	if (!TAILQ_EMPTY(&dozing) && TAILQ_FIRST(&dozing)->listed + TRIM_AFTER < deadline)
		deadline = TAILQ_FIRST(&dozing)->listed + TRIM_AFTER;
	return wait_timeout(deadline);
}

static void
expire(int64_t now)
{
	struct heap_node *n;
	struct fiber *f;

	while ((n = heap_first(&heap)) != NULL && n->due <= now) {
		f = (void *)((char *)n - offsetof(struct fiber, node));
		if (f->waiting && f->deadline != CLOCK_NEVER && f->deadline > now) {
			heap_put(&heap, n, f->deadline);
			continue;
		}
		heap_remove(&heap, n);
		if (f->deadline <= now)
			fiber_wake(f, ETIMEDOUT);
	}
}

/* Who was awake meanwhile is looked at again later; so who is woken and sleeps again need not be moved
 * in the list. */
static void
trim(int64_t now)
{
	struct fiber *f;

	while ((f = TAILQ_FIRST(&dozing)) != NULL && f->listed + TRIM_AFTER <= now) {
		TAILQ_REMOVE(&dozing, f, sleep);
		f->dozing = false;
		if (!f->waiting)
			continue;
		if (f->since + TRIM_AFTER <= now)
			coroutine_trim(f->co);
		else {
			f->dozing = true;
			f->listed = now;
			TAILQ_INSERT_TAIL(&dozing, f, sleep);
		}
	}
}

void
fiber_tick(void)
{
	turn_ms = clock_ms();
	expire(turn_ms);
	trim(turn_ms);
}
