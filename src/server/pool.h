/* pool - a fixed number of workers, kept alive.
 * Knows fork, wait and time; knows nothing of sockets or files. */

#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define POOL_YOUNG_MS	1000	/* a worker that dies before this is old has died young */
#define POOL_DELAY_MS	100	/* before the first respawn of one that died young; doubles */

struct pool_opts {
	unsigned	 size;		/* workers */
	unsigned	 spare;		/* places beyond these, for pool_replace() */
	int64_t		 delay_max_ms;	/* the longest wait before a respawn */
	void		(*run)(unsigned slot, void *arg);	/* the worker; in its own process,
								 * which ends when it returns */
	void		(*born)(unsigned slot, pid_t, void *arg);	/* in the master, after each fork */
	void		(*died)(unsigned slot, int status, unsigned young, int64_t due, void *arg);
				/* in the master, after each death: its wait status, how many in a
				 * row came too early, and when (clock_ms()) the next is forked */
	void		 *arg;
};

struct pool;

/* NULL with ENOMEM.  Nothing is forked yet. */
struct pool	*pool_open(const struct pool_opts *);
void		 pool_close(struct pool **);

/* Forks what is due.  The deadline of the next fork that is not, or CLOCK_NEVER. */
int64_t		 pool_fill(struct pool *);

/* A child has died with that wait status.  Whether it was one of the pool's; then takes leave of it,
 * with an obituary, and *young says whether it died young. */
bool		 pool_bury(struct pool *, pid_t, int status, bool *young);

/* Forks another worker into a place that is free, in addition to this one, whose place will be free
 * when it has ended.  The place of the new one, or -1 where none is free, or nothing can be forked. */
int		 pool_replace(struct pool *, unsigned slot);

/* A signal to one of them; 0, or -1 if there is nobody. */
int		 pool_signal_one(struct pool *, unsigned slot, int signal);

/* How many workers are alive. */
unsigned	 pool_alive(const struct pool *);

/* No more respawns: the pool is ending. */
void		 pool_end(struct pool *);

/* A signal to every worker; returns how many there are. */
unsigned	 pool_signal(struct pool *, int signal);

#endif
