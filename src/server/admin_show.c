/* admin_show - the state of the server as JSON, made from the scoreboard.
 * Times are ages in seconds: the reader's clock may be another. */

#include <sys/wait.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/socket.h"
#include "proto/protocols.h"
#include "server/admin_show.h"
#include "server/certificates.h"
#include "server/master_int.h"
#include "store/usage.h"

static const char *const states[] = {
	[WORKER_NONE] = "none", [WORKER_WAITING] = "waiting", [WORKER_STARTING] = "starting",
	[WORKER_SERVING] = "serving", [WORKER_DRAINING] = "draining",
};

/* Any bytes as a string: a folder's name need not be UTF-8. */
static json_t *
text(const char *s)
{
	json_t *string = json_string(s);

	return string != NULL ? string : json_string("?");
}

static void
set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new_nocheck(object, key, value);
}

static void
set_count(json_t *object, const char *key, uint64_t value)
{
	set(object, key, json_integer((json_int_t)value));
}

/* Of a moment of clock_ms(). */
static void
set_age(json_t *object, const char *key, int64_t since)
{
	set(object, key, json_real((double)(clock_ms() - since) / 1000));
}

static json_t *
show_death(const struct scoreboard_worker *w)
{
	json_t *death = json_object();

	set_age(death, "age", w->died);
	if (WIFSIGNALED(w->status))
		set_count(death, "signal", (uint64_t)WTERMSIG(w->status));
	else
		set_count(death, "status", (uint64_t)WEXITSTATUS(w->status));
	return death;
}

static json_t *
show_worker(const struct scoreboard_worker *w)
{
	json_t *worker = json_object();

	set_count(worker, "worker", w->slot);
	set_count(worker, "generation", w->generation);
	set(worker, "state", json_string(states[w->state]));
	set(worker, "pid", w->pid > 0 ? json_integer(w->pid) : json_null());
	if (w->pid > 0)
		set_age(worker, "age", w->born);
	set_count(worker, "sessions", w->sessions);
	set_count(worker, "sessions_max", w->sessions_max);
	set_count(worker, "accepted", w->accepted);
	set_count(worker, "requests", w->requests);
	set_count(worker, "received", w->received);
	set_count(worker, "sent", w->sent);
	set_count(worker, "restarts", w->restarts);
	set_count(worker, "young_deaths", w->young);
	set_count(worker, "stalls", w->stalls);
	if (w->died != 0)
		set(worker, "last_death", show_death(w));
	if (w->state == WORKER_WAITING && w->due != CLOCK_NEVER)
		set(worker, "next_try", json_real((double)(w->due - clock_ms()) / 1000));
	return worker;
}

static json_t *
show_workers(const struct master *m)
{
	struct scoreboard_worker w;
	json_t *list = json_array();

	for (unsigned row = 0; row < scoreboard_rows(m->scoreboard); row++)
		if (scoreboard_worker(m->scoreboard, row, &w) && w.state != WORKER_NONE &&
		    (w.pid > 0 || w.due != CLOCK_NEVER))
			(void)json_array_append_new(list, show_worker(&w));
	return list;
}

static json_t *
show_listeners(const struct master *m)
{
	const struct listeners *all = &m->serving->listeners;
	json_t *list = json_array();

	for (size_t i = 0; i < all->count; i++)
		(void)json_array_append_new(list, text(all->at[i].name));
	return list;
}

static json_t *
show_totals(const struct master *m)
{
	struct scoreboard_totals t;
	json_t *totals = json_object();

	scoreboard_totals(m->scoreboard, &t);
	set_count(totals, "sessions", t.sessions);
	set_count(totals, "accepted", t.accepted);
	set_count(totals, "requests", t.requests);
	set_count(totals, "received", t.received);
	set_count(totals, "sent", t.sent);
	set_count(totals, "deaths", t.deaths);
	return totals;
}

/* With what they hold, where that is counted for a quota. */
static json_t *
show_shares(const struct master *m)
{
	const struct config_share *share;
	const struct usage *usage;
	json_t *list = json_array(), *entry;

	for (size_t i = 0; (share = config_shares_root(&m->serving->config.shares, i)) != NULL; i++) {
		entry = json_object();
		usage = m->serving->heritage.usage[i];
		set(entry, "path", text(share->path));
		set(entry, "root", text(share->root));
		set(entry, "writable", json_boolean(config_share_writable(share)));
		if ((share->quota > 0 || share->quota_files > 0) && atomic_load(&usage->counted)) {
			set_count(entry, "quota", (uint64_t)share->quota);
			set_count(entry, "used", usage->bytes.came - usage->bytes.went);
			set_count(entry, "quota_files", (uint64_t)share->quota_files);
			set_count(entry, "used_files", usage->names.came - usage->names.went);
		}
		(void)json_array_append_new(list, entry);
	}
	return list;
}

static const char *
state_of(const struct master *m)
{
	if (m->ending)
		return "ending";
	if (m->coming != NULL)
		return "reloading";
	if (m->upgrade.pid != 0)
		return "upgrading";
	return m->serving->ready ? "serving" : "starting";
}

/* What processes have died of, and whether it is refused for that. */
static json_t *
show_quarantine(const struct master *m)
{
	char peer[SOCKET_NAME_MAX], path[PROGRESS_SHOWN];
	const struct protocol *protocol;
	struct quarantine_entry e;
	json_t *list = json_array(), *entry;
	unsigned at = 0;

	while (quarantine_each(scoreboard_quarantine(m->scoreboard), &at, &e)) {
		entry = json_object();
		protocol = protocol_at(e.request.protocol);
		set(entry, "protocol", json_string(protocol != NULL ? protocol->name : "?"));
		set(entry, "verb", text(e.request.verb));
		set(entry, "path", text(progress_path(path, &e.request)));
		set(entry, "peer", json_string(e.all_peers ? "all" : socket_name(peer,
		    (const struct sockaddr *)&e.request.peer, sizeof(e.request.peer), false)));
		set_count(entry, "deaths", e.deaths);
		set_age(entry, "age", e.last);
		if (e.until != 0)
			set(entry, "refused_for", json_real((double)(e.until - clock_ms()) / 1000));
		(void)json_array_append_new(list, entry);
	}
	return list;
}

/* The process that checks passwords, and what it has answered; null where nobody can log in. */
static json_t *
show_authenticator(const struct master *m)
{
	struct authority_state state;
	struct failures_counts *counts;
	json_t *shown;

	authority_state(m->authority, &state);
	if (!state.wanted)
		return json_null();
	shown = json_object();
	counts = failures_counts(state.failures);
	set_count(shown, "pid", (uint64_t)state.pid);
	if (state.pid > 0)
		set_age(shown, "age", state.born);
	else
		set(shown, "next_try", json_real((double)(state.due - clock_ms()) / 1000));
	set_count(shown, "restarts", state.restarts);
	set_count(shown, "users", atomic_load(&counts->users));
	set_count(shown, "right", atomic_load(&counts->right));
	set_count(shown, "wrong", atomic_load(&counts->wrong));
	set_count(shown, "banned", atomic_load(&counts->banned));
	set_count(shown, "busy", atomic_load(&counts->busy));
	set_count(shown, "unknown", atomic_load(&counts->unknown));
	return shown;
}

/* Wrong passwords that still count, by address and user, by address, and by user. */
static json_t *
show_failures(const struct master *m)
{
	const int64_t now = clock_ms(), since = now - m->serving->config.login_ban_ms;
	struct authority_state state;
	struct failures_entry e;
	char peer[SOCKET_NAME_MAX];
	json_t *list = json_array(), *entry;
	unsigned at = 0;

	authority_state(m->authority, &state);
	while (failures_each(state.failures, &at, &e)) {
		if (e.failures == 0 || (e.last < since && e.until <= now))
			continue;
		entry = json_object();
		set(entry, "peer", e.peer.sin6_family == AF_UNSPEC ? json_null() : json_string(socket_name(peer,
		    (const struct sockaddr *)&e.peer, sizeof(e.peer), false)));
		set(entry, "user", e.name[0] != '\0' ? text(e.name) : json_null());
		set_count(entry, "failures", e.failures);
		set_age(entry, "age", e.last);
		if (e.until > now)
			set(entry, "refused_for", json_real((double)(e.until - now) / 1000));
		(void)json_array_append_new(list, entry);
	}
	return list;
}

static void
add_line(void *arg, const char *line)
{
	(void)json_array_append_new(arg, text(line));
}

/* What came of the last one, if there was one. */
static void
set_verdict(json_t *status, const char *key, const struct verdict *last)
{
	json_t *verdict, *lines;

	if (last->when == 0)
		return;
	verdict = json_object();
	lines = json_array();
	faults_each(&last->said, add_line, lines);
	set(verdict, "done", json_boolean(last->done));
	set_age(verdict, "age", last->when);
	set(verdict, "lines", lines);
	set(status, key, verdict);
}

json_t *
admin_show_status(const struct master *m)
{
	const struct config *config = &m->serving->config;
	json_t *status = json_object();
	char tls[CERTIFICATES_TEXT];

	set(status, "version", json_string(PACKAGE_VERSION));
	set_count(status, "pid", (uint64_t)getpid());
	set(status, "state", json_string(state_of(m)));
	set_age(status, "uptime", m->began);
	set_count(status, "generation", m->serving->number);
	set_age(status, "generation_age", m->serving->began);
	set(status, "shares", show_shares(m));
	set(status, "concurrency", json_string(config->concurrency));
	set(status, "sandbox", text(m->serving->heritage.sandbox->text));
	certificates_tell(config, tls);
	set(status, "tls", json_string(tls));
	set(status, "configuration", config->file != NULL ? text(config->file) : json_null());
	set_verdict(status, "last_reload", &m->last[ADMIN_RELOAD]);
	set_verdict(status, "last_upgrade", &m->last[ADMIN_UPGRADE]);
	set(status, "listeners", show_listeners(m));
	set(status, "totals", show_totals(m));
	set(status, "workers", show_workers(m));
	set(status, "quarantine", show_quarantine(m));
	set(status, "authenticator", show_authenticator(m));
	set(status, "login_failures", show_failures(m));
	return status;
}

static json_t *
show_session(const struct scoreboard_worker *w, const struct progress *p)
{
	char id[SESSION_ID_MAX], peer[SOCKET_NAME_MAX], path[PROGRESS_SHOWN];
	bool busy = atomic_load(&p->state) == PROGRESS_BUSY;
	const struct protocol *protocol = protocol_at(p->protocol);
	json_t *session = json_object();

	set(session, "session", json_string(session_id(id, p->number)));
	set_count(session, "worker", w->slot);
	set_count(session, "generation", w->generation);
	set_count(session, "pid", (uint64_t)atomic_load(&p->pid));
	set(session, "peer", json_string(socket_name(peer, (const struct sockaddr *)&p->peer,
	    sizeof(p->peer), true)));
	set(session, "user", p->user[0] != '\0' ? text(p->user) : json_null());
	set(session, "protocol", json_string(protocol != NULL ? protocol->name : "?"));
	set(session, "state", json_string(busy ? "busy" : "idle"));
	set_age(session, "age", p->began / 1000);
	set(session, "verb", p->verb[0] != '\0' ? text(p->verb) : json_null());
	set(session, "path", p->verb[0] != '\0' ? text(progress_path(path, p)) : json_null());
	if (busy)
		set_age(session, "request_age", p->since / 1000);
	set_count(session, "requests", atomic_load(&p->requests));
	set_count(session, "received", atomic_load(&p->meter.received));
	set_count(session, "sent", atomic_load(&p->meter.sent));
	return session;
}

json_t *
admin_show_sessions(const struct master *m)
{
	struct scoreboard_worker w;
	struct progress p;
	json_t *list = json_array();
	unsigned at;

	for (unsigned row = 0; row < scoreboard_rows(m->scoreboard); row++)
		if (scoreboard_worker(m->scoreboard, row, &w))
			for (at = 0; scoreboard_session(m->scoreboard, row, &at, &p); )
				(void)json_array_append_new(list, show_session(&w, &p));
	return list;
}
