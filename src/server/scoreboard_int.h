/* scoreboard_int - what the files of scoreboard share; nobody else includes it.
 * scoreboard.c is what the master writes, scoreboard_worker.c what a worker does, scoreboard_look.c what
 * both see. */

#ifndef SERVER_SCOREBOARD_INT_H
#define SERVER_SCOREBOARD_INT_H

#include "server/scoreboard.h"

#define NOBODY	UINT32_MAX	/* the end of a list of slots */

/* What everybody may write. */
struct shared {
	_Alignas(64) _Atomic uint64_t numbers;	/* of sessions */
	_Alignas(64) _Atomic uint64_t deaths;
	_Atomic uint64_t lost;		/* sessions' processes that died */
	_Atomic uint64_t accepted, requests, received, sent;	/* of rows that were given back */
	struct tally	 tally;			/* likewise */
	struct scoreboard_row row[];
};
#define SHARED_SIZE(rows)	(sizeof(struct shared) + (rows) * sizeof(struct scoreboard_row))

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
#define NOTICES_SIZE(rows)	(sizeof(struct notices) + (rows) * sizeof(struct told))

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

/* How many of a row's slots were ever used: these can be looked at. */
unsigned scoreboard_used(const struct scoreboard *, unsigned row);

/* Adds what a session has moved to what its row has. */
void	scoreboard_settle(struct scoreboard_row *, const struct progress *);

#endif
