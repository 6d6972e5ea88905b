/* flood - opens many connections to 127.0.0.1 at once, and holds them.
 *
 * usage: flood PORT COUNT
 *
 * Starts COUNT connections without waiting for any, tells how they fared after two
 * seconds ("established=N refused=N waiting=N"), and holds them until its input ends.  It then
 * leaves all at once, rudely.  It says nothing to the server. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECONDS		2
#define COUNT_MAX	100000
#define SPARE		16	/* descriptors that are no connections */

static unsigned established, refused;

static int
start(const struct sockaddr_in *to)
{
	const struct linger rude = { .l_onoff = 1 };	/* leaves no port in TIME_WAIT */
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd == -1)
		err(1, "socket");
	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &rude, sizeof(rude)) == -1)
		err(1, "setsockopt");
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == -1 && errno != EINPROGRESS) {
		if (errno != ECONNREFUSED)
			err(1, "connect");
		refused++;
	}
	return fd;
}

/* Whom poll(2) has reported is asked once, and then left alone. */
static void
judge(struct pollfd *pfd)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(pfd->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		err(1, "getsockopt");
	if (error == 0)
		established++;
	else
		refused++;
	pfd->events = 0;
	pfd->fd = ~pfd->fd;	/* poll(2) passes over it */
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct rlimit limit;
	struct pollfd *pfd;
	nfds_t count, i;
	char c;

	if (argc != 3)
		errx(2, "usage: flood PORT COUNT");
	to.sin_port = htons((in_port_t)atoi(argv[1]));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	count = (nfds_t)atoi(argv[2]);
	if (count < 1 || count > COUNT_MAX || (pfd = calloc(count, sizeof(*pfd))) == NULL)
		errx(2, "%s: a number from 1 to %d is needed", argv[2], COUNT_MAX);
	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_max < count + SPARE)
		errx(77, "no more than %ju files may be open here", (uintmax_t)limit.rlim_max);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);

	for (i = 0; i < count; i++) {
		pfd[i].fd = start(&to);
		pfd[i].events = POLLOUT;
	}
	for (int turn = 0; turn < SECONDS * 10; turn++) {
		if (poll(pfd, count, 0) > 0)
			for (i = 0; i < count; i++)
				if (pfd[i].fd >= 0 && pfd[i].revents != 0)
					judge(&pfd[i]);
		(void)usleep(100000);
	}
	printf("established=%u refused=%u waiting=%ju\n", established, refused,
	    (uintmax_t)count - established - refused);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		continue;
	free(pfd);
	return 0;
}
