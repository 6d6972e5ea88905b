/* blocks - the pump for protocols of datagrams: files as numbered blocks of one size, and back.
 * What stream and store are to transfer.h, packets and store are here. */

#ifndef SESSION_BLOCKS_H
#define SESSION_BLOCKS_H

#include <sys/uio.h>

#include <stdbool.h>
#include <stdint.h>

#include "io/wait.h"
#include "store/upload.h"

/* A file on its way out.  Blocks have numbers from 1; the last is the one that is not full.  What was
 * sent is not kept but read again where it is wanted again, so that a window costs no memory. */
struct source {
	const struct object *object;
	size_t		 blksize;
	char		*buffer;	/* MEM_BUFFER bytes */
	off_t		 at;		/* of the file: where the buffer begins */
	size_t		 len;		/* bytes in the buffer */
};

/* The object must live as long.  0, or -1 with ENOMEM. */
int	source_open(struct source *, const struct object *, size_t blksize);
void	source_close(struct source *);

/* The blocks from `first` on, at most n, as parts[i][1]; good until the next call.  How many, fewer
 * than n where the buffer or the file ends; *last becomes the number of the file's last
 * block if it is among them.  -1 with errno: EPROTO, the file has become shorter. */
int	source_blocks(struct source *, uint64_t first, struct iovec (*parts)[2], size_t n, uint64_t *last);

/* The bytes that are in memory from `from` on, at least one before the file's end. */
int	source_bytes(struct source *, off_t from, const char **bytes, size_t *len);

/* A file on its way in: gathered, and written while more comes. */
struct sink {
	struct upload	*upload;
	char		*buffer;	/* MEM_BUFFER bytes, NULL until needed */
	char		*writing;	/* the same, while it is written */
	size_t		 len;		/* bytes in buffer */
	size_t		 writing_len;
	struct wait_job	 job;
	int		 fault;		/* errno of the first failure */
};

/* Bytes in their order.  0, or -1 with errno of the upload. */
int	sink_add(struct sink *, const char *, size_t len);

/* Writes what is left; the upload can be published then. */
int	sink_end(struct sink *);

/* Waits for what is under way, and lets go of the memory; the upload is the caller's. */
void	sink_close(struct sink *);

#endif
