/* worker - becomes unprivileged and confined, and then runs sessions until it is told to go. */

#include <sys/prctl.h>
#include <sys/resource.h>

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
#include "sched/slice.h"
#include "server/crash.h"
#include "server/descriptors.h"
#include "server/reopen.h"
#include "server/roots.h"
#include "server/sandbox.h"
#include "server/signals.h"
#include "server/symbols.h"
#include "server/worker_int.h"

#define NOFILE_SPARE	64		/* descriptors that are nobody's session */
#define NOFILE_SESSION	2		/* descriptors that a session needs, in the mean */
#define NOFILE_KEPT	8		/* one in so many may be a file that is kept open */
#define BEAT_MS		1000		/* between two beats of the heart */
#define BEAT_MIN_MS	50

static unsigned		 grace;	/* seconds that sessions in progress have, once the worker drains */
static atomic_bool	 retiring;

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

/* The first steps of every child that serves: nobody else's signals and descriptors. */
static void
begin(const struct heritage *heritage, const char *name)
{
	log_name(name);
	(void)sigaction(SIGNAL_RETIRE, &(struct sigaction){ .sa_handler = on_retire }, NULL);
	signals_reset(scoreboard_signal_children);
	close_others(heritage);
}

/* Another user, for good; *chrooted is NULL afterwards where it was not to be. */
static int
become(const struct config *config, bool ports, const char **chrooted)
{
	struct privilege as = config->as;

	as.ports = ports;
	if (privilege_drop(&as, chrooted) == 0)
		return 0;
	log_error("cannot become %s: %s", as.name, strerror(errno));
	return -1;
}

int
worker_confine(const struct heritage *heritage, const char *name, struct shares *shares)
{
	const struct config *config = heritage->config;
	const struct worker w = { .slot = UINT_MAX, .heritage = heritage };
	const char *chrooted = sandbox_chroot(config);

	setproctitle("%s", name);
	begin(heritage, name);
	if (become(config, false, &chrooted) == -1 ||
	    roots_open(shares, config, chrooted != NULL, heritage->usage, 0) == -1)
		return -1;
	enter_sandbox(&w, chrooted != NULL);
	return 0;
}

/* Of the first place and the spare one, at most one is free. */
static bool
sweeps(const struct config *config, unsigned slot)
{
	return config_shares_writable(&config->shares) && (slot == 0 || slot >= (unsigned)config->workers);
}

/* Its row of the scoreboard: from here on it is heard, and can leave last words. */
static void
join(struct worker *w)
{
	const struct heritage *h = w->heritage;

	w->score = scoreboard_join(h->scoreboard, h->first_row + w->slot);
	wait_heart(&w->score->beats, beat_ms(h->config));
	crash_watch(scoreboard_crash(h->scoreboard, h->first_row + w->slot), worker_running);
}

/* The roots, and room for as many sessions as there are descriptors. */
static void
open_roots(struct worker *w, bool rooted, struct sched_limit *limit)
{
	const struct config *config = w->heritage->config;
	const int64_t nofile = raise_nofile();
	const unsigned kept = open_files(w, nofile);

	if (roots_open(&w->shares, config, rooted, w->heritage->usage, kept) == -1)
		_exit(EX_NOINPUT);
	w->sessions_max = sessions_max(config->sessions_per_worker, nofile, kept);
	*limit = (struct sched_limit){ .max = w->sessions_max, .sessions = &w->score->sessions };
}

/* Whoever is still served when no more are accepted may finish, but not for ever; SIGALRM ends the
 * process. */
static void
serve(void *worker)
{
	worker_accept(worker);
	if (!atomic_load(&retiring))
		(void)alarm(grace);
}

void
worker_run(unsigned slot, const struct heritage *heritage)
{
	const struct config *config = heritage->config;
	const struct listeners *listeners = heritage->listeners;
	struct worker w = { .slot = slot, .heritage = heritage, .receiver = RECEIVER_INIT };
	const char *chrooted = sandbox_chroot(config);
	const struct mime *mime;
	struct sched_limit limit;
	char name[32];
	size_t i;

	setproctitle("worker %u [%s] starting", slot, config->concurrency);
	(void)snprintf(name, sizeof(name), "worker %u", slot);
	begin(heritage, name);
	w.sched = sched_find(config->concurrency);
	/* Now, for afterwards they may be out of sight: the second for its children's obituaries. */
	mime = open_mime(heritage);
	if (w.sched->forks)
		symbols_keep();
	if (become(config, config->tftp_single_port && listeners_take_datagrams(listeners, IPPORT_RESERVED - 1),
	    &chrooted) == -1)
		_exit(EX_NOPERM);
	watch_master(config);	/* now: another user's id would have undone it */
	join(&w);
	worker_open_sessions(&w, mime);
	w.sweep = sweeps(config, slot) ? 0 : CLOCK_NEVER;
	open_roots(&w, chrooted != NULL, &limit);
	for (i = 0; i < listeners->count; i++)
		w.fds[i] = listeners->at[i].fd;
	wait_lifeline(heritage->lifeline);
	if (w.sched->brief)
		slice_short();
	enter_sandbox(&w, chrooted != NULL);
	if (w.sched->run(serve, &w, &limit) == -1) {
		log_error("%s: %s", config->concurrency, strerror(errno));
		_exit(EX_OSERR);
	}
	roots_close(&w.shares);
	_exit(EX_OK);
}
