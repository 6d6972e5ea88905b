/* cofferctl - the administrator's tool: asks a running cofferd over its control socket. */

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/ctl.h"

#define WAIT_S	30	/* for what is answered at once */

enum show { NOTHING, LINES, STATUS, SESSIONS, STAGED, TOP, PASSWD, CERTIFICATE, ANSWER };

static const struct command {
	const char	*name, *operand;	/* NULL: none */
	enum show	 show;
	bool		 slow;			/* takes as long as it takes */
	bool		 ends;			/* the server */
	const char	*help;
} commands[] = {
	{ "status", NULL, STATUS, false, false, "the server and its workers" },
	{ "who", NULL, SESSIONS, false, false, "the sessions" },
	{ "top", NULL, TOP, false, false, "both, refreshed; q quits" },
	{ "kick", "SESSION", LINES, false, false, "end a session (its first column in who)" },
	{ "reload", NULL, LINES, true, false, "read the configuration again, and tell how it went" },
	{ "upgrade", NULL, LINES, true, false, "let the binary that is installed now take over" },
	{ "reopen", NULL, LINES, false, false, "open the files of the log again" },
	{ "forgive", "WHAT", LINES, false, false, "lift the quarantine of a path, the bans of a user or address; or all" },
	{ "explain", "USER VERB PATH", ANSWER, false, false, "whether he may, and which line says so" },
	{ "metrics", NULL, LINES, false, false, "counts and histograms, as Prometheus reads them" },
	{ "staged", NULL, STAGED, true, false, "uploads that were interrupted, or are under way" },
	{ "staged rm", "ID", LINES, true, false, "remove one (its first column in staged)," },
	{ "", "", LINES, true, false, "with --all all, with --older-than 2d the old ones" },
	{ "passwd", "USER", PASSWD, false, false, "set a user's password in the users file, or (-D) drop the user" },
	{ "certificate", "FILE", CERTIFICATE, false, false, "make a certificate, for these names (default: this machine's)" },
	{ "drain", NULL, LINES, false, true, "finish what is in progress, and end" },
	{ "stop", NULL, LINES, false, true, "end now" },
	{ NULL, NULL, NOTHING, false, false, NULL }
};

static const char usage_text[] =
    "usage: cofferctl [-hV] [-d SECONDS] [-s SOCKET] [--json] COMMAND [OPERAND]\n"
    "       cofferctl passwd [-D] [-f FILE] USER\n"
    "       cofferctl certificate FILE [NAME]...\n";

static struct {
	const char	*socket;	/* NULL: the usual place */
	unsigned	 delay;		/* of top, in seconds */
	bool		 json;
	bool		 all;		/* of staged rm */
	int64_t		 older;		/* milliseconds, or -1 */
	const char	*users;		/* passwd: the file; NULL: the usual one */
	bool		 delete;
} options = { .delay = 2, .older = -1 };

void
ctl_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)fputs("cofferctl: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	(void)fputs("\n", stderr);
	va_end(ap);
}

static void
help(void)
{
	const struct command *cmd;

	(void)printf("%s\nAsks a cofferd that runs on this machine.\n\n", usage_text);
	for (cmd = commands; cmd->name != NULL; cmd++)
		(void)printf("  %-11s %-14s %s\n", cmd->name, cmd->operand != NULL ? cmd->operand : "",
		    cmd->help);
	(void)printf("\n"
	    "  -d, --delay S        seconds between two looks of top (2)\n"
	    "  -D, --delete         passwd: take the user out of the file\n"
	    "  -f, --file FILE      passwd: the users file (" SYSCONFDIR "/coffer/users)\n"
	    "  -s, --socket SOCKET  the server's control socket, or the folder it lies in\n"
	    "      --json           print what comes as JSON\n"
	    "  -V, --version        the version\n"
	    "  -h, --help           this help\n\n"
	    "See cofferctl(8).\n");
}

static _Noreturn void
bad_usage(const char *why, const char *what)
{
	ctl_say("%s%s", why, what);
	(void)fputs(usage_text, stderr);
	exit(USAGE);
}

static unsigned
seconds(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || n < 1 || n > 3600)
		bad_usage("a delay is a number of seconds from 1 to 3600, not ", text);
	return (unsigned)n;
}

static const struct option longs[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "delay", required_argument, NULL, 'd' },
	{ "delete", no_argument, NULL, 'D' },
	{ "file", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "older-than", required_argument, NULL, 'o' },
	{ "socket", required_argument, NULL, 's' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

static void
parse_options(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "d:Df:hs:V", longs, NULL)) != -1)
		switch (c) {
		case 'a':
			options.all = true;
			break;
		case 'd':
			options.delay = seconds(optarg);
			break;
		case 'D':
			options.delete = true;
			break;
		case 'f':
			options.users = optarg;
			break;
		case 'h':
			help();
			exit(DONE);
		case 'j':
			options.json = true;
			break;
		case 'o':
			if (text_duration(&options.older, optarg) == -1)
				bad_usage("an age is a number with s, m, h or d, not ", optarg);
			break;
		case 's':
			options.socket = optarg;
			break;
		case 'V':
			(void)puts("cofferctl " PACKAGE_VERSION);
			exit(DONE);
		default:
			(void)fputs(usage_text, stderr);
			exit(USAGE);
		}
}

static int
operands(const struct command *cmd)
{
	return cmd->operand == NULL ? 0 : cmd->show == ANSWER ? 3 : 1;
}

/* The second word of "staged rm". */
static bool
is_removal(int argc, char **argv)
{
	return argc - optind > 1 && strcmp(argv[optind], "staged") == 0 &&
	    strcmp(argv[optind + 1], "rm") == 0;
}

/* What goes over the socket. */
static void
write_request(char *request, size_t size, const struct command *cmd, const char *operand)
{
	if (strcmp(cmd->name, "staged rm") != 0)
		(void)snprintf(request, size, "%s%s%.960s", cmd->name, operand != NULL ? " " : "",
		    operand != NULL ? operand : "");
	else if (options.all)
		(void)snprintf(request, size, "staged-remove all");
	else if (options.older != -1)
		(void)snprintf(request, size, "staged-remove older=%jd", (intmax_t)options.older / 1000);
	else
		(void)snprintf(request, size, "staged-remove id=%.200s", operand);
}

/* Its operand is an ID, or one of the two options. */
static void
check_removal(const struct command *cmd, int argc)
{
	bool removal = strcmp(cmd->name, "staged rm") == 0;
	int ways = options.all + (options.older != -1) + (removal && argc > optind + 1);

	if (!removal && ways > 0)
		bad_usage("--all and --older-than are for ", "staged rm");
	if (removal && ways != 1)
		bad_usage("staged rm takes one of: an ID, --all, --older-than", "");
}

static const struct command *
find(int argc, char **argv)
{
	const struct command *cmd;
	const char *name;

	if (optind == argc)
		bad_usage("a command is missing", "");
	name = argv[optind];
	if (is_removal(argc, argv)) {
		name = "staged rm";
		optind++;
	}
	for (cmd = commands; cmd->name != NULL; cmd++)
		if (*name != '\0' && strcmp(cmd->name, name) == 0)
			break;
	if (cmd->name == NULL)
		bad_usage("no command is called ", argv[optind]);
	if (argc - optind - 1 > operands(cmd) && cmd->show != CERTIFICATE)
		bad_usage("there is an operand too many: ", argv[argc - 1]);
	check_removal(cmd, argc);
	if (argc - optind - 1 < operands(cmd) && !options.all && options.older == -1)
		bad_usage("what is missing is a ", cmd->operand);
	if (cmd->show != PASSWD && (options.delete || options.users != NULL))
		bad_usage("-D and -f are for passwd, not for ", cmd->name);
	return cmd;
}

static void
print_lines(const json_t *lines, FILE *out)
{
	for (size_t i = 0; i < json_array_size(lines); i++)
		if (out == stderr)
			ctl_say("%s", json_string_value(json_array_get(lines, i)));
		else
			(void)fprintf(out, "%s\n", json_string_value(json_array_get(lines, i)));
}

static void
print(const struct command *cmd, const json_t *reply, enum ctl_exit code)
{
	const json_t *result = json_object_get(reply, "result");

	if (options.json) {
		(void)json_dumpf(result != NULL ? result : reply, stdout,
		    JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
		(void)fputs("\n", stdout);
	} else if (code != DONE || cmd->show == LINES || cmd->show == ANSWER)
		print_lines(json_object_get(reply, "lines"), code == DONE ? stdout : stderr);
	else if (cmd->show == STAGED)
		ctl_show_staged(result);
	else if (cmd->show == STATUS)
		ctl_show_status(result, 0, 0);
	else
		ctl_show_sessions(result, 0, 0);
}

static enum ctl_exit
run(const struct command *cmd, const char *operand, char **more, int count)
{
	char path[CTL_SOCKET_MAX], request[1024];
	enum ctl_exit code;
	json_t *reply;

	if (cmd->show == PASSWD)
		return ctl_passwd(options.users, operand, options.delete);
	if (cmd->show == CERTIFICATE)
		return ctl_certificate(operand, more, count);
	if ((code = ctl_find(path, options.socket)) != DONE)
		return code;
	if (cmd->show == TOP)
		return ctl_top(path, options.delay);
	write_request(request, sizeof(request), cmd, operand);
	code = ctl_ask(&reply, path, request, cmd->slow ? 0 : WAIT_S, cmd->ends);
	if (reply != NULL)
		print(cmd, reply, code);
	if (cmd->show == ANSWER && code == DONE && !json_is_true(json_object_get(json_object_get(reply, "result"), "allowed")))
		code = DENIED;
	json_decref(reply);
	return code;
}

int
main(int argc, char **argv)
{
	const char *operand = NULL;
	char question[CTL_QUESTION_MAX];
	const struct command *cmd;
	enum ctl_exit code;

	parse_options(argc, argv);
	cmd = find(argc, argv);
	if (cmd->operand != NULL && optind + 1 < argc)
		operand = argv[optind + 1];
	if (cmd->show == ANSWER && ctl_question(question, argv + optind + 1) == -1)
		bad_usage("the question is too long", "");
	code = run(cmd, cmd->show == ANSWER ? question : operand, argv + optind + 2, argc - optind - 2);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	ctl_say("what was to be printed could not be written");
	return code != DONE ? code : FAILED;
}
