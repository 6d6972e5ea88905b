/* net.h - what limit, load and tool have in common: the clock, sockets on
 * loopback, reading and writing whole things, and an end that always comes.
 * Not a library for anything else: a fault ends the program with a sentence. */

#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIFE_MAX	900	/* seconds; no program of the bench lives longer */

/* Ends the program: with errno in words, if err is not 0. */
static inline void __attribute__((noreturn, format(printf, 2, 0)))
end(int err, const char *fmt, va_list ap)
{
	vfprintf(stderr, fmt, ap);
	if (err != 0)
		fprintf(stderr, ": %s", strerror(err));
	fputc('\n', stderr);
	_exit(1);
}

/* A system call failed. */
static inline void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;
	int err = errno;

	va_start(ap, fmt);
	end(err, fmt, ap);
}

/* What came is not what was expected. */
static inline void __attribute__((noreturn, format(printf, 1, 2)))
wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	end(0, fmt, ap);
}

static inline double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

#define CHILDREN_MAX	64

static pid_t children[CHILDREN_MAX];
static volatile int nchildren;

/* Reaps them as well: an init in a container may not do it. */
static inline void
end_children(int sig)
{
	(void)sig;
	for (int i = 0; i < nchildren; i++)
		kill(children[i], SIGKILL);
	for (int i = 0; i < nchildren; i++)
		waitpid(children[i], NULL, 0);
	_exit(1);
}

/* Every program calls this first. */
static inline void
bounded(void)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, end_children);
	signal(SIGALRM, end_children);
	alarm(LIFE_MAX);
}

/* A child that ends with its parent, however that ends. */
static inline pid_t
fork_bound(void)
{
	pid_t parent = getpid(), pid;

	if (nchildren == CHILDREN_MAX)
		wrong("more than %d processes", CHILDREN_MAX);
	if ((pid = fork()) == -1)
		die("fork");
	if (pid > 0) {
		children[nchildren++] = pid;
		return pid;
	}
	nchildren = 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	bounded();
	return 0;
}

/* Waits for all that were forked; how many of them failed. */
static inline int
wait_children(void)
{
	int status, failed = 0;

	for (int i = 0; i < nchildren; i++)
		if (waitpid(children[i], &status, 0) == -1 || status != 0)
			failed++;
	nchildren = 0;
	return failed;
}

static inline long long
number(const char *s)
{
	char *stop;
	long long n;

	errno = 0;
	n = strtoll(s, &stop, 10);
	if (errno != 0 || stop == s || *stop != '\0' || n < 0)
		wrong("\"%s\" is no number", s);
	return n;
}

/* As many descriptors as may be had. */
static inline long
nofile_raise(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		die("getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		die("setrlimit");
	return (long)rl.rlim_cur;
}

static inline struct sockaddr_in
loopback(int port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((uint16_t)port);
	return sin;
}

/* A listening socket on a port that the kernel chose. */
static inline int
listen_any(int *port)
{
	struct sockaddr_in sin = loopback(0);
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, 4096) == -1 || getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		die("listen");
	*port = ntohs(sin.sin_port);
	return fd;
}

static inline void
nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* rcvbuf: the socket's receive buffer, or 0 for the kernel's choice. */
static inline int
connect_to(int port, int rcvbuf)
{
	struct sockaddr_in sin = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		die("socket");
	if (rcvbuf > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		die("connect to port %d", port);
	return fd;
}

/* All of it: 0, or -1 when the other side is gone. */
static inline int
write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

#endif
