/* datagram - requests that come in one packet, and a socket to talk with each who sent one.
 * Knows addresses, and which packets are whose; knows no protocol. */

#ifndef IO_DATAGRAM_H
#define IO_DATAGRAM_H

#include <netinet/in.h>
#include <sys/uio.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "io/socket.h"

#define DATAGRAM_MAX	512	/* bytes of a first packet that are kept */
#define DATAGRAM_BATCH	64	/* packets that datagram_send_all() takes at most */

struct datagram {
	int	fd;			/* the socket to talk with the peer; -1: none */
	bool	single;			/* it has the port of the listening socket, and one peer only */
	bool	whole;			/* no packet sent by it is split on the way: segments are refused */
	struct sockaddr_in6 peer;	/* who sent the packet, or any shorter address */
	struct sockaddr_in6 local;	/* to whom, with the listening socket's port */
	struct sockaddr_in6 stranger;	/* who sent the last packet that was not the peer's */
	size_t	stranger_len;		/* of that packet */
	size_t	len;			/* of the first packet, which may be more than was kept */
	char	bytes[DATAGRAM_MAX];
};

/* Listening sockets for url, as socket_listen().  With `shared`, datagram_open() can make sockets
 * with the same port; two servers cannot, all the same. */
int	datagram_listen(const struct socket_url *, const char *port, bool shared,
	    const struct socket_kept *, int *fds, int max);

/* The next packet of a listening socket, with both addresses; fd is -1.  0, or -1 with errno: EAGAIN
 * if there is none, EBADMSG for one that nobody may answer (sent to many, or by nobody). */
int	datagram_receive(int listener, struct datagram *);

/* Makes d->fd: with a port that the kernel chooses, or (`single`) that of the listening socket, on
 * the address that was asked.  0, or -1 with errno.
 * A single one gets its peer's packets because the kernel prefers a connected socket.  Between
 * bind(2) and connect(2) it may catch a packet that was meant for the listening socket; `lost` is
 * called for each of these, and takes a copy if it has use for it. */
int	datagram_open(struct datagram *, bool single,
	    void (*lost)(const struct datagram *, void *arg), void *arg);

/* Closes the socket; the peer's next packets go where they would go without it. */
void	datagram_close(struct datagram *);

/* One packet from a listening socket to who sent the one in *d, from the address that was asked. */
int	datagram_answer(int listener, const struct datagram *, const void *, size_t len);

/* The next packet of the peer.  Its length (more than `size`: it was cut), or -1 with errno:
 * EAGAIN; ECONNREFUSED (there is nobody at the peer's port any more); EXDEV (somebody else sent
 * one, and is d->stranger now). */
ssize_t	datagram_read(struct datagram *, void *, size_t size);

/* One packet to the peer.  What the network loses is no fault; ECONNREFUSED as above, EAGAIN where
 * the socket's buffer is full. */
int	datagram_send(struct datagram *, const struct iovec *, size_t n);

/* `n` packets to the peer (up to DATAGRAM_BATCH, 65,000 bytes together), each of two parts; all but
 * the last have one length.  How many were sent, or -1 as datagram_send(). */
int	datagram_send_all(struct datagram *, struct iovec (*parts)[2], size_t n);

/* One packet to d->stranger. */
void	datagram_rebuff(struct datagram *, const void *, size_t len);

/* Makes room for `bytes` that come before they are read.  How many packets of `size` bytes fit. */
size_t	datagram_room(struct datagram *, size_t bytes, size_t size);

#endif
