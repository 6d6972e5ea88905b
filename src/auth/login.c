/* login - a question to the authenticator, and its answer. */

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "auth/login.h"
#include "base/clock.h"
#include "io/wait.h"

#define RETRY_MS	5	/* where the kernel holds as many questions as it will */

union control {
	struct cmsghdr	 head;
	char		 room[CMSG_SPACE(sizeof(int))];
};

/* Sends the question and the descriptor.  0, or -1 with errno. */
static int
post(int fd, const struct login_question *q, int reply)
{
	union control control;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)q, .iov_len = sizeof(*q) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *head;

	memset(&control, 0, sizeof(control));
	head = CMSG_FIRSTHDR(&msg);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &reply, sizeof(int));
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 ? -1 : 0;
}

static int
ask(int fd, const struct login_question *q, int reply, int64_t deadline)
{
	while (post(fd, q, reply) == -1) {
		/* Others wait for the same socket: not every model can have them wait in wait_fd(). */
		if (errno != EAGAIN && errno != ETOOMANYREFS && errno != EINTR && errno != ENOBUFS)
			return -1;
		if (clock_ms() >= deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (wait_until(clock_in(RETRY_MS)) == -1)
			return -1;
	}
	return 0;
}

static int
hear(int fd, struct login_answer *answer, int64_t deadline)
{
	ssize_t n;

	for (;;) {
		n = recv(fd, answer, sizeof(*answer), MSG_DONTWAIT);
		if (n >= (ssize_t)offsetof(struct login_answer, groups) &&
		    (size_t)n == offsetof(struct login_answer, groups) + answer->groups_len)
			return 0;
		if (n >= 0)
			errno = ECONNRESET;
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return -1;
		if (wait_fd(fd, POLLIN, deadline) == -1)
			return -1;
	}
}

int
login_ask(int fd, const struct login_question *q, struct login_answer *answer, int64_t deadline)
{
	int pair[2], ret, saved;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == -1)
		return -1;
	ret = ask(fd, q, pair[1], deadline);
	saved = errno;
	(void)close(pair[1]);	/* so that its end is seen when the other side dies */
	errno = saved;
	if (ret == 0)
		ret = hear(pair[0], answer, deadline);
	wait_close(pair[0]);
	return ret;
}

int
login_take(int fd, struct login_question *q, int *reply)
{
	union control control;
	struct iovec iov = { .iov_base = q, .iov_len = sizeof(*q) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *head;

	*reply = -1;
	if (n <= 0)
		return n == 0 ? -1 : 0;
	head = CMSG_FIRSTHDR(&msg);
	if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(reply, CMSG_DATA(head), sizeof(int));
	if (n != (ssize_t)sizeof(*q) || *reply == -1) {
		if (*reply != -1)
			(void)close(*reply);
		explicit_bzero(q, sizeof(*q));
		return 0;	/* whoever sends such a thing is no worker of ours any more */
	}
	if (q->kind != LOGIN_ACCOUNT)
		q->kind = LOGIN_PASSWORD;
	q->name[sizeof(q->name) - 1] = q->password[sizeof(q->password) - 1] = '\0';
	return 1;
}

void
login_answer(int *reply, const struct login_answer *answer)
{
	(void)send(*reply, answer, offsetof(struct login_answer, groups) + answer->groups_len,
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)close(*reply);
	*reply = -1;
}

void
login_refuse(int *reply, enum login_verdict verdict, int64_t ms)
{
	struct login_answer answer;

	answer.verdict = verdict;
	answer.ms = ms;
	answer.bans = 0;
	answer.groups_len = 0;
	login_answer(reply, &answer);
}

bool
login_wanted(int reply)
{
	struct pollfd pfd = { .fd = reply };

	return poll(&pfd, 1, 0) == 0;
}
