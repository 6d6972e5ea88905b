/* steady - many clients at once: see steady.h. */

#include <fcntl.h>
#include <sys/epoll.h>

#include "net.h"
#include "steady.h"

#define WARM_UP		0.3	/* seconds that are not counted, at least, */
#define WARM_UP_MAX	3.0	/* and at most: until each client had a reply */
#define REPLY_MAX	8192	/* bytes of a reply with its file */
#define EVENTS_MAX	256

struct client {
	int	 fd;
	int	 greeted;
	size_t	 have;
	long	 replies;
	char	 buf[REPLY_MAX];
};

static char	 question[ASK_MAX];
static size_t	 question_len;

/* Connects without waiting for it: a server that accepts nobody must not hold up the others. */
static void
start(int epfd, struct client *c, const struct target *to)
{
	struct sockaddr_in sin = loopback(to->port);
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = c };

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd == -1)
		die("socket");
	nodelay(c->fd);
	c->greeted = to->proto != COFFER;
	if (connect(c->fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 && errno != EINPROGRESS)
		die("connect to port %d", to->port);
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, c->fd, &event) == -1)
		die("epoll_ctl");
}

static void
ask(struct client *c)
{
	if (write_all(c->fd, question, question_len) == -1)
		die("write");
}

/* The bytes of the reply that c->buf begins with, once its header is there, else 0. */
static size_t
reply_size(const struct client *c, enum proto proto)
{
	static const char *const ends[] = { "\n", "\r\n\r\n", "", "\n" };
	static const char *const sizes[] = { " size=", "Content-Length: ", "", "" };
	const char *end = memmem(c->buf, c->have, ends[proto], strlen(ends[proto])), *size;

	if (end == NULL)
		return 0;
	size = memmem(c->buf, (size_t)(end - c->buf), sizes[proto], strlen(sizes[proto]));
	if (size == NULL || (proto == COFFER && strncmp(c->buf, "200 ", 4) != 0))
		wrong("\"%.60s\" came", c->buf);
	return (size_t)(end - c->buf) + strlen(ends[proto]) +
	    (size_t)strtoull(size + strlen(sizes[proto]), NULL, 10);
}

/* What has come; the next question follows a whole reply at once. */
static void
hear(struct client *c, enum proto proto)
{
	ssize_t n = read(c->fd, c->buf + c->have, sizeof(c->buf) - c->have);
	size_t len;
	char *nl;

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0)
		wrong("the server closed a connection");
	c->have += (size_t)n;
	if (!c->greeted) {
		if ((nl = memchr(c->buf, '\n', c->have)) == NULL)
			return;
		c->have -= (size_t)(nl + 1 - c->buf);
		memmove(c->buf, nl + 1, c->have);
		c->greeted = 1;
	}
	if ((len = reply_size(c, proto)) > sizeof(c->buf))
		wrong("the file is too large");
	if (len == 0 || c->have < len)
		return;
	c->have = 0;	/* one question, one reply */
	c->replies++;
	ask(c);
}

/* One turn of the loop. */
static void
turn(int epfd, enum proto proto)
{
	struct epoll_event event[EVENTS_MAX], reader = { .events = EPOLLIN };
	int n = epoll_wait(epfd, event, EVENTS_MAX, 100);

	for (int i = 0; i < n; i++) {
		struct client *c = event[i].data.ptr;

		if (event[i].events & EPOLLIN)
			hear(c, proto);
		else if (event[i].events & (EPOLLERR | EPOLLHUP))
			wrong("a connection was refused");
		else {
			ask(c);
			reader.data.ptr = c;
			if (epoll_ctl(epfd, EPOLL_CTL_MOD, c->fd, &reader) == -1)
				die("epoll_ctl");
		}
	}
}

static int
served(const struct client *clients, int n)
{
	int count = 0;

	for (int i = 0; i < n; i++)
		count += clients[i].replies > 0;
	return count;
}

static long
replies(const struct client *clients, int n)
{
	long sum = 0;

	for (int i = 0; i < n; i++)
		sum += clients[i].replies;
	return sum;
}

void
steady(const struct target *to, int n, double seconds)
{
	struct client *clients = calloc((size_t)n, sizeof(*clients));
	int epfd = epoll_create1(EPOLL_CLOEXEC);
	double began, from;
	long before;

	if (clients == NULL || epfd == -1)
		die("steady");
	(void)nofile_raise();
	question_len = (size_t)ask_text(question, to, 0);
	for (int i = 0; i < n; i++)
		start(epfd, &clients[i], to);
	for (began = now(); now() - began < WARM_UP ||
	    (now() - began < WARM_UP_MAX && served(clients, n) < n);)
		turn(epfd, to->proto);
	from = now();
	before = replies(clients, n);
	while (now() - from < seconds)
		turn(epfd, to->proto);
	from = now() - from;
	printf("rate=%.3f clients=%d served=%d replies=%ld\n",
	    (double)(replies(clients, n) - before) / from, n, served(clients, n), replies(clients, n));
}
