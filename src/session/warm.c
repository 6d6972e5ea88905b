/* warm - bytes of files, without holding up other sessions where they are not in memory.
 * Most file systems tell whether they would have to wait for a disk (RWF_NOWAIT).  Of the others, those
 * in memory never have to. */

#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "base/file.h"
#include "base/fs.h"
#include "io/wait.h"
#include "session/warm.h"

#define STEP		(64 * 1024)	/* one byte in so many is asked for */
#define SHORT_MAX	(128 * 1024)	/* bytes that the kernel reads ahead, and forgets, together */
#define SILENT_MAX	16		/* file systems that are remembered */

enum kind { TELLS, SILENT, MEMORY };

/* What has been seen not to tell: devices, each with its kind in the lowest bit; 0 is nothing.  One for
 * which there is no room is asked again each time. */
static _Atomic uint64_t silent[SILENT_MAX];

struct piece {
	int	 fd;
	off_t	 at;
	size_t	 len;
	char	*buffer;
};

static enum kind
kind_of(dev_t device)
{
	uint64_t seen;

	for (size_t i = 0; i < SILENT_MAX; i++) {
		if ((seen = atomic_load_explicit(&silent[i], memory_order_relaxed)) == 0)
			break;
		if (seen >> 1 == device)
			return (seen & 1) != 0 ? MEMORY : SILENT;
	}
	return TELLS;
}

static bool
in_memory(int fd)
{
	const enum fs_kind kind = fs_kind(fd);

	return kind == FS_TMPFS || kind == FS_RAMFS;
}

static void
remember(const struct object *object)
{
	const uint64_t seen = (uint64_t)object->device << 1 | in_memory(object->fd);
	uint64_t there;

	for (size_t i = 0; i < SILENT_MAX; i++) {
		there = 0;
		if (atomic_compare_exchange_strong(&silent[i], &there, seen) || there == seen)
			break;
	}
}

static int
read_piece(void *arg)
{
	struct piece *p = arg;

	return file_read(p->fd, p->buffer, p->len, p->at);
}

/* Short as it is, it is worth no other thread where nothing can be known: opening it was no less slow. */
int
warm_read(const struct object *object, off_t from, char *buffer, size_t len)
{
	struct piece p = { .fd = object->fd, .at = from, .len = len, .buffer = buffer };
	struct iovec iov = { .iov_base = buffer, .iov_len = len };
	ssize_t n;

	if (len == 0)
		return 0;
	if (kind_of(object->device) == TELLS) {
		n = preadv2(object->fd, &iov, 1, from, RWF_NOWAIT);
		if (n == (ssize_t)len)
			return 0;
		if (n != -1 || errno != EOPNOTSUPP)
			return wait_call(read_piece, &p);
		remember(object);
	}
	return read_piece(&p);
}

/* Asks for all of the piece, then waits for some of it. */
static int
warm_piece(void *arg)
{
	struct piece *p = arg;
	size_t at;
	char byte;

	(void)posix_fadvise(p->fd, p->at, (off_t)p->len, POSIX_FADV_WILLNEED);
	for (at = 0; at < p->len; at += STEP)
		if (pread(p->fd, &byte, 1, p->at + (off_t)at) < 1)
			break;	/* the one who sends will see why */
	return 0;
}

static bool
is_away(const struct object *object, off_t at)
{
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };

	if (preadv2(object->fd, &iov, 1, at, RWF_NOWAIT) != -1)
		return false;
	if (errno == EAGAIN)
		return true;
	if (errno == EOPNOTSUPP)
		remember(object);
	return false;
}

/* What is kept open has been read a moment ago: if it is short, it is in memory wholly or not at all. */
static bool
is_cold(const struct object *object, off_t from, size_t len)
{
	const bool whole = object->kept != NULL && len <= SHORT_MAX;

	switch (kind_of(object->device)) {
	case MEMORY:
		return false;
	case SILENT:
		return len > SHORT_MAX;
	default:
		return is_away(object, from + (off_t)len - 1) || (!whole && is_away(object, from));
	}
}

void
warm_up(const struct object *object, off_t from, size_t len)
{
	struct piece p = { .fd = object->fd, .at = from, .len = len };

	if (is_cold(object, from, len))
		(void)wait_call(warm_piece, &p);
}
