/* publish - the end of an upload: verified, made durable, named, all or nothing.
 * Order matters here: the attribute needs the final mtime, and must be written while the
 * mode still lets us; the bytes are on disk before the name is; the name before the answer. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/upload_int.h"

#define REPLACE_TRIES	100	/* times that a name may come and go under our hands */

static int
hash_object(struct store *s, struct object *object)
{
	struct digest_state *state;
	struct object now;
	struct stat st;

	if ((state = digest_begin()) == NULL)
		return -1;
	if (digest_file(state, object->fd, 0, object->size) == -1) {
		digest_drop(&state);
		return -1;
	}
	digest_end(&state, &object->digest);
	if (fstat(object->fd, &st) == -1 || object_from_stat(&now, &st) == -1)
		return -1;
	if (!object_unchanged(object, &now))
		return fail_with(ESTALE);
	object->known = true;
	store_keep_digest(s, object, &object->digest);
	return 0;
}

/* The file under the name, as a GET would open it; a link is followed as there.  What was seen when the
 * request came is old by now: its body may have taken long. */
static int
open_current(struct upload *up, struct object *object)
{
	struct path path;

	store_heard(up->store, 0);
	path.len = strlen(up->path);
	path.leaf = up->leaf;
	memcpy(path.name, up->path, path.len + 1);
	return store_get(up->store, &path, object);
}

/* ESTALE unless the file under the name has the digest that was asked for.  `before` is
 * what stood there at first: hashing takes time, so look again. */
static int
check_current(struct upload *up, const struct stat *before)
{
	struct object object;
	struct stat now;
	int ret = 0;

	if (open_current(up, &object) == -1)
		return errno == ENOENT ? fail_with(ESTALE) : -1;
	if (!object.known)
		ret = hash_object(up->store, &object);
	object_close(&object);
	if (ret == -1)
		return -1;
	if (!digest_equal(&object.digest, &up->want.current))
		return fail_with(ESTALE);
	if (fstatat(up->parent, upload_leaf(up), &now, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? fail_with(ESTALE) : -1;
	if (now.st_ino != before->st_ino || now.st_dev != before->st_dev ||
	    now.st_size != before->st_size || now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != before->st_mtim.tv_nsec)
		return fail_with(ESTALE);
	return 0;
}

int
upload_check_target(struct upload *up)
{
	struct stat st;

	if (fstatat(up->parent, upload_leaf(up), &st, AT_SYMLINK_NOFOLLOW) == -1) {
		if (errno != ENOENT)
			return -1;
		return up->want.condition >= UPLOAD_IF_THERE ? fail_with(ESTALE) : 0;
	}
	if (up->want.condition == UPLOAD_IF_NEW)
		return fail_with(EEXIST);
	if (S_ISDIR(st.st_mode))
		return fail_with(EISDIR);
	if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return fail_with(ENXIO);
	return up->want.condition == UPLOAD_IF_DIGEST ? check_current(up, &st) : 0;
}

static int
verify(struct upload *up)
{
	if (up->fault != 0)
		return fail_with(up->fault);
	if (up->want.size != UPLOAD_SIZE_UNKNOWN && up->offset < up->want.size)
		return fail_with(EMSGSIZE);
	if (up->state != NULL && upload_hash(up) == -1)
		return -1;
	if (up->state != NULL)
		digest_end(&up->state, &up->digest);
	if (up->want.has_digest && !digest_equal(&up->digest, &up->want.digest))
		return fail_with(EBADMSG);
	return 0;
}

/* The mode that was asked for, or that a new file gets.  A fresh file already has the
 * latter, also where a default ACL says something else than the umask. */
static int
set_mode(struct upload *up, struct object *done)
{
	unsigned mode = up->want.has_mode ? up->want.mode : 0666 & ~up->store->umask;

	if (done->mode == mode || (up->staged.fresh && !up->want.has_mode))
		return 0;
	if (fchmod(up->staged.fd, mode) == -1)
		return -1;
	done->mode = mode;
	return 0;
}

/* Where nobody asked for a time, it is not left as the last write has set it, nor set by
 * UTIME_NOW: both take it from a clock that stands still for some milliseconds, in which somebody
 * might change the file without a change of its mtime.  See object_settled(). */
static int
set_mtime(struct upload *up)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, clock_wall() };

	times[1].tv_nsec |= 1;
	if (up->want.has_mtime)
		times[1] = up->want.mtime;
	return futimens(up->staged.fd, times);
}

int
upload_finish(struct upload *up, struct object *done)
{
	struct stat st;

	if (verify(up) == -1 || set_mtime(up) == -1)
		return -1;
	if (!up->staged.fresh || up->marked)
		staged_unmark(up->staged.fd);
	if (fstat(up->staged.fd, &st) == -1 || object_from_stat(done, &st) == -1)
		return -1;
	if (done->size != up->offset)	/* somebody else wrote to it */
		return fail_with(EIO);
	done->digest = up->digest;
	done->known = true;
	done->settled = object_settled(&done->mtime);
	if (done->settled)
		digest_keep(up->staged.fd, done, &up->digest);
	return set_mode(up, done);
}

/* Whether what had come was removed by somebody who looked behind the curtain: not the client's fault. */
static bool
was_taken_away(const struct upload *up)
{
	struct stat st;

	return errno == ENOENT && fstatat(up->staged.folder, up->staged.name, &st, AT_SYMLINK_NOFOLLOW) == -1 &&
	    errno == ENOENT;
}

static int
name_staged(struct upload *up, bool only_new)
{
	const struct staged *st = &up->staged;

	if (*st->name == '\0')
		return nameless_name(st, up->parent, upload_leaf(up));
	if (store_rename(st->folder, st->name, up->parent, upload_leaf(up), only_new) == 0)
		return 0;
	return was_taken_away(up) ? fail_with(ENOTRECOVERABLE) : -1;
}

static int
rename_staged(struct upload *up, bool only_new)
{
	if (name_staged(up, only_new) == -1)
		return -1;
	usage_settle(&up->owed);
	usage_moved(up->store, &(struct stat){ .st_mode = S_IFREG, .st_size = up->offset });
	if (up->staged.fd != -1)
		close(up->staged.fd);
	up->staged.fd = -1;	/* no longer staged: nobody removes or cuts it */
	up->named = true;
	return 0;
}

/* A new name needs no lock, so that one may come between the look and the rename. */
static int
replace(struct upload *up)
{
	struct stat st;
	bool there;

	for (int i = 0; i < REPLACE_TRIES; i++) {
		there = fstatat(up->parent, upload_leaf(up), &st, AT_SYMLINK_NOFOLLOW) == 0;
		if (rename_staged(up, !there) == 0) {
			if (there)
				usage_gone(up->store, &st);
			return 0;
		}
		if (there || errno != EEXIST)
			return -1;
	}
	return fail_with(EBUSY);
}

/* Under the lock, so that no other write comes between the look and the rename.  The first look
 * is the one that may have to hash the file. */
static int
name_locked(struct upload *up)
{
	const struct staged_name name = { up->parent, upload_leaf(up) };
	int lock, ret, error;

	if (upload_check_target(up) == -1)
		return -1;
	if ((lock = staging_lock(up->staged.folder, &name, 1)) == -1)
		return -1;
	if ((ret = upload_check_target(up)) == 0)
		ret = replace(up);
	error = errno;
	close(lock);
	errno = error;
	return ret;
}

static int
give_name(struct upload *up)
{
	if (up->want.condition == UPLOAD_IF_NEW)
		return rename_staged(up, true);
	if (up->want.condition == UPLOAD_ANY && rename_staged(up, true) == 0)
		return 0;	/* most names are new */
	if (up->want.condition == UPLOAD_ANY && errno != EEXIST)
		return -1;
	/* What replaces something is renamed. */
	if (*up->staged.name == '\0' && nameless_hide(up->store, &up->staged) == -1)
		return -1;
	return name_locked(up);
}

int
upload_give_name(struct upload *up)
{
	if (give_name(up) == 0)
		return 0;
	up->spared = errno == ENOSPC || errno == EDQUOT;
	return -1;
}

/* What has been made ready for its name is again what a resume can open, and of today. */
static bool
spare(struct upload *up)
{
	int error = errno;
	bool kept;

	kept = up->spared && up->staged.resumable && up->staged.fd != -1 &&
	    fchmod(up->staged.fd, 0600) == 0 && futimens(up->staged.fd, NULL) == 0;
	errno = error;
	return kept;
}

static int
sync_bytes(struct upload *up)
{
	return up->store->opts.durable ? fsync(up->staged.fd) : 0;
}

int
upload_publish(struct upload **up, struct object *done)
{
	int ret = -1;

	memset(done, 0, sizeof(*done));
	done->fd = -1;
	if (upload_finish(*up, done) == 0 && sync_bytes(*up) == 0 && upload_give_name(*up) == 0)
		/* If this fails the file has its name, but nobody is told that it will last. */
		ret = store_sync_folder((*up)->store, (*up)->parent);
	if (ret == -1 && errno == EBADMSG)
		done->digest = (*up)->digest;
	upload_free(up, ret == -1 && (errno == EMSGSIZE || spare(*up)));
	return ret;
}
