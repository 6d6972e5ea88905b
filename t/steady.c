/* steady - clients that ask without a pause for breath, and count what goes wrong.
 *
 * usage: steady PORT FILE CLIENTS [http]
 *
 * Each of CLIENTS threads asks 127.0.0.1 for /NAME, NAME the last part of FILE, and compares what
 * comes with FILE.  Every other client makes a connection for each request, the rest go on as long as
 * the server lets them.  One that was served before and is told "503 shutting down" (or, over HTTP, is
 * closed) asks again on a new connection, as the protocol says; everything else is a failure, the
 * first few of which are told.  Until its input ends; then it prints
 *	requests=N failed=N refused=N moved=N slowest_ms=N
 * where slowest_ms is the longest that any request took, its connection included. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_S	20	/* without a byte; then the request has failed */
#define PAUSE_US	1000	/* between two requests of a client */
#define TOLD_MAX	10	/* failures that are told */

static struct {
	struct sockaddr_in to;
	const char	*name;		/* as it is asked for */
	char		*bytes;
	size_t		 size;
	bool		 http;
} want = { .to = { .sin_family = AF_INET } };

static atomic_ulong requests, failed, refused, moved, slowest;
static atomic_bool over;

struct conn {
	int	 fd;		/* -1: none */
	char	 buf[16384];
	size_t	 at, end;
};

enum outcome { DONE, MOVED, FAILED };

static enum outcome __attribute__((format(printf, 1, 2)))
fail(const char *fmt, ...)
{
	va_list ap;
	char why[256];

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (atomic_fetch_add(&failed, 1) < TOLD_MAX)
		(void)fprintf(stderr, "steady: %s\n", why);
	return FAILED;
}

static unsigned long
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (unsigned long)(ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static void
hang_up(struct conn *c)
{
	if (c->fd != -1)
		(void)close(c->fd);
	c->fd = -1;
}

static int
dial(struct conn *c)
{
	const struct timeval patience = { .tv_sec = PATIENCE_S };

	c->at = c->end = 0;
	if ((c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		err(1, "socket");
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(c->fd, (const struct sockaddr *)&want.to, sizeof(want.to)) == 0)
		return 0;
	if (errno == ECONNREFUSED)
		atomic_fetch_add(&refused, 1);
	(void)fail("connect: %s", strerror(errno));
	hang_up(c);
	return -1;
}

static ssize_t
more(struct conn *c)
{
	ssize_t n = recv(c->fd, c->buf, sizeof(c->buf), 0);

	c->at = 0;
	c->end = n > 0 ? (size_t)n : 0;
	return n;
}

/* A line without its end.  Its length, or -1 at the end of input (errno 0) and for a fault. */
static int
take_line(struct conn *c, char *line, size_t size)
{
	size_t len = 0;
	ssize_t n;

	for (;;) {
		while (c->at < c->end && len + 1 < size) {
			if ((line[len] = c->buf[c->at++]) == '\n') {
				if (len > 0 && line[len - 1] == '\r')
					len--;
				line[len] = '\0';
				return (int)len;
			}
			len++;
		}
		if (c->at < c->end)
			return -1;
		if ((n = more(c)) <= 0) {
			errno = n == 0 ? 0 : errno;
			return -1;
		}
	}
}

static enum outcome
take_body(struct conn *c)
{
	size_t got = 0, n;

	while (got < want.size) {
		if (c->at == c->end && more(c) <= 0)
			return fail("the file ended after %zu of %zu bytes", got, want.size);
		n = c->end - c->at < want.size - got ? c->end - c->at : want.size - got;
		if (memcmp(c->buf + c->at, want.bytes + got, n) != 0)
			return fail("other bytes than those of the file came");
		c->at += n;
		got += n;
	}
	return DONE;
}

static enum outcome
lost(void)
{
	return fail("no reply: %s", errno != 0 ? strerror(errno) : "the connection was closed");
}

/* Waited for before the request is sent: the server, too, then waits between two lines. */
static enum outcome
take_greeting(struct conn *c)
{
	char line[1024];

	if (take_line(c, line, sizeof(line)) == -1)
		return lost();
	if (strncmp(line, "200 ", 4) != 0)
		return fail("greeted with %s", line);
	return DONE;
}

static enum outcome
ask_coffer(struct conn *c, bool fresh)
{
	char line[1024];

	if (take_line(c, line, sizeof(line)) == -1)
		return lost();
	if (!fresh && strcmp(line, "503 shutting down") == 0)
		return MOVED;
	if (strncmp(line, "200 ", 4) != 0)
		return fail("answered with %s", line);
	return take_body(c);
}

/* A server that closes a connection that is kept may do so before it sees the next request. */
static enum outcome
ask_http(struct conn *c, bool fresh)
{
	enum outcome outcome;
	bool last = false;
	char line[1024];

	if (take_line(c, line, sizeof(line)) == -1)
		return !fresh && (errno == 0 || errno == ECONNRESET) ? MOVED : lost();
	if (strncmp(line, "HTTP/1.1 200 ", 13) != 0)
		return fail("answered with %s", line);
	do {
		if (take_line(c, line, sizeof(line)) == -1)
			return lost();
		last = last || strcasecmp(line, "connection: close") == 0;
	} while (line[0] != '\0');
	outcome = take_body(c);
	if (last)
		hang_up(c);
	return outcome;
}

static enum outcome
ask(struct conn *c)
{
	bool fresh = c->fd == -1;
	char request[1024];
	int len;

	if (fresh && dial(c) == -1)
		return FAILED;
	if (fresh && !want.http && take_greeting(c) == FAILED)
		return FAILED;
	len = snprintf(request, sizeof(request), want.http ?
	    "GET /%s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" : "GET /%s\n", want.name);
	/* A fault of this is that of the reply, which may be there nevertheless. */
	(void)send(c->fd, request, (size_t)len, MSG_NOSIGNAL);
	return want.http ? ask_http(c, fresh) : ask_coffer(c, fresh);
}

static void
count_time(unsigned long took)
{
	unsigned long most = atomic_load(&slowest);

	while (took > most && !atomic_compare_exchange_weak(&slowest, &most, took))
		;
}

static void *
client(void *arg)
{
	const struct timespec pause = { .tv_nsec = PAUSE_US * 1000L };
	bool each = *(int *)arg % 2 == 0;
	struct conn c = { .fd = -1 };
	enum outcome outcome;
	unsigned long began;

	while (!atomic_load(&over)) {
		began = now_ms();
		while ((outcome = ask(&c)) == MOVED) {
			atomic_fetch_add(&moved, 1);
			hang_up(&c);
		}
		count_time(now_ms() - began);
		atomic_fetch_add(&requests, 1);
		if (each || outcome == FAILED)
			hang_up(&c);
		(void)nanosleep(&pause, NULL);
	}
	hang_up(&c);
	return NULL;
}

static void
read_file(const char *file)
{
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd == -1 || fstat(fd, &st) == -1)
		err(1, "%s", file);
	want.size = (size_t)st.st_size;
	if ((want.bytes = malloc(want.size + 1)) == NULL ||
	    read(fd, want.bytes, want.size) != (ssize_t)want.size)
		err(1, "%s", file);
	(void)close(fd);
	want.name = strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file;
}

int
main(int argc, char *argv[])
{
	pthread_t *thread;
	int *number, count, i;
	char c;

	if (argc < 4)
		errx(2, "usage: steady PORT FILE CLIENTS [http]");
	want.to.sin_port = htons((in_port_t)atoi(argv[1]));
	want.to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	want.http = argc > 4 && strcmp(argv[4], "http") == 0;
	read_file(argv[2]);
	if ((count = atoi(argv[3])) < 1 || count > 1000)
		errx(2, "%s: a number from 1 to 1000 is needed", argv[3]);
	thread = calloc((size_t)count, sizeof(*thread));
	number = calloc((size_t)count, sizeof(*number));
	if (thread == NULL || number == NULL)
		err(1, NULL);
	for (i = 0; i < count; i++) {
		number[i] = i;
		if ((errno = pthread_create(&thread[i], NULL, client, &number[i])) != 0)
			err(1, "pthread_create");
	}
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	atomic_store(&over, true);
	for (i = 0; i < count; i++)
		(void)pthread_join(thread[i], NULL);
	(void)printf("requests=%lu failed=%lu refused=%lu moved=%lu slowest_ms=%lu\n",
	    atomic_load(&requests), atomic_load(&failed), atomic_load(&refused), atomic_load(&moved),
	    atomic_load(&slowest));
	free(thread);
	free(number);
	free(want.bytes);
	return atomic_load(&failed) != 0;
}
