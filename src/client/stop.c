/* stop - the wish to stop, from the keyboard or by SIGTERM.
 * A pipe carries the signal into poll(2), where a flag alone would be missed if the
 * signal came just before. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/nitems.h"
#include "client/progress.h"
#include "client/stop.h"
#include "io/wait.h"

#define TICK_MS	500	/* how often the progress bar is looked after while nothing moves */

static volatile sig_atomic_t	 wanted;
static int			 line[2] = { -1, -1 };

static void
on_signal(int signo)
{
	int saved = errno;

	(void)signo;
	wanted = 1;
	(void)!write(line[1], "", 1);
	errno = saved;
}

/* One poll(2) of at most TICK_MS.  1, 0 if nothing came, -1 with errno. */
static int
poll_once(struct pollfd pfd[2], int64_t deadline)
{
	int left = clock_left(deadline), ready;

	ready = poll(pfd, 2, left == -1 || left > TICK_MS ? TICK_MS : left);
	if (wanted || (ready == -1 && errno != EINTR)) {
		errno = wanted ? EINTR : errno;
		return -1;
	}
	if (ready > 0)
		return 1;
	progress_tick();
	if (ready == 0 && clock_ms() >= deadline) {
		errno = ETIMEDOUT;
		return -1;
	}
	return 0;
}

static int
stoppable_fd(int fd, short events, int64_t deadline, bool idle)
{
	struct pollfd pfd[2] = {
		{ .fd = fd, .events = events },
		{ .fd = line[0], .events = POLLIN },
	};
	int ready;

	(void)idle;
	while ((ready = poll_once(pfd, deadline)) == 0)
		;
	return ready == 1 ? 0 : -1;
}

void
stop_catch(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	static struct wait_ops ops;
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND }, old;
	size_t i;

	if (line[0] != -1 || pipe2(line, O_CLOEXEC | O_NONBLOCK) == -1)
		return;
	ops = wait_blocking;
	ops.fd = stoppable_fd;
	wait_use(&ops);
	for (i = 0; i < nitems(signals); i++) {
		/* nohup(1) and shells that ignore SIGINT for us have their reasons. */
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &sa, NULL);
	}
}

bool
stop_wanted(void)
{
	return wanted;
}

int
stop_pause(int ms)
{
	int64_t deadline = clock_in(ms);
	struct pollfd pfd[2] = { { .fd = -1 }, { .fd = line[0], .events = POLLIN } };

	while (poll_once(pfd, deadline) != -1)
		;
	return stop_wanted() ? -1 : 0;
}
