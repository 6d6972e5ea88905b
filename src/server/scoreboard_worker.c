/* scoreboard_worker - what a worker writes in the scoreboard: its row, and who has its slots. */

#include <sys/mman.h>

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "server/scoreboard_int.h"
#include "server/signals.h"

static struct scoreboard	*joined;	/* for the signal's handler */

/* Under fork the worker hands it on to the child whose session it is. */
static void
on_kick(int signal)
{
	const unsigned used = scoreboard_used(joined, joined->mine);
	struct progress *area = joined->seat[joined->mine].area, *p;
	int saved = errno, pid, self = getpid();

	for (p = area; p < area + used; p++) {
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

	(void)mprotect(board->notices, NOTICES_SIZE(board->rows), PROT_READ);
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
scoreboard_settle(struct scoreboard_row *r, const struct progress *p)
{
	(void)atomic_fetch_add(&r->received, atomic_load(&p->meter.received));
	(void)atomic_fetch_add(&r->sent, atomic_load(&p->meter.sent));
	(void)atomic_fetch_add(&r->requests, atomic_load(&p->requests));
}

void
scoreboard_leave(struct scoreboard *board, struct progress *p)
{
	struct scoreboard_row *r = &board->shared->row[board->mine];
	unsigned head = atomic_load(&r->free);

	atomic_store(&p->state, PROGRESS_FREE);
	scoreboard_settle(r, p);
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
	const struct progress *area;
	unsigned i, used;
	int pid;

	if (board == NULL || getpid() != board->worker)
		return;
	area = board->seat[board->mine].area;
	used = scoreboard_used(board, board->mine);
	for (i = 0; i < used; i++) {
		pid = atomic_load(&area[i].pid);
		if (atomic_load(&area[i].state) != PROGRESS_FREE && pid > 0 && pid != board->worker)
			(void)kill(pid, signal);
	}
}

void
scoreboard_lost(struct scoreboard *board)
{
	(void)atomic_fetch_add(&board->shared->lost, 1);
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
