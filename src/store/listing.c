/* listing - a folder, entry by entry.
 * Reads getdents64(2) into a buffer for each open folder and asks statx(2) about what
 * is wanted.  Never follows a symbolic link: folders beneath are opened from the
 * descriptor of the one that holds them. */

#include "store/listing.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sorted.h"
#include "store/store_int.h"

#define DENTS		(32 * 1024)	/* bytes of folder read at once */
#define BATCH		256		/* entries in the first batch, for which somebody waits */
#define LARGER		4		/* times that in the others: each is a thread's to be woken for */
#define BYTES(entries)	(MEM_BUFFER / BATCH * (entries))

/* Entries, and behind them their names. */
struct batch {
	struct listing_entry	*entry;
	char			*names;
	size_t			 most;	/* entries */
	size_t			 room;	/* bytes of names */
};
_Static_assert(MEM_BUFFER - BATCH * sizeof(struct listing_entry) >= 4 * PATH_MAX,
    "a batch has room for some long names");

/* A folder that is being read, and its place in those above. */
struct level {
	int	 fd;			/* -1: there is nothing but mounts */
	char	*dents;
	size_t	 at, end;
	size_t	 mounts;		/* that have been looked at */
	size_t	 prefix;		/* bytes of l->name that lead here, with the slash */
};

struct listing {
	struct listing_opts opts;
	bool		 is_folder;
	int		 fault;		/* the first one; told at the end */
	uint64_t	 left;		/* entries that may still be given, if opts.limit */
	size_t		 base;		/* bytes of the listed path, with its slash */
	struct batch	 batch;
	size_t		 n, at;		/* entries in the batch, and given of it */
	size_t		 used;		/* bytes of batch.names */
	struct sorted	*sorted;	/* NULL: unsorted */
	bool		 filled;	/* a first batch is there that nobody has asked for */
	unsigned	 levels;
	struct level	 level[LISTING_DEPTH_MAX];
	char		 name[PATH_MAX];	/* of the present entry */
};

/* What was removed or exchanged while we looked is no fault. */
static void
fault(struct listing *l, int error)
{
	if (l->fault == 0 && error != ENOENT && error != ENOTDIR && error != ELOOP)
		l->fault = error;
}

static int
batch_open(struct batch *b, char *memory, size_t most)
{
	if (memory == NULL)
		return -1;
	b->entry = (struct listing_entry *)(void *)memory;
	b->most = most;
	b->names = (char *)(b->entry + most);
	b->room = BYTES(most) - most * sizeof(*b->entry);
	return 0;
}

static void
batch_close(struct batch *b)
{
	if (b->most == BATCH)
		mem_give((char *)b->entry);
	else
		free(b->entry);
	b->entry = NULL;
}

/* Who cannot have a larger one goes on with what he has. */
static void
batch_enlarge(struct batch *b)
{
	struct batch larger;

	if (b->most != BATCH || batch_open(&larger, malloc(BYTES(BATCH * LARGER)), BATCH * LARGER) == -1)
		return;
	batch_close(b);
	*b = larger;
}

static int
enter(struct listing *l, int fd, size_t prefix)
{
	struct level *level = &l->level[l->levels];

	assert(l->levels < LISTING_DEPTH_MAX);
	if ((level->dents = malloc(DENTS)) == NULL) {
		if (fd != -1)
			close(fd);
		return fail_with(ENOMEM);
	}
	level->fd = fd;
	level->at = level->end = level->mounts = 0;
	level->prefix = prefix;
	l->levels++;
	return 0;
}

static void
leave(struct listing *l)
{
	struct level *level = &l->level[--l->levels];

	if (level->fd != -1)
		close(level->fd);
	free(level->dents);
}

static void
leave_all(struct listing *l)
{
	while (l->levels > 0)
		leave(l);
}

/* The folder that was just given, whose name is the first `len` bytes of l->name. */
static void
enter_beneath(struct listing *l, const struct level *level, size_t len)
{
	int fd;

	if (l->levels == LISTING_DEPTH_MAX) {
		fault(l, ENAMETOOLONG);
		return;
	}
	fd = openat(level->fd, l->name + level->prefix,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1) {
		fault(l, errno);
		return;
	}
	l->name[len] = '/';
	if (enter(l, fd, len + 1) == -1)
		fault(l, errno);
}

static void
look_for_digest(int dirfd, const char *name, struct object *object)
{
	int fd;

	if ((fd = openat(dirfd, name, STORE_READ | O_NOFOLLOW | O_CLOEXEC)) == -1)
		return;
	store_known_digest(fd, object);
	close(fd);
}

/* 1: *object says it; 0: it is to be passed over. */
static int
look(struct listing *l, int dirfd, const char *name, struct object *object)
{
	struct statx stx;
	struct stat st;

	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC,
	    STATX_TYPE | STATX_MODE | STATX_SIZE | STATX_MTIME | STATX_INO, &stx) == -1) {
		fault(l, errno);
		return 0;
	}
	st.st_mode = stx.stx_mode;
	st.st_size = (off_t)stx.stx_size;
	st.st_ino = stx.stx_ino;
	st.st_mtim.tv_sec = stx.stx_mtime.tv_sec;
	st.st_mtim.tv_nsec = stx.stx_mtime.tv_nsec;
	if (object_from_stat(object, &st) == -1)
		return 0;
	object->fd = -1;
	object->known = object->settled = false;
	if (l->opts.digest && object->type == OBJECT_FILE)
		look_for_digest(dirfd, name, object);
	return 1;
}

static void
give(struct listing *l, const struct object *object, size_t len)
{
	struct listing_entry entry = { .name = l->name, .len = len, .object = *object };
	char *name;

	if (l->sorted != NULL) {
		if (sorted_add(l->sorted, &entry) == -1) {
			fault(l, ENOMEM);
			leave_all(l);
		}
		return;
	}
	assert(l->batch.entry != NULL && l->n < l->batch.most);
	name = l->batch.names + l->used;
	memcpy(name, l->name, len + 1);
	l->used += len + 1;
	entry.name = name;
	l->batch.entry[l->n++] = entry;
	if (l->opts.limit > 0 && --l->left == 0)
		leave_all(l);
}

static bool
is_wanted(const struct listing *l, const char *leaf)
{
	if (l->opts.match != NULL && fnmatch(l->opts.match, leaf, 0) != 0)
		return false;
	if (l->opts.after != NULL && strcmp(l->name, l->opts.after) <= 0)
		return false;
	return l->sorted == NULL || sorted_wants(l->sorted, l->name);
}

/* The length of the whole name, now in l->name; 0 if it is not to be shown, or if a
 * client could not name it. */
static size_t
take_name(struct listing *l, const struct level *level, const struct dirent64 *d)
{
	size_t len;

	if (d->d_type == DT_FIFO || d->d_type == DT_SOCK || d->d_type == DT_CHR ||
	    d->d_type == DT_BLK || !path_part_shown(d->d_name))
		return 0;
	len = strlen(d->d_name);
	if (len > PATH_PART_MAX || l->base + level->prefix + len > PATH_LEN_MAX) {
		fault(l, ENAMETOOLONG);
		return 0;
	}
	memcpy(l->name + level->prefix, d->d_name, len + 1);
	return level->prefix + len;
}

static unsigned
may(const struct listing *l, size_t len)
{
	return l->opts.may == NULL ? LISTING_SHOW | LISTING_ENTER | LISTING_DIGEST : l->opts.may(l->opts.may_arg, l->name, len);
}

/* Whether a mount hides what has that name. */
static bool
is_hidden(const struct listing *l, size_t len)
{
	for (size_t i = 0; i < l->opts.mounts; i++)
		if (l->opts.mount[i].len == len && memcmp(l->opts.mount[i].name, l->name, len) == 0)
			return true;
	return false;
}

static int
look_at_mount(const struct listing_mount *m, struct object *object)
{
	static const struct path root;

	*object = (struct object){ .fd = -1, .type = OBJECT_FOLDER, .mode = 0555 };
	return m->store != NULL ? store_stat(m->store, &root, object) : 0;
}

static void
enter_mount(struct listing *l, const struct listing_mount *m)
{
	int fd = -1;

	if (l->levels == LISTING_DEPTH_MAX) {
		fault(l, ENAMETOOLONG);
		return;
	}
	if (m->store != NULL && (fd = store_resolve(m->store, "", O_RDONLY | O_DIRECTORY, 0)) == -1) {
		fault(l, errno);
		return;
	}
	l->name[m->len] = '/';
	if (enter(l, fd, m->len + 1) == -1)
		fault(l, errno);
}

/* A mount, if it lies in the folder of this level. */
static void
visit_mount(struct listing *l, const struct level *level, const struct listing_mount *m)
{
	unsigned levels = l->levels, allowed;
	struct object object;

	if (m->len <= level->prefix || m->len > PATH_LEN_MAX || memcmp(m->name, l->name, level->prefix) != 0 ||
	    memchr(m->name + level->prefix, '/', m->len - level->prefix) != NULL)
		return;
	memcpy(l->name, m->name, m->len);
	l->name[m->len] = '\0';
	if ((allowed = may(l, m->len)) == 0)
		return;
	if (look_at_mount(m, &object) == -1) {
		fault(l, errno);
		return;
	}
	if ((allowed & LISTING_SHOW) && is_wanted(l, l->name + level->prefix))
		give(l, &object, m->len);
	if ((allowed & LISTING_ENTER) && levels < l->opts.depth && l->levels == levels)
		enter_mount(l, m);
}

static void
visit(struct listing *l, const struct dirent64 *d)
{
	const struct level *level = &l->level[l->levels - 1];
	bool deeper = l->levels < l->opts.depth, wanted, folder = d->d_type == DT_DIR;
	unsigned levels = l->levels;
	struct object object;
	const char *leaf;
	unsigned allowed;
	size_t len;

	if ((len = take_name(l, level, d)) == 0 || is_hidden(l, len) || (allowed = may(l, len)) == 0)
		return;
	leaf = l->name + level->prefix;
	wanted = (allowed & LISTING_SHOW) && is_wanted(l, leaf);
	deeper = deeper && (allowed & LISTING_ENTER);
	if (wanted || (deeper && d->d_type == DT_UNKNOWN)) {
		if (!look(l, level->fd, leaf, &object))
			return;
		folder = object.type == OBJECT_FOLDER;
	}
	if (wanted) {
		if (!(allowed & LISTING_DIGEST))
			object.known = false;
		give(l, &object, len);
	}
	if (folder && deeper && l->levels == levels)
		enter_beneath(l, level, len);
}

/* Reads on in the innermost folder; 0 at its end. */
static int
refill(struct listing *l, struct level *level)
{
	ssize_t n;

	if ((n = getdents64(level->fd, level->dents, DENTS)) == -1)
		fault(l, errno);
	level->at = 0;
	level->end = n > 0 ? (size_t)n : 0;
	return n > 0;
}

static bool
is_full(const struct listing *l)
{
	return l->sorted == NULL && (l->n == l->batch.most || l->batch.room - l->used < PATH_MAX);
}

static void
walk(struct listing *l)
{
	const struct dirent64 *d;
	struct level *level;

	while (l->levels > 0 && !is_full(l)) {
		level = &l->level[l->levels - 1];
		if (level->mounts < l->opts.mounts) {
			visit_mount(l, level, &l->opts.mount[level->mounts++]);
			continue;
		}
		if (level->at == level->end && (level->fd == -1 || !refill(l, level))) {
			leave(l);
			continue;
		}
		d = (const struct dirent64 *)(const void *)(level->dents + level->at);
		level->at += d->d_reclen;
		visit(l, d);
	}
}

/* A listing of a single file. */
static int
open_file(struct listing *l, struct store *s, const struct path *path)
{
	struct object object;

	if (store_stat(s, path, &object) == -1)
		return -1;
	if (object.type != OBJECT_FILE)
		return fail_with(ENOTDIR);	/* exchanged since we tried it as a folder */
	memcpy(l->name, path->name + path->leaf, path->len - path->leaf + 1);
	if (is_wanted(l, l->name))
		give(l, &object, path->len - path->leaf);
	if (l->sorted != NULL)
		l->n = sorted_end(l->sorted);
	l->filled = true;
	return 0;
}

static int
open_path(struct listing *l, struct store *s, const struct path *path)
{
	struct stat st;
	int fd;

	if (s == NULL) {
		l->is_folder = true;
		return enter(l, -1, 0);
	}
	if ((fd = store_resolve(s, path->name, O_RDONLY | O_DIRECTORY, 0)) == -1)
		return errno == ENOTDIR ? open_file(l, s, path) : -1;
	/* The root is held open: when it was removed, it would seem to be empty. */
	if (path->len == 0 && fstat(fd, &st) == 0 && st.st_nlink == 0) {
		close(fd);
		return fail_with(ENOENT);
	}
	l->is_folder = true;
	l->base = path->len > 0 ? path->len + 1 : 0;
	return enter(l, fd, 0);
}

int
listing_open(struct store *s, const struct path *path, const struct listing_opts *opts,
    struct listing **result)
{
	struct listing *l;

	*result = NULL;
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return -1;
	l->opts = *opts;
	l->left = opts->limit;
	if (opts->after != NULL)
		l->opts.sort = LISTING_BY_NAME;
	if (l->opts.sort != LISTING_UNSORTED)
		l->sorted = sorted_new(l->opts.sort, opts->limit);
	else
		(void)batch_open(&l->batch, mem_take(), BATCH);
	if ((l->batch.entry == NULL && l->sorted == NULL) || open_path(l, s, path) == -1) {
		listing_close(&l);
		return -1;
	}
	*result = l;
	return 0;
}

bool
listing_is_folder(const struct listing *l)
{
	return l->is_folder;
}

/* With a sort, the first time brings all. */
static void
fill(struct listing *l)
{
	bool sort = l->sorted != NULL && l->levels > 0;

	if (l->n > 0 && l->sorted == NULL && l->levels > 0)
		batch_enlarge(&l->batch);
	l->n = l->used = 0;
	walk(l);
	if (sort)
		l->n = sorted_end(l->sorted);
}

int
listing_fill(struct listing *l)
{
	int error;

	if (!l->filled)
		fill(l);
	l->filled = false;
	l->at = 0;
	if (l->n > 0)
		return 1;
	error = l->fault;
	l->fault = 0;
	return error == 0 ? 0 : fail_with(error);
}

bool
listing_at_end(const struct listing *l)
{
	return l->levels == 0 && !l->filled;
}

int
listing_next(struct listing *l, struct listing_entry *entry)
{
	if (l->at == l->n)
		return 0;
	*entry = l->sorted != NULL ? *sorted_get(l->sorted, l->at) : l->batch.entry[l->at];
	l->at++;
	return 1;
}

void
listing_close(struct listing **lp)
{
	struct listing *l = *lp;
	int error = errno;

	if (l == NULL)
		return;
	leave_all(l);
	sorted_free(&l->sorted);
	batch_close(&l->batch);
	free(l);
	*lp = NULL;
	errno = error;
}
