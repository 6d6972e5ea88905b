/* listener - the sockets that all workers accept on. */

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/socket.h"
#include "proto/protocols.h"
#include "server/listener.h"

#define UNIX_PREFIX	"unix:"

static void
describe(struct listener *l, const struct config_listen *listen_on)
{
	char local[SOCKET_NAME_MAX];

	if (strcmp(listen_on->url.scheme, "unix") == 0)
		(void)snprintf(l->name, sizeof(l->name), UNIX_PREFIX "%s", listen_on->url.path);
	else
		(void)snprintf(l->name, sizeof(l->name), "%s://%s", l->protocol->name,
		    socket_local(local, l->fd));
}

/* The sockets of one URL. */
static int
open_url(struct listeners *all, const struct config_listen *listen_on, int backlog)
{
	const struct protocol *protocol = protocol_find(listen_on->protocol);
	int fds[LISTENERS_MAX], i, n;
	const int on = 1;
	struct listener *l;

	n = socket_listen(&listen_on->url, protocol->port, backlog, fds, (int)(LISTENERS_MAX - all->count));
	if (n == 0)
		errno = EMFILE;
	if (n <= 0)
		return -1;
	for (i = 0; i < n; i++) {
		l = &all->at[all->count++];
		l->fd = fds[i];
		l->protocol = protocol;
		describe(l, listen_on);
		/* Accepted sockets inherit it: whole replies leave at once. */
		if (strncmp(l->name, UNIX_PREFIX, strlen(UNIX_PREFIX)) != 0)
			(void)setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	return 0;
}

int
listeners_open(struct listeners *all, const struct config *config, const char **which)
{
	size_t i;
	int error;

	all->count = 0;
	for (i = 0; i < config->listens; i++)
		if (open_url(all, &config->listen[i], (int)config->backlog) == -1) {
			error = errno;
			*which = config->listen[i].text;
			listeners_close(all, 1);
			errno = error;
			return -1;
		}
	return 0;
}

void
listeners_close(struct listeners *all, int unlink_unix)
{
	struct listener *l;

	for (l = all->at; l < all->at + all->count; l++) {
		(void)close(l->fd);
		if (unlink_unix && strncmp(l->name, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0)
			(void)unlink(l->name + strlen(UNIX_PREFIX));
	}
	all->count = 0;
}
