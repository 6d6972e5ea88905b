/* worker_session - a session of a worker: what it may do, its beginning and its end. */

#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/wait.h"
#include "proto/protocols.h"
#include "server/certificates.h"
#include "server/metrics.h"
#include "server/obituary.h"
#include "server/reopen.h"
#include "server/rivals.h"
#include "server/worker_int.h"
#include "store/usage.h"

#define DALLY_MS	6000		/* how long the last word of an upload is said again */
#define DALLY_SERIAL_MS	1000		/* the same, where others wait for that */

static struct worker	*me;

/* One that has come to nothing. */
static void
connection_close(struct progress *p)
{
	int fd = atomic_load(&p->fd);

	progress_leave(p);
	wait_close(fd);
}

/* For whom the proxy speaks, and whether he may have a session. */
static bool
hear_proxy(struct progress *p, const struct protocol *protocol)
{
	if (!gate_hears(me->gate, p, clock_in(me->session.stream.line_ms)))
		return false;
	if (session_enter(p, &me->session) == 0)
		return true;
	session_refuse(atomic_load(&p->fd), protocol);
	return false;
}

/* A connection is its slot of the scoreboard: an idle session holds nothing that it does not need. */
static void
connection_run(void *arg)
{
	struct progress *p = arg;
	const struct protocol *protocol = protocol_at(p->protocol);
	struct arrival a;

	(void)reopen_catch_up();
	if (receiver_get(&me->receiver, p, &a))
		session_run_datagram(p, a.datagram, a.claim, protocol, &me->shares, &me->session);
	else if (!gate_trusts(me->gate, (const struct sockaddr *)&p->peer) || hear_proxy(p, protocol))
		session_run(p, protocol, &me->shares, &me->session);
	else
		connection_close(p);
}

static void
connection_forked(void *arg, int pid)
{
	struct progress *p = arg;

	atomic_store(&p->pid, pid);
	if (reopen_catch_up() != me->reopened)
		(void)kill(pid, SIGUSR1);	/* it may have been told before it could be found */
}

/* Within start().  Under fork the scoreboard may not say any more which it was: a session may have
 * ended by then, and its socket here would stay open for ever. */
static void
connection_drop(void *arg)
{
	struct arrival a;

	if (receiver_get(&me->receiver, arg, &a)) {
		a.claim = NULL;		/* that of the process which runs the session */
		receiver_drop(&a);
	} else
		(void)close(me->accepted);
}

static void
leave(struct progress *p)
{
	session_leave(me->session.limits, p, &p->accounts);
	scoreboard_leave(me->heritage->scoreboard, p);
}

static void
bury_uploads(const struct heritage *heritage, const struct progress *p)
{
	for (size_t i = 0; i < heritage->config->shares.roots; i++)
		usage_bury(heritage->usage[i], atomic_load(&p->pid));
}

static void
connection_ended(void *arg, int status)
{
	struct scoreboard *board = me->heritage->scoreboard;

	if (status != 0) {
		obituary_of_session(board, arg, status);
		bury_uploads(me->heritage, arg);
		scoreboard_lost(board);
	}
	leave(arg);
}

/* Who has too many sessions. */
static void
refuse(int fd, const struct protocol *protocol, struct arrival *arrival)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)protocol->full, .iov_len = protocol->full_len };

	if (arrival == NULL) {
		session_refuse(fd, protocol);
		(void)close(fd);
		return;
	}
	(void)datagram_send(arrival->datagram, &iov, 1);
	receiver_drop(arrival);
}

/* Whoever was accepted has nobody else: he waits here, and those behind him in the backlog.  0, or -1 when it
 * is time to go. */
static int
begin(struct worker *w, const struct sched_task *task)
{
	struct arrival a;

	while (w->sched->start(task) == -1) {
		if (worker_shortage(errno) == 0)
			continue;
		if (receiver_get(&w->receiver, task->arg, &a))
			receiver_drop(&a);
		else
			(void)close(w->accepted);
		return -1;
	}
	return 0;
}

int
worker_serve(struct worker *w, int fd, const struct sockaddr *peer, socklen_t len,
    const struct listener *listener, struct arrival *arrival)
{
	const struct protocol *protocol = arrival != NULL ? arrival->protocol : listener->protocol;
	struct scoreboard *board = w->heritage->scoreboard;
	struct sched_task task = {
		.run = connection_run, .drop = connection_drop, .forked = connection_forked,
		.ended = connection_ended,
	};
	struct progress *p = scoreboard_enter(board);

	assert(p != NULL);	/* there was room */
	progress_open(p, scoreboard_next_number(board), fd, peer, len,
	    (uint8_t)protocol_index(protocol));
	p->tls_required = arrival == NULL && listener->tls_required;
	if (!gate_trusts(w->gate, peer) && session_enter(p, &w->session) == -1) {
		refuse(fd, protocol, arrival);
		scoreboard_leave(board, p);
		return 0;
	}
	atomic_fetch_add_explicit(&w->score->accepted, 1, memory_order_relaxed);
	task.arg = p;
	w->accepted = fd;
	w->reopened = reopen_catch_up();
	worker_retitle(w, p->began / 1000, 1);
	if (arrival != NULL && receiver_put(&w->receiver, p, arrival) == -1) {
		receiver_drop(arrival);
		leave(p);
		errno = ENOMEM;
		return -1;
	}
	if (begin(w, &task) == -1)
		leave(p);
	return 0;
}

int
worker_running(void)
{
	const struct progress *p = me != NULL ? me->sched->current() : NULL;

	return p != NULL ? scoreboard_place(me->heritage->scoreboard, p) : -1;
}

static int64_t
refuses(void *arg, const struct progress *p)
{
	return quarantine_refuses(arg, p);
}

static unsigned
rivals(void *arg, const struct progress *p)
{
	return rivals_count(arg, p);
}

static char *
metrics(void *arg, size_t *len)
{
	return metrics_text(arg, len);
}

/* No proxy speaks for a datagram. */
static bool
admits_sender(void *arg, const struct sockaddr *sender)
{
	const struct worker *w = arg;

	return gate_admits(w->gate, sender);
}

static struct session_opts
session_opts(const struct config *config)
{
	return (struct session_opts){
		.stream = {
			.idle_ms = config->idle_timeout_ms,
			.line_ms = config->request_timeout_ms,
			.stall_ms = config->io_timeout_ms,
			.min_rate = config->min_rate,
		},
		.upload_max = (uint64_t)config->upload_max,
		.drop_max = (uint64_t)config->drop_max,
		.access_log = config->access_log == CONFIG_ACCESS_YES ? ACCESS_TEXT :
		    (enum access_format)config->access_log,
		.held_max = (uint64_t)config->held_max,
		.hash_max = (unsigned)config->hash_max,
		.index = config->index,
		.tls_required = config->tls_required,
		.login_ms = config->login_timeout_ms,
		.window_max = (unsigned)config->tftp_window,
		.datagram_user = config->tftp_user,
		.limit = {
			.sessions_per_address = (unsigned)config->sessions_per_address,
			.sessions_per_user = (unsigned)config->sessions_per_user,
			.requests_per_second = (unsigned)config->requests_per_second,
			.requests_burst = (unsigned)config->requests_burst,
			.rate_session = (uint64_t)config->rate_session,
			.rate_address = (uint64_t)config->rate_address,
			.rate_user = (uint64_t)config->rate_user,
		},
		/* Where one session holds up the next, it is short. */
		.dally_ms = strcmp(config->concurrency, "serial") == 0 ? DALLY_SERIAL_MS : DALLY_MS,
	};
}

void
worker_open_sessions(struct worker *w, const struct mime *mime)
{
	const struct heritage *h = w->heritage;
	const struct config *config = h->config;
	struct session_opts *o = &w->session;

	me = w;
	w->gate = gate_open(config);
	w->receiver.admits = admits_sender;
	w->receiver.admits_arg = w;
	w->receiver.claims = h->claims;
	w->receiver.single = config->tftp_single_port;
	*o = session_opts(config);
	o->mime = mime;
	o->tls = certificates_open(config);
	o->login = h->login;
	o->limits = h->limits;
	o->rivals = rivals;
	o->rivals_arg = h->scoreboard;
	o->served = config->requests_per_worker > 0 ? &w->score->served : NULL;
	o->tally = scoreboard_my_tally(h->scoreboard);
	o->metrics = metrics;
	o->metrics_arg = h->scoreboard;
	o->refuses = refuses;
	o->refuses_arg = scoreboard_quarantine(h->scoreboard);
}
