/* reopen - a log that was rotated is opened again, by processes that may not open it. */

#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/shared.h"
#include "server/reopen.h"

static int		 box[2] = { -1, -1 };	/* the master's end, everybody's */
static atomic_uint	*turns;			/* shared: how often the mailbox was filled */
static atomic_uint	 followed;		/* how often this process has looked */
static void		(*tell_children)(int);

/* A message of one byte, behind which there are the descriptors: bit 0 the log's, bit 1 that of the
 * access log's own file. */
union control {
	struct cmsghdr	 head;
	char		 room[CMSG_SPACE(2 * sizeof(int))];
};

int
reopen_prepare(void)
{
	if ((turns = shared_new(sizeof(*turns))) == NULL)
		return -1;
	return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, box);
}

int
reopen_fd(void)
{
	return box[1];
}

/* Receives into fd[2], -1 where there is none; `flags` MSG_PEEK leaves it for others. */
static ssize_t
receive(int fd[2], int flags)
{
	union control control;
	char which = 0;
	struct iovec iov = { .iov_base = &which, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *head;
	ssize_t n = recvmsg(box[1], &msg, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const int *sent;

	fd[0] = fd[1] = -1;
	if (n != 1 || (head = CMSG_FIRSTHDR(&msg)) == NULL || head->cmsg_type != SCM_RIGHTS)
		return n;
	sent = (const int *)(const void *)CMSG_DATA(head);
	if ((which & 1) != 0)
		fd[0] = *sent++;
	if ((which & 2) != 0)
		fd[1] = *sent;
	return n;
}

static int
post(void)
{
	union control control;
	char which = (char)((log_fd() > STDERR_FILENO ? 1 : 0) | (log_access_fd() != -1 ? 2 : 0));
	struct iovec iov = { .iov_base = &which, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	struct cmsghdr *head;
	int fd[2], n = 0;

	if ((which & 1) != 0)
		fd[n++] = log_fd();
	if ((which & 2) != 0)
		fd[n++] = log_access_fd();
	if (n == 0)
		return 0;	/* syslog, or a stream that is not ours to open */
	memset(&control, 0, sizeof(control));
	msg.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
	head = CMSG_FIRSTHDR(&msg);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
	memcpy(CMSG_DATA(head), fd, (size_t)n * sizeof(int));
	return sendmsg(box[0], &msg, MSG_DONTWAIT) == 1 ? 0 : -1;
}

int
reopen_logs(void)
{
	int old[2], i;

	if (log_reopen() == -1)
		return -1;
	while (receive(old, 0) != -1)
		for (i = 0; i < 2; i++)
			if (old[i] != -1)
				(void)close(old[i]);
	if (post() == -1)
		return -1;
	/* What is forked from here on has the new descriptors already. */
	atomic_store(&followed, atomic_fetch_add(turns, 1) + 1);
	return 0;
}

static void
follow(void)
{
	int fd[2];

	atomic_store(&followed, atomic_load(turns));
	if (receive(fd, MSG_PEEK) == 1)
		log_take(fd[0], fd[1]);
}

static void
on_reopen(int signal)
{
	int saved = errno;

	follow();
	tell_children(signal);
	errno = saved;
}

void
reopen_follow(void (*children)(int signal))
{
	struct sigaction action = { .sa_handler = on_reopen, .sa_flags = SA_RESTART | SA_ONSTACK };

	tell_children = children;
	(void)sigaction(SIGUSR1, &action, NULL);
}

unsigned
reopen_catch_up(void)
{
	unsigned now = atomic_load_explicit(turns, memory_order_relaxed);

	if (now != atomic_load_explicit(&followed, memory_order_relaxed))
		follow();
	return now;
}
