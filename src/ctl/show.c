/* show - what the server tells, as tables for people. */

#include <libsmartcols.h>
#include <libutil.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/ctl.h"

#define CELL	1024	/* bytes of a table's cell */

/* A number of the object's, 0 where there is none. */
static int64_t
count(const json_t *object, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(object, key));
}

static const char *
word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "-";
}

static const char *
bytes(char cell[CELL], const json_t *object, const char *key)
{
	(void)humanize_number(cell, 6, count(object, key), "", HN_AUTOSCALE,
	    HN_NOSPACE | HN_B | HN_DECIMAL);
	return cell;
}

/* The two largest units: "3d 4h", "12m 5s", "4.2s". */
static const char *
age(char cell[CELL], const json_t *object, const char *key)
{
	double s = json_number_value(json_object_get(object, key));
	int64_t n = (int64_t)s;

	if (json_object_get(object, key) == NULL)
		(void)snprintf(cell, CELL, "-");
	else if (s < 60)
		(void)snprintf(cell, CELL, "%.1fs", s);
	else if (n < 3600)
		(void)snprintf(cell, CELL, "%jdm %jds", (intmax_t)(n / 60), (intmax_t)(n % 60));
	else if (n < 86400)
		(void)snprintf(cell, CELL, "%jdh %jdm", (intmax_t)(n / 3600), (intmax_t)(n % 3600 / 60));
	else
		(void)snprintf(cell, CELL, "%jdd %jdh", (intmax_t)(n / 86400),
		    (intmax_t)(n % 86400 / 3600));
	return cell;
}

static const char *
number(char cell[CELL], const json_t *object, const char *key)
{
	(void)snprintf(cell, CELL, "%jd", (intmax_t)count(object, key));
	return cell;
}

static const char *
plain(char cell[CELL], const json_t *object, const char *key)
{
	(void)cell;
	return word(object, key);
}

static const char *
death(char cell[CELL], const json_t *object, const char *key)
{
	const json_t *last = json_object_get(object, key), *signal = json_object_get(last, "signal");
	char ago[CELL];

	if (last == NULL)
		return "-";
	(void)snprintf(cell, CELL, "%s %jd, %.32s ago", signal != NULL ? "signal" : "status",
	    (intmax_t)count(last, signal != NULL ? "signal" : "status"), age(ago, last, "age"));
	return cell;
}

static const char *
some_bytes(char cell[CELL], const json_t *object, const char *key)
{
	return json_object_get(object, key) != NULL ? bytes(cell, object, key) : "-";
}

static const char *
busy(char cell[CELL], const json_t *object, const char *key)
{
	(void)cell;
	return json_is_true(json_object_get(object, key)) ? "busy" : "left";
}

struct column {
	const char	*title, *key;
	const char	*(*show)(char cell[CELL], const json_t *, const char *key);
	int		 flags;
};

static const struct column worker_columns[] = {
	{ "WORKER", "worker", number, SCOLS_FL_RIGHT },
	{ "GEN", "generation", number, SCOLS_FL_RIGHT },
	{ "STATE", "state", plain, 0 },
	{ "PID", "pid", number, SCOLS_FL_RIGHT },
	{ "AGE", "age", age, SCOLS_FL_RIGHT },
	{ "SESSIONS", "sessions", number, SCOLS_FL_RIGHT },
	{ "REQUESTS", "requests", number, SCOLS_FL_RIGHT },
	{ "SENT", "sent", bytes, SCOLS_FL_RIGHT },
	{ "RECEIVED", "received", bytes, SCOLS_FL_RIGHT },
	{ "RESTARTS", "restarts", number, SCOLS_FL_RIGHT },
	{ "LAST DEATH", "last_death", death, SCOLS_FL_TRUNC },
	{ NULL, NULL, NULL, 0 }
};

static const struct column quarantine_columns[] = {
	{ "PROTOCOL", "protocol", plain, 0 },
	{ "PEER", "peer", plain, 0 },
	{ "DEATHS", "deaths", number, SCOLS_FL_RIGHT },
	{ "LAST", "age", age, SCOLS_FL_RIGHT },
	{ "REFUSED FOR", "refused_for", age, SCOLS_FL_RIGHT },
	{ "VERB", "verb", plain, 0 },
	{ "PATH", "path", plain, SCOLS_FL_TRUNC },
	{ NULL, NULL, NULL, 0 }
};

static const struct column failure_columns[] = {
	{ "ADDRESS", "peer", plain, 0 },
	{ "USER", "user", plain, 0 },
	{ "FAILURES", "failures", number, SCOLS_FL_RIGHT },
	{ "LAST", "age", age, SCOLS_FL_RIGHT },
	{ "REFUSED FOR", "refused_for", age, SCOLS_FL_RIGHT },
	{ NULL, NULL, NULL, 0 }
};

static const struct column session_columns[] = {
	{ "SESSION", "session", plain, 0 },
	{ "PEER", "peer", plain, 0 },
	{ "USER", "user", plain, 0 },
	{ "PROTOCOL", "protocol", plain, 0 },
	{ "WORKER", "worker", number, SCOLS_FL_RIGHT },
	{ "AGE", "age", age, SCOLS_FL_RIGHT },
	{ "STATE", "state", plain, 0 },
	{ "FOR", "request_age", age, SCOLS_FL_RIGHT },
	{ "SENT", "sent", bytes, SCOLS_FL_RIGHT },
	{ "RECEIVED", "received", bytes, SCOLS_FL_RIGHT },
	{ "VERB", "verb", plain, 0 },
	{ "PATH", "path", plain, SCOLS_FL_TRUNC },
	{ NULL, NULL, NULL, 0 }
};

static const struct column staged_columns[] = {
	{ "ID", "id", plain, 0 },
	{ "USER", "user", plain, 0 },
	{ "SIZE", "size", bytes, SCOLS_FL_RIGHT },
	{ "OF", "declared", some_bytes, SCOLS_FL_RIGHT },
	{ "AGE", "age", age, SCOLS_FL_RIGHT },
	{ "STATE", "busy", busy, 0 },
	{ "PATH", "path", plain, SCOLS_FL_TRUNC },
	{ NULL, NULL, NULL, 0 }
};

static void
add_line(struct libscols_table *table, const struct column *columns, const json_t *object)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	char cell[CELL];

	for (size_t i = 0; line != NULL && columns[i].title != NULL; i++)
		(void)scols_line_set_data(line, i, columns[i].show(cell, object, columns[i].key));
}

static void
show_table(const struct column *columns, const json_t *list, size_t width, size_t rows)
{
	struct libscols_table *table = scols_new_table();
	size_t i, n = json_array_size(list);

	if (table == NULL)
		return;
	for (i = 0; columns[i].title != NULL; i++)
		(void)scols_table_new_column(table, columns[i].title, 0, columns[i].flags);
	for (i = 0; i < n && (rows == 0 || i < rows); i++)
		add_line(table, columns, json_array_get(list, i));
	if (width > 0) {
		(void)scols_table_set_termforce(table, SCOLS_TERMFORCE_ALWAYS);
		(void)scols_table_set_termwidth(table, width);
	}
	(void)scols_print_table(table);
	scols_unref_table(table);
	if (i < n)
		(void)printf("and %zu more\n", n - i);
}

static void
show_sums(const json_t *totals)
{
	char sent[CELL], received[CELL];

	(void)printf("sessions       %jd now, %jd ever; %jd requests; %.16s sent, %.16s received\n",
	    (intmax_t)count(totals, "sessions"), (intmax_t)count(totals, "accepted"),
	    (intmax_t)count(totals, "requests"), bytes(sent, totals, "sent"),
	    bytes(received, totals, "received"));
	if (count(totals, "deaths") > 0)
		(void)printf("deaths         %jd workers that did not end as they should\n",
		    (intmax_t)count(totals, "deaths"));
}

static void
show_verdict(const char *title, const json_t *verdict)
{
	const json_t *lines = json_object_get(verdict, "lines");
	char ago[CELL];

	if (verdict == NULL)
		return;
	(void)printf("%-15s%s, %.32s ago\n", title,
	    json_is_true(json_object_get(verdict, "done")) ? "done" : "failed", age(ago, verdict, "age"));
	for (size_t i = 0; i < json_array_size(lines); i++)
		(void)printf("%-15s%s\n", "", json_string_value(json_array_get(lines, i)));
}

static void
show_authenticator(const json_t *a)
{
	char since[CELL];
	bool dead = count(a, "pid") == 0;

	if (a == NULL || json_is_null(a))
		return;
	(void)printf("logins         %jd users; %jd right, %jd wrong, %jd banned, %jd too many at a time, "
	    "%jd without an answer\n", (intmax_t)count(a, "users"), (intmax_t)count(a, "right"),
	    (intmax_t)count(a, "wrong"), (intmax_t)count(a, "banned"), (intmax_t)count(a, "busy"),
	    (intmax_t)count(a, "unknown"));
	(void)printf("authenticator  pid %jd, %s %.32s; %jd restarts\n", (intmax_t)count(a, "pid"),
	    dead ? "dead, next try in" : "for", age(since, a, dead ? "next_try" : "age"),
	    (intmax_t)count(a, "restarts"));
}

static void
show_more(const char *title, const struct column *columns, const json_t *list, size_t width, size_t rows)
{
	if (json_array_size(list) == 0)
		return;
	(void)printf("\n%s:\n", title);
	show_table(columns, list, width, rows);
}

static void
show_shares(const json_t *shares)
{
	char used[CELL], quota[CELL];
	const json_t *share;

	for (size_t i = 0; i < json_array_size(shares); i++) {
		share = json_array_get(shares, i);
		(void)printf("%-15s%s", i == 0 ? "serving" : "", word(share, "root"));
		if (json_array_size(shares) > 1 || strcmp(word(share, "path"), "/") != 0)
			(void)printf(" at %s", word(share, "path"));
		(void)printf(" (%s", json_is_true(json_object_get(share, "writable")) ? "clients may write" : "read-only");
		if (json_object_get(share, "used") != NULL)
			(void)printf("; %.16s used", bytes(used, share, "used"));
		if (count(share, "quota") > 0)
			(void)printf(" of %.16s", bytes(quota, share, "quota"));
		(void)printf(")\n");
	}
}

void
ctl_show_status(const json_t *status, size_t width, size_t rows)
{
	const json_t *listeners = json_object_get(status, "listeners");
	char up[CELL], since[CELL];

	(void)printf("cofferd %s, pid %jd: %s, for %.32s; generation %jd, for %.32s\n",
	    word(status, "version"), (intmax_t)count(status, "pid"), word(status, "state"),
	    age(up, status, "uptime"), (intmax_t)count(status, "generation"),
	    age(since, status, "generation_age"));
	show_shares(json_object_get(status, "shares"));
	(void)printf("sandbox        %s\n", word(status, "sandbox"));
	(void)printf("TLS            %s\n", word(status, "tls"));
	(void)printf("configuration  %s\n", word(status, "configuration"));
	show_verdict("last reload", json_object_get(status, "last_reload"));
	show_verdict("last upgrade", json_object_get(status, "last_upgrade"));
	for (size_t i = 0; i < json_array_size(listeners); i++)
		(void)printf("%-15s%s\n", i == 0 ? "listening on" : "",
		    json_string_value(json_array_get(listeners, i)));
	show_sums(json_object_get(status, "totals"));
	show_authenticator(json_object_get(status, "authenticator"));
	(void)printf("\n");
	show_table(worker_columns, json_object_get(status, "workers"), width, rows);
	show_more("requests that processes have died of", quarantine_columns,
	    json_object_get(status, "quarantine"), width, rows);
	show_more("wrong passwords", failure_columns, json_object_get(status, "login_failures"), width,
	    rows);
}

void
ctl_show_sessions(const json_t *sessions, size_t width, size_t rows)
{
	if (json_array_size(sessions) == 0)
		(void)printf("no sessions\n");
	else
		show_table(session_columns, sessions, width, rows);
}

void
ctl_show_staged(const json_t *entries)
{
	if (json_array_size(entries) == 0)
		(void)printf("nothing is staged\n");
	else
		show_table(staged_columns, entries, 0, 0);
}
