/* worker_accept - the accept loop, the same under every model, and what is to be done once in a while. */

#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/wait.h"
#include "server/roots.h"
#include "server/worker_int.h"

#define CROWDED		4		/* sessions beyond a fair share that are no matter */
#define CROWDED_MS	1		/* how long a crowded worker leaves connections to others, */
#define CROWDED_TURNS	5		/* so often as long as it is crowded: not for ever, lest a
					 * neighbour that is stuck lets all wait */
#define SHORTAGE_MS	100		/* how long to wait where descriptors or memory ran out */
#define RETITLE_MS	1000		/* between two looks at the title */
#define SWEEP_MS	(60 * 60 * 1000) /* between two looks for abandoned uploads */
#define SWEEP_LOST_MS	(10 * 1000)	/* the same, where processes die */

/* A worker with more sessions than its share goes to the end of the queue; one with many more
 * also leaves the next moments to the others. */
static void
make_way(struct worker *w)
{
	unsigned surplus = scoreboard_surplus(w->heritage->scoreboard), mine;

	if (surplus < 2)
		return;
	wait_pass(w->fds, w->heritage->listeners->count);
	for (int i = 0; i < CROWDED_TURNS; i++) {
		mine = atomic_load_explicit(&w->score->sessions, memory_order_relaxed);
		if (surplus <= CROWDED + mine / 8 || wait_until(clock_in(CROWDED_MS)) == -1)
			return;
		surplus = scoreboard_surplus(w->heritage->scoreboard);
	}
}

int
worker_shortage(int error)
{
	static int64_t told = -1;	/* say it once in a while, not for each connection */
	int64_t now = clock_ms();

	if (told == -1 || now - told > 10000) {
		log_error("cannot accept: %s; trying again every %d ms", strerror(error), SHORTAGE_MS);
		told = now;
	}
	return wait_until(clock_in(SHORTAGE_MS));
}

void
worker_retitle(struct worker *w, int64_t now, unsigned more)
{
	unsigned sessions = atomic_load_explicit(&w->score->sessions, memory_order_relaxed) + more;

	/* Under serial nobody is back here before the session has ended. */
	if (now < w->retitle && (more == 0 || w->sched != &sched_serial))
		return;
	if (w->retitle == 0 || sessions != w->titled)
		setproctitle("worker %u [%s] %u session%s", w->slot, w->sched->name, sessions,
		    sessions == 1 ? "" : "s");
	w->titled = sessions;
	roots_tidy(&w->shares);
	w->retitle = now + RETITLE_MS;
}

/* Of whom a proxy speaks for, it is not known yet. */
static bool
may_come(const struct worker *w, const struct sockaddr *peer)
{
	return gate_trusts(w->gate, peer) || gate_admits(w->gate, peer);
}

static void
accept_one(struct worker *w, const struct listener *listener)
{
	struct sockaddr_in6 peer;
	socklen_t len = sizeof(peer);
	int fd;

	fd = accept4(listener->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd != -1) {
		if (!may_come(w, (struct sockaddr *)&peer))
			(void)close(fd);
		else if (worker_serve(w, fd, (struct sockaddr *)&peer, len, listener, NULL) == -1)
			(void)worker_shortage(errno);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		(void)worker_shortage(errno);
	/* else somebody was quicker, or the peer has gone */
}

/* What receiver_take() or receiver_caught() said. */
static void
begin_arrival(struct worker *w, int taken, struct arrival *a)
{
	if (taken == 1)
		taken = worker_serve(w, a->datagram->fd, (struct sockaddr *)&a->datagram->peer,
		    sizeof(a->datagram->peer), NULL, a);
	if (taken == -1)
		(void)worker_shortage(errno);
}

static void
serve_one(struct worker *w, const struct listener *listener)
{
	struct arrival a;

	if (listener->protocol->begins == NULL)
		accept_one(w, listener);
	else
		begin_arrival(w, receiver_take(&w->receiver, listener->fd, listener->protocol, &a), &a);
}

static int
sweep(void *arg)
{
	struct worker *w = arg;

	return roots_sweep(&w->shares);
}

static int
count(void *arg)
{
	struct worker *w = arg;

	roots_count(&w->shares, SWEEP_MS);
	return 0;
}

/* What others change behind our back, and what a worker had in hand when it died, is found then. */
static void
count_all(struct worker *w)
{
	(void)wait_call(count, w);
}

/* What was reserved for their uploads is not to be kept until the hour is over. */
static bool
somebody_died(const struct worker *w, int64_t now)
{
	return w->sweep != CLOCK_NEVER && now >= w->swept + SWEEP_LOST_MS &&
	    scoreboard_losses(w->heritage->scoreboard) != w->losses;
}

static void
sweep_if_due(struct worker *w, int64_t now)
{
	bool due = now >= w->sweep;
	int n;

	if (!due && !somebody_died(w, now))
		return;
	w->losses = scoreboard_losses(w->heritage->scoreboard);
	w->swept = now;
	n = wait_call(sweep, w);
	if (n > 0)
		log_info("removed %d abandoned uploads", n);
	if (!due)
		return;
	count_all(w);
	w->sweep = clock_in(SWEEP_MS);
}

/* Nobody is to be queued by the kernel for a worker that does not come any more.  Others hold the
 * sockets, too: a close alone would leave them in the set of epoll(7). */
static void
stop_listening(struct worker *w)
{
	size_t i;

	wait_pass(w->fds, w->heritage->listeners->count);
	for (i = 0; i < w->heritage->listeners->count; i++)
		wait_close(w->fds[i]);
}

/* While there is no room nobody is here once a second to see that files are not kept open for long. */
static int
await_room(struct worker *w)
{
	const bool full = atomic_load_explicit(&w->score->sessions, memory_order_relaxed) >= w->sessions_max;
	int ret;

	if (full)
		roots_pause(&w->shares, true);
	ret = w->sched->room();
	if (full)
		roots_pause(&w->shares, false);
	return ret;
}

void
worker_accept(void *arg)
{
	struct worker *w = arg;
	const struct listeners *listeners = w->heritage->listeners;
	const uint64_t one = 1;
	struct arrival a;
	int64_t now;
	int which;

	worker_retitle(w, clock_ms(), 0);
	if (w->sweep == 0)
		count_all(w);	/* no quota is known to be kept before */
	atomic_store(&w->score->accepting, true);
	(void)!write(w->heritage->ready, &one, sizeof(one));
	for (;;) {
		now = clock_ms();
		sweep_if_due(w, now);
		worker_retitle(w, now, 0);
		if (await_room(w) == -1)
			break;
		if (w->receiver.caught != NULL) {
			begin_arrival(w, receiver_caught(&w->receiver, &a), &a);
			continue;
		}
		make_way(w);
		which = wait_any(w->fds, listeners->count, w->sweep < w->retitle ? w->sweep : w->retitle);
		if (which >= 0)
			serve_one(w, &listeners->at[which]);
		else if (errno == ECANCELED)
			break;
		else if (errno != ETIMEDOUT && errno != EAGAIN)
			(void)worker_shortage(errno);
	}
	atomic_store(&w->score->accepting, false);
	atomic_store(&w->score->draining, true);
	stop_listening(w);
	roots_pause(&w->shares, true);
}
