/* cofferd - the server's main function.
 * Checks the configuration that the command line asks for, says no with a sentence where something is
 * wrong, and hands over to the master. */

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
#include "server/args.h"
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

/* Tells all of them. */
static void
print_faults(struct faults *faults)
{
	faults_each(faults, print_fault, NULL);
	faults_free(faults);
}

/* The checked configuration, or the end with every fault. */
static void
load(struct config *config, struct config_source *source, const struct args *args)
{
	struct faults faults;
	int loaded;

	faults_init(&faults);
	*source = (struct config_source){
		.file = args->file != NULL ? args->file : args->dir == NULL ? ARGS_DEFAULT_FILE : NULL,
		.optional = args->file == NULL,
		.settings = args->settings,
		.nsettings = args->nsettings,
		.rootless = true,
	};
	loaded = config_load(config, source, &faults);
	print_faults(&faults);
	if (loaded == -1)
		exit(EX_CONFIG);
	if (config->shares.roots == 0 && !args->show)
		args_bad_usage("there is nothing to serve: name a folder DIR, or root in ",
		    ARGS_DEFAULT_FILE);
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
	print_faults(&faults);
	faults_each(&notes, print_note, NULL);
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
	print_faults(&faults);
	if (good == -1)
		exit(EX_CONFIG);
}

/* Whatever would keep the configuration from being served here: the end with a sentence. */
static void
check(struct config *config)
{
	find_user(config);
	check_roots(config);
	check_sandbox(config);
	find_certificates(config);
	check_users(config);
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

/* -t, -T or the daemon itself. */
static int
act(const struct args *args, struct config *config, struct master_start *start)
{
	int code = EX_OK;

	if (args->show) {
		config_print(config, stdout);
		code = fflush(stdout) == 0 ? EX_OK : EX_IOERR;
	}
	if (!args->show || (args->test && config->shares.roots > 0))
		check(config);
	if (args->show)
		return code;
	if (!args->test)
		return serve(config, start);
	(void)printf("cofferd: no fault found%s%s\n", config->file != NULL ? " in " : "",
	    config->file != NULL ? config->file : "");
	return EX_OK;
}

int
main(int argc, char **argv, char **envp)
{
	struct args args = { .test = false };
	struct config_source source;
	struct config config;
	struct upgrade_self self = { .argv = NULL };
	struct inherited inherited;
	struct master_start start = {
		.source = &source, .self = &self, .inherited = &inherited,
	};
	int code;

	inherit_take(&inherited);
	wire = inherited.parent;
	daemon_wire(wire);
	tidy_descriptors();
	if (upgrade_remember(&self, argc, argv) == -1)
		args_no_memory();
	setproctitle_init(argc, argv, envp);	/* first: argv is a copy from here on */
	args_parse(&args, argc, argv);
	load(&config, &source, &args);
	code = act(&args, &config, &start);
	config_free(&config);
	listeners_close(&inherited.listeners, NULL, false);
	upgrade_forget(&self);
	args_free(&args);
	return code;
}
