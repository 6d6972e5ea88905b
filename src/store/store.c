/* store - the tree: from names to open descriptors.
 * The one place that calls openat2(2); links on the way are follow.c's.  Looks only; what changes the tree is in change.c
 * and upload.c. */

#include "store/store.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store/opened.h"
#include "store/store_int.h"
#include "store/usage.h"

/* The kernel answers EAGAIN when something was renamed while it followed a "..", and
 * for a file on which another program holds a lease. */
#define RESOLVE_TRIES	100

/* A time with digits behind the microseconds is of a file system that tells a microsecond at
 * least; others may tell two seconds only. */
#define EXACT_NS	1000
#define COARSE_NS	INT64_C(2000000000)

int
store_resolve_in(int root, const char *name, int flags, uint64_t how_to)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = how_to };
	long fd;

	for (int i = 0; i < RESOLVE_TRIES; i++) {
		fd = syscall(SYS_openat2, root, name, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return -1;
	}
	return fail_with(EBUSY);
}

int
store_resolve(struct store *s, const char *name, int flags, uint64_t more)
{
	const uint64_t how_to = s->resolve | more;
	int fd = store_resolve_in(s->root, *name == '\0' ? "." : name, flags, how_to | RESOLVE_NO_SYMLINKS);

	if (fd == -1 && errno == ELOOP && (how_to & RESOLVE_NO_SYMLINKS) == 0)
		fd = store_follow(s, name, flags, how_to);
	return fd;
}

int
store_parent(struct store *s, const struct path *path, uint64_t more)
{
	int flags = O_DIRECTORY | (s->opts.durable ? O_RDONLY : O_PATH);
	char folder[PATH_MAX];
	size_t len;

	if (path_is_root(path))
		return fail_with(EBUSY);
	len = path->leaf > 0 ? path->leaf - 1 : 0;
	memcpy(folder, path->name, len);
	folder[len] = '\0';
	return store_resolve(s, folder, flags, more);
}

int
store_sync_folder(struct store *s, int dirfd)
{
	return s->opts.durable ? fsync(dirfd) : 0;
}

/* There is no way to read the umask but to set it; so once, before there are threads. */
static mode_t
read_umask(void)
{
	mode_t mask = umask(077);

	umask(mask);
	return mask;
}

static const char *
why_not(int error)
{
	switch (error) {
	case ENOSYS:
		return "the kernel has no openat2(2) (Linux 5.6 is needed)";
	case EPERM:
		return "openat2(2) is not allowed here (a container's system call filter?)";
	default:
		return "the folder to serve cannot be opened";
	}
}

static char boot[STORE_BOOT];

/* Without /proc, it is nobody else's. */
void
store_note_boot(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd != -1 ? read(fd, boot, sizeof(boot) - 1) : -1;

	if (fd != -1)
		close(fd);
	if (len > 0)
		boot[len] = '\0';
	else
		snprintf(boot, sizeof(boot), "%08x%08x%08x", arc4random(), arc4random(), arc4random());
}

struct store *
store_open(const struct store_opts *opts, const char **why)
{
	struct store *s;
	int fd;

	*why = "out of memory";
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->opts = *opts;
	s->opts.root = NULL;
	s->resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS |
	    (opts->symlinks == STORE_SYMLINKS_NEVER ? RESOLVE_NO_SYMLINKS : 0);
	s->umask = read_umask();
	atomic_init(&s->staging, -1);
	atomic_init(&s->owner_fd, -1);
	s->opener = getpid();
	arc4random_buf(&s->brief, sizeof(s->brief));
	s->root = -1;
	if (opts->open_files > 0 && (s->opened = opened_new(opts->open_files)) == NULL)
		goto fail;
	if (boot[0] == '\0')
		store_note_boot();
	memcpy(s->boot, boot, sizeof(boot));
	*why = "the folder to serve cannot be opened";
	if ((s->root = open(opts->root, O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1)
		goto fail;
	if ((fd = store_resolve(s, "", O_PATH | O_DIRECTORY, 0)) == -1) {
		*why = why_not(errno);
		goto fail;
	}
	close(fd);
	*why = NULL;
	return s;
fail:
	store_close(&s);
	return NULL;
}

void
store_close(struct store **sp)
{
	struct store *s = *sp;
	int error = errno, staging, owner;

	if (s == NULL)
		return;
	opened_free(&s->opened);
	if ((staging = atomic_load(&s->staging)) != -1)
		close(staging);
	if ((owner = atomic_load(&s->owner_fd)) != -1)
		close(owner);
	if (s->root != -1)
		close(s->root);
	free(s);
	*sp = NULL;
	errno = error;
}

bool
store_writable(const struct store *s)
{
	return s->opts.writable;
}

bool
store_durable(const struct store *s)
{
	return s->opts.durable;
}

int
object_from_stat(struct object *object, const struct stat *st)
{
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		object->type = OBJECT_FILE;
		break;
	case S_IFDIR:
		object->type = OBJECT_FOLDER;
		break;
	case S_IFLNK:
		object->type = OBJECT_SYMLINK;
		break;
	default:
		return fail_with(ENXIO);
	}
	object->size = object->type == OBJECT_FOLDER ? 0 : st->st_size;
	object->mtime = st->st_mtim;
	object->mode = st->st_mode & 07777;
	object->inode = st->st_ino;
	object->device = st->st_dev;
	return 0;
}

bool
object_unchanged(const struct object *a, const struct object *b)
{
	return a->inode == b->inode && a->size == b->size &&
	    a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

/* The clock of file times stands still for some milliseconds, and some file systems keep only
 * whole seconds (or two), tenths or millionths of them.  Whatever is written from now on gets the
 * present time of that clock or a later one, as exact as the file system can tell: this must be
 * another one than mtime. */
bool
object_settled(const struct timespec *mtime)
{
	const int64_t exact = mtime->tv_nsec % EXACT_NS != 0 ? EXACT_NS : COARSE_NS;
	struct timespec now;
	int64_t age;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (mtime->tv_sec > now.tv_sec + 1)
		return exact == EXACT_NS;
	if (mtime->tv_sec < now.tv_sec - COARSE_NS / 1000000000 - 1)
		return true;
	age = (int64_t)(now.tv_sec - mtime->tv_sec) * 1000000000 + now.tv_nsec - mtime->tv_nsec;
	return age >= exact || (age < 0 && exact == EXACT_NS);
}

static int
describe(int fd, struct object *object)
{
	struct stat st;

	object->fd = -1;
	object->kept = NULL;
	object->known = false;
	if (fstat(fd, &st) == -1 || object_from_stat(object, &st) == -1)
		return -1;
	object->settled = object_settled(&object->mtime);
	return 0;
}

/* A device whose driver is missing says ENODEV: it is no file all the same. */
static int
open_to_read(struct store *s, const char *name)
{
	int fd;

	if ((fd = store_resolve(s, name, STORE_READ, 0)) == -1 && errno == ENODEV)
		errno = ENXIO;
	return fd;
}

int
store_get(struct store *s, const struct path *path, struct object *object)
{
	int fd, error;

	if (s->opened != NULL && opened_find(s, path, object))
		return 0;
	if ((fd = open_to_read(s, path->name)) == -1) {
		object->fd = -1;
		return -1;
	}
	if (describe(fd, object) == -1)
		goto fail;
	if (object->type != OBJECT_FILE) {
		errno = EISDIR;
		goto fail;
	}
	store_known_digest(fd, object);
	object->fd = fd;
	if (s->opened != NULL)
		opened_offer(s, path, object);
	return 0;
fail:
	error = errno;
	close(fd);
	return fail_with(error);
}

void
object_close(struct object *object)
{
	if (object->fd != -1 && object->kept != NULL)
		opened_release(object->kept);
	else if (object->fd != -1)
		close(object->fd);
	object->fd = -1;
}

void
store_heard(struct store *s, uint64_t turn)
{
	if (s->opened != NULL)
		opened_heard(s->opened, turn);
}

void
store_tidy(struct store *s)
{
	if (s->opened != NULL)
		opened_tidy(s->opened);
}

void
store_pause(struct store *s, bool pause)
{
	if (s->opened != NULL)
		opened_pause(s->opened, pause);
}

int
store_stat(struct store *s, const struct path *path, struct object *object)
{
	int fd, ret, error;

	/* What may not be read can be asked about, but its digest cannot be read. */
	if ((fd = open_to_read(s, path->name)) == -1 && errno == EACCES)
		fd = store_resolve(s, path->name, O_PATH, 0);
	if (fd == -1)
		return -1;
	if ((ret = describe(fd, object)) == 0 && object->type == OBJECT_FILE)
		store_known_digest(fd, object);
	error = errno;
	close(fd);
	errno = error;
	return ret;
}

static uint64_t
rest(uint64_t quota, uint64_t used, uint64_t there)
{
	uint64_t left = quota > used ? quota - used : 0;

	return quota == 0 || there < left ? there : left;
}

static void
limit_space(struct store *s, struct store_space *space)
{
	space->quota = s->opts.quota;
	space->quota_files = s->opts.quota_files;
	space->limited = store_used(s, &space->used, &space->used_files);
	if (!space->limited)
		return;
	space->total = rest(space->quota, 0, space->total);
	space->free = rest(space->quota, space->used, space->free);
	space->avail = rest(space->quota, space->used, space->avail);
	space->files_free = rest(space->quota_files, space->used_files, space->files_free);
}

int
store_space(struct store *s, struct store_space *space)
{
	struct statvfs v;

	if (fstatvfs(s->root, &v) == -1)
		return -1;
	space->total = (uint64_t)v.f_blocks * v.f_frsize;
	space->free = (uint64_t)v.f_bfree * v.f_frsize;
	space->avail = (uint64_t)v.f_bavail * v.f_frsize;
	space->files_free = v.f_favail;
	limit_space(s, space);
	return 0;
}
