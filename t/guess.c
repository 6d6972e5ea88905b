/* guess - many addresses guess a password while somebody who knows it works.
 *
 *	guess PORT USER PASSWORD [ADDRESSES [GUESSES [LOGINS]]]
 *
 * Connects to 127.0.0.1:PORT.  First the user logs in LOGINS times, each time over a new connection, alone; then
 * again and again while connections from ADDRESSES addresses (127.1.0.1 ...) say GUESSES wrong
 * passwords for the same user, each the same number of them.  Prints how long a login took, and how many guesses were answered with
 * which code:
 *
 *	alone 0.031 0.038
 *	attacked 0.032 0.051
 *	401 250
 *	429 9750
 *
 * in seconds, the middle one and the 99th of a hundred.  Fails where a login of the user fails.  Ends after
 * four minutes at the latest. */

#include <sys/prctl.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ADDRESSES_MAX	200
#define LOGINS_MAX	100000
#define LIMIT_S		240

static in_port_t port;
static const char *user, *password;
static double times[LOGINS_MAX];
static unsigned codes[1000], answered, total;

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
dial(unsigned from)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = port };
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(from) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)&own, sizeof(own)) == -1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "cannot connect");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* One line. */
static void
hear(int fd, char *line, size_t size)
{
	size_t len = 0;

	while (len < size - 1 && read(fd, line + len, 1) == 1 && line[len] != '\n')
		len++;
	line[len] = '\0';
}

static void
say(int fd, const char *secret)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "LOGIN %s %s\n", user, secret);

	if (write(fd, line, (size_t)n) != n)
		err(1, "write");
}

static double
log_in(void)
{
	double began = now();
	int fd = dial(INADDR_LOOPBACK);
	char line[256];

	say(fd, password);
	hear(fd, line, sizeof(line));
	hear(fd, line, sizeof(line));
	(void)close(fd);
	if (strncmp(line, "200 ", 4) != 0)
		errx(1, "the user was told: %s", line);
	return now() - began;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
tell(const char *what, unsigned n)
{
	qsort(times, n, sizeof(times[0]), compare);
	(void)printf("%s %.4f %.4f\n", what, times[n / 2], times[n * 99 / 100]);
	(void)fflush(stdout);
}

/* All that has come, and as many more guesses, up to *left. */
static void
guess(struct pollfd *pfd, unsigned *left)
{
	char bytes[4096], *line, *end;
	ssize_t n = read(pfd->fd, bytes, sizeof(bytes) - 1);

	if (n <= 0)
		errx(1, "the server has hung up");
	bytes[n] = '\0';
	for (line = bytes; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		if (strstr(line, "coffer=1") == NULL) {
			codes[strtoul(line, NULL, 10) % 1000]++;
			answered++;
		}
		if (*left > 0) {
			(*left)--;
			say(pfd->fd, "guessed");
		}
	}
}

static void
attack(unsigned addresses)
{
	static struct pollfd pfd[ADDRESSES_MAX];
	static unsigned left[ADDRESSES_MAX];
	unsigned i;

	for (i = 0; i < addresses; i++) {
		left[i] = total / addresses;
		pfd[i] = (struct pollfd){ .fd = dial(0x7f010001 + i), .events = POLLIN };
	}
	while (answered < total / addresses * addresses)
		if (poll(pfd, addresses, -1) > 0)
			for (i = 0; i < addresses; i++)
				if (pfd[i].revents != 0)
					guess(&pfd[i], &left[i]);
	for (i = 0; i < 1000; i++)
		if (codes[i] > 0)
			(void)printf("%u %u\n", i, codes[i]);
}

int
main(int argc, char **argv)
{
	unsigned addresses = argc > 4 ? (unsigned)atoi(argv[4]) : 50, n = 0;
	unsigned logins = argc > 6 ? (unsigned)atoi(argv[6]) : 200;
	int line[2];
	pid_t pid;
	char byte;

	if (argc < 4 || addresses > ADDRESSES_MAX || logins > LOGINS_MAX)
		errx(1, "usage: guess PORT USER PASSWORD [ADDRESSES [GUESSES [LOGINS]]]");
	port = htons((in_port_t)atoi(argv[1]));
	user = argv[2];
	password = argv[3];
	total = argc > 5 ? (unsigned)atoi(argv[5]) : 10000;
	(void)alarm(LIMIT_S);
	while (n < logins)
		times[n++] = log_in();
	tell("alone", n);
	if (pipe(line) == -1 || (pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
		(void)alarm(LIMIT_S);
		attack(addresses);
		return 0;
	}
	(void)close(line[1]);
	/* Its end is the end of the attack. */
	for (n = 0; n < LOGINS_MAX; ) {
		times[n++] = log_in();
		if (poll(&(struct pollfd){ .fd = line[0], .events = POLLIN }, 1, 0) > 0 &&
		    read(line[0], &byte, 1) == 0)
			break;
	}
	tell("attacked", n);
	return 0;
}
