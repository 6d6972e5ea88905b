/* hold - uploads of one session that wait, whole and verified, to be published together.
 * That way a thousand small files cost two syncs, not two thousand.  What is held keeps the
 * name that it has in staging, a few hundred bytes of memory, and mostly no descriptor. */

#ifndef STORE_HOLD_H
#define STORE_HOLD_H

#include "store/upload.h"

struct hold;

/* Room for `max` uploads, into this store and others that are as durable.  NULL with ENOMEM. */
struct hold *hold_open(struct store *, size_t max);

/* Gives up all that was not published.  If `keep` it stays for a resume, else is removed.  *h
 * becomes NULL; NULL is nothing. */
void	hold_close(struct hold **h, bool keep);

size_t	hold_count(const struct hold *);

/* Whoever may have removed or exchanged a folder since: the next upload looks for its own anew,
 * for which the last one's is taken else. */
void	hold_look_again(struct hold *);

/* An upload that was opened with want.hold: as upload_publish(), but it is neither durable
 * nor has its name yet.  Conditions are asked, and will be asked again.  EUSERS: full. */
int	upload_hold(struct upload **up, struct object *done);

/* One of those that wait, in the order in which they came; and its refusal: it will not be published,
 * and hold_result() gives that errno. */
struct hold_entry {
	struct store	*store;
	const char	*path, *user;	/* no leading slash; "" for nobody */
	bool		 imposed;	/* as in upload_want */
};
void	hold_look(const struct hold *, size_t which, struct hold_entry *);
void	hold_refuse(struct hold *, size_t which, int error);

/* A commit has three steps.  First: how many calls of hold_sync() may run at once, from 1 to
 * `most`; all must have ended before hold_publish(). */
unsigned hold_syncs(struct hold *, unsigned most);
int	hold_sync(struct hold *, unsigned which);

/* Gives the names, and makes them durable.  What a sync could not promise is not published,
 * and nothing is tried a second time. */
void	hold_publish(struct hold *);

/* Then: how each went, in the order in which they came: 0, or the errno.  *path has no leading
 * slash.  *conditional: it had an if=. */
int	hold_result(const struct hold *, size_t which, const char **path, bool *conditional);

/* Forgets them: the next uploads may be held. */
void	hold_clear(struct hold *);

#endif
