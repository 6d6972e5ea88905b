/* reload - from the configuration that serves to the next one.
 * Everything is read, checked and opened before anything changes, and on any fault nothing has
 * changed.  The new workers accept before the old ones stop, on the same sockets. */

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/nitems.h"
#include "server/admin.h"
#include "server/certificates.h"
#include "server/config_keys.h"
#include "server/master_int.h"
#include "server/notify.h"
#include "server/privilege.h"
#include "server/roots.h"
#include "server/sandbox.h"

#define TOO_LATE	"the new workers did not accept within start-timeout"

/* What is set up once, at the start. */
static const char *const needs_restart[] = { "log", "access-file", "pid-file", "background", "control" };

/* The value as the file would hold it; free(3) it. */
static char *
value_text(const struct config_key *key, const struct config *config)
{
	char *text = NULL;
	size_t len;
	FILE *out;

	if ((out = open_memstream(&text, &len)) == NULL)
		return NULL;
	config_key_print(key, config, out);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

/* The new configuration keeps the old values of these, so that it tells what holds. */
static void
keep_old(struct config *config, const struct config *old, struct faults *notes)
{
	char why[CONFIG_WHY];

	for (size_t i = 0; i < nitems(needs_restart); i++) {
		const struct config_key *key = config_key_find(needs_restart[i]);
		char *now = value_text(key, old), *next = value_text(key, config);

		if (now != NULL && next != NULL && strcmp(now, next) != 0) {
			faults_add(notes, "%s is still %s: another value needs a restart", key->name, now);
			(void)config_key_copy(key, config, old, why);
		}
		free(now);
		free(next);
	}
}

/* What main() checks at the start. */
static int
check(struct config *config, struct faults *faults, struct faults *notes)
{
	char why[PRIVILEGE_WHY];

	_Static_assert(SANDBOX_TEXT <= PRIVILEGE_WHY, "why");
	if (privilege_find(&config->as, config->user, why) == 0 &&
	    roots_check(config, why) == 0 &&
	    sandbox_check(config, why) == 0)
		return certificates_gather(config, faults, notes);
	faults_add(faults, "%s", why);
	return -1;
}

static int
load(struct master *m, struct config *config, struct faults *faults)
{
	struct config_source source = *m->start->source;

	/* The file that was read at the start must not have vanished: its defaults would serve. */
	source.optional = source.optional && m->serving->config.file == NULL;
	source.rootless = false;
	if (config_load(config, &source, faults) == -1)
		return -1;
	if ((check(config, faults, &m->reload_notes) | authority_check(config, faults)) == 0)
		return 0;
	config_free(config);
	return -1;
}

static void
log_fault(void *arg, const char *line)
{
	(void)arg;
	log_error("reload: %s", line);
}

static void
log_note(void *arg, const char *line)
{
	(void)arg;
	log_warn("reload: %s", line);
}

/* The end of a reload that changed nothing. */
static void
refuse(struct master *m, struct faults *faults)
{
	faults_each(faults, log_fault, NULL);
	log_error("reload failed: generation %u serves on, with the configuration it had",
	    m->serving->number);
	faults_add(faults, "generation %u serves on, with the configuration it had", m->serving->number);
	if (!m->ending)
		notify_send("READY=1\nSTATUS=reload failed, see the log; generation %u serves on",
		    m->serving->number);
	admin_finish(m, ADMIN_RELOAD, false, faults);
	faults_free(&m->reload_notes);
	faults_free(faults);
}

static void
begin(struct master *m)
{
	char why[GENERATION_WHY];
	struct faults faults;
	struct config config;
	int code;

	log_info("reloading");
	notify_reloading("reloading");
	admin_begin(m, ADMIN_RELOAD);
	faults_init(&faults);
	faults_init(&m->reload_notes);
	if (load(m, &config, &faults) == -1) {
		refuse(m, &faults);
		return;
	}
	keep_old(&config, &m->serving->config, &m->reload_notes);
	m->coming = generation_open(m->generation + 1, &config, m->scoreboard,
	    &m->serving->listeners, why, &code);
	if (m->coming == NULL) {
		(void)umask((mode_t)m->serving->config.umask);
		config_free(&config);
		faults_add(&faults, "%s", why);
		refuse(m, &faults);
		return;
	}
	m->generation++;
	m->reload_until = clock_in(m->coming->config.start_timeout_ms);
	m->coming->heritage.login = authority_door(m->authority, &m->coming->config);
	TAILQ_INSERT_HEAD(&m->generations, m->coming, entry);
	faults_free(&faults);
}

void
reload_abandon(struct master *m, const char *why)
{
	struct generation *g = m->coming;
	struct faults faults;

	m->coming = NULL;
	generation_deafen(g, m->serving);
	generation_stop(g);
	(void)umask((mode_t)m->serving->config.umask);
	faults_init(&faults);
	faults_add(&faults, "%s", why);
	refuse(m, &faults);
}

/* What is listened on now and was not before, and the other way round. */
static void
tell_listeners(const struct listeners *all, const struct listeners *others, const char *what)
{
	for (size_t i = 0; i < all->count; i++)
		if (!listeners_have(others, all->at[i].name))
			log_info("%s %s", what, all->at[i].name);
}

void
reload_commit(struct master *m)
{
	struct generation *old = m->serving;

	if (clock_ms() >= m->reload_until) {
		reload_abandon(m, TOO_LATE);
		return;
	}
	m->serving = m->coming;
	m->coming = NULL;
	log_level((enum log_level)m->serving->config.log_level);
	authority_serve(m->authority, &m->serving->config);
	tell_listeners(&m->serving->listeners, &old->listeners, "listening on");
	tell_listeners(&old->listeners, &m->serving->listeners, "no longer listening on");
	generation_deafen(old, m->serving);
	generation_drain(old);
	faults_each(&m->reload_notes, log_note, NULL);
	generation_tell_sandbox(m->serving);
	log_info("reloaded: generation %u serves, %jd workers, %s; generation %u drains",
	    m->serving->number, (intmax_t)m->serving->config.workers, m->serving->config.concurrency,
	    old->number);
	faults_add(&m->reload_notes, "generation %u serves, %jd workers, %s", m->serving->number,
	    (intmax_t)m->serving->config.workers, m->serving->config.concurrency);
	notify_send("READY=1\nSTATUS=%jd workers serve, generation %u",
	    (intmax_t)m->serving->config.workers, m->serving->number);
	admin_finish(m, ADMIN_RELOAD, true, &m->reload_notes);
	faults_free(&m->reload_notes);
}

/* One at a time; and a pool that is not complete yet, or generations that do not get away, come
 * first. */
static bool
may_begin(const struct master *m)
{
	const struct generation *g;
	unsigned leaving = 0;

	TAILQ_FOREACH(g, &m->generations, entry)
		leaving += g->leaving;
	return m->coming == NULL && m->upgrade.pid == 0 && m->serving->ready &&
	    leaving < MASTER_LEAVING_MAX;
}

int64_t
reload_step(struct master *m)
{
	if (m->ending)
		return CLOCK_NEVER;
	if (m->coming != NULL && clock_ms() >= m->reload_until)
		reload_abandon(m, TOO_LATE);
	if (m->reload_wanted && may_begin(m)) {
		m->reload_wanted = false;
		begin(m);
	}
	return m->coming != NULL ? m->reload_until : CLOCK_NEVER;
}
