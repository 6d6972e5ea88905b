/* pool - a fixed number of workers, kept alive. */

#include <sys/wait.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/pool.h"

struct member {
	pid_t	 pid;		/* 0: nobody */
	int64_t	 born;		/* clock_ms() */
	int64_t	 due;		/* when to fork the next */
	unsigned young;		/* deaths in a row that came too early */
	bool	 free;		/* nobody is to be here */
	bool	 leaving;	/* and nobody after this one */
};

struct pool {
	struct pool_opts opts;
	bool		 ending;
	unsigned	 alive;
	unsigned	 places;
	struct member	 member[];
};

struct pool *
pool_open(const struct pool_opts *opts)
{
	struct pool *pool = calloc(1, sizeof(*pool) + (opts->size + opts->spare) * sizeof(pool->member[0]));
	unsigned i;

	if (pool == NULL)
		return NULL;
	pool->opts = *opts;
	pool->places = opts->size + opts->spare;
	for (i = opts->size; i < pool->places; i++)
		pool->member[i].free = true;
	return pool;
}

void
pool_close(struct pool **pool)
{
	free(*pool);
	*pool = NULL;
}

/* The delay after `young` early deaths in a row. */
static int64_t
delay(const struct pool *pool, unsigned young)
{
	int64_t ms = POOL_DELAY_MS;

	if (young == 0)
		return 0;
	while (--young > 0 && ms < pool->opts.delay_max_ms)
		ms *= 2;
	return ms < pool->opts.delay_max_ms ? ms : pool->opts.delay_max_ms;
}

static void
spawn(struct pool *pool, unsigned slot)
{
	struct member *m = &pool->member[slot];

	m->pid = fork();
	if (m->pid == 0) {
		pool->opts.run(slot, pool->opts.arg);
		_exit(0);
	}
	m->born = clock_ms();
	if (m->pid > 0) {
		pool->alive++;
		pool->opts.born(slot, m->pid, pool->opts.arg);
		return;
	}
	m->pid = 0;
	m->young++;
	m->due = m->born + delay(pool, m->young);
	log_error("worker %u cannot be forked: %s; next try in %.1f s", slot, strerror(errno),
	    (double)delay(pool, m->young) / 1000);
}

int64_t
pool_fill(struct pool *pool)
{
	int64_t now = clock_ms(), next = CLOCK_NEVER;
	struct member *m;
	unsigned i;

	for (i = 0; i < pool->places && !pool->ending; i++) {
		m = &pool->member[i];
		if (m->free)
			continue;
		if (m->pid == 0 && m->due <= now)
			spawn(pool, i);
		if (m->pid == 0 && m->due < next)
			next = m->due;
	}
	return next;
}

/* One line: who, how old, why, and when the next takes its place. */
static void
obituary(const struct pool *pool, unsigned slot, pid_t pid, int status)
{
	const struct member *m = &pool->member[slot];
	double age = (double)(clock_ms() - m->born) / 1000;
	char why[128], then[64] = "";

	if (WIFSIGNALED(status))
		(void)snprintf(why, sizeof(why), "killed by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		(void)snprintf(why, sizeof(why), "ended with status %d", WEXITSTATUS(status));
	if (m->free)
		(void)snprintf(then, sizeof(then), "; it has been replaced");
	else if (!pool->ending)
		(void)snprintf(then, sizeof(then), "; next try in %.1f s",
		    (double)delay(pool, m->young) / 1000);
	log_write(pool->ending || (m->free && status == 0) ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
	    "worker %u (pid %d, %.1f s old) %s%s", slot, (int)pid, age, why, then);
}

static void
bury(struct pool *pool, unsigned slot, int status)
{
	struct member *m = &pool->member[slot];
	int64_t now = clock_ms();
	pid_t pid = m->pid;

	m->pid = 0;
	pool->alive--;
	m->young = now - m->born < POOL_YOUNG_MS ? m->young + 1 : 0;
	m->due = now + delay(pool, m->young);
	m->free = m->leaving;
	m->leaving = false;
	obituary(pool, slot, pid, status);
	pool->opts.died(slot, status, m->young, pool->ending || m->free ? CLOCK_NEVER : m->due,
	    pool->opts.arg);
}

bool
pool_bury(struct pool *pool, pid_t pid, int status, bool *young)
{
	unsigned i;

	for (i = 0; i < pool->places; i++)
		if (pool->member[i].pid == pid) {
			bury(pool, i, status);
			*young = pool->member[i].young > 0;
			return true;
		}
	return false;
}

unsigned
pool_alive(const struct pool *pool)
{
	return pool->alive;
}

int
pool_replace(struct pool *pool, unsigned slot)
{
	unsigned i;

	for (i = 0; i < pool->places && !pool->member[i].free; i++)
		continue;
	if (i == pool->places || pool->ending)
		return -1;
	pool->member[i].young = 0;
	spawn(pool, i);
	if (pool->member[i].pid == 0)
		return -1;
	pool->member[i].free = false;
	pool->member[slot].leaving = true;
	return (int)i;
}

int
pool_signal_one(struct pool *pool, unsigned slot, int signal)
{
	return pool->member[slot].pid > 0 ? kill(pool->member[slot].pid, signal) : -1;
}

void
pool_end(struct pool *pool)
{
	pool->ending = true;
}

unsigned
pool_signal(struct pool *pool, int signal)
{
	unsigned i;

	for (i = 0; i < pool->places; i++)
		if (pool->member[i].pid > 0)
			(void)kill(pool->member[i].pid, signal);
	return pool->alive;
}
