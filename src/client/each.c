/* each - one thing after the other, for commands that ask something of each operand. */

#include <string.h>

#include "client/each.h"

static int
do_one(struct client *c, const char *operand,
    int (*fn)(struct client *, const struct place *, void *), void *arg)
{
	struct place place;
	int code;

	if (place_parse(&place, c, operand) == -1)
		code = USAGE;
	else if ((code = client_connect(c, &place)) == DONE)
		code = fn(c, &place, arg);
	place_free(&place);
	return code;
}

int
each_place(struct client *c, int argc, char **argv, bool none,
    int (*fn)(struct client *, const struct place *, void *), void *arg)
{
	struct tally tally = { 0 };
	int i;

	if (argc == 0 && !none)
		return client_misuse("an operand is missing");
	if (argc == 0)
		return do_one(c, NULL, fn, arg);
	for (i = 0; i < argc; i++)
		tally_add(&tally, do_one(c, argv[i], fn, arg));
	return tally_exit(&tally);
}

int
ask_for(struct client *c, struct coffer_reply *reply, const char *verb, const char *path,
    const char *options)
{
	if (remote_ask(c->remote, reply, verb, path, options) == -1)
		return remote_complain(c->remote, false);
	return reply->code < 300 ? DONE : say_reply(path, reply);
}

int
ask_is_folder(struct client *c, const char *path, int *code)
{
	struct coffer_reply reply;
	char type[2] = "";

	if (remote_ask(c->remote, &reply, "STAT", path, "") == -1) {
		*code = remote_complain(c->remote, false);
		return -1;
	}
	return reply.code == 200 && coffer_reply_value(&reply, "type", type, sizeof(type)) == 1 &&
	       type[0] == 'd';
}
