/* cmd_put - files and folders from here to a server, or stdin. */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/each.h"
#include "client/progress.h"
#include "client/send.h"
#include "client/stop.h"
#include "client/tree.h"

struct put {
	struct client	*client;
	struct place	 place;		/* where to */
	bool		 into;		/* it is a folder: things keep their names beneath it */
	bool		 recursive;
	struct send	*send;
	struct tally	 tally;
};

/* The last part of a local name; "" where that names no new thing: ".", "..", "/". */
static char *
local_leaf(const char *local)
{
	size_t len = strlen(local), begin;
	char *leaf;

	while (len > 0 && local[len - 1] == '/')
		len--;
	for (begin = len; begin > 0 && local[begin - 1] != '/'; begin--)
		;
	leaf = xasprintf("%.*s", (int)(len - begin), local + begin);
	if (strcmp(leaf, ".") == 0 || strcmp(leaf, "..") == 0)
		*leaf = '\0';
	return leaf;
}

/* The path on the server for something called `leaf`. */
static char *
remote_name(const struct put *p, const char *leaf)
{
	if (!p->into || *leaf == '\0')
		return xstrdup(p->place.path);
	return path_beside(p->place.path, leaf);
}

/* One entry of a tree.  0, or -1: the connection is of no use. */
static int
put_entry(struct put *p, const char *local, const char *remote, int found,
    const struct tree_entry *entry)
{
	char *here = path_beside(local, entry->name), *there = path_beside(remote, entry->name);
	int ret = 0, error = errno;

	if (found == -1)
		tally_add(&p->tally, say_errno(here, error));
	else if (entry->type == 'd')
		ret = send_folder(p->send, there);
	else if (entry->type == 'f')
		ret = send_file(p->send, entry->dir, entry->leaf, here, there, false);
	else {
		say_of(here, "is no regular file, and is left out");
		tally_add(&p->tally, SOME_FAILED);
	}
	free(here);
	free(there);
	return ret;
}

static int
put_tree(struct put *p, const char *local, const char *remote)
{
	struct tree *tree = tree_open(local);
	struct tree_entry entry;
	int found, ret = 0;

	if (tree == NULL) {
		tally_add(&p->tally, say_errno(local, errno));
		return 0;
	}
	if (strcmp(remote, "/") != 0)
		ret = send_folder(p->send, remote);
	while (ret == 0 && (found = tree_next(tree, &entry)) != 0)
		ret = put_entry(p, local, remote, found, &entry);
	tree_close(&tree);
	return ret;
}

static int
put_one(struct put *p, const char *local)
{
	char *leaf = local_leaf(local), *remote = remote_name(p, leaf);
	struct stat st;
	int ret = 0;

	if (strcmp(local, "-") == 0)
		ret = send_pipe(p->send, STDIN_FILENO, remote);
	else if (stat(local, &st) == -1)
		tally_add(&p->tally, say_errno(local, errno));
	else if (S_ISDIR(st.st_mode) && p->recursive)
		ret = put_tree(p, local, remote);
	else if (S_ISDIR(st.st_mode)) {
		say_of(local, "is a folder (-r takes folders along)");
		tally_add(&p->tally, SOME_FAILED);
	} else
		ret = send_file(p->send, AT_FDCWD, local, local, remote, true);
	free(remote);
	free(leaf);
	return ret;
}

/* Counts what there is to do: only somebody who watches wants to know. */
static void
count(const struct put *p, char **locals, int n)
{
	uint64_t files = 0, bytes = 0;
	struct stat st;
	int i;

	if (p->client->quiet || !progress_possible())
		return;
	for (i = 0; i < n; i++) {
		if (stat(locals[i], &st) == -1)
			continue;
		if (S_ISDIR(st.st_mode) && p->recursive)
			tree_count(locals[i], &files, &bytes);
		else if (S_ISREG(st.st_mode)) {
			files++;
			bytes += (uint64_t)st.st_size;
		}
	}
	progress_begin(files, bytes);
}

/* Whether things go into the place, or become it.  An exit code. */
static int
look_at_place(struct put *p, int n)
{
	int code, folder;

	if (p->into || p->place.folder) {
		p->into = true;
		return DONE;
	}
	if ((code = client_connect(p->client, &p->place)) != DONE)
		return code;
	if ((folder = ask_is_folder(p->client, p->place.path, &code)) == -1)
		return code;
	p->into = folder == 1;
	if (p->into || n == 1)
		return DONE;
	say_of(p->place.path, "is no folder");
	return NOT_FOUND;
}

static int
put_all(struct put *p, char **locals, int n, const struct send_opts *opts)
{
	int i, code;

	if ((code = look_at_place(p, n)) != DONE)
		return code;
	for (i = 0; i < n; i++)
		if (strcmp(locals[i], "-") == 0 && p->into)
			return client_misuse("stdin needs a name on the server");
	stop_catch();
	count(p, locals, n);
	p->send = send_new(p->client, &p->place, opts, &p->tally);
	for (i = 0; i < n && put_one(p, locals[i]) == 0; i++)
		;
	code = send_finish(p->send);
	progress_end();
	send_free(p->send);
	return code;
}

int
cmd_put(struct client *c, int argc, char **argv)
{
	struct transfer t = { .folder = NULL };
	struct put p = { .client = c };
	struct send_opts opts;
	const char *remote;
	int n, i, code;

	if (client_transfer(c, &t, argc, argv) == -1)
		return USAGE;
	argv += optind;
	if ((n = argc - optind) == 0)
		return client_misuse("what shall be sent?");
	if ((remote = t.folder) == NULL && n > 1)
		remote = argv[--n];
	for (i = 0; i < n; i++)
		if (place_is_url(argv[i]))
			return client_misuse(
			    "%s is not here; \"coffer cp\" copies on a server", argv[i]);
	if (place_parse(&p.place, c, remote) == -1)
		return USAGE;
	p.into = t.folder != NULL;
	p.recursive = t.recursive;
	opts = (struct send_opts){ .resume = t.resume, .keep = t.keep, .hold = t.recursive };
	code = put_all(&p, argv, n, &opts);
	place_free(&p.place);
	return code;
}
