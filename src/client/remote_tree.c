/* remote_tree - what lies beneath a folder of the server, as items to be fetched.
 * The server may be anybody: its names were found to stay beneath the folder when the
 * list was parsed, and are opened without following links. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/fetch_int.h"
#include "client/progress.h"

#define LINKS_MAX	40	/* links to folders within each other */
#define LIST_BYTES_MAX	(UINT64_C(4) << 30)	/* names held in memory at most */

static void
remember_part(struct branch *branch, const char *name, size_t len)
{
	if (len < 5 || memcmp(name + len - 5, ".part", 5) != 0)
		return;
	branch->parts = xreallocarray(branch->parts, branch->nparts + 1, sizeof(*branch->parts));
	branch->parts[branch->nparts++] = xstrdup(name);
}

static void
forget_parts(struct branch *branch)
{
	while (branch->nparts > 0)
		free(branch->parts[--branch->nparts]);
}

/* One line of the list. */
static void
add_entry(struct fetch *f, struct branch *branch, const struct coffer_entry *entry, bool folder)
{
	struct item *item;

	if (!folder) {	/* the branch is a file itself */
		item = fetch_append(f, branch, NULL, 'f');
		item->named = branch->links == 0;
	} else {
		item = fetch_append(f, branch, xstrdup(entry->name.at), entry->type);
		remember_part(branch, entry->name.at, entry->name.len);
	}
	if (entry->type == 'd')
		return;
	item->size = entry->type == 'f' ? entry->size : 0;
	progress_expect(1, item->named ? 0 : item->size);
}

/* What ended the list, told if it was not its end. */
static void
check_end(struct fetch *f, const char *remote, const struct coffer_reply *end)
{
	if (end->code != 200)
		tally_add(f->tally, say_reply(remote, end));
}

static int
read_list(struct fetch *f, struct branch *branch, const char *remote, bool folder)
{
	struct coffer_entry entry;
	struct coffer_reply end;
	uint64_t held = 0;
	int ret;

	/* An empty folder is to be there as well. */
	if (folder && branch->local[0] != '\0')
		fetch_append(f, branch, NULL, 'd');
	while ((ret = remote_entry(f->client->remote, &entry, &end)) == 1) {
		if ((held += entry.name.len) > LIST_BYTES_MAX)
			return remote_protocol_error(
			    f->client->remote, "the server's list has no end");
		add_entry(f, branch, &entry, folder);
	}
	if (ret == 0)
		check_end(f, remote, &end);
	return ret;
}

/* A digest of what a folder holds: names, sizes, times.  0, or -1. */
static int
fingerprint(struct remote *r, const char *path, struct digest *digest)
{
	struct digest_state *state;
	struct coffer_reply reply;
	ssize_t len;
	char *line;
	bool list;

	if (remote_ask(r, &reply, "LIST", path, "sort=name") == -1)
		return -1;
	if ((state = digest_begin()) == NULL)
		abort();
	list = reply.code == 200;
	digest_update(state, reply.text, strlen(reply.text));
	while (list) {
		if ((len = remote_line(r, &line)) == -1) {
			digest_drop(&state);
			return -1;
		}
		digest_update(state, line, (size_t)len + 1);
		list = strcmp(line, ".") != 0 && line[0] != '!';
	}
	digest_end(&state, digest);
	return 0;
}

/* The protocol does not tell which folder a link leads to.  If one of the folders above
 * the link holds exactly the same, the link leads there. */
static int
link_is_loop(struct fetch *f, const struct item *item, bool *loop)
{
	struct digest inner, outer;
	char *path = item_remote(item), *slash;
	int ret;

	*loop = false;
	ret = fingerprint(f->client->remote, path, &inner);
	while (ret == 0 && !*loop && (slash = strrchr(path, '/')) != NULL && path[1] != '\0') {
		slash[slash == path] = '\0';
		if ((ret = fingerprint(f->client->remote, path, &outer)) == 0)
			*loop = digest_equal(&inner, &outer);
	}
	free(path);
	return ret;
}

int
list_tree(struct fetch *f, size_t index)
{
	struct remote *r = f->client->remote;
	struct branch *branch = f->items[index].branch;
	char *remote = item_remote(&f->items[index]);
	struct coffer_reply reply;
	char type[2] = "";
	bool loop = false;
	int ret = -1;

	if (branch->links > 0 && link_is_loop(f, &f->items[index], &loop) == -1)
		goto out;
	if (loop || branch->links > LINKS_MAX) {
		say_of(remote, "is a symbolic link that leads back to a folder it is in");
		tally_add(f->tally, SOME_FAILED);
		ret = 0;
		goto out;
	}
	forget_parts(branch);
	if (remote_ask(r, &reply, "LIST", remote, "depth=all") == -1)
		goto out;
	if (reply.code != 200) {
		tally_add(f->tally, say_reply(remote, &reply));
		ret = 0;
	} else if (coffer_reply_value(&reply, "type", type, sizeof(type)) != 1)
		(void)remote_protocol_error(r, "the server's answer to LIST makes no sense");
	else
		ret = read_list(f, branch, remote, type[0] == 'd');
out:
	free(remote);
	return ret;
}
