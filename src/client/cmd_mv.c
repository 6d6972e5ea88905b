/* cmd_mv - new names and copies within a server: mv and cp. */

#include <stdlib.h>
#include <string.h>

#include "client/each.h"

struct move {
	struct client	*client;
	const char	*verb, *options;
	struct place	 to;
	bool		 into;		/* `to` is a folder */
};

/* One of several things to the place, or into it.  An exit code. */
static int
move_one(const struct move *m, const char *from)
{
	static char too_long[] = "the name is too long";
	struct coffer_reply reply = { .code = 400, .text = too_long };
	char *path = m->into ? path_beside(m->to.path, path_leaf(from)) : xstrdup(m->to.path);
	int code;

	if ((code = client_connect(m->client, &m->to)) != DONE)
		;
	else if (remote_request2(m->client->remote, m->verb, from, path, m->options) == 0 &&
	    remote_reply(m->client->remote, &reply) == -1)
		code = remote_complain(m->client->remote, false);
	else if (reply.code == 412) {
		say_of(path, "exists, and is left alone");
		code = PRECONDITION;
	} else if (reply.code >= 300)
		/* The server's sentence begins with the path that it is about. */
		code = say_reply(reply.code == 404 ? from : path, &reply);
	free(path);
	return code;
}

/* Whether things go into the place.  An exit code. */
static int
look_at_place(struct move *m, bool several)
{
	int code, folder;

	if ((code = client_connect(m->client, &m->to)) != DONE)
		return code;
	if ((folder = ask_is_folder(m->client, m->to.path, &code)) == -1)
		return code;
	m->into = folder == 1;
	if (m->into || !(several || m->to.folder))
		return DONE;
	say_of(m->to.path, "is no folder");
	return NOT_FOUND;
}

/* All of them; none if one of them cannot be. */
static int
move_all(struct move *m, struct place *from, int n)
{
	struct tally tally = { 0 };
	int i, code;

	for (i = 0; i < n; i++)
		if (!place_same_server(&from[i].server, &m->to.server))
			return client_misuse(
			    "%s is on another server: get it, and put it there", from[i].path);
	if ((code = look_at_place(m, n > 1)) != DONE)
		return code;
	for (i = 0; i < n; i++)
		tally_add(&tally, move_one(m, from[i].path));
	return tally_exit(&tally);
}

static int
parse_and_move(struct move *m, int argc, char **argv)
{
	struct place *from;
	int n, code = USAGE;

	if (argc < 2)
		return client_misuse("from where, and to where?");
	from = xreallocarray(NULL, (size_t)argc, sizeof(*from));
	for (n = 0; n < argc - 1; n++)
		if (place_parse(&from[n], m->client, argv[n]) == -1)
			goto out;
	if (place_parse(&m->to, m->client, argv[n]) == 0)
		code = move_all(m, from, n);
	place_free(&m->to);
out:
	while (n > 0)
		place_free(&from[--n]);
	free(from);
	return code;
}

static int
run(struct client *c, const char *verb, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "no-clobber", no_argument, NULL, 'n' },
		CLIENT_LONGS
	};
	struct move m = { .client = c, .verb = verb, .options = "" };
	int ch;

	while ((ch = getopt_long(argc, argv, "n" CLIENT_SHORTS, longs, NULL)) != -1)
		if (ch == 'n')
			m.options = "if=new";
		else if (client_option(c, ch) == -1)
			return USAGE;
	return parse_and_move(&m, argc - optind, argv + optind);
}

int
cmd_mv(struct client *c, int argc, char **argv)
{
	return run(c, "MOVE", argc, argv);
}

int
cmd_cp(struct client *c, int argc, char **argv)
{
	return run(c, "COPY", argc, argv);
}
