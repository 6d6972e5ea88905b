/* faults - what a test, the layer beneath a server (layer.c) and the checker share: a file
 * mapped by all of them, with the orders for the layer and the log of what it saw.
 * No descriptor is needed after the mapping, so that a server may close what it does not
 * know, and shut itself in. */

#ifndef FAULTS_FAULTS_H
#define FAULTS_FAULTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULTS_ENV	"COFFER_FAULTS"		/* the name of the file */
#define FAULTS_MAGIC	0x636f66666572f001
#define FAULTS_CALLS	512			/* calls that are counted by name */
#define FAULTS_NAME	24

/* What happens at the chosen call: an errno, or one of these. */
#define FAULTS_SHORT	10000			/* half of the bytes are moved */
#define FAULTS_KILL	10001			/* the process is killed before it */

/* Ways of lying to the server, for showing that the checker sees a server that forgets.
 * The server cannot tell; the log can. */
enum faults_lie {
	LIE_NONE,
	LIE_FILE,	/* fsync of a file does nothing */
	LIE_FOLDER,	/* fsync of a folder does nothing */
	LIE_LATE,	/* an fsync returns before it has done anything */
	LIE_REORDER,	/* a file is fsynced after the rename that follows */
};

/* Log of what is done to the tree.  Folders and files are told by their inode. */
enum faults_kind {
	LOG_NOTE = 1,	/* text: what a client has begun, or what was acknowledged to it */
	LOG_CREATE,	/* dir, text: name, ino */
	LOG_MKDIR,	/* dir, text: name, ino */
	LOG_WRITE,	/* ino, at, bytes; mtime afterwards */
	LOG_SIZE,	/* ino, at: new size; mtime afterwards */
	LOG_MTIME,	/* ino, mtime */
	LOG_ATTR,	/* ino, text: the kept digest */
	LOG_RENAME,	/* dir, todir, text: name NUL name, ino */
	LOG_LINK,	/* the same */
	LOG_UNLINK,	/* dir, text: name */
	LOG_BEGIN,	/* ino: fsync begins; what was logged before is covered by it */
	LOG_SYNC,	/* ino, at: the number of the record of its begin */
};

struct faults_record {
	uint32_t	size;		/* bytes of it all; a multiple of 8 */
	uint32_t	kind;
	uint64_t	number;		/* of the record, from 0 */
	uint64_t	ino, dir, todir, at;
	int64_t		mtime_sec;
	uint32_t	mtime_nsec;
	uint32_t	len;		/* of the data, which stands behind */
};

static inline const char *
faults_data(const struct faults_record *r)
{
	return (const char *)(r + 1);
}

struct faults {
	uint64_t	magic;
	/* Failing: while armed, each call is counted, and the nth one fails. */
	atomic_bool	armed;
	unsigned	nth;		/* 0: none, only count */
	int		what;
	atomic_uint	count;
	atomic_bool	hit;		/* the nth call came, and the fault applied to it */
	char		calls[FAULTS_CALLS + 1][FAULTS_NAME];	/* the last is "" */
	_Atomic int64_t	jump;		/* seconds by which the server's clock is ahead of the kernel's */
	bool		no_noreplace;	/* RENAME_NOREPLACE is EINVAL, as on GlusterFS */
	/* Logging. */
	bool		record;
	enum faults_lie	lie;
	unsigned	sync_us;	/* an fsync takes up to that long */
	pthread_mutex_t	lock;		/* held while a name is changed and logged */
	uint64_t	numbers;	/* under lock */
	size_t		used, room;	/* bytes of log; under lock */
	_Alignas(8) char log[];
};

/* Makes the file, with so many bytes for the log.  It exits on failure: for tests. */
struct faults	*faults_create(const char *name, size_t room);
/* Maps one that is there; NULL with errno. */
struct faults	*faults_map(const char *name);

void	faults_lock(struct faults *);
void	faults_unlock(struct faults *);
/* Appends a copy of the record with `len` bytes from `data`; the lock is held.  Its number. */
uint64_t faults_append(struct faults *, const struct faults_record *, const void *data, size_t len);
void	faults_note(struct faults *, const char *text);

/* The record after r, or the first for NULL; NULL at the end. */
const struct faults_record *faults_next(const struct faults *, const struct faults_record *r);

#endif
