/* metrics - what the scoreboard knows, as text for Prometheus (its exposition format 0.0.4). */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "io/wait.h"
#include "proto/protocols.h"
#include "server/metrics.h"
#include "session/tally.h"

#define TRIES	100	/* to find a moment at which no generation is leaving */

/* A family's head. */
static void
head(FILE *out, const char *name, const char *type, const char *help)
{
	(void)fprintf(out, "# HELP coffer_%s %s\n# TYPE coffer_%s %s\n", name, help, name, type);
}

static void
single(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	head(out, name, type, help);
	(void)fprintf(out, "coffer_%s %" PRIu64 "\n", name, value);
}

static void
write_pool(const struct scoreboard *board, FILE *out)
{
	static const char *const names[] = {
		[WORKER_WAITING] = "waiting", [WORKER_STARTING] = "starting",
		[WORKER_SERVING] = "serving", [WORKER_DRAINING] = "draining",
	};
	unsigned count[WORKER_DRAINING + 1] = { 0 }, row, i;
	uint64_t restarts = 0, stalls = 0;
	struct scoreboard_worker w;

	for (row = 0; row < scoreboard_rows(board); row++)
		if (scoreboard_look(board, row, &w) && (w.pid > 0 || w.due != CLOCK_NEVER)) {
			count[w.state]++;
			restarts += w.restarts;
			stalls += w.stalls;
		}
	head(out, "workers", "gauge", "Worker processes by what they do.");
	for (i = WORKER_WAITING; i <= WORKER_DRAINING; i++)
		(void)fprintf(out, "coffer_workers{state=\"%s\"} %u\n", names[i], count[i]);
	single(out, "worker_restarts", "gauge", "Births of workers that are not the first in their place, in the "
	    "generations that live.", restarts);
	single(out, "worker_stalls", "gauge", "Workers that did not move any more, in the generations that live.",
	    stalls);
}

static void
write_totals(const struct scoreboard *board, FILE *out)
{
	struct scoreboard_totals t;

	scoreboard_totals(board, &t);
	single(out, "sessions", "gauge", "Sessions that are open.", t.sessions);
	single(out, "accepted_total", "counter", "Connections that were accepted.", t.accepted);
	single(out, "received_bytes_total", "counter", "Bytes from clients.", t.received);
	single(out, "sent_bytes_total", "counter", "Bytes to clients.", t.sent);
	single(out, "worker_deaths_total", "counter", "Workers that did not end as they should.", t.deaths);
}

static void
write_quarantine(const struct scoreboard *board, FILE *out)
{
	struct quarantine_entry entry;
	unsigned at = 0, n = 0;

	while (quarantine_each(scoreboard_quarantine(board), &at, &entry))
		n += entry.until != 0;
	single(out, "quarantined", "gauge", "Requests that are refused because processes died of them.", n);
}

static uint64_t
get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
write_logins(const struct tally *t, FILE *out)
{
	static const char *const names[TALLY_LOGINS] = {
		[TALLY_LOGIN_RIGHT] = "right", [TALLY_LOGIN_WRONG] = "wrong", [TALLY_LOGIN_BANNED] = "banned",
		[TALLY_LOGIN_LIMITED] = "limited", [TALLY_LOGIN_REFUSED] = "refused",
		[TALLY_LOGIN_UNANSWERED] = "unanswered",
	};
	const struct protocol *protocol;
	size_t p, i;

	head(out, "logins_total", "counter", "Logins by password or certificate, by what became of them.");
	for (p = 0; p < TALLY_PROTOCOLS && (protocol = protocol_at(p)) != NULL; p++)
		for (i = 0; i < TALLY_LOGINS; i++)
			if (get(&t->login[p][i]) > 0)
				(void)fprintf(out, "coffer_logins_total{protocol=\"%s\",result=\"%s\"} %" PRIu64 "\n",
				    protocol->name, names[i], get(&t->login[p][i]));
	single(out, "login_bans_total", "counter", "Bans of addresses and users after wrong passwords.",
	    get(&t->bans));
}

/* Calls fn for each verb of each protocol that was ever asked for. */
static void
each_verb(const struct tally *t, FILE *out, void (*fn)(FILE *, const struct tally_verb *, const char *protocol,
    const char *verb))
{
	const struct protocol *protocol;
	const struct tally_verb *v;
	const char *name;
	size_t p, i, k;
	uint64_t n;

	for (p = 0; p < TALLY_PROTOCOLS && (protocol = protocol_at(p)) != NULL; p++)
		for (i = 0; i <= TALLY_VERBS; i++) {
			v = &t->verb[p][i];
			for (k = n = 0; k < TALLY_CODES; k++)
				n += get(&v->code[k]);
			name = i < TALLY_VERBS ? session_verb_name(protocol, i) : NULL;
			if (n > 0)
				fn(out, v, protocol->name, name != NULL ? name : "other");
		}
}

static void
write_codes(FILE *out, const struct tally_verb *v, const char *protocol, const char *verb)
{
	static const char *const names[TALLY_CODES] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };
	size_t i;

	for (i = 0; i < TALLY_CODES; i++)
		if (get(&v->code[i]) > 0)
			(void)fprintf(out, "coffer_requests_total{protocol=\"%s\",verb=\"%s\",code=\"%s\"} %"
			    PRIu64 "\n", protocol, verb, names[i], get(&v->code[i]));
}

/* The sum of the buckets is the count, so that the two are of one moment. */
static void
write_times(FILE *out, const struct tally_verb *v, const char *protocol, const char *verb)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < TALLY_TIMES; i++) {
		n += get(&v->time[i]);
		(void)fprintf(out, "coffer_request_seconds_bucket{protocol=\"%s\",verb=\"%s\",le=\"", protocol, verb);
		if (tally_time_bound(i) == UINT64_MAX)
			(void)fprintf(out, "+Inf\"} %" PRIu64 "\n", n);
		else
			(void)fprintf(out, "%g\"} %" PRIu64 "\n", (double)tally_time_bound(i) / 1e6, n);
	}
	(void)fprintf(out, "coffer_request_seconds_sum{protocol=\"%s\",verb=\"%s\"} %.6f\n", protocol, verb,
	    (double)get(&v->us) / 1e6);
	(void)fprintf(out, "coffer_request_seconds_count{protocol=\"%s\",verb=\"%s\"} %" PRIu64 "\n", protocol, verb,
	    n);
}

static void
write_sizes(FILE *out, const struct tally_verb *v, const char *protocol, const char *verb)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < TALLY_SIZES; i++) {
		n += get(&v->size[i]);
		(void)fprintf(out, "coffer_request_bytes_bucket{protocol=\"%s\",verb=\"%s\",le=\"", protocol, verb);
		if (tally_size_bound(i) == UINT64_MAX)
			(void)fprintf(out, "+Inf\"} %" PRIu64 "\n", n);
		else
			(void)fprintf(out, "%" PRIu64 "\"} %" PRIu64 "\n", tally_size_bound(i), n);
	}
	(void)fprintf(out, "coffer_request_bytes_sum{protocol=\"%s\",verb=\"%s\"} %" PRIu64 "\n", protocol, verb,
	    get(&v->bytes));
	(void)fprintf(out, "coffer_request_bytes_count{protocol=\"%s\",verb=\"%s\"} %" PRIu64 "\n", protocol, verb, n);
}

static int
write_all(const struct scoreboard *board, FILE *out)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -1;
	head(out, "build_info", "gauge", "The version, as a label.");
	(void)fputs("coffer_build_info{version=\"" PACKAGE_VERSION "\"} 1\n", out);
	write_pool(board, out);
	write_totals(board, out);
	write_quarantine(board, out);
	scoreboard_tally(board, t);
	write_logins(t, out);
	head(out, "requests_total", "counter", "Requests that were answered, by the hundred of their code.");
	each_verb(t, out, write_codes);
	head(out, "request_seconds", "histogram", "From a request's last byte to its reply's.");
	each_verb(t, out, write_times);
	head(out, "request_bytes", "histogram", "Bytes that moved for a request, both ways.");
	each_verb(t, out, write_sizes);
	free(t);
	return 0;
}

static char *
write_text(const struct scoreboard *board, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	int ret;

	if (out == NULL)
		return NULL;
	ret = write_all(board, out);
	if (fclose(out) == 0 && ret == 0)
		return text;
	free(text);
	errno = ENOMEM;
	return NULL;
}

char *
metrics_text(const struct scoreboard *board, size_t *len)
{
	unsigned turn, i;
	char *text = NULL;

	for (i = 0; i < TRIES; i++) {
		free(text);
		turn = scoreboard_turn(board);
		if ((text = write_text(board, len)) == NULL || (turn % 2 == 0 && scoreboard_turn(board) == turn))
			break;
		wait_yield();
	}
	return text;
}
