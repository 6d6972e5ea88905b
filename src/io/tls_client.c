/* tls_client - whom a client believes, and its side of a connection. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "io/tls_int.h"

/* The quickest first, where the processor helps, as most do; the server may choose another. */
#define SUITES	"TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"
#define ALPN_MAX	32

static SSL_CTX *
new_client(const struct tls_client_opts *opts)
{
	SSL_CTX *ctx = tls_new_ctx(TLS_client_method());

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_verify(ctx, opts->unverified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (SSL_CTX_set_ciphersuites(ctx, SUITES) == 1 && (opts->unverified ||
	    (opts->ca_file != NULL ? SSL_CTX_load_verify_file(ctx, opts->ca_file) :
	    SSL_CTX_set_default_verify_paths(ctx)) == 1))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

struct tls_context *
tls_client_open(const struct tls_client_opts *opts, char why[TLS_WHY])
{
	struct tls_context *c = calloc(1, sizeof(*c));

	(void)snprintf(why, TLS_WHY, "out of memory");
	if (c != NULL && (c->ctx = calloc(1, sizeof(*c->ctx))) != NULL) {
		if ((c->ctx[0] = new_client(opts)) != NULL) {
			c->n = 1;
			c->unverified = opts->unverified;
			return c;
		}
		(void)tls_error(why);
	}
	tls_context_close(&c);
	return NULL;
}

/* "coffer" as the wire has it. */
static int
offer(SSL *ssl, const char *alpn)
{
	unsigned char list[ALPN_MAX];
	size_t len = strlen(alpn);

	if (len >= sizeof(list))
		return -1;
	list[0] = (unsigned char)len;
	memcpy(list + 1, alpn, len);
	return SSL_set_alpn_protos(ssl, list, (unsigned)len + 1) == 0 ? 0 : -1;
}

/* Whom the server must prove to be.  An address is not told to it (RFC 6066). */
static int
expect(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
		return 0;
	ERR_clear_error();
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1 ?
	    0 : -1;
}

struct tls *
tls_connect(struct tls_context *context, int fd, const char *name, const char *alpn)
{
	struct tls *t = tls_new(context, fd, alpn);

	if (t == NULL)
		return NULL;
	if (expect(t->ssl, name) == 0 && offer(t->ssl, alpn) == 0) {
		SSL_set_connect_state(t->ssl);
		return t;
	}
	ERR_clear_error();
	tls_close(&t, false);
	errno = ENOMEM;
	return NULL;
}
