/* upload_int - what an upload is, for the files that begin, fill and publish it. */

#ifndef STORE_UPLOAD_INT_H
#define STORE_UPLOAD_INT_H

#include "store/store_int.h"
#include "store/upload.h"

struct upload {
	struct store	*store;
	struct upload_want want;	/* user is NULL: it was needed for the name only */
	int		 parent;	/* the folder that gets the file */
	struct staged	 staged;
	struct digest_state *state;	/* NULL: digest is the result already */
	struct digest	 digest;
	off_t		 offset;	/* bytes that are there */
	off_t		 started;	/* bytes whose write-back was begun */
	bool		 reserved;	/* blocks past offset are ours */
	int		 fault;		/* errno of the first write that failed */
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

/* Writes all at *at, which goes along.  0, or -1. */
int	upload_write_at(int fd, const char *, size_t len, off_t *at);

/* Closes and frees; a staged file (fd is not -1) that could be resumed stays if `keep`. */
void	upload_free(struct upload **, bool keep);

#endif
