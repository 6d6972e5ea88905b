/* opened - files that are asked for again and again, kept open between two requests. */

#include <sys/sysmacros.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fnv.h"
#include "store/opened_int.h"

#define NAME_LEN_MAX	512		/* bytes of a path that is kept */
#define DEPTH_MAX	8		/* folders above a file that is kept */
#define SIZE_MAX_KEPT	(1024 * 1024)	/* opening is nothing beside sending more than that */
#define AGE_MAX		2		/* calls of opened_tidy() that a file stays without being used */

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

static bool
same_time(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Nothing can be done to a file that leaves all of this as it was. */
static bool
same_state(const struct statx *a, const struct statx *b)
{
	return opened_same_inode(a, b) && same_time(&a->stx_ctime, &b->stx_ctime) &&
	    same_time(&a->stx_mtime, &b->stx_mtime) && a->stx_size == b->stx_size &&
	    a->stx_mode == b->stx_mode;
}

static void
file_free(struct kept *k)
{
	struct opened *o = k->home;

	opened_folder_leave(o, k->folder);
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
	const uint32_t hash = fnv32_folded(path->name, path->len);
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
	if (!opened_folder_holds(s, k->folder) || opened_look(s, k->folder, k->name + k->leaf, &now) == -1 ||
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
	object->device = makedev(k->is.stx_dev_major, k->is.stx_dev_minor);
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

	return opened_folder_of(s, path, &k->folder) && opened_look(s, k->folder, k->name + k->leaf, &k->is) == 0 &&
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
	k->hash = fnv32_folded(path->name, path->len);
	k->len = (uint16_t)path->len;
	k->leaf = (uint16_t)path->leaf;
	memcpy(k->name, path->name, path->len);
	if (!file_place(s, k, path) || !file_is(k, object)) {
		opened_folder_leave(s->opened, k->folder);
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

	if (o->paused || !asked_before(o, fnv32_folded(path->name, path->len)) || !is_worth_it(path, object))
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
