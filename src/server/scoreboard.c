/* scoreboard - what all processes of the pool know of each other, in shared memory.
 * Here is the master's hand in it: generations take rows and give them back, workers are born in
 * them and die. */

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/shared.h"
#include "server/scoreboard_int.h"
#include "server/signals.h"

struct scoreboard *
scoreboard_open(unsigned rows)
{
	struct scoreboard *board = calloc(1, sizeof(*board) + rows * sizeof(board->seat[0]));

	if (board == NULL)
		return NULL;
	board->rows = rows;
	board->shared = shared_new(SHARED_SIZE(rows));
	board->notices = shared_new(NOTICES_SIZE(rows));
	board->quarantine = quarantine_open();
	if (board->shared != NULL && board->notices != NULL && board->quarantine != NULL)
		return board;
	scoreboard_close(&board);
	errno = ENOMEM;
	return NULL;
}

void
scoreboard_close(struct scoreboard **boardp)
{
	struct scoreboard *board = *boardp;

	*boardp = NULL;
	if (board == NULL)
		return;
	shared_free(board->shared, SHARED_SIZE(board->rows));
	shared_free(board->notices, NOTICES_SIZE(board->rows));
	free(board);
}

/* Tells the workers what has become of a row. */
static void
tell(struct scoreboard *board, unsigned row)
{
	const struct seat *seat = &board->seat[row];
	struct told *told = &board->notices->row[row];

	atomic_store(&told->pid, seat->pid);
	atomic_store(&told->births, seat->births);
	atomic_store(&told->stalls, seat->stalls);
	atomic_store(&told->due, seat->due != CLOCK_NEVER);
	atomic_store(&told->generation, seat->taken ? seat->generation : 0);
}

/* The first of `count` free rows in a row, or -1. */
static int
find_block(const struct scoreboard *board, unsigned count)
{
	unsigned i, run = 0;

	for (i = 0; i < board->rows; i++) {
		run = board->seat[i].taken ? 0 : run + 1;
		if (run == count)
			return (int)(i + 1 - count);
	}
	errno = ENOSPC;
	return -1;
}

static void
empty(struct scoreboard *board, unsigned row)
{
	struct scoreboard_row *r = &board->shared->row[row];
	unsigned i, used = scoreboard_used(board, row);

	atomic_store(&r->accepting, false);
	atomic_store(&r->draining, false);
	atomic_store(&r->sessions, 0);
	atomic_store(&r->served, 0);
	for (i = 0; i < used; i++)
		atomic_store(&board->seat[row].area[i].state, PROGRESS_FREE);
	atomic_store(&r->free, NOBODY);
	atomic_store(&r->fresh, 0);
}

static void
seat_clear(struct seat *seat)
{
	shared_free(seat->area, seat->max * sizeof(*seat->area));
	shared_free(seat->tally, sizeof(*seat->tally));
	*seat = (struct seat){ .taken = false };
}

static int
seat_take(struct seat *seat, unsigned generation, unsigned sessions)
{
	*seat = (struct seat){
		.taken = true, .generation = generation, .due = CLOCK_NEVER, .max = sessions,
		.area = shared_new(sessions * sizeof(*seat->area)), .tally = shared_new(sizeof(*seat->tally)),
	};
	if (seat->area != NULL && seat->tally != NULL)
		return 0;
	seat_clear(seat);
	errno = ENOMEM;
	return -1;
}

int
scoreboard_take(struct scoreboard *board, unsigned generation, unsigned workers, unsigned sessions)
{
	int first = find_block(board, workers);
	struct seat *seat;
	unsigned i, row;

	for (i = 0; first != -1 && i < workers; i++) {
		row = (unsigned)first + i;
		seat = &board->seat[row];
		if (seat_take(seat, generation, sessions) == -1) {
			scoreboard_give(board, (unsigned)first, i);
			errno = ENOMEM;
			return -1;
		}
		seat->slot = i;
		seat->first = (unsigned)first;
		seat->count = workers;
		empty(board, row);
		tell(board, row);
	}
	return first;
}

static void
retire(_Atomic uint64_t *total, _Atomic uint64_t *part)
{
	(void)atomic_fetch_add(total, atomic_exchange(part, 0));
}

void
scoreboard_give(struct scoreboard *board, unsigned first, unsigned workers)
{
	struct shared *all = board->shared;
	struct scoreboard_row *r;
	struct seat *seat;
	unsigned i;

	(void)atomic_fetch_add(&board->notices->turn, 1);
	for (i = first; i < first + workers; i++) {
		r = &all->row[i];
		retire(&all->accepted, &r->accepted);
		retire(&all->requests, &r->requests);
		retire(&all->received, &r->received);
		retire(&all->sent, &r->sent);
		seat = &board->seat[i];
		tally_gather(&all->tally, seat->tally);
		seat_clear(seat);
		tell(board, i);
	}
	(void)atomic_fetch_add(&board->notices->turn, 1);
}

void
scoreboard_born(struct scoreboard *board, unsigned row, pid_t pid)
{
	struct seat *seat = &board->seat[row];

	seat->pid = pid;
	seat->born = seat->beat = clock_ms();
	seat->due = CLOCK_NEVER;
	seat->births++;
	seat->stalled = false;
	tell(board, row);
}

/* Bytes of sessions that the worker took with it were moved all the same. */
static void
keep_counts(struct scoreboard *board, unsigned row)
{
	struct scoreboard_row *r = &board->shared->row[row];
	struct progress p;
	unsigned at;

	for (at = 0; scoreboard_session(board, row, &at, &p); )
		scoreboard_settle(r, &p);
}

void
scoreboard_died(struct scoreboard *board, unsigned row, int status, unsigned young, int64_t due)
{
	struct seat *seat = &board->seat[row];

	keep_counts(board, row);
	empty(board, row);
	seat->pid = 0;
	seat->died = clock_ms();
	seat->status = status;
	seat->young = young;
	seat->due = due;
	tell(board, row);
	if (status != 0)
		(void)atomic_fetch_add(&board->shared->deaths, 1);
}

void
scoreboard_heard(struct scoreboard *board, unsigned row, int64_t when)
{
	board->seat[row].beat = when;
}

void
scoreboard_stalled(struct scoreboard *board, unsigned row, int session)
{
	struct seat *seat = &board->seat[row];

	if (!seat->stalled)
		seat->stalls++;
	seat->stalled = true;
	seat->stalled_in = session;
	tell(board, row);
}

int
scoreboard_kick(struct scoreboard *board, uint64_t number)
{
	struct progress p;
	struct seat *seat;
	unsigned row, at;

	for (row = 0; row < board->rows; row++) {
		seat = &board->seat[row];
		for (at = 0; seat->pid > 0 && scoreboard_session(board, row, &at, &p); )
			if (p.number == number) {
				atomic_store(&seat->area[at - 1].kick, number + 1);
				return kill(seat->pid, SIGNAL_KICK);
			}
	}
	errno = ESRCH;
	return -1;
}

struct quarantine *
scoreboard_quarantine(const struct scoreboard *board)
{
	return board->quarantine;
}

struct crash *
scoreboard_crash(const struct scoreboard *board, unsigned row)
{
	return &board->shared->row[row].crash;
}
