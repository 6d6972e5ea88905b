/* sched_coroutine - many sessions in each process, as straight lines.
 * One loop over epoll(7); each session is a fiber and runs on a stack of its own until it waits.
 * Descriptors are registered once, edge-triggered, and a bit remembers what came
 * while nobody waited: a wait costs a system call only where there is nothing to
 * do.  Listening sockets are level-triggered and exclusive, and leave the set
 * while their worker does not want connections. */

#include <sys/epoll.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/wait.h"
#include "sched/fiber.h"
#include "sched/helpers.h"
#include "sched/sched.h"

#define EVENTS_MAX	256	/* events taken from the kernel at once */
#define CROWD		8	/* events at once that tell of a worker which hardly ever sleeps */

struct slot {			/* what is known of a descriptor */
	struct fiber	*waiter;
	short		 want;		/* the waiter's events */
	short		 ready;		/* came while nobody waited */
	short		 asked;		/* of these events the kernel tells */
	bool		 registered;
	bool		 listening;
};

static struct slot	*slots;
static int		 slots_len;
static int		 epfd = -1, bell = -1, lifeline = -1;
static const struct sched_limit *limit;
static struct fiber	*room_waiter;	/* who waits for a free place */
static struct fiber	*any_waiter;	/* who waits for a connection */
static const int	*listened;	/* to what it last listened */
static size_t		 listened_len;
static bool		 drained;	/* draining was told to all */

static struct slot *
slot_of(int fd)
{
	struct slot *bigger;
	int len;

	assert(fd >= 0);
	if (fd < slots_len)
		return &slots[fd];
	len = fd * 2 + 64;
	bigger = reallocarray(slots, (size_t)len, sizeof(*slots));
	if (bigger == NULL)
		return NULL;
	memset(bigger + slots_len, 0, (size_t)(len - slots_len) * sizeof(*slots));
	slots = bigger;
	slots_len = len;
	return &slots[fd];
}

static int
enroll(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event);
}

/* Whoever reads is not told of room to write: with datagrams there is some whenever one was taken
 * away, and each time we would be woken for nothing. */
static int
enroll_for(int fd, struct slot *slot, short events)
{
	const short asked = slot->asked | events;
	struct epoll_event event = { .events = EPOLLRDHUP | EPOLLET, .data.fd = fd };

	if (slot->registered && asked == slot->asked)
		return 0;
	if (asked & POLLIN)
		event.events |= EPOLLIN;
	if (asked & POLLOUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(epfd, slot->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == -1)
		return -1;
	slot->registered = true;
	slot->asked = asked;
	return 0;
}

/* Whether one of the events has come; it is taken, but an end stays. */
static bool
take_ready(struct slot *slot, short events)
{
	short ends = (events & POLLIN) != 0 ? POLLHUP | POLLRDHUP : POLLHUP;

	if ((slot->ready & (events | ends)) == 0)
		return false;
	slot->ready &= (short)~events;
	return true;
}

static int
loop_fd(int fd, short events, int64_t deadline, bool idle)
{
	struct slot *slot = slot_of(fd);
	int result;

	if (slot == NULL)
		return -1;
	if (enroll_for(fd, slot, events) == -1)
		return -1;
	if (take_ready(slot, events))
		return 0;
	assert(slot->waiter == NULL);
	slot->waiter = fiber_self();
	slot->want = events;
	result = fiber_doze(deadline, idle);
	slot = &slots[fd];		/* the table may have moved */
	slot->waiter = NULL;
	return result;
}

static void
loop_forget(int fd)
{
	if (fd < slots_len)
		memset(&slots[fd], 0, sizeof(slots[fd]));
}

static void
loop_pass(const int *fds, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (fds[i] < slots_len && slots[fds[i]].registered) {
			(void)epoll_ctl(epfd, EPOLL_CTL_DEL, fds[i], NULL);
			slots[fds[i]].registered = false;
			slots[fds[i]].ready = 0;
		}
}

/* The index of a listener that has been reported, or -1. */
static int
reported(const int *fds, size_t n)
{
	static size_t next;	/* so that no listener starves another */
	size_t i, at;

	for (i = 0; i < n; i++) {
		at = (next + i) % n;
		if (slots[fds[at]].ready != 0) {
			slots[fds[at]].ready = 0;
			next = at + 1;
			return (int)at;
		}
	}
	return -1;
}

static int
loop_any(const int *fds, size_t n, int64_t deadline)
{
	struct slot *slot;
	size_t i;
	int which, result;

	listened = fds;
	listened_len = n;
	for (i = 0; i < n; i++) {
		if ((slot = slot_of(fds[i])) == NULL)
			return -1;
		if (slot->registered)
			continue;
		if (enroll(fds[i], EPOLLIN | EPOLLEXCLUSIVE) == -1)
			return -1;
		slot->registered = slot->listening = true;
	}
	while ((which = reported(fds, n)) == -1) {
		any_waiter = fiber_self();
		result = fiber_doze(deadline, true);
		any_waiter = NULL;
		if (result == -1)
			return -1;
	}
	return which;
}

static int
loop_until(int64_t deadline)
{
	if (deadline > 0)
		return fiber_doze(deadline, true) == -1 && errno != ETIMEDOUT ? -1 : 0;
	fiber_yield();
	return 0;
}

enum { JOB_RUNNING = 1, JOB_DONE };

static void
loop_begin(struct wait_job *job)
{
	job->state = JOB_RUNNING;
	job->owner = fiber_self();
	helpers_run(job);
}

static void
loop_finish(struct wait_job *job)
{
	while (job->state != JOB_DONE) {
		job->waiter = fiber_self();
		(void)fiber_doze(CLOCK_NEVER, false);
	}
}

static const struct wait_ops loop_ops = {
	.fd = loop_fd,
	.any = loop_any,
	.pass = loop_pass,
	.until = loop_until,
	.begin = loop_begin,
	.finish = loop_finish,
	.forget = loop_forget,
};

static void
jobs_done(void)
{
	struct wait_job *job, *next;

	for (job = helpers_done(); job != NULL; job = next) {
		next = job->next;
		job->state = JOB_DONE;
		if (job->waiter != NULL)
			fiber_wake(job->waiter, 0);
	}
}

/* What the kernel reported of a listener.  If nobody wants connections now, leave
 * the set, lest it is reported for ever. */
static void
listener_event(int fd, struct slot *slot)
{
	slot->ready = POLLIN;
	if (any_waiter != NULL)
		fiber_wake(any_waiter, 0);
	else
		loop_pass(&fd, 1);
}

/* A peer who sends while his session is at something else, such as what he has sent before, would wake
 * us with each packet.  Once it is known that there is input, he leaves the set until somebody waits:
 * what has come meanwhile is then told anew. */
static void
rest(int fd, struct slot *slot)
{
	if (epoll_ctl(epfd, EPOLL_CTL_DEL, fd, NULL) == 0)
		slot->registered = false;
}

static void
fd_event(int fd, uint32_t events)
{
	struct slot *slot = &slots[fd];

	if (slot->listening) {
		listener_event(fd, slot);
		return;
	}
	if (slot->waiter == NULL && (slot->ready & POLLIN) && (events & EPOLLIN))
		rest(fd, slot);
	if (events & EPOLLIN)
		slot->ready |= POLLIN;
	if (events & EPOLLOUT)
		slot->ready |= POLLOUT;
	if (events & EPOLLERR)
		slot->ready |= POLLIN | POLLOUT;
	/* An end stays: no edge will tell of it again.  Half an end is input, no output. */
	if (events & EPOLLRDHUP)
		slot->ready |= POLLRDHUP;
	if (events & EPOLLHUP)
		slot->ready |= POLLHUP;
	if (slot->waiter != NULL && slot->waiter->waiting && take_ready(slot, slot->want))
		fiber_wake(slot->waiter, 0);
}

/* Where there are more busy workers and clients than processors, whoever always has something to do
 * has the processor until the kernel's next tick, which is milliseconds: as long the sessions of
 * the next worker would wait.  If nobody waits for this processor, the call is all that it costs. */
static void
give_way(int events)
{
	if (events >= CROWD)
		(void)sched_yield();
}

static void
collect(int timeout)
{
	static struct epoll_event event[EVENTS_MAX];
	static int n;
	int i, fd;

	give_way(n);
	n = epoll_wait(epfd, event, EVENTS_MAX, timeout);
	wait_turned();
	for (i = 0; i < n; i++) {
		fd = event[i].data.fd;
		if (fd == bell)
			jobs_done();
		else if (fd == lifeline)
			wait_drain();	/* told once: it stays as it is */
		else
			fd_event(fd, event[i].events);
	}
	fiber_tick();
	if (!drained && wait_draining()) {
		drained = true;
		wait_drain();
		fiber_cancel();
	}
}

static int
coroutine_room(void)
{
	int result;

	while (atomic_load(limit->sessions) >= limit->max) {
		/* The kernel wakes one process for a connection: not one that will not take it. */
		loop_pass(listened, listened_len);
		room_waiter = fiber_self();
		result = fiber_doze(CLOCK_NEVER, true);
		room_waiter = NULL;
		if (result == -1)
			return -1;
	}
	if (!wait_draining())
		return 0;
	errno = ECANCELED;
	return -1;
}

static void
session_ended(struct fiber *f)
{
	if (f->task.ended != NULL)
		f->task.ended(f->task.arg, 0);
	atomic_fetch_sub(limit->sessions, 1);
	if (room_waiter != NULL)
		fiber_wake(room_waiter, 0);
}

static int
coroutine_start(const struct sched_task *task)
{
	if (fiber_start(task, session_ended) == -1)
		return -1;
	atomic_fetch_add(limit->sessions, 1);
	return 0;
}

static void *
coroutine_current(void)
{
	struct coroutine *co = coroutine_self();
	const struct fiber *f = co != NULL ? coroutine_local(co) :
	    helpers_current() != NULL ? helpers_current()->owner : NULL;

	return f != NULL && f->ended != NULL ? f->task.arg : NULL;
}

static int
open_loop(void)
{
	epfd = epoll_create1(EPOLL_CLOEXEC);
	bell = helpers_open();
	if (epfd == -1 || bell == -1 || enroll(bell, EPOLLIN) == -1)
		return -1;
	if ((lifeline = wait_lifeline_fd()) != -1 && enroll(lifeline, EPOLLIN | EPOLLONESHOT) == -1)
		return -1;
	return 0;
}

static int
coroutine_run(void (*main_fn)(void *), void *arg, const struct sched_limit *bounds)
{
	const struct sched_task task = { .run = main_fn, .arg = arg };

	limit = bounds;
	fiber_tick();
	if (open_loop() == -1 || fiber_start(&task, NULL) == -1)
		return -1;
	wait_use(&loop_ops);
	for (fiber_turn(); fiber_any(); fiber_turn()) {
		wait_beat();
		collect(fiber_timeout());
	}
	wait_use(&wait_blocking);
	helpers_close();
	(void)close(epfd);
	coroutine_cleanup();
	return 0;
}

const struct sched sched_coroutine = {
	.name = "coroutine",
	.threads = true,			/* the helpers */
	.brief = true,
	.run = coroutine_run,
	.room = coroutine_room,
	.start = coroutine_start,
	.current = coroutine_current,
};
