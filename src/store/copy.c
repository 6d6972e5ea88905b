/* copy - a file copied within the tree by the kernel, staged and published like any other. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/upload_int.h"

#define COPY_STEP	(64 * 1024 * 1024)	/* bytes in one call */

/* What copy_file_range(2) cannot do, for whatever reason it has. */
static int
copy_by_hand(int from, struct upload *up, off_t at, off_t end)
{
	char *buffer;
	size_t n;
	int error;

	if ((buffer = mem_take()) == NULL)
		return -1;
	while (at < end) {
		n = end - at < MEM_BUFFER ? (size_t)(end - at) : MEM_BUFFER;
		if (file_read(from, buffer, n, at) == -1) {
			if (errno == EPROTO)
				errno = EBUSY;	/* shorter than it was: somebody is at it */
			break;
		}
		if (upload_write_at(up->staged.fd, buffer, n, &at) == -1)
			break;
		upload_came(up, at);
	}
	error = errno;
	mem_give(buffer);
	errno = error;
	return at == end ? 0 : -1;
}

static bool
is_lasting(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EIO || error == EFBIG;
}

static int
copy_bytes(int from, struct upload *up, off_t size)
{
	off_t in = 0, out = 0;
	ssize_t n;

	while (in < size) {
		n = copy_file_range(from, &in, up->staged.fd, &out,
		    size - in < COPY_STEP ? (size_t)(size - in) : COPY_STEP, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && is_lasting(errno))
			return -1;
		if (n <= 0)
			return copy_by_hand(from, up, in, size);
		upload_came(up, in);
	}
	return 0;
}

/* The kept digest goes along if the source was not touched meanwhile; else what arrived
 * is hashed. */
static int
take_digest(struct upload *up, const struct object *source)
{
	struct object now;
	struct stat st;

	if (source->known && fstat(source->fd, &st) == 0 && object_from_stat(&now, &st) == 0 &&
	    object_unchanged(source, &now)) {
		digest_drop(&up->state);
		up->digest = source->digest;
		return 0;
	}
	return digest_file(up->state, up->staged.fd, 0, up->offset);
}

int
store_copy(struct store *source_store, const struct path *from, struct store *s, const struct path *to,
    bool only_new, struct object *done)
{
	/* No user has a slash in his name: a copy is never taken for somebody's upload. */
	struct upload_want want = { .user = "/copy", .has_mode = true };
	struct upload *up = NULL;
	struct object source;
	int ret = -1, error;

	if (!s->opts.writable)
		return fail_with(EROFS);
	if (store_get(source_store, from, &source) == -1)
		return -1;
	want.size = source.size;
	want.mode = source.mode & 0777 & ~s->umask;
	want.condition = only_new ? UPLOAD_IF_NEW : UPLOAD_ANY;
	if (upload_open(s, to, &want, &up) == -1)
		goto out;
	if (copy_bytes(source.fd, up, source.size) == -1)
		goto out;
	if (take_digest(up, &source) == 0)
		ret = upload_publish(&up, done);
out:
	error = errno;
	upload_abandon(&up, false);
	object_close(&source);
	errno = error;
	return ret;
}
