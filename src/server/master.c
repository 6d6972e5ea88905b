/* master - binds, forks, reaps and respawns; never reads a byte from a client.
 * Signal handlers set a flag; the loop clears it, then acts. */

#include <sys/wait.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/nitems.h"
#include "server/admin.h"
#include "server/crash.h"
#include "server/daemon.h"
#include "server/errand.h"
#include "server/master.h"
#include "server/master_int.h"
#include "server/notify.h"
#include "server/reopen.h"
#include "store/store.h"

#define WIRES	2	/* to the next binary, and to the one before */
#define ROWS	4096	/* of the scoreboard: the largest pool, and what may drain beside it */

static volatile sig_atomic_t got_child, got_stop, got_quit, got_hup, got_usr1, got_usr2, got_other;

static void
on_signal(int number)
{
	if (number == SIGCHLD)
		got_child = 1;
	else if (number == SIGTERM || number == SIGINT)
		got_stop = number;
	else if (number == SIGQUIT)
		got_quit = 1;
	else if (number == SIGHUP)
		got_hup = 1;
	else if (number == SIGUSR1)
		got_usr1 = 1;
	else if (number == SIGUSR2)
		got_usr2 = 1;
	else
		got_other = number;
}

/* Signals arrive only while the loop sleeps. */
static void
catch_signals(sigset_t *asleep)
{
	static const int caught[] = { SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2 };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;
	size_t i;

	(void)sigemptyset(&blocked);
	for (i = 0; i < nitems(caught); i++) {
		(void)sigaction(caught[i], &action, NULL);
		(void)sigaddset(&blocked, caught[i]);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(asleep);
	(void)sigprocmask(SIG_BLOCK, &blocked, NULL);
}

/* What a newcomer wants to know, and where. */
static void
welcome(const struct generation *g)
{
	const struct config_share *share;
	const struct listener *l;
	size_t i;

	for (i = 0; (share = config_shares_root(&g->config.shares, i)) != NULL; i++)
		log_info("serving %s%s%s, %s", share->root, share->given ? " at " : "", share->given ? share->path : "",
		    config_share_writable(share) ? "clients may write" : share->given ? "read-only" :
		    "read-only (-w lets clients write)");
	for (i = 0; i < g->listeners.count; i++)
		log_info("listening on %s", g->listeners.at[i].name);
	if ((l = listeners_first(&g->listeners, "coffer")) != NULL)
		log_info("try: coffer -H %s ls", l->name);
	if ((l = listeners_first(&g->listeners, "http")) != NULL)
		log_info("open %s/ in a browser", l->name);
}

static void
count_ready(struct master *m, struct generation *g)
{
	if (!generation_count_ready(g) || m->ending)
		return;
	if (g == m->coming) {
		reload_commit(m);
		return;
	}
	generation_tell_sandbox(g);
	log_info("ready: %jd workers, %s", (intmax_t)g->config.workers, g->config.concurrency);
	daemon_ready(&g->config);
	handover_ready(m);
}

/* The workers see the end of their lifeline, finish what they do and go. */
static void
drain(struct generation *g)
{
	if (g->leaving)
		return;
	generation_deafen(g, NULL);
	generation_drain(g);
}

/* From here on nobody is respawned, and nothing begins any more. */
static void
end(struct master *m, void (*how)(struct generation *))
{
	struct generation *g;

	if (m->coming != NULL)
		reload_abandon(m, "the server ends");
	if (m->upgrade.pid != 0)
		upgrade_abandon(m, "the server ends");
	if (m->in_charge && !m->ending)
		notify_send("STOPPING=1\nSTATUS=%s", how == drain ? "draining" : "stopping");
	m->ending = true;
	TAILQ_FOREACH(g, &m->generations, entry)
		how(g);
}

void
master_drain(struct master *m)
{
	end(m, drain);
}

void
master_stop(struct master *m)
{
	end(m, generation_stop);
}

/* A generation that was never complete, and one of whose workers could not even begin. */
static void
bad_start(struct master *m, struct generation *g, int status)
{
	if (g == m->coming)
		reload_abandon(m, "a new worker could not start (see the log)");
	if (m->ending || g->leaving)
		return;
	m->code = WEXITSTATUS(status);
	daemon_complain(&g->config, "a worker could not start (see the log)");
	master_stop(m);
}

static void
bury(struct master *m, pid_t pid, int status)
{
	struct generation *g;
	bool young = false;

	if (upgrade_died(m, pid, status) || authority_bury(m->authority, pid, status) || errand_died(pid))
		return;
	TAILQ_FOREACH(g, &m->generations, entry)
		if (pool_bury(g->pool, pid, status, &young))
			break;
	if (g != NULL && young && !g->ready && WIFEXITED(status) && WEXITSTATUS(status) != 0)
		bad_start(m, g, status);
}

/* One signal may stand for several. */
static void
reap(struct master *m)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		bury(m, pid, status);
}

int
master_reopen(struct master *m)
{
	struct generation *g;
	int error;

	if (reopen_logs() == -1) {
		error = errno;
		log_error("cannot open the log again: %s; it goes on as it was", strerror(error));
		errno = error;
		return -1;
	}
	TAILQ_FOREACH(g, &m->generations, entry)
		(void)pool_signal(g->pool, SIGUSR1);
	/* Workers that drain after an upgrade are that one's, and it is there as long as they are. */
	if (m->elder > 1 && getppid() == m->elder)
		(void)kill(m->elder, SIGUSR1);
	authority_reopen(m->authority);
	log_info("the log is open again");
	return 0;
}

static void
act_on_signals(struct master *m)
{
	if (got_child) {
		got_child = 0;
		reap(m);
	}
	if (got_stop) {
		log_info("stopping on SIG%s", sigabbrev_np(got_stop));
		got_stop = 0;
		master_stop(m);
	}
	if (got_quit) {
		got_quit = 0;
		log_info("draining on SIGQUIT");
		master_drain(m);
	}
	if (got_hup) {
		got_hup = 0;
		m->reload_wanted = true;
	}
	if (got_usr1) {
		got_usr1 = 0;
		(void)master_reopen(m);
	}
	if (got_usr2) {
		got_usr2 = 0;
		m->upgrade_wanted = true;
	}
	if (got_other) {
		log_warn("SIG%s has no meaning in this version", sigabbrev_np(got_other));
		got_other = 0;
	}
}

/* Whom all workers have left is of no use any more. */
static void
forget_the_gone(struct master *m)
{
	struct generation *g, *next;

	for (g = TAILQ_FIRST(&m->generations); g != NULL; g = next) {
		next = TAILQ_NEXT(g, entry);
		if (!g->leaving || pool_alive(g->pool) > 0 || g == m->serving)
			continue;
		log_info("generation %u has gone", g->number);
		TAILQ_REMOVE(&m->generations, g, entry);
		generation_close(&g, m->serving);
	}
}

/* Does what is due.  When to come again. */
static int64_t
step(struct master *m)
{
	int64_t next = reload_step(m), due;
	struct generation *g;

	if ((due = upgrade_step(m)) < next)
		next = due;
	if (m->in_charge && (due = notify_watchdog()) < next)
		next = due;
	if ((due = authority_step(m->authority)) < next)
		next = due;
	forget_the_gone(m);
	TAILQ_FOREACH(g, &m->generations, entry)
		if ((due = generation_step(g)) < next)
			next = due;
	due = stall_look(m->stall, m->serving->config.stall_timeout_ms);
	return due < next ? due : next;
}

/* The places of generations in pfds; as many as there are generations. */
static size_t
poll_generations(struct master *m, struct pollfd *pfds)
{
	struct generation *g;
	size_t n = 0;

	TAILQ_FOREACH(g, &m->generations, entry) {
		assert(n < MASTER_GENERATIONS_MAX);
		pfds[n++] = (struct pollfd){ .fd = generation_ready_fd(g), .events = POLLIN };
	}
	return n;
}

/* None begins or is freed meanwhile: both wait for step(). */
static void
turn_generations(struct master *m, const struct pollfd *pfds)
{
	struct generation *g;

	TAILQ_FOREACH(g, &m->generations, entry)
		if ((pfds++)->revents != 0)
			count_ready(m, g);
}

/* Sleeps until something happens, or until then. */
static void
await(struct master *m, int64_t until, const sigset_t *asleep)
{
	struct pollfd pfds[MASTER_GENERATIONS_MAX + WIRES + CONTROL_POLL_MAX], *wires;
	struct timespec left = { 0 }, *timeout = NULL;
	size_t mine, others = 0;
	int ms;

	mine = poll_generations(m, pfds);
	wires = pfds + mine;
	wires[0] = (struct pollfd){ .fd = m->upgrade.pid != 0 ? m->upgrade.wire : -1, .events = POLLIN };
	wires[1] = (struct pollfd){ .fd = m->start->inherited->parent, .events = POLLIN };
	mine += WIRES;
	if (m->control != NULL && m->in_charge)
		others = control_poll(m->control, pfds + mine, &until);
	if ((ms = clock_left(until)) != -1) {
		left = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
		timeout = &left;
	}
	if (ppoll(pfds, mine + others, timeout, asleep) == -1)
		return;
	turn_generations(m, pfds);
	if (others > 0)
		control_turn(m->control, pfds + mine, others);
	if (wires[0].revents != 0 && m->upgrade.pid != 0)
		upgrade_turn(m);
	if (wires[1].revents != 0)
		handover_turn(m);
}

static void
loop(struct master *m, const sigset_t *asleep)
{
	int64_t next;

	for (;;) {
		next = step(m);
		if (m->ending && pool_alive(m->serving->pool) == 0 &&
		    TAILQ_NEXT(TAILQ_FIRST(&m->generations), entry) == NULL)
			return;
		await(m, next, asleep);
		act_on_signals(m);
	}
}

/* What all generations share.  EX_OK, or what to exit with. */
static int
open_common(struct master *m, const struct config *config)
{
	if (reopen_prepare() == -1 || (m->scoreboard = scoreboard_open(ROWS)) == NULL ||
	    (m->stall = stall_open(m->scoreboard)) == NULL ||
	    (m->authority = authority_open()) == NULL) {
		daemon_complain(config, "cannot start: %s", strerror(errno));
		return EX_OSERR;
	}
	return admin_open(m, config) == 0 ? EX_OK : EX_UNAVAILABLE;
}

/* The first generation, which the config becomes a part of.  EX_OK, or what to exit with. */
static int
open_first(struct master *m, struct config *config)
{
	char why[GENERATION_WHY];
	struct generation *g;
	int code;

	if ((g = generation_open(1, config, m->scoreboard, &m->start->inherited->listeners, why,
	    &code)) == NULL) {
		daemon_complain(config, "%s", why);
		admin_close(m, m->in_charge);
		return code;
	}
	m->serving = g;
	TAILQ_INSERT_HEAD(&m->generations, g, entry);
	g->heritage.login = authority_door(m->authority, &g->config);
	authority_serve(m->authority, &g->config);
	return EX_OK;
}

static void
close_all(struct master *m)
{
	stall_close(&m->stall);
	authority_close(&m->authority);
	generation_close(&m->serving, NULL);
	scoreboard_close(&m->scoreboard);
}

int
master_run(struct config *config, const struct master_start *start)
{
	struct master m = {
		.start = start, .generation = 1, .began = clock_ms(), .pidfile = start->pidfile,
		.in_charge = start->inherited->parent == -1,
		.elder = start->inherited->parent == -1 ? 0 : getppid(),
	};
	sigset_t asleep;

	catch_signals(&asleep);
	setproctitle("master");
	TAILQ_INIT(&m.generations);
	crash_prepare();
	store_note_boot();
	tzset();		/* while the files that it reads can be read */
	if ((m.code = open_common(&m, config)) != EX_OK || (m.code = open_first(&m, config)) != EX_OK) {
		close_all(&m);
		return m.code;
	}
	welcome(m.serving);
	handover_sort(&m);
	loop(&m, &asleep);
	handover_end(&m);
	close_all(&m);
	log_info("stopped");
	return m.code;
}
