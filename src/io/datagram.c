/* datagram - requests that come in one packet, and a socket to talk with each who sent one. */

#include <sys/socket.h>

#include <errno.h>
#include <linux/errqueue.h>
#include <netdb.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

#include "io/datagram.h"
#include "io/wait.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#endif

#define LOST_MAX	64	/* packets caught by chance, between two calls */
#define CONTROL		64	/* bytes of control messages: an address; a length */
#define SEND_TRIES	4	/* calls for one packet, if older errors are told instead */
#define PACKET_COST	1024	/* bytes that the kernel needs for a packet beside its own */

static bool
is_inet6(const struct sockaddr_in6 *sin6)
{
	return sin6->sin6_family == AF_INET6;
}

static socklen_t
address_len(const struct sockaddr_in6 *sin6)
{
	return is_inet6(sin6) ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static bool
same_address(const struct sockaddr_in6 *a, const struct sockaddr_in6 *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->sin6_family != b->sin6_family || a->sin6_port != b->sin6_port)
		return false;
	if (is_inet6(a))
		return IN6_ARE_ADDR_EQUAL(&a->sin6_addr, &b->sin6_addr);
	return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

/* Packets may be cut on their way: small programs in small machines cannot do better. */
static void
set_common(int fd, int family)
{
	const int on = 1, dont = IP_PMTUDISC_DONT, dont6 = IPV6_PMTUDISC_DONT;

	if (family == AF_INET6) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &dont6, sizeof(dont6));
	} else
		(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont, sizeof(dont));
}

static int
listen_on(const struct addrinfo *ai, bool shared)
{
	const int on = 1;
	int fd, saved;

	fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	set_common(fd, ai->ai_family);
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	/* Shared only after bind(2), which thus fails where another server is. */
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0))
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

/* A kept one, or a new one. */
static int
keep_or_listen(const struct socket_kept *kept, const struct addrinfo *ai, bool shared)
{
	int fd = socket_find_kept(kept, ai->ai_addr, SOCK_DGRAM), on = shared;

	if (fd == -1)
		return listen_on(ai, shared);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));	/* it may have changed */
	return fd;
}

int
datagram_listen(const struct socket_url *url, const char *port, bool shared,
    const struct socket_kept *kept, int *fds, int max)
{
	struct addrinfo *list, *ai;
	int n = 0, error = EHOSTUNREACH;

	if (socket_resolve(url, port, SOCK_DGRAM, AI_PASSIVE, &list) == -1)
		return -1;
	for (ai = list; ai != NULL && n < max; ai = ai->ai_next) {
		if ((fds[n] = keep_or_listen(kept, ai, shared)) != -1) {
			n++;
			continue;
		}
		error = errno;
		/* A kernel without this family is no fault as long as another is served. */
		if (error != EAFNOSUPPORT) {
			while (n-- > 0)
				if (!socket_is_kept(kept, fds[n]))
					(void)close(fds[n]);
			break;
		}
	}
	freeaddrinfo(list);
	errno = error;
	return n > 0 ? n : -1;
}

/* To whom the packet was sent; false where that was not one machine alone. */
static bool
take_local(struct datagram *d, struct msghdr *msg)
{
	struct sockaddr_in *local4 = (void *)&d->local;
	struct cmsghdr *c;
	struct in6_pktinfo info6;
	struct in_pktinfo info;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			local4->sin_addr = info.ipi_spec_dst;
			return info.ipi_spec_dst.s_addr == info.ipi_addr.s_addr;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			d->local.sin6_addr = info6.ipi6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(&info6.ipi6_addr))
				d->local.sin6_scope_id = info6.ipi6_ifindex;
			return !IN6_IS_ADDR_MULTICAST(&info6.ipi6_addr);
		}
	return false;
}

int
datagram_receive(int listener, struct datagram *d)
{
	_Alignas(struct cmsghdr) char control[CONTROL];
	struct iovec iov = { .iov_base = d->bytes, .iov_len = sizeof(d->bytes) };
	struct msghdr msg = {
		.msg_name = &d->peer, .msg_namelen = sizeof(d->peer), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	socklen_t len = sizeof(d->local);
	ssize_t n;

	d->fd = -1;
	d->single = d->whole = false;
	memset(&d->local, 0, sizeof(d->local));
	memset(&d->peer, 0, sizeof(d->peer));
	if ((n = recvmsg(listener, &msg, MSG_TRUNC)) == -1)
		return -1;
	d->len = (size_t)n;
	if (getsockname(listener, (struct sockaddr *)&d->local, &len) == -1)
		return -1;
	if (take_local(d, &msg) && d->peer.sin6_port != 0 && !same_address(&d->peer, &d->local))
		return 0;
	errno = EBADMSG;
	return -1;
}

int
datagram_answer(int listener, const struct datagram *d, const void *bytes, size_t len)
{
	const struct sockaddr_in *local4 = (const void *)&d->local;
	_Alignas(struct cmsghdr) char control[CONTROL] = { 0 };
	struct sockaddr_in6 peer = d->peer;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct msghdr msg = {
		.msg_name = &peer, .msg_namelen = address_len(&peer), .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control,
	};
	struct cmsghdr *c = (void *)control;
	struct in6_pktinfo info6 = { .ipi6_addr = d->local.sin6_addr, .ipi6_ifindex = d->local.sin6_scope_id };
	struct in_pktinfo info = { .ipi_spec_dst = local4->sin_addr };

	if (is_inet6(&peer)) {
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info6));
		memcpy(CMSG_DATA(c), &info6, sizeof(info6));
		msg.msg_controllen = CMSG_SPACE(sizeof(info6));
	} else {
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		msg.msg_controllen = CMSG_SPACE(sizeof(info));
	}
	return sendmsg(listener, &msg, 0) == -1 ? -1 : 0;
}

/* What came before the socket was the peer's alone. */
static void
give_lost(const struct datagram *d, void (*lost)(const struct datagram *, void *), void *arg)
{
	struct datagram other = *d;
	socklen_t len;
	ssize_t n;

	for (int i = 0; i < LOST_MAX; i++) {
		len = sizeof(other.peer);
		memset(&other.peer, 0, sizeof(other.peer));
		n = recvfrom(d->fd, other.bytes, sizeof(other.bytes), MSG_TRUNC,
		    (struct sockaddr *)&other.peer, &len);
		if (n == -1 && (errno == EAGAIN || errno == EBADF))
			return;
		if (n == -1)
			continue;
		other.len = (size_t)n;
		other.fd = -1;
		lost(&other, arg);
	}
}

/* Not connected, so that a packet of somebody else is seen, and answered; the errors of the network
 * are asked for instead. */
static int
open_own(struct datagram *d)
{
	struct sockaddr_in6 local = d->local;
	const int on = 1;

	local.sin6_port = 0;
	if (is_inet6(&local))
		(void)setsockopt(d->fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	else
		(void)setsockopt(d->fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	return bind(d->fd, (struct sockaddr *)&local, address_len(&local));
}

static int
open_single(struct datagram *d)
{
	const int on = 1;

	if (setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		return -1;
	if (bind(d->fd, (struct sockaddr *)&d->local, address_len(&d->local)) == -1)
		return -1;
	return connect(d->fd, (struct sockaddr *)&d->peer, address_len(&d->peer));
}

int
datagram_open(struct datagram *d, bool single, void (*lost)(const struct datagram *, void *), void *arg)
{
	int saved;

	d->fd = socket(d->peer.sin6_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd == -1)
		return -1;
	d->single = single;
	set_common(d->fd, d->peer.sin6_family);
	if ((single ? open_single(d) : open_own(d)) == -1) {
		saved = errno;
		(void)close(d->fd);
		d->fd = -1;
		errno = saved;
		return -1;
	}
	if (single)
		give_lost(d, lost, arg);
	return 0;
}

void
datagram_close(struct datagram *d)
{
	wait_close(d->fd);
	d->fd = -1;
}

/* What a control message of the queue of errors tells, or 0. */
static int
error_in(const struct cmsghdr *c)
{
	struct sock_extended_err error;

	if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
	    !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
		return 0;
	memcpy(&error, CMSG_DATA(c), sizeof(error));
	return (int)error.ee_errno;
}

/* Whether the network has said that nobody is at the peer's port.  What it says of strangers, to
 * whom we have sent something too, is not about this session. */
static bool
is_refused(struct datagram *d, int error)
{
	_Alignas(struct cmsghdr) char control[512];
	struct sockaddr_in6 to;
	struct msghdr msg;
	bool refused = false;

	if (d->single)
		return error == ECONNREFUSED;
	for (int i = 0; i < LOST_MAX; i++) {
		msg = (struct msghdr){
			.msg_name = &to, .msg_namelen = sizeof(to),
			.msg_control = control, .msg_controllen = sizeof(control),
		};
		if (recvmsg(d->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) == -1)
			break;
		if (!same_address(&to, &d->peer))
			continue;
		for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c))
			refused = refused || error_in(c) == ECONNREFUSED;
	}
	return refused;
}

ssize_t
datagram_read(struct datagram *d, void *buffer, size_t size)
{
	struct sockaddr_in6 from;
	socklen_t len = sizeof(from);
	ssize_t n;

	n = recvfrom(d->fd, buffer, size, MSG_TRUNC, (struct sockaddr *)&from, &len);
	if (n == -1) {
		/* EAGAIN too may hide something in the queue of errors. */
		errno = is_refused(d, errno) ? ECONNREFUSED : EAGAIN;
		return -1;
	}
	if (same_address(&from, &d->peer))
		return n;
	d->stranger = from;
	d->stranger_len = (size_t)n;
	errno = EXDEV;
	return -1;
}

/* The address to send to: none where the socket knows it. */
static void
address(struct datagram *d, struct msghdr *msg)
{
	if (d->single)
		return;
	msg->msg_name = &d->peer;
	msg->msg_namelen = address_len(&d->peer);
}

/* An error that a call to send has met may be an older one, told now; then the call is made again.
 * 1: again, 0: lost by the network, -1 with errno. */
static int
after_error(struct datagram *d, int *tries)
{
	int error = errno;

	if (error == EAGAIN)
		return -1;
	if (is_refused(d, error)) {
		errno = ECONNREFUSED;
		return -1;
	}
	return (error == ECONNREFUSED || error == EINTR) && --*tries > 0;
}

int
datagram_send(struct datagram *d, const struct iovec *iov, size_t n)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n };
	int tries = SEND_TRIES, again;

	address(d, &msg);
	while (sendmsg(d->fd, &msg, 0) == -1)
		if ((again = after_error(d, &tries)) != 1)
			return again;
	return 0;
}

/* All in one call, which the kernel takes apart; -1 where it does not. */
static int
send_segments(struct datagram *d, struct iovec (*parts)[2], size_t n)
{
	const uint16_t size = (uint16_t)(parts[0][0].iov_len + parts[0][1].iov_len);
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(size))] = { 0 };
	struct msghdr msg = {
		.msg_iov = parts[0], .msg_iovlen = 2 * n,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = (void *)control;

	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
	address(d, &msg);
	return sendmsg(d->fd, &msg, 0) == -1 ? -1 : (int)n;
}

int
datagram_send_all(struct datagram *d, struct iovec (*parts)[2], size_t n)
{
	struct mmsghdr msgs[DATAGRAM_BATCH];
	int tries = SEND_TRIES, sent;
	size_t i;

	if (n > 1 && !d->whole) {
		if ((sent = send_segments(d, parts, n)) != -1)
			return sent;
		/* Packets that are larger than the network's, or an old kernel. */
		if (errno == EINVAL || errno == EIO || errno == EMSGSIZE || errno == ENOPROTOOPT)
			d->whole = true;
		else if (errno == EAGAIN)
			return -1;
	}
	memset(msgs, 0, n * sizeof(msgs[0]));
	for (i = 0; i < n; i++) {
		msgs[i].msg_hdr.msg_iov = parts[i];
		msgs[i].msg_hdr.msg_iovlen = 2;
		address(d, &msgs[i].msg_hdr);
	}
	while ((sent = sendmmsg(d->fd, msgs, (unsigned)n, 0)) == -1) {
		sent = after_error(d, &tries);
		if (sent != 1)
			return sent == 0 ? (int)n : -1;
	}
	return sent;
}

void
datagram_rebuff(struct datagram *d, const void *bytes, size_t len)
{
	(void)sendto(d->fd, bytes, len, 0, (struct sockaddr *)&d->stranger, address_len(&d->stranger));
}

size_t
datagram_room(struct datagram *d, size_t bytes, size_t size)
{
	int want = (int)bytes, have = 0;
	socklen_t len = sizeof(have);

	(void)setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof(want));
	if (getsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &have, &len) == -1)
		return 1;
	return (size_t)have / (2 * size + PACKET_COST);
}
