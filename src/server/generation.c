/* generation - one configuration at work: its listeners, its lifeline and its workers. */

#include <sys/eventfd.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/shared.h"
#include "server/certificates.h"
#include "server/generation.h"
#include "server/obituary.h"
#include "server/roots.h"
#include "server/signals.h"
#include "store/usage.h"

static void
run_worker(unsigned slot, void *arg)
{
	struct generation *g = arg;

	log_level((enum log_level)g->config.log_level);
	worker_run(slot, &g->heritage);
}

static void
worker_born(unsigned slot, pid_t pid, void *arg)
{
	struct generation *g = arg;

	scoreboard_born(g->heritage.scoreboard, g->heritage.first_row + slot, pid);
}

/* What the sessions of a dead worker had of their limits. */
static void
give_back(const struct generation *g, unsigned row)
{
	struct progress p;
	unsigned at;

	for (at = 0; g->heritage.limits != NULL && scoreboard_session(g->heritage.scoreboard, row, &at, &p); )
		session_leave(g->heritage.limits, &p, &p.accounts);
}

/* And what its uploads had of their quotas. */
static void
bury_uploads(const struct generation *g, unsigned row)
{
	struct scoreboard_worker w;

	if (!scoreboard_look(g->heritage.scoreboard, row, &w))
		return;
	for (size_t i = 0; i < g->config.shares.roots; i++)
		usage_bury(g->heritage.usage[i], w.pid);
}

static void
worker_died(unsigned slot, int status, unsigned young, int64_t due, void *arg)
{
	struct generation *g = arg;

	bury_uploads(g, g->heritage.first_row + slot);
	give_back(g, g->heritage.first_row + slot);
	obituary_of_worker(g->heritage.scoreboard, g->heritage.first_row + slot, status);
	scoreboard_died(g->heritage.scoreboard, g->heritage.first_row + slot, status, young, due);
}

/* Where the files of each root are counted. */
static int
open_usage(struct generation *g)
{
	const struct config_share *share;

	if ((g->heritage.usage = calloc(g->config.shares.roots + 1, sizeof(*g->heritage.usage))) == NULL)
		return -1;
	for (size_t i = 0; (share = config_shares_root(&g->config.shares, i)) != NULL; i++)
		if ((g->heritage.usage[i] = roots_usage(share->root)) == NULL)
			return -1;
	return 0;
}

/* One for all generations, so that a reload gives nobody twice as much. */
static int
share_limits(struct heritage *heritage, const struct config *config)
{
	static struct limits *limits;

	if (config->sessions_per_address == 0 && config->sessions_per_user == 0 && config->requests_per_second == 0 &&
	    config->rate_session == 0 && config->rate_address == 0 && config->rate_user == 0)
		return 0;
	if (limits == NULL && (limits = limits_open()) == NULL)
		return -1;
	heritage->limits = limits;
	return 0;
}

static int
open_heritage(struct generation *g, struct scoreboard *board)
{
	int line[2], row;

	if (pipe2(line, O_CLOEXEC) == -1)
		return -1;
	g->lifeline = line[1];
	g->heritage.config = &g->config;
	g->heritage.listeners = &g->listeners;
	g->heritage.lifeline = line[0];
	if (open_usage(g) == -1 || share_limits(&g->heritage, &g->config) == -1 ||
	    (g->heritage.claims = claims_open()) == NULL)
		return -1;
	if ((g->heritage.ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) == -1 ||
	    (g->heritage.sandbox = shared_new(sizeof(*g->heritage.sandbox))) == NULL)
		return -1;
	row = scoreboard_take(board, g->number, g->places,
	    (unsigned)g->config.sessions_per_worker);
	if (row == -1)
		return -1;
	g->heritage.first_row = (unsigned)row;
	g->heritage.scoreboard = board;
	return 0;
}

static int
open_pool(struct generation *g)
{
	const struct pool_opts opts = {
		.size = (unsigned)g->config.workers,
		.spare = g->places - (unsigned)g->config.workers,
		.delay_max_ms = g->config.respawn_delay_max_ms,
		.run = run_worker,
		.born = worker_born,
		.died = worker_died,
		.arg = g,
	};

	return (g->pool = pool_open(&opts)) != NULL ? 0 : -1;
}

struct generation *
generation_open(unsigned number, struct config *config, struct scoreboard *board,
    const struct listeners *have, char why[GENERATION_WHY], int *code)
{
	struct generation *g = calloc(1, sizeof(*g));
	const char *which = "";

	*code = EX_OSERR;
	if (g == NULL) {
		(void)snprintf(why, GENERATION_WHY, "cannot start: %s", strerror(errno));
		return NULL;
	}
	g->number = number;
	g->began = clock_ms();
	g->config = *config;
	g->lifeline = g->heritage.lifeline = g->heritage.ready = g->heritage.login = -1;
	g->places = (unsigned)g->config.workers + (g->config.requests_per_worker > 0);
	g->old = g->young = -1;
	memset(config, 0, sizeof(*config));
	(void)umask((mode_t)g->config.umask);	/* for the files of Unix sockets, and the workers' */
	if (listeners_open(&g->listeners, &g->config, have, &which) == -1) {
		(void)snprintf(why, GENERATION_WHY, "cannot listen on %s: %s", which, strerror(errno));
		*code = EX_UNAVAILABLE;
	} else if (open_heritage(g, board) == -1 || open_pool(g) == -1)
		(void)snprintf(why, GENERATION_WHY, "cannot start: %s", strerror(errno));
	else
		return g;
	listeners_close(&g->listeners, have, true);
	*config = g->config;
	/* The rest of it is still asked how many workers there were to be. */
	memset(&g->config, 0, sizeof(g->config));
	g->config.workers = config->workers;
	generation_close(&g, NULL);
	return NULL;
}

static void
close_fd(int *fd)
{
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

void
generation_deafen(struct generation *g, const struct generation *next)
{
	listeners_close(&g->listeners, next != NULL ? &next->listeners : NULL, true);
}

void
generation_close(struct generation **generation, const struct generation *next)
{
	struct generation *g = *generation;

	if (g == NULL)
		return;
	generation_deafen(g, next);
	close_fd(&g->lifeline);
	close_fd(&g->heritage.lifeline);
	close_fd(&g->heritage.ready);
	shared_free(g->heritage.sandbox, sizeof(*g->heritage.sandbox));
	claims_close(&g->heritage.claims);
	free(g->heritage.usage);
	if (g->heritage.scoreboard != NULL)
		scoreboard_give(g->heritage.scoreboard, g->heritage.first_row,
		    g->places);
	pool_close(&g->pool);
	config_free(&g->config);
	free(g);
	*generation = NULL;
}

static bool
look(const struct generation *g, unsigned slot, struct scoreboard_worker *w)
{
	return scoreboard_look(g->heritage.scoreboard, g->heritage.first_row + slot, w) && w->pid > 0;
}

/* One that has answered enough. */
static int
find_tired(const struct generation *g)
{
	struct scoreboard_worker w;
	unsigned slot;

	for (slot = 0; slot < g->places; slot++)
		if (look(g, slot, &w) && w.state == WORKER_SERVING &&
		    w.served >= (uint64_t)g->config.requests_per_worker)
			return (int)slot;
	return -1;
}

/* First the new one, then, once it accepts, the end of the old one. */
static void
recycle(struct generation *g)
{
	struct scoreboard_worker w;

	if (g->config.requests_per_worker == 0 || !g->ready)
		return;
	if (g->old != -1 && !look(g, (unsigned)g->old, &w))
		g->old = -1;		/* it has gone, or was never told to */
	if (g->old == -1) {
		if ((g->old = find_tired(g)) != -1 &&
		    (g->young = pool_replace(g->pool, (unsigned)g->old)) == -1)
			g->old = -1;
		return;
	}
	if (g->young == -1 || !look(g, (unsigned)g->young, &w) || w.state != WORKER_SERVING)
		return;
	log_info("worker %d has answered %jd requests, and is replaced by worker %d", g->old,
	    (intmax_t)g->config.requests_per_worker, g->young);
	(void)pool_signal_one(g->pool, (unsigned)g->old, SIGNAL_RETIRE);
	g->young = -1;
}

int64_t
generation_step(struct generation *g)
{
	if (!g->leaving)
		recycle(g);
	if (!g->leaving)
		return pool_fill(g->pool);
	if (clock_ms() >= g->kill_at) {
		log_warn("%u workers have not gone in time", pool_signal(g->pool, SIGKILL));
		g->kill_at = clock_in(GENERATION_STOP_MS);
	}
	return g->kill_at;
}

int
generation_ready_fd(const struct generation *g)
{
	return g->heritage.ready;
}

bool
generation_count_ready(struct generation *g)
{
	uint64_t more;

	if (read(g->heritage.ready, &more, sizeof(more)) != sizeof(more) || g->ready)
		return false;
	g->accepting += (unsigned)more;
	g->ready = g->accepting >= (unsigned)g->config.workers;
	if (g->ready)
		quarantine_for(scoreboard_quarantine(g->heritage.scoreboard), g->config.quarantine_ms);
	return g->ready;
}

void
generation_tell_sandbox(const struct generation *g)
{
	const struct sandbox_level *level = g->heritage.sandbox;
	char tls[CERTIFICATES_TEXT];

	log_write(level->whole ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "sandbox: %s", level->text);
	if (g->config.certificates == -1)
		return;
	certificates_tell(&g->config, tls);
	log_info("TLS: %s", tls);
}

static void
leave(struct generation *g, int64_t patience_ms)
{
	g->leaving = true;
	g->kill_at = clock_in(patience_ms);
	pool_end(g->pool);
}

void
generation_drain(struct generation *g)
{
	close_fd(&g->lifeline);
	leave(g, g->config.grace_timeout_ms);
}

void
generation_stop(struct generation *g)
{
	(void)pool_signal(g->pool, SIGTERM);
	leave(g, GENERATION_STOP_MS);
}
