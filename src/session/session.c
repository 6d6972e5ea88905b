/* session - one peer's connection and what it needs, from accept to close. */

#include <arpa/inet.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "io/socket.h"
#include "session/session.h"

#define ID_MAX	14	/* digits of a session's number in base 36, with a NUL */

static char *
show_id(char id[ID_MAX], uint64_t number)
{
	char *p = id + ID_MAX;

	*--p = '\0';
	do
		*--p = "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36];
	while ((number /= 36) != 0);
	return p;
}

static char *
show_peer(char name[SOCKET_NAME_MAX], const struct session *s)
{
	return socket_name(name, (const struct sockaddr *)&s->peer, sizeof(s->peer), false);
}

void
session_run(int fd, const struct sockaddr *peer, uint64_t number, const struct protocol *protocol,
    struct store *store, const struct session_opts *opts)
{
	struct session s = { .store = store, .opts = opts, .protocol = protocol, .number = number };

	memcpy(&s.peer, peer, sizeof(s.peer));
	s.stream = stream_open(fd, &opts->stream);
	if (s.stream == NULL)
		return;
	protocol->serve(&s);
	stream_close(&s.stream);
}

bool
session_local(const struct session *s)
{
	const struct sockaddr_in *in = (const void *)&s->peer;

	if (s->peer.sin6_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&s->peer.sin6_addr);
	if (s->peer.sin6_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	return true;
}

void
session_access(struct session *s, const char *verb, const char *path, int code, uint64_t bytes,
    int64_t began)
{
	char id[ID_MAX], peer[SOCKET_NAME_MAX];

	if (!s->opts->access_log)
		return;
	log_info("%s %s %s %s %s %d %ju bytes %.3f s", show_id(id, s->number), show_peer(peer, s),
	    s->protocol->name, verb, path, code, (uintmax_t)bytes, (double)(clock_us() - began) / 1e6);
}

void
session_log(struct session *s, const char *fmt, ...)
{
	char id[ID_MAX], peer[SOCKET_NAME_MAX], text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("%s %s %s %s", show_id(id, s->number), show_peer(peer, s), s->protocol->name, text);
}
