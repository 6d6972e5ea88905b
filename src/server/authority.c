/* authority - the master's half of the authenticator. */

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/users.h"
#include "base/clock.h"
#include "base/log.h"
#include "server/authenticator.h"
#include "server/authority.h"
#include "server/pam_process.h"

#define LOOK_MS		1000	/* between two looks at the file */
#define YOUNG_MS	1000	/* one that dies before this is old has died young */
#define DELAY_MS	100	/* before the first respawn of such a one; doubles */

struct authority {
	const struct config *config;	/* that serves, or NULL */
	int		 door[2];	/* questions: the workers' end, the authenticator's */
	int		 orders[2];	/* ours, the authenticator's */
	struct failures	*failures;
	pid_t		 pid;		/* 0: nobody */
	int64_t		 born, due;
	unsigned	 young, births;
	bool		 unread;	/* the file is to be handed over */
	bool		 blamed;	/* why it cannot be was said */
	struct stat	 seen;		/* as it was handed over */
	int64_t		 look;		/* when to look at it again */
};

/* --- checking, in a child */

struct telling {
	FILE		*out;
	unsigned	 lines;
};

static void
tell(void *arg, const char *line)
{
	struct telling *t = arg;

	if (t->lines++ < FAULTS_MAX)
		(void)fprintf(t->out, "%s\n", line);
}

static _Noreturn void
check_and_tell(int fd, const char *file, int out)
{
	struct telling t = { .out = fdopen(out, "w") };
	struct users *users = users_read(fd, file, tell, &t);

	if (t.out != NULL)
		(void)fflush(t.out);
	_exit(users != NULL ? 0 : 1);
}

static void
gather(int in, struct faults *faults)
{
	FILE *file = fdopen(in, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (file == NULL) {
		(void)close(in);
		return;
	}
	while ((n = getline(&line, &room, file)) > 0) {
		line[n - 1] = '\0';
		faults_add(faults, "%s", line);
	}
	free(line);
	(void)fclose(file);
}

int
authority_check(const struct config *config, struct faults *faults)
{
	int fd, pipefd[2], status = -1;
	size_t before = faults->count;
	char why[USERS_WHY], no_pam[PAM_WHY];
	struct stat st;
	pid_t pid;

	if (config->pam_service[0] != '\0' && pam_check(config->pam_service, no_pam) == -1)
		faults_add(faults, "pam-service: %s", no_pam);
	if (config->users[0] == '\0')
		return faults->count == before ? 0 : -1;
	if ((fd = users_open(config->users, &st, why)) == -1) {
		faults_add(faults, "users: %s", why);
		return -1;
	}
	pid = pipe2(pipefd, O_CLOEXEC) == 0 ? fork() : -1;
	if (pid == 0)
		check_and_tell(fd, config->users, pipefd[1]);
	(void)close(fd);
	if (pid == -1) {
		faults_add(faults, "users: %s cannot be checked: %s", config->users, strerror(errno));
		return -1;
	}
	(void)close(pipefd[1]);
	gather(pipefd[0], faults);
	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	if (status != 0 && faults->count == before)
		faults_add(faults, "users: %s cannot be checked", config->users);
	return faults->count == before ? 0 : -1;
}

/* --- the process */

struct authority *
authority_open(void)
{
	const int type = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
	struct authority *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->door[0] = a->door[1] = a->orders[0] = a->orders[1] = -1;
	if ((a->failures = failures_open()) != NULL && socketpair(AF_UNIX, type, 0, a->door) == 0 &&
	    socketpair(AF_UNIX, type, 0, a->orders) == 0)
		return a;
	authority_close(&a);
	return NULL;
}

static void
kill_it(struct authority *a)
{
	if (a->pid == 0)
		return;
	(void)kill(a->pid, SIGKILL);
	while (waitpid(a->pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	a->pid = 0;
}

void
authority_close(struct authority **authority)
{
	struct authority *a = *authority;
	int saved = errno, i;

	*authority = NULL;
	if (a == NULL)
		return;
	kill_it(a);
	for (i = 0; i < 2; i++) {
		if (a->door[i] != -1)
			(void)close(a->door[i]);
		if (a->orders[i] != -1)
			(void)close(a->orders[i]);
	}
	failures_close(&a->failures);
	free(a);
	errno = saved;
}

int
authority_door(const struct authority *a, const struct config *config)
{
	return config_logins(config) ? a->door[0] : -1;
}

static bool
wanted(const struct authority *a)
{
	return a->config != NULL && config_logins(a->config);
}

static bool
same_process(const struct config *a, const struct config *b)
{
	return a->as.uid == b->as.uid && a->as.gid == b->as.gid && a->sandbox == b->sandbox &&
	    strcmp(a->pam_service, b->pam_service) == 0 && (a->users[0] == '\0') == (b->users[0] == '\0');
}

void
authority_serve(struct authority *a, const struct config *config)
{
	const struct config *before = a->config;

	a->config = config;
	a->unread = true;
	a->blamed = false;
	/* Questions that wait at the door wait for the next one. */
	if (!wanted(a) || (before != NULL && !same_process(before, config)))
		kill_it(a);
	a->look = a->due = 0;
}

static int64_t
delay(const struct authority *a)
{
	int64_t ms = DELAY_MS;
	unsigned i;

	for (i = 1; i < a->young && ms < a->config->respawn_delay_max_ms; i++)
		ms *= 2;
	return a->young == 0 ? 0 : ms < a->config->respawn_delay_max_ms ? ms : a->config->respawn_delay_max_ms;
}

static void
spawn(struct authority *a)
{
	const struct authenticator_opts opts = {
		.config = a->config, .failures = a->failures, .questions = a->door[1], .orders = a->orders[1],
	};

	failures_share(a->failures, true);
	if ((a->pid = fork()) == 0)
		authenticator_run(&opts);
	failures_share(a->failures, false);
	a->born = clock_ms();
	if (a->pid > 0) {
		a->births++;
		a->unread = true;
		return;
	}
	a->pid = 0;
	a->young++;
	a->due = a->born + delay(a);
	log_error("the authenticator cannot be forked: %s; next try in %.1f s", strerror(errno),
	    (double)delay(a) / 1000);
}

bool
authority_bury(struct authority *a, pid_t pid, int status)
{
	char why[128];

	if (pid != a->pid || pid == 0)
		return false;
	a->pid = 0;
	a->young = clock_ms() - a->born < YOUNG_MS ? a->young + 1 : 0;
	a->due = clock_in(wanted(a) ? delay(a) : 0);
	if (WIFSIGNALED(status))
		(void)snprintf(why, sizeof(why), "killed by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		(void)snprintf(why, sizeof(why), "ended with status %d", WEXITSTATUS(status));
	log_warn("authenticator (pid %d, %.1f s old) %s; next try in %.1f s", (int)pid,
	    (double)(clock_ms() - a->born) / 1000, why, wanted(a) ? (double)delay(a) / 1000 : 0);
	return true;
}

/* --- orders */

/* One message, with the descriptor, if there is one.  0, or -1: it does not take more now. */
static int
give(struct authority *a, enum authenticator_order_kind kind, const char *text, int fd)
{
	union {
		struct cmsghdr	 head;
		char		 room[CMSG_SPACE(sizeof(int))];
	} control;
	struct authenticator_order order = {
		.kind = kind,
		.limits = {
			.count = (unsigned)a->config->login_failures,
			.ban_ms = a->config->login_ban_ms,
			.delay_ms = a->config->login_delay_ms,
		},
		.login_ms = a->config->login_timeout_ms,
	};
	struct iovec iov = { .iov_base = &order, .iov_len = sizeof(order) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	(void)strlcpy(order.text, text, sizeof(order.text));
	if (fd != -1) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
	}
	return sendmsg(a->orders[0], &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 ? -1 : 0;
}

static bool
changed(const struct stat *a, const struct stat *b)
{
	return a->st_ino != b->st_ino || a->st_dev != b->st_dev || a->st_size != b->st_size ||
	    a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec ||
	    a->st_ctim.tv_sec != b->st_ctim.tv_sec || a->st_ctim.tv_nsec != b->st_ctim.tv_nsec;
}

static void
blame(struct authority *a, const char *why)
{
	if (!a->blamed)
		log_error("%s; the users stay as they were", why);
	a->blamed = true;
}

/* The authenticator gets the file as it is now. */
static void
hand_over(struct authority *a)
{
	char why[USERS_WHY];
	struct stat st;
	int fd;

	if (a->config->users[0] == '\0') {
		a->unread = give(a, AUTHENTICATOR_READ, "", -1) == -1;
		return;
	}
	if ((fd = users_open(a->config->users, &st, why)) == -1) {
		blame(a, why);
		return;
	}
	if (give(a, AUTHENTICATOR_READ, a->config->users, fd) == 0) {
		a->unread = a->blamed = false;
		a->seen = st;
	}
	(void)close(fd);
}

static void
look(struct authority *a)
{
	struct stat st;

	if (!a->unread && a->config->users[0] == '\0')
		;	/* nothing can change */
	else if (!a->unread && stat(a->config->users, &st) == -1)
		blame(a, "the users file has gone");
	else if (a->unread || changed(&st, &a->seen))
		hand_over(a);
	a->look = clock_in(LOOK_MS);
}

int64_t
authority_step(struct authority *a)
{
	int64_t now = clock_ms();

	if (!wanted(a))
		return CLOCK_NEVER;
	if (a->pid == 0 && a->due <= now)
		spawn(a);
	if (a->pid == 0)
		return a->due;
	if (a->look <= now || a->unread)
		look(a);
	return a->look;
}

void
authority_reopen(const struct authority *a)
{
	if (a->pid != 0)
		(void)kill(a->pid, SIGUSR1);
}

unsigned
authority_forgive(struct authority *a, const char *what)
{
	unsigned n = failures_forgive(a->failures, what, true);

	return n > 0 && wanted(a) && give(a, AUTHENTICATOR_FORGIVE, what, -1) == 0 ? n : 0;
}

void
authority_state(const struct authority *a, struct authority_state *state)
{
	*state = (struct authority_state){
		.wanted = wanted(a), .pid = a->pid, .due = a->due, .born = a->born,
		.restarts = a->births > 0 ? a->births - 1 : 0, .failures = a->failures,
	};
}
