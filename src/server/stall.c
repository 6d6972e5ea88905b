/* stall - notices workers that do not move any more, and has them replaced. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/obituary.h"
#include "server/signals.h"
#include "server/stall.h"

#define LOOK_MS		1000	/* between two looks, at most */
#define LOOK_MIN_MS	50
#define ANSWER_MS	500	/* that a worker has to say where it is, before it is killed */

struct watch {
	pid_t		 pid;		/* whom this is about */
	unsigned	 beats;		/* as last heard */
	int64_t		 heard;		/* when */
	int64_t		 asked;		/* when it was asked where it is, or 0 */
	bool		 killed;
};

struct stall {
	struct scoreboard *board;
	int64_t		 looked;	/* the last time */
	int64_t		 next;
	struct watch	 watch[];
};

struct stall *
stall_open(struct scoreboard *board)
{
	unsigned rows = scoreboard_rows(board);
	struct stall *stall = calloc(1, sizeof(*stall) + rows * sizeof(stall->watch[0]));

	if (stall != NULL)
		stall->board = board;
	return stall;
}

void
stall_close(struct stall **stall)
{
	free(*stall);
	*stall = NULL;
}

/* As /proc has it: R running, S sleeping, D in the kernel, which cannot be interrupted, T stopped. */
static const char *
condition(pid_t pid)
{
	char name[64], line[256] = "", *p;
	FILE *file;

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	if ((file = fopen(name, "re")) == NULL)
		return "gone";
	(void)!fgets(line, sizeof(line), file);
	(void)fclose(file);
	if ((p = strrchr(line, ')')) == NULL || p[1] == '\0')
		return "in an unknown state";
	switch (p[2]) {
	case 'R':	return "running";
	case 'S':	return "sleeping";
	case 'D':	return "waiting for a disk";
	case 'T':
	case 't':	return "stopped";
	default:	return "gone";
	}
}

static void
ask(struct watch *watch, const struct scoreboard_worker *w, int64_t now)
{
	log_error("worker %u (pid %d) has not moved for %.1f s (%s)", w->slot, (int)w->pid,
	    (double)(now - watch->heard) / 1000, condition(w->pid));
	(void)kill(w->pid, SIGNAL_TRACE);
	watch->asked = now;
}

/* Stopped or not, KILL is heard. */
static void
end(struct stall *stall, struct watch *watch, const struct scoreboard_worker *w)
{
	scoreboard_stalled(stall->board, w->row, -1);
	if (!obituary_trace(stall->board, w->row, w->pid, "stands in"))
		log_warn("worker %u (pid %d) does not say where it is", w->slot, (int)w->pid);
	(void)kill(w->pid, SIGKILL);
	watch->killed = true;
}

static void
listen_to(struct stall *stall, struct watch *watch, const struct scoreboard_worker *w, int64_t now, int64_t timeout_ms)
{
	unsigned beats = scoreboard_beats(stall->board, w->row);

	if (watch->pid != w->pid || watch->beats != beats) {
		if (watch->pid == w->pid && watch->asked != 0 && !watch->killed) {
			(void)obituary_trace(stall->board, w->row, w->pid, "stood in");
			log_info("worker %u (pid %d) moves again", w->slot, (int)w->pid);
		}
		*watch = (struct watch){ .pid = w->pid, .beats = beats, .heard = now };
		scoreboard_heard(stall->board, w->row, now);
	} else if (timeout_ms == 0 || watch->killed)
		return;
	else if (watch->asked == 0 && now - watch->heard >= timeout_ms)
		ask(watch, w, now);
	else if (watch->asked != 0 && now - watch->asked >= ANSWER_MS)
		end(stall, watch, w);
}

/* Time that we have slept through ourselves is nobody's silence. */
static void
allow(struct stall *stall, int64_t ms)
{
	unsigned row;

	for (row = 0; row < scoreboard_rows(stall->board); row++) {
		stall->watch[row].heard += ms;
		if (stall->watch[row].asked != 0)
			stall->watch[row].asked += ms;
	}
}

int64_t
stall_look(struct stall *stall, int64_t timeout_ms)
{
	int64_t now = clock_ms(), every = timeout_ms / 4;
	struct scoreboard_worker w;
	unsigned row;

	if (now < stall->next)
		return stall->next;
	every = every == 0 || every > LOOK_MS ? LOOK_MS : every < LOOK_MIN_MS ? LOOK_MIN_MS : every;
	if (stall->looked != 0 && now - stall->looked > 2 * every)
		allow(stall, now - stall->looked - every);
	stall->looked = now;
	for (row = 0; row < scoreboard_rows(stall->board); row++)
		if (scoreboard_look(stall->board, row, &w) && w.pid > 0)
			listen_to(stall, &stall->watch[row], &w, now, timeout_ms);
	stall->next = now + every;
	return stall->next;
}
