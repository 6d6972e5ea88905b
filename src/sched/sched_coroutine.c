/* sched_coroutine - many sessions in each process, as straight lines.
 * One loop over epoll(7); each session runs on a stack of its own until it waits.
 * Descriptors are registered once, edge-triggered, and a bit remembers what came
 * while nobody waited: a wait costs a system call only where there is nothing to
 * do.  Listening sockets are level-triggered and exclusive, and leave the set
 * while their worker does not want connections. */

#include <sys/epoll.h>
#include <sys/queue.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/wait.h"
#include "sched/coroutine.h"
#include "sched/helpers.h"
#include "sched/sched.h"

#define EVENTS_MAX	256	/* events taken from the kernel at once */
#define CROWD		8	/* events at once that tell of a worker which hardly ever sleeps */
#define TRIM_AFTER	1000	/* milliseconds of sleep after which a stack is trimmed */

struct fiber {			/* lives in coroutine_local() */
	struct coroutine *co;
	TAILQ_ENTRY(fiber) all, turn, sleep;
	struct sched_task task;
	int64_t		 deadline;	/* of the present wait, or of the last */
	int64_t		 due;		/* while in the heap: at or before the deadline */
	int64_t		 since;		/* asleep since */
	int64_t		 listed;	/* when it came to the end of the list of the dozing */
	uint32_t	 heap;		/* place in the heap + 1; 0: not there */
	int		 error;		/* how the wait ended: 0 or errno */
	bool		 waiting;
	bool		 cancellable;	/* draining ends this wait */
	bool		 dozing;	/* in the list of those to be trimmed */
	bool		 session;	/* counts among the sessions */
};
_Static_assert(sizeof(struct fiber) <= COROUTINE_LOCAL, "COROUTINE_LOCAL is too small");
TAILQ_HEAD(fibers, fiber);

struct slot {			/* what is known of a descriptor */
	struct fiber	*waiter;
	short		 want;		/* the waiter's events */
	short		 ready;		/* came while nobody waited */
	short		 asked;		/* of these events the kernel tells */
	bool		 registered;
	bool		 listening;
};

static struct fibers	 all = TAILQ_HEAD_INITIALIZER(all);
static struct fibers	 turn = TAILQ_HEAD_INITIALIZER(turn);
static struct fibers	 dozing = TAILQ_HEAD_INITIALIZER(dozing);
static struct fiber	**heap;
static uint32_t		 heap_len, heap_room;
static struct slot	*slots;
static int		 slots_len;
static int		 epfd = -1, bell = -1, lifeline = -1;
static const struct sched_limit *limit;
static struct fiber	*room_waiter;	/* who waits for a free place */
static struct fiber	*any_waiter;	/* who waits for a connection */
static const int	*listened;	/* to what it last listened */
static size_t		 listened_len;
static bool		 drained;	/* draining was told to all */
static int64_t		 turn_ms;	/* when this turn began */

static struct fiber *
self(void)
{
	struct coroutine *co = coroutine_self();

	assert(co != NULL);
	return coroutine_local(co);
}

/* The heap of deadlines: heap[0] is the next.  Who is woken stays in it, for most will wait again, until
 * later: so a wait changes nothing here but once in a while, when a place has come to its front. */

static void
heap_put(uint32_t at, struct fiber *f)
{
	heap[at] = f;
	f->heap = at + 1;
}

static void
heap_up(uint32_t at, struct fiber *f)
{
	while (at > 0 && heap[(at - 1) / 2]->due > f->due) {
		heap_put(at, heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	heap_put(at, f);
}

static void
heap_down(uint32_t at, struct fiber *f)
{
	uint32_t child;

	while ((child = 2 * at + 1) < heap_len) {
		if (child + 1 < heap_len && heap[child + 1]->due < heap[child]->due)
			child++;
		if (heap[child]->due >= f->due)
			break;
		heap_put(at, heap[child]);
		at = child;
	}
	heap_put(at, f);
}

/* Room for every fiber is made when it starts, so that sleeping cannot fail. */
static int
heap_grow(uint32_t need)
{
	struct fiber **bigger;

	if (need <= heap_room)
		return 0;
	bigger = reallocarray(heap, need * 2, sizeof(*heap));
	if (bigger == NULL)
		return -1;
	heap = bigger;
	heap_room = need * 2;
	return 0;
}

static void
heap_remove(struct fiber *f)
{
	uint32_t at = f->heap - 1;
	struct fiber *last;

	f->heap = 0;
	last = heap[--heap_len];
	if (last == f)
		return;
	if (at > 0 && heap[(at - 1) / 2]->due > last->due)
		heap_up(at, last);
	else
		heap_down(at, last);
}

static void
heap_due(struct fiber *f, int64_t deadline)
{
	f->deadline = deadline;
	if (deadline == CLOCK_NEVER || (f->heap != 0 && f->due <= deadline))
		return;
	f->due = deadline;
	heap_up(f->heap != 0 ? f->heap - 1 : heap_len++, f);
}

/* Ends a fiber's wait: it runs in the next turn. */
static void
wake(struct fiber *f, int error)
{
	if (!f->waiting)
		return;
	f->waiting = false;
	f->error = error;
	TAILQ_INSERT_TAIL(&turn, f, turn);
}

/* Suspends the running fiber until wake() or the deadline.  0, or -1 with errno. */
static int
doze(int64_t deadline, bool cancellable)
{
	struct fiber *f = self();

	if (cancellable && wait_draining()) {
		errno = ECANCELED;
		return -1;
	}
	f->waiting = true;
	f->cancellable = cancellable;
	heap_due(f, deadline);
	f->since = turn_ms;
	if (!f->dozing) {
		f->dozing = true;
		f->listed = turn_ms;
		TAILQ_INSERT_TAIL(&dozing, f, sleep);
	}
	coroutine_suspend();
	if (f->error == 0)
		return 0;
	errno = f->error;
	return -1;
}

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
fiber_fd(int fd, short events, int64_t deadline, bool idle)
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
	slot->waiter = self();
	slot->want = events;
	result = doze(deadline, idle);
	slot = &slots[fd];		/* the table may have moved */
	slot->waiter = NULL;
	return result;
}

static void
fiber_forget(int fd)
{
	if (fd < slots_len)
		memset(&slots[fd], 0, sizeof(slots[fd]));
}

static void
fiber_pass(const int *fds, size_t n)
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
fiber_any(const int *fds, size_t n, int64_t deadline)
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
		any_waiter = self();
		result = doze(deadline, true);
		any_waiter = NULL;
		if (result == -1)
			return -1;
	}
	return which;
}

static int
fiber_until(int64_t deadline)
{
	struct fiber *f;

	if (deadline > 0)
		return doze(deadline, true) == -1 && errno != ETIMEDOUT ? -1 : 0;
	f = self();
	TAILQ_INSERT_TAIL(&turn, f, turn);
	coroutine_suspend();
	return 0;
}

enum { JOB_RUNNING = 1, JOB_DONE };

static void
fiber_begin(struct wait_job *job)
{
	job->state = JOB_RUNNING;
	job->owner = self();
	helpers_run(job);
}

static void
fiber_finish(struct wait_job *job)
{
	while (job->state != JOB_DONE) {
		job->waiter = self();
		(void)doze(CLOCK_NEVER, false);
	}
}

static const struct wait_ops fiber_ops = {
	.fd = fiber_fd,
	.any = fiber_any,
	.pass = fiber_pass,
	.until = fiber_until,
	.begin = fiber_begin,
	.finish = fiber_finish,
	.forget = fiber_forget,
};

static void
jobs_done(void)
{
	struct wait_job *job, *next;

	for (job = helpers_done(); job != NULL; job = next) {
		next = job->next;
		job->state = JOB_DONE;
		if (job->waiter != NULL)
			wake(job->waiter, 0);
	}
}

/* What the kernel reported of a listener.  If nobody wants connections now, leave
 * the set, lest it is reported for ever. */
static void
listener_event(int fd, struct slot *slot)
{
	slot->ready = POLLIN;
	if (any_waiter != NULL)
		wake(any_waiter, 0);
	else
		fiber_pass(&fd, 1);
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
		wake(slot->waiter, 0);
}

static void
drain(void)
{
	struct fiber *f;

	drained = true;
	wait_drain();
	TAILQ_FOREACH(f, &all, all)
		if (f->waiting && f->cancellable)
			wake(f, ECANCELED);
}

static void
expire(int64_t now)
{
	struct fiber *f;

	while (heap_len > 0 && (f = heap[0])->due <= now)
		if (f->waiting && f->deadline != CLOCK_NEVER && f->deadline > now) {
			f->due = f->deadline;
			heap_down(0, f);
		} else {
			heap_remove(f);
			if (f->deadline <= now)
				wake(f, ETIMEDOUT);
		}
}

/* Who has slept for a while gets by with less memory.  Who was awake meanwhile is looked at again
 * later; so who is woken and sleeps again need not be moved in the list. */
static void
trim(int64_t now)
{
	struct fiber *f;

	while ((f = TAILQ_FIRST(&dozing)) != NULL && f->listed + TRIM_AFTER <= now) {
		TAILQ_REMOVE(&dozing, f, sleep);
		f->dozing = false;
		if (!f->waiting)
			continue;
		if (f->since + TRIM_AFTER <= now)
			coroutine_trim(f->co);
		else {
			f->dozing = true;
			f->listed = now;
			TAILQ_INSERT_TAIL(&dozing, f, sleep);
		}
	}
}

static int
next_timeout(void)
{
	int64_t deadline = heap_len > 0 ? heap[0]->due : CLOCK_NEVER;

	wait_beat();
	if (!TAILQ_EMPTY(&turn))
		return 0;
	if (!TAILQ_EMPTY(&dozing) && TAILQ_FIRST(&dozing)->listed + TRIM_AFTER < deadline)
		deadline = TAILQ_FIRST(&dozing)->listed + TRIM_AFTER;
	return wait_timeout(deadline);
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
	turn_ms = clock_ms();
	expire(turn_ms);
	trim(turn_ms);
	if (wait_draining() && !drained)
		drain();
}

static void
fiber_main(void *arg)
{
	struct fiber *f = arg;

	f->task.run(f->task.arg);
	TAILQ_REMOVE(&all, f, all);
	if (f->heap != 0)
		heap_remove(f);
	if (f->dozing)
		TAILQ_REMOVE(&dozing, f, sleep);
	if (!f->session)
		return;
	if (f->task.ended != NULL)
		f->task.ended(f->task.arg, 0);
	atomic_fetch_sub(limit->sessions, 1);
	if (room_waiter != NULL)
		wake(room_waiter, 0);
}

static int
spawn(const struct sched_task *task, bool session)
{
	struct coroutine *co;
	struct fiber *f;

	if (heap_grow(atomic_load(limit->sessions) + 2) == -1 || (co = coroutine_new(fiber_main)) == NULL) {
		int error = errno;

		if (task->drop != NULL)
			task->drop(task->arg);
		errno = error;
		return -1;
	}
	f = coroutine_local(co);
	f->co = co;
	f->task = *task;
	f->session = session;
	if (session)
		atomic_fetch_add(limit->sessions, 1);
	TAILQ_INSERT_TAIL(&all, f, all);
	TAILQ_INSERT_TAIL(&turn, f, turn);
	return 0;
}

static int
coroutine_room(void)
{
	int result;

	while (atomic_load(limit->sessions) >= limit->max) {
		/* The kernel wakes one process for a connection: not one that will not take it. */
		fiber_pass(listened, listened_len);
		room_waiter = self();
		result = doze(CLOCK_NEVER, true);
		room_waiter = NULL;
		if (result == -1)
			return -1;
	}
	if (!wait_draining())
		return 0;
	errno = ECANCELED;
	return -1;
}

static int
coroutine_start(const struct sched_task *task)
{
	return spawn(task, true);
}

static void *
coroutine_current(void)
{
	struct coroutine *co = coroutine_self();
	const struct fiber *f = co != NULL ? coroutine_local(co) :
	    helpers_current() != NULL ? helpers_current()->owner : NULL;

	return f != NULL && f->session ? f->task.arg : NULL;
}

/* Those who are ready now run; who becomes ready meanwhile runs in the next turn. */
static void
run_turn(void)
{
	struct fibers now = TAILQ_HEAD_INITIALIZER(now);
	struct fiber *f;

	TAILQ_CONCAT(&now, &turn, turn);
	while ((f = TAILQ_FIRST(&now)) != NULL) {
		TAILQ_REMOVE(&now, f, turn);
		(void)coroutine_resume(f->co);
	}
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
	turn_ms = clock_ms();
	if (open_loop() == -1 || spawn(&task, false) == -1)
		return -1;
	wait_use(&fiber_ops);
	while (!TAILQ_EMPTY(&all)) {
		run_turn();
		if (!TAILQ_EMPTY(&all))
			collect(next_timeout());
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
	.run = coroutine_run,
	.room = coroutine_room,
	.start = coroutine_start,
	.current = coroutine_current,
};
