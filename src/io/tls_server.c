/* tls_server - what the connections of a server share: certificates by name, and whom to believe. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "io/tls_int.h"

#define SESSION_ID	"coffer"	/* for sessions of clients that have shown a certificate */

/* Nobody is there to type a passphrase. */
static int
no_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer;
	(void)size;
	(void)writing;
	*(bool *)arg = true;
	return -1;
}

static int
refuse(char *why, const char *sentence)
{
	ERR_clear_error();
	(void)snprintf(why, TLS_WHY, "%s", sentence);
	return -1;
}

static X509 *
first_certificate(const struct tls_text *chain)
{
	BIO *in = BIO_new_mem_buf(chain->at, (int)chain->len);
	X509 *cert = in != NULL ? PEM_read_bio_X509_AUX(in, NULL, NULL, NULL) : NULL;

	(void)BIO_free(in);
	return cert;
}

/* All that stand behind the first one.  0, or -1. */
static int
add_chain(SSL_CTX *ctx, BIO *in)
{
	X509 *cert;

	while ((cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL)
		if (SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
			X509_free(cert);
			return -1;
		}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return -1;
	ERR_clear_error();
	return 0;
}

static int
use_chain(SSL_CTX *ctx, const struct tls_text *chain, char *why)
{
	BIO *in = BIO_new_mem_buf(chain->at, (int)chain->len);
	X509 *cert = in != NULL ? PEM_read_bio_X509_AUX(in, NULL, NULL, NULL) : NULL;
	int ret = -1;

	if (cert == NULL)
		(void)refuse(why, "there is no certificate in it (-----BEGIN CERTIFICATE-----)");
	else if (SSL_CTX_use_certificate(ctx, cert) != 1 || add_chain(ctx, in) == -1)
		(void)tls_error(why);
	else
		ret = 0;
	X509_free(cert);
	(void)BIO_free(in);
	return ret;
}

static int
use_key(SSL_CTX *ctx, const struct tls_text *text, char *why)
{
	BIO *in = BIO_new_mem_buf(text->at, (int)text->len);
	bool asked = false;
	EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, &asked) : NULL;
	int ret = -1;

	if (key == NULL)
		(void)refuse(why, asked ? "the key is locked by a passphrase" :
		    "there is no private key in it (-----BEGIN PRIVATE KEY-----)");
	else if (SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1)
		ret = 0;
	else if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH ||
	    ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_TYPE_MISMATCH)
		(void)refuse(why, "the key does not belong to the certificate");
	else
		(void)tls_error(why);
	EVP_PKEY_free(key);
	(void)BIO_free(in);
	return ret;
}

/* Whom clients' certificates may be signed by. */
static int
use_client_ca(SSL_CTX *ctx, const struct tls_text *text, char *why)
{
	BIO *in = BIO_new_mem_buf(text->at, (int)text->len);
	int n = 0, ret = 0;
	X509 *cert;

	while (in != NULL && ret == 0 && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) != 1 ||
		    SSL_CTX_add_client_CA(ctx, cert) != 1)
			ret = -1;
		X509_free(cert);
		n++;
	}
	(void)BIO_free(in);
	if (n == 0)
		return refuse(why, "there is no certificate in it (-----BEGIN CERTIFICATE-----)");
	if (ret == -1) {
		(void)tls_error(why);
		return -1;
	}
	ERR_clear_error();
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return 0;
}

/* The certificate for the name that the client asks for. */
static int
on_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct tls_context *c = arg;

	(void)alert;
	for (size_t i = 0; name != NULL && i < c->n; i++)
		if (X509_check_host(SSL_CTX_get0_certificate(c->ctx[i]), name, 0,
		    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1) {
			(void)SSL_set_SSL_CTX(ssl, c->ctx[i]);
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_NOACK;
}

/* A client that has come for another protocol is not to take our words for that one's. */
static int
on_alpn(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
    unsigned inlen, void *arg)
{
	const char *ours = tls_of(ssl)->alpn;
	size_t len = strlen(ours);

	(void)arg;
	for (unsigned at = 0; at < inlen; at += 1u + in[at])
		if (in[at] == len && at + len < inlen && memcmp(in + at + 1, ours, len) == 0) {
			*out = in + at + 1;
			*outlen = in[at];
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The context for one certificate, or NULL with a sentence. */
static SSL_CTX *
new_server(struct tls_context *c, const struct tls_server_opts *opts, const struct tls_pair *pair,
    char *why, bool *client_ca)
{
	SSL_CTX *ctx = tls_new_ctx(TLS_server_method());
	unsigned char keys[TLS_TICKET_KEYS];

	*client_ca = false;
	memcpy(keys, opts->ticket_keys, sizeof(keys));
	if (ctx == NULL ||
	    SSL_CTX_set_min_proto_version(ctx, opts->min_version == TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)SESSION_ID, strlen(SESSION_ID)) != 1 ||
	    SSL_CTX_set_tlsext_ticket_keys(ctx, keys, sizeof(keys)) != 1 || SSL_CTX_set_num_tickets(ctx, 1) != 1)
		(void)tls_error(why);
	else if (use_chain(ctx, &pair->chain, why) == -1 || use_key(ctx, &pair->key, why) == -1)
		;
	else if ((*client_ca = opts->client_ca.len > 0) && use_client_ca(ctx, &opts->client_ca, why) == -1)
		;
	else {
		(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);	/* tickets do */
		(void)SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
		(void)SSL_CTX_set_tlsext_servername_arg(ctx, c);
		SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
		OPENSSL_cleanse(keys, sizeof(keys));
		return ctx;
	}
	OPENSSL_cleanse(keys, sizeof(keys));
	SSL_CTX_free(ctx);
	return NULL;
}

struct tls_context *
tls_server_open(const struct tls_server_opts *opts, char why[TLS_WHY], size_t *which)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	bool client_ca;

	(void)snprintf(why, TLS_WHY, "out of memory");
	if (which != NULL)
		*which = 0;
	if (c == NULL || (c->ctx = calloc(opts->npairs, sizeof(*c->ctx))) == NULL) {
		tls_context_close(&c);
		return NULL;
	}
	c->client_user = opts->client_user;
	for (; c->n < opts->npairs; c->n++)
		if ((c->ctx[c->n] = new_server(c, opts, &opts->pairs[c->n], why, &client_ca)) == NULL) {
			if (which != NULL)
				*which = client_ca ? opts->npairs : c->n;
			tls_context_close(&c);
			return NULL;
		}
	return c;
}

const char *
tls_chain_out_of_date(const struct tls_text *chain, char why[TLS_WHY])
{
	X509 *cert = first_certificate(chain);
	const char *ret = NULL;

	if (cert != NULL && X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		ret = "the certificate has expired";
	else if (cert != NULL && X509_cmp_current_time(X509_get0_notBefore(cert)) > 0)
		ret = "the certificate is not valid yet";
	X509_free(cert);
	ERR_clear_error();
	if (ret != NULL)
		(void)snprintf(why, TLS_WHY, "%s", ret);
	return ret != NULL ? why : NULL;
}

int
tls_chain_fingerprint(const struct tls_text *chain, struct digest *digest)
{
	X509 *cert = first_certificate(chain);
	int ret = cert != NULL && X509_digest(cert, EVP_sha256(), digest->byte, NULL) == 1 ? 0 : -1;

	X509_free(cert);
	ERR_clear_error();
	return ret;
}

struct tls *
tls_accept(struct tls_context *context, int fd, const char *alpn)
{
	struct tls *t = tls_new(context, fd, alpn);

	if (t != NULL)
		SSL_set_accept_state(t->ssl);
	return t;
}
