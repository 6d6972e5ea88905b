/* admin - what an administrator may ask of the master over the control socket. */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/nitems.h"
#include "server/admin.h"
#include "server/admin_show.h"
#include "server/control.h"
#include "server/errand.h"
#include "server/explain.h"
#include "server/metrics.h"
#include "server/master_int.h"

#define UNDER_WAY	ADMIN_TASKS	/* added to a task that has begun */

/* Sends an object, which is taken. */
static void
send_object(struct control_client *client, json_t *reply, bool keep)
{
	const size_t flags = JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9);
	char *text = reply != NULL ? json_dumps(reply, flags) : NULL;

	json_decref(reply);
	control_reply(client, text, keep);
}

static json_t *
reply_of(const char *status, json_t *lines, json_t *result)
{
	json_t *reply = json_pack("{s:s}", "status", status);

	if (lines != NULL)
		(void)json_object_set_new(reply, "lines", lines);
	if (result != NULL)
		(void)json_object_set_new(reply, "result", result);
	return reply;
}

static void
say(struct control_client *client, const char *status, const char *sentence, bool keep)
{
	json_t *lines = json_array();

	(void)json_array_append_new(lines, json_string(sentence));
	send_object(client, reply_of(status, lines, NULL), keep);
}

static void
serve_status(struct master *m, struct control_client *client, const char *operand)
{
	(void)operand;
	send_object(client, reply_of("done", NULL, admin_show_status(m)), false);
}

static void
serve_who(struct master *m, struct control_client *client, const char *operand)
{
	(void)operand;
	send_object(client, reply_of("done", NULL, admin_show_sessions(m)), false);
}

static void
serve_kick(struct master *m, struct control_client *client, const char *operand)
{
	char sentence[128];
	uint64_t number;

	if (session_id_parse(&number, operand) == -1) {
		say(client, "usage", "a session's number is made of digits and small letters", false);
		return;
	}
	if (scoreboard_kick(m->scoreboard, number) == -1) {
		(void)snprintf(sentence, sizeof(sentence), "there is no session %.20s", operand);
		say(client, "missing", sentence, false);
		return;
	}
	log_info("control: session %s is kicked", operand);
	(void)snprintf(sentence, sizeof(sentence), "session %.20s is kicked", operand);
	say(client, "done", sentence, false);
}

static void
serve_reload(struct master *m, struct control_client *client, const char *operand)
{
	(void)operand;
	if (m->ending) {
		say(client, "error", "the server is ending", false);
		return;
	}
	m->reload_wanted = true;
	control_hold(client, ADMIN_RELOAD);
}

static void
serve_upgrade(struct master *m, struct control_client *client, const char *operand)
{
	(void)operand;
	if (m->ending) {
		say(client, "error", "the server is ending", false);
		return;
	}
	m->upgrade_wanted = true;
	control_hold(client, ADMIN_UPGRADE);
}

static void
serve_drain(struct master *m, struct control_client *client, const char *operand)
{
	(void)operand;
	log_info("draining, as cofferctl wants");
	master_drain(m);
	say(client, "done", "drained", true);
}

static void
serve_stop(struct master *m, struct control_client *client, const char *operand)
{
	(void)operand;
	log_info("stopping, as cofferctl wants");
	master_stop(m);
	say(client, "done", "stopped", true);
}

static void
serve_reopen(struct master *m, struct control_client *client, const char *operand)
{
	char sentence[256];

	(void)operand;
	if (master_reopen(m) == 0) {
		say(client, "done", "the log is open again", false);
		return;
	}
	(void)snprintf(sentence, sizeof(sentence), "cannot open the log again: %s", strerror(errno));
	say(client, "error", sentence, false);
}

/* "1 request is forgiven" */
static void
forgiven(json_t *lines, unsigned n, const char *one, const char *more)
{
	char sentence[128];

	if (n == 0)
		return;
	(void)snprintf(sentence, sizeof(sentence), "%u %s forgiven", n, n == 1 ? one : more);
	log_info("control: %s", sentence);
	(void)json_array_append_new(lines, json_string(sentence));
}

static void
serve_forgive(struct master *m, struct control_client *client, const char *operand)
{
	bool path = operand[0] == '/', all = strcmp(operand, "all") == 0;
	unsigned n = path || all ? quarantine_forgive(scoreboard_quarantine(m->scoreboard),
	    all ? NULL : operand) : 0;
	unsigned logins = path ? 0 : authority_forgive(m->authority, operand);
	json_t *lines = json_array();

	forgiven(lines, n, "request is", "requests are");
	forgiven(lines, logins, "count of wrong passwords is", "counts of wrong passwords are");
	if (n + logins == 0)
		(void)json_array_append_new(lines, json_string(path ? "no process has died of such a request" :
		    "there is nothing to forgive"));
	send_object(client, reply_of(n + logins > 0 ? "done" : "missing", lines, NULL), false);
}

static void
serve_metrics(struct master *m, struct control_client *client, const char *operand)
{
	json_t *lines = json_array();
	char *text, *line, *rest;
	size_t len;

	(void)operand;
	if ((text = rest = metrics_text(m->scoreboard, &len)) == NULL) {
		json_decref(lines);
		say(client, "error", strerror(errno), false);
		return;
	}
	while ((line = strsep(&rest, "\n")) != NULL)
		if (line[0] != '\0')
			(void)json_array_append_new(lines, json_string(line));
	free(text);
	send_object(client, reply_of("done", lines, NULL), false);
}

static void
serve_explain(struct master *m, struct control_client *client, const char *operand)
{
	char why[EXPLAIN_WHY], question[CONTROL_LINE_MAX];
	json_t *lines, *result;

	(void)strlcpy(question, operand, sizeof(question));
	if ((result = explain(&m->serving->config, question, &lines, why)) == NULL)
		say(client, "usage", why, false);
	else
		send_object(client, reply_of("done", lines, result), false);
}

static void
run_errand(struct master *m, struct control_client *client, const char *what)
{
	if (errand_staged(&m->serving->heritage, control_client_fd(client), what) == 0)
		control_reply(client, NULL, false);	/* the errand answers */
	else
		say(client, "error", errno == EAGAIN ? "too many ask for this at once" : strerror(errno), false);
}

static void
serve_staged(struct master *m, struct control_client *client, const char *operand)
{
	(void)operand;
	run_errand(m, client, NULL);
}

static void
serve_staged_remove(struct master *m, struct control_client *client, const char *operand)
{
	run_errand(m, client, operand);
}

static const struct command {
	const char	*name;
	bool		 operand;
	void		(*serve)(struct master *, struct control_client *, const char *operand);
} commands[] = {
	{ "status", false, serve_status },
	{ "who", false, serve_who },
	{ "kick", true, serve_kick },
	{ "reload", false, serve_reload },
	{ "upgrade", false, serve_upgrade },
	{ "reopen", false, serve_reopen },
	{ "forgive", true, serve_forgive },
	{ "explain", true, serve_explain },
	{ "metrics", false, serve_metrics },
	{ "staged", false, serve_staged },
	{ "staged-remove", true, serve_staged_remove },
	{ "drain", false, serve_drain },
	{ "stop", false, serve_stop },
};

void
admin_serve(void *arg, struct control_client *client, char *line)
{
	char *operand = strchr(line, ' ');
	const struct command *cmd;

	if (operand != NULL)
		*operand++ = '\0';
	for (cmd = commands; cmd < commands + nitems(commands); cmd++)
		if (strcmp(cmd->name, line) == 0)
			break;
	if (cmd == commands + nitems(commands))
		say(client, "usage", "this server knows no such command", false);
	else if ((operand != NULL) != cmd->operand)
		say(client, "usage", cmd->operand ? "an operand is missing" : "there is an operand too many",
		    false);
	else
		cmd->serve(arg, client, operand);
}

void
admin_begin(struct master *m, enum admin_task task)
{
	control_regroup(m->control, (int)task, (int)task + UNDER_WAY);
}

static void
add_line(void *arg, const char *line)
{
	json_t *text = json_string(line);	/* NULL where it is no UTF-8 */

	(void)json_array_append_new(arg, text != NULL ? text : json_string("(a line that is no UTF-8)"));
}

static void
keep_line(void *arg, const char *line)
{
	faults_add(arg, "%s", line);
}

/* For who asks later. */
static void
keep(struct verdict *last, bool done, const struct faults *said)
{
	if (last->when != 0)
		faults_free(&last->said);
	faults_init(&last->said);
	faults_each(said, keep_line, &last->said);
	last->when = clock_ms();
	last->done = done;
}

void
admin_finish(struct master *m, enum admin_task task, bool done, const struct faults *said)
{
	struct control_client *client;
	json_t *lines;

	keep(&m->last[task], done, said);
	while ((client = control_held(m->control, (int)task + UNDER_WAY)) != NULL) {
		lines = json_array();
		faults_each(said, add_line, lines);
		send_object(client, reply_of(done ? "done" : "error", lines, NULL), false);
	}
}
