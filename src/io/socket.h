/* socket - addresses and listening sockets.
 * Knows URLs of the form SCHEME://HOST:PORT and unix:/path; knows no protocol. */

#ifndef IO_SOCKET_H
#define IO_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define SOCKET_NAME_MAX	128	/* the longest name socket_name() writes, with its NUL */

struct socket_url {
	char	scheme[16];	/* "coffer", "unix" ... in lower case */
	char	user[64];	/* "" where there is none; percent-decoded */
	char	host[256];	/* name or address, no brackets; for unix, empty */
	char	port[6];	/* digits; "" where there is none */
	char	path[1024];	/* what follows, with its slash, not decoded; for unix, the socket's file name */
};

/* Takes `text` apart.  0, or -1 with EINVAL and *why a static sentence. */
int	socket_url_parse(struct socket_url *, const char *text, const char **why);

/* Listening sockets that are there already, from whatever had them before. */
struct socket_kept {
	const int	*fds;
	size_t		 count;
};
/* The one of `kept` that is bound to that address already, and of that type, or -1. */
int	socket_find_kept(const struct socket_kept *, const struct sockaddr *, int type);

/* The addresses of url for sockets of that type, for freeaddrinfo(3); a missing host is, with
 * AI_PASSIVE, every address of this machine.  0, or -1 with errno. */
struct addrinfo;
int	socket_resolve(const struct socket_url *, const char *port, int type, int flags,
	    struct addrinfo **);

/* A listening socket for url, non-blocking and close-on-exec.  `port` is used where
 * the URL has none; port 0 lets the kernel choose.  A name with several addresses
 * gives one socket for each, up to `max`.  Where one of `kept` (which may be NULL) is
 * bound to the address, it is the answer as it stands: who waits in its backlog goes on
 * waiting there.  A stale Unix socket is removed, a live one is EADDRINUSE.  The number
 * of sockets, or -1 with errno. */
int	socket_listen(const struct socket_url *, const char *port, int backlog,
	    const struct socket_kept *kept, int *fds, int max);
bool	socket_is_kept(const struct socket_kept *, int fd);

/* A connected socket, non-blocking and close-on-exec; waits in io/wait up to the
 * deadline, and tries each address in turn.  -1 with errno (EHOSTUNREACH where the
 * name is unknown). */
int	socket_connect(const struct socket_url *, const char *port, int64_t deadline);

/* "192.0.2.7", "2001:db8::1" or "unix" of a peer; "192.0.2.7:80" and "[2001:db8::1]:80"
 * with the port.  Returns dst. */
char	*socket_name(char dst[SOCKET_NAME_MAX], const struct sockaddr *, socklen_t, bool port);

/* Its 16 bytes, an IPv4 address as IPv6 has it; false where it has none: it is a Unix socket's. */
#define SOCKET_ADDRESS	16
bool	socket_address(uint8_t address[SOCKET_ADDRESS], const struct sockaddr *);

/* Who it counts as, wherever one client's share of anything is counted: an IPv4 address, also one within
 * IPv6; of IPv6 the first 64 bits, for whoever has one such address has all that are behind them; of all
 * else, such as Unix sockets, only what it is.  Everything beside is 0, so that memcmp(3) compares. */
void	socket_client(struct sockaddr_in6 *client, const struct sockaddr *);
bool	socket_same_client(const struct sockaddr *, const struct sockaddr *);

/* The address that fd is bound to, as socket_name() with the port. */
char	*socket_local(char dst[SOCKET_NAME_MAX], int fd);

#endif
