/* limit_http - HTTP by only the system calls that the work needs: what coffer's
 * HTTP is compared with.
 *
 * usage: limit_http DIR
 *
 * Two processes, each an epoll(7) loop over blocking opens: for a file, open, fstat, the head with
 * MSG_MORE, sendfile, close; for a path that ends with a slash, getdents64 and statx, and
 * a JSON array as one reply.  A request is what one recv(2) brings, and is understood by its
 * form alone.  Never serve anything with this: nothing is checked. */

#include <dirent.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "net.h"

#define WORKERS		2
#define EVENTS		64
#define IN_MAX		16384
#define JSON_MAX	(16 * 1024 * 1024)

static char json[JSON_MAX];

/* The whole of it; a full socket is waited for by trying again. */
static int
send_some(int fd, const char *s, size_t len, int flags)
{
	ssize_t n;

	while (len > 0) {
		n = send(fd, s, len, flags);
		if (n == -1 && errno != EAGAIN)
			return -1;
		if (n > 0) {
			s += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int
send_head(int fd, long long size, int flags)
{
	char head[512];
	int len = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nServer: limit\r\n"
	    "Date: Tue, 24 Nov 2026 12:00:00 GMT\r\nContent-Type: application/octet-stream\r\n"
	    "Content-Length: %lld\r\nLast-Modified: Tue, 24 Nov 2026 12:00:00 GMT\r\n"
	    "ETag: \"0123456789abcdef\"\r\nAccept-Ranges: bytes\r\n\r\n", size);

	return send_some(fd, head, (size_t)len, flags);
}

static int
send_file(int fd, int root, const char *name)
{
	int file = openat(root, name, O_RDONLY | O_CLOEXEC);
	off_t at = 0;
	struct stat st;

	if (file == -1 || fstat(file, &st) == -1)
		die("%s", name);
	if (send_head(fd, st.st_size, st.st_size > 0 ? MSG_MORE : 0) == -1)
		goto out;
	while (at < st.st_size)
		if (sendfile(fd, file, &at, (size_t)(st.st_size - at)) == -1 && errno != EAGAIN)
			break;
out:
	close(file);
	return 0;
}

static char *
put_entry(char *p, int dir, const char *name)
{
	struct statx stx;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC,
	    STATX_TYPE | STATX_SIZE | STATX_MTIME, &stx) == -1)
		die("%s", name);
	return p + sprintf(p, "{\"name\":\"%s\",\"type\":\"file\",\"size\":%llu,\"mtime\":%lld.%09u},\n", name,
	    (unsigned long long)stx.stx_size, (long long)stx.stx_mtime.tv_sec, stx.stx_mtime.tv_nsec);
}

static int
send_list(int fd, int root, const char *name)
{
	static char dents[32768];
	int dir = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *p = json;
	ssize_t n, at;

	if (dir == -1)
		die("%s", name);
	*p++ = '[';
	while ((n = getdents64(dir, dents, sizeof(dents))) > 0)
		for (at = 0; at < n;) {
			struct dirent64 *d = (struct dirent64 *)(void *)(dents + at);

			at += d->d_reclen;
			if (d->d_name[0] != '.')
				p = put_entry(p, dir, d->d_name);
		}
	close(dir);
	p += sprintf(p, "{}]\n");
	return send_head(fd, p - json, MSG_MORE) == -1 ? -1 : send_some(fd, json, (size_t)(p - json), 0);
}

/* 0, or -1 when the peer has gone. */
static int
answer(int fd, int root)
{
	char in[IN_MAX + 1], *end;
	ssize_t n = recv(fd, in, IN_MAX, 0);

	if (n <= 0)
		return n == -1 && errno == EAGAIN ? 0 : -1;
	in[n] = '\0';
	if (strncmp(in, "GET /", 5) != 0 || (end = strpbrk(in + 5, " ?")) == NULL)
		wrong("not a request: %s", in);
	*end = '\0';
	if (end[-1] == '/')
		return send_list(fd, root, end == in + 5 ? "." : in + 5);
	return send_file(fd, root, in + 5);
}

static void
take(int ep, int lfd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	const int on = 1;

	if ((ev.data.fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) == -1)
		return;
	(void)setsockopt(ev.data.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(ep, EPOLL_CTL_ADD, ev.data.fd, &ev) == -1)
		die("epoll_ctl");
}

static void __attribute__((noreturn))
work_loop(int lfd, int root)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = lfd }, events[EVENTS];
	int ep = epoll_create1(EPOLL_CLOEXEC), n, i;

	if (ep == -1 || epoll_ctl(ep, EPOLL_CTL_ADD, lfd, &ev) == -1)
		die("epoll");
	for (;;) {
		n = epoll_wait(ep, events, EVENTS, -1);
		for (i = 0; i < n; i++)
			if (events[i].data.fd == lfd)
				take(ep, lfd);
			else if (answer(events[i].data.fd, root) == -1)
				close(events[i].data.fd);
	}
}

/* Prints its port, and serves until it is killed or LIFE_MAX has passed. */
int
main(int argc, char **argv)
{
	int lfd, port, root;

	if (argc != 2) {
		fprintf(stderr, "usage: limit_http DIR\n");
		return 64;
	}
	bounded();
	nofile_raise();
	if ((root = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC)) == -1)
		die("%s", argv[1]);
	lfd = listen_any(&port);
	if (fcntl(lfd, F_SETFL, O_NONBLOCK) == -1)
		die("fcntl");
	for (int i = 0; i < WORKERS; i++)
		if (fork_bound() == 0)
			work_loop(lfd, root);
	printf("port %d\n", port);
	fflush(stdout);
	wait_children();
	return 1;	/* all workers died: each has said why */
}
