/* sched - the concurrency models: how one process runs many sessions.
 * A session is a function that waits only in io/wait; a model decides what runs
 * meanwhile.  Each model is one file and one row in sched.c. */

#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct sched_task {
	void	(*run)(void *arg);	/* the session; owns arg */
	void	(*drop)(void *arg);	/* lets go of arg where it will not be run: in a
					 * parent that forked */
	void	(*forked)(void *arg, int pid);	/* before that drop: who runs it.  May be NULL */
	void	(*ended)(void *arg, int status);	/* in the worker itself, once run has ended, also
					 * in a process that died: its wait status, else 0.
					 * May be NULL */
	void	 *arg;
};

/* What is bounded, and told. */
struct sched_limit {
	unsigned	 max;		/* sessions at once */
	atomic_uint	*sessions;	/* how many there are: kept by the model, read by all */
};

struct sched {
	const char *name;
	bool	forks, threads;		/* which it makes: its sandbox allows no other */
	bool	brief;			/* a worker gives way often: for slice_short() */
	/* Becomes the model: runs main(arg), which accepts, and returns when it and
	 * every session have ended.  The limit must live as long.  0, or -1 with errno (the
	 * model cannot start here). */
	int	(*run)(void (*main)(void *), void *arg, const struct sched_limit *);
	/* Waits for a free place for one more session: ask before accepting.  0, or -1
	 * with ECANCELED while draining. */
	int	(*room)(void);
	/* Starts a session.  0, or -1 with errno: then nothing was done, and it may be tried again. */
	int	(*start)(const struct sched_task *);
	/* The arg of the session that runs here and now, or NULL: in whatever thread, and in a
	 * signal's handler. */
	void	*(*current)(void);
};

/* The model of that name, or NULL. */
const struct sched	*sched_find(const char *name);

/* The i-th model, NULL past the last: for messages and tests.  The first is the default. */
const struct sched	*sched_at(size_t i);

extern const struct sched sched_coroutine, sched_fork, sched_serial, sched_thread;

#endif
