/* pam_process - the process that asks PAM. */

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/nitems.h"
#include "server/descriptors.h"
#include "server/pam_process.h"

#define REAP_MS	20	/* between two looks whether one that was killed has gone */
#define SWEEPS	50	/* such looks at the end */

struct order {
	struct login_question question;
	int64_t		 ms;
};

/* A channel, and the child that is at work for it. */
static struct asking {
	int		 channel;
	int		 result;	/* where the child answers; -1: none is at work */
	pid_t		 pid;		/* 0: there is none; else it may be one that was killed */
	int64_t		 deadline, limit;
}	asking[PAM_CHANNELS];

static const struct config *config;
static bool	sweeping;	/* there may be strays: see sweep() */

/* --- before */

/* A file that says who may come must be nobody's but root's or ours. */
static const char *
exposed(const char *file)
{
	struct stat st;

	if (stat(file, &st) == -1)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is no regular file";
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return "it belongs to somebody else than root and the user of the server";
	return (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ? "others may write to it" : NULL;
}

static int
check_name(const char *service, char why[PAM_WHY])
{
	static const char *const folders[] = { "/etc/pam.d", "/usr/lib/pam.d" };
	char file[PAM_WHY];

	for (size_t i = 0; i < nitems(folders); i++) {
		(void)snprintf(file, sizeof(file), "%s/%s", folders[i], service);
		if (access(file, F_OK) == 0)
			return 0;
	}
	(void)snprintf(why, PAM_WHY, "there is no /etc/pam.d/%.100s", service);
	return -1;
}

int
pam_check(const char *service, char why[PAM_WHY])
{
	const char *fault;

	if (!pam_available())
		fault = "this cofferd was built without PAM (./configure --with-pam)";
	else if (strchr(service, '/') == NULL)
		return check_name(service, why);
	else if (service[0] != '/')
		fault = "it is the name of a service, or the absolute name of a file";
	else if (!pam_by_file())
		fault = "this libpam knows no services but those of /etc/pam.d";
	else
		fault = exposed(service);
	if (fault == NULL)
		return 0;
	(void)snprintf(why, PAM_WHY, "%.150s: %s", service, fault);
	return -1;
}

/* --- the child */

static _Noreturn void
answer(const struct login_question *q, int result, pid_t parent)
{
	static struct pam_says says;
	static const int ignored[] = { SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2 };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (size_t i = 0; i < nitems(ignored); i++)
		(void)signal(ignored[i], SIG_DFL);	/* a module may start programs */
	descriptors_keep(&result, 1);
	pam_ask(config->pam_service, q, &says);
	_exit(send(result, &says, sizeof(says), MSG_NOSIGNAL) == -1);
}

/* --- the process */

static void
report(const struct asking *a, const struct pam_says *says)
{
	(void)send(a->channel, says, sizeof(*says), MSG_NOSIGNAL);
}

static void
give_up(const struct asking *a, const char *why)
{
	struct pam_says says = { .verdict = PAM_SAYS_NOTHING };

	(void)snprintf(says.why, sizeof(says.why), "%s", why);
	report(a, &says);
}

/* The child; what its modules have started comes to us then, for sweep(). */
static void
kill_child(struct asking *a)
{
	if (a->result == -1)
		return;
	(void)close(a->result);
	a->result = -1;
	(void)kill(a->pid, SIGKILL);
}

static bool
is_at_work(pid_t pid)
{
	for (size_t i = 0; i < PAM_CHANNELS; i++)
		if (asking[i].pid == pid)
			return true;
	return false;
}

/* What a module has started and left behind has become our child, for we are a subreaper: it is ended, and so
 * are its own children after that.  A kernel that does not list them (CONFIG_PROC_CHILDREN) lets them live. */
static void
sweep(void)
{
	char name[64];
	FILE *list;
	int pid;

	(void)snprintf(name, sizeof(name), "/proc/self/task/%d/children", (int)getpid());
	sweeping = false;
	if ((list = fopen(name, "re")) == NULL)
		return;
	while (fscanf(list, "%d", &pid) == 1) {
		if (is_at_work(pid))
			continue;
		sweeping = true;
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, WNOHANG);
	}
	(void)fclose(list);
}

static _Noreturn void
leave(void)
{
	for (size_t i = 0; i < PAM_CHANNELS; i++) {
		kill_child(&asking[i]);
		asking[i].pid = 0;
	}
	sweeping = true;
	for (unsigned i = 0; i < SWEEPS && sweeping; i++) {
		sweep();
		(void)usleep(sweeping ? REAP_MS * 1000 : 0);
	}
	_exit(0);
}

static void
begin(struct asking *a, const struct order *order)
{
	const pid_t self = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		give_up(a, strerror(errno));
		return;
	}
	if ((a->pid = fork()) == 0)
		answer(&order->question, pair[1], self);
	(void)close(pair[1]);
	if (a->pid == -1) {
		give_up(a, strerror(errno));
		(void)close(pair[0]);
		a->pid = 0;
		return;
	}
	a->result = pair[0];
	a->limit = order->ms;
	a->deadline = clock_in(order->ms);
}

static void
take(struct asking *a)
{
	struct order order;
	ssize_t n = recv(a->channel, &order, sizeof(order), MSG_DONTWAIT);

	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		leave();
	if (n == (ssize_t)sizeof(order))
		begin(a, &order);
	explicit_bzero(&order, sizeof(order));
}

/* The child has answered, or died. */
static void
hear(struct asking *a)
{
	struct pam_says says;
	ssize_t n = recv(a->result, &says, sizeof(says), MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == (ssize_t)sizeof(says) && says.groups_len <= sizeof(says.groups))
		report(a, &says);
	else
		give_up(a, "the process that asked it has died");
	kill_child(a);
}

static void
look_at_time(struct asking *a)
{
	char why[64];

	if (a->result == -1 || clock_ms() < a->deadline)
		return;
	(void)snprintf(why, sizeof(why), "there was no answer within %.1f s", (double)a->limit / 1000);
	give_up(a, why);
	kill_child(a);
}

/* One that hangs in the kernel keeps its channel, but nobody who waits. */
static void
reap(struct asking *a)
{
	if (a->result == -1 && a->pid > 0 && waitpid(a->pid, NULL, WNOHANG) == a->pid) {
		a->pid = 0;
		sweeping = true;
	}
}

/* Of each channel: a question, where none is at work; and the child's answer.  How long to wait. */
static int
look_out(struct pollfd pfd[2 * PAM_CHANNELS])
{
	int64_t ms, left, now = clock_ms();
	struct asking *a;
	size_t i;

	for (i = 0; i < PAM_CHANNELS; i++)
		reap(&asking[i]);
	if (sweeping)
		sweep();
	ms = sweeping ? REAP_MS : -1;
	for (i = 0; i < PAM_CHANNELS; i++) {
		a = &asking[i];
		pfd[2 * i] = (struct pollfd){ .fd = a->channel, .events = a->pid == 0 ? POLLIN : 0 };
		pfd[2 * i + 1] = (struct pollfd){ .fd = a->result, .events = POLLIN };
		if (a->pid == 0)
			continue;
		left = a->result == -1 ? REAP_MS : a->deadline > now ? a->deadline - now : 0;
		if (ms == -1 || left < ms)
			ms = left;
	}
	return (int)ms;
}

static _Noreturn void
serve(void)
{
	struct pollfd pfd[2 * PAM_CHANNELS];
	struct asking *a;
	size_t i;

	for (;;) {
		int ms = look_out(pfd);

		if (poll(pfd, 2 * PAM_CHANNELS, ms) == -1)
			continue;
		for (i = 0; i < PAM_CHANNELS; i++) {
			a = &asking[i];
			if ((pfd[2 * i].revents & (POLLHUP | POLLERR)) != 0)
				leave();
			if (pfd[2 * i + 1].revents != 0)
				hear(a);
			else
				look_at_time(a);
			if ((pfd[2 * i].revents & POLLIN) != 0 && a->pid == 0)
				take(a);
		}
	}
}

static _Noreturn void
become(int channels[PAM_CHANNELS])
{
	const struct rlimit no_core = { 1, 1 };

	setproctitle("PAM");
	(void)signal(SIGUSR1, SIG_IGN);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);
	descriptors_keep(channels, PAM_CHANNELS);
	for (size_t i = 0; i < PAM_CHANNELS; i++)
		asking[i] = (struct asking){ .channel = channels[i], .result = -1 };
	serve();
}

int
pam_process_start(const struct config *own, int channels[PAM_CHANNELS])
{
	int other[PAM_CHANNELS], pair[2];
	pid_t pid;
	size_t i;

	for (i = 0; i < PAM_CHANNELS; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
			return -1;
		channels[i] = pair[0];
		other[i] = pair[1];
	}
	config = own;
	if ((pid = fork()) == 0)
		become(other);
	for (i = 0; i < PAM_CHANNELS; i++)
		(void)close(other[i]);
	return pid == -1 ? -1 : 0;
}

/* --- the authenticator's side */

void
pam_process_ask(int channel, const struct login_question *q, int64_t ms, struct pam_says *says)
{
	struct order order = { .question = *q, .ms = ms };
	ssize_t n = send(channel, &order, sizeof(order), MSG_NOSIGNAL);

	explicit_bzero(&order, sizeof(order));
	while (n > 0 && (n = recv(channel, says, sizeof(*says), 0)) == -1 && errno == EINTR)
		continue;
	if (n == (ssize_t)sizeof(*says))
		return;
	memset(says, 0, sizeof(*says));
	says->verdict = PAM_SAYS_NOTHING;
	(void)strlcpy(says->why, "the process that asks it has died", sizeof(says->why));
}
