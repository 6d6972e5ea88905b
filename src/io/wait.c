/* wait - the blocking waits, and the door to those of another model.
 * serial, fork and thread use what stands here: poll(2), and long calls run where
 * they stand.  Knows nothing of streams or sessions. */

#include <sys/eventfd.h>

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/wait.h"

#define WAIT_ANY_MAX	64	/* listening sockets that one process accepts from */

static uint64_t			 turns;
static int			 lifeline = -1;
static int			 bell = -1;	/* readable once we drain, where threads have to be woken */
static atomic_bool		 draining;
static const struct wait_ops	*ops = &wait_blocking;
static _Thread_local atomic_uint *heart;
static _Thread_local int	 heart_ms;

void
wait_use(const struct wait_ops *new_ops)
{
	ops = new_ops;
}

void
wait_lifeline(int fd)
{
	lifeline = fd;
}

int
wait_lifeline_fd(void)
{
	return atomic_load(&draining) ? -1 : lifeline;
}

void
wait_heart(atomic_uint *beats, int64_t every_ms)
{
	heart = beats;
	heart_ms = (int)every_ms;
}

void
wait_beat(void)
{
	if (heart != NULL)
		atomic_store_explicit(heart, atomic_load_explicit(heart, memory_order_relaxed) + 1,
		    memory_order_relaxed);
}

void
wait_turned(void)
{
	turns++;
}

uint64_t
wait_turn(void)
{
	return turns;
}

int
wait_timeout(int64_t deadline)
{
	int left = clock_left(deadline);

	return heart != NULL && (left == -1 || left > heart_ms) ? heart_ms : left;
}

int
wait_bell(void)
{
	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return bell == -1 ? -1 : 0;
}

void
wait_drain(void)
{
	const uint64_t one = 1;

	atomic_store(&draining, true);
	if (bell != -1)
		(void)!write(bell, &one, sizeof(one));
}

bool
wait_draining(void)
{
	return atomic_load_explicit(&draining, memory_order_relaxed);
}

int
wait_fd(int fd, short events, int64_t deadline)
{
	return ops->fd(fd, events, deadline, false);
}

int
wait_request(int fd, int64_t deadline)
{
	return ops->fd(fd, POLLIN, deadline, true);
}

int
wait_any(const int *fds, size_t n, int64_t deadline)
{
	return ops->any(fds, n, deadline);
}

void
wait_pass(const int *fds, size_t n)
{
	ops->pass(fds, n);
}

int
wait_until(int64_t deadline)
{
	return ops->until(deadline);
}

void
wait_yield(void)
{
	(void)ops->until(0);
}

void
wait_begin(struct wait_job *job, int (*fn)(void *), void *arg)
{
	memset(job, 0, sizeof(*job));
	job->fn = fn;
	job->arg = arg;
	ops->begin(job);
}

int
wait_finish(struct wait_job *job)
{
	if (job->state == 0)
		return 0;
	ops->finish(job);
	job->state = 0;
	errno = job->error;
	return job->result;
}

int
wait_call(int (*fn)(void *), void *arg)
{
	struct wait_job job;

	wait_begin(&job, fn, arg);
	return wait_finish(&job);
}

void
wait_close(int fd)
{
	int saved = errno;

	if (fd == -1)
		return;
	ops->forget(fd);
	(void)close(fd);
	errno = saved;
}

#define WAIT_ENDS	2	/* what ends an idle wait besides: the lifeline, and the bell */

/* poll(2) until something, the deadline, or (if `idle`) the end of the lifeline, which
 * is looked for in the places behind the others. */
static int
poll_until(struct pollfd *pfd, nfds_t n, int64_t deadline, bool idle)
{
	nfds_t ends;
	int ready;

	for (;;) {
		wait_beat();
		if (idle && wait_draining()) {
			errno = ECANCELED;
			return -1;
		}
		ends = 0;
		if (idle && lifeline != -1)
			pfd[n + ends++] = (struct pollfd){ .fd = lifeline, .events = POLLIN };
		if (idle && bell != -1)
			pfd[n + ends++] = (struct pollfd){ .fd = bell, .events = POLLIN };
		ready = poll(pfd, n + ends, wait_timeout(deadline));
		if (ready == -1 && errno != EINTR)
			return -1;
		if (ready > 0 && ((ends > 0 && pfd[n].revents != 0) || (ends > 1 && pfd[n + 1].revents != 0)))
			wait_drain();
		else if (ready > 0)
			return 0;
		else if (ready == 0 && clock_ms() >= deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
}

static int
blocking_fd(int fd, short events, int64_t deadline, bool idle)
{
	struct pollfd pfd[1 + WAIT_ENDS] = { { .fd = fd, .events = events } };

	return poll_until(pfd, 1, deadline, idle);
}

static int
blocking_any(const int *fds, size_t n, int64_t deadline)
{
	static _Thread_local size_t turn;	/* so that no listener starves another */
	struct pollfd pfd[WAIT_ANY_MAX + WAIT_ENDS];
	size_t i, at;

	if (n > WAIT_ANY_MAX) {
		errno = EINVAL;
		return -1;
	}
	for (i = 0; i < n; i++)
		pfd[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	if (poll_until(pfd, n, deadline, true) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		at = (turn + i) % n;
		if (pfd[at].revents != 0) {
			turn = at + 1;
			return (int)at;
		}
	}
	errno = EAGAIN;
	return -1;
}

/* poll(2) queues anew at each call. */
static void
blocking_pass(const int *fds, size_t n)
{
	(void)fds;
	(void)n;
}

static int
blocking_until(int64_t deadline)
{
	struct pollfd pfd[WAIT_ENDS];

	if (deadline <= 0) {
		wait_beat();
		return 0;	/* others are other threads and processes: the kernel's turn */
	}
	if (poll_until(pfd, 0, deadline, true) == -1 && errno == ETIMEDOUT)
		return 0;
	return -1;
}

static void
blocking_begin(struct wait_job *job)
{
	wait_beat();		/* a long row of calls, none of which takes long, is no stall */
	job->state = 1;
	job->result = job->fn(job->arg);
	job->error = errno;
}

static void
blocking_finish(struct wait_job *job)
{
	(void)job;
}

static void
blocking_forget(int fd)
{
	(void)fd;
}

const struct wait_ops wait_blocking = {
	.fd = blocking_fd,
	.any = blocking_any,
	.pass = blocking_pass,
	.until = blocking_until,
	.begin = blocking_begin,
	.finish = blocking_finish,
	.forget = blocking_forget,
};
