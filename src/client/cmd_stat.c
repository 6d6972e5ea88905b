/* cmd_stat - what a server knows about a file: stat and sum. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "client/each.h"
#include "client/show.h"

struct facts {
	char		 type[8];
	uint64_t	 size;
	struct timespec	 mtime;
	unsigned	 mode;
	bool		 known;
	struct digest	 digest;
};

struct stat_run {
	bool		json;
	uint64_t	count;
	struct json_out	out;
};

/* An exit code. */
static int
ask_facts(struct client *c, const char *path, struct facts *facts)
{
	struct coffer_reply reply;
	int code;

	if ((code = ask_for(c, &reply, "STAT", path, "")) != DONE)
		return code;
	memset(facts, 0, sizeof(*facts));
	facts->known = reply_digest(&reply, "sha256", &facts->digest) == 0;
	if (coffer_reply_value(&reply, "type", facts->type, sizeof(facts->type) - 1) == 1 &&
	    reply_number(&reply, "size", &facts->size) == 0 &&
	    reply_time(&reply, "mtime", &facts->mtime) == 0 &&
	    reply_mode(&reply, "mode", &facts->mode) == 0)
		return DONE;
	(void)remote_protocol_error(c->remote, "the server's answer to STAT makes no sense");
	return remote_complain(c->remote, false);
}

static const char *
type_word(const struct facts *facts)
{
	return facts->type[0] == 'd' ? "folder" : "file";
}

static void
print_facts_json(struct stat_run *run, const char *path, const struct facts *facts)
{
	json_t *object = json_object();
	char hex[DIGEST_HEX];

	json_set_name(object, path, strlen(path));
	(void)json_object_set_new(object, "type", json_string(type_word(facts)));
	(void)json_object_set_new(object, "size", json_integer((json_int_t)facts->size));
	json_set_mtime(object, &facts->mtime);
	json_set_mode(object, facts->mode);
	(void)json_object_set_new(object, "sha256",
	    facts->known ? json_string(digest_hex(&facts->digest, hex)) : json_null());
	json_out_element(&run->out, object);
}

static void
print_facts(struct stat_run *run, const char *path, const struct facts *facts)
{
	char shown[2048], size[SHOW_SIZE], when[SHOW_TIME], hex[DIGEST_HEX];

	(void)printf("%s  name: %s\n", run->count++ > 0 ? "\n" : "",
	    text_visible(shown, sizeof(shown), path, strlen(path)));
	(void)printf("  type: %s\n", type_word(facts));
	if (facts->type[0] != 'd')
		(void)printf("  size: %ju (%s)\n", (uintmax_t)facts->size, show_size(size, facts->size));
	(void)printf(" mtime: %s (%jd.%09ld)\n", show_time(when, &facts->mtime),
	    (intmax_t)facts->mtime.tv_sec, facts->mtime.tv_nsec);
	(void)printf("  mode: %04o\n", facts->mode);
	if (facts->type[0] == 'f')
		(void)printf("sha256: %s\n",
		    facts->known ? digest_hex(&facts->digest, hex) : "not known yet");
}

static int
stat_place(struct client *c, const struct place *place, void *arg)
{
	struct stat_run *run = arg;
	struct facts facts;
	int code;

	if ((code = ask_facts(c, place->path, &facts)) != DONE)
		return code;
	if (run->json)
		print_facts_json(run, place->path, &facts);
	else
		print_facts(run, place->path, &facts);
	return DONE;
}

int
cmd_stat(struct client *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		CLIENT_LONGS
	};
	struct stat_run run = { 0 };
	int ch, code;

	while ((ch = getopt_long(argc, argv, CLIENT_SHORTS, longs, NULL)) != -1)
		if (ch == 'J')
			run.json = true;
		else if (client_option(c, ch) == -1)
			return USAGE;
	code = each_place(c, argc - optind, argv + optind, false, stat_place, &run);
	if (run.json && argc > optind)
		json_out_end(&run.out);
	return code;
}

/* As sha256sum(1): a name with a newline or a backslash is written with \n and \\, and the
 * line begins with a backslash. */
static void
print_sum(const struct digest *digest, const char *name)
{
	char hex[DIGEST_HEX];
	const char *p;

	(void)printf(
	    "%s%s  ", strpbrk(name, "\n\r\\") != NULL ? "\\" : "", digest_hex(digest, hex));
	for (p = name; *p != '\0'; p++)
		if (*p == '\n')
			(void)fputs("\\n", stdout);
		else if (*p == '\r')
			(void)fputs("\\r", stdout);
		else if (*p == '\\')
			(void)fputs("\\\\", stdout);
		else
			(void)putchar(*p);
	(void)putchar('\n');
}

static int
sum_place(struct client *c, const struct place *place, void *arg)
{
	struct coffer_reply reply;
	struct facts facts;
	int code;

	(void)arg;
	if ((code = ask_facts(c, place->path, &facts)) != DONE)
		return code;
	if (!facts.known) {
		if ((code = ask_for(c, &reply, "HASH", place->path, "")) != DONE)
			return code;
		if (reply_digest(&reply, "sha256", &facts.digest) == -1) {
			(void)remote_protocol_error(
			    c->remote, "the server's answer to HASH makes no sense");
			return remote_complain(c->remote, false);
		}
	}
	print_sum(&facts.digest, place->path);
	return DONE;
}

int
cmd_sum(struct client *c, int argc, char **argv)
{
	static const struct option longs[] = { CLIENT_LONGS };
	int ch;

	while ((ch = getopt_long(argc, argv, CLIENT_SHORTS, longs, NULL)) != -1)
		if (client_option(c, ch) == -1)
			return USAGE;
	return each_place(c, argc - optind, argv + optind, false, sum_place, NULL);
}
