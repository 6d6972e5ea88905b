/* helpers - a few threads that run the calls which would hold up everybody.
 * Knows wait_job; knows nothing of coroutines. */

#ifndef SCHED_HELPERS_H
#define SCHED_HELPERS_H

#include "io/wait.h"

#define HELPERS_MAX	8	/* threads of one process: so many fsyncs overlap */

/* Readies the queue; threads start when there is work.  The descriptor that becomes
 * readable when jobs are done, or -1 with errno. */
int	helpers_open(void);

/* Runs job->fn(job->arg) on a helper, or at once where no thread can be had. */
void	helpers_run(struct wait_job *);

/* The jobs that are done since the last call, linked by next; NULL for none. */
struct wait_job *helpers_done(void);

/* The job that this thread, a helper, is running; else NULL. */
struct wait_job *helpers_current(void);

/* Ends the threads; no job may be under way. */
void	helpers_close(void);

#endif
