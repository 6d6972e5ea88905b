/* sorted - entries of a listing that are wanted in order, and only the first of them.
 * Twice the limit is gathered, then sorted and cut in half, so that a page of a huge
 * folder needs the memory of a page.  Knows nothing of folders. */

#include "store/sorted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN	1024
#define LIMIT_MAX	(1 << 30)	/* from here on a limit saves nothing */

struct item {
	struct listing_entry	entry;
	char			name[];
};

typedef int	compare_fn(const void *, const void *);

struct sorted {
	compare_fn	 *compare;
	bool		  by_name;
	size_t		  limit;	/* 0: none */
	struct item	**item;
	size_t		  n, room;
	const char	 *last;		/* the greatest of `limit` names; NULL: not yet so many */
};

static const struct listing_entry *
entry_at(const void *p)
{
	return &(*(struct item *const *)p)->entry;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(entry_at(a)->name, entry_at(b)->name);
}

static int
by_size(const void *a, const void *b)
{
	off_t x = entry_at(a)->object.size, y = entry_at(b)->object.size;

	return x != y ? (x < y ? 1 : -1) : by_name(a, b);
}

static int
by_mtime(const void *a, const void *b)
{
	const struct timespec *x = &entry_at(a)->object.mtime, *y = &entry_at(b)->object.mtime;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	if (x->tv_nsec != y->tv_nsec)
		return x->tv_nsec < y->tv_nsec ? 1 : -1;
	return by_name(a, b);
}

struct sorted *
sorted_new(enum listing_sort sort, uint64_t limit)
{
	struct sorted *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	s->compare = sort == LISTING_BY_SIZE ? by_size :
	    sort == LISTING_BY_MTIME ? by_mtime : by_name;
	s->by_name = s->compare == by_name;
	s->limit = limit < LIMIT_MAX ? (size_t)limit : 0;
	return s;
}

bool
sorted_wants(const struct sorted *s, const char *name)
{
	return !s->by_name || s->last == NULL || strcmp(name, s->last) < 0;
}

static void
cut(struct sorted *s)
{
	qsort(s->item, s->n, sizeof(struct item *), s->compare);
	if (s->limit == 0 || s->n < s->limit)
		return;
	while (s->n > s->limit)
		free(s->item[--s->n]);
	s->last = s->item[s->n - 1]->name;
}

static int
make_room(struct sorted *s)
{
	size_t room = s->room < ROOM_MIN ? ROOM_MIN : 2 * s->room;
	struct item **item;

	if ((item = reallocarray(s->item, room, sizeof(struct item *))) == NULL)
		return -1;
	s->item = item;
	s->room = room;
	return 0;
}

int
sorted_add(struct sorted *s, const struct listing_entry *entry)
{
	struct item *item;

	if (s->n == s->room && s->limit > 0 && s->n >= 2 * s->limit)
		cut(s);
	if (s->n == s->room && make_room(s) == -1)
		return -1;
	if ((item = malloc(sizeof(*item) + entry->len + 1)) == NULL)
		return -1;
	item->entry = *entry;
	memcpy(item->name, entry->name, entry->len + 1);
	item->entry.name = item->name;
	s->item[s->n++] = item;
	return 0;
}

size_t
sorted_end(struct sorted *s)
{
	if (s->n > 0)
		cut(s);
	return s->n;
}

const struct listing_entry *
sorted_get(const struct sorted *s, size_t i)
{
	return &s->item[i]->entry;
}

void
sorted_free(struct sorted **sp)
{
	struct sorted *s = *sp;

	if (s == NULL)
		return;
	while (s->n > 0)
		free(s->item[--s->n]);
	free(s->item);
	free(s);
	*sp = NULL;
}
