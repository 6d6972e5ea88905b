/* commit - the uploads of a hold get their names, with as few syncs as possible.
 * The same order as for a single one: the bytes are on disk before the name is, the name before
 * the answer.  A sync that fails fails all that it was to promise; it is not tried again, for
 * the kernel tells of a lost page once and then takes it for clean. */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/hold_int.h"

static struct place *
place_of(struct hold *h, const struct upload *up)
{
	return &h->place[up->place];
}

unsigned
hold_syncs(struct hold *h, unsigned most)
{
	size_t jobs = 0;

	for (unsigned i = 0; i < h->places; i++)
		jobs += place_at_once(&h->place[i]) ? 1 : h->place[i].count;
	if (!h->store->opts.durable || jobs == 0)
		jobs = 1;
	return h->parts = jobs < most ? (unsigned)jobs : most;
}

/* One whose descriptor did not stay open. */
static int
sync_named(const struct upload *up)
{
	int fd, ret, error;

	fd = staging_open(up->staged.folder, up->staged.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (fd == -1)
		return errno == ENOENT ? fail_with(ENOTRECOVERABLE) : -1;
	ret = fsync(fd);
	error = errno;
	close(fd);
	errno = error;
	return ret;
}

int
hold_sync(struct hold *h, unsigned which)
{
	struct upload *up;

	if (!h->store->opts.durable)
		return 0;
	for (unsigned i = which; i < h->places; i += h->parts)
		if (place_at_once(&h->place[i]) && syncfs(h->place[i].fd) == -1)
			h->place[i].error = errno;
	for (size_t i = which; i < h->count; i += h->parts) {
		up = h->at[i];
		if (!place_at_once(place_of(h, up)) &&
		    (up->staged.fd != -1 ? fsync(up->staged.fd) : sync_named(up)) == -1)
			up->fault = errno;
	}
	return 0;
}

/* By store and folder, so that each is opened and synced once; within it as they came. */
static int
by_folder(const void *a, const void *b)
{
	const struct upload *x = *(struct upload *const *)a, *y = *(struct upload *const *)b;
	size_t least = x->leaf < y->leaf ? x->leaf : y->leaf;
	int order = memcmp(x->path, y->path, least);

	if (x->store != y->store)
		return x->store < y->store ? -1 : 1;
	if (order == 0 && x->leaf != y->leaf)
		order = x->leaf < y->leaf ? -1 : 1;
	return order != 0 ? order : x->nth < y->nth ? -1 : 1;
}

static int
by_coming(const void *a, const void *b)
{
	const struct upload *x = *(struct upload *const *)a, *y = *(struct upload *const *)b;

	return x->nth < y->nth ? -1 : 1;
}

static bool
same_folder(const struct upload *a, const struct upload *b)
{
	return a->store == b->store && a->leaf == b->leaf && memcmp(a->path, b->path, a->leaf) == 0;
}

/* The end of the row of uploads into the same folder. */
static size_t
row_end(const struct hold *h, size_t begin)
{
	size_t end = begin + 1;

	while (end < h->count && same_folder(h->at[begin], h->at[end]))
		end++;
	return end;
}

static void
fail_row(struct hold *h, size_t begin, size_t end, int error)
{
	for (size_t i = begin; i < end; i++)
		if (h->at[i]->fault == 0)
			h->at[i]->fault = error;
}

static void
name_one(struct hold *h, struct upload *up, int parent)
{
	if (up->fault == 0)
		up->fault = place_of(h, up)->error;
	if (up->fault != 0)
		return;
	up->parent = parent;
	if (upload_give_name(up) == -1)
		up->fault = errno;
	up->parent = -1;
}

/* If the sync of the folder fails, the files have their names, but nobody is told that they will
 * last.  With many folders the sync comes later. */
static void
name_row(struct hold *h, size_t begin, size_t end, bool sync)
{
	struct store *store = h->at[begin]->store;
	struct path path;
	int parent;

	path.len = strlen(h->at[begin]->path);
	path.leaf = h->at[begin]->leaf;
	memcpy(path.name, h->at[begin]->path, path.len + 1);
	if ((parent = store_parent(store, &path, 0)) == -1) {
		fail_row(h, begin, end, errno);
		return;
	}
	for (size_t i = begin; i < end; i++)
		name_one(h, h->at[i], parent);
	if (sync && store_sync_folder(store, parent) == -1)
		fail_row(h, begin, end, errno);
	close(parent);
}

static size_t
count_rows(const struct hold *h)
{
	size_t rows = 0;

	for (size_t i = 0; i < h->count; i = row_end(h, i))
		rows++;
	return rows;
}

/* All names of a file system at once. */
static void
sync_names(struct hold *h, unsigned which)
{
	int error;

	if (!place_at_once(&h->place[which]) || syncfs(h->place[which].fd) == 0)
		return;
	error = errno;
	for (size_t i = 0; i < h->count; i++)
		if (h->at[i]->place == which && h->at[i]->fault == 0)
			h->at[i]->fault = error;
}

void
hold_publish(struct hold *h)
{
	bool many, at_once;
	size_t end;

	if (h->count > 0)
		qsort(h->at, h->count, sizeof(h->at[0]), by_folder);
	many = h->store->opts.durable && count_rows(h) > SYNC_EACH_MAX;
	for (size_t i = 0; i < h->count; i = end) {
		end = row_end(h, i);
		at_once = many && place_at_once(place_of(h, h->at[i]));
		name_row(h, i, end, !at_once);
	}
	for (unsigned i = 0; many && i < h->places; i++)
		sync_names(h, i);
	if (h->count > 0)
		qsort(h->at, h->count, sizeof(h->at[0]), by_coming);
	h->done = true;
}
