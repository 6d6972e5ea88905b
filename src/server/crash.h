/* crash - a worker's last words, written by a signal's handler where others can read them.
 * The handler makes no call that is not async-signal-safe but backtrace(3), whose library is
 * loaded beforehand; names are found afterwards, by who is alive (symbols). */

#ifndef SERVER_CRASH_H
#define SERVER_CRASH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CRASH_FRAMES	40

/* In shared memory. */
struct crash {
	atomic_int	 pid;		/* whose words these are; 0: nobody has died here */
	int		 signal;	/* SIGNAL_TRACE where it did not die, but was asked */
	int		 session;	/* the place of the session that ran, or -1 */
	atomic_uint	 frames;	/* written last; addresses, innermost first */
	uintptr_t	 frame[CRASH_FRAMES];
};

/* Before the first fork. */
void	crash_prepare(void);

/* From here on this process and its children leave their last words there when SIGSEGV, SIGBUS,
 * SIGILL, SIGFPE, SIGSYS or SIGABRT comes, and then die of it all the same (but of no SIGBUS that file_mend()
 * knows of); at SIGNAL_TRACE they say where they are and go on.
 * session() is called by the handler.  The handler has a stack of its own in
 * this thread; other threads call crash_stack(). */
void	crash_watch(struct crash *, int (*session)(void));

/* Whether the process has left words; they are copied, and the place is free for the next. */
bool	crash_take(struct crash *, pid_t, struct crash *copy);

#endif
