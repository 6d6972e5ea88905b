/* quarantine - which requests workers have died of, and which are refused for it.
 * In shared memory: whoever buries a process writes, every request is compared.  A request is a
 * protocol, a verb and a path; from one peer it is refused after QUARANTINE_DEATHS deaths, from
 * all peers once it has killed from QUARANTINE_PEERS of them.  What happened longer than
 * an hour ago is forgotten. */

#ifndef SERVER_QUARANTINE_H
#define SERVER_QUARANTINE_H

#include <stdbool.h>
#include <stdint.h>

#include "session/progress.h"

#define QUARANTINE_DEATHS	3
#define QUARANTINE_PEERS	3

struct quarantine;

/* Shared with every process forked from here on.  NULL with errno. */
struct quarantine *quarantine_open(void);

/* How long a request is refused, from its last death on; 0: nothing is. */
void	quarantine_for(struct quarantine *, int64_t ms);

/* A process has died of the request in this copy of a slot; one that was torn is nobody's request, and
 * does not count.  Logs when that makes it one that is refused. */
void	quarantine_death(struct quarantine *, const struct progress *);

/* For how many milliseconds more the request in this slot is refused, or 0; costs nothing while none is. */
int64_t	quarantine_refuses(struct quarantine *, const struct progress *);

/* What is known, one after the other: begin with *at 0, until false. */
struct quarantine_entry {
	struct progress	 request;	/* protocol, peer, verb and path of it */
	bool		 all_peers;	/* the peer is but the last of them */
	unsigned	 deaths;
	int64_t		 last;		/* clock_ms() of the last of these */
	int64_t		 until;		/* refused until then (clock_ms()); 0: not yet */
};
bool	quarantine_each(struct quarantine *, unsigned *at, struct quarantine_entry *);

/* Forgets what is known of a path ("/plans/roof.pdf" as it is, or as status shows it), or all with NULL.
 * How many entries there were. */
unsigned quarantine_forgive(struct quarantine *, const char *path);

#endif
