/* opened - files that are asked for again and again, kept open between two requests. */

#include "store/opened.h"

#include <sys/queue.h>
#include <sys/vfs.h>

#include <assert.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_int.h"

#define BUCKETS		1024
#define FOLDER_BUCKETS	64
#define ASKED		4096		/* paths of which it is remembered that somebody asked */
#define NAME_LEN_MAX	512		/* bytes of a path that is kept */
#define DEPTH_MAX	8		/* folders above a file that is kept */
#define SIZE_MAX_KEPT	(1024 * 1024)	/* opening is nothing beside sending more than that */
#define AGE_MAX		2		/* calls of opened_tidy() that a file stays without being used */

#define XFS_MAGIC	0x58465342
#define LOOK_FLAGS	(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC)
#define LOOK_MASK	(STATX_TYPE | STATX_MODE | STATX_INO | STATX_SIZE | STATX_MTIME | STATX_CTIME | \
			    STATX_MNT_ID)

/* A folder on the way to a kept file. */
struct folder {
	LIST_ENTRY(folder) bucket;
	struct folder	*parent;	/* NULL: the root */
	struct statx	 is;
	int		 fd;		/* O_PATH: while it is open its inode's number is nobody else's */
	unsigned	 users;		/* files and folders beneath */
	unsigned	 seen;		/* in its place; see opened.heard */
	bool		 listed;
	char		 name[];
};

struct kept {
	LIST_ENTRY(kept) bucket;
	TAILQ_ENTRY(kept) use;
	struct opened	*home;
	struct folder	*folder;
	struct statx	 is;
	struct digest	 digest;
	int		 fd;
	unsigned	 users;		/* objects that have not been closed */
	unsigned	 age;		/* what opened.age was at the last use */
	unsigned	 seen;		/* as what it is; see opened.heard */
	uint32_t	 hash;
	bool		 listed, known;
	uint16_t	 len, leaf;
	char		 name[];
};

struct opened {
	pthread_mutex_t	 lock;
	unsigned	 max, count;	/* descriptors */
	unsigned	 heard;		/* so often have requests come: what was seen since the last time
					 * need not be looked at again */
	_Atomic uint64_t turn;		/* whose requests were the last to come by their turn */
	unsigned	 age;
	bool		 paused;
	TAILQ_HEAD(uses_head, kept) uses;	/* the last used is the first */
	LIST_HEAD(, kept) bucket[BUCKETS];
	LIST_HEAD(, folder) folders[FOLDER_BUCKETS];
	uint32_t	 asked[ASKED];
};

struct opened *
opened_new(unsigned max)
{
	struct opened *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->max = max;
	TAILQ_INIT(&o->uses);
	(void)pthread_mutex_init(&o->lock, NULL);
	return o;
}

/* FNV-1a, with its high bits folded in. */
static uint32_t
hash_of(const char *s, size_t len)
{
	uint32_t h = UINT32_C(2166136261);

	while (len-- > 0)
		h = (h ^ (unsigned char)*s++) * UINT32_C(16777619);
	return h ^ h >> 15;
}

static bool
same_inode(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_minor == b->stx_dev_minor &&
	    a->stx_dev_major == b->stx_dev_major && a->stx_mnt_id == b->stx_mnt_id &&
	    (a->stx_mode & S_IFMT) == (b->stx_mode & S_IFMT);
}

static bool
same_time(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Nothing can be done to a file that leaves all of this as it was. */
static bool
same_state(const struct statx *a, const struct statx *b)
{
	return same_inode(a, b) && same_time(&a->stx_ctime, &b->stx_ctime) &&
	    same_time(&a->stx_mtime, &b->stx_mtime) && a->stx_size == b->stx_size &&
	    a->stx_mode == b->stx_mode;
}

static int
folder_fd(const struct store *s, const struct folder *f)
{
	return f != NULL ? f->fd : s->root;
}

/* What a name within a folder is; a link is a link. */
static int
look(const struct store *s, const struct folder *f, const char *name, struct statx *is)
{
	return statx(folder_fd(s, f), name, LOOK_FLAGS, LOOK_MASK, is);
}

/* --- folders */

static void
folder_unlist(struct folder *f)
{
	if (f->listed)
		LIST_REMOVE(f, bucket);
	f->listed = false;
}

static void
folder_leave(struct opened *o, struct folder *f)
{
	struct folder *parent;

	for (; f != NULL && --f->users == 0; f = parent) {
		parent = f->parent;
		folder_unlist(f);
		(void)close(f->fd);
		o->count--;
		free(f);
	}
}

/* Whether it is still where it was when it was opened: this is how the kernel goes down a path, only
 * that each folder on it is known to be one, and open. */
static bool
folder_holds(struct store *s, struct folder *f)
{
	struct statx now;

	if (f == NULL || f->seen == s->opened->heard)
		return true;
	if (!folder_holds(s, f->parent) || look(s, f->parent, f->name, &now) == -1 ||
	    !same_inode(&f->is, &now))
		return false;
	f->seen = s->opened->heard;
	return true;
}

static struct folder *
folder_new(struct store *s, struct folder *parent, const char *name, size_t len)
{
	struct folder *f = calloc(1, sizeof(*f) + len + 1);

	if (f == NULL)
		return NULL;
	memcpy(f->name, name, len);
	f->fd = store_resolve_in(folder_fd(s, parent), f->name, O_PATH | O_DIRECTORY | O_NOFOLLOW,
	    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (f->fd == -1 || statx(f->fd, "", AT_EMPTY_PATH | LOOK_FLAGS, LOOK_MASK, &f->is) == -1) {
		if (f->fd != -1)
			(void)close(f->fd);
		free(f);
		return NULL;
	}
	s->opened->count++;
	f->seen = s->opened->heard;
	if ((f->parent = parent) != NULL)
		parent->users++;
	return f;
}

/* A folder within another, for one more user.  NULL: a link, or gone. */
static struct folder *
folder_enter(struct store *s, struct folder *parent, const char *name, size_t len)
{
	const unsigned at = (hash_of(name, len) ^ (unsigned)((uintptr_t)parent >> 6)) % FOLDER_BUCKETS;
	struct folder *f;

	LIST_FOREACH(f, &s->opened->folders[at], bucket)
		if (f->parent == parent && strncmp(f->name, name, len) == 0 && f->name[len] == '\0')
			break;
	if (f != NULL && !folder_holds(s, f)) {
		folder_unlist(f);	/* those who use it will see it for themselves */
		f = NULL;
	}
	if (f == NULL && (f = folder_new(s, parent, name, len)) != NULL) {
		LIST_INSERT_HEAD(&s->opened->folders[at], f, bucket);
		f->listed = true;
	}
	if (f != NULL)
		f->users++;
	return f;
}

/* The folder that holds the path, for one more user; *f is NULL if it is the root.  Whether it can
 * be kept. */
static bool
folder_of(struct store *s, const struct path *path, struct folder **f)
{
	struct folder *next;
	size_t at, end;

	*f = NULL;
	for (at = 0; at < path->leaf; at = end + 1) {
		end = at + strcspn(path->name + at, "/");
		next = folder_enter(s, *f, path->name + at, end - at);
		folder_leave(s->opened, *f);	/* `next` is a user of it */
		if ((*f = next) == NULL)
			return false;
	}
	return true;
}

/* --- files */

static void
file_free(struct kept *k)
{
	struct opened *o = k->home;

	folder_leave(o, k->folder);
	(void)close(k->fd);
	o->count--;
	free(k);
}

/* It is not found any more; who uses it keeps what was opened. */
static void
file_drop(struct kept *k)
{
	LIST_REMOVE(k, bucket);
	TAILQ_REMOVE(&k->home->uses, k, use);
	k->listed = false;
	if (k->users == 0)
		file_free(k);
}

static void
drop_all(struct opened *o)
{
	struct kept *k;

	while ((k = TAILQ_FIRST(&o->uses)) != NULL)
		file_drop(k);
}

void
opened_free(struct opened **op)
{
	struct opened *o = *op;

	*op = NULL;
	if (o == NULL)
		return;
	drop_all(o);
	(void)pthread_mutex_destroy(&o->lock);
	free(o);
}

static struct kept *
file_find(struct opened *o, const struct path *path)
{
	const uint32_t hash = hash_of(path->name, path->len);
	struct kept *k;

	LIST_FOREACH(k, &o->bucket[hash % BUCKETS], bucket)
		if (k->hash == hash && k->len == path->len && memcmp(k->name, path->name, path->len) == 0)
			break;
	return k;
}

static bool
file_holds(struct store *s, struct kept *k)
{
	struct statx now;

	if (k->seen == s->opened->heard)
		return true;
	if (!folder_holds(s, k->folder) || look(s, k->folder, k->name + k->leaf, &now) == -1 ||
	    !same_state(&k->is, &now))
		return false;
	k->seen = s->opened->heard;
	return true;
}

static void
file_use(struct kept *k, struct object *object)
{
	k->users++;
	k->age = k->home->age;
	object->fd = k->fd;
	object->kept = k;
}

static void
fill_object(const struct kept *k, struct object *object)
{
	object->type = OBJECT_FILE;
	object->size = (off_t)k->is.stx_size;
	object->mtime.tv_sec = k->is.stx_mtime.tv_sec;
	object->mtime.tv_nsec = k->is.stx_mtime.tv_nsec;
	object->mode = k->is.stx_mode & 07777;
	object->inode = k->is.stx_ino;
	object->settled = object_settled(&object->mtime);
	if ((object->known = k->known))
		object->digest = k->digest;
}

bool
opened_find(struct store *s, const struct path *path, struct object *object)
{
	struct opened *o = s->opened;
	struct kept *k;

	(void)pthread_mutex_lock(&o->lock);
	if ((k = file_find(o, path)) != NULL && !file_holds(s, k)) {
		file_drop(k);
		k = NULL;
	}
	if (k != NULL) {
		fill_object(k, object);
		file_use(k, object);
		TAILQ_REMOVE(&o->uses, k, use);
		TAILQ_INSERT_HEAD(&o->uses, k, use);
	}
	(void)pthread_mutex_unlock(&o->lock);
	return k != NULL;
}

/* Whether somebody asked for the path before: who fetches a tree asks for each file once. */
static bool
asked_before(struct opened *o, uint32_t hash)
{
	uint32_t *at = &o->asked[hash % ASKED];

	if (*at == hash)
		return true;
	*at = hash;
	return false;
}

bool
store_is_local(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == -1)
		return false;
	switch ((unsigned long)fs.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case TMPFS_MAGIC:
		return true;
	default:
		return false;
	}
}

/* As long as the clock of file times has not gone on since the file's last change, the next one might
 * bear the same time. */
static bool
is_quiet(const struct statx *is)
{
	const struct timespec changed = { .tv_sec = is->stx_ctime.tv_sec, .tv_nsec = is->stx_ctime.tv_nsec };

	return object_settled(&changed);
}

/* Fills ->folder and ->is.  Whether the path leads, without a link, to the file that is open. */
static bool
file_place(struct store *s, struct kept *k, const struct path *path)
{
	struct statx open;

	return folder_of(s, path, &k->folder) && look(s, k->folder, k->name + k->leaf, &k->is) == 0 &&
	    statx(k->fd, "", AT_EMPTY_PATH | LOOK_FLAGS, LOOK_MASK, &open) == 0 &&
	    same_state(&k->is, &open) && is_quiet(&k->is);
}

/* Whether the file is still what the object says, so that its digest is this file's. */
static bool
file_is(const struct kept *k, const struct object *object)
{
	return (off_t)k->is.stx_size == object->size && k->is.stx_mtime.tv_sec == object->mtime.tv_sec &&
	    k->is.stx_mtime.tv_nsec == (uint32_t)object->mtime.tv_nsec;
}

/* Read anew, after the look: so whoever writes another one changes what the look saw. */
static void
take_digest(struct kept *k, const struct object *object)
{
	struct object now = *object;

	store_known_digest(k->fd, &now);
	if ((k->known = now.known))
		k->digest = now.digest;
}

/* Takes the object's descriptor if it succeeds. */
static struct kept *
file_new(struct store *s, const struct path *path, const struct object *object)
{
	struct kept *k = calloc(1, sizeof(*k) + path->len + 1);

	if (k == NULL)
		return NULL;
	k->home = s->opened;
	k->fd = object->fd;
	k->hash = hash_of(path->name, path->len);
	k->len = (uint16_t)path->len;
	k->leaf = (uint16_t)path->leaf;
	memcpy(k->name, path->name, path->len);
	if (!file_place(s, k, path) || !file_is(k, object)) {
		folder_leave(s->opened, k->folder);
		free(k);
		return NULL;
	}
	k->seen = s->opened->heard;
	take_digest(k, object);
	s->opened->count++;
	return k;
}

static bool
is_worth_it(const struct path *path, const struct object *object)
{
	size_t depth = 0, at;

	if (object->size > SIZE_MAX_KEPT || path->len > NAME_LEN_MAX)
		return false;
	for (at = 0; at < path->leaf; at++)
		depth += path->name[at] == '/';
	return depth <= DEPTH_MAX && store_is_local(object->fd);
}

/* Room for one more and the folders above it. */
static bool
make_room(struct opened *o)
{
	struct kept *last;

	while (o->count + DEPTH_MAX + 1 > o->max && (last = TAILQ_LAST(&o->uses, uses_head)) != NULL)
		file_drop(last);
	return o->count + DEPTH_MAX + 1 <= o->max;
}

static void
keep(struct store *s, const struct path *path, struct object *object)
{
	struct opened *o = s->opened;
	struct kept *k;

	if (o->paused || !asked_before(o, hash_of(path->name, path->len)) || !is_worth_it(path, object))
		return;
	if (!make_room(o) || file_find(o, path) != NULL)
		return;
	if ((k = file_new(s, path, object)) == NULL)
		return;
	LIST_INSERT_HEAD(&o->bucket[k->hash % BUCKETS], k, bucket);
	TAILQ_INSERT_HEAD(&o->uses, k, use);
	k->listed = true;
	file_use(k, object);
}

void
opened_offer(struct store *s, const struct path *path, struct object *object)
{
	(void)pthread_mutex_lock(&s->opened->lock);
	keep(s, path, object);
	(void)pthread_mutex_unlock(&s->opened->lock);
}

void
opened_release(struct kept *k)
{
	struct opened *o = k->home;

	(void)pthread_mutex_lock(&o->lock);
	assert(k->users > 0);
	if (--k->users == 0 && !k->listed)
		file_free(k);
	(void)pthread_mutex_unlock(&o->lock);
}

void
opened_heard(struct opened *o, uint64_t turn)
{
	if (turn != 0 && turn == atomic_load_explicit(&o->turn, memory_order_relaxed))
		return;
	(void)pthread_mutex_lock(&o->lock);
	o->heard++;
	if (turn != 0)
		atomic_store_explicit(&o->turn, turn, memory_order_relaxed);
	(void)pthread_mutex_unlock(&o->lock);
}

void
opened_tidy(struct opened *o)
{
	struct kept *last;

	(void)pthread_mutex_lock(&o->lock);
	o->age++;
	while ((last = TAILQ_LAST(&o->uses, uses_head)) != NULL && o->age - last->age >= AGE_MAX)
		file_drop(last);
	(void)pthread_mutex_unlock(&o->lock);
}

void
opened_pause(struct opened *o, bool pause)
{
	(void)pthread_mutex_lock(&o->lock);
	o->paused = pause;
	if (pause)
		drop_all(o);
	(void)pthread_mutex_unlock(&o->lock);
}
