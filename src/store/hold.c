/* hold - uploads of one session that wait to be published together.
 * How that is done is in commit.c. */

#include "store/hold.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/nitems.h"
#include "store/hold_int.h"

#define ROOM_FIRST	16
#define DESCRIPTORS	256	/* of held uploads of this process, that stay open */

static atomic_uint descriptors;

struct hold *
hold_open(struct store *s, size_t max)
{
	struct hold *h;

	if ((h = calloc(1, sizeof(*h))) == NULL)
		return NULL;
	h->store = s;
	h->max = max;
	h->root = -1;
	return h;
}

/* The root itself is always there. */
bool
hold_knows(const struct hold *h, const struct store *s, const struct path *path)
{
	return h->last == s && h->known > 0 && h->known == path->leaf &&
	    memcmp(h->folder, path->name, h->known) == 0;
}

static void
turn_to(struct hold *h, const struct store *s)
{
	if (h->last == s)
		return;
	h->last = s;
	h->root = -1;
	h->known = 0;
}

void
hold_learn(struct hold *h, const struct store *s, const struct path *path)
{
	turn_to(h, s);
	h->known = path->leaf;
	memcpy(h->folder, path->name, path->leaf);
}

void
hold_look_again(struct hold *h)
{
	h->known = 0;
}

size_t
hold_count(const struct hold *h)
{
	return h->count;
}

static bool
full(const struct hold *h)
{
	return h->count >= h->max;
}

/* FUSE takes the call and does nothing; older kernels do it and do not say how it went, which
 * is known by what they do not know of statx(2).  So only what is named here, all of it of
 * disks and of memory. */
static bool
syncs_whole(int fd)
{
	static const unsigned long known[] = { EXT4_SUPER_MAGIC /* and ext2, ext3 */,
		XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC };
	struct statx stx;
	struct statfs fs;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) == -1 ||
	    (stx.stx_mask & STATX_MNT_ID) == 0 || fstatfs(fd, &fs) == -1)
		return false;
	for (size_t i = 0; i < nitems(known); i++)
		if ((unsigned long)fs.f_type == known[i])
			return true;
	return false;
}

/* The place of the reserved folder `folder`.  Its index, or -1. */
static int
find_place(struct hold *h, int folder)
{
	struct place *p;
	struct stat st;
	unsigned i;

	if (fstat(folder, &st) == -1)
		return -1;
	for (i = 0; i < h->places; i++)
		if (h->place[i].dev == st.st_dev && h->place[i].inode == st.st_ino)
			return (int)i;
	if (h->places == PLACES)
		return fail_with(EMFILE);
	p = &h->place[h->places];
	*p = (struct place){ .dev = st.st_dev, .inode = st.st_ino };
	if ((p->fd = staging_open(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)) == -1)
		return -1;
	p->whole = h->store->opts.durable && syncs_whole(p->fd);
	return (int)h->places++;
}

int
hold_expect(struct hold *h, struct upload *up)
{
	bool root = up->staged.folder == atomic_load(&up->store->staging);
	int place;

	if (full(h) || h->done)
		return fail_with(EUSERS);
	turn_to(h, up->store);
	place = root ? h->root : -1;
	if (place == -1 && (place = find_place(h, up->staged.folder)) == -1)
		return -1;
	up->place = (unsigned)place;
	if (root) {
		h->root = place;
		return 0;
	}
	/* On another mount: one descriptor for all. */
	close(up->staged.folder);
	up->staged.folder = h->place[place].fd;
	up->lent = true;
	return 0;
}

/* A descriptor may stay where it is of use: it tells of faults in writing, and has the lock by
 * which an upload that can be resumed is nobody else's, also after a crash. */
static bool
stays_open(const struct hold *h, const struct upload *up)
{
	if (!up->staged.resumable && h->place[up->place].count >= SYNC_EACH_MAX)
		return false;
	if (atomic_fetch_add(&descriptors, 1) < DESCRIPTORS)
		return true;
	atomic_fetch_sub(&descriptors, 1);
	return false;
}

/* Without the lock, the name must be one that nobody looks for.  A network file system may tell
 * only now that the bytes did not arrive. */
static int
let_go(struct upload *up)
{
	int ret;

	if (staging_hide(up->store, &up->staged) == -1)
		return -1;
	ret = close(up->staged.fd);
	up->staged.fd = -1;
	return ret == -1 && errno != EINTR ? -1 : 0;
}

static int
append(struct hold *h, struct upload *up)
{
	size_t room = h->room > 0 ? 2 * h->room : ROOM_FIRST;
	struct upload **at;

	if (full(h))
		return fail_with(EUSERS);
	if (h->count == h->room) {
		if ((at = reallocarray(h->at, room, sizeof(*at))) == NULL)
			return -1;
		h->at = at;
		h->room = room;
	}
	up->nth = h->count;
	h->at[h->count++] = up;
	return 0;
}

static void
mark(const struct upload *up)
{
	int fd = openat(up->staged.folder, up->staged.name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1)
		return;
	staged_mark(fd, up->user, up->path, up->want.size);
	close(fd);
}

/* Back under the name by which a resume finds it.  All that is to be set, before: with the name
 * it may be another's. */
static void
leave(struct upload *up)
{
	const struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	char name[STAGED_HASH + 1];
	int folder = up->staged.folder;

	if (upload_resume_name(up, name) == -1 || fchmodat(folder, up->staged.name, 0600, 0) == -1 ||
	    utimensat(folder, up->staged.name, now, AT_SYMLINK_NOFOLLOW) == -1) {
		upload_unstage(up);
		return;
	}
	upload_leave_staged(up);
	mark(up);
	if (strcmp(up->staged.name, name) != 0 &&
	    store_rename(folder, up->staged.name, folder, name, true) == -1)
		upload_unstage(up);
}

/* Frees one that is held; its file stays for a resume if `keep`. */
static void
free_held(struct upload *up, bool keep)
{
	int error = errno;

	if (!up->named) {
		if (keep && up->want.size != UPLOAD_SIZE_UNKNOWN && up->offset > 0)
			leave(up);
		else
			upload_unstage(up);
	}
	if (up->staged.fd != -1)
		close(up->staged.fd);
	if (up->keeps)
		atomic_fetch_sub(&descriptors, 1);
	up->staged.fd = -1;
	up->staged.folder = -1;		/* the store's, or the place's */
	upload_free(&up, false);
	errno = error;
}

int
upload_hold(struct upload **upp, struct object *done)
{
	struct upload *up = *upp;
	struct hold *h = up->want.hold;

	memset(done, 0, sizeof(*done));
	done->fd = -1;
	if (upload_finish(up, done) == -1)
		goto fail;
	if (up->want.condition != UPLOAD_ANY && upload_check_target(up) == -1)
		goto fail;
	/* The folder is looked up again when the name is given. */
	if (up->parent != -1)
		close(up->parent);
	up->parent = -1;
	usage_settle(&up->owed);
	up->keeps = stays_open(h, up);
	if ((!up->keeps && let_go(up) == -1) || append(h, up) == -1)
		goto fail;
	h->place[up->place].count++;
	*upp = NULL;
	return 0;
fail:
	if (errno == EBADMSG)
		done->digest = up->digest;
	free_held(up, errno == EMSGSIZE);
	*upp = NULL;
	return -1;
}

static void
clear(struct hold *h, bool keep)
{
	for (size_t i = 0; i < h->count; i++)
		free_held(h->at[i], keep || h->at[i]->spared);
	for (unsigned i = 0; i < h->places; i++)
		close(h->place[i].fd);
	free(h->at);
	h->at = NULL;
	h->count = h->room = h->places = 0;
	h->done = false;
	h->root = -1;
	h->known = 0;
}

void
hold_clear(struct hold *h)
{
	clear(h, false);
}

void
hold_close(struct hold **hp, bool keep)
{
	if (*hp == NULL)
		return;
	clear(*hp, keep && !(*hp)->done);
	free(*hp);
	*hp = NULL;
}

void
hold_look(const struct hold *h, size_t which, struct hold_entry *entry)
{
	const struct upload *up = h->at[which];

	assert(which < h->count);
	*entry = (struct hold_entry){
		.store = up->store, .path = up->path, .user = up->user, .imposed = up->want.imposed,
	};
}

void
hold_refuse(struct hold *h, size_t which, int error)
{
	assert(!h->done && which < h->count);
	h->at[which]->fault = error;
}

int
hold_result(const struct hold *h, size_t which, const char **path, bool *conditional)
{
	const struct upload *up = h->at[which];

	assert(h->done && which < h->count);
	*path = up->path;
	*conditional = up->want.condition != UPLOAD_ANY;
	return up->fault;
}
