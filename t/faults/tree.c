/* tree - the disk that forgets. */

#include "tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "talk.h"

#define RESERVED	".coffer"
#define OBJECTS		(1 << 18)	/* a power of 2; more than there can be inodes */
#define ATTR_MAX	160
#define PAGE		4096

/* A file's bytes and what is said of it. */
struct state {
	char		*data;
	size_t		 size, room;
	int64_t		 mtime_sec;
	uint32_t	 mtime_nsec;
	char		 attr[ATTR_MAX];
};

struct step {				/* of a name */
	uint64_t	 number;	/* of the record */
	struct object	*object;	/* NULL: gone from here */
	struct entry	*to;		/* gone because it was renamed to that name */
	unsigned	 to_step;
};

struct entry {
	struct entry	*next;		/* in the folder */
	char		*name;
	struct step	*step;
	int		 steps, kept, chosen;	/* indices; -1: not there yet */
};

struct object {
	uint64_t	 ino;
	bool		 folder;
	struct entry	*first;
	struct state	 kept, left;	/* what is certain; what the cut has left */
	const struct faults_record **pending;	/* not yet fsynced */
	unsigned	 count;
	bool		 hashed;	/* digest is that of kept */
	struct digest	 digest;
	unsigned	 cut;		/* left is of this cut */
	char		*written;	/* where tree_write() made it */
};

struct tree {
	struct object	*object[OBJECTS];
	struct object	*root;
	enum cut	 how;
	uint64_t	 dice;
	unsigned	 cuts, lost;
	struct actual	*list;
	unsigned	 count, room;
};

/* --- growing */

static struct object **
slot(struct tree *t, uint64_t ino)
{
	uint64_t hash = ino * UINT64_C(0x9e3779b97f4a7c15) >> 20;

	while (t->object[hash % OBJECTS] != NULL && t->object[hash % OBJECTS]->ino != ino)
		hash++;
	return &t->object[hash % OBJECTS];
}

/* An inode's number may have been another's before. */
static struct object *
object_new(struct tree *t, uint64_t ino, bool folder)
{
	struct object *o = calloc(1, sizeof(*o));

	o->ino = ino;
	o->folder = folder;
	return *slot(t, ino) = o;
}

struct tree *
tree_new(uint64_t root)
{
	struct tree *t = calloc(1, sizeof(*t));

	t->root = object_new(t, root, true);
	return t;
}

static struct entry *
entry(struct object *folder, const char *name)
{
	struct entry *e;

	for (e = folder->first; e != NULL; e = e->next)
		if (strcmp(e->name, name) == 0)
			return e;
	e = calloc(1, sizeof(*e));
	e->name = strdup(name);
	e->kept = e->chosen = -1;
	e->next = folder->first;
	return folder->first = e;
}

static struct step *
add_step(struct entry *e, uint64_t number, struct object *object)
{
	if ((e->steps & (e->steps - 1)) == 0)
		e->step = realloc(e->step, (size_t)(e->steps > 0 ? 2 * e->steps : 1) * sizeof(*e->step));
	e->step[e->steps] = (struct step){ .number = number, .object = object };
	return &e->step[e->steps++];
}

static void
make(struct tree *t, const struct faults_record *r)
{
	struct object *dir = *slot(t, r->dir);

	if (dir != NULL)
		add_step(entry(dir, faults_data(r)), r->number, object_new(t, r->ino, r->kind == LOG_MKDIR));
}

static void
unname(struct tree *t, const struct faults_record *r)
{
	struct object *dir = *slot(t, r->dir);

	if (dir != NULL)
		add_step(entry(dir, faults_data(r)), r->number, NULL);
}

static void
rename_or_link(struct tree *t, const struct faults_record *r)
{
	const char *name = faults_data(r), *toname = name + strlen(name) + 1;
	struct object *dir = *slot(t, r->dir), *todir = *slot(t, r->todir);
	struct entry *from, *to;
	struct step *gone;

	if (dir == NULL || todir == NULL)
		return;
	from = entry(dir, name);
	to = entry(todir, toname);
	if (from->steps == 0 || from == to)
		return;
	add_step(to, r->number, from->step[from->steps - 1].object);
	if (r->kind == LOG_LINK)
		return;
	gone = add_step(from, r->number, NULL);
	gone->to = to;
	gone->to_step = (unsigned)to->steps - 1;
}

static void
pend(struct tree *t, const struct faults_record *r)
{
	struct object *o = *slot(t, r->ino);

	if (o == NULL)
		return;
	if ((o->count & (o->count - 1)) == 0)
		o->pending = realloc(o->pending, (o->count > 0 ? 2 * o->count : 1) * sizeof(*o->pending));
	o->pending[o->count++] = r;
}

/* --- what a record makes of a state */

static void
set_size(struct state *s, size_t size)
{
	if (size > s->room) {
		s->room = size + size / 2;
		s->data = realloc(s->data, s->room);
	}
	if (size > s->size)
		memset(s->data + s->size, 0, size - s->size);
	s->size = size;
}

static void
set_mtime(struct state *s, const struct faults_record *r)
{
	s->mtime_sec = r->mtime_sec;
	s->mtime_nsec = r->mtime_nsec;
}

static void
set_bytes(struct state *s, const struct faults_record *r, size_t from, size_t to)
{
	memcpy(s->data + r->at + from, faults_data(r) + from, to - from);
}

static void
apply(struct state *s, const struct faults_record *r)
{
	switch (r->kind) {
	case LOG_WRITE:
		if (r->at + r->len > s->size)
			set_size(s, r->at + r->len);
		set_bytes(s, r, 0, r->len);
		set_mtime(s, r);
		break;
	case LOG_SIZE:
		set_size(s, r->at);
		set_mtime(s, r);
		break;
	case LOG_MTIME:
		set_mtime(s, r);
		break;
	case LOG_ATTR:
		snprintf(s->attr, sizeof(s->attr), "%.*s", (int)r->len, faults_data(r));
		break;
	default:
		break;
	}
}

static void
copy_state(struct state *to, const struct state *from)
{
	struct state old = *to;

	*to = *from;
	to->data = old.data;
	to->room = old.room;
	to->size = 0;
	set_size(to, from->size);
	if (from->size > 0)
		memcpy(to->data, from->data, from->size);
}

/* --- fsync */

static void
sync_object(struct object *o, uint64_t begin)
{
	struct entry *e;
	unsigned i, n = 0;

	for (e = o->first; e != NULL; e = e->next)
		while (e->kept + 1 < e->steps && e->step[e->kept + 1].number < begin)
			e->kept++;
	while (n < o->count && o->pending[n]->number < begin)
		n++;
	for (i = 0; i < n; i++)
		apply(&o->kept, o->pending[i]);
	memmove(o->pending, o->pending + n, (o->count - n) * sizeof(*o->pending));
	o->count -= n;
	o->hashed = o->hashed && n == 0;
}

static void
sync_all(struct tree *t, uint64_t begin)
{
	for (unsigned i = 0; i < OBJECTS; i++)
		if (t->object[i] != NULL)
			sync_object(t->object[i], begin);
}

void
tree_take(struct tree *t, const struct faults_record *r)
{
	struct object *o;

	switch (r->kind) {
	case LOG_CREATE:
	case LOG_MKDIR:
		make(t, r);
		break;
	case LOG_UNLINK:
		unname(t, r);
		break;
	case LOG_RENAME:
	case LOG_LINK:
		rename_or_link(t, r);
		break;
	case LOG_WRITE:
	case LOG_SIZE:
	case LOG_MTIME:
	case LOG_ATTR:
		pend(t, r);
		break;
	case LOG_SYNC:
		if (r->ino == 0)
			sync_all(t, r->at);
		else if ((o = *slot(t, r->ino)) != NULL)
			sync_object(o, r->at);
		break;
	default:
		break;
	}
}

/* --- the cut */

/* Zeros, or nothing, where bytes were to be; single pages of them are there all the same. */
static void
apply_torn(struct tree *t, struct state *s, const struct faults_record *r)
{
	size_t at, len;

	if (noise_below(&t->dice, 4) == 0 || r->len == 0)
		return;
	if (r->at + r->len > s->size)
		set_size(s, r->at + r->len);
	set_mtime(s, r);
	for (at = 0; at < r->len; at += len) {
		len = PAGE - (r->at + at) % PAGE;
		len = len < r->len - at ? len : r->len - at;
		if (noise_below(&t->dice, 2) == 0)
			set_bytes(s, r, at, at + len);
	}
}

static void
apply_without_bytes(struct state *s, const struct faults_record *r)
{
	if (r->kind != LOG_WRITE) {
		apply(s, r);
		return;
	}
	if (r->at + r->len > s->size)
		set_size(s, r->at + r->len);
	set_mtime(s, r);
}

/* What is left of the file. */
static const struct state *
cut_file(struct tree *t, struct object *o)
{
	unsigned i;

	if (o->count == 0 || t->how == CUT_NOTHING_STAYS) {
		t->lost += o->count > 0;
		return &o->kept;
	}
	if (o->cut == t->cuts)
		return &o->left;
	o->cut = t->cuts;
	t->lost += t->how != CUT_ALL_STAYS;
	copy_state(&o->left, &o->kept);
	for (i = 0; i < o->count; i++)
		if (t->how == CUT_ALL_STAYS)
			apply(&o->left, o->pending[i]);
		else if (t->how == CUT_NO_BYTES_STAY)
			apply_without_bytes(&o->left, o->pending[i]);
		else if (o->pending[i]->kind == LOG_WRITE)
			apply_torn(t, &o->left, o->pending[i]);
		else if (noise_below(&t->dice, 2) == 0)
			apply(&o->left, o->pending[i]);
	return &o->left;
}

static void
choose(struct tree *t, struct object *dir, unsigned all)
{
	struct entry *e;

	for (e = dir->first; e != NULL; e = e->next) {
		if (t->how == CUT_NOTHING_STAYS)
			e->chosen = e->kept;
		else if (t->how != CUT_ANYTHING || all == 0)
			e->chosen = e->steps - 1;
		else
			e->chosen = e->kept + (int)noise_below(&t->dice, (unsigned)(e->steps - e->kept));
	}
}

/* A rename sets the new name before it takes the old one away. */
static bool
mend(struct object *dir)
{
	struct entry *e;
	bool changed = false;
	int i;

	for (e = dir->first; e != NULL; e = e->next)
		for (i = e->kept + 1; i <= e->chosen; i++)
			if (e->step[i].to != NULL && e->step[i].to->chosen < (int)e->step[i].to_step) {
				e->chosen = i - 1;
				changed = true;
				break;
			}
	return changed;
}

static struct object *
left_at(const struct entry *e)
{
	return e->chosen == -1 ? NULL : e->step[e->chosen].object;
}

unsigned
tree_cut(struct tree *t, enum cut how, uint64_t *dice)
{
	struct entry *e;
	bool changed;
	unsigned i;

	t->how = how;
	t->dice = noise_next(dice);
	t->cuts++;
	t->lost = 0;
	for (i = 0; i < OBJECTS; i++)
		if (t->object[i] != NULL && t->object[i]->folder)
			choose(t, t->object[i], noise_below(&t->dice, 3));
	do {
		changed = false;
		for (i = 0; i < OBJECTS; i++)
			if (t->object[i] != NULL && t->object[i]->folder)
				changed |= mend(t->object[i]);
	} while (changed);
	for (i = 0; i < OBJECTS; i++)
		if (t->object[i] != NULL)
			for (e = t->object[i]->first; e != NULL; e = e->next)
				t->lost += e->chosen != e->steps - 1;
	return t->lost;
}

/* --- what is left, as a list */

static void
find_attr(const struct object *o, const struct state *s, struct actual *a)
{
	char stamp[100];
	int len = snprintf(stamp, sizeof(stamp), "%zu %lld.%09u %llu ", s->size, (long long)s->mtime_sec,
	    s->mtime_nsec, (unsigned long long)o->ino);

	a->has_attr = strncmp(s->attr, stamp, (size_t)len) == 0 &&
	    digest_parse(&a->attr, s->attr + len, strlen(s->attr + len)) == 0;
}

static struct actual
look(struct tree *t, struct object *o)
{
	struct actual a = { .there = o->folder ? FOLDER_THERE : FILE_THERE };
	const struct state *s;

	if (o->folder)
		return a;
	s = cut_file(t, o);
	a.size = (int64_t)s->size;
	if (s != &o->kept)
		digest_of(s->data, s->size, &a.digest);
	else {
		if (!o->hashed)
			digest_of(s->data, s->size, &o->digest);
		o->hashed = true;
		a.digest = o->digest;
	}
	find_attr(o, s, &a);
	return a;
}

static void
list(struct tree *t, struct object *dir, const char *above)
{
	char path[PATH_MAX];
	struct object *o;
	struct entry *e;

	for (e = dir->first; e != NULL; e = e->next) {
		if ((o = left_at(e)) == NULL || (dir == t->root && strcmp(e->name, RESERVED) == 0))
			continue;
		if (t->count == t->room) {
			t->room = t->room > 0 ? 2 * t->room : 64;
			t->list = realloc(t->list, t->room * sizeof(*t->list));
		}
		snprintf(path, sizeof(path), "%s/%s", above, e->name);
		t->list[t->count] = look(t, o);
		t->list[t->count++].path = strdup(path);
		if (o->folder)
			list(t, o, path);
	}
}

const struct actual *
tree_list(struct tree *t, unsigned *count)
{
	while (t->count > 0)
		free((char *)(uintptr_t)t->list[--t->count].path);
	list(t, t->root, "");
	*count = t->count;
	return t->list;
}

/* --- and as files */

static int
write_file(struct tree *t, struct object *o, const char *path)
{
	const struct state *s = cut_file(t, o);
	int fd;

	if (o->written != NULL)
		return link(o->written, path);
	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644)) == -1)
		return -1;
	if (write(fd, s->data, s->size) != (ssize_t)s->size)
		return -1;
	close(fd);
	o->written = strdup(path);
	return 0;
}

static int
write_folder(struct tree *t, struct object *dir, const char *above)
{
	char path[PATH_MAX];
	struct object *o;
	struct entry *e;

	for (e = dir->first; e != NULL; e = e->next) {
		if ((o = left_at(e)) == NULL)
			continue;
		snprintf(path, sizeof(path), "%s/%s", above, e->name);
		if (o->folder ? mkdir(path, 0755) == -1 || write_folder(t, o, path) == -1 :
		    write_file(t, o, path) == -1) {
			perror(path);
			return -1;
		}
	}
	return 0;
}

int
tree_write(struct tree *t, const char *folder)
{
	for (unsigned i = 0; i < OBJECTS; i++)
		if (t->object[i] != NULL) {
			free(t->object[i]->written);
			t->object[i]->written = NULL;
		}
	return write_folder(t, t->root, folder);
}
