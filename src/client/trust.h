/* trust - whom the client believes to be the server: by the system's authorities, or those of a file, by one
 * fingerprint, or by what it was told to remember.  Never by nothing. */

#ifndef CLIENT_TRUST_H
#define CLIENT_TRUST_H

#include "client/client.h"
#include "io/socket.h"
#include "io/tls.h"

/* By what a server is believed; decided once, before the handshake. */
struct trust {
	enum { TRUST_AUTHORITY, TRUST_FINGERPRINT, TRUST_KNOWN, TRUST_NEW } by;
	struct digest	 expected;	/* of the certificate, for FINGERPRINT and KNOWN */
	struct tls_context *context;
};

/* Our side of TLS to that server on fd, and what it must prove.  What is left in *trust must outlive it, and
 * is left by trust_end().  NULL after a message. */
struct tls	*trust_connect(struct trust *, const struct client *, const struct socket_url *, int fd);
void	trust_end(struct trust *);

/* After the handshake, before a word is said.  DONE, or an exit code after a message. */
int	trust_check(const struct trust *, const struct client *, const struct socket_url *, const struct tls *);

#endif
