/* tls_int - what the files of tls share; nobody else includes it.
 * tls.c is one connection, tls_server.c and tls_client.c are the contexts. */

#ifndef IO_TLS_INT_H
#define IO_TLS_INT_H

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "io/tls.h"

struct tls_context {
	SSL_CTX		**ctx;		/* of a server, one for each certificate */
	size_t		  n;
	enum tls_user	  client_user;
	bool		  unverified;
};

struct tls {
	SSL		*ssl;
	struct tls_context *context;
	const char	*alpn;		/* the caller's */
	int		 fd;
	unsigned	 barren;	/* records that have come since the last that brought data */
	short		 wants;		/* POLLIN or POLLOUT */
	bool		 dry;		/* the last read of the socket got nothing, */
	bool		 drained;	/* or took all there was */
	bool		 done;		/* the handshake is */
	bool		 broken;	/* nothing more can be said */
	char		 why[TLS_WHY];	/* of a handshake that failed */
};

/* A context with what both sides want, or NULL. */
SSL_CTX	*tls_new_ctx(const SSL_METHOD *);

/* The first of OpenSSL's complaints, in its words, and forgets all of them. */
const char *tls_error(char why[TLS_WHY]);

/* The connection that belongs to an SSL. */
struct tls *tls_of(const SSL *);

struct tls *tls_new(struct tls_context *, int fd, const char *alpn);

#endif
