/* fiber - what a worker of coroutines does at a time, each on a stack of its own: who runs next, who
 * sleeps until when, who has slept so long that he gets by with less memory.
 * Knows nothing of descriptors: whoever does wakes it. */

#ifndef SCHED_FIBER_H
#define SCHED_FIBER_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stdint.h>

#include "sched/coroutine.h"
#include "sched/heap.h"
#include "sched/sched.h"

struct fiber {			/* lives in coroutine_local() */
	struct coroutine *co;
	TAILQ_ENTRY(fiber) all, turn, sleep;
	struct sched_task task;
	void		(*ended)(struct fiber *);	/* or NULL */
	struct heap_node node;		/* due at or before the deadline */
	int64_t		 deadline;	/* of the present wait, or of the last */
	int64_t		 since;		/* asleep since */
	int64_t		 listed;	/* when it came to the end of the list of the dozing */
	int		 error;		/* how the wait ended: 0 or errno */
	bool		 waiting;
	bool		 cancellable;	/* draining ends this wait */
	bool		 dozing;	/* in the list of those to be trimmed */
};
_Static_assert(sizeof(struct fiber) <= COROUTINE_LOCAL, "COROUTINE_LOCAL is too small");

/* Makes one that does the task from the next turn on, and calls `ended` then.  0, or -1 with errno. */
int	fiber_start(const struct sched_task *, void (*ended)(struct fiber *));

/* The one that runs; there must be one. */
struct fiber	*fiber_self(void);

/* Suspends the running one until it is woken, or the deadline.  0, or -1 with errno: what it was woken
 * with, ETIMEDOUT, or ECANCELED, where draining ends the wait. */
int	fiber_doze(int64_t deadline, bool cancellable);

/* Lets the others run before the running one goes on. */
void	fiber_yield(void);

/* Ends a fiber's wait, if it waits: it runs in the next turn. */
void	fiber_wake(struct fiber *, int error);

/* Wakes all whose wait draining ends. */
void	fiber_cancel(void);

/* Whether there are any left. */
bool	fiber_any(void);

/* Runs those that are ready now; who becomes ready meanwhile runs in the next turn. */
void	fiber_turn(void);

/* For how long nobody has anything to do unless woken: milliseconds, -1 for ever. */
int	fiber_timeout(void);

/* Looks at the clock for all: wakes whose deadline has passed, and trims who has slept for long. */
void	fiber_tick(void);

#endif
