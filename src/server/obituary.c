/* obituary - what a process was doing when it died, for the log and for the quarantine. */

#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/nitems.h"
#include "base/text.h"
#include "io/socket.h"
#include "proto/protocols.h"
#include "server/obituary.h"
#include "server/symbols.h"
#include "session/session.h"

#define TOLD_MAX	10	/* requests in hand that are told of one by one */

/* "worker 3 (pid 812)", or the same of a session's process. */
static const char *
called(char who[64], const char *what, unsigned number, pid_t pid)
{
	if (number == UINT32_MAX)
		(void)snprintf(who, 64, "%s (pid %d)", what, (int)pid);
	else
		(void)snprintf(who, 64, "%s %u (pid %d)", what, number, (int)pid);
	return who;
}

static void
tell_request(const char *who, const char *how, const struct progress *p)
{
	char id[SESSION_ID_MAX], peer[SOCKET_NAME_MAX], path[PROGRESS_SHOWN], verb[4 * PROGRESS_VERB];
	const struct protocol *protocol = protocol_at(p->protocol);
	int64_t us = clock_us() - p->since;

	log_warn("%s %s %s %s %s %s %s, for %.3f s, %ju bytes", who, how, session_id(id, p->number),
	    socket_name(peer, (const struct sockaddr *)&p->peer, sizeof(p->peer), false),
	    protocol != NULL ? protocol->name : "?", text_visible(verb, sizeof(verb), p->verb, strlen(p->verb)),
	    progress_path(path, p), (double)(us > 0 ? us : 0) / 1e6,
	    (uintmax_t)(stream_meter_moved(&p->meter) - p->counted));
}

static void
tell_frames(const char *who, const char *what, const struct crash *words)
{
	char line[LOG_LINE_MAX], name[256], last[256] = "";
	size_t len = 0;
	unsigned i;

	for (i = 0; i < words->frames && len < sizeof(line) - sizeof(name) - 8; i++) {
		/* A return address is behind the call, perhaps in the next function already. */
		symbols_name(name, sizeof(name), words->frame[i] - (i > 0));
		if (strcmp(name, last) == 0) {	/* one that calls itself without end */
			if (len > 0 && line[len - 1] != '.')
				len += (size_t)snprintf(line + len, sizeof(line) - len, " ...");
			continue;
		}
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s", i > 0 ? " < " : "", name);
		(void)strcpy(last, name);
	}
	if (len > 0)
		log_warn("%s %s %s", who, what, line);
}

/* Deaths that have their cause in what the process did. */
static bool
own_fault(int status)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGABRT, SIGTRAP };
	size_t i;

	for (i = 0; WIFSIGNALED(status) && i < nitems(signals); i++)
		if (WTERMSIG(status) == signals[i])
			return true;
	return false;
}

/* Goes through the sessions that were busy; only the guilty one, if it is known, is suspected. */
static void
go_through(struct scoreboard *board, unsigned row, const char *who, int guilty,
    bool counts)
{
	struct progress p;
	unsigned at, n = 0;
	bool suspect;

	for (at = 0; scoreboard_session(board, row, &at, &p); ) {
		if (atomic_load(&p.state) != PROGRESS_BUSY)
			continue;
		suspect = guilty == -1 || guilty == (int)at - 1;
		if (++n <= TOLD_MAX || (guilty != -1 && suspect))
			tell_request(who, guilty == -1 ? "had in hand" : suspect ? "died of" : "took along",
			    &p);
		if (suspect && counts)
			quarantine_death(scoreboard_quarantine(board), &p);
	}
	if (n > TOLD_MAX)
		log_warn("%s had %u requests in hand", who, n);
}

void
obituary_of_worker(struct scoreboard *board, unsigned row, int status)
{
	struct scoreboard_worker w;
	struct crash words = { .session = -1 };
	bool spoke, counts;
	char who[64];

	if (!scoreboard_look(board, row, &w) || !WIFSIGNALED(status) || WTERMSIG(status) == SIGTERM)
		return;
	spoke = crash_take(scoreboard_crash(board, row), w.pid, &words);
	/* One that stalled and was killed for it has been asked where it was; see stall. */
	if (!spoke && w.stalled && w.stalled_in != -1)
		words.session = w.stalled_in;
	counts = own_fault(status) || (w.stalled && w.stalled_in != -1);
	called(who, "worker", w.slot, w.pid);
	go_through(board, row, who, words.session, counts);
	if (spoke)
		tell_frames(who, "died in", &words);
}

void
obituary_of_session(struct scoreboard *board, const struct progress *p,
    int status)
{
	pid_t pid = atomic_load(&p->pid);
	struct crash words = { .session = -1 };
	struct progress copy;
	char who[64];

	if (!WIFSIGNALED(status) || WTERMSIG(status) == SIGTERM)
		return;
	called(who, "session process", UINT32_MAX, pid);
	if (progress_read(p, &copy) && atomic_load(&copy.state) == PROGRESS_BUSY) {
		tell_request(who, "died of", &copy);
		if (own_fault(status))
			quarantine_death(scoreboard_quarantine(board), &copy);
	}
	if (crash_take(scoreboard_crash(board, scoreboard_my_row(board)), pid, &words))
		tell_frames(who, "died in", &words);
}

bool
obituary_trace(struct scoreboard *board, unsigned row, pid_t pid, const char *what)
{
	struct scoreboard_worker w;
	struct crash words;
	char who[64];

	if (!scoreboard_look(board, row, &w) || !crash_take(scoreboard_crash(board, row), pid, &words))
		return false;
	if (words.session != -1 || words.frames > 0)
		scoreboard_stalled(board, row, words.session);
	tell_frames(called(who, "worker", w.slot, pid), what, &words);
	return true;
}
