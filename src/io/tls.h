/* tls - TLS 1.2 and 1.3 over a non-blocking socket, by OpenSSL.
 * A context is what many connections share: certificates and keys, or whom to trust.  A connection
 * waits only in its handshake, and there in io/wait; a read or write that cannot go on says so by EAGAIN.
 * Knows nothing of files and of what the bytes mean.
 *
 * Like OpenSSL, it writes to a socket by write(2): SIGPIPE must be ignored. */

#ifndef IO_TLS_H
#define IO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"

#define TLS_WHY			256	/* bytes that hold any sentence of this module */
#define TLS_TICKET_KEYS		80	/* bytes of secrets for session tickets */

enum tls_version { TLS_1_2, TLS_1_3 };

/* How the certificate of a client names a user. */
enum tls_user { TLS_USER_CN, TLS_USER_EMAIL };

struct tls_context;
struct tls;

/*
 * Contexts.  They may be used by several threads at a time.
 */

/* Lines of PEM. */
struct tls_text {
	const char	*at;
	size_t		 len;
};

/* A certificate, with those between it and its authority behind it, and its key, which may be the
 * same text. */
struct tls_pair {
	struct tls_text	 chain, key;
};

struct tls_server_opts {
	const struct tls_pair *pairs;	/* the first is shown to who asks for another name, or none */
	size_t		 npairs;	/* from 1 */
	enum tls_version min_version;
	struct tls_text	 client_ca;	/* who signs for clients; len 0: none is asked */
	enum tls_user	 client_user;
	unsigned char	 ticket_keys[TLS_TICKET_KEYS];	/* the same wherever a session may go on */
};

/* NULL with a sentence; *which, unless that is NULL, is the number of the pair that is at fault, or
 * npairs for the authority of clients.  Nothing of the options is referred to afterwards. */
struct tls_context *tls_server_open(const struct tls_server_opts *, char why[TLS_WHY], size_t *which);

struct tls_client_opts {
	const char	*ca_file;	/* trust these instead of the system's; NULL: the system's */
	bool		 unverified;	/* believe anybody: the caller compares tls_fingerprint() */
};
struct tls_context *tls_client_open(const struct tls_client_opts *, char why[TLS_WHY]);

/* NULL is nothing. */
void	tls_context_close(struct tls_context **);

/* When the certificate's time has not yet come or is over, a sentence that says so; else NULL. */
const char *tls_chain_out_of_date(const struct tls_text *chain, char why[TLS_WHY]);

/* The certificate's fingerprint.  0, or -1 where there is no certificate. */
int	tls_chain_fingerprint(const struct tls_text *chain, struct digest *);

/* A new certificate for these hosts' names and addresses, signed by its own new key, good for so many days: lines of
 * PEM, first the key, from malloc(3).  NULL with a sentence. */
char	*tls_make(const char *const *names, size_t n, unsigned days, size_t *len, char why[TLS_WHY]);

/*
 * Connections.
 */

/* The server's side on the socket fd, which stays the caller's and must outlive it.  `alpn` is the
 * name of what will be spoken, with which a client that names others is refused.  NULL with ENOMEM. */
struct tls *tls_accept(struct tls_context *, int fd, const char *alpn);

/* The client's side; the server must prove to be `name`, a host's name or address. */
struct tls *tls_connect(struct tls_context *, int fd, const char *name, const char *alpn);

/* Ends it: with a farewell, as far as that can be had without waiting, if so wished.  NULL is nothing. */
void	tls_close(struct tls **, bool farewell);

/* Waits in io/wait.  0, or -1 with errno, and tls_why() says more. */
int	tls_handshake(struct tls *, int64_t deadline);
const char *tls_why(const struct tls *);

/* As recv(2) and send(2), never waiting: at least one byte, 0 where the peer has said good-bye, -1
 * with EAGAIN, when the socket must be waited for as tls_wants() says (POLLIN or POLLOUT), or another
 * errno: ECONNRESET where the connection ended without a good-bye, EPROTO where what came makes no sense.
 * A write that was told EAGAIN must be tried again with the same bytes, and may be with more. */
ssize_t	tls_read(struct tls *, void *, size_t);
ssize_t	tls_write(struct tls *, const void *, size_t);
short	tls_wants(const struct tls *);

/* Whether the last read has left nothing, neither here nor in the socket, as far as can be known: only then
 * can the socket be waited for without having been told EAGAIN. */
bool	tls_drained(const struct tls *);

/* Whether the kernel encrypts what is sent; then, as sendfile(2). */
bool	tls_kernel_sends(const struct tls *);
ssize_t	tls_sendfile(struct tls *, int file, off_t, size_t);

/* Says good-bye, as far as that can be done without waiting. */
void	tls_farewell(struct tls *);

/* Whom the client's certificate names.  1, 0 where it showed none, or -1 where there is no name in it that
 * fits. */
int	tls_user(const struct tls *, char *dst, size_t size);

/* The peer's certificate.  0, or -1 where it has shown none. */
int	tls_fingerprint(const struct tls *, struct digest *);

/* "TLSv1.3 TLS_AES_128_GCM_SHA256". */
void	tls_describe(const struct tls *, char *dst, size_t size);

/* Whether this kernel can do it; root's asking may make the kernel load what it needs. */
bool	tls_kernel_there(void);

#endif
