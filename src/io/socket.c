/* socket - addresses and listening sockets. */

#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/socket.h"
#include "io/wait.h"

#define NETWORK	8	/* bytes of an IPv6 address that are not its holder's to choose */

/* Copies `len` bytes if they fit. */
static int
take(char *dst, size_t size, const char *src, size_t len)
{
	if (len >= size)
		return -1;
	memcpy(dst, src, len);
	dst[len] = '\0';
	return 0;
}

static int
bad_url(const char **why, const char *sentence)
{
	*why = sentence;
	errno = EINVAL;
	return -1;
}

/* [USER@]HOST[:PORT], HOST perhaps in brackets. */
static int
parse_authority(struct socket_url *url, const char *at, size_t len, const char **why)
{
	const char *end = at + len, *sign = memchr(at, '@', len), *host_end, *colon;
	uint64_t port;
	ptrdiff_t n;

	if (sign != NULL) {
		if (take(url->user, sizeof(url->user), at, (size_t)(sign - at)) == -1 ||
		    (n = text_decode(url->user, strlen(url->user))) == -1)
			return bad_url(why, "the user's name is too long or badly escaped");
		url->user[n] = '\0';
		at = sign + 1;
	}
	if (at < end && *at == '[') {
		host_end = memchr(at, ']', (size_t)(end - at));
		if (host_end == NULL)
			return bad_url(why, "the ] after the address is missing");
		at++;
		colon = host_end + 1;
	} else {
		colon = memchr(at, ':', (size_t)(end - at));
		host_end = colon = colon != NULL ? colon : end;
	}
	if (take(url->host, sizeof(url->host), at, (size_t)(host_end - at)) == -1)
		return bad_url(why, "the host's name is too long");
	if (colon == end)
		return 0;
	if (*colon != ':' || text_number(&port, colon + 1, (size_t)(end - colon - 1), 65535) == -1)
		return bad_url(why, "a port is a number from 0 to 65535");
	(void)snprintf(url->port, sizeof(url->port), "%u", (unsigned)port);
	return 0;
}

int
socket_url_parse(struct socket_url *url, const char *text, const char **why)
{
	const char *colon = strchr(text, ':'), *at, *path;
	char *p;

	memset(url, 0, sizeof(*url));
	if (colon == NULL || take(url->scheme, sizeof(url->scheme), text, (size_t)(colon - text)) == -1)
		return bad_url(why, "a URL begins with SCHEME:// or unix:/");
	for (p = url->scheme; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	at = colon + 1;
	if (strcmp(url->scheme, "unix") == 0) {
		if (*at != '/' || strlen(at) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
			return bad_url(why, "unix: is followed by an absolute file name of at most 107 bytes");
		(void)take(url->path, sizeof(url->path), at, strlen(at));
		return 0;
	}
	if (strncmp(at, "//", 2) != 0)
		return bad_url(why, "the scheme is followed by ://");
	at += 2;
	path = at + strcspn(at, "/");
	if (take(url->path, sizeof(url->path), path, strlen(path)) == -1)
		return bad_url(why, "the path is too long");
	return parse_authority(url, at, (size_t)(path - at), why);
}

static int
unix_address(struct sockaddr_un *sun, const struct socket_url *url)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	return take(sun->sun_path, sizeof(sun->sun_path), url->path, strlen(url->path));
}

/* A socket file that nobody listens on any more is in the way: take it away. */
static int
clear_stale(const struct sockaddr_un *sun)
{
	struct stat st;
	int fd, live;

	if (lstat(sun->sun_path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return -1;
	live = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 || errno != ECONNREFUSED;
	(void)close(fd);
	if (live) {
		errno = EADDRINUSE;
		return -1;
	}
	return unlink(sun->sun_path);
}

/* The new listening socket, or -1. */
static int
listen_on(const struct sockaddr *sa, socklen_t len, int backlog)
{
	const int on = 1;
	int fd, saved;

	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (sa->sa_family != AF_UNIX)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa->sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, sa, len) == 0 && listen(fd, backlog) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

int
socket_resolve(const struct socket_url *url, const char *port, int type, int flags,
    struct addrinfo **list)
{
	const struct addrinfo hints = { .ai_socktype = type, .ai_flags = flags };
	const char *host = url->host[0] != '\0' && strcmp(url->host, "*") != 0 ? url->host : NULL;
	int error;

	error = getaddrinfo(host, url->port[0] != '\0' ? url->port : port, &hints, list);
	if (error == 0)
		return 0;
	if (error != EAI_SYSTEM)
		errno = error == EAI_MEMORY ? ENOMEM : error == EAI_AGAIN ? EAGAIN : EHOSTUNREACH;
	return -1;
}

/* Whether two addresses are the same one. */
static bool
same_address(const struct sockaddr *a, const struct sockaddr *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_UNIX)
		return strcmp(((const struct sockaddr_un *)(const void *)a)->sun_path,
		    ((const struct sockaddr_un *)(const void *)b)->sun_path) == 0;
	if (a->sa_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->sa_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
	    a6->sin6_scope_id == b6->sin6_scope_id &&
	    memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

int
socket_find_kept(const struct socket_kept *kept, const struct sockaddr *sa, int type)
{
	union {
		struct sockaddr_storage storage;
		struct sockaddr_un sun;
	} bound;	/* a name of 108 bytes has no NUL of its own */
	socklen_t len;
	int is = 0;

	for (size_t i = 0; kept != NULL && i < kept->count; i++) {
		len = sizeof(is);
		if (getsockopt(kept->fds[i], SOL_SOCKET, SO_TYPE, &is, &len) == -1 || is != type)
			continue;
		memset(&bound, 0, sizeof(bound));
		len = sizeof(bound) - 1;
		if (getsockname(kept->fds[i], (struct sockaddr *)&bound, &len) == 0 &&
		    same_address(sa, (struct sockaddr *)&bound))
			return kept->fds[i];
	}
	return -1;
}

bool
socket_is_kept(const struct socket_kept *kept, int fd)
{
	for (size_t i = 0; kept != NULL && i < kept->count; i++)
		if (kept->fds[i] == fd)
			return true;
	return false;
}

/* A socket that listens on that address: a kept one, or a new one. */
static int
keep_or_listen(const struct socket_kept *kept, const struct sockaddr *sa, socklen_t len, int backlog)
{
	int fd = socket_find_kept(kept, sa, SOCK_STREAM);

	if (fd == -1)
		return listen_on(sa, len, backlog);
	(void)listen(fd, backlog);	/* it may have changed */
	return fd;
}

static int
listen_unix(const struct socket_url *url, int backlog, const struct socket_kept *kept)
{
	struct sockaddr_un sun;

	if (unix_address(&sun, url) == -1)
		return -1;
	/* A kept socket whose file somebody has removed cannot be reached any more. */
	if (access(sun.sun_path, F_OK) == -1)
		kept = NULL;
	if (socket_find_kept(kept, (struct sockaddr *)&sun, SOCK_STREAM) == -1 && clear_stale(&sun) == -1)
		return -1;
	return keep_or_listen(kept, (struct sockaddr *)&sun, sizeof(sun), backlog);
}

int
socket_listen(const struct socket_url *url, const char *port, int backlog,
    const struct socket_kept *kept, int *fds, int max)
{
	struct addrinfo *list, *ai;
	int n = 0, saved;

	if (strcmp(url->scheme, "unix") == 0) {
		if (max < 1 || (fds[0] = listen_unix(url, backlog, kept)) == -1)
			return -1;
		return 1;
	}
	if (socket_resolve(url, port, SOCK_STREAM, AI_PASSIVE, &list) == -1)
		return -1;
	for (ai = list; ai != NULL && n < max; ai = ai->ai_next, n++)
		if ((fds[n] = keep_or_listen(kept, ai->ai_addr, ai->ai_addrlen, backlog)) == -1) {
			/* A kernel without this family is no fault as long as another is served. */
			if (errno == EAFNOSUPPORT && (n > 0 || ai->ai_next != NULL)) {
				n--;
				continue;
			}
			break;
		}
	saved = errno;
	freeaddrinfo(list);
	if (ai != NULL && n < max) {
		while (n-- > 0)
			if (!socket_is_kept(kept, fds[n]))
				(void)close(fds[n]);
		errno = saved;
		return -1;
	}
	return n;
}

static int
connect_to(const struct sockaddr *sa, socklen_t len, int64_t deadline)
{
	const int on = 1;
	socklen_t size = sizeof(int);
	int fd, error = 0;

	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	if (connect(fd, sa, len) == -1) {
		error = errno;
		if (error == EINPROGRESS) {
			if (wait_fd(fd, POLLOUT, deadline) == -1)
				error = errno;
			else
				(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
		}
	}
	if (error != 0) {
		wait_close(fd);
		errno = error;
		return -1;
	}
	if (sa->sa_family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

int
socket_connect(const struct socket_url *url, const char *port, int64_t deadline)
{
	struct addrinfo *list, *ai;
	struct sockaddr_un sun;
	int fd = -1;

	if (strcmp(url->scheme, "unix") == 0) {
		if (unix_address(&sun, url) == -1)
			return -1;
		return connect_to((struct sockaddr *)&sun, sizeof(sun), deadline);
	}
	if (socket_resolve(url, port, SOCK_STREAM, 0, &list) == -1)
		return -1;
	for (ai = list; ai != NULL && fd == -1; ai = ai->ai_next)
		fd = connect_to(ai->ai_addr, ai->ai_addrlen, deadline);
	freeaddrinfo(list);
	return fd;
}

char *
socket_name(char dst[SOCKET_NAME_MAX], const struct sockaddr *sa, socklen_t len, bool port)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_in *in = (const void *)sa;
	char host[INET6_ADDRSTRLEN] = "?";

	(void)len;
	if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		(void)inet_ntop(AF_INET, &in6->sin6_addr.s6_addr[12], host, sizeof(host));
	else if (sa->sa_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
	else if (sa->sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
	else {
		(void)snprintf(dst, SOCKET_NAME_MAX, "unix");
		return dst;
	}
	if (!port)
		(void)snprintf(dst, SOCKET_NAME_MAX, "%s", host);
	else	/* sin_port and sin6_port lie in the same place */
		(void)snprintf(dst, SOCKET_NAME_MAX, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host,
		    ntohs(in->sin_port));
	return dst;
}

char *
socket_local(char dst[SOCKET_NAME_MAX], int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);

	(void)getsockname(fd, (struct sockaddr *)&ss, &len);
	return socket_name(dst, (struct sockaddr *)&ss, len, true);
}

bool
socket_address(uint8_t address[SOCKET_ADDRESS], const struct sockaddr *sa)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (sa->sa_family == AF_INET6)
		memcpy(address, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, SOCKET_ADDRESS);
	else if (sa->sa_family == AF_INET) {
		memcpy(address, mapped, sizeof(mapped));
		memcpy(address + sizeof(mapped), &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	}
	return sa->sa_family == AF_INET6 || sa->sa_family == AF_INET;
}

void
socket_client(struct sockaddr_in6 *client, const struct sockaddr *sa)
{
	const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	struct sockaddr_in *in = (void *)client;

	memset(client, 0, sizeof(*client));
	client->sin6_family = sa->sa_family;
	if (sa->sa_family == AF_INET)
		in->sin_addr = ((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(six)) {
		in->sin_family = AF_INET;
		memcpy(&in->sin_addr, &six->s6_addr[12], sizeof(in->sin_addr));
	} else if (sa->sa_family == AF_INET6)
		memcpy(&client->sin6_addr, six, IN6_IS_ADDR_LOOPBACK(six) ? sizeof(*six) : NETWORK);
}

bool
socket_same_client(const struct sockaddr *a, const struct sockaddr *b)
{
	struct sockaddr_in6 x, y;

	socket_client(&x, a);
	socket_client(&y, b);
	return memcmp(&x, &y, sizeof(x)) == 0;
}
