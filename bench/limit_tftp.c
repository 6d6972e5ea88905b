/* limit_tftp - what sending a file by TFTP costs at least: one read for many blocks, one send for a
 * window, one receive for its ACK.  Trusts its client in everything, and loses nothing.
 *
 * usage: limit_tftp FILE */

#include <fcntl.h>
#include <netinet/udp.h>
#include <sys/stat.h>

#include "net.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#endif

#define SEND_MAX	65000	/* bytes of one call to send */

static char packet[2 * SEND_MAX];

/* The value of an option in the request, or what it is without. */
static long
option(const char *request, size_t len, const char *name, long otherwise)
{
	const char *at = memmem(request, len, name, strlen(name) + 1);

	return at != NULL ? atol(at + strlen(name) + 1) : otherwise;
}

static void
serve(int from, const struct sockaddr_in *peer, const char *request, size_t len)
{
	long blksize = option(request, len, "blksize", 512), window = option(request, len, "windowsize", 1);
	struct sockaddr_in any = loopback(0);
	uint64_t block = 1, last, w;
	struct stat st;
	size_t size = 0;
	char ack[512];
	int fd = socket(AF_INET, SOCK_DGRAM, 0), segment = (int)blksize + 4;

	if (fd == -1 || bind(fd, (struct sockaddr *)&any, sizeof(any)) == -1 ||
	    connect(fd, (const struct sockaddr *)peer, sizeof(*peer)) == -1 || fstat(from, &st) == -1)
		die("socket");
	last = (uint64_t)st.st_size / (uint64_t)blksize + 1;
	size = (size_t)sprintf(packet, "%c%cblksize%c%ld%cwindowsize%c%ld", 0, 6, 0, blksize, 0, 0, window) + 1;
	if (send(fd, packet, size, 0) == -1 || recv(fd, ack, sizeof(ack), 0) == -1)
		die("OACK");
	(void)setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	while (block <= last) {
		for (w = 0, size = 0; w < (uint64_t)window && block <= last; w++, block++) {
			char *p = packet + size;
			ssize_t n = pread(from, p + 4, (size_t)blksize, (off_t)(block - 1) * blksize);

			p[0] = 0;
			p[1] = 3;
			p[2] = (char)(block >> 8);
			p[3] = (char)block;
			size += 4 + (size_t)n;
			if (size + (size_t)segment > SEND_MAX) {
				if (send(fd, packet, size, 0) == -1)
					die("send");
				size = 0;
			}
		}
		if ((size > 0 && send(fd, packet, size, 0) == -1) || recv(fd, ack, sizeof(ack), 0) == -1)
			die("block");
	}
	close(fd);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in sin = loopback(0), peer;
	socklen_t len = sizeof(sin);
	char request[512];
	int fd = socket(AF_INET, SOCK_DGRAM, 0), from;
	ssize_t n;

	bounded();
	if (argc != 2 || (from = open(argv[1], O_RDONLY)) == -1)
		wrong("usage: limit_tftp FILE");
	if (fd == -1 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		die("bind");
	printf("port %d\n", ntohs(sin.sin_port));
	fflush(stdout);
	for (;;) {
		len = sizeof(peer);
		if ((n = recvfrom(fd, request, sizeof(request), 0, (struct sockaddr *)&peer, &len)) > 2)
			serve(from, &peer, request, (size_t)n);
	}
}
