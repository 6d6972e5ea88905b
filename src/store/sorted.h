/* sorted - entries of a listing that are wanted in order, and only the first of them. */

#ifndef STORE_SORTED_H
#define STORE_SORTED_H

#include "store/listing.h"

struct sorted;

/* At most `limit` entries are kept, 0: all.  NULL with ENOMEM. */
struct sorted	*sorted_new(enum listing_sort, uint64_t limit);

/* Whether an entry of that name may still be among the first; to be asked before the
 * costlier questions. */
bool	sorted_wants(const struct sorted *, const char *name);

/* Takes a copy.  0, or -1 with ENOMEM. */
int	sorted_add(struct sorted *, const struct listing_entry *);

/* Sorts, at the end; how many there are. */
size_t	sorted_end(struct sorted *);
const struct listing_entry *sorted_get(const struct sorted *, size_t);

/* NULL is nothing. */
void	sorted_free(struct sorted **);

#endif
