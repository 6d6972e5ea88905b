/* coroutine - stacks and the switching between them.
 * Knows nothing of descriptors or time: sched_coroutine does the scheduling. */

#ifndef SCHED_COROUTINE_H
#define SCHED_COROUTINE_H

#include <stddef.h>

#define COROUTINE_STACK	(128 * 1024)	/* bytes of address space; memory as far as touched */

#define COROUTINE_LOCAL	208		/* bytes at the top of each stack for its scheduler */

struct coroutine;

/* Makes a coroutine that will run fn(its coroutine_local()) when first resumed.  It is
 * gone when fn returns.  NULL with ENOMEM. */
struct coroutine *coroutine_new(void (*fn)(void *local));

/* COROUTINE_LOCAL bytes of its own, zero when it is new, aligned for anything. */
void	*coroutine_local(struct coroutine *);

/* Runs it until it suspends or ends.  Called from outside any coroutine.  Returns 1
 * while it lives, 0 when it ended. */
int	coroutine_resume(struct coroutine *);

/* Back to whoever resumed the running coroutine. */
void	coroutine_suspend(void);

/* The running one, or NULL outside. */
struct coroutine *coroutine_self(void);

/* Gives the memory below a suspended coroutine's stack pointer back to the system. */
void	coroutine_trim(struct coroutine *);

/* Frees the stacks kept for reuse. */
void	coroutine_cleanup(void);

#endif
