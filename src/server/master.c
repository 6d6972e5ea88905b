/* master - binds, forks, reaps and respawns; never reads a byte from a client.
 * Signal handlers set a flag; the loop clears it, then acts. */

#include <sys/eventfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/daemon.h"
#include "server/listener.h"
#include "server/master.h"
#include "server/pool.h"
#include "server/scoreboard.h"
#include "server/worker.h"

#define STOP_MS	5000	/* from TERM to KILL, for a worker that does not go */
#define ROWS		8	/* of the scoreboard for each worker, as old generations drain beside */
#define ROWS_MIN	256	/* the new one, and so many more, lest few workers have too few */

struct master {
	struct config	*config;
	struct listeners listeners;
	struct heritage	 heritage;
	struct pool	*pool;
	int		 lifeline;	/* the pipe's write end; closing it drains the workers */
	bool		 ready;		/* all workers have accepted once */
	unsigned	 accepting;	/* how many have, until then */
	bool		 ending;
	int64_t		 kill_at;	/* when patience ends */
	int		 code;		/* to exit with */
};

static volatile sig_atomic_t got_child, got_stop, got_quit, got_other;

static void
on_signal(int number)
{
	if (number == SIGCHLD)
		got_child = 1;
	else if (number == SIGTERM || number == SIGINT)
		got_stop = number;
	else if (number == SIGQUIT)
		got_quit = 1;
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
	for (i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		(void)sigaction(caught[i], &action, NULL);
		(void)sigaddset(&blocked, caught[i]);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(asleep);
	(void)sigprocmask(SIG_BLOCK, &blocked, NULL);
}

static void
run_worker(unsigned slot, void *arg)
{
	struct master *m = arg;

	worker_run(slot, &m->heritage);
}

static void
worker_born(unsigned slot, pid_t pid, void *arg)
{
	struct master *m = arg;

	scoreboard_born(m->heritage.scoreboard, m->heritage.first_row + slot, pid);
}

static void
worker_died(unsigned slot, int status, unsigned young, int64_t due, void *arg)
{
	struct master *m = arg;

	scoreboard_died(m->heritage.scoreboard, m->heritage.first_row + slot, status, young, due);
}

static int
open_heritage(struct master *m)
{
	unsigned workers = (unsigned)m->config->workers;
	int line[2], row;

	if (pipe2(line, O_CLOEXEC) == -1)
		return -1;
	m->lifeline = line[1];
	m->heritage.config = m->config;
	m->heritage.listeners = &m->listeners;
	m->heritage.lifeline = line[0];
	m->heritage.ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->heritage.scoreboard = scoreboard_open(ROWS * workers + ROWS_MIN);
	if (m->heritage.ready == -1 || m->heritage.scoreboard == NULL)
		return -1;
	row = scoreboard_take(m->heritage.scoreboard, 1, workers, (unsigned)m->config->sessions_per_worker);
	m->heritage.first_row = (unsigned)row;
	return row == -1 ? -1 : 0;
}

/* What a newcomer wants to know, and where. */
static void
welcome(const struct master *m)
{
	const struct config *config = m->config;
	size_t i;

	log_info("serving %s, %s", config->root,
	    config->writable ? "clients may write" : "read-only (-w lets clients write)");
	for (i = 0; i < m->listeners.count; i++)
		log_info("listening on %s", m->listeners.at[i].name);
	log_info("try: coffer -H %s ls", m->listeners.at[0].name);
}

static void
count_ready(struct master *m)
{
	uint64_t more;

	if (read(m->heritage.ready, &more, sizeof(more)) != sizeof(more) || m->ready)
		return;
	m->accepting += (unsigned)more;
	if (m->accepting < (unsigned)m->config->workers)
		return;
	m->ready = true;
	log_info("ready: %jd workers, %s", (intmax_t)m->config->workers, m->config->concurrency);
	daemon_ready(m->config);
}

/* From here on nobody is respawned, and who has not gone by then is killed. */
static void
end(struct master *m, int64_t patience_ms)
{
	m->ending = true;
	m->kill_at = clock_in(patience_ms);
	pool_end(m->pool);
}

/* The workers see the end of their lifeline, finish what they do and go. */
static void
drain(struct master *m)
{
	if (m->lifeline != -1)
		(void)close(m->lifeline);
	m->lifeline = -1;
	listeners_close(&m->listeners, 1);
	end(m, m->config->grace_timeout_ms);
}

static void
reap(struct master *m)
{
	int status;

	(void)pool_reap(m->pool, &status);
	/* Before the pool has ever been ready, a worker that cannot begin is a bad start and no crash. */
	if (m->ready || m->ending || !WIFEXITED(status) || WEXITSTATUS(status) == 0)
		return;
	m->code = WEXITSTATUS(status);
	daemon_complain(m->config, "a worker could not start (see the log)");
	(void)pool_signal(m->pool, SIGTERM);
	end(m, STOP_MS);
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
		(void)pool_signal(m->pool, SIGTERM);
		end(m, STOP_MS);
	}
	if (got_quit) {
		got_quit = 0;
		log_info("draining on SIGQUIT");
		drain(m);
	}
	if (got_other) {
		log_warn("SIG%s has no meaning in this version", sigabbrev_np(got_other));
		got_other = 0;
	}
}

static void
loop(struct master *m, const sigset_t *asleep)
{
	struct pollfd pfd = { .fd = m->heritage.ready, .events = POLLIN };
	struct timespec *timeout, left;
	int64_t next;
	int status, ms;

	while (!m->ending || pool_reap(m->pool, &status) > 0) {
		next = m->ending ? m->kill_at : pool_fill(m->pool);
		ms = clock_left(next);
		left = (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
		timeout = ms == -1 ? NULL : &left;
		if (ppoll(&pfd, 1, timeout, asleep) == 1)
			count_ready(m);
		act_on_signals(m);
		if (m->ending && clock_ms() >= m->kill_at) {
			log_warn("%u workers have not gone in time", pool_signal(m->pool, SIGKILL));
			m->kill_at = clock_in(STOP_MS);
		}
	}
}

int
master_run(struct config *config)
{
	struct master m = { .config = config, .lifeline = -1 };
	const struct pool_opts opts = {
		.size = (unsigned)config->workers,
		.delay_max_ms = config->respawn_delay_max_ms,
		.run = run_worker,
		.born = worker_born,
		.died = worker_died,
		.arg = &m,
	};
	const char *which = "";
	sigset_t asleep;

	catch_signals(&asleep);
	setproctitle("master");
	if (listeners_open(&m.listeners, config, &which) == -1) {
		daemon_complain(config, "cannot listen on %s: %s", which, strerror(errno));
		return EX_UNAVAILABLE;
	}
	if (open_heritage(&m) == -1 || (m.pool = pool_open(&opts)) == NULL) {
		daemon_complain(config, "cannot start: %s", strerror(errno));
		return EX_OSERR;
	}
	welcome(&m);
	loop(&m, &asleep);
	listeners_close(&m.listeners, 1);
	pool_close(&m.pool);
	log_info("stopped");
	return m.code;
}
