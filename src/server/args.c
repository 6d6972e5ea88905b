/* args - the command line of cofferd. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "server/args.h"

#define OPTIONS		"bf:hl:m:n:o:tTvVw"

static const char usage_text[] =
    "usage: cofferd [-btTvVh] [-f FILE] [-l URL]... [-n WORKERS] [-m MODEL]\n"
    "               [-o KEY=VALUE]... [-w] [DIR]\n";

static const char help_text[] =
    "Serves the folder DIR to coffer clients, read-only unless told otherwise.\n\n"
    "  -b             go to the background\n"
    "  -f FILE        read this configuration file (" ARGS_DEFAULT_FILE "\n"
    "                 if there is one and no DIR is given)\n"
    "  -h             this help\n"
    "  -l URL         listen here: coffer://HOST:PORT, coffers://, http://, https://,\n"
    "                 tftp://, metrics:// or unix:/PATH; may be repeated\n"
    "  -m MODEL       how a worker serves many sessions (concurrency)\n"
    "  -n WORKERS     how many workers\n"
    "  -o KEY=VALUE   any key of cofferd.conf(5)\n"
    "  -t             test the configuration, tell every fault, and exit\n"
    "  -T             print the configuration as it takes effect, and exit\n"
    "  -v             log more (log-level=debug)\n"
    "  -V             print the version\n"
    "  -w             let clients write\n\n"
    "See cofferd(8).\n";

_Noreturn void
args_bad_usage(const char *why, const char *what)
{
	(void)fprintf(stderr, "cofferd: %s%s\n%s", why, what, usage_text);
	exit(EX_USAGE);
}

_Noreturn void
args_no_memory(void)
{
	(void)fprintf(stderr, "cofferd: %s\n", strerror(ENOMEM));
	exit(EX_OSERR);
}

/* A name as seen from where we were started, which a daemon is not any more at a reload. */
static char *
absolute(const char *name)
{
	char *full, *here;

	if (name[0] == '/')
		full = strdup(name);
	else if ((full = realpath(name, NULL)) == NULL && (here = getcwd(NULL, 0)) != NULL) {
		if (asprintf(&full, "%s/%s", here, name) == -1)
			full = NULL;
		free(here);
	}
	if (full == NULL)
		args_no_memory();
	return full;
}

static void
want(struct args *args, const char *place, const char *key, const char *value)
{
	args->settings[args->nsettings++] = (struct config_setting){ place, key, value };
}

/* KEY=VALUE, taken apart in place. */
static void
want_pair(struct args *args, char *pair)
{
	char *equals = strchr(pair, '=');

	if (equals == NULL || equals == pair)
		args_bad_usage("-o takes KEY=VALUE, not ", pair);
	*equals = '\0';
	want(args, "cofferd: -o", pair, equals + 1);
}

/* The options that name a key, which win over -o wherever they stand. */
static void
want_option(struct args *args, int c, const char *value)
{
	switch (c) {
	case 'b':
		want(args, "cofferd: -b", "background", "yes");
		break;
	case 'l':
		want(args, "cofferd: -l", "listen", value);
		break;
	case 'm':
		want(args, "cofferd: -m", "concurrency", value);
		break;
	case 'n':
		want(args, "cofferd: -n", "workers", value);
		break;
	case 'v':
		want(args, "cofferd: -v", "log-level", "debug");
		break;
	case 'w':
		want(args, "cofferd: -w", "writable", "yes");
		break;
	}
}

static void
parse_option(struct args *args, int c)
{
	switch (c) {
	case 'f':
		free(args->file);
		args->file = absolute(optarg);
		break;
	case 'h':
		(void)printf("%s%s", usage_text, help_text);
		exit(EX_OK);
	case 'o':
		want_pair(args, optarg);
		break;
	case 't':
		args->test = true;
		break;
	case 'T':
		args->show = true;
		break;
	case 'V':
		(void)puts("cofferd " PACKAGE_VERSION);
		exit(EX_OK);
	case '?':
		(void)fputs(usage_text, stderr);	/* getopt(3) has said what */
		exit(EX_USAGE);
	}
}

static void
parse_dir(struct args *args, int argc, char **argv)
{
	if (optind == argc)
		return;
	if (optind + 1 < argc)
		args_bad_usage("one folder can be served, and here is another: ", argv[optind + 1]);
	if (argv[optind][0] == '\0')
		args_bad_usage("the folder's name is empty", "");
	args->dir = absolute(argv[optind]);
	want(args, "cofferd", "root", args->dir);
}

/* As many settings as the arguments can hold at most: each letter could be one. */
static struct config_setting *
room_for(int argc, char **argv)
{
	struct config_setting *settings;
	size_t n = 1;

	for (int i = 1; i < argc; i++)
		n += strlen(argv[i]);
	if ((settings = calloc(n, sizeof(*settings))) == NULL)
		args_no_memory();
	return settings;
}

/* Two passes, so that the options that are keys come after every -o. */
void
args_parse(struct args *args, int argc, char **argv)
{
	int c;

	args->settings = room_for(argc, argv);
	while ((c = getopt(argc, argv, OPTIONS)) != -1)
		parse_option(args, c);
	optind = 0;	/* getopt(3) of glibc begins anew, and has put operands last */
	while ((c = getopt(argc, argv, OPTIONS)) != -1)
		want_option(args, c, optarg);
	parse_dir(args, argc, argv);
}

void
args_free(struct args *args)
{
	free(args->settings);
	free(args->dir);
	free(args->file);
}
