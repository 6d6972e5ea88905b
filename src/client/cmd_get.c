/* cmd_get - files and folders from servers to the disk, or to stdout. */

#include <sys/stat.h>

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/fetch.h"
#include "client/progress.h"
#include "client/stop.h"

/* Where things go: the folder, and the name in it if that is not the remote one's. */
struct destination {
	struct target	 target;
	char		*name;		/* or NULL */
};

/* A single thing gets the name of `local`, which is no folder yet. */
static int
open_beside(struct destination *d, const char *local, bool recursive)
{
	size_t len = strlen(local);
	char *copy = xstrdup(local), *again = xstrdup(local);
	int ret = DONE;

	if (len > 0 && local[len - 1] == '/' && !recursive)
		ret = say_errno(local, ENOENT);
	else if (target_open(&d->target, dirname(copy)) == -1)
		ret = say_errno(dirname(again), errno);
	else
		d->name = xstrdup(basename(again));
	free(copy);
	free(again);
	return ret;
}

/* An exit code. */
static int
open_destination(struct destination *d, const char *local, bool must, bool recursive)
{
	struct stat st;

	if (*local == '\0')
		return client_misuse("an empty name");
	if (stat(local, &st) == 0 && S_ISDIR(st.st_mode))
		return target_open(&d->target, local) == -1 ? say_errno(local, errno) : DONE;
	if (must)
		return say_errno(local, access(local, F_OK) == 0 ? ENOTDIR : errno);
	return open_beside(d, local, recursive);
}

/* Fetches the places from `i` on that are on the same server.  The index behind them. */
static int
fetch_from_one(struct client *c, struct place *places, int i, int n, struct destination *d,
    const struct fetch_opts *opts, struct tally *tally, int *code)
{
	struct fetch *f = fetch_new(c, opts);
	int first = i;

	for (; i < n && place_same_server(&places[i].server, &places[first].server); i++)
		fetch_add(f, &places[i], &d->target,
		    d->name != NULL ? d->name : path_leaf(places[i].path));
	*code = fetch_run(f, tally);
	if (fetch_broken(f))
		i = n;
	fetch_free(f);
	return i;
}

static int
fetch_all(struct client *c, char **operands, int n, struct destination *d,
    const struct fetch_opts *opts)
{
	struct place *places = xreallocarray(NULL, (size_t)n, sizeof(*places));
	struct tally tally = { 0 };
	int i, have, code = DONE;

	for (have = 0; have < n && code == DONE; have++)
		if (place_parse(&places[have], c, operands[have]) == -1)
			code = USAGE;
	stop_catch();
	if (!c->quiet)
		progress_begin(opts->recursive ? 0 : (uint64_t)n, 0);
	for (i = 0; code != USAGE && i < n;)
		i = fetch_from_one(c, places, i, n, d, opts, &tally, &code);
	progress_end();
	while (have > 0)
		place_free(&places[--have]);
	free(places);
	return code;
}

/* An option's folder, the last operand, or the current folder.  *n becomes the number of remote
 * ones. */
static const char *
local_operand(const char *folder, char **operands, int *n)
{
	if (folder != NULL)
		return folder;
	if (*n < 2 || place_is_url(operands[*n - 1]))
		return ".";
	return operands[--*n];
}

int
cmd_get(struct client *c, int argc, char **argv)
{
	struct transfer t = { .folder = NULL };
	struct fetch_opts opts;
	struct destination d = { 0 };
	const char *local;
	int n, code = DONE;

	if (client_transfer(c, &t, argc, argv) == -1)
		return USAGE;
	opts = (struct fetch_opts){ .resume = t.resume, .keep = t.keep, .recursive = t.recursive, .out = -1 };
	argv += optind;
	if ((n = argc - optind) == 0)
		return client_misuse("what shall be fetched?");
	local = local_operand(t.folder, argv, &n);
	if (t.folder == NULL && strcmp(local, "-") == 0) {
		if (opts.recursive || opts.resume)
			return client_misuse("-r and -c do not go with stdout");
		opts.out = STDOUT_FILENO;
	} else
		code = open_destination(&d, local, t.folder != NULL || n > 1, opts.recursive);
	if (code == DONE)
		code = fetch_all(c, argv, n, &d, &opts);
	target_close(&d.target);
	free(d.name);
	return code;
}
