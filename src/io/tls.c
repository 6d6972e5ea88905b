/* tls - one connection of TLS, by OpenSSL. */

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "io/tls_int.h"
#include "io/wait.h"

/* With TLS 1.3 the peers choose among those that all have; these are for TLS 1.2: forward secrecy and
 * authenticated encryption, nothing else. */
#define CIPHERS	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"		\
		"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"		\
		"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define BARREN_MAX	32	/* records in a row that bring no data: tickets and new keys are few */
#define READ_BUFFER	65536	/* bytes taken from the socket at once, and held only while unread */

#ifndef TCP_ULP
#define TCP_ULP	31
#endif

SSL_CTX *
tls_new_ctx(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (ctx == NULL)
		return NULL;
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_CLEANSE_PLAINTEXT);
	if (tls_kernel_there())		/* else OpenSSL would ask twice for each connection */
		(void)SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS);
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	    SSL_MODE_RELEASE_BUFFERS);
	(void)SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);	/* else tls_read() could not stop a flood */
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1)
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}

void
tls_context_close(struct tls_context **cp)
{
	struct tls_context *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->n; i++)
		SSL_CTX_free(c->ctx[i]);
	free(c->ctx);
	free(c);
}

const char *
tls_error(char why[TLS_WHY])
{
	unsigned long error = ERR_peek_error();
	const char *words = ERR_reason_error_string(error);

	(void)snprintf(why, TLS_WHY, "%s", words != NULL ? words :
	    ERR_SYSTEM_ERROR(error) ? strerror(ERR_GET_REASON(error)) : "out of memory");
	ERR_clear_error();
	return why;
}

struct tls *
tls_of(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

/* OpenSSL does not tell what a read of the socket has left there.  Whoever waits must know: a wait ends when
 * more comes, and not for what was there before. */
static long
on_io(BIO *bio, int operation, const char *bytes, size_t len, int arg, long larg, int ret, size_t *done)
{
	struct tls *t = (struct tls *)(void *)BIO_get_callback_arg(bio);

	(void)bytes;
	(void)arg;
	(void)larg;
	if (operation == (BIO_CB_READ | BIO_CB_RETURN)) {
		t->dry = ret <= 0;
		t->drained = t->dry || (*done < len && !BIO_get_ktls_recv(bio));
	}
	return ret;
}

/* A record has come.  Told of its header, and of more that is no concern of ours. */
static void
on_message(int written, int version, int type, const void *bytes, size_t len, SSL *ssl, void *arg)
{
	(void)version;
	(void)bytes;
	(void)len;
	(void)ssl;
	if (!written && type == SSL3_RT_HEADER)
		((struct tls *)arg)->barren++;
}

struct tls *
tls_new(struct tls_context *context, int fd, const char *alpn)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->context = context;
	t->fd = fd;
	t->alpn = alpn;
	t->wants = POLLIN;
	t->ssl = SSL_new(context->ctx[0]);
	if (t->ssl != NULL && SSL_set_fd(t->ssl, fd) == 1 && SSL_set_app_data(t->ssl, t) == 1) {
		BIO_set_callback_ex(SSL_get_rbio(t->ssl), on_io);
		BIO_set_callback_arg(SSL_get_rbio(t->ssl), (char *)(void *)t);
		return t;
	}
	tls_close(&t, false);
	ERR_clear_error();
	errno = ENOMEM;
	return NULL;
}

void
tls_farewell(struct tls *t)
{
	if (!t->done || t->broken)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
	t->broken = true;
}

void
tls_close(struct tls **tp, bool farewell)
{
	struct tls *t = *tp;
	int saved = errno;

	*tp = NULL;
	if (t == NULL)
		return;
	if (farewell)
		tls_farewell(t);
	SSL_free(t->ssl);
	free(t);
	errno = saved;
}

/* What became of a call of OpenSSL's that returned `ret`.  0 at the peer's good-bye, or -1 with errno.
 * To be asked before anything else is done, for OpenSSL and the system tell it by thread. */
static int
outcome(struct tls *t, int ret)
{
	int error = errno;

	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		t->wants = SSL_want_write(t->ssl) ? POLLOUT : POLLIN;
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_SYSCALL:
		if (error == 0 || error == EPIPE)
			error = ECONNRESET;
		(void)snprintf(t->why, sizeof(t->why), "%s", strerror(error));
		break;
	default:
		error = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ?
		    ECONNRESET : EPROTO;
		(void)tls_error(t->why);
	}
	ERR_clear_error();
	t->broken = true;
	errno = error;
	return -1;
}

static int
begin(struct tls *t)
{
	if (t->broken) {
		errno = ECONNRESET;
		return -1;
	}
	ERR_clear_error();
	errno = 0;
	return 0;
}

/* More is known of a certificate that was refused. */
static void
explain(struct tls *t)
{
	long verdict = SSL_get_verify_result(t->ssl);

	if (verdict != X509_V_OK)
		(void)snprintf(t->why, sizeof(t->why), "the certificate is refused: %s",
		    X509_verify_cert_error_string(verdict));
}

/* The signature is made where we stand: 20 microseconds on P-256, 350 with RSA of 2048 bits, of which another
 * thread would take a good part only to be woken. */
int
tls_handshake(struct tls *t, int64_t deadline)
{
	int ret;

	for (;;) {
		if (begin(t) == -1)
			return -1;
		if ((ret = SSL_do_handshake(t->ssl)) == 1)
			break;
		if (outcome(t, ret) == 0)
			errno = ECONNRESET;
		if (errno == EAGAIN && wait_fd(t->fd, t->wants, deadline) == 0)
			continue;
		if (!t->broken)
			(void)snprintf(t->why, sizeof(t->why), "%s", errno == ETIMEDOUT ? "not in time" : strerror(errno));
		ret = errno;
		explain(t);
		t->broken = true;
		errno = ret;
		return -1;
	}
	t->done = true;
	SSL_set_msg_callback(t->ssl, on_message);
	SSL_set_msg_callback_arg(t->ssl, t);
	return 0;
}

const char *
tls_why(const struct tls *t)
{
	return t->why;
}

static int
flooded(struct tls *t)
{
	(void)snprintf(t->why, sizeof(t->why), "too many records without data");
	ERR_clear_error();
	t->broken = true;
	errno = EPROTO;
	return -1;
}

/* A peer who sends records without data as quickly as they are read would never be waited for, and keep all
 * others from their turn.  OpenSSL passes over those that it has here, a buffer of them at most, before it can
 * be asked how many there were.  And where the socket had nothing, what is here may be part of a record: that is
 * waited for. */
ssize_t
tls_read(struct tls *t, void *dst, size_t len)
{
	size_t got;
	ssize_t n;
	int ret;

	for (;;) {
		if (begin(t) == -1)
			return -1;
		t->dry = false;
		ret = SSL_read_ex(t->ssl, dst, len, &got);
		if (t->barren > BARREN_MAX)
			return flooded(t);
		if (ret == 1) {
			t->barren = 0;
			return (ssize_t)got;
		}
		n = outcome(t, ret);
		if (n != -1 || errno != EAGAIN || t->wants != POLLIN || t->dry)
			return n;
	}
}

ssize_t
tls_write(struct tls *t, const void *src, size_t len)
{
	size_t n;
	int ret;

	if (begin(t) == -1)
		return -1;
	if ((ret = SSL_write_ex(t->ssl, src, len, &n)) == 1)
		return (ssize_t)n;
	if (outcome(t, ret) == 0)
		errno = EPIPE;
	return -1;
}

short
tls_wants(const struct tls *t)
{
	return t->wants;
}

bool
tls_drained(const struct tls *t)
{
	return t->drained && SSL_has_pending(t->ssl) == 0;
}

bool
tls_kernel_sends(const struct tls *t)
{
	return BIO_get_ktls_send(SSL_get_wbio(t->ssl));
}

ssize_t
tls_sendfile(struct tls *t, int file, off_t offset, size_t len)
{
	ossl_ssize_t n;

	if (begin(t) == -1)
		return -1;
	if ((n = SSL_sendfile(t->ssl, file, offset, len, 0)) >= 0)
		return n;
	if (outcome(t, (int)n) == 0)
		errno = EPIPE;
	return -1;
}

/* What is in a name must be one word that can be shown, whole. */
static int
take_name(char *dst, size_t size, const ASN1_STRING *name)
{
	unsigned char *text = NULL;
	int len = ASN1_STRING_to_UTF8(&text, name), i;

	for (i = 0; i < len && text[i] > 0x20 && text[i] != 0x7f; i++)
		continue;
	if (len > 0 && i == len && (size_t)len < size) {
		memcpy(dst, text, (size_t)len);
		dst[len] = '\0';
	} else
		len = -1;
	OPENSSL_free(text);
	return len > 0 ? 1 : -1;
}

static int
common_name(char *dst, size_t size, const X509 *cert)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);

	if (at < 0)
		return -1;
	return take_name(dst, size, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
}

static int
email(char *dst, size_t size, const X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *name;
	int ret = -1;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && ret == -1; i++) {
		name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_EMAIL)
			ret = take_name(dst, size, name->d.rfc822Name);
	}
	GENERAL_NAMES_free(names);
	return ret;
}

int
tls_user(const struct tls *t, char *dst, size_t size)
{
	const X509 *cert = SSL_get0_peer_certificate(t->ssl);
	int ret;

	if (cert == NULL)
		return 0;
	/* OpenSSL has refused another one in the handshake: this only says so again. */
	if (SSL_get_verify_result(t->ssl) != X509_V_OK)
		return -1;
	ret = t->context->client_user == TLS_USER_EMAIL ? email(dst, size, cert) : common_name(dst, size, cert);
	ERR_clear_error();
	return ret;
}

int
tls_fingerprint(const struct tls *t, struct digest *digest)
{
	const X509 *cert = SSL_get0_peer_certificate(t->ssl);

	return cert != NULL && X509_digest(cert, EVP_sha256(), digest->byte, NULL) == 1 ? 0 : -1;
}

void
tls_describe(const struct tls *t, char *dst, size_t size)
{
	(void)snprintf(dst, size, "%s %s", SSL_get_version(t->ssl), SSL_get_cipher_name(t->ssl));
}

bool
tls_kernel_there(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP), error;

	if (fd == -1)
		return false;
	/* A socket that is not connected cannot have it; one that could is told so otherwise. */
	error = setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) == 0 ? 0 : errno;
	(void)close(fd);
#ifdef OPENSSL_NO_KTLS
	return false;
#endif
	return error == 0 || error == ENOTCONN;
}
