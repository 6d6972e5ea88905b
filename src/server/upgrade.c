/* upgrade - starts the next binary with our sockets, and waits until it serves. */

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/inherit.h"
#include "server/upgrade.h"

#define SAID_MAX	20	/* lines of the new binary's that are kept */
#define READY		"ready "

/* The file that the shell has run for that name, or NULL. */
static char *
find_program(const char *name, const char *cwd)
{
	const char *path = getenv("PATH"), *end;
	char *full = NULL, self[PATH_MAX];
	ssize_t n;

	if (strchr(name, '/') != NULL && cwd != NULL)
		return asprintf(&full, "%s%s%s", name[0] == '/' ? "" : cwd, name[0] == '/' ? "" : "/",
		    name) == -1 ? NULL : full;
	for (; path != NULL && *path == '/'; path = *end == ':' ? end + 1 : NULL) {
		end = strchrnul(path, ':');
		if (asprintf(&full, "%.*s/%s", (int)(end - path), path, name) == -1)
			return NULL;
		if (access(full, X_OK) == 0)
			return full;
		free(full);
	}
	if ((n = readlink("/proc/self/exe", self, sizeof(self) - 1)) == -1)
		return strdup(name);
	self[n] = '\0';
	return strdup(self);
}

int
upgrade_remember(struct upgrade_self *self, int argc, char **argv)
{
	int i;

	self->cwd = getcwd(NULL, 0);
	self->program = find_program(argv[0], self->cwd);
	self->argv = calloc((size_t)argc + 1, sizeof(char *));
	if (self->program == NULL || self->argv == NULL)
		return -1;
	for (i = 0; i < argc; i++)
		if ((self->argv[i] = strdup(argv[i])) == NULL)
			return -1;
	return 0;
}

void
upgrade_forget(struct upgrade_self *self)
{
	for (char **arg = self->argv; arg != NULL && *arg != NULL; arg++)
		free(*arg);
	free(self->argv);
	free(self->program);
	free(self->cwd);
	memset(self, 0, sizeof(*self));
}

void
upgrade_say_ready(int parent)
{
	(void)send(parent, READY PACKAGE_VERSION "\n", strlen(READY PACKAGE_VERSION "\n"), MSG_NOSIGNAL);
}

/* What the new binary gets, in order. */
struct bequest {
	int	 fd[INHERIT_MAX];
	int	 count;
	char	*names;		/* encoded, a colon between */
};

/* 0, or -1 with ENOMEM.  A descriptor of -1 is nothing. */
static int
bequeath(struct bequest *b, int fd, const char *name)
{
	char encoded[3 * PATH_MAX], *more;

	if (fd == -1)
		return 0;
	if (strlen(name) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (asprintf(&more, "%s%s%s", b->names != NULL ? b->names : "", b->names != NULL ? ":" : "",
	    inherit_encode(encoded, name)) == -1)
		return -1;
	free(b->names);
	b->names = more;
	b->fd[b->count++] = fd;
	return 0;
}

/* A socket of the service manager's stays one: its name must not be a URL. */
static int
bequeath_all(struct bequest *b, const struct listeners *all, int control, const char *control_name,
    int pidfile, int wire)
{
	for (size_t i = 0; i < all->count; i++)
		if (bequeath(b, all->at[i].fd, !all->at[i].handed ? all->at[i].url :
		    strstr(all->at[i].url, ":/") != NULL ? INHERIT_HANDED : all->at[i].url) == -1)
			return -1;
	if (bequeath(b, control, control_name) == -1 || bequeath(b, pidfile, INHERIT_PIDFILE) == -1)
		return -1;
	return bequeath(b, wire, INHERIT_PARENT);
}

/* Puts the descriptors to their places, from INHERIT_FIRST on: first all out of the way. */
static int
place(struct bequest *b)
{
	int i, end = INHERIT_FIRST + b->count;

	for (i = 0; i < b->count; i++)
		if ((b->fd[i] = fcntl(b->fd[i], F_DUPFD_CLOEXEC, end)) == -1)
			return -1;
	for (i = 0; i < b->count; i++)
		if (dup2(b->fd[i], INHERIT_FIRST + i) == -1)
			return -1;
	return 0;
}

static int
set_variables(const struct bequest *b)
{
	char pid[16], count[16];

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)snprintf(count, sizeof(count), "%d", b->count);
	if (getenv("WATCHDOG_PID") != NULL && setenv("WATCHDOG_PID", pid, 1) == -1)
		return -1;
	return setenv("LISTEN_PID", pid, 1) == -1 || setenv("LISTEN_FDS", count, 1) == -1 ||
	    setenv("LISTEN_FDNAMES", b->names, 1) == -1 ? -1 : 0;
}

/* In the new process, which does not come back. */
static _Noreturn void
become(const struct upgrade_self *self, struct bequest *b)
{
	const char *what = self->program;
	int wire = b->fd[b->count - 1];
	sigset_t none;

	(void)sigemptyset(&none);
	(void)signal(SIGPIPE, SIG_DFL);
	if (self->cwd != NULL && chdir(self->cwd) == -1)
		what = self->cwd;
	else if (place(b) == -1 || set_variables(b) == -1)
		what = "the sockets cannot be handed over";
	else {
		wire = INHERIT_FIRST + b->count - 1;
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		(void)execv(self->program, self->argv);
	}
	(void)dprintf(wire, "%s: %s\n", what, strerror(errno));
	_exit(127);
}

static int
fail(struct upgrade *u, struct bequest *b, const int *wire)
{
	faults_add(&u->said, "the new cofferd cannot be started: %s", strerror(errno));
	free(b->names);
	if (wire[0] != -1) {
		(void)close(wire[0]);
		(void)close(wire[1]);
	}
	return -1;
}

int
upgrade_begin(struct upgrade *u, const struct upgrade_self *self, const struct listeners *listeners,
    int control, const char *control_name, int pidfile, int64_t patience_ms)
{
	struct bequest b = { .count = 0 };
	int wire[2] = { -1, -1 };
	pid_t pid;

	*u = (struct upgrade){ .wire = -1, .until = clock_in(patience_ms) };
	faults_init(&u->said);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, wire) == -1 ||
	    bequeath_all(&b, listeners, control, control_name, pidfile, wire[1]) == -1 ||
	    (pid = fork()) == -1)
		return fail(u, &b, wire);
	if (pid == 0)
		become(self, &b);
	free(b.names);
	(void)close(wire[1]);
	u->wire = wire[0];
	u->pid = pid;
	return 0;
}

static void
take_line(struct upgrade *u)
{
	u->line[u->len] = '\0';
	u->len = 0;
	if (strncmp(u->line, READY, strlen(READY)) == 0) {
		u->ready = true;
		(void)strlcpy(u->version, u->line + strlen(READY), sizeof(u->version));
	} else if (u->said.count < SAID_MAX)
		faults_add(&u->said, "%s", u->line);
}

void
upgrade_read(struct upgrade *u)
{
	char bytes[512];
	ssize_t n, i;

	while (u->wire != -1 && (n = recv(u->wire, bytes, sizeof(bytes), MSG_DONTWAIT)) != -1) {
		for (i = 0; i < n; i++)
			if (bytes[i] == '\n' || u->len == sizeof(u->line) - 1)
				take_line(u);
			else
				u->line[u->len++] = bytes[i];
		if (n == 0) {
			(void)close(u->wire);
			u->wire = -1;
		}
	}
	if (u->wire != -1 && errno != EAGAIN && errno != EINTR) {
		(void)close(u->wire);
		u->wire = -1;
	}
}

void
upgrade_end(struct upgrade *u, bool kill_it)
{
	if (kill_it && u->pid > 0)
		(void)kill(u->pid, SIGKILL);
	if (u->wire != -1)
		(void)close(u->wire);
	u->wire = -1;
	u->pid = 0;
	faults_free(&u->said);
}
