/* upload - a file on its way in, from the first look at its name to its last byte.
 * How it gets its name is in publish.c. */

#include "store/upload.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/upload_int.h"
#include "store/usage.h"

#define STARTED_EACH	(8 * 1024 * 1024)	/* bytes after which write-back is begun */
/* The page cache makes its folios as large as the writes are, and large ones are of memory
 * that nobody has touched for long: 1 MiB at a time took twice the time of this. */
#define WRITE_MAX	((size_t)128 * 1024)

/* Opens the folder of the target.  That it is on the root's mount, as nearly always, is
 * learnt by the same call.  One that will be held needs it when it gets its name. */
static int
open_parent(struct upload *up, const struct path *path, bool *is_root)
{
	const struct upload_want *want = &up->want;
	bool later = want->hold != NULL && want->in_flight && want->condition == UPLOAD_ANY;

	*is_root = true;
	if (later && hold_knows(want->hold, up->store, path))
		return 0;
	up->parent = store_parent(up->store, path, RESOLVE_NO_XDEV);
	if (up->parent != -1 && later)
		hold_learn(want->hold, up->store, path);
	if (up->parent == -1 && errno == EXDEV) {
		*is_root = false;
		up->parent = store_parent(up->store, path, 0);
	}
	return up->parent == -1 ? -1 : 0;
}

/* Each of the four parts ends where it says that it does, so that no two uploads
 * have one text.  Without a digest, by which the whole will be proved, nobody could tell bytes that a
 * crash of the machine has taken back: it must not have been down since. */
int
upload_resume_name(struct upload *up, char name[STAGED_HASH + 1])
{
	struct digest_state *state;
	struct digest digest;
	char text[2 + DIGEST_HEX + STORE_BOOT + 24], hex[DIGEST_HEX];
	int len;

	if ((state = digest_begin()) == NULL)
		return -1;
	digest_update(state, up->user, strlen(up->user) + 1);
	digest_update(state, up->path, strlen(up->path) + 1);
	len = snprintf(text, sizeof(text), "%jd %s", (intmax_t)up->want.size,
	    up->want.has_digest ? digest_hex(&up->want.digest, hex) : up->store->boot);
	digest_update(state, text, (size_t)len);
	digest_end(&state, &digest);
	digest_hex(&digest, hex);
	memcpy(name, hex, STAGED_HASH);
	name[STAGED_HASH] = '\0';
	return 0;
}

/* What is held is closed until its COMMIT, and what shall be durable is known to be so by its name. */
static int
stage_brief(struct upload *up, mode_t mode)
{
	if (up->want.hold == NULL && !up->store->opts.durable &&
	    nameless_take(up->store, &up->staged, mode) == 0)
		return 0;
	return staging_take_brief(up->store, &up->staged, mode);
}

static int
stage(struct upload *up)
{
	mode_t mode = up->want.has_mode ? up->want.mode : 0666;
	off_t max = up->want.resume && up->want.size > 0 ? up->want.size : 0;

	/* What we must be able to open again for a resume is ours to read and write until it
	 * is published. */
	if (up->want.in_flight)
		return stage_brief(up, mode | 0600);
	up->staged.patient = up->want.resume && up->want.patient;
	if (upload_resume_name(up, up->staged.name) == -1 ||
	    staging_take(up->store, &up->staged, mode | 0600, max) == -1)
		return -1;
	if (up->want.size == UPLOAD_SIZE_UNKNOWN)
		up->staged.resumable = false;
	up->offset = up->started = up->unhashed = up->staged.size;
	return 0;
}

/* A file system without blocks is one that does not count: an unlimited tmpfs, some FUSE. */
static int
room_for(struct upload *up, uint64_t bytes, bool exactly)
{
	struct statvfs v;

	if (fstatvfs(up->staged.fd, &v) == -1)
		return -1;
	/* Who may use the reserve of the file system is for fallocate(2) to know. */
	if (v.f_blocks > 0 && (exactly ? v.f_bavail : v.f_bfree) < bytes / v.f_frsize)
		return fail_with(ENOSPC);
	return 0;
}

/* Counts what will be there, before it is.  What was found is counted already. */
static int
charge(struct upload *up)
{
	uint64_t found = up->staged.found > 0 ? (uint64_t)up->staged.found : 0;
	uint64_t size = up->want.size > 0 ? (uint64_t)up->want.size : 0;
	bool nameless = *up->staged.name == '\0';

	up->charged = found;
	up->counted = up->staged.found >= 0;
	if (up->staged.size == 0 && found > 0) {	/* it was emptied */
		usage_give_back(up->store, found, 0);
		up->charged = found = 0;
	}
	if (usage_charge(up->store, size > found ? size - found : 0, up->counted ? 0 : 1) == -1)
		return -1;
	up->charged = size > found ? size : found;
	up->counted = true;
	if (nameless || size > (uint64_t)up->offset)
		up->owed = usage_owe(up->store, size - (uint64_t)up->offset, nameless);
	return 0;
}

static int
reserve(struct upload *up)
{
	off_t more = up->want.size - up->offset;
	int ret;

	if (up->want.size < UPLOAD_RESERVE_MIN || more <= 0)
		return 0;
	/* Before anything is taken from others who write at this moment. */
	if (room_for(up, (uint64_t)more, false) == -1)
		return -1;
	up->reserved = true;
	do
		ret = fallocate(up->staged.fd, FALLOC_FL_KEEP_SIZE, up->offset, more);
	while (ret == -1 && errno == EINTR);
	if (ret == -1 && (errno == EOPNOTSUPP || errno == ENOSYS)) {
		up->reserved = false;
		ret = room_for(up, (uint64_t)more, true);
	}
	return ret;
}

void
upload_came(struct upload *up, off_t offset)
{
	up->offset = offset;
	/* What has no name goes with its process. */
	if (up->owed != NULL && *up->staged.name != '\0')
		atomic_store_explicit(&up->owed->bytes, (uint64_t)(up->want.size - offset), memory_order_relaxed);
}

/* A large one says now whose it is: its worker may die. */
static void
mark(struct upload *up)
{
	if (up->want.size < UPLOAD_RESERVE_MIN || !up->staged.resumable)
		return;
	staged_mark(up->staged.fd, up->user, up->path, up->want.size);
	up->marked = true;
}

static int
check_want(const struct upload_want *want)
{
	if (want->size < 0 && want->size != UPLOAD_SIZE_UNKNOWN)
		return fail_with(EINVAL);
	if (want->has_mtime && (want->mtime.tv_nsec < 0 || want->mtime.tv_nsec > 999999999))
		return fail_with(EINVAL);
	return 0;
}

static struct upload *
upload_new(struct store *s, const struct path *path, const struct upload_want *want)
{
	const char *user = want->user != NULL ? want->user : "";
	size_t len = strlen(user) + 1;
	struct upload *up;

	if ((up = malloc(sizeof(*up) + path->len + 1 + len)) == NULL)
		return NULL;
	memset(up, 0, sizeof(*up));
	up->store = s;
	up->want = *want;
	up->want.user = NULL;
	up->want.mode &= 0777 & ~(want->masked ? s->umask : 0);
	up->parent = up->staged.folder = up->staged.fd = -1;
	up->leaf = path->leaf;
	memcpy(up->path, path->name, path->len + 1);
	up->user = memcpy(up->path + path->len + 1, user, len);
	return up;
}

int
upload_open(struct store *s, const struct path *path, const struct upload_want *want,
    struct upload **result)
{
	struct upload *up;
	bool is_root;

	*result = NULL;
	if (!s->opts.writable)
		return fail_with(EROFS);
	if (path_is_root(path))
		return fail_with(EISDIR);
	if (check_want(want) == -1 || (up = upload_new(s, path, want)) == NULL)
		return -1;
	if (open_parent(up, path, &is_root) == -1)
		goto fail;
	if ((!want->in_flight || want->condition == UPLOAD_IF_DIGEST) && upload_check_target(up) == -1)
		goto fail;
	if ((up->staged.folder = staging_enter(s, path, up->parent, is_root, true)) == -1) {
		if (errno == ENOTDIR || errno == ELOOP)
			errno = EBADFD;		/* that is not about the client's name */
		goto fail;
	}
	if ((up->state = digest_begin()) == NULL)
		goto fail;
	if ((want->hold != NULL && hold_expect(want->hold, up) == -1) || stage(up) == -1) {
		if (errno == EACCES || errno == EPERM)
			errno = EBADFD;
		goto fail;
	}
	if (charge(up) == -1 || reserve(up) == -1)
		goto fail;
	mark(up);
	*result = up;
	return 0;
fail:
	upload_free(&up, up->staged.size > 0);	/* what an earlier one left is left again */
	return -1;
}

int64_t
upload_unhashed(struct upload *up, int *fd, struct digest_state **state)
{
	*fd = up->staged.fd;
	*state = up->state;
	return up->unhashed;
}

void
upload_hashed(struct upload *up)
{
	up->unhashed = 0;
}

/* What cannot be read is not to be found again: a fault has it removed. */
int
upload_hash(struct upload *up)
{
	off_t len = up->unhashed;

	up->unhashed = 0;
	return len == 0 ? 0 : digest_file(up->state, up->staged.fd, 0, len);
}

int64_t
upload_offset(const struct upload *up)
{
	return up->offset;
}

/* So that the fsync at the end finds little left to do.  A failed write-back that
 * shows here may not show again there. */
static int
start_writeback(struct upload *up)
{
	if (!up->store->opts.durable || up->offset - up->started < STARTED_EACH)
		return 0;
	if (sync_file_range(up->staged.fd, up->started, up->offset - up->started,
	    SYNC_FILE_RANGE_WRITE) == -1 && errno != ESPIPE && errno != EINVAL && errno != ENOSYS)
		return -1;
	up->started = up->offset;
	return 0;
}

int
upload_write_at(int fd, const char *data, size_t len, off_t *at)
{
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, data, len < WRITE_MAX ? len : WRITE_MAX, *at);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return -1;
		data += n;
		len -= (size_t)n;
		*at += n;
	}
	return 0;
}

/* By way of our memory, where the file system takes nothing from a pipe. */
static int
copy_from_pipe(int fd, int pipe, size_t len, off_t *at)
{
	char *buffer;
	ssize_t n = -1;
	int error;

	if ((buffer = mem_take()) == NULL)
		return -1;
	for (; len > 0; len -= (size_t)n) {
		n = read(pipe, buffer, len < MEM_BUFFER ? len : MEM_BUFFER);
		if (n == -1 && errno == EINTR) {
			n = 0;
			continue;
		}
		if (n == 0)
			errno = EIO;
		if (n <= 0 || upload_write_at(fd, buffer, (size_t)n, at) == -1)
			break;
	}
	error = errno;
	mem_give(buffer);
	errno = error;
	return len == 0 ? 0 : -1;
}

static int
splice_at(int fd, int pipe, size_t len, off_t *at)
{
	size_t most;
	ssize_t n;

	while (len > 0) {
		most = WRITE_MAX - (size_t)*at % WRITE_MAX;
		n = splice(pipe, NULL, fd, at, len < most ? len : most, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EINVAL)
			return copy_from_pipe(fd, pipe, len, at);
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return -1;
		len -= (size_t)n;
	}
	return 0;
}

/* `len` bytes of `data`, or of the pipe. */
static int
append(struct upload *up, const char *data, int pipe, size_t len)
{
	int64_t size = up->want.size;
	off_t offset = up->offset;
	int ret;

	if (size != UPLOAD_SIZE_UNKNOWN && (uint64_t)len > (uint64_t)(size - up->offset))
		return fail_with(EFBIG);
	if (size == UPLOAD_SIZE_UNKNOWN && usage_charge(up->store, len, 0) == -1)
		return -1;
	if (size == UPLOAD_SIZE_UNKNOWN)
		up->charged += len;
	ret = data != NULL ? upload_write_at(up->staged.fd, data, len, &offset) :
	    splice_at(up->staged.fd, pipe, len, &offset);
	upload_came(up, offset);
	return ret == -1 ? -1 : start_writeback(up);
}

static int
put(struct upload *up, const char *data, int pipe, size_t len)
{
	if (up->fault == 0 && append(up, data, pipe, len) == -1)
		up->fault = errno;
	return up->fault == 0 ? 0 : fail_with(up->fault);
}

int
upload_put(struct upload *up, const void *data, size_t len)
{
	return put(up, data, -1, len);
}

/* Where the page cache is ours alone: what was written is there, and costs no way over a network. */
bool
upload_splices(const struct upload *up)
{
	return store_is_local(up->staged.fd);
}

int
upload_splice(struct upload *up, int pipe, size_t len)
{
	return put(up, NULL, pipe, len);
}

void
upload_digest(struct upload *up, const void *data, size_t len)
{
	assert(up->unhashed == 0);
	digest_update(up->state, data, len);
}

int
upload_digest_kept(struct upload *up, int64_t from, size_t len)
{
	assert(up->unhashed == 0);
	return digest_file(up->state, up->staged.fd, from, (off_t)len);
}

int
upload_write(struct upload *up, const void *data, size_t len)
{
	if (up->fault == 0 && upload_hash(up) == -1)
		up->fault = errno;
	if (upload_put(up, data, len) == -1)
		return -1;
	upload_digest(up, data, len);
	return 0;
}

void
upload_unstage(struct upload *up)
{
	if (*up->staged.name != '\0')
		(void)unlinkat(up->staged.folder, up->staged.name, 0);
	usage_settle(&up->owed);
	usage_give_back(up->store, up->charged, up->counted);
}

void
upload_leave_staged(struct upload *up)
{
	usage_settle(&up->owed);
	if (up->charged > (uint64_t)up->offset)
		usage_give_back(up->store, up->charged - (uint64_t)up->offset, 0);
}

/* Blocks past the end were ours for as long as bytes were to come. */
static void
leave(struct upload *up)
{
	if (up->reserved && ftruncate(up->staged.fd, up->offset) == -1)
		upload_unstage(up);
	else
		upload_leave_staged(up);
	staged_mark(up->staged.fd, up->user, up->path, up->want.size);
}

void
upload_free(struct upload **upp, bool keep)
{
	struct upload *up = *upp;
	int error = errno;

	if (up->staged.fd != -1) {
		if (keep && up->staged.resumable && up->offset > 0)
			leave(up);
		else
			upload_unstage(up);
		close(up->staged.fd);
	}
	if (!up->lent)
		staging_leave(up->store, up->staged.folder);
	if (up->parent != -1)
		close(up->parent);
	usage_settle(&up->owed);
	digest_drop(&up->state);
	free(up);
	*upp = NULL;
	errno = error;
}

void
upload_abandon(struct upload **up, bool keep)
{
	if (*up != NULL)
		upload_free(up, keep && (*up)->fault == 0);
}
