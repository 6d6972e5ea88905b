/* coffer_hold - COMMIT and ABORT of the native protocol, and what a session holds for them. */

#include <errno.h>
#include <string.h>

#include "io/wait.h"
#include "proto/coffer.h"
#include "store/hold.h"

#define SYNCS_MOST	4	/* helper threads that one COMMIT may keep busy */

struct sync {
	struct hold	*hold;
	unsigned	 which;
	struct wait_job	 job;
};

static int
run_sync(void *arg)
{
	struct sync *sync = arg;

	return hold_sync(sync->hold, sync->which);
}

static int
run_publish(void *arg)
{
	hold_publish(arg);
	return 0;
}

/* Other sessions go on meanwhile. */
static void
commit(struct hold *hold)
{
	struct sync sync[SYNCS_MOST];
	unsigned n = hold_syncs(hold, SYNCS_MOST), i;

	for (i = 0; i < n; i++) {
		sync[i].hold = hold;
		sync[i].which = i;
		wait_begin(&sync[i].job, run_sync, &sync[i]);
	}
	for (i = 0; i < n; i++)
		(void)wait_finish(&sync[i].job);
	(void)wait_call(run_publish, hold);
}

/* Where one of them would be; `rest` is room. */
static void
name_of(struct exchange *x, const struct hold_entry *entry, struct path *path)
{
	path->len = reach_name(x->session, entry->store, entry->path, path->name);
	path->leaf = 0;
}

/* Rights may be others since, for somebody else has logged in. */
static void
check_rights(struct exchange *x, struct hold *hold)
{
	struct path *path = &x->path[0];
	struct hold_entry entry;
	struct reach at;

	for (size_t i = 0; i < hold_count(hold); i++) {
		hold_look(hold, i, &entry);
		name_of(x, &entry, path);
		if (reach(x->session, path, NEED_PUT, &x->rest[0], &at) == -1)
			hold_refuse(hold, i, errno);
		else if (strncmp(entry.user, session_user(x->session), PROGRESS_USER - 1) != 0)
			hold_refuse(hold, i, EACCES);
	}
}

/* A line for each that failed, as it would have been the reply to its PUT. */
static void
reply_failures(struct exchange *x, const struct hold *hold)
{
	struct path *path = &x->path[0];
	struct hold_entry entry;
	const char *name;
	bool conditional;
	int error;

	for (size_t i = 0; i < hold_count(hold); i++) {
		if ((error = hold_result(hold, i, &name, &conditional)) == 0)
			continue;
		hold_look(hold, i, &entry);
		name_of(x, &entry, path);
		if (entry.imposed && (error == EEXIST || error == ESTALE))
			error = EACCES;
		reply_errno(x, reach_errno(&(struct reach){ .allowed = reach_rights(x->session, path->name, path->len) },
		    error == EEXIST && conditional ? ESTALE : error), path);
		session_log(x->session, "COMMIT /%s: not published: %d", path->name, x->code);
	}
}

static size_t
count_failures(const struct hold *hold)
{
	size_t failures = 0;
	const char *name;
	bool conditional;

	for (size_t i = 0; i < hold_count(hold); i++)
		failures += hold_result(hold, i, &name, &conditional) != 0;
	return failures;
}

void
serve_commit(struct exchange *x)
{
	struct hold *hold = x->session->hold;
	size_t count = 0, failures = 0;

	if (hold != NULL) {
		check_rights(x, hold);
		commit(hold);
		count = hold_count(hold);
		failures = count_failures(hold);
	}
	stream_printf(x->stream, "200 published=%zu failed=%zu durability=%s\n", count - failures,
	    failures, shares_durable(x->session->shares) ? "full" : "none");
	if (failures > 0)
		reply_failures(x, hold);
	stream_puts(x->stream, ".\n");
	x->code = 200;
	if (hold != NULL)
		hold_clear(hold);
}

static int
run_clear(void *arg)
{
	hold_clear(arg);
	return 0;
}

void
serve_abort(struct exchange *x)
{
	struct hold *hold = x->session->hold;

	x->code = 200;
	stream_printf(x->stream, "200 published=0 failed=0 dropped=%zu\n.\n", hold != NULL ? hold_count(hold) : 0);
	if (hold != NULL)
		(void)wait_call(run_clear, hold);
}

struct hold *
session_hold(struct exchange *x)
{
	struct session *s = x->session;

	if (s->hold == NULL)
		s->hold = hold_open(x->at[0].store, s->opts->held_max);
	return s->hold;
}

static int
run_close(void *arg)
{
	struct session *s = arg;

	hold_close(&s->hold, true);
	return 0;
}

void
drop_held(struct session *s)
{
	if (s->hold != NULL)
		(void)wait_call(run_close, s);
}
