/* reach - from a name in the tree to the store that holds it, for whoever asks.
 * The one way to a store: what this session's user may not do there does not get one. */

#ifndef SESSION_REACH_H
#define SESSION_REACH_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/needs.h"
#include "auth/rights.h"
#include "store/path.h"
#include "store/store.h"
#include "store/upload.h"

struct session;

/* A part of the tree with a store of its own. */
struct share {
	const char	*name;		/* where it is, without the first slash: "" for all */
	size_t		 len;
	struct store	*store;
};

struct shares {
	const struct rights *rights;
	struct share	*at;		/* the longest names first */
	size_t		 count;
};

struct reach {
	struct store	*store;		/* NULL: there is nothing but the way to shares beneath */
	const struct path *path;	/* within the store */
	unsigned	 allowed;	/* RIGHT_*; enough for what was asked */
	unsigned	 logged_in;	/* what others may, who log in */
};

/* The store, if the session's user has the rights.  `rest` is room for the path within it, which is
 * made there unless it is the same one.  0, or -1: EACCES; ENOKEY where logging in may help; EROFS
 * where nobody may write; ENOENT where there is no share.  A folder without a store is reached by
 * NEED_LIST and NEED_STAT only, and is EISDIR for all else. */
int	reach(const struct session *, const struct path *, enum need, struct path *rest, struct reach *);

/* What becomes of an errno of the store: who may neither list nor read is not told what there is. */
int	reach_errno(const struct reach *, int error);

/* EACCES or ENOKEY, for want of a right that is found to be needed later. */
int	reach_refusal(const struct session *, const struct reach *, unsigned right);

/* An upload to there, which need NEED_PUT has reached: imposes a condition where the user may create but
 * not replace, or the other way round, and takes a resume away that could be another's upload.  0, or -1
 * with EACCES or ENOKEY. */
int	reach_upload(const struct session *, const struct reach *, struct upload_want *);

/* What becomes of an errno of that upload.  A condition that was not asked for is want of a right. */
int	reach_upload_errno(const struct session *, const struct reach *, bool asked, int error);

/* Whether a share or a folder with rights of its own lies beneath. */
bool	reach_divided(const struct session *, const char *path, size_t len);

/* The name in the tree of what is at `name` in a store: at dst, of PATH_MAX bytes.  Its length. */
size_t	reach_name(const struct session *, const struct store *, const char *name, char *dst);

/* store_heard() of each. */
void	shares_heard(const struct shares *, uint64_t turn);

/* Whether what is written to these shares is on disk before it is acknowledged. */
bool	shares_durable(const struct shares *);

/* What the user may do at a path; and the same for a listing, in which a folder that leads to what he
 * may see can be seen itself. */
unsigned reach_rights(const struct session *, const char *path, size_t len);
unsigned reach_sight(const struct session *, const char *path, size_t len);

/* Whether a path is in no share. */
bool	reach_is_way(const struct session *, const char *path, size_t len);

#endif
