/* trust - whom the client believes to be the server. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/known.h"
#include "client/place.h"
#include "client/trust.h"

#define SERVER_MAX	(SOCKET_NAME_MAX + 256)
#define ALPN		"coffer"

/* What was wished for this time counts before what was remembered.  0, or -1 after a message. */
static int
decide(struct trust *t, const struct client *c, const char *server)
{
	int found;

	t->by = TRUST_AUTHORITY;
	if (c->fingerprint != NULL) {
		t->by = TRUST_FINGERPRINT;
		t->expected = *c->fingerprint;
	} else if (c->cacert == NULL) {
		if ((found = known_find(server, &t->expected)) == -1) {
			say_of(known_file(), "%s: it cannot be told whether %s is known", errno_words(errno), server);
			return -1;
		}
		t->by = found == 1 ? TRUST_KNOWN : c->pin ? TRUST_NEW : TRUST_AUTHORITY;
	}
	return 0;
}

struct tls *
trust_connect(struct trust *t, const struct client *c, const struct socket_url *url, int fd)
{
	struct tls_client_opts opts = { .ca_file = c->cacert };
	char server[SERVER_MAX], why[TLS_WHY];
	struct tls *tls;

	place_name(server, sizeof(server), url);
	if (decide(t, c, server) == -1)
		return NULL;
	opts.unverified = t->by != TRUST_AUTHORITY;
	if ((t->context = tls_client_open(&opts, why)) == NULL) {
		say_of(c->cacert != NULL ? c->cacert : server, "the certificates to trust cannot be read: %s", why);
		return NULL;
	}
	if ((tls = tls_connect(t->context, fd, url->host, ALPN)) == NULL)
		say_of(server, "%s", errno_words(errno));
	return tls;
}

void
trust_end(struct trust *t)
{
	tls_context_close(&t->context);
}

/* The loudest message that there is. */
static int
changed(const struct trust *t, const char *server, const struct digest *shown)
{
	char hex[DIGEST_HEX];

	say_of(server, t->by == TRUST_KNOWN ? "THE SERVER'S CERTIFICATE IS NOT THE ONE THAT IS KNOWN" :
	    "the server's certificate does not have the fingerprint that was given");
	say("  expected sha256=%s", digest_hex(&t->expected, hex));
	say("  shown    sha256=%s", digest_hex(shown, hex));
	if (t->by == TRUST_KNOWN)
		say("  somebody may stand between; or, if the server really has a new one, take its line out of %s",
		    known_file());
	return PROTOCOL_ERROR;
}

static int
remember(const struct client *c, const char *server, const struct digest *shown)
{
	char hex[DIGEST_HEX];

	if (known_remember(server, shown) == -1) {
		say_of(known_file() != NULL ? known_file() : server, "the certificate cannot be remembered: %s",
		    errno_words(errno));
		return SOME_FAILED;
	}
	if (!c->quiet)
		say_of(server, "from now on known by its certificate, sha256=%s", digest_hex(shown, hex));
	return DONE;
}

int
trust_check(const struct trust *t, const struct client *c, const struct socket_url *url, const struct tls *tls)
{
	char server[SERVER_MAX];
	struct digest shown;

	if (t->by == TRUST_AUTHORITY)
		return DONE;
	place_name(server, sizeof(server), url);
	if (tls_fingerprint(tls, &shown) == -1) {
		say_of(server, "the server shows no certificate");
		return PROTOCOL_ERROR;
	}
	if (t->by == TRUST_NEW)
		return remember(c, server, &shown);
	return digest_equal(&t->expected, &shown) ? DONE : changed(t, server, &shown);
}
