/* cofferd - the server's command line.
 * Reads the wishes, checks them all, says no with a sentence where something is wrong, and
 * hands over to the master. */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "server/authority.h"
#include "server/certificates.h"
#include "server/config.h"
#include "server/daemon.h"
#include "server/inherit.h"
#include "server/master.h"
#include "server/notify.h"
#include "server/pidfile.h"
#include "server/privilege.h"
#include "server/roots.h"
#include "server/sandbox.h"
#include "server/upgrade.h"

#define DEFAULT_FILE	SYSCONFDIR "/coffer/cofferd.conf"
#define OPTIONS		"bf:hl:m:n:o:tTvVw"

static const char usage_text[] =
    "usage: cofferd [-btTvVh] [-f FILE] [-l URL]... [-n WORKERS] [-m MODEL]\n"
    "               [-o KEY=VALUE]... [-w] [DIR]\n";

static const char help_text[] =
    "Serves the folder DIR to coffer clients, read-only unless told otherwise.\n\n"
    "  -b             go to the background\n"
    "  -f FILE        read this configuration file (" DEFAULT_FILE "\n"
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

struct args {
	struct config_source source;
	struct config_setting *settings;	/* -o first, then the options that are keys too */
	size_t		 nsettings;
	char		*file;			/* -f, absolute, or NULL */
	char		*dir;			/* absolute, or NULL */
	bool		 test, show;
};

static _Noreturn void
bad_usage(const char *why, const char *what)
{
	(void)fprintf(stderr, "cofferd: %s%s\n%s", why, what, usage_text);
	exit(EX_USAGE);
}

static _Noreturn void
no_memory(void)
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
		no_memory();
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
		bad_usage("-o takes KEY=VALUE, not ", pair);
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
		bad_usage("one folder can be served, and here is another: ", argv[optind + 1]);
	if (argv[optind][0] == '\0')
		bad_usage("the folder's name is empty", "");
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
		no_memory();
	return settings;
}

/* Two passes, so that the options that are keys come after every -o. */
static void
parse_args(struct args *args, int argc, char **argv)
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

static int wire = -1;	/* to the binary before us, which wants to know as well; or -1 */

/* A fault of the configuration, with its place. */
static void
print_fault(void *arg, const char *line)
{
	(void)arg;
	(void)fprintf(stderr, "%s\n", line);
	if (wire != -1)
		(void)dprintf(wire, "%s\n", line);
}

static void __attribute__((format(printf, 1, 2)))
complain(const char *fmt, ...)
{
	char line[1024] = "cofferd: ";
	size_t len = strlen(line);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	va_end(ap);
	print_fault(NULL, line);
}

/* The checked configuration, or the end with every fault. */
static void
load(struct config *config, struct args *args)
{
	struct faults faults;
	int loaded;

	faults_init(&faults);
	args->source = (struct config_source){
		.file = args->file != NULL ? args->file : args->dir == NULL ? DEFAULT_FILE : NULL,
		.optional = args->file == NULL,
		.settings = args->settings,
		.nsettings = args->nsettings,
		.rootless = true,
	};
	loaded = config_load(config, &args->source, &faults);
	faults_each(&faults, print_fault, NULL);
	faults_free(&faults);
	if (loaded == -1)
		exit(EX_CONFIG);
	if (config->shares.roots == 0 && !args->show)
		bad_usage("there is nothing to serve: name a folder DIR, or root in ",
		    DEFAULT_FILE);
}

static void
find_user(struct config *config)
{
	char why[PRIVILEGE_WHY];

	if (privilege_find(&config->as, config->user, why) == -1) {
		complain("%s", why);
		exit(EX_CONFIG);
	}
}

static void
check_roots(const struct config *config)
{
	char why[PRIVILEGE_WHY];

	if (roots_check(config, why) == -1) {
		complain("%s", why);
		exit(EX_NOPERM);
	}
}

static void
check_sandbox(const struct config *config)
{
	char why[SANDBOX_TEXT];

	if (sandbox_check(config, why) == -1) {
		complain("%s", why);
		exit(EX_OSERR);
	}
}

static void
print_note(void *arg, const char *line)
{
	(void)arg;
	complain("warning: %s", line);
}

static void
find_certificates(struct config *config)
{
	struct faults faults, notes;
	int gathered;

	faults_init(&faults);
	faults_init(&notes);
	gathered = certificates_gather(config, &faults, &notes);
	faults_each(&faults, print_fault, NULL);
	faults_each(&notes, print_note, NULL);
	faults_free(&faults);
	faults_free(&notes);
	if (gathered == -1)
		exit(EX_CONFIG);
}

static void
check_users(const struct config *config)
{
	struct faults faults;
	int good;

	faults_init(&faults);
	good = authority_check(config, &faults);
	faults_each(&faults, print_fault, NULL);
	faults_free(&faults);
	if (good == -1)
		exit(EX_CONFIG);
}

/* For a file that cannot be opened or made. */
static _Noreturn void
no_file(const char *name, const char *what)
{
	int error = errno;

	complain("%s: %s: %s", what, name, strerror(error));
	exit(error == EACCES || error == EPERM || error == EROFS ? EX_NOPERM : EX_CONFIG);
}

static void
begin_log(const struct config *config)
{
	const struct log_opts opts = {
		.target = config->log,
		.level = (enum log_level)config->log_level,
		.stamp = strcmp(config->log, "stderr") != 0 || config->background,
	};

	if (log_open(&opts) == -1)
		no_file(config->log, "log");
	if (config->access_file[0] != '\0' && log_open_access(config->access_file) == -1)
		no_file(config->access_file, "access-file");
}

/* Before anything is bound, so that a second daemon disturbs nothing. */
static struct pidfile *
claim_pidfile(const struct config *config, struct inherited *inherited)
{
	struct pidfile *pidfile;
	pid_t other = -1;

	if (config->pid_file[0] == '\0')
		return NULL;
	pidfile = pidfile_take(config->pid_file, inherited->pidfile, &other);
	inherited->pidfile = -1;
	if (pidfile != NULL)
		return pidfile;
	if (errno != EEXIST)
		no_file(config->pid_file, "pid-file");
	if (other > 0)
		complain("%s: cofferd is already running, pid %jd", config->pid_file, (intmax_t)other);
	else
		complain("%s: cofferd is already starting", config->pid_file);
	exit(EXIT_FAILURE);
}

/* What we open must not become anybody's standard error. */
static void
tidy_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		(void)close(fd);
}

/* 0, or -1 with errno.  A new binary is a daemon already if the old one was. */
static int
begin_daemon(struct config *config, const struct inherited *inherited)
{
	if (!config->background)
		return 0;
	return inherited->parent == -1 ? daemon_begin(config) : chdir("/");
}

/* From here on we are the daemon. */
static int
serve(struct config *config, struct master_start *start)
{
	int code;

	begin_log(config);
	start->pidfile = claim_pidfile(config, start->inherited);
	if (begin_daemon(config, start->inherited) == -1) {
		daemon_complain(config, "cannot go to the background: %s", strerror(errno));
		code = EX_OSERR;
	} else {
		notify_open();
		/* A new binary writes it when it is ready: until then the old one's pid is right. */
		if (start->pidfile != NULL && start->inherited->parent == -1 &&
		    pidfile_put(start->pidfile) == -1)
			log_warn("%s: %s", config->pid_file, strerror(errno));
		if (config->as.uid == 0)
			log_warn("workers stay root, for the user is %s", config->as.name);
		code = master_run(config, start);
	}
	pidfile_leave(&start->pidfile);
	return code;
}

int
main(int argc, char **argv, char **envp)
{
	struct args args = { .test = false };
	struct config config;
	struct upgrade_self self = { .argv = NULL };
	struct inherited inherited;
	struct master_start start = {
		.source = &args.source, .self = &self, .inherited = &inherited,
	};
	int code = EX_OK;

	inherit_take(&inherited);
	wire = inherited.parent;
	daemon_wire(wire);
	tidy_descriptors();
	if (upgrade_remember(&self, argc, argv) == -1)
		no_memory();
	setproctitle_init(argc, argv, envp);	/* first: argv is a copy from here on */
	parse_args(&args, argc, argv);
	load(&config, &args);
	if (args.show) {
		config_print(&config, stdout);
		code = fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	}
	if (!args.show || (args.test && config.shares.roots > 0)) {
		find_user(&config);
		check_roots(&config);
		check_sandbox(&config);
		find_certificates(&config);
		check_users(&config);
	}
	if (args.test && !args.show)
		(void)printf("cofferd: no fault found%s%s\n", config.file != NULL ? " in " : "",
		    config.file != NULL ? config.file : "");
	if (!args.test && !args.show)
		code = serve(&config, &start);
	config_free(&config);
	listeners_close(&inherited.listeners, NULL, false);
	upgrade_forget(&self);
	free(args.settings);
	free(args.dir);
	free(args.file);
	return code;
}
