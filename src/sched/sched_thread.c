/* sched_thread - a thread for each session.
 * The kernel switches; sessions share the process, and a crash is the worker's. */

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <errno.h>

#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/wait.h"
#include "sched/sched.h"

#define THREAD_STACK	(256 * 1024)	/* bytes of address space; memory as far as touched */
#define THREAD_ALT	(32 * 1024)	/* of these, for a signal's handler where the rest was used up */
#define THREAD_ARENAS	2		/* malloc's; one for each thread would cost more than it saves */

#define TRIM_AFTER	1000	/* milliseconds between two requests after which a stack is trimmed */
#define RED_ZONE	1024	/* bytes below the stack pointer that may still be in use */

static const struct sched_limit *limit;
static int		 ends = -1;	/* an eventfd: a session has ended */
static pthread_attr_t	 attr;
static struct wait_ops	 ops;		/* wait_blocking, but for fd() */
static _Thread_local void *running;

/* Gives back what the last request touched below the present frame. */
static void
trim(void)
{
	uintptr_t end = ((uintptr_t)__builtin_frame_address(0) - RED_ZONE) & ~(uintptr_t)(getpagesize() - 1);
	pthread_attr_t own;
	void *low;
	size_t size;

	if (pthread_getattr_np(pthread_self(), &own) != 0)
		return;
	if (pthread_attr_getstack(&own, &low, &size) == 0 && end > (uintptr_t)low)
		(void)madvise(low, end - (uintptr_t)low, MADV_DONTNEED);
	(void)pthread_attr_destroy(&own);
}

/* A session that waits long for its next request gets by with less memory meanwhile. */
static int
thread_fd(int fd, short events, int64_t deadline, bool idle)
{
	int64_t soon = clock_in(TRIM_AFTER);

	if (!idle || running == NULL || deadline <= soon)
		return wait_blocking.fd(fd, events, deadline, idle);
	if (wait_blocking.fd(fd, events, soon, idle) == 0)
		return 0;
	if (errno != ETIMEDOUT)
		return -1;
	trim();
	return wait_blocking.fd(fd, events, deadline, idle);
}

static void *
session(void *arg)
{
	struct sched_task task = *(struct sched_task *)arg;
	const uint64_t one = 1;
	char alt[THREAD_ALT];
	const stack_t stack = { .ss_sp = alt, .ss_size = sizeof(alt) };
	stack_t before;

	(void)sigaltstack(&stack, &before);
	free(arg);
	running = task.arg;
	task.run(task.arg);
	running = NULL;
	if (task.ended != NULL)
		task.ended(task.arg, 0);
	atomic_fetch_sub(limit->sessions, 1);
	(void)!write(ends, &one, sizeof(one));
	/* What the thread does at its end would lie upon it. */
	(void)sigaltstack(&before, NULL);
	return NULL;
}

/* Forgets the ends so far, then looks again: none is missed. */
static void
hear_ends(void)
{
	uint64_t n;

	(void)!read(ends, &n, sizeof(n));
}

static int
thread_room(void)
{
	while (atomic_load(limit->sessions) >= limit->max) {
		if (wait_request(ends, INT64_MAX) == -1)
			return -1;
		hear_ends();
	}
	if (!wait_draining())
		return 0;
	errno = ECANCELED;
	return -1;
}

static int
thread_start(const struct sched_task *task)
{
	struct sched_task *copy = malloc(sizeof(*copy));
	pthread_t thread;
	int error = ENOMEM;

	if (copy != NULL) {
		*copy = *task;
		atomic_fetch_add(limit->sessions, 1);
		if ((error = pthread_create(&thread, &attr, session, copy)) == 0)
			return 0;
		atomic_fetch_sub(limit->sessions, 1);
		free(copy);
	}
	errno = error;
	return -1;
}

static void *
thread_current(void)
{
	return running;
}

static int
thread_run(void (*main_fn)(void *), void *arg, const struct sched_limit *bounds)
{
	limit = bounds;
	(void)mallopt(M_ARENA_MAX, THREAD_ARENAS);
	if ((ends = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1 || wait_bell() == -1)
		return -1;
	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, THREAD_STACK);
	ops = wait_blocking;
	ops.fd = thread_fd;
	wait_use(&ops);
	main_fn(arg);
	while (atomic_load(limit->sessions) > 0) {
		(void)wait_fd(ends, POLLIN, INT64_MAX);
		hear_ends();
	}
	(void)close(ends);
	return 0;
}

const struct sched sched_thread = {
	.name = "thread",
	.threads = true,
	.run = thread_run,
	.room = thread_room,
	.start = thread_start,
	.current = thread_current,
};
