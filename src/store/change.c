/* change - changes of the tree that bring no bytes: delete, move, make a folder, set.
 * Each is made durable, if the store is, before it answers. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/store_int.h"

#define RENAME_TRIES	100	/* times that a name may come and go under our hands */

/* Closes what is open and gives `ret` back with the errno that it came with. */
static int
closing(int ret, int fd, int other)
{
	int error = errno;

	if (fd != -1)
		close(fd);
	if (other != -1)
		close(other);
	errno = error;
	return ret;
}

static int
begin(struct store *s, const struct path *path)
{
	return s->opts.writable ? store_parent(s, path, 0) : fail_with(EROFS);
}

/* Lets nothing change behind the back of a conditional write, which has staged something: without
 * a reserved folder there is none.  A descriptor to close, or -1; where there are no locks, there
 * are no conditional writes. */
static int
lock_names(struct store *s, const struct path *path, const struct staged_name *name, size_t n)
{
	int folder, lock;

	if ((folder = staging_enter(s, path, name[0].parent, false, false)) == -1)
		return -1;
	lock = staging_lock(folder, name, n);
	staging_leave(s, folder);
	return lock;
}

/* What stands there, for the count, if anybody counts; st_nlink is 0 if nobody does, or nothing is
 * there.  Where that cannot be known, nothing is to be changed that would then be counted wrongly. */
static int
look(struct store *s, const struct staged_name *name, struct stat *st)
{
	if (s->opts.usage != NULL && fstatat(name->parent, name->leaf, st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	memset(st, 0, sizeof(*st));
	return s->opts.usage == NULL || errno == ENOENT ? 0 : -1;
}

/* What comes in the moment between look and removal would go uncounted: it came too late. */
static int
unlink_counted(struct store *s, const struct staged_name *name, int flags)
{
	struct stat st;

	if (look(s, name, &st) == -1)
		return -1;
	if (s->opts.usage != NULL && st.st_nlink == 0)
		return fail_with(ENOENT);
	if (unlinkat(name->parent, name->leaf, flags) == -1)
		return -1;
	if (st.st_nlink > 0)
		usage_gone(s, &st);
	return 0;
}

static int
take_away(struct store *s, const struct path *path, int flags)
{
	struct staged_name name = { .leaf = path->name + path->leaf };
	int lock = -1, ret;

	if ((name.parent = begin(s, path)) == -1)
		return -1;
	if (flags == 0)
		lock = lock_names(s, path, &name, 1);
	ret = closing(unlink_counted(s, &name, flags), lock, -1);
	store_heard(s, 0);		/* as in store_move() */
	if (ret == 0)
		ret = store_sync_folder(s, name.parent);
	return closing(ret, name.parent, -1);
}

int
store_delete(struct store *s, const struct path *path)
{
	return take_away(s, path, 0);
}

int
store_rmdir(struct store *s, const struct path *path)
{
	return take_away(s, path, AT_REMOVEDIR);
}

static bool
is_there(int parent, const struct path *path)
{
	struct stat st;

	return fstatat(parent, path->name + path->leaf, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A folder that is there already may be another session's, which has not yet made it durable;
 * with `settle` it is so before EEXIST is answered. */
static int
make_one(struct store *s, const struct path *path, bool settle)
{
	int parent, ret;

	if ((parent = begin(s, path)) == -1)
		return -1;
	if ((ret = usage_charge(s, 0, 1)) == -1)
		errno = is_there(parent, path) ? EEXIST : EDQUOT;
	if (ret == 0 && (ret = mkdirat(parent, path->name + path->leaf, 0777)) == -1)
		usage_give_back(s, 0, 1);
	if (ret == 0)
		ret = store_sync_folder(s, parent);
	else if (settle && errno == EEXIST && store_sync_folder(s, parent) == 0)
		errno = EEXIST;
	return closing(ret, parent, -1);
}

/* The folders above path, from the top; those which are there are passed over. */
static int
make_above(struct store *s, const struct path *path)
{
	struct path above = { .len = 0 };
	const char *slash = path->name;

	while ((slash = strchr(slash, '/')) != NULL) {
		above.leaf = above.len > 0 ? above.len + 1 : 0;
		above.len = (size_t)(slash - path->name);
		memcpy(above.name, path->name, above.len);
		above.name[above.len] = '\0';
		if (make_one(s, &above, true) == -1 && errno != EEXIST)
			return -1;
		slash++;
	}
	return 0;
}

static int
is_folder(struct store *s, const struct path *path)
{
	int fd;

	if ((fd = store_resolve(s, path->name, O_PATH | O_DIRECTORY, 0)) == -1)
		return fail_with(EEXIST);
	return closing(0, fd, -1);
}

int
store_mkdir(struct store *s, const struct path *path, bool parents)
{
	int ret;

	if (!s->opts.writable)
		return fail_with(EROFS);
	if (path_is_root(path))
		return parents ? 0 : fail_with(EEXIST);
	ret = make_one(s, path, parents);
	if (ret == -1 && errno == ENOENT && parents && (ret = make_above(s, path)) == 0)
		ret = make_one(s, path, true);
	return ret == -1 && errno == EEXIST && parents ? is_folder(s, path) : ret;
}

/* For file systems that know no RENAME_NOREPLACE.  A folder cannot be linked; for it we
 * look first, and what may come between is only an empty folder that gets replaced. */
static int
link_and_unlink(int fromdir, const char *from, int todir, const char *to)
{
	struct stat st;
	int error;

	if (fstatat(fromdir, from, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		if (fstatat(todir, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return fail_with(EEXIST);
		return errno == ENOENT ? renameat(fromdir, from, todir, to) : -1;
	}
	if (linkat(fromdir, from, todir, to, 0) == -1)
		return -1;
	if (unlinkat(fromdir, from, 0) == 0)
		return 0;
	error = errno;
	unlinkat(todir, to, 0);
	return fail_with(error);
}

int
store_rename(int fromdir, const char *from, int todir, const char *to, bool only_new)
{
	int ret;

	if (!only_new)
		ret = renameat(fromdir, from, todir, to);
	else if ((ret = renameat2(fromdir, from, todir, to, RENAME_NOREPLACE)) == -1 &&
	    (errno == EINVAL || errno == ENOSYS))
		ret = link_and_unlink(fromdir, from, todir, to);
	if (ret == -1 && errno == EXDEV)
		errno = EOPNOTSUPP;	/* EXDEV is kept for a link that leads out */
	return ret;
}

static bool
same_parent(const struct path *a, const struct path *b)
{
	return a->leaf == b->leaf && memcmp(a->name, b->name, a->leaf) == 0;
}

/* A new name needs no lock: it is looked at once more where it has come just now. */
static int
rename_counted(struct store *s, const struct staged_name *name, bool only_new)
{
	struct stat from, to;
	bool fresh = false;
	int ret = -1;

	for (int i = 0; i < RENAME_TRIES && ret == -1; i++) {
		if (look(s, &name[0], &from) == -1 || look(s, &name[1], &to) == -1)
			return -1;
		fresh = from.st_nlink > 0 && to.st_nlink == 0;
		ret = store_rename(name[0].parent, name[0].leaf, name[1].parent, name[1].leaf,
		    only_new || fresh);
		if (ret == -1 && (errno != EEXIST || only_new || !fresh))
			return -1;
	}
	if (ret == -1 || from.st_nlink == 0)
		return ret;
	usage_moved(s, &from);
	if (!fresh && (from.st_ino != to.st_ino || from.st_dev != to.st_dev))
		usage_gone(s, &to);
	return 0;
}

int
store_move(struct store *s, const struct path *from, const struct path *to, bool only_new)
{
	struct staged_name name[2] = {
		{ .leaf = from->name + from->leaf }, { .leaf = to->name + to->leaf },
	};
	int fromdir, todir = -1, lock, ret = -1;

	if ((fromdir = begin(s, from)) == -1 || (todir = begin(s, to)) == -1)
		return closing(-1, fromdir, todir);
	name[0].parent = fromdir;
	name[1].parent = todir;
	lock = lock_names(s, from, name, 2);
	ret = closing(rename_counted(s, name, only_new), lock, -1);
	store_heard(s, 0);		/* the next request may have come already, in one piece with this one */
	/* The new name first: after a crash, better both names than none. */
	if (ret == 0)
		ret = store_sync_folder(s, todir);
	if (ret == 0 && !same_parent(from, to))
		ret = store_sync_folder(s, fromdir);
	return closing(ret, fromdir, todir);
}

/* A mtime of ours instead of the present one; the kept digest is taken along. */
static int
set_mtime(int fd, struct object *object, const struct timespec *mtime)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, *mtime };
	bool unwritable = (object->mode & S_IWUSR) == 0;
	struct object now;
	struct stat st;

	if (object->type == OBJECT_FILE)
		store_known_digest(fd, object);
	else
		object->known = false;
	if (futimens(fd, times) == -1)
		return -1;
	if (!object->known || fstat(fd, &st) == -1 || object_from_stat(&now, &st) == -1 ||
	    now.size != object->size)
		return 0;
	/* An attribute may be written only where the file may. */
	if (unwritable)
		fchmod(fd, object->mode | S_IWUSR);
	digest_keep(fd, &now, &object->digest);
	return unwritable ? fchmod(fd, object->mode) : 0;
}

int
store_set(struct store *s, const struct path *path, const struct timespec *mtime,
    const unsigned *mode)
{
	struct object object;
	struct stat st;
	int fd, ret = -1;

	if (!s->opts.writable)
		return fail_with(EROFS);
	if ((fd = store_resolve(s, path->name, STORE_READ, 0)) == -1)
		return -1;
	if (fstat(fd, &st) == -1 || object_from_stat(&object, &st) == -1)
		goto out;
	if (mtime != NULL && set_mtime(fd, &object, mtime) == -1)
		goto out;
	/* Set-id and sticky bits, as of a shared folder, are not ours to change. */
	if (mode != NULL && fchmod(fd, (object.mode & 07000) | (*mode & 0777)) == -1)
		goto out;
	ret = s->opts.durable ? fsync(fd) : 0;
out:
	return closing(ret, fd, -1);
}
