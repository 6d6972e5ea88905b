/* daemon - going to the background, and telling the one who waits how it went. */

#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "server/daemon.h"

/* The standard error of whoever started us, until daemon_ready(); -1 for none.  Standard error
 * itself is /dev/null by then, so that no worker holds the terminal. */
static int starter = -1;

static int wire = -1;		/* see daemon_wire() */

static bool
logs_to_stderr(const struct config *config)
{
	return strcmp(config->log, "stderr") == 0;
}

/* The waiting process: ends as the other begins. */
static _Noreturn void
await(int fd, pid_t pid)
{
	int status;
	ssize_t n;
	char byte;

	while ((n = read(fd, &byte, 1)) == -1 && errno == EINTR)
		;
	if (n == 1)
		_exit(EXIT_SUCCESS);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) != EXIT_SUCCESS)
		_exit(WEXITSTATUS(status));
	/* Killed, or told to stop before it was ready. */
	_exit(EXIT_FAILURE);
}

static int
leave_terminal(const struct config *config)
{
	int null;

	(void)setsid();			/* a child is no group's leader: it cannot fail */
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
		return -1;
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	if (!logs_to_stderr(config)) {
		starter = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		(void)dup2(null, STDERR_FILENO);
	}
	if (null > STDERR_FILENO)
		(void)close(null);
	return chdir("/");		/* no file system is kept from being unmounted */
}

int
daemon_begin(struct config *config)
{
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) == -1)
		return -1;
	if ((pid = fork()) == -1) {
		(void)close(ready[0]);
		(void)close(ready[1]);
		return -1;
	}
	if (pid > 0) {
		(void)close(ready[1]);
		await(ready[0], pid);
	}
	(void)close(ready[0]);
	config->ready_fd = ready[1];
	return leave_terminal(config);
}

void
daemon_wire(int fd)
{
	wire = fd;
}

void
daemon_ready(struct config *config)
{
	if (config->ready_fd == -1)
		return;
	/* Nobody waits any more: none of our business. */
	if (write(config->ready_fd, "", 1) == -1)
		log_debug("nobody waits for the start: %s", strerror(errno));
	(void)close(config->ready_fd);
	config->ready_fd = -1;
	if (starter != -1)
		(void)close(starter);
	starter = -1;
}

void
daemon_complain(const struct config *config, const char *fmt, ...)
{
	char line[LOG_LINE_MAX];
	va_list ap;
	int fd = starter;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_error("%s", line);
	if (wire != -1) {
		(void)dprintf(wire, "%s\n", line);
		return;
	}
	if (fd == -1 && !config->background && !logs_to_stderr(config))
		fd = STDERR_FILENO;
	if (fd != -1)
		(void)dprintf(fd, "cofferd: %s\n", line);
}
