/* cmd_rm - removes files, and folders with all that is in them.
 * What a list tells is removed in one go, deepest first, without waiting for each answer. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/each.h"

#define WINDOW	256	/* requests without a reply at most */

struct rm {
	bool		 force, recursive;
	char		**names;	/* of a list; folders first among what they hold */
	char		*types;
	size_t		 count, room;
	struct tally	 tally;
};

static void
forget(struct rm *rm)
{
	while (rm->count > 0)
		free(rm->names[--rm->count]);
	free(rm->names);
	free(rm->types);
	rm->names = NULL;
	rm->types = NULL;
	rm->room = 0;
}

static void
remember(struct rm *rm, char type, char *name)
{
	if (rm->count == rm->room) {
		rm->room = rm->room > 0 ? 2 * rm->room : 256;
		rm->names = xreallocarray(rm->names, rm->room, sizeof(*rm->names));
		rm->types = xreallocarray(rm->types, rm->room, 1);
	}
	rm->types[rm->count] = type;
	rm->names[rm->count++] = name;
}

/* Takes the reply for a path. */
static int
take(struct client *c, struct rm *rm, const char *path)
{
	struct coffer_reply reply;

	if (remote_reply(c->remote, &reply) == -1)
		return -1;
	if (reply.code < 300 || (reply.code == 404 && rm->force))
		tally_add(&rm->tally, DONE);
	else
		tally_add(&rm->tally, say_reply(path, &reply));
	return 0;
}

static const char *
verb_of(char type)
{
	return type == 'd' ? "RMDIR" : "DELETE";
}

/* Removes what was remembered, the last first.  0 or -1. */
static int
remove_all(struct client *c, struct rm *rm)
{
	size_t sent = rm->count, answered = sent, until;

	while (answered > 0) {
		/* Half a window at a time, so that each system call carries many. */
		until = answered > WINDOW ? answered - WINDOW : 0;
		if (answered - sent > WINDOW / 2)
			until = sent;
		for (; sent > until; sent--)
			if (remote_request(c->remote, verb_of(rm->types[sent - 1]),
			    rm->names[sent - 1], "%s", "") == -1)
				/* It was listed, so it can be named: a server that lies. */
				return remote_protocol_error(c->remote, "a name is too long");
		if (take(c, rm, rm->names[answered - 1]) == -1)
			return -1;
		answered--;
	}
	return 0;
}

/* Remembers all beneath a path.  An exit code. */
static int
list(struct client *c, struct rm *rm, const char *path)
{
	struct coffer_entry entry;
	struct coffer_reply reply;
	char type[2] = "";
	int ret;

	if (remote_ask(c->remote, &reply, "LIST", path, "depth=all") == -1)
		return remote_complain(c->remote, false);
	if (reply.code == 404 && rm->force)
		return DONE;
	if (reply.code != 200)
		return say_reply(path, &reply);
	(void)coffer_reply_value(&reply, "type", type, sizeof(type));
	remember(rm, type[0], xstrdup(path));
	while ((ret = remote_entry(c->remote, &entry, &reply)) == 1)
		if (type[0] == 'd')
			remember(rm, entry.type, path_beside(path, entry.name.at));
	if (ret == -1)
		return remote_complain(c->remote, false);
	return reply.code == 200 ? DONE : say_reply(path, &reply);
}

static int
remove_place(struct client *c, const struct place *place, void *arg)
{
	struct rm *rm = arg;
	struct coffer_reply reply;
	int code;

	memset(&rm->tally, 0, sizeof(rm->tally));
	if (strcmp(place->path, "/") == 0) {
		say("/: the root stays; name what is in it");
		return USAGE;
	}
	/* First as a file: a symbolic link to a folder is to go itself, not what it leads to. */
	if (remote_ask(c->remote, &reply, "DELETE", place->path, "") == -1)
		return remote_complain(c->remote, false);
	if (reply.code < 300 || (reply.code == 404 && rm->force))
		return DONE;
	if (reply.code != 409)
		return say_reply(place->path, &reply);
	if (!rm->recursive) {
		say_of(place->path, "is a folder (-r removes it)");
		return SOME_FAILED;
	}
	code = list(c, rm, place->path);
	if (code == DONE && remove_all(c, rm) == -1)
		code = remote_complain(c->remote, false);
	forget(rm);
	return code != DONE ? code : tally_exit(&rm->tally);
}

int
cmd_rm(struct client *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "recursive", no_argument, NULL, 'r' },
		CLIENT_LONGS
	};
	struct rm rm = { 0 };
	int ch;

	while ((ch = getopt_long(argc, argv, "fr" CLIENT_SHORTS, longs, NULL)) != -1)
		switch (ch) {
		case 'f':
			rm.force = true;
			break;
		case 'r':
			rm.recursive = true;
			break;
		default:
			if (client_option(c, ch) == -1)
				return USAGE;
		}
	return each_place(c, argc - optind, argv + optind, false, remove_place, &rm);
}
