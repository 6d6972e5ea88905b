/* scoreboard - what all processes of the pool know of each other, in shared memory.
 * A row for each worker and, beside it, a slot for each of its sessions.  Each worker writes its
 * own row, each session its own slot, the master what it knows of births and deaths; everybody
 * reads, nobody waits.  Memory is there as far as it was touched: a session's slot is 384 bytes,
 * and slots that were never used cost nothing.
 *
 * A generation of workers takes a block of rows and gives it back when the last of them has gone, so
 * that an old generation can drain beside the new one: its first row and its workers' numbers
 * ("slots" of the pool, from 0) together are the rows.  What a row has counted stays in
 * scoreboard_totals() for as long as the master lives.
 *
 * All functions that are not said to be a worker's are the master's, but those that only look are
 * also a worker's: it knows of births and deaths in all rows, and of sessions and requests in those
 * that were taken before it was born. */

#ifndef SERVER_SCOREBOARD_H
#define SERVER_SCOREBOARD_H

#include <sys/types.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/crash.h"
#include "server/quarantine.h"
#include "session/progress.h"
#include "session/tally.h"

enum worker_state {
	WORKER_NONE,		/* the row is no worker's */
	WORKER_WAITING,		/* dead, and its successor is not due yet */
	WORKER_STARTING,	/* forked, and not yet in its accept loop */
	WORKER_SERVING,
	WORKER_DRAINING		/* accepts no more */
};

/* What the worker itself writes. */
struct scoreboard_row {
	_Alignas(64) atomic_uint sessions;	/* now */
	atomic_uint	 beats;			/* turns of the worker's loop: it is alive */
	atomic_bool	 accepting;
	atomic_bool	 draining;
	_Atomic uint64_t served;		/* requests, by this worker and none before it */
	_Alignas(64) _Atomic uint64_t accepted;	/* this and all below: since the row was taken */
	_Atomic uint64_t requests;
	_Atomic uint64_t received, sent;	/* bytes, of sessions that have ended */
	_Alignas(64) atomic_uint free;		/* sessions: the list of free slots, */
	atomic_uint	 fresh;			/* and how many slots were ever used */
	_Alignas(64) struct crash crash;	/* its last words */
};

/* A worker as the master sees it; times are of clock_ms(). */
struct scoreboard_worker {
	unsigned	 row;
	unsigned	 slot;		/* its number within its generation */
	unsigned	 generation;
	enum worker_state state;
	pid_t		 pid;		/* 0: nobody */
	int64_t		 born;		/* of the one who is there, or was the last */
	int64_t		 beat;		/* when its heart was last heard (see stall.h) */
	unsigned	 sessions;	/* now; at most sessions_max */
	unsigned	 sessions_max;
	uint64_t	 served;	/* requests, since it was born */
	uint64_t	 accepted, requests, received, sent;	/* with sessions that still are */
	unsigned	 restarts;	/* births after the first */
	unsigned	 young;		/* deaths in a row that came too early */
	int64_t		 due;		/* WORKER_WAITING: when the next is forked */
	int64_t		 died;		/* the last death, 0 for none, */
	int		 status;	/* and its wait status */
	bool		 stalled;	/* it does not move, or did not when it died: the stall watch; */
	int		 stalled_in;	/* the place of the session that ran then, or -1 */
	unsigned	 stalls;	/* how often that was so */
};

struct scoreboard_totals {
	uint64_t	 accepted, requests, received, sent;
	uint64_t	 deaths;	/* of workers, but for those that ended as they should */
	unsigned	 sessions;	/* now */
};

struct scoreboard;

/* For so many rows at once; shared with every process forked from here on.  NULL with errno. */
struct scoreboard *scoreboard_open(unsigned rows);
void	scoreboard_close(struct scoreboard **);	/* in this process; NULL is nothing */

/* A block of rows for a new generation, of which each worker may have so many sessions.  The
 * first row, or -1 with errno: ENOSPC while too many old generations drain. */
int	scoreboard_take(struct scoreboard *, unsigned generation, unsigned workers, unsigned sessions);
void	scoreboard_give(struct scoreboard *, unsigned first, unsigned workers);

/* A worker was forked; or has died, and the next is due then (clock_ms(), or CLOCK_NEVER). */
void	scoreboard_born(struct scoreboard *, unsigned row, pid_t);
void	scoreboard_died(struct scoreboard *, unsigned row, int status, unsigned young, int64_t due);

/* For the stall watch: when the worker's heart was last heard; that it is not any more, and the
 * place of the session that runs, or -1. */
void	scoreboard_heard(struct scoreboard *, unsigned row, int64_t when);
void	scoreboard_stalled(struct scoreboard *, unsigned row, int session);
unsigned scoreboard_beats(const struct scoreboard *, unsigned row);

/* What processes have died of. */
struct quarantine *scoreboard_quarantine(const struct scoreboard *);

/* A row's last words. */
struct crash *scoreboard_crash(const struct scoreboard *, unsigned row);

/* Rows are numbered from 0 to scoreboard_rows() - 1; whether a worker, dead or alive, has this one. */
unsigned scoreboard_rows(const struct scoreboard *);
bool	scoreboard_worker(const struct scoreboard *, unsigned row, struct scoreboard_worker *);

/* The same without what its sessions have moved: quick, however many there are. */
bool	scoreboard_look(const struct scoreboard *, unsigned row, struct scoreboard_worker *);

/* The sessions of a row, one after the other: begin with *at 0, until false.
 *
 *	for (at = 0; scoreboard_session(board, row, &at, &copy); )
 */
bool	scoreboard_session(const struct scoreboard *, unsigned row, unsigned *at, struct progress *copy);

/* All rows, and all that ever were. */
void	scoreboard_totals(const struct scoreboard *, struct scoreboard_totals *);

/* What requests were made, of all rows and all that ever were: added to *sum. */
void	scoreboard_tally(const struct scoreboard *, struct tally *sum);

/* Another number, or an odd one, where counts have moved from a row to those of the past meanwhile: what
 * was added up may then have some twice. */
unsigned scoreboard_turn(const struct scoreboard *);

/* Asks the session of that number to end: its connection is cut, and a request in hand fails as
 * if the peer had gone.  0, or -1 with ESRCH: there is none.  session_id() and
 * session_id_parse() know how the log writes numbers. */
int	scoreboard_kick(struct scoreboard *, uint64_t number);

/* --- a worker's */

/* Becomes the worker of a row: kicks are heard from here on. */
struct scoreboard_row *scoreboard_join(struct scoreboard *, unsigned row);

/* A free slot for a session, for the one thread that accepts, and its release, by anybody: NULL
 * where there are as many sessions as there may be. */
struct progress *scoreboard_enter(struct scoreboard *);
void	scoreboard_leave(struct scoreboard *, struct progress *);

/* The place of a session of this worker, as scoreboard_session() counts: it is at *at - 1 then.
 * Async-signal-safe. */
int	scoreboard_place(const struct scoreboard *, const struct progress *);

/* A signal to the processes of this worker's sessions that are not the worker itself; to nobody where
 * this process has not joined.  Async-signal-safe. */
void	scoreboard_signal_children(int signal);

/* Where this worker's requests are counted. */
struct tally *scoreboard_my_tally(const struct scoreboard *);

/* This worker's own row. */
unsigned scoreboard_my_row(const struct scoreboard *);

/* Numbers the pool's sessions. */
uint64_t scoreboard_next_number(struct scoreboard *);

/* A process of one session has died of a signal; how many of them, and of workers, have died so far. */
void	scoreboard_lost(struct scoreboard *);
uint64_t scoreboard_losses(const struct scoreboard *);

/* How many sessions this worker has beyond its share of its generation's, at least 0. */
unsigned scoreboard_surplus(const struct scoreboard *);

#endif
