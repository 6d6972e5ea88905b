/* staging - the reserved folder and the files in it that become uploads.
 * A file there belongs to whoever holds its flock(2).  Knows names and locks; knows
 * nothing of what the bytes are for. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/folds.h"
#include "store/store_int.h"
#include "store/upload.h"

/* Whatever may stand there. */
#define OPEN_STAGED	(O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)

#define TAKE_TRIES	16		/* times that a name may vanish under our hands */
#define EMPTY_AGE_MS	60000		/* see takeable() */

/* Where opening waits for another machine, a signal may end it. */
int
staging_open(int folder, const char *name, int flags, mode_t mode)
{
	int fd;

	do
		fd = openat(folder, name, flags, mode);
	while (fd == -1 && errno == EINTR);
	return fd;
}

static int
open_reserved(int dirfd, bool make)
{
	const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd;

	if ((fd = staging_open(dirfd, PATH_RESERVED, flags, 0)) != -1 || errno != ENOENT || !make)
		return fd;
	if (mkdirat(dirfd, PATH_RESERVED, 0700) == -1 && errno != EEXIST)
		return -1;
	return staging_open(dirfd, PATH_RESERVED, flags, 0);
}

static int
mount_id(int fd, uint64_t *id)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) == -1)
		return -1;
	if ((stx.stx_mask & STATX_MNT_ID) != 0)
		*id = stx.stx_mnt_id;
	else	/* before Linux 5.8 */
		*id = (uint64_t)stx.stx_dev_major << 32 | stx.stx_dev_minor;
	return 0;
}

/* The same where no client can name it, and from where a rename reaches the tree: where something is
 * mounted over it, every upload would fail at its end. */
static int
open_unnamed(int dirfd, bool make)
{
	int fd = open_reserved(dirfd, make), ret, error;
	uint64_t id, above;

	if (fd == -1)
		return -1;
	if ((ret = folds_name(dirfd, PATH_RESERVED)) == 1) {
		log_warn("nothing can be written to a file system that ignores the case of names");
		errno = ENOTUNIQ;
	} else if (ret == 0 && mount_id(fd, &id) == 0 && mount_id(dirfd, &above) == 0) {
		if (id == above)
			return fd;
		log_warn("nothing can be written: something is mounted over the folder " PATH_RESERVED);
		errno = EBADFD;
	}
	error = errno;
	close(fd);
	return fail_with(error);
}

/* The one of the root's mount is opened once; whichever thread is first keeps its own. */
int
staging_enter_root(struct store *s, bool make)
{
	int fd, kept = atomic_load(&s->staging);

	if (kept != -1)
		return kept;
	if ((fd = open_unnamed(s->root, make)) == -1)
		return -1;
	if (atomic_compare_exchange_strong(&s->staging, &kept, fd))
		return fd;
	close(fd);
	return kept;
}

/* dup3(2), so that the number stays good for other threads. */
int
staging_enter_again(struct store *s, int folder)
{
	int fd, ret;

	if (folder != atomic_load(&s->staging))
		return fail_with(ENOENT);
	if ((fd = open_unnamed(s->root, true)) == -1)
		return -1;
	ret = dup3(fd, folder, O_CLOEXEC);
	close(fd);
	if (ret == -1)
		return -1;
	atomic_store(&s->owner, 0);	/* that lock went with the folder */
	return 0;
}

/* If the folder `name` is on the mount `id`: its reserved folder, or -1; else -2. */
static int
enter_if_on(struct store *s, const char *name, uint64_t id, bool make)
{
	uint64_t here;
	int fd, staging = -1, error;

	if ((fd = store_resolve(s, name, O_PATH | O_DIRECTORY, 0)) == -1)
		return -1;
	if (mount_id(fd, &here) == 0)
		staging = here == id ? open_unnamed(fd, make) : -2;
	error = errno;
	close(fd);
	errno = error;
	return staging;
}

/* From the top, the first folder on the path that is on the target's mount. */
static int
enter_mount(struct store *s, const struct path *path, int parent, bool make)
{
	char name[PATH_MAX];
	const char *slash = path->name;
	uint64_t id, root;
	int fd;

	if (mount_id(parent, &id) == -1 || mount_id(s->root, &root) == -1)
		return -1;
	if (id == root)		/* by a link that leads out of the mount and back */
		return staging_enter_root(s, make);
	while ((slash = strchr(slash, '/')) != NULL) {
		memcpy(name, path->name, (size_t)(slash - path->name));
		name[slash - path->name] = '\0';
		if ((fd = enter_if_on(s, name, id, make)) != -2)
			return fd;
		slash++;
	}
	/* Not even the last, parent itself: it was moved meanwhile. */
	return fail_with(EBUSY);
}

int
staging_enter(struct store *s, const struct path *path, int parent, bool is_root, bool make)
{
	return is_root ? staging_enter_root(s, make) : enter_mount(s, path, parent, make);
}

void
staging_leave(struct store *s, int folder)
{
	if (folder != -1 && folder != atomic_load(&s->staging))
		close(folder);
}

static bool
still_named(int folder, const char *name, const struct stat *st)
{
	struct stat now;

	return fstatat(folder, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == st->st_ino &&
	    now.st_dev == st->st_dev;
}

bool
staging_older(const struct timespec *then, int64_t ms)
{
	struct timespec now = clock_wall();

	if (then->tv_sec < 0 || then->tv_sec > now.tv_sec)
		return then->tv_sec < 0;
	return (int64_t)(now.tv_sec - then->tv_sec) * 1000 + (now.tv_nsec - then->tv_nsec) / 1000000 >= ms;
}

/* Whoever else has it open waits for nothing while holding the lock (see takeable() and
 * staging_claim()), so that this does not wait long. */
static int
lock_own(int fd)
{
	while (flock(fd, LOCK_EX) == -1)
		if (errno != EINTR)
			return -1;
	return 0;
}

/* A name of our own.  Where there are no locks, nobody else asks for it. */
static int
take_private(struct staged *st, mode_t mode)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	size_t len = strlen(st->name);

	snprintf(st->name + len, sizeof(st->name) - len, ".%08x%08x", arc4random(), arc4random());
	if ((st->fd = staging_open(st->folder, st->name, flags, mode)) == -1)
		return -1;
	(void)lock_own(st->fd);
	staging_is_fresh(st);
	return 0;
}

enum taking { TAKE_AGAIN, TAKE_PRIVATE, TAKE_THIS, TAKE_BUSY };

/* Whether the file that stands under the name may become ours.  An empty one may not:
 * perhaps its maker stands between making and locking it, and will write to it next.  Nor
 * may one that has another name besides: it is published. */
static enum taking
takeable(struct store *s, struct staged *staged, off_t *size)
{
	struct stat st;

	if (flock(staged->fd, LOCK_EX | LOCK_NB) == -1)
		return errno == EWOULDBLOCK && staged->patient ? TAKE_BUSY : TAKE_PRIVATE;
	if (fstat(staged->fd, &st) == -1 ||
	    !S_ISREG(st.st_mode))
		return TAKE_PRIVATE;
	if (!still_named(staged->folder, staged->name, &st))
		return TAKE_AGAIN;
	/* Its maker died between giving it its final name and taking this one away. */
	if (st.st_nlink > 1)
		return unlinkat(staged->folder, staged->name, 0) == 0 ? TAKE_AGAIN : TAKE_PRIVATE;
	*size = st.st_size;
	if (st.st_size > 0)
		return TAKE_THIS;
	if (staging_is_new(&st) || unlinkat(staged->folder, staged->name, 0) == -1)
		return TAKE_PRIVATE;
	usage_gone(s, &st);
	return TAKE_AGAIN;
}

static enum taking
take_existing(struct store *s, struct staged *staged, off_t max)
{
	enum taking taking;
	off_t size = 0;

	staged->fd = staging_open(staged->folder, staged->name, OPEN_STAGED, 0);
	if (staged->fd == -1)
		return errno == ENOENT ? TAKE_AGAIN : TAKE_PRIVATE;
	taking = takeable(s, staged, &size);
	staged->found = size;
	if (taking == TAKE_THIS && size > max) {
		size = 0;
		if (ftruncate(staged->fd, 0) == -1)
			taking = TAKE_PRIVATE;
	}
	if (taking == TAKE_THIS) {
		staged->fresh = false;
		staged->resumable = true;
		staged->size = size;
		return TAKE_THIS;
	}
	close(staged->fd);
	staged->fd = -1;
	return taking;
}

static int
lock_fresh(struct staged *st)
{
	if (lock_own(st->fd) == -1)
		return -1;
	st->fresh = st->resumable = true;
	st->size = 0;
	st->found = -1;
	return 0;
}

/* Makes the file, and the folder again should somebody have removed it.  -1 with errno. */
static int
make_fresh(struct store *s, struct staged *st, mode_t mode)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	st->fd = staging_open(st->folder, st->name, flags, mode);
	if (st->fd == -1 && errno == ENOENT && staging_enter_again(s, st->folder) == 0 &&
	    (!staging_is_brief(st->name) || staging_name_brief(s, st->folder, st->name) == 0))
		st->fd = staging_open(st->folder, st->name, flags, mode);
	return st->fd == -1 ? -1 : 0;
}

void
staging_is_fresh(struct staged *st)
{
	st->fresh = true;
	st->resumable = false;
	st->size = 0;
	st->found = -1;
}

/* First the lock, then the look: whoever had it before may have published the file, and the name may
 * be another's by now. */
int
staging_claim(int folder, const char *name, struct stat *st)
{
	bool locked;
	int fd;

	if ((fd = staging_open(folder, name, OPEN_STAGED, 0)) == -1)
		return -1;
	locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (locked && fstat(fd, st) == 0 && S_ISREG(st->st_mode) && still_named(folder, name, st))
		return fd;
	close(fd);
	return fail_with(locked ? ENOENT : EBUSY);
}

bool
staging_is_new(const struct stat *st)
{
	return st->st_size == 0 && !staging_older(&st->st_mtim, EMPTY_AGE_MS);
}

bool
staging_reserves(const struct stat *st)
{
	uint64_t blocks = (uint64_t)st->st_blocks * 512;

	return blocks >= UPLOAD_RESERVE_MIN && blocks >= usage_size(st) + STAGING_BLOCK;
}

int
staging_hide(struct store *s, struct staged *st)
{
	char name[STAGING_NAME];

	if (staging_is_brief(st->name))
		return 0;
	if (staging_name_brief(s, st->folder, name) == -1 || renameat(st->folder, st->name, st->folder, name) == -1)
		return -1;
	memcpy(st->name, name, sizeof(name));
	st->resumable = false;
	return 0;
}

int
staging_take_brief(struct store *s, struct staged *st, mode_t mode)
{
	staging_is_fresh(st);
	return staging_name_brief(s, st->folder, st->name) == 0 ? make_fresh(s, st, mode) : -1;
}

/* 1: made and locked; 0: something is there; -1. */
static int
take_fresh(struct store *s, struct staged *st, mode_t mode)
{
	if (make_fresh(s, st, mode) == -1)
		return errno == EEXIST ? 0 : -1;
	if (lock_fresh(st) == 0)
		return 1;
	/* No locks on this file system: a name that no other upload can ask for. */
	close(st->fd);
	st->fd = -1;
	unlinkat(st->folder, st->name, 0);
	return take_private(st, mode) == -1 ? -1 : 1;
}

int
staging_take(struct store *s, struct staged *st, mode_t mode, off_t max)
{
	int made;

	for (int i = 0; i < TAKE_TRIES; i++) {
		if ((made = take_fresh(s, st, mode)) != 0)
			return made == 1 ? 0 : -1;
		switch (take_existing(s, st, max)) {
		case TAKE_THIS:
			return 0;
		case TAKE_PRIVATE:
			return take_private(st, mode);
		case TAKE_BUSY:
			return fail_with(EAGAIN);
		case TAKE_AGAIN:
			break;
		}
	}
	return take_private(st, mode);
}
