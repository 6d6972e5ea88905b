/* upload_int - what an upload is, for the files that begin, fill and publish it. */

#ifndef STORE_UPLOAD_INT_H
#define STORE_UPLOAD_INT_H

#include "store/staged.h"
#include "store/store_int.h"
#include "store/upload.h"

#define STAGED_HASH	32		/* letters of the name that a resume looks for */

struct upload {
	struct store	*store;
	struct upload_want want;	/* user is NULL: see below */
	const char	*user;		/* behind path */
	int		 parent;	/* the folder that gets the file */
	struct staged	 staged;
	struct digest_state *state;	/* NULL: digest is the result already */
	struct digest	 digest;
	off_t		 offset;	/* bytes that are there */
	off_t		 unhashed;	/* bytes of them that the state has not seen */
	off_t		 started;	/* bytes whose write-back was begun */
	bool		 reserved;	/* blocks past offset are ours */
	uint64_t	 charged;	/* bytes that are counted for it */
	struct usage_owed *owed;	/* or NULL: what of that has not come yet */
	bool		 counted;	/* and one name */
	bool		 marked;	/* by staged_mark() */
	int		 fault;		/* errno of the first write that failed */
	bool		 spared;	/* whole and safe, but there was no room for its name */

	/* of a held one */
	unsigned	 place;		/* in the hold: the file system */
	size_t		 nth;		/* when it came */
	bool		 lent;		/* staged.folder is the place's */
	bool		 keeps;		/* counts as one whose descriptor stays open */
	bool		 named;		/* it has its final name, or what was staged is gone */

	size_t		 leaf;		/* where the name within parent begins in path */
	char		 path[];
};

static inline const char *
upload_leaf(const struct upload *up)
{
	return up->path + up->leaf;
}

/* Whether what stands under the name now lets the upload begin or be published. */
int	upload_check_target(struct upload *);

/* The name of its file that a resume looks for.  0, or -1. */
int	upload_resume_name(struct upload *, char name[STAGED_HASH + 1]);

/* Takes into the digest what it has not seen.  0, or -1. */
int	upload_hash(struct upload *);

/* Removes the staged file, or (if it stays) counts it as what it is. */
void	upload_unstage(struct upload *);
void	upload_leave_staged(struct upload *);

/* Verifies, and makes the staged file what it is to be under its name; not yet durable. */
int	upload_finish(struct upload *, struct object *done);

/* Renames the staged file, which is closed, under the conditions that were asked for.  What only lacks
 * room in the folder is `spared`: it may stay for a resume. */
int	upload_give_name(struct upload *);

/* hold.c: whether the folder of `path` is that of the upload before, and on the root's mount. */
bool	hold_knows(const struct hold *, const struct store *, const struct path *);
void	hold_learn(struct hold *, const struct store *, const struct path *);

/* hold.c: what comes with opening an upload that will be held. */
int	hold_expect(struct hold *, struct upload *);

/* So many bytes of it are there. */
void	upload_came(struct upload *, off_t offset);

/* Writes all at *at, which goes along.  0, or -1. */
int	upload_write_at(int fd, const char *, size_t len, off_t *at);

/* Closes and frees; a staged file (fd is not -1) that could be resumed stays if `keep`. */
void	upload_free(struct upload **, bool keep);

#endif
