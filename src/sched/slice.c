/* slice - asks the kernel for short turns on the processor.
 * Changes neither priority nor share: who asks for less at a time is let in sooner (EEVDF). */

#include "sched/slice.h"

#include <sys/syscall.h>

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <unistd.h>

#define SLICE_NS	100000		/* the least that the kernel takes; a turn is about as long */

void
slice_short(void)
{
	struct sched_attr attr = { .size = sizeof(attr) };

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) == -1 || attr.sched_policy != SCHED_NORMAL)
		return;
	attr.sched_runtime = SLICE_NS;
	attr.sched_flags |= SCHED_FLAG_RESET_ON_FORK;	/* whoever helps has time */
	(void)syscall(SYS_sched_setattr, 0, &attr, 0);
}
