/* sched_serial - one session at a time in each process.
 * The simplest server there is: the next client waits until this one is done. */

#include <errno.h>

#include "io/wait.h"
#include "sched/sched.h"

static int
serial_run(void (*main_fn)(void *), void *arg, unsigned max)
{
	(void)max;
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
	task->run(task->arg);
	return 0;
}

const struct sched sched_serial = {
	.name = "serial",
	.run = serial_run,
	.room = serial_room,
	.start = serial_start,
};
