/* opened_folder - the folders on the way to kept files, each open, and had once for all of them. */

#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fnv.h"
#include "store/opened_int.h"

bool
opened_same_inode(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_minor == b->stx_dev_minor &&
	    a->stx_dev_major == b->stx_dev_major && a->stx_mnt_id == b->stx_mnt_id &&
	    (a->stx_mode & S_IFMT) == (b->stx_mode & S_IFMT);
}

static int
folder_fd(const struct store *s, const struct folder *f)
{
	return f != NULL ? f->fd : s->root;
}

int
opened_look(const struct store *s, const struct folder *f, const char *name, struct statx *is)
{
	return statx(folder_fd(s, f), name, LOOK_FLAGS, LOOK_MASK, is);
}

static void
folder_unlist(struct folder *f)
{
	if (f->listed)
		LIST_REMOVE(f, bucket);
	f->listed = false;
}

void
opened_folder_leave(struct opened *o, struct folder *f)
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

bool
opened_folder_holds(struct store *s, struct folder *f)
{
	struct statx now;

	if (f == NULL || f->seen == s->opened->heard)
		return true;
	if (!opened_folder_holds(s, f->parent) || opened_look(s, f->parent, f->name, &now) == -1 ||
	    !opened_same_inode(&f->is, &now))
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
	const unsigned at = (fnv32_folded(name, len) ^ (unsigned)((uintptr_t)parent >> 6)) % FOLDER_BUCKETS;
	struct folder *f;

	LIST_FOREACH(f, &s->opened->folders[at], bucket)
		if (f->parent == parent && strncmp(f->name, name, len) == 0 && f->name[len] == '\0')
			break;
	if (f != NULL && !opened_folder_holds(s, f)) {
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

bool
opened_folder_of(struct store *s, const struct path *path, struct folder **f)
{
	struct folder *next;
	size_t at, end;

	*f = NULL;
	for (at = 0; at < path->leaf; at = end + 1) {
		end = at + strcspn(path->name + at, "/");
		next = folder_enter(s, *f, path->name + at, end - at);
		opened_folder_leave(s->opened, *f);	/* `next` is a user of it */
		if ((*f = next) == NULL)
			return false;
	}
	return true;
}
