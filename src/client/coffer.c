/* coffer - the client: one command, and what all commands share. */

#include <sys/stat.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "client/client.h"
#include "client/place.h"
#include "client/progress.h"
#include "client/remote.h"

#define TIMEOUT_S	120	/* a sum of a hundred gigabytes takes about a minute */

mode_t			 client_umask;
const struct command	*client_command;

static int	cmd_help(struct client *, int, char **);

static const struct command commands[] = {
	{ "ls", cmd_ls, "[-0lrSUt] [--json] [REMOTE...]", "list folders",
	  "  -l, --long          type, mode, size, time and name\n"
	  "  -r, --recursive     everything beneath\n"
	  "  -S, --by-size       the largest first\n"
	  "  -t, --by-time       the newest first\n"
	  "  -U, --unsorted      in the order of the file system, at once\n"
	  "  -0, --print0        end each name with a NUL, and leave it as it is\n"
	  "      --json          an array of objects\n" },
	{ "get", cmd_get, "[-cnr] [-t FOLDER] REMOTE... [LOCAL]", "fetch files",
	  "  -c, --continue      go on from NAME.part, and after a lost connection\n"
	  "  -n, --no-clobber    leave files alone that exist here\n"
	  "  -r, --recursive     folders too, with all that is in them\n"
	  "  -t, --target FOLDER fetch everything into this folder\n" },
	{ "put", cmd_put, "[-cnr] [-t REMOTE] LOCAL... [REMOTE]", "send files",
	  "  -c, --continue      go on where a file was interrupted, and after a lost connection\n"
	  "  -n, --no-clobber    leave files alone that exist there\n"
	  "  -r, --recursive     folders too, with all that is in them\n"
	  "  -t, --target REMOTE send everything into this folder\n" },
	{ "rm", cmd_rm, "[-fr] REMOTE...", "remove files",
	  "  -f, --force         what is missing is removed already\n"
	  "  -r, --recursive     folders too, with all that is in them\n" },
	{ "mv", cmd_mv, "[-n] FROM... TO", "rename, or move into a folder",
	  "  -n, --no-clobber    only if nothing has the new name\n" },
	{ "cp", cmd_cp, "[-n] FROM... TO", "copy files within a server",
	  "  -n, --no-clobber    only if nothing has the new name\n" },
	{ "mkdir", cmd_mkdir, "[-p] REMOTE...", "make folders",
	  "  -p, --parents       those above as well; it may be there already\n" },
	{ "rmdir", cmd_rmdir, "REMOTE...", "remove empty folders", "" },
	{ "set", cmd_set, "[-m MODE] [-d TIME] REMOTE...", "set mode and time of change",
	  "  -m, --mode MODE     octal, such as 0644\n"
	  "  -d, --date TIME     seconds since 1970, or \"now\"\n" },
	{ "stat", cmd_stat, "[--json] REMOTE...", "tell all about files",
	  "      --json          an array of objects\n" },
	{ "sum", cmd_sum, "REMOTE...", "SHA-256 of files, as sha256sum(1) prints it", "" },
	{ "df", cmd_df, "[--json] [REMOTE...]", "space on the server",
	  "      --json          an array of objects\n" },
	{ "ping", cmd_ping, "[-c COUNT] [REMOTE...]", "time of a round trip",
	  "  -c, --count COUNT   as many, a second apart\n" },
	{ "help", cmd_help, "[COMMAND]", "tell about a command", "" },
	{ NULL, NULL, NULL, NULL, NULL }
};

static const char common_help[] =
    "  -H, --host URL      the server of plain paths (else $COFFER_URL, else " PLACE_DEFAULT ")\n"
    "  -T, --timeout S     give up after so many seconds without a byte (120)\n"
    "  -q, --quiet         no progress bar, no remarks\n"
    "      --starttls      begin TLS also where the URL does not say so (coffers://)\n"
    "      --cacert FILE   believe a server by these certificates, not by the system's\n"
    "      --fingerprint HEX   believe the server with the certificate that has this SHA-256\n"
    "      --pin           believe a server that is not known, and know it from now on\n"
    "  -v, --verbose       show the lines of the protocol\n"
    "  -V, --version       tell the version\n"
    "  -h, --help          tell this\n";

static const struct command *
find(const char *name)
{
	const struct command *cmd;

	for (cmd = commands; cmd->name != NULL; cmd++)
		if (strcmp(cmd->name, name) == 0)
			return cmd;
	return NULL;
}

static void
help_command(FILE *f, const struct command *cmd)
{
	(void)fprintf(f, "usage: coffer %s %s\n%s.\n\n%s%s", cmd->name, cmd->usage, cmd->what,
	    cmd->help, common_help);
}

static void
help_all(FILE *f)
{
	const struct command *cmd;

	(void)fprintf(f, "usage: coffer COMMAND [OPTION]... OPERAND...\n\n");
	for (cmd = commands; cmd->name != NULL; cmd++)
		(void)fprintf(f, "  %-6s %s\n", cmd->name, cmd->what);
	(void)fprintf(f,
	    "\nA remote operand is coffer[s]://HOST[:PORT]/PATH, or a path on the server of -H.\n\n%s",
	    common_help);
}

void
client_help(FILE *f)
{
	if (client_command == NULL)
		help_all(f);
	else
		help_command(f, client_command);
}

static int
cmd_help(struct client *c, int argc, char **argv)
{
	static const struct option longs[] = { CLIENT_LONGS };
	const struct command *cmd;
	int ch;

	while ((ch = getopt_long(argc, argv, CLIENT_SHORTS, longs, NULL)) != -1)
		if (client_option(c, ch) == -1)
			return USAGE;
	argc -= optind - 1;
	argv += optind - 1;
	if (argc < 2) {
		help_all(stdout);
		return DONE;
	}
	if ((cmd = find(argv[1])) == NULL) {
		say("no command is called \"%s\"", argv[1]);
		return USAGE;
	}
	help_command(stdout, cmd);
	return DONE;
}

/* Options that stand before the command; the index of the command. */
static int
early_options(struct client *c, int argc, char **argv)
{
	static const struct option longs[] = { CLIENT_LONGS };
	int ch;

	while ((ch = getopt_long(argc, argv, "+" CLIENT_SHORTS, longs, NULL)) != -1)
		if (client_option(c, ch) == -1)
			exit(USAGE);
	return optind;
}

int
main(int argc, char **argv)
{
	struct client c = { .timeout_ms = TIMEOUT_S * 1000 };
	const char *url = getenv("COFFER_URL");
	char name[64];
	int at, ret;

	c.url = url != NULL && *url != '\0' ? url : PLACE_DEFAULT;
	client_umask = umask(0);
	(void)signal(SIGPIPE, SIG_IGN);
	at = early_options(&c, argc, argv);
	if (at >= argc) {
		help_all(stderr);
		return USAGE;
	}
	if (!place_is_url(c.url)) {
		say("COFFER_URL=%s: a server is coffer[s]://HOST[:PORT] or unix:/SOCKET", c.url);
		return USAGE;
	}
	if ((client_command = find(argv[at])) == NULL) {
		say("no command is called \"%s\" (\"coffer help\" lists them)", argv[at]);
		return USAGE;
	}
	argc -= at;
	argv += at;
	(void)snprintf(name, sizeof(name), "coffer: %s", client_command->name);
	argv[0] = name;		/* what getopt(3) complains with */
	optind = 0;
	ret = client_command->run(&c, argc, argv);
	progress_end();
	remote_close(&c.remote);
	out_check();
	return ret;
}
