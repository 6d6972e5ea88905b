/* wait - the only place where a session blocks.
 * Sessions are written once, as straight lines; what happens inside these few
 * functions is what a concurrency model is.  The blocking version below serves
 * serial, fork and thread; the coroutine model exchanges it by wait_use().
 *
 * Every wait that fails says so by errno: ETIMEDOUT past the deadline, ECANCELED
 * when the worker drains and nothing is in progress.
 *
 * Descriptors are non-blocking, and callers try first and wait after: a wait
 * may end without anything being ready. */

#ifndef IO_WAIT_H
#define IO_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Until `events` (POLLIN, POLLOUT of poll(2)) or an error is there on fd.
 * Used for work in progress: goes on to its deadline even while draining. */
int	wait_fd(int fd, short events, int64_t deadline);

/* Until there is input on fd, between two requests: ECANCELED at once while draining. */
int	wait_request(int fd, int64_t deadline);

/* Until one of the `n` listening sockets can be accepted from.  Its index, or -1.
 * For one caller in each process.  ECANCELED while draining. */
int	wait_any(const int *fds, size_t n, int64_t deadline);

/* Lets the other processes that wait for these sockets have the next connections:
 * the kernel tends to wake the same one. */
void	wait_pass(const int *fds, size_t n);

/* Sleeps until the deadline; one in the past only lets the others go first.
 * 0, or -1 with ECANCELED while draining. */
int	wait_until(int64_t deadline);

/* Lets the other sessions go first. */
void	wait_yield(void);

/* A call that blocks in the kernel or burns the CPU (fsync, hashing, a huge
 * folder), run where it holds nobody up.  fn's result, with fn's errno.
 * fn may run on another thread: it must not wait, nor touch the session. */
int	wait_call(int (*fn)(void *), void *arg);

/* The same in two steps, for a caller that has something else to do meanwhile.
 * Each job begun must be finished, by the caller that began it, before its memory
 * is left; finishing a job that was never begun gives 0. */
struct wait_job {
	int	(*fn)(void *);
	void	 *arg;
	int	  result, error;	/* what fn returned, and its errno */
	int	  state;		/* 0 nothing, else the model's */
	void	 *waiter;		/* the model's */
	void	 *owner;		/* the model's: who began it */
	struct wait_job *next;		/* the model's */
};
void	wait_begin(struct wait_job *, int (*fn)(void *), void *arg);
int	wait_finish(struct wait_job *);

/* Closes fd and forgets what was known of it.  Every descriptor that was waited
 * for is closed by this.  fd -1 is nothing. */
void	wait_close(int fd);

/* The lifeline: the read end of a pipe whose write end the master holds.  When
 * it closes, this process drains.  Called once, before anything waits; -1: none. */
void	wait_lifeline(int fd);

/* The heart: from now on each turn of this thread's waits, or of the model's loop, adds one to
 * *beats, and no wait sleeps longer than every_ms without a turn.  For the one thread without
 * which the process serves nobody; NULL: none, as in a child. */
void	wait_heart(atomic_uint *beats, int64_t every_ms);

/* How often the model has asked the kernel what there is to do, for all sessions at once: what is looked
 * at now is no older than whatever ended a wait in this turn.  0: each session asks for itself. */
uint64_t wait_turn(void);

/* Drain as if the lifeline had closed.  Async-signal-safe. */
void	wait_drain(void);
bool	wait_draining(void);

/* What a concurrency model exchanges. */
struct wait_ops {
	int	(*fd)(int fd, short events, int64_t deadline, bool idle);
	int	(*any)(const int *fds, size_t n, int64_t deadline);
	void	(*pass)(const int *fds, size_t n);
	int	(*until)(int64_t deadline);
	void	(*begin)(struct wait_job *);
	void	(*finish)(struct wait_job *);
	void	(*forget)(int fd);
};
extern const struct wait_ops wait_blocking;	/* poll(2), and calls run inline */
void	wait_use(const struct wait_ops *);
int	wait_lifeline_fd(void);			/* for the models: these five */
void	wait_turned(void);			/* the kernel has just answered */
void	wait_beat(void);
int	wait_bell(void);			/* wait_drain() is to wake all threads: 0, or -1 with errno */
int	wait_timeout(int64_t deadline);		/* as clock_left(), but no longer than the heart allows */

#endif
