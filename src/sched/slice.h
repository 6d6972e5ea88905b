/* slice - how long a process wants the processor at a time. */

#ifndef SCHED_SLICE_H
#define SCHED_SLICE_H

/* For a process that serves many and gives way often: from now on this thread asks the kernel for the
 * processor soon and briefly, at no one's cost.  Threads that it starts have the usual turns: they work.  Before Linux 6.12, or under a policy that somebody
 * has given it, it changes nothing.  To be called before the sandbox is entered. */
void	slice_short(void);

#endif
