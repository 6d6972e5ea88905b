/* opened - files that are asked for again and again, kept open between two requests.
 *
 * It answers only for what store_get() would have found: at each use every part of the path is
 * looked up anew, without following a link, and must be the same folder, and at the end the same
 * file in the same state.  So a change of any name or file, through coffer or behind its back, is
 * seen by the next request.  What is saved is the opening, not the looking.
 *
 * A path with a symbolic link, a file system of which it is not known that it tells all of a change,
 * a file that has just been changed and a large one are never kept.  Safe to call from any thread. */

#ifndef STORE_OPENED_H
#define STORE_OPENED_H

#include "store/store.h"

struct opened;

/* Holds at most `max` descriptors.  NULL with ENOMEM. */
struct opened	*opened_new(unsigned max);
void		 opened_free(struct opened **);

/* Whether the object was found; it is then as store_get() gives it. */
bool	opened_find(struct store *, const struct path *, struct object *);

/* An object that has just been opened, for the next time.  If it is kept, its descriptor is shared,
 * so nobody may depend on its position. */
void	opened_offer(struct store *, const struct path *, struct object *);

void	opened_release(struct kept *);			/* by object_close() */
void	opened_heard(struct opened *, uint64_t turn);	/* store_heard() */
void	opened_tidy(struct opened *);			/* store_tidy() */
void	opened_pause(struct opened *, bool pause);	/* store_pause() */

#endif
