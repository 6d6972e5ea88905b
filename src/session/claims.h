/* claims - who is being answered at this moment, known to every process of the pool.
 * A request that comes twice because its answer was not quick enough must not become two sessions,
 * whichever workers meet it.  A claim ends by itself after a while, so that nobody has to tidy up
 * after a worker that died. */

#ifndef SESSION_CLAIMS_H
#define SESSION_CLAIMS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CLAIM_SECONDS	5	/* a claim's life, if nobody ends it */

struct claims;
typedef _Atomic uint64_t claim;

/* Shared with every process forked from here on.  NULL with errno. */
struct claims	*claims_open(void);

/* For a process that does not use them any more; *c becomes NULL. */
void		 claims_close(struct claims **c);

/* Claims what the bytes say.  NULL where somebody has, within the last CLAIM_SECONDS.  When there are
 * more claims than places, one is given that nobody else sees. */
claim		*claims_take(struct claims *, const void *, size_t len);

/* *c becomes NULL; NULL is nothing. */
void		 claims_drop(claim **c);

#endif
