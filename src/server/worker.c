/* worker - accepts on the shared sockets and runs sessions, unprivileged. */

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/wait.h"
#include "proto/protocols.h"
#include "sched/sched.h"
#include "server/certificates.h"
#include "server/descriptors.h"
#include "server/gate.h"
#include "server/metrics.h"
#include "server/obituary.h"
#include "server/receiver.h"
#include "server/reopen.h"
#include "server/rivals.h"
#include "server/roots.h"
#include "server/sandbox.h"
#include "server/signals.h"
#include "server/symbols.h"
#include "server/worker.h"

#define NOFILE_SPARE	64		/* descriptors that are nobody's session */
#define NOFILE_SESSION	2		/* descriptors that a session needs, in the mean */
#define NOFILE_KEPT	8		/* one in so many may be a file that is kept open */
#define CROWDED		4		/* sessions beyond a fair share that are no matter */
#define CROWDED_MS	1		/* how long a crowded worker leaves connections to others, */
#define CROWDED_TURNS	5		/* so often as long as it is crowded: not for ever, lest a
					 * neighbour that is stuck lets all wait */
#define SHORTAGE_MS	100		/* how long to wait where descriptors or memory ran out */
#define BEAT_MS		1000		/* between two beats of the heart, and two looks at the title */
#define BEAT_MIN_MS	50
#define DALLY_MS	6000		/* how long the last word of an upload is said again */
#define DALLY_SERIAL_MS	1000		/* the same, where others wait for that */
#define SWEEP_MS	(60 * 60 * 1000) /* between two looks for abandoned uploads */

static unsigned grace;	/* seconds that sessions in progress have, once the worker drains */

struct worker {
	unsigned		 slot;
	const struct heritage	*heritage;
	const struct sched	*sched;
	struct scoreboard_row	*score;
	struct shares		 shares;
	struct session_opts	 session;
	int			 fds[LISTENERS_MAX];
	struct receiver		 receiver;
	struct gate		*gate;		/* or NULL: everybody may come */
	unsigned		 reopened;	/* logs, so often, when that session was accepted */
	int			 accepted;	/* the connection that a session is being started for */
	int64_t			 sweep;		/* when to look for abandoned uploads; one worker does */
	unsigned		 sessions_max;
	int64_t			 retitle;	/* when the process's title is to be looked at again */
	unsigned		 titled;	/* sessions that it tells of */
};

static struct worker	*me;
static atomic_bool	 retiring;

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

/* Sessions between two requests end at once; there is no haste for the others, for another worker has
 * taken over. */
static void
on_retire(int signal)
{
	int saved = errno;

	atomic_store(&retiring, true);
	wait_drain();
	scoreboard_signal_children(signal);
	errno = saved;
}

/* The place of the session that runs, for the last words. */
static int
running(void)
{
	const struct progress *p = me->sched->current();

	return p != NULL ? scoreboard_place(me->heritage->scoreboard, p) : -1;
}

static bool
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

static void
leave(struct progress *p)
{
	session_leave(me->session.limits, p, &p->accounts);
	scoreboard_leave(me->heritage->scoreboard, p);
}

static void
connection_ended(void *arg, int status)
{
	struct scoreboard *board = me->heritage->scoreboard;

	if (status != 0)
		obituary_of_session(board, arg, status);
	leave(arg);
}

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

static void
shortage(int error)
{
	static int64_t told = -1;	/* say it once in a while, not for each connection */
	int64_t now = clock_ms();

	if (told == -1 || now - told > 10000) {
		log_error("cannot accept: %s; trying again every %d ms", strerror(error), SHORTAGE_MS);
		told = now;
	}
	(void)wait_until(clock_in(SHORTAGE_MS));
}

static void
show_title(struct worker *w, unsigned sessions)
{
	setproctitle("worker %u [%s] %u session%s", w->slot, w->sched->name, sessions,
	    sessions == 1 ? "" : "s");
	w->titled = sessions;
}

/* `more`: sessions that are about to begin. */
static void
retitle_if_due(struct worker *w, int64_t now, unsigned more)
{
	unsigned sessions = atomic_load_explicit(&w->score->sessions, memory_order_relaxed) + more;

	/* Under serial nobody is back here before the session has ended. */
	if (now < w->retitle && (more == 0 || w->sched != &sched_serial))
		return;
	if (sessions != w->titled)
		show_title(w, sessions);
	roots_tidy(&w->shares);
	w->retitle = now + BEAT_MS;
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

/* A session on fd, which is a connection, or the socket of an arrival. */
static void
start_session(struct worker *w, int fd, const struct sockaddr *peer, socklen_t len,
    const struct protocol *protocol, struct arrival *arrival)
{
	struct scoreboard *board = w->heritage->scoreboard;
	struct sched_task task = {
		.run = connection_run, .drop = connection_drop, .forked = connection_forked,
		.ended = connection_ended,
	};
	struct progress *p = scoreboard_enter(board);
	int error;

	assert(p != NULL);	/* there was room */
	progress_open(p, scoreboard_next_number(board), fd, peer, len,
	    (uint8_t)protocol_index(protocol));
	if (!gate_trusts(w->gate, peer) && session_enter(p, &w->session) == -1) {
		refuse(fd, protocol, arrival);
		scoreboard_leave(board, p);
		return;
	}
	atomic_fetch_add_explicit(&w->score->accepted, 1, memory_order_relaxed);
	task.arg = p;
	w->accepted = fd;
	w->reopened = reopen_catch_up();
	retitle_if_due(w, p->began / 1000, 1);
	if (arrival != NULL && receiver_put(&w->receiver, p, arrival) == -1) {
		receiver_drop(arrival);
		errno = ENOMEM;
	} else if (w->sched->start(&task) == 0)
		return;
	error = errno;
	leave(p);
	shortage(error);
}

/* Of whom a proxy speaks for, it is not known yet. */
static bool
may_come(void *arg, const struct sockaddr *peer)
{
	const struct worker *w = arg;

	return gate_trusts(w->gate, peer) || gate_admits(w->gate, peer);
}

static void
accept_one(struct worker *w, const struct listener *listener)
{
	struct sockaddr_in6 peer;
	socklen_t len = sizeof(peer);
	int fd;

	fd = accept4(listener->fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd != -1 && !may_come(w, (struct sockaddr *)&peer))
		(void)close(fd);
	else if (fd != -1)
		start_session(w, fd, (struct sockaddr *)&peer, len, listener->protocol, NULL);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		shortage(errno);
	/* else somebody was quicker, or the peer has gone */
}

/* No proxy speaks for a datagram. */
static bool
admits_sender(void *arg, const struct sockaddr *sender)
{
	const struct worker *w = arg;

	return gate_admits(w->gate, sender);
}

/* What receiver_take() or receiver_caught() said. */
static void
begin_arrival(struct worker *w, int taken, struct arrival *a)
{
	if (taken == 1)
		start_session(w, a->datagram->fd, (struct sockaddr *)&a->datagram->peer,
		    sizeof(a->datagram->peer), a->protocol, a);
	else if (taken == -1)
		shortage(errno);
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

	roots_count(&w->shares, w->sweep == 0);
	return 0;
}

/* What others change behind our back, and what a worker had in hand when it died, is found then. */
static void
count_all(struct worker *w)
{
	(void)wait_call(count, w);
}

static void
sweep_if_due(struct worker *w, int64_t now)
{
	int n;

	if (now < w->sweep)
		return;
	n = wait_call(sweep, w);
	if (n > 0)
		log_info("removed %d abandoned uploads", n);
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

/* The accept loop, the same under every model. */
static void
accept_all(void *arg)
{
	struct worker *w = arg;
	const struct listeners *listeners = w->heritage->listeners;
	const uint64_t one = 1;
	struct arrival a;
	int64_t now;
	int which;

	if (w->sweep == 0)
		count_all(w);	/* no quota is known to be kept before */
	atomic_store(&w->score->accepting, true);
	(void)!write(w->heritage->ready, &one, sizeof(one));
	for (;;) {
		now = clock_ms();
		sweep_if_due(w, now);
		retitle_if_due(w, now, 0);
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
			shortage(errno);
	}
	atomic_store(&w->score->accepting, false);
	atomic_store(&w->score->draining, true);
	stop_listening(w);
	roots_pause(&w->shares, true);
	/* Whoever still works may finish, but not for ever; SIGALRM ends the process. */
	if (!atomic_load(&retiring))
		(void)alarm(grace);
}

/* Closes every descriptor that is not on the list. */
static void
close_others(const struct heritage *h)
{
	int keep[LISTENERS_MAX + 8];
	size_t n = 0, i;

	keep[n++] = h->config->certificates;
	keep[n++] = h->lifeline;
	keep[n++] = h->ready;
	keep[n++] = h->login;
	keep[n++] = reopen_fd();
	for (i = 0; i < h->listeners->count; i++)
		keep[n++] = h->listeners->at[i].fd;
	descriptors_keep(keep, n);
}

static void
reset_signals(void)
{
	(void)sigaction(SIGNAL_RETIRE, &(struct sigaction){ .sa_handler = on_retire }, NULL);
	signals_reset(scoreboard_signal_children);
}

static void
on_orphaned(int number)
{
	(void)number;
	(void)alarm(grace);
}

/* A worker that is within a session and not in its accept loop (serial) does not see the end of the
 * lifeline; if the master was killed, nobody else bounds it either. */
static void
watch_master(const struct config *config)
{
	struct sigaction action = { .sa_handler = on_orphaned, .sa_flags = SA_RESTART };

	grace = (unsigned)(config->grace_timeout_ms / 1000 + 1);	/* 0 would be no alarm */
	(void)sigaction(SIGNAL_ORPHANED, &action, NULL);
	(void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGNAL_ORPHANED, 0L, 0L, 0L);
}

/* As many descriptors as may be had.  INT64_MAX: no limit. */
static int64_t
raise_nofile(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return INT64_MAX;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur >= INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

/* Of those, files that are kept open between two requests.  Under the other models nobody is there to
 * close them while a session sleeps. */
static unsigned
open_files(const struct worker *w, int64_t nofile)
{
	const int64_t wanted = w->heritage->config->open_files;

	if (!w->sched->threads)
		return 0;
	return (unsigned)(wanted < nofile / NOFILE_KEPT ? wanted : nofile / NOFILE_KEPT);
}

/* As many sessions as there are descriptors left for. */
static unsigned
sessions_max(int64_t wanted, int64_t nofile, unsigned kept)
{
	int64_t fit = (nofile - kept - NOFILE_SPARE) / NOFILE_SESSION;

	if (fit < 1)
		fit = 1;
	if (fit < wanted)
		log_warn("%jd sessions at most, for the limit of open files is %ju", (intmax_t)fit,
		    (uintmax_t)nofile);
	return (unsigned)(fit < wanted ? fit : wanted);
}

/* Often enough that some beats are missed before a stall is one. */
static int64_t
beat_ms(const struct config *config)
{
	int64_t ms = config->stall_timeout_ms / 4;

	if (ms == 0 || ms > BEAT_MS)
		return BEAT_MS;
	return ms < BEAT_MIN_MS ? BEAT_MIN_MS : ms;
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

/* Media types, for those who speak HTTP. */
static const struct mime *
open_mime(const struct heritage *heritage)
{
	const char *file = heritage->config->mime_types;
	const struct mime *mime;
	int error;

	if (listeners_first(heritage->listeners, "http") == NULL &&
	    listeners_first(heritage->listeners, "https") == NULL)
		return NULL;
	if ((mime = mime_open(file, &error)) == NULL)
		_exit(EX_OSERR);
	if (error != 0 && error != ENOENT)	/* many systems have no such file */
		log_warn("mime-types: %s: %s", file, strerror(error));
	return mime;
}

/* After it nothing is opened but what clients ask for.  `rooted`: the folder that is served is all that
 * can be seen from here. */
static void
enter_sandbox(const struct worker *w, bool rooted)
{
	const struct config *config = w->heritage->config;
	struct sandbox_opts opts = sandbox_opts(config);
	struct sandbox_level level;

	opts.rooted = rooted;
	opts.datagrams = listeners_take_datagrams(w->heritage->listeners, UINT16_MAX);
	if (sandbox_enter(&opts, &level) == -1) {
		log_error("sandbox is required, and this is what can be had: %s", level.text);
		_exit(EX_OSERR);
	}
	if (w->slot != 0)
		return;
	w->heritage->sandbox->whole = level.whole;
	(void)snprintf(w->heritage->sandbox->text, SANDBOX_TEXT, "user %s%s, %.200s", config->as.name,
	    rooted ? ", chroot" : "", level.text);
}

int
worker_confine(const struct heritage *heritage, const char *name, struct shares *shares)
{
	const struct config *config = heritage->config;
	const struct worker w = { .slot = UINT_MAX, .heritage = heritage };
	const char *chrooted = sandbox_chroot(config);
	struct privilege as = config->as;

	log_name(name);
	setproctitle("%s", name);
	reset_signals();
	close_others(heritage);
	as.ports = false;
	if (privilege_drop(&as, &chrooted) == -1) {
		log_error("cannot become %s: %s", as.name, strerror(errno));
		return -1;
	}
	if (roots_open(shares, config, chrooted != NULL, heritage->usage, 0) == -1)
		return -1;
	enter_sandbox(&w, chrooted != NULL);
	return 0;
}

/* Of the first place and the spare one, at most one is free. */
static bool
sweeps(const struct config *config, unsigned slot)
{
	return slot == 0 || slot >= (unsigned)config->workers;
}

void
worker_run(unsigned slot, const struct heritage *heritage)
{
	const struct config *config = heritage->config;
	struct worker w = { .slot = slot, .heritage = heritage, .receiver = RECEIVER_INIT };
	const char *chrooted = sandbox_chroot(config);
	struct privilege as = config->as;
	const struct mime *mime;
	struct sched_limit limit;
	int64_t nofile;
	char name[32];
	size_t i;

	(void)snprintf(name, sizeof(name), "worker %u", slot);
	log_name(name);
	setproctitle("%s [%s] starting", name, config->concurrency);
	reset_signals();
	close_others(heritage);
	w.sched = sched_find(config->concurrency);
	/* Now, for afterwards it may be out of sight. */
	mime = open_mime(heritage);
	if (w.sched->forks)
		symbols_keep();		/* it writes its children's obituaries */
	as.ports = config->tftp_single_port &&
	    listeners_take_datagrams(heritage->listeners, IPPORT_RESERVED - 1);
	if (privilege_drop(&as, &chrooted) == -1) {
		log_error("cannot become %s: %s", as.name, strerror(errno));
		_exit(EX_NOPERM);
	}
	watch_master(config);	/* now: another user's id would have undone it */
	me = &w;
	w.score = scoreboard_join(heritage->scoreboard, heritage->first_row + slot);
	show_title(&w, 0);
	wait_heart(&w.score->beats, beat_ms(config));
	crash_watch(scoreboard_crash(heritage->scoreboard, heritage->first_row + slot), running);
	w.session = session_opts(config);
	w.gate = gate_open(config);
	w.receiver.admits = admits_sender;
	w.receiver.admits_arg = &w;
	w.receiver.claims = heritage->claims;
	w.receiver.single = config->tftp_single_port;
	w.session.mime = mime;
	w.session.tls = certificates_open(config);
	w.session.login = heritage->login;
	w.session.limits = heritage->limits;
	w.session.rivals = rivals;
	w.session.rivals_arg = heritage->scoreboard;
	w.session.served = config->requests_per_worker > 0 ? &w.score->served : NULL;
	w.session.tally = scoreboard_my_tally(heritage->scoreboard);
	w.session.metrics = metrics;
	w.session.metrics_arg = heritage->scoreboard;
	w.session.refuses = refuses;
	w.session.refuses_arg = scoreboard_quarantine(heritage->scoreboard);
	w.sweep = config_shares_writable(&config->shares) && sweeps(config, slot) ? 0 : CLOCK_NEVER;
	nofile = raise_nofile();
	if (roots_open(&w.shares, config, chrooted != NULL, heritage->usage, open_files(&w, nofile)) == -1)
		_exit(EX_NOINPUT);
	for (i = 0; i < heritage->listeners->count; i++)
		w.fds[i] = heritage->listeners->at[i].fd;
	wait_lifeline(heritage->lifeline);
	limit.max = w.sessions_max =
	    sessions_max(config->sessions_per_worker, nofile, open_files(&w, nofile));
	limit.sessions = &w.score->sessions;
	enter_sandbox(&w, chrooted != NULL);
	if (w.sched->run(accept_all, &w, &limit) == -1) {
		log_error("%s: %s", config->concurrency, strerror(errno));
		_exit(EX_OSERR);
	}
	roots_close(&w.shares);
	_exit(EX_OK);
}
