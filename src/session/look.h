/* look - a listing of what a session's user may see: across shares, and without what is not his. */

#ifndef SESSION_LOOK_H
#define SESSION_LOOK_H

#include "session/reach.h"
#include "store/listing.h"

struct look;

/* As listing_open(), of what NEED_LIST has reached by that path, both of which must live as long.
 * *look belongs to the listing. */
int	look_open(const struct session *, const struct path *, const struct reach *, struct listing_opts *,
	    struct listing **, struct look **look);

/* Both become NULL; NULL is nothing. */
void	look_close(struct listing **, struct look **);

#endif
