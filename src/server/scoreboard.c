/* scoreboard - what all processes of the pool know of each other, in shared memory. */

#include <sys/mman.h>

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/scoreboard.h"
#include "server/signals.h"

#define NOBODY	UINT32_MAX	/* the end of a list of slots */

struct shared {
	_Alignas(64) _Atomic uint64_t numbers;	/* of sessions */
	_Alignas(64) _Atomic uint64_t deaths;
	_Atomic uint64_t lost;		/* sessions' processes that died */
	_Atomic uint64_t accepted, requests, received, sent;	/* of rows that were given back */
	struct tally	 tally;			/* likewise */
	struct scoreboard_row row[];
};

/* What the master tells the workers of a row; it never reads this itself. */
struct told {
	_Atomic uint32_t generation;	/* 0: the row is nobody's */
	_Atomic int32_t	 pid;
	_Atomic uint32_t births, stalls;
	atomic_bool	 due;		/* somebody is born there in time */
};

struct notices {
	atomic_uint	 turn;		/* odd while counts move from a row to those of the past */
	struct told	 row[];
};

/* What the master knows of a row.  Not shared: no worker can make it signal a stranger, or read
 * elsewhere.  (Workers have a copy, as of their birth, and know by the notices what has changed.) */
struct seat {
	bool		 taken;
	unsigned	 slot, generation;
	unsigned	 first, count;	/* the block it was taken with */
	pid_t		 pid;
	int64_t		 born, beat, died, due;
	unsigned	 births, young;
	int		 status;
	bool		 stalled;
	int		 stalled_in;
	unsigned	 stalls;
	struct tally	*tally;
	struct progress	*area;		/* the slots of its sessions, */
	unsigned	 max;		/* and how many */
};

struct scoreboard {
	unsigned	 rows;
	unsigned	 mine;		/* a worker's own row */
	pid_t		 worker;	/* its process; not a child's */
	struct shared	*shared;
	struct notices	*notices;	/* which workers can only read */
	struct quarantine *quarantine;
	struct seat	 seat[];
};

static struct scoreboard	*joined;	/* for the signal's handler */

static void *
map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

struct scoreboard *
scoreboard_open(unsigned rows)
{
	struct scoreboard *board = calloc(1, sizeof(*board) + rows * sizeof(board->seat[0]));

	if (board == NULL)
		return NULL;
	board->rows = rows;
	board->shared = map(sizeof(*board->shared) + rows * sizeof(board->shared->row[0]));
	board->notices = map(sizeof(*board->notices) + rows * sizeof(board->notices->row[0]));
	board->quarantine = quarantine_open();
	if (board->shared != NULL && board->notices != NULL && board->quarantine != NULL)
		return board;
	free(board);
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
	(void)munmap(board->shared, sizeof(*board->shared) + board->rows * sizeof(board->shared->row[0]));
	(void)munmap(board->notices, sizeof(*board->notices) + board->rows * sizeof(board->notices->row[0]));
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
	unsigned i, fresh = atomic_load(&r->fresh);

	atomic_store(&r->accepting, false);
	atomic_store(&r->draining, false);
	atomic_store(&r->sessions, 0);
	atomic_store(&r->served, 0);
	for (i = 0; i < fresh && i < board->seat[row].max; i++)
		atomic_store(&board->seat[row].area[i].state, PROGRESS_FREE);
	atomic_store(&r->free, NOBODY);
	atomic_store(&r->fresh, 0);
}

static void
unmap(struct seat *seat, unsigned sessions)
{
	if (seat->area != NULL)
		(void)munmap(seat->area, sessions * sizeof(*seat->area));
	if (seat->tally != NULL)
		(void)munmap(seat->tally, sizeof(*seat->tally));
	seat->area = NULL;
	seat->tally = NULL;
}

int
scoreboard_take(struct scoreboard *board, unsigned generation, unsigned workers, unsigned sessions)
{
	int first = find_block(board, workers);
	struct seat *seat;
	unsigned i;

	for (i = 0; first != -1 && i < workers; i++) {
		seat = &board->seat[(unsigned)first + i];
		seat->area = map(sessions * sizeof(*seat->area));
		seat->tally = map(sizeof(*seat->tally));
		if (seat->area == NULL || seat->tally == NULL) {
			unmap(seat, sessions);
			scoreboard_give(board, (unsigned)first, i);
			errno = ENOMEM;
			return -1;
		}
		*seat = (struct seat){
			.taken = true, .slot = i, .generation = generation, .first = (unsigned)first,
			.count = workers, .area = seat->area, .tally = seat->tally, .max = sessions, .due = CLOCK_NEVER,
		};
		empty(board, (unsigned)first + i);
		tell(board, (unsigned)first + i);
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
		unmap(seat, seat->max);
		memset(seat, 0, sizeof(*seat));
		tell(board, i);
	}
	(void)atomic_fetch_add(&board->notices->turn, 1);
}

unsigned
scoreboard_turn(const struct scoreboard *board)
{
	return atomic_load(&board->notices->turn);
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

	for (at = 0; scoreboard_session(board, row, &at, &p); ) {
		(void)atomic_fetch_add(&r->received, atomic_load(&p.meter.received));
		(void)atomic_fetch_add(&r->sent, atomic_load(&p.meter.sent));
		(void)atomic_fetch_add(&r->requests, atomic_load(&p.requests));
	}
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

unsigned
scoreboard_beats(const struct scoreboard *board, unsigned row)
{
	return atomic_load_explicit(&board->shared->row[row].beats, memory_order_relaxed);
}

unsigned
scoreboard_rows(const struct scoreboard *board)
{
	return board->rows;
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
	const struct scoreboard_row *r = &board->shared->row[row];
	struct seat now, *seat = &now;

	if (row >= board->rows)
		return false;
	now = seat_now(board, row);
	if (!now.taken)
		return false;
	*w = (struct scoreboard_worker){
		.row = row, .slot = seat->slot, .generation = seat->generation,
		.state = state_of(seat, r), .pid = seat->pid, .born = seat->born, .beat = seat->beat,
		.sessions = atomic_load(&r->sessions), .sessions_max = seat->max,
		.served = atomic_load(&r->served),
		.accepted = atomic_load(&r->accepted), .requests = atomic_load(&r->requests),
		.received = atomic_load(&r->received), .sent = atomic_load(&r->sent),
		.restarts = seat->births > 0 ? seat->births - 1 : 0, .young = seat->young,
		.due = seat->due, .died = seat->died, .status = seat->status,
		.stalled = seat->stalled, .stalled_in = seat->stalled_in, .stalls = seat->stalls,
	};
	return true;
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

bool
scoreboard_session(const struct scoreboard *board, unsigned row, unsigned *at, struct progress *copy)
{
	struct seat now, *seat = &now;
	unsigned fresh;

	if (row >= board->rows)
		return false;
	now = seat_now(board, row);
	if (!now.taken || now.area == NULL)
		return false;
	fresh = atomic_load(&board->shared->row[row].fresh);
	while (*at < fresh && *at < seat->max)
		if (progress_read(&seat->area[(*at)++], copy))
			return true;
	return false;
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

/* --- a worker's */

/* Under fork the worker hands it on to the child whose session it is. */
static void
on_kick(int signal)
{
	const struct scoreboard_row *r = &joined->shared->row[joined->mine];
	const struct seat *seat = &joined->seat[joined->mine];
	unsigned i, fresh = atomic_load(&r->fresh);
	int saved = errno, pid, self = getpid();
	struct progress *p;

	for (i = 0; i < fresh && i < seat->max; i++) {
		p = &seat->area[i];
		pid = atomic_load(&p->pid);
		if (atomic_load(&p->state) == PROGRESS_FREE || atomic_load(&p->kick) != p->number + 1)
			continue;
		if (pid == self)
			progress_shutdown(p);
		else if (self == joined->worker && pid > 0)
			(void)kill(pid, signal);
	}
	errno = saved;
}

struct scoreboard_row *
scoreboard_join(struct scoreboard *board, unsigned row)
{
	struct sigaction action = { .sa_handler = on_kick, .sa_flags = SA_RESTART | SA_ONSTACK };

	(void)mprotect(board->notices, sizeof(*board->notices) + board->rows * sizeof(board->notices->row[0]),
	    PROT_READ);
	board->mine = row;
	board->worker = getpid();
	joined = board;
	(void)sigaction(SIGNAL_KICK, &action, NULL);
	return &board->shared->row[row];
}

/* Only one thread takes from the list, so that what is its head stays its head's successor. */
struct progress *
scoreboard_enter(struct scoreboard *board)
{
	struct scoreboard_row *r = &board->shared->row[board->mine];
	const struct seat *seat = &board->seat[board->mine];
	unsigned head = atomic_load(&r->free);
	struct progress *p;

	while (head < seat->max)
		if (atomic_compare_exchange_weak(&r->free, &head, atomic_load(&seat->area[head].next))) {
			p = &seat->area[head];
			atomic_store(&p->pid, board->worker);
			return p;
		}
	if ((head = atomic_load(&r->fresh)) >= seat->max)
		return NULL;
	p = &seat->area[head];
	atomic_store(&p->pid, board->worker);
	atomic_store(&r->fresh, head + 1);
	return p;
}

void
scoreboard_leave(struct scoreboard *board, struct progress *p)
{
	struct scoreboard_row *r = &board->shared->row[board->mine];
	unsigned head = atomic_load(&r->free);

	atomic_store(&p->state, PROGRESS_FREE);
	(void)atomic_fetch_add(&r->received, atomic_load(&p->meter.received));
	(void)atomic_fetch_add(&r->sent, atomic_load(&p->meter.sent));
	(void)atomic_fetch_add(&r->requests, atomic_load(&p->requests));
	do
		atomic_store(&p->next, head);
	while (!atomic_compare_exchange_weak(&r->free, &head,
	    (unsigned)(p - board->seat[board->mine].area)));
}

int
scoreboard_place(const struct scoreboard *board, const struct progress *p)
{
	return (int)(p - board->seat[board->mine].area);
}

void
scoreboard_signal_children(int signal)
{
	const struct scoreboard *board = joined;
	const struct seat *seat;
	unsigned i, fresh;
	int pid;

	if (board == NULL || getpid() != board->worker)
		return;
	seat = &board->seat[board->mine];
	fresh = atomic_load(&board->shared->row[board->mine].fresh);
	for (i = 0; i < fresh && i < seat->max; i++) {
		pid = atomic_load(&seat->area[i].pid);
		if (atomic_load(&seat->area[i].state) != PROGRESS_FREE && pid > 0 && pid != board->worker)
			(void)kill(pid, signal);
	}
}

void
scoreboard_lost(struct scoreboard *board)
{
	(void)atomic_fetch_add(&board->shared->lost, 1);
}

uint64_t
scoreboard_losses(const struct scoreboard *board)
{
	return atomic_load(&board->shared->deaths) + atomic_load(&board->shared->lost);
}

struct tally *
scoreboard_my_tally(const struct scoreboard *board)
{
	return board->seat[board->mine].tally;
}

unsigned
scoreboard_my_row(const struct scoreboard *board)
{
	return board->mine;
}

uint64_t
scoreboard_next_number(struct scoreboard *board)
{
	return atomic_fetch_add(&board->shared->numbers, 1);
}

unsigned
scoreboard_surplus(const struct scoreboard *board)
{
	const struct seat *seat = &board->seat[board->mine];
	unsigned i, mine = 0, n, total = 0, accepting = 0;
	const struct scoreboard_row *r;

	for (i = seat->first; i < seat->first + seat->count; i++) {
		r = &board->shared->row[i];
		if (!atomic_load_explicit(&r->accepting, memory_order_relaxed))
			continue;
		n = atomic_load_explicit(&r->sessions, memory_order_relaxed);
		accepting++;
		total += n;
		if (i == board->mine)
			mine = n;
	}
	return accepting > 1 && mine * accepting > total ? mine - total / accepting : 0;
}
