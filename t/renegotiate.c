/* renegotiate - a TLS client that asks for another handshake.
 *
 * usage: renegotiate PORT
 *
 * Speaks TLS 1.2 to 127.0.0.1, asks once, and prints "done" or why it got none. */

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define SECONDS		60

static const char *
reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	return text != NULL ? text : "the server has gone";
}

/* Whom it speaks to is no matter here. */
static SSL *
dial(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	if (fd == -1 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) == -1)
		err(1, "connect");
	if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) != 1 || (ssl = SSL_new(ctx)) == NULL ||
	    SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
		errx(1, "%s", reason());
	SSL_CTX_free(ctx);	/* ssl holds it */
	return ssl;
}

int
main(int argc, char *argv[])
{
	SSL *ssl;

	if (argc != 2)
		errx(2, "usage: renegotiate PORT");
	(void)alarm(SECONDS);
	ssl = dial((uint16_t)atoi(argv[1]));
	puts(SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1 ? "done" : reason());
	SSL_free(ssl);
	return 0;
}
