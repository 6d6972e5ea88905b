/* sched_fork - a process for each session.
 * The strongest walls: a session that crashes takes nobody with it.  The worker
 * accepts, forks and reaps; a child ends in _exit(2), never back in the accept loop. */

#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "io/wait.h"
#include "sched/sched.h"

#define LISTENERS_MAX	64	/* sockets that one process accepts from */

static const struct sched_limit *limit;
static int		 deaths = -1;		/* a signalfd: SIGCHLD has come */
static int		 listeners[LISTENERS_MAX + 1];
static size_t		 listeners_len;
static struct wait_ops	 ops;			/* wait_blocking, but for any() */
static pid_t		 worker;
static void		*running;		/* in a child: its session */

/* The living children. */
static struct child {
	pid_t		 pid;
	void		(*ended)(void *arg, int status);
	void		*arg;
}			*children;
static unsigned		 children_len, children_room;

static int
remember(const struct sched_task *task)
{
	struct child *more;

	if (children_len == children_room) {
		more = reallocarray(children, children_room * 2 + 16, sizeof(*more));
		if (more == NULL)
			return -1;
		children = more;
		children_room = children_room * 2 + 16;
	}
	children[children_len] = (struct child){ .ended = task->ended, .arg = task->arg };
	return 0;
}

static void
bury(pid_t pid, int status)
{
	struct child child;
	unsigned i;

	for (i = 0; i < children_len && children[i].pid != pid; i++)
		continue;
	if (i == children_len)
		return;
	child = children[i];
	children[i] = children[--children_len];
	if (child.ended != NULL)
		child.ended(child.arg, status);
	atomic_fetch_sub(limit->sessions, 1);
	if (WIFSIGNALED(status))
		log_warn("session process %d killed by signal %d (%s)", (int)pid, WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
}

static void
reap(void)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(deaths, &info, sizeof(info)) > 0)
		continue;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		bury(pid, status);
}

/* Waits for deaths beside connections: nobody is left a zombie for want of a client. */
static int
fork_any(const int *fds, size_t n, int64_t deadline)
{
	int which;

	if (n > LISTENERS_MAX) {
		errno = EINVAL;
		return -1;
	}
	memcpy(listeners, fds, n * sizeof(*fds));
	listeners[n] = deaths;
	listeners_len = n;
	while ((which = wait_blocking.any(listeners, n + 1, deadline)) == (int)n)
		reap();
	return which;
}

static int
fork_room(void)
{
	reap();
	while (atomic_load(limit->sessions) >= limit->max) {
		if (wait_request(deaths, INT64_MAX) == -1)
			return -1;
		reap();
	}
	if (!wait_draining())
		return 0;
	errno = ECANCELED;
	return -1;
}

/* The child: without what is the worker's alone, and no longer than the worker. */
static _Noreturn void
become_session(const struct sched_task *task)
{
	sigset_t none;
	size_t i;

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != worker)
		_exit(0);
	(void)close(deaths);
	for (i = 0; i < listeners_len; i++)
		(void)close(listeners[i]);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	wait_use(&wait_blocking);
	wait_heart(NULL, 0);		/* that is the worker's */
	running = task->arg;
	task->run(task->arg);
	_exit(0);
}

static int
fork_start(const struct sched_task *task)
{
	pid_t pid = remember(task) == -1 ? -1 : fork();
	int error = errno;

	if (pid == 0)
		become_session(task);
	if (pid == -1) {
		reap();		/* the dead count among those that there may be */
		errno = error;
		return -1;
	}
	children[children_len++].pid = pid;
	atomic_fetch_add(limit->sessions, 1);
	if (task->forked != NULL)
		task->forked(task->arg, pid);
	task->drop(task->arg);
	return 0;
}

static void *
fork_current(void)
{
	return running;
}

static int
fork_run(void (*main_fn)(void *), void *arg, const struct sched_limit *bounds)
{
	sigset_t child;

	limit = bounds;
	worker = getpid();
	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, NULL);
	if ((deaths = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK)) == -1)
		return -1;
	ops = wait_blocking;
	ops.any = fork_any;
	wait_use(&ops);
	main_fn(arg);
	while (children_len > 0) {
		(void)wait_fd(deaths, POLLIN, INT64_MAX);
		reap();
	}
	(void)close(deaths);
	free(children);
	children = NULL;
	children_room = 0;
	return 0;
}

const struct sched sched_fork = {
	.name = "fork",
	.forks = true,
	.run = fork_run,
	.room = fork_room,
	.start = fork_start,
	.current = fork_current,
};
