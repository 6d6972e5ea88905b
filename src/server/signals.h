/* signals - what the processes of the pool say to each other by real-time signals.
 * Those with a name in signal(7) are for people. */

#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include <signal.h>

#define SIGNAL_ORPHANED	(SIGRTMIN)	/* kernel to worker: the master has died */
#define SIGNAL_KICK	(SIGRTMIN + 1)	/* to a worker and its children: look for sessions that are to end */
#define SIGNAL_TRACE	(SIGRTMIN + 2)	/* master to worker: where are you?  (It has not been heard of.) */

#define SIGNAL_RETIRE	(SIGRTMIN + 3)	/* master to worker, and on to its children: drain, without haste */

/* The master's signals are not its child's: TERM ends it; a terminal's INT and QUIT are the master's to
 * understand.  USR1 opens the logs again, and is passed on by `tell`. */
void	signals_reset(void (*tell)(int signal));

#endif
