/* session - one peer's connection and what it needs, from accept to close. */

#include <arpa/inet.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/users_line.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/socket.h"
#include "io/tls.h"
#include "io/wait.h"
#include "session/login.h"
#include "session/session.h"

#define BASE	36

char *
session_id(char id[SESSION_ID_MAX], uint64_t number)
{
	char *p = id + SESSION_ID_MAX;

	*--p = '\0';
	do
		*--p = "0123456789abcdefghijklmnopqrstuvwxyz"[number % BASE];
	while ((number /= BASE) != 0);
	return p;
}

int
session_id_parse(uint64_t *number, const char *id)
{
	char *end;

	errno = EINVAL;
	if (strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz") != strlen(id) || id[0] == '\0' ||
	    strlen(id) >= SESSION_ID_MAX)
		return -1;
	errno = 0;
	*number = strtoull(id, &end, BASE);
	if (errno == 0)
		return 0;
	errno = EINVAL;
	return -1;
}

static char *
show_peer(char name[SOCKET_NAME_MAX], const struct session *s)
{
	return socket_name(name, (const struct sockaddr *)&s->peer, sizeof(s->peer), false);
}

void
session_run(struct progress *progress, const struct protocol *protocol, const struct shares *shares,
    const struct session_opts *opts)
{
	struct session s = {
		.shares = shares, .opts = opts, .protocol = protocol, .progress = progress,
		.number = progress->number, .peer = progress->peer,
	};
	int fd = atomic_load(&progress->fd);

	s.stream = stream_open(fd, &opts->stream);
	if (s.stream != NULL) {
		stream_meter(s.stream, &progress->meter);
		session_limit(&s);
		if (!protocol->secure || session_tls(&s) == 0)
			protocol->serve(&s);
	}
	session_login_forget(&s);
	progress_leave(progress);
	stream_close(&s.stream);
}

void
session_run_datagram(struct progress *progress, struct datagram *d, claim *claimed,
    const struct protocol *protocol, const struct shares *shares, const struct session_opts *opts)
{
	struct session s = {
		.datagram = d, .claim = claimed, .shares = shares, .opts = opts, .protocol = protocol,
		.progress = progress, .number = progress->number, .peer = progress->peer,
	};

	session_limit(&s);
	progress_user(progress, opts->datagram_user);	/* nobody has logged in: no sessions of a user */
	protocol->serve(&s);
	claims_drop(&s.claim);
	progress_leave(progress);
	datagram_close(d);
	free(d);
}

/* All that had come when this turn began is one request, and so is all that came in one piece; but of
 * a piece only what was waited for had surely come by then. */
static void
heard(struct session *s)
{
	const uint64_t received = atomic_load_explicit(&s->progress->meter.received, memory_order_relaxed);
	const bool prompt = s->stream != NULL && stream_prompt(s->stream);

	if (s->stream == NULL || prompt || received != s->heard)
		shares_heard(s->shares, prompt ? wait_turn() : 0);
	s->heard = prompt ? UINT64_MAX : received;
}

int
session_begin(struct session *s, const char *verb, const char *path, size_t len, int64_t began)
{
	progress_request(s->progress, verb, path, len, began);
	heard(s);
	if (s->hurries) {
		errno = ETOOMANYREFS;
		return -1;
	}
	if (s->opts->refuses == NULL ||
	    (s->refused = s->opts->refuses(s->opts->refuses_arg, s->progress)) == 0)
		return 0;
	errno = EOWNERDEAD;
	return -1;
}

/* Whether the peer is on this machine: loopback, or a Unix socket, and no proxy between. */
static bool
is_local(const struct session *s)
{
	const struct sockaddr_in *in = (const void *)&s->peer;

	if (s->progress->proxied)
		return false;	/* the network is between him and the proxy, if not behind it */
	if (s->peer.sin6_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&s->peer.sin6_addr);
	if (s->peer.sin6_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	return true;
}

bool
session_secured(const struct session *s)
{
	return s->stream != NULL && stream_secured(s->stream) != NULL;
}

bool
session_too_open(const struct session *s)
{
	return (s->opts->tls_required || s->progress->tls_required) && !session_secured(s) &&
	    (s->peer.sin6_family == AF_INET || s->peer.sin6_family == AF_INET6);
}

bool
session_private(const struct session *s)
{
	return is_local(s) || session_secured(s);
}

/* Why a certificate's user may not come, or NULL. */
static const char *
admit(struct session *s, const char *user)
{
	struct rights_groups groups;
	const char *why;

	if (!users_name(user, strlen(user), &why))
		return why;
	if (session_admit(s, user, &groups) == -1)
		return errno == EACCES ? "the users file has locked its user, or has none of that name" :
		    "the authenticator does not answer";
	if (session_as(s, user) == -1)
		return "too many sessions of this user";
	s->groups = groups;
	return NULL;
}

/* The user that the client's certificate names, if it has shown one. */
static int
take_user(struct session *s)
{
	const char *why = "it names nobody by a name that fits";
	char user[PROGRESS_USER];
	int named = tls_user(stream_secured(s->stream), user, sizeof(user));

	if (named != 1) {
		(void)session_as(s, "");
		if (named == 0)
			return 0;
	} else if ((why = admit(s, user)) == NULL) {
		session_login_by_certificate(s, 0);
		session_log(s, "login as %s by a certificate", user);
		return 0;
	}
	session_login_by_certificate(s, EACCES);
	session_log(s, "TLS: the client's certificate is refused: %s", why);
	return stream_fail(s->stream, EACCES);
}

/* Not inlined, for a handshake is over soon, and sessions that wait shall have short stacks. */
__attribute__((noinline)) int
session_tls(struct session *s)
{
	char id[SESSION_ID_MAX], how[TLS_WHY];
	struct tls *tls = NULL;

	if (s->opts->tls != NULL)
		tls = tls_accept(s->opts->tls, stream_fd(s->stream), s->protocol->alpn);
	if (stream_tls(s->stream, tls, clock_in(s->opts->stream.line_ms)) == -1) {
		session_log(s, "TLS: no handshake: %s", tls != NULL ? tls_why(tls) :
		    s->opts->tls == NULL ? "there is no certificate" : "out of memory");
		return -1;
	}
	tls_describe(tls, how, sizeof(how));
	log_debug("%s %s", session_id(id, s->number), how);
	return take_user(s);
}

const char *
session_user(const struct session *s)
{
	return s->progress->user;
}

bool
session_may_login(const struct session *s)
{
	return s->opts->login != -1;
}

/* Not inlined, for its line is long, and sessions that wait shall have short stacks. */
static __attribute__((noinline)) void
log_request(struct session *s, const char *verb, const char *path, int code, uint64_t bytes, int64_t us)
{
	char id[SESSION_ID_MAX], peer[SOCKET_NAME_MAX], line[ACCESS_MAX];
	const struct access access = {
		.now = s->opts->access_log == ACCESS_TEXT ? (struct timespec){ 0 } : clock_wall(),
		.id = session_id(id, s->number), .peer = show_peer(peer, s),
		.user = s->progress->user, .protocol = s->protocol->name, .verb = verb,
		.path = path != NULL ? path : "-", .code = code, .bytes = bytes, .us = us,
	};
	size_t len = access_line(line, s->opts->access_log, &access);

	if (len > 0)
		log_access(line, len, s->opts->access_log != ACCESS_TEXT);
}

const char *
session_verb_name(const struct protocol *protocol, size_t i)
{
	return protocol->verb != NULL && i < (size_t)protocol->verbs ? protocol->verb((int)i) : NULL;
}

/* The verb's place among its protocol's.  Most requests are like the one before. */
static unsigned
place_of(struct session *s, const char *verb)
{
	const char *name;
	unsigned i;

	if (verb == s->verb)
		return s->verb_place;
	for (i = 0; (name = session_verb_name(s->protocol, i)) != NULL; i++)
		if (strcmp(name, verb) == 0)
			break;
	s->verb = verb;
	s->verb_place = name != NULL ? i : TALLY_VERBS;
	return s->verb_place;
}

void
session_access(struct session *s, const char *verb, const char *path, int code, uint64_t bytes,
    int64_t began)
{
	int64_t us = clock_us() - began;

	progress_answered(s->progress);
	if (s->opts->served != NULL)
		(void)atomic_fetch_add_explicit(s->opts->served, 1, memory_order_relaxed);
	if (s->opts->tally != NULL)
		tally_request(s->opts->tally, s->progress->protocol, place_of(s, verb), code, (uint64_t)us, bytes);
	if (s->opts->access_log != ACCESS_NONE)
		log_request(s, verb, path, code, bytes, us);
}

void
session_log(struct session *s, const char *fmt, ...)
{
	char id[SESSION_ID_MAX], peer[SOCKET_NAME_MAX], text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("%s %s%s%s %s %s", session_id(id, s->number), s->progress->user,
	    s->progress->user[0] != '\0' ? "@" : "", show_peer(peer, s), s->protocol->name, text);
}
