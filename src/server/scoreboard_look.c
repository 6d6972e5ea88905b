/* scoreboard_look - what can be seen in the scoreboard, by the master and by workers. */

#include <stddef.h>

#include "base/clock.h"
#include "server/scoreboard_int.h"

/* What is known of a row here and now.  A worker has the memory of those rows alone that were taken
 * before it was born. */
static struct seat
seat_now(const struct scoreboard *board, unsigned row)
{
	const struct told *told = &board->notices->row[row];
	struct seat seat = board->seat[row];

	if (board->worker == 0)
		return seat;
	if (!seat.taken || seat.generation != atomic_load(&told->generation))
		seat = (struct seat){ .generation = atomic_load(&told->generation) };
	seat.taken = seat.generation != 0;
	seat.pid = atomic_load(&told->pid);
	seat.births = atomic_load(&told->births);
	seat.stalls = atomic_load(&told->stalls);
	seat.due = atomic_load(&told->due) ? 0 : CLOCK_NEVER;
	return seat;
}

unsigned
scoreboard_used(const struct scoreboard *board, unsigned row)
{
	const unsigned fresh = atomic_load(&board->shared->row[row].fresh), max = board->seat[row].max;

	return fresh < max ? fresh : max;
}

unsigned
scoreboard_rows(const struct scoreboard *board)
{
	return board->rows;
}

unsigned
scoreboard_beats(const struct scoreboard *board, unsigned row)
{
	return atomic_load_explicit(&board->shared->row[row].beats, memory_order_relaxed);
}

static enum worker_state
state_of(const struct seat *seat, const struct scoreboard_row *r)
{
	if (seat->pid == 0)
		return WORKER_WAITING;
	if (atomic_load(&r->draining))
		return WORKER_DRAINING;
	return atomic_load(&r->accepting) ? WORKER_SERVING : WORKER_STARTING;
}

bool
scoreboard_look(const struct scoreboard *board, unsigned row, struct scoreboard_worker *w)
{
	const struct scoreboard_row *r;
	struct seat seat;

	if (row >= board->rows)
		return false;
	seat = seat_now(board, row);
	if (!seat.taken)
		return false;
	r = &board->shared->row[row];
	*w = (struct scoreboard_worker){
		.row = row, .slot = seat.slot, .generation = seat.generation,
		.state = state_of(&seat, r), .pid = seat.pid, .born = seat.born, .beat = seat.beat,
		.sessions = atomic_load(&r->sessions), .sessions_max = seat.max,
		.served = atomic_load(&r->served),
		.accepted = atomic_load(&r->accepted), .requests = atomic_load(&r->requests),
		.received = atomic_load(&r->received), .sent = atomic_load(&r->sent),
		.restarts = seat.births > 0 ? seat.births - 1 : 0, .young = seat.young,
		.due = seat.due, .died = seat.died, .status = seat.status,
		.stalled = seat.stalled, .stalled_in = seat.stalled_in, .stalls = seat.stalls,
	};
	return true;
}

bool
scoreboard_session(const struct scoreboard *board, unsigned row, unsigned *at, struct progress *copy)
{
	struct seat seat;
	unsigned used;

	if (row >= board->rows)
		return false;
	seat = seat_now(board, row);
	if (!seat.taken || seat.area == NULL)
		return false;
	used = scoreboard_used(board, row);
	while (*at < used)
		if (progress_read(&seat.area[(*at)++], copy))
			return true;
	return false;
}

bool
scoreboard_worker(const struct scoreboard *board, unsigned row, struct scoreboard_worker *w)
{
	struct progress p;
	unsigned at;

	if (!scoreboard_look(board, row, w))
		return false;
	for (at = 0; scoreboard_session(board, row, &at, &p); ) {
		w->requests += atomic_load(&p.requests);
		w->received += atomic_load(&p.meter.received);
		w->sent += atomic_load(&p.meter.sent);
	}
	return true;
}

void
scoreboard_totals(const struct scoreboard *board, struct scoreboard_totals *t)
{
	const struct shared *all = board->shared;
	struct scoreboard_worker w;
	unsigned row;

	*t = (struct scoreboard_totals){
		.accepted = atomic_load(&all->accepted), .requests = atomic_load(&all->requests),
		.received = atomic_load(&all->received), .sent = atomic_load(&all->sent),
		.deaths = atomic_load(&all->deaths),
	};
	for (row = 0; row < board->rows; row++)
		if (scoreboard_worker(board, row, &w)) {
			t->accepted += w.accepted;
			t->requests += w.requests;
			t->received += w.received;
			t->sent += w.sent;
			t->sessions += w.sessions;
		}
}

void
scoreboard_tally(const struct scoreboard *board, struct tally *sum)
{
	unsigned row;

	tally_gather(sum, &board->shared->tally);
	for (row = 0; row < board->rows; row++)
		if (seat_now(board, row).tally != NULL)
			tally_gather(sum, board->seat[row].tally);
}

unsigned
scoreboard_turn(const struct scoreboard *board)
{
	return atomic_load(&board->notices->turn);
}

uint64_t
scoreboard_losses(const struct scoreboard *board)
{
	return atomic_load(&board->shared->deaths) + atomic_load(&board->shared->lost);
}
