/* sched_serial - one session at a time in each process.
 * The simplest server there is: the next client waits until this one is done. */

#include <errno.h>

#include "io/wait.h"
#include "sched/sched.h"

static const struct sched_limit *limit;
static void		*running;

static int
serial_run(void (*main_fn)(void *), void *arg, const struct sched_limit *bounds)
{
	limit = bounds;
	wait_use(&wait_blocking);
	main_fn(arg);
	return 0;
}

static int
serial_room(void)
{
	if (!wait_draining())
		return 0;
	errno = ECANCELED;
	return -1;
}

static int
serial_start(const struct sched_task *task)
{
	atomic_store(limit->sessions, 1);
	running = task->arg;
	task->run(task->arg);
	running = NULL;
	if (task->ended != NULL)
		task->ended(task->arg, 0);
	atomic_store(limit->sessions, 0);
	return 0;
}

static void *
serial_current(void)
{
	return running;
}

const struct sched sched_serial = {
	.name = "serial",
	.run = serial_run,
	.room = serial_room,
	.start = serial_start,
	.current = serial_current,
};
