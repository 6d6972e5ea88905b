/* connect - from the name of a server to one that listens to us: the connection, TLS, who we are. */

#include <sys/socket.h>

#include <arpa/inet.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/password.h"
#include "client/place.h"
#include "client/remote_int.h"

/* Tells a failed connect.  Returns the exit code. */
static int
say_unreachable(const struct socket_url *server)
{
	char name[SOCKET_NAME_MAX + 256];
	int error = errno;

	place_name(name, sizeof(name), server);
	if (error == EHOSTUNREACH && strcmp(server->scheme, "unix") != 0)
		say_of(name, "no such host, or no way to it");
	else if (error == ECONNREFUSED)
		say_of(name, "nobody serves there (connection refused)");
	else if (error == ETIMEDOUT)
		say_of(name, "no answer to the connection");
	else
		say_of(name, "cannot connect: %s", errno_words(error));
	return NO_CONNECTION;
}

int
client_unconnected(const struct client *c, bool begun)
{
	return begun && c->unconnected != PROTOCOL_ERROR ? RESUMABLE : c->unconnected;
}

/* What the server says in clear is not believed but for this one word: whoever stands between may have said
 * it, and the handshake will show.  DONE, or an exit code after a message. */
static int
ask_for_tls(struct remote *r)
{
	struct coffer_reply reply;
	char name[SOCKET_NAME_MAX + 256], shown[200];

	if (remote_ask(r, &reply, "STARTTLS", NULL, "") == -1)
		return remote_complain(r, false);
	place_name(name, sizeof(name), &r->server);
	if (reply.code != 200)
		say_of(name, "no TLS: the server says: %d %s", reply.code, text_visible(shown, sizeof(shown),
		    reply.text, strlen(reply.text)));
	else if (stream_buffered(r->stream))
		say_of(name, "no TLS: something was put in behind the server's answer");
	else
		return DONE;
	return PROTOCOL_ERROR;
}

/* A server that is not believed, or one that does not speak TLS. */
static int
say_no_handshake(const struct remote *r, const struct tls *tls, int error)
{
	char name[SOCKET_NAME_MAX + 256];

	place_name(name, sizeof(name), &r->server);
	say_of(name, "no TLS: %s", tls_why(tls));
	return error == EPROTO ? PROTOCOL_ERROR : error == ETIMEDOUT ? TIMED_OUT :
	    error == EINTR ? RESUMABLE : NO_CONNECTION;
}

static int
begin_tls(struct remote *r, const struct client *c)
{
	enum place_tls how = place_tls(&r->server);
	bool clear = how == PLACE_CLEAR && (!c->starttls || strcmp(r->server.scheme, "unix") == 0);
	char described[TLS_WHY];
	struct tls *tls;
	int ret;

	if (clear)
		return DONE;
	if (how != PLACE_TLS && (ret = ask_for_tls(r)) != DONE)
		return ret;
	if ((tls = trust_connect(&r->trust, c, &r->server, stream_fd(r->stream))) == NULL)
		return PROTOCOL_ERROR;
	if (stream_tls(r->stream, tls, clock_in(r->stream_opts.stall_ms)) == -1)
		return say_no_handshake(r, tls, stream_fault(r->stream));
	tls_describe(tls, described, sizeof(described));
	remote_trace(r, "=", described, strlen(described));
	return trust_check(&r->trust, c, &r->server, tls);
}

/* Whether nobody can listen in. */
static bool
is_private(const struct remote *r)
{
	struct sockaddr_in6 peer = { 0 };
	const struct sockaddr_in *in = (const void *)&peer;
	socklen_t len = sizeof(peer);

	if (stream_secured(r->stream) != NULL)
		return true;
	if (getpeername(stream_fd(r->stream), (struct sockaddr *)&peer, &len) == -1)
		return false;
	if (peer.sin6_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return peer.sin6_family == AF_UNIX || IN6_IS_ADDR_LOOPBACK(&peer.sin6_addr);
}

/* The request, which is shown without the password, and does not stay in the buffer. */
static int
say_login(struct remote *r, const char *password)
{
	char *line = remote_room(r, REMOTE_LINE), *p;
	int ret;

	p = stpcpy(line, "LOGIN ");
	p = text_encode(p, r->server.user, strlen(r->server.user));
	*p++ = ' ';
	remote_trace(r, ">", line, (size_t)(p - line));
	p = text_encode(p, password, strlen(password));
	*p++ = '\n';
	r->end += (size_t)(p - line);
	ret = remote_flush(r);
	explicit_bzero(line, (size_t)(p - line));
	return ret;
}

static int
try_login(struct remote *r, const char *password)
{
	struct coffer_reply reply;
	char name[SOCKET_NAME_MAX + 256], shown[200];

	if (say_login(r, password) == -1 || remote_reply(r, &reply) == -1)
		return remote_complain(r, false);
	if (reply.code == 200)
		return DONE;
	place_name(name, sizeof(name), &r->server);
	say_of(name, "%s cannot log in: the server says: %s", r->server.user,
	    text_visible(shown, sizeof(shown), reply.text, strlen(reply.text)));
	return LOGIN_REFUSED;
}

/* DONE, or an exit code after a message. */
static int
log_in(struct remote *r)
{
	char password[PASSWORD_MAX], name[SOCKET_NAME_MAX + 256];
	bool asked;
	int ret;

	if (r->server.user[0] == '\0')
		return DONE;
	if (!is_private(r)) {
		place_name(name, sizeof(name), &r->server);
		say_of(name, "a password is not said in clear text over a network: use coffers:// or --starttls");
		return LOGIN_REFUSED;
	}
	if ((ret = password_find(password, &asked, &r->server)) == DONE) {
		ret = try_login(r, password);
		if (ret == DONE && asked)
			password_keep(&r->server, password);
		else if (ret == LOGIN_REFUSED)
			password_forget();
	}
	explicit_bzero(password, sizeof(password));
	return ret;
}

int
client_connect(struct client *c, const struct place *place)
{
	if (c->remote != NULL && !c->remote->fault && !c->remote->deaf &&
	    place_same_server(&c->remote->server, &place->server))
		return DONE;
	remote_close(&c->remote);
	c->remote = remote_open(&place->server, c->timeout_ms, c->verbose);
	if (c->remote == NULL)
		return c->unconnected = say_unreachable(&place->server);
	if ((c->unconnected = begin_tls(c->remote, c)) != DONE ||
	    (c->unconnected = log_in(c->remote)) != DONE)
		remote_close(&c->remote);
	return c->unconnected;
}
