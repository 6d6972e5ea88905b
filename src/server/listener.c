/* listener - the sockets that all workers accept on. */

#include <sys/socket.h>
#include <sys/un.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "io/socket.h"
#include "proto/protocols.h"
#include "server/listener.h"

#define UNIX_PREFIX	"unix:"

static bool
is_unix(const char *name)
{
	return strncmp(name, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
}

/* The name that the log, and whoever asks, is told. */
static void
describe(struct listener *l)
{
	char local[SOCKET_NAME_MAX];
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);

	memset(&sun, 0, sizeof(sun));
	if (getsockname(l->fd, (struct sockaddr *)&sun, &len) == 0 && sun.sun_family == AF_UNIX)
		(void)snprintf(l->name, sizeof(l->name), UNIX_PREFIX "%.*s",
		    (int)sizeof(sun.sun_path), sun.sun_path);
	else
		(void)snprintf(l->name, sizeof(l->name), "%s://%s", l->protocol->name,
		    socket_local(local, l->fd));
}

/* One more in the list: 0, or -1 with ENOMEM. */
static int
append(struct listeners *all, int fd, const char *url, const struct protocol *protocol, bool handed)
{
	struct listener *l = &all->at[all->count];
	const int on = 1;

	if ((l->url = strdup(url)) == NULL)
		return -1;
	all->count++;
	l->fd = fd;
	l->protocol = protocol;
	l->handed = handed;
	l->tls_required = false;
	describe(l);
	/* Accepted sockets inherit it: whole replies leave at once. */
	if (protocol->begins == NULL && !is_unix(l->name))
		(void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

/* Port 0 is another one each time: only the text tells that it is meant to stay. */
static int
keep_by_text(const struct listeners *have, const struct config_listen *listen_on, int *fds, int max)
{
	int n = 0;

	if (have == NULL || strcmp(listen_on->url.port, "0") != 0)
		return 0;
	for (size_t i = 0; i < have->count && n < max; i++)
		if (strcmp(have->at[i].url, listen_on->text) == 0)
			fds[n++] = have->at[i].fd;
	return n;
}

static bool
is_handed(const struct listeners *have, int fd)
{
	for (size_t i = 0; have != NULL && i < have->count; i++)
		if (have->at[i].fd == fd)
			return have->at[i].handed;
	return false;
}

static int
open_sockets(const struct config_listen *listen_on, const struct protocol *protocol,
    const struct config *config, const struct socket_kept *kept, int *fds, int max)
{
	const struct socket_url *url = &listen_on->url;

	if (protocol->begins != NULL)
		return datagram_listen(url, protocol->port, config->tftp_single_port, kept, fds, max);
	return socket_listen(url, protocol->port, (int)config->backlog, kept, fds, max);
}

static bool
has_socket(const struct listeners *all, int fd)
{
	for (size_t i = 0; all != NULL && i < all->count; i++)
		if (all->at[i].fd == fd)
			return true;
	return false;
}

/* A socket that is kept is given to whoever names its address; what was opened is closed again. */
static int
check_free(const struct listeners *all, const struct socket_kept *kept, const int *fds, int n)
{
	int i;

	for (i = 0; i < n && !has_socket(all, fds[i]); i++)
		continue;
	if (i == n)
		return 0;
	for (i = 0; i < n; i++)
		if (!socket_is_kept(kept, fds[i]))
			(void)close(fds[i]);
	errno = EADDRINUSE;
	return -1;
}

/* The sockets of one URL. */
static int
open_url(struct listeners *all, const struct config_listen *listen_on, const struct config *config,
    const struct listeners *have, const struct socket_kept *kept)
{
	const struct protocol *protocol = protocol_find(listen_on->protocol);
	int fds[LISTENERS_MAX], i, n, max = (int)(LISTENERS_MAX - all->count);

	if ((n = keep_by_text(have, listen_on, fds, max)) == 0)
		n = open_sockets(listen_on, protocol, config, kept, fds, max);
	if (n == 0)
		errno = EMFILE;
	if (n <= 0 || check_free(all, kept, fds, n) == -1)
		return -1;
	for (i = 0; i < n; i++) {
		if (append(all, fds[i], listen_on->text, protocol, is_handed(have, fds[i])) == -1)
			break;
		all->at[all->count - 1].tls_required = listen_on->tls_required;
	}
	if (i == n)
		return 0;
	for (; i < n; i++)
		if (!socket_is_kept(kept, fds[i]))
			(void)close(fds[i]);
	errno = ENOMEM;
	return -1;
}

/* Everything that was handed over: the configuration names nothing. */
static int
take_handed(struct listeners *all, const struct listeners *have)
{
	const struct listener *l;

	for (l = have->at; l < have->at + have->count; l++)
		if (l->handed && append(all, l->fd, l->url, l->protocol, true) == -1)
			return -1;
	return 0;
}

static int
open_all(struct listeners *all, const struct config *config, const struct listeners *have,
    const char **which)
{
	int fds[LISTENERS_MAX];
	struct socket_kept kept = { .fds = fds };
	bool handed = false;

	for (size_t i = 0; have != NULL && i < have->count; i++) {
		fds[kept.count++] = have->at[i].fd;
		handed = handed || have->at[i].handed;
	}
	if (handed && !config->listen_given) {
		*which = "what was handed over";
		return take_handed(all, have);
	}
	for (size_t i = 0; i < config->listens; i++) {
		*which = config->listen[i].text;
		if (open_url(all, &config->listen[i], config, have, &kept) == 0)
			continue;
		if (!config->listen[i].optional)
			return -1;
		log_warn("not listening on %s, which is only a default: %s", *which, strerror(errno));
	}
	return 0;
}

int
listeners_open(struct listeners *all, const struct config *config, const struct listeners *have,
    const char **which)
{
	int error;

	all->count = 0;
	if (open_all(all, config, have, which) == 0)
		return 0;
	error = errno;
	listeners_close(all, have, true);
	errno = error;
	return -1;
}

/* What is spoken on a socket of that name: that of a URL, or "http" and "http.socket". */
static const struct protocol *
protocol_by_name(const char *name)
{
	const struct protocol *protocol;
	char word[32];

	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(name, ":."), name);
	protocol = protocol_find(word);
	return protocol != NULL ? protocol : protocol_at(0);
}

int
listeners_add(struct listeners *all, int fd, const char *name)
{
	const struct protocol *protocol = protocol_by_name(name);
	int type = 0, listens = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == -1)
		return -1;
	if (protocol->begins != NULL ? type != SOCK_DGRAM : type != SOCK_STREAM || !listens) {
		errno = EPROTOTYPE;
		return -1;
	}
	if (all->count == LISTENERS_MAX) {
		errno = EMFILE;
		return -1;
	}
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1 || fcntl(fd, F_SETFD, FD_CLOEXEC) == -1)
		return -1;
	/* A predecessor of ours names them by their URLs, a service manager never. */
	return append(all, fd, name, protocol,
	    strstr(name, "://") == NULL && !is_unix(name));
}

bool
listeners_take_datagrams(const struct listeners *all, unsigned port)
{
	struct sockaddr_in6 bound;
	socklen_t len;

	for (size_t i = 0; i < all->count; i++) {
		len = sizeof(bound);
		if (all->at[i].protocol->begins != NULL &&
		    getsockname(all->at[i].fd, (struct sockaddr *)&bound, &len) == 0 &&
		    ntohs(bound.sin6_port) <= port)
			return true;
	}
	return false;
}

bool
listeners_have(const struct listeners *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->at[i].name, name) == 0)
			return true;
	return false;
}

/* Unless another socket has taken the place. */
static void
remove_file(const struct listener *l, const struct listeners *but)
{
	if (is_unix(l->name) && !l->handed && (but == NULL || !listeners_have(but, l->name)))
		(void)unlink(l->name + strlen(UNIX_PREFIX));
}

const struct listener *
listeners_first(const struct listeners *all, const char *protocol)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->at[i].protocol->name, protocol) == 0)
			return &all->at[i];
	return NULL;
}

void
listeners_close(struct listeners *all, const struct listeners *but, bool unlink_unix)
{
	struct listener *l;

	for (l = all->at; l < all->at + all->count; l++) {
		if (!has_socket(but, l->fd)) {
			(void)close(l->fd);
			if (unlink_unix)
				remove_file(l, but);
		}
		free(l->url);
		l->url = NULL;
	}
	all->count = 0;
}
