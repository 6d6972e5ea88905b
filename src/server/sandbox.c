/* sandbox - what a worker cannot do any more, whoever commands it. */

#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sched/sched.h"
#include "server/sandbox_int.h"

struct sandbox_opts
sandbox_opts(const struct config *config)
{
	const struct sched *model = sched_find(config->concurrency);

	return (struct sandbox_opts){
		.mode = (enum sandbox_mode)config->sandbox,
		.shares = &config->shares,
		.writable = config_shares_writable(&config->shares),
		.forks = model->forks,
		.threads = model->threads,
		.asks = config_logins(config),
		.syslog = strcmp(config->log, "syslog") == 0,
	};
}

/* Within it, nobody would find the log's socket again once the log's daemon was restarted. */
const char *
sandbox_chroot(const struct config *config)
{
	return config->sandbox != SANDBOX_OFF && geteuid() == 0 && !SANDBOX_SANITIZED &&
	    strcmp(config->log, "syslog") != 0 && config->shares.roots == 1 ?
	    config_shares_root(&config->shares, 0)->root : NULL;
}

/* 1, not 0: then a core dump is not even begun where a program would be handed it. */
static void
limit(const struct sandbox_opts *opts)
{
	const struct rlimit none = { 0, 0 }, no_core = { 1, 1 };

	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (!opts->forks && !opts->threads && !opts->secret)
		(void)setrlimit(RLIMIT_NPROC, &none);
}

static void
tell(struct sandbox_level *level, const char *name, const char *why)
{
	size_t len = strlen(level->text);

	(void)snprintf(level->text + len, sizeof(level->text) - len, "%s%s%s%s%s", len > 0 ? ", " : "",
	    why != NULL ? "no " : "", name, why != NULL ? ": " : "", why != NULL ? why : "");
	if (why != NULL)
		level->whole = false;
}

int
sandbox_enter(const struct sandbox_opts *opts, struct sandbox_level *level)
{
	const char *why = "this program was built with a sanitizer";
	char landlock[32];
	int version = 0;

	*level = (struct sandbox_level){ .whole = true };
	if (opts->mode == SANDBOX_OFF) {
		level->whole = false;
		(void)strlcpy(level->text, "off", sizeof(level->text));
		return 0;
	}
	tzset();	/* syslog(3) would look for /etc/localtime */
	limit(opts);
	if (!SANDBOX_SANITIZED)
		version = sandbox_landlock(opts, &why);
	(void)snprintf(landlock, sizeof(landlock), "landlock %d", version);
	tell(level, version > 0 ? landlock : "landlock", version > 0 ? NULL : why);
	if (SANDBOX_SANITIZED || sandbox_seccomp(opts, &why) == -1)
		tell(level, "seccomp", why);
	else
		tell(level, "seccomp", NULL);
	return level->whole || opts->mode == SANDBOX_BEST ? 0 : -1;
}

/* In the child: what a worker does. */
static bool
try(const struct config *config, struct sandbox_level *level)
{
	struct sandbox_opts opts = sandbox_opts(config);
	const char *root = sandbox_chroot(config);

	*level = (struct sandbox_level){ .text = "the workers' user cannot be tried" };
	if (privilege_drop(&config->as, &root) == -1)
		return false;
	opts.rooted = root != NULL;
	return sandbox_enter(&opts, level) == 0;
}

static _Noreturn void
try_and_tell(const struct config *config, int out)
{
	struct sandbox_level level;
	bool good = try(config, &level);
	ssize_t n = write(out, level.text, strlen(level.text));

	_exit(!good || n == -1);
}

int
sandbox_check(const struct config *config, char why[SANDBOX_TEXT])
{
	static const char sentence[] = "sandbox is required, and this is what can be had: ";
	size_t len = sizeof(sentence) - 1;
	int pipefd[2], status = -1;
	ssize_t n;
	pid_t pid;

	if (config->sandbox != SANDBOX_REQUIRED)
		return 0;
	memcpy(why, sentence, len + 1);
	if (pipe2(pipefd, O_CLOEXEC) == -1 || (pid = fork()) == -1) {
		(void)strlcat(why, strerror(errno), SANDBOX_TEXT);
		return -1;
	}
	if (pid == 0)
		try_and_tell(config, pipefd[1]);
	(void)close(pipefd[1]);
	while ((n = read(pipefd[0], why + len, SANDBOX_TEXT - 1 - len)) == -1 && errno == EINTR)
		continue;
	(void)close(pipefd[0]);
	why[len + (n > 0 ? (size_t)n : 0)] = '\0';
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	return status == 0 ? 0 : -1;
}
