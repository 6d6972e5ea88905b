/* fetch - files and trees from a server to the disk, over one connection.
 * Items are finished in the order in which they were added.  Ahead of the one that
 * is being received, a window of requests is kept full.  Items that need a conversation
 * of their own (a tree to be listed, a file to be gone on with) wait until no
 * request is on its way. */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/fetch_int.h"
#include "client/progress.h"
#include "client/stop.h"

#define WINDOW		512	/* requests on their way at most */
#define REFILL		256	/* new ones are made when there are no more than these */
#define TRIES		3	/* reconnects in a row with --continue */

struct fetch *
fetch_new(struct client *c, const struct fetch_opts *opts)
{
	struct fetch *f = xmalloc(sizeof(*f));

	memset(f, 0, sizeof(*f));
	f->client = c;
	f->opts = *opts;
	f->buffer = xmalloc(RECEIVE_BUFFER);
	return f;
}

void
fetch_free(struct fetch *f)
{
	struct branch *branch;

	while (f->count > 0)
		free(f->items[--f->count].name);
	while ((branch = f->branches) != NULL) {
		f->branches = branch->next;
		while (branch->nparts > 0)
			free(branch->parts[--branch->nparts]);
		free(branch->parts);
		free(branch->remote);
		free(branch->local);
		free(branch);
	}
	free(f->items);
	free(f->buffer);
	free(f);
}

struct branch *
fetch_branch(struct fetch *f, struct target *target, char *remote, char *local, unsigned links)
{
	struct branch *branch = xmalloc(sizeof(*branch));

	*branch = (struct branch){
		.next = f->branches,
		.target = target,
		.remote = remote,
		.local = local,
		.links = links,
	};
	f->branches = branch;
	return branch;
}

struct item *
fetch_append(struct fetch *f, struct branch *branch, char *name, char type)
{
	struct item *item;

	if (f->count == f->room) {
		f->room = f->room > 0 ? 2 * f->room : 256;
		f->items = xreallocarray(f->items, f->room, sizeof(*f->items));
	}
	item = &f->items[f->count++];
	*item = (struct item){ .branch = branch, .name = name, .type = type };
	return item;
}

void
fetch_add(struct fetch *f, const struct place *place, struct target *target, const char *name)
{
	const char *remote = strcmp(place->path, "/") == 0 ? "" : place->path;
	struct branch *branch = fetch_branch(f, target, xstrdup(remote), xstrdup(name), 0);

	f->place = place;
	fetch_append(f, branch, NULL, f->opts.recursive ? 't' : 'f')->named = true;
}

bool
fetch_broken(const struct fetch *f)
{
	return f->broken;
}

char *
item_remote(const struct item *item)
{
	if (item->name != NULL)
		return xasprintf("%s/%s", item->branch->remote, item->name);
	return xstrdup(item->branch->remote[0] != '\0' ? item->branch->remote : "/");
}

const char *
item_local(const struct item *item)
{
	static char name[2 * PATH_MAX];
	const char *under = item->branch->local;
	char *p = name;

	if (item->name == NULL)
		return under;
	if (strlen(under) + strlen(item->name) + 2 > sizeof(name))
		return under;	/* no system call takes it: see too_long() */
	if (*under != '\0') {
		p = stpcpy(p, under);
		*p++ = '/';
	}
	(void)strcpy(p, item->name);
	return name;
}

static bool
too_long(const struct item *item)
{
	return item->name != NULL &&
	       strlen(item->branch->local) + strlen(item->name) + 2 > PATH_MAX;
}

const char *
item_shown(const struct fetch *f, const struct item *item)
{
	if (f->opts.out != -1)
		return path_leaf(item->branch->remote);
	return target_shown(item->branch->target, item_local(item));
}

bool
item_other_part(const struct item *item)
{
	const struct branch *branch = item->branch;
	char temp[NAME_MAX + 1];
	const char *leaf;
	size_t i, dir;

	if (branch->nparts == 0 || item->name == NULL)
		return false;
	leaf = path_leaf(item->name);
	if (strlen(leaf) > NAME_MAX)
		return false;
	part_name(temp, leaf, false);
	dir = (size_t)(leaf - item->name);
	for (i = 0; i < branch->nparts; i++)
		if (strncmp(branch->parts[i], item->name, dir) == 0 &&
		    strcmp(branch->parts[i] + dir, temp) == 0)
			return true;
	return false;
}

/* Ends an item without its being fetched. */
static void
give_up(struct fetch *f, struct item *item, int code)
{
	tally_add(f->tally, code);
	item->skip = true;
}

/* Whether a file is left alone because it is here already. */
static bool
is_kept(struct fetch *f, struct item *item)
{
	struct stat st;

	if (!f->opts.keep || f->opts.out != -1 ||
	    fstatat(item->branch->target->root, item_local(item), &st, AT_SYMLINK_NOFOLLOW) == -1)
		return false;
	if (!item->named) {
		item->skip = true;
		progress_file();
		return true;
	}
	say_of(item_shown(f, item), "exists, and is left alone");
	give_up(f, item, PRECONDITION);
	return true;
}

/* Whether there is a part file to go on from. */
static bool
is_rest(struct fetch *f, const struct item *item)
{
	const char *leaf;
	int dir;

	if (!f->opts.resume || f->opts.out != -1 || item->fresh)
		return false;
	dir = target_parent(item->branch->target, item_local(item), &leaf);
	return dir != -1 && strlen(leaf) <= NAME_MAX &&
	       part_size(dir, leaf, item_other_part(item)) > 0;
}

static void
ask(struct fetch *f, struct item *item)
{
	char *remote = item_remote(item);

	if (remote_request(f->client->remote, "GET", remote, "digest") == -1)
		give_up(f, item, say_errno(remote, errno));
	else {
		item->asked = true;
		f->asked++;
	}
	free(remote);
}

/* Makes requests until the window is full, or something must wait for its turn. */
static void
refill(struct fetch *f)
{
	struct item *item;

	if (f->asked > REFILL)
		return;
	for (; f->asked < WINDOW && f->next < f->count; f->next++) {
		item = &f->items[f->next];
		if (item->type == 't')
			return;
		if (item->type == 'd' || item->skip)
			continue;
		if (too_long(item)) {
			give_up(f, item, say_errno(item->name, ENAMETOOLONG));
			continue;
		}
		if (is_kept(f, item))
			continue;
		if (is_rest(f, item))
			return;
		ask(f, item);
	}
	remote_push(f->client->remote);
}

static void
make_folder(struct fetch *f, const struct item *item)
{
	const char *local = item_local(item);

	if (too_long(item))
		tally_add(f->tally, say_errno(item->name, ENAMETOOLONG));
	else if (target_folder(item->branch->target, local, strlen(local)) == -1)
		tally_add(
		    f->tally, say_errno(item_shown(f, item), errno == ENOTDIR ? ELOOP : errno));
}

/* Finishes the item whose turn it is.  0, or -1: the connection is of no use. */
static int
finish(struct fetch *f)
{
	struct item *item = &f->items[f->done];
	size_t again;

	if (item->skip)
		;
	else if (item->type == 'd')
		make_folder(f, item);
	else if (item->asked) {
		if (receive_file(f, item) == -1)
			return -1;
		f->asked--;
	} else if (item->type == 't') {
		again = f->count;
		if (list_tree(f, f->done) == -1) {
			while (f->count > again)	/* the whole list is asked for again */
				free(f->items[--f->count].name);
			return -1;
		}
	} else {
		if (receive_rest(f, item) == -1)
			return -1;
		item = &f->items[f->done];	/* the array may have grown */
		if (item->fresh && !item->skip)
			return 0;		/* asked for in the usual way next */
	}
	f->done++;
	if (f->next < f->done)
		f->next = f->done;
	return 0;
}

/* A new connection after the last one was lost: what had no answer is asked for again.
 * 0, or -1 if that is not wanted or does not help. */
static int
recover(struct fetch *f)
{
	struct remote *r;
	size_t i;

	if (!f->opts.resume || f->opts.out != -1)
		return -1;
	while (f->tries < TRIES && !stop_wanted()) {
		r = f->client->remote;
		if (r != NULL && remote_fault(r) == EPROTO)
			return -1;
		if (!f->client->quiet)
			say("%s; trying again in %u s", r != NULL ? remote_why(r) : "no connection",
			    1U << f->tries);
		if (stop_pause(1000 << f->tries++) == -1)
			return -1;
		if (client_connect(f->client, f->place) == PROTOCOL_ERROR)
			return -1;	/* waiting makes nobody one whom we trust */
		if (f->client->remote == NULL)
			continue;
		for (i = f->done; i < f->next; i++)
			f->items[i].asked = false;
		f->next = f->done;
		f->asked = 0;
		return 0;
	}
	return -1;
}

/* Says how a fetch that broke off can be gone on with. */
static int
broken(struct fetch *f)
{
	struct remote *r = f->client->remote;
	int code;

	f->broken = true;
	if (r == NULL)
		return client_unconnected(f->client, f->next > 0);
	code = remote_complain(r, f->opts.out == -1);
	if (code == RESUMABLE && f->opts.out == -1 && !f->client->quiet)
		say("%ju of %ju done; the same command with -c goes on from here",
		    (uintmax_t)f->done, (uintmax_t)f->count);
	return code;
}

int
fetch_run(struct fetch *f, struct tally *tally)
{
	size_t done;

	f->tally = tally;
	if (f->count == 0)
		return DONE;
	if (client_connect(f->client, f->place) != DONE)
		return broken(f);
	while (f->done < f->count) {
		refill(f);
		done = f->done;
		if (finish(f) == -1 && recover(f) == -1)
			return broken(f);
		if (f->done > done)
			f->tries = 0;
	}
	return tally_exit(tally);
}
