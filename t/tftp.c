/* tftp - a TFTP client that can be as bad as a network, for the tests.
 *
 * usage: tftp [-2dr] [-H ADDRESS] [-b BLKSIZE] [-w WINDOW] [-o NAME=VALUE]... [-m MODE] [-l N]
 *             [-s SEED] [-P PORT] PORT get|put NAME
 *        tftp [-H ADDRESS] [-P PORT] PORT talk
 *        tftp [-H ADDRESS] [-s SEED] PORT noise
 *
 * get writes the file to its output, put reads it from its input; on standard error they tell
 * "sent=N received=N bytes=N", or the ERROR that came.
 *	-b, -w, -o	options of the request
 *	-m MODE		octet (the default) or netascii
 *	-l N		one packet in N is lost, in either direction
 *	-2		every packet arrives twice, in either direction
 *	-d		only ACKs that are sent arrive twice
 *	-r		packets overtake each other
 *	-s SEED		of all that is left to chance
 *	-P PORT		from this port
 *
 * talk does what its input says, line by line, and tells what came.  Bytes are hexadecimal digits;
 * "text" within quotes is allowed among them.
 *	ask BYTES	sends to PORT
 *	say BYTES	sends to whoever sent the last packet that was heard
 *	stranger BYTES	the same from another port, and tells what comes back there within 300 ms
 *	hear MS		one packet: "3 1 512 own" (opcode, number, bytes behind these, and whether it
 *			came from PORT ("own"), another one, or another address), or "nothing"
 *	text MS		the same, with the bytes behind as text
 *	count MS	how many packets come within that time
 *	fresh		goes on from another port
 *	close		closes the socket, so that what comes is refused by the kernel
 *
 * noise sends datagrams of every length from 0 to 600: random bytes, and the same behind the head of a
 * request, of a block, of an ACK and of an ERROR. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX	65536
#define TIMEOUT_MS	250	/* until the client sends its last packet again */
#define TRIES		60
#define DALLY_MS	600	/* to see whether more comes, once all is there */

enum { RRQ = 1, WRQ, DATA, ACK, ERROR, OACK };

struct packet {
	size_t	len;
	unsigned char bytes[PACKET_MAX];
};

static struct sockaddr_storage server, peer;	/* peer: who answered */
static socklen_t address_len;
static int	 sock = -1, own_port;
static bool	 known;			/* whether peer is */
static bool	 twice, twice_acks, reorder;
static unsigned	 lose;
static uint64_t	 chance = 1;
static unsigned	 sent, received;
static unsigned	 blksize = 512, window = 1;
static const char *mode = "octet";
static char	 options[1024];		/* as they are in the request */
static size_t	 options_len;

static unsigned
pick(unsigned n)
{
	chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(chance >> 33) % n;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

static int
open_socket(int port)
{
	struct sockaddr_storage any = { .ss_family = server.ss_family };
	int fd = socket(server.ss_family, SOCK_DGRAM, 0), room = 4 << 20;

	((struct sockaddr_in *)&any)->sin_port = htons((in_port_t)port);	/* the same place in IPv6 */
	if (fd == -1 || bind(fd, (struct sockaddr *)&any, address_len) == -1)
		err(1, "socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

static void
set_server(const char *address, int port)
{
	struct sockaddr_in *in = (void *)&server;
	struct sockaddr_in6 *in6 = (void *)&server;

	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		address_len = sizeof(*in);
	} else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		address_len = sizeof(*in6);
	} else
		errx(2, "%s: no address", address);
	in->sin_port = htons((in_port_t)port);
}

static bool
same_port(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	return ((const struct sockaddr_in *)a)->sin_port == ((const struct sockaddr_in *)b)->sin_port;
}

/* Whose packet it is: the listening socket's ("own"), another one's of the same machine, or one with
 * an address that was not asked ("elsewhere"). */
static const char *
whose(const struct sockaddr_storage *from)
{
	const struct sockaddr_in *a4 = (const void *)from, *b4 = (const void *)&server;
	const struct sockaddr_in6 *a6 = (const void *)from, *b6 = (const void *)&server;

	if (server.ss_family == AF_INET ? a4->sin_addr.s_addr != b4->sin_addr.s_addr :
	    !IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr))
		return "elsewhere";
	return same_port(from, &server) ? "own" : "other";
}

static void
put_out_to(const struct sockaddr_storage *to, const void *bytes, size_t len)
{
	/* What the peer's kernel refused is told at the next call. */
	while (sendto(sock, bytes, len, 0, (const struct sockaddr *)to, address_len) == -1)
		if (errno != ECONNREFUSED)
			err(1, "sendto");
}

static void
put_out(const void *bytes, size_t len)
{
	put_out_to(known ? &peer : &server, bytes, len);
}

/* A packet on its way out, through whatever the network does to it. */
static void
transmit(const void *bytes, size_t len)
{
	static struct packet held;
	bool copy = twice || (twice_acks && ((const unsigned char *)bytes)[1] == ACK);

	sent++;
	if (lose > 0 && pick(lose) == 0)
		return;
	if (reorder && held.len == 0 && pick(4) == 0) {
		held.len = len;
		memcpy(held.bytes, bytes, len);
		return;
	}
	put_out(bytes, len);
	if (copy)
		put_out(bytes, len);
	if (held.len > 0) {
		put_out(held.bytes, held.len);
		held.len = 0;
	}
}

/* The next packet in, or false after `ms`. */
static bool
receive(struct packet *p, int ms)
{
	static struct packet copy, held;
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	struct sockaddr_storage from;
	int64_t end = now_ms() + ms, left;
	socklen_t len;
	ssize_t n;

	if (copy.len > 0) {
		memcpy(p, &copy, sizeof(copy.len) + copy.len);
		copy.len = 0;
		return true;
	}
	while ((left = end - now_ms()) >= 0) {
		if (poll(&pfd, 1, (int)left) <= 0)
			break;
		len = sizeof(from);
		n = recvfrom(sock, p->bytes, sizeof(p->bytes), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			continue;
		if (known && !same_port(&from, &peer))
			continue;
		peer = from;
		known = true;
		received++;
		p->len = (size_t)n;
		if (lose > 0 && pick(lose) == 0)
			continue;
		if (reorder && held.len == 0 && pick(4) == 0) {
			memcpy(&held, p, sizeof(p->len) + p->len);
			continue;
		}
		if (held.len > 0) {
			memcpy(&copy, &held, sizeof(held.len) + held.len);
			held.len = 0;
		} else if (twice)
			memcpy(&copy, p, sizeof(p->len) + p->len);
		return true;
	}
	if (held.len > 0) {
		memcpy(p, &held, sizeof(held.len) + held.len);
		held.len = 0;
		return true;
	}
	return false;
}

static unsigned
get16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static size_t
put_head(unsigned char *p, unsigned op, unsigned number)
{
	p[0] = 0;
	p[1] = (unsigned char)op;
	p[2] = (unsigned char)(number >> 8);
	p[3] = (unsigned char)number;
	return 4;
}

static void
send_ack(unsigned block)
{
	unsigned char ack[4];

	transmit(ack, put_head(ack, ACK, block));
}

static void
ask(unsigned op, const char *name)
{
	unsigned char packet[2048];
	int len;

	packet[0] = 0;
	packet[1] = (unsigned char)op;
	len = 2 + snprintf((char *)packet + 2, 1000, "%s%c%s%c", name, 0, mode, 0);
	memcpy(packet + len, options, options_len);
	transmit(packet, (size_t)len + options_len);
}

static void
fail_on_error(const struct packet *p)
{
	if (p->len >= 4 && get16(p->bytes) == ERROR)
		errx(3, "error %u: %.*s", get16(p->bytes + 2), (int)(p->len - 4), (const char *)p->bytes + 4);
}

/* The values that the server has agreed to. */
static void
take_oack(const struct packet *p)
{
	const char *s = (const char *)p->bytes + 2, *end = (const char *)p->bytes + p->len, *value;

	blksize = 512;
	window = 1;
	while (s < end) {
		value = s + strlen(s) + 1;
		if (strcmp(s, "blksize") == 0)
			blksize = (unsigned)atoi(value);
		if (strcmp(s, "windowsize") == 0)
			window = (unsigned)atoi(value);
		fprintf(stderr, "%s=%s ", s, value);
		s = value + strlen(value) + 1;
	}
}

/* Sends the request until something comes that answers it. */
static void
begin(unsigned op, const char *name, struct packet *p)
{
	for (int i = 0; i < TRIES; i++) {
		ask(op, name);
		if (!receive(p, TIMEOUT_MS))
			continue;
		fail_on_error(p);
		if (get16(p->bytes) == OACK) {
			take_oack(p);
			return;
		}
		blksize = 512;
		window = 1;
		if (get16(p->bytes) == (op == RRQ ? DATA : ACK))
			return;
	}
	errx(1, "no answer");
}

static void
get(const char *name)
{
	static struct packet p;
	uint64_t got = 0, acked = 0, bytes = 0;
	unsigned tries = 0, ahead;
	bool over = false, told = false, had;

	begin(RRQ, name, &p);
	had = get16(p.bytes) == DATA;
	if (!had)
		send_ack(0);
	while (!over) {
		if (!had && !receive(&p, TIMEOUT_MS)) {
			if (++tries > TRIES)
				errx(1, "nothing comes after block %ju", (uintmax_t)got);
			send_ack((unsigned)got & 0xffff);
			acked = got;
			continue;
		}
		had = false;
		fail_on_error(&p);
		if (get16(p.bytes) != DATA) {
			if (get16(p.bytes) == OACK && got == 0)
				send_ack(0);
			continue;
		}
		ahead = (get16(p.bytes + 2) - (unsigned)(got + 1)) & 0xffff;
		if (ahead != 0) {
			if (ahead < window && !told) {
				told = true;
				send_ack((unsigned)got & 0xffff);
				acked = got;
			}
			continue;
		}
		got++;
		tries = 0;
		told = false;
		bytes += p.len - 4;
		if (fwrite(p.bytes + 4, 1, p.len - 4, stdout) != p.len - 4)
			err(1, "write");
		over = p.len - 4 < blksize;
		if (over || got - acked == window) {
			send_ack((unsigned)got & 0xffff);
			acked = got;
		}
	}
	/* The last ACK may have been lost. */
	while (receive(&p, DALLY_MS))
		if (get16(p.bytes) == DATA)
			send_ack((unsigned)got & 0xffff);
	fprintf(stderr, "sent=%u received=%u bytes=%ju blocks=%ju\n", sent, received, (uintmax_t)bytes,
	    (uintmax_t)got);
}

static char *
read_all(size_t *len)
{
	char *bytes = NULL;
	size_t room = 0, n;

	*len = 0;
	do {
		if (room - *len < 65536 && (bytes = realloc(bytes, room = room * 2 + 65536)) == NULL)
			err(1, NULL);
		n = fread(bytes + *len, 1, room - *len, stdin);
		*len += n;
	} while (n > 0);
	return bytes;
}

static void
send_block(const char *bytes, size_t len, uint64_t block)
{
	static struct packet p;
	size_t at = (size_t)(block - 1) * blksize, n = len - at < blksize ? len - at : blksize;

	put_head(p.bytes, DATA, (unsigned)block & 0xffff);
	memcpy(p.bytes + 4, bytes + at, n);
	transmit(p.bytes, n + 4);
}

static void
put(const char *name)
{
	static struct packet p;
	size_t len;
	char *bytes = read_all(&len);
	uint64_t base = 1, next, last;
	unsigned tries = 0, forward;

	begin(WRQ, name, &p);
	last = len / blksize + 1;
	while (base <= last) {
		for (next = base; next < base + window && next <= last; next++)
			send_block(bytes, len, next);
		for (;;) {
			if (!receive(&p, TIMEOUT_MS)) {
				if (++tries > TRIES)
					errx(1, "nothing comes after block %ju", (uintmax_t)base - 1);
				break;
			}
			fail_on_error(&p);
			if (get16(p.bytes) != ACK)
				continue;
			forward = (get16(p.bytes + 2) - (unsigned)(base - 1)) & 0xffff;
			if (forward >= 1 && forward <= next - base) {
				base += forward;
				tries = 0;
				break;
			}
		}
	}
	while (receive(&p, 100))
		continue;
	fprintf(stderr, "sent=%u received=%u bytes=%zu blocks=%ju\n", sent, received, len, (uintmax_t)last);
	free(bytes);
}

/* ---- talk */

static size_t
parse_bytes(const char *s, unsigned char *dst)
{
	char pair[3] = "";
	size_t n = 0;

	while (*s != '\0' && *s != '\n') {
		if (*s == '"') {
			for (s++; *s != '"' && *s != '\0'; s++)
				dst[n++] = (unsigned char)*s;
			s += *s == '"';
		} else if (isxdigit((unsigned char)s[0]) && isxdigit((unsigned char)s[1])) {
			memcpy(pair, s, 2);
			dst[n++] = (unsigned char)strtoul(pair, NULL, 16);
			s += 2;
		} else if (isspace((unsigned char)*s))
			s++;
		else
			errx(2, "\"%s\": no bytes", s);
	}
	return n;
}

/* What comes at fd within that time, as a line. */
static void
tell(int fd, int ms, bool text)
{
	static struct packet p;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n = -1;
	int64_t end = now_ms() + ms;

	while (n == -1 && end > now_ms() && poll(&pfd, 1, (int)(end - now_ms())) > 0)
		n = recvfrom(fd, p.bytes, sizeof(p.bytes), 0, (struct sockaddr *)&from, &len);
	if (n < 4) {
		puts(n == -1 ? "nothing" : "short");
		return;
	}
	if (fd == sock) {
		peer = from;
		known = true;
	}
	printf("%u ", get16(p.bytes));
	if (text && get16(p.bytes) == OACK) {	/* no number: options */
		for (ssize_t i = 2; i < n; i++)
			putchar(p.bytes[i] == 0 ? ' ' : p.bytes[i]);
		puts("");
		return;
	}
	printf("%u %zd %s", get16(p.bytes + 2), n - 4, whose(&from));
	if (text)
		printf(" %.*s", (int)n - 4, (const char *)p.bytes + 4);
	puts("");
}

static int
count(int ms)
{
	struct pollfd pfd = { .fd = sock, .events = POLLIN };
	static struct packet p;
	int64_t end = now_ms() + ms;
	int n = 0;

	while (end > now_ms() && poll(&pfd, 1, (int)(end - now_ms())) > 0)
		n += recv(sock, p.bytes, sizeof(p.bytes), 0) >= 0;
	return n;
}

static void
talk(void)
{
	static unsigned char bytes[PACKET_MAX];
	char line[4096], word[16];
	const char *rest;
	int skip = 0, fd;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (sscanf(line, "%15s %n", word, &skip) < 1)
			continue;
		rest = line + skip;
		if (strcmp(word, "ask") == 0)
			put_out_to(&server, bytes, parse_bytes(rest, bytes));
		else if (strcmp(word, "say") == 0)
			put_out(bytes, parse_bytes(rest, bytes));
		else if (strcmp(word, "stranger") == 0) {
			fd = open_socket(0);
			(void)sendto(fd, bytes, parse_bytes(rest, bytes), 0,
			    (struct sockaddr *)&peer, address_len);
			tell(fd, 300, true);
			(void)close(fd);
		} else if (strcmp(word, "hear") == 0)
			tell(sock, atoi(rest), false);
		else if (strcmp(word, "text") == 0)
			tell(sock, atoi(rest), true);
		else if (strcmp(word, "count") == 0)
			printf("%d\n", count(atoi(rest)));
		else if (strcmp(word, "close") == 0)
			(void)close(sock);
		else if (strcmp(word, "fresh") == 0) {
			(void)close(sock);
			sock = open_socket(0);
		} else
			errx(2, "%s: no such word", word);
		(void)fflush(stdout);
	}
}

static void
noise(void)
{
	static const unsigned char heads[][4] = {
		{ 0, RRQ, 'a', 0 }, { 0, WRQ, 'a', 0 }, { 0, DATA, 0, 1 }, { 0, ACK, 0, 0 }, { 0, ERROR, 0, 0 },
		{ 0, OACK, 'a', 0 },
	};
	unsigned char bytes[600];
	size_t len, i, h;

	for (len = 0; len <= sizeof(bytes); len++)
		for (h = 0; h <= sizeof(heads) / sizeof(heads[0]); h++) {
			for (i = 0; i < len; i++)
				bytes[i] = (unsigned char)(pick(3) == 0 ? 0 : pick(256));
			if (h > 0)
				memcpy(bytes, heads[h - 1], len < 4 ? len : 4);
			put_out(bytes, len);
			(void)count(0);
		}
}

static void
add_option(const char *name, const char *value)
{
	options_len += (size_t)snprintf(options + options_len, sizeof(options) - options_len, "%s%c%s", name, 0,
	    value) + 1;
	if (options_len > sizeof(options))
		errx(2, "too many options");
	
}

int
main(int argc, char *argv[])
{
	const char *address = "127.0.0.1";
	char *equals;
	int c;

	while ((c = getopt(argc, argv, "2b:dH:l:m:o:P:rs:w:")) != -1)
		switch (c) {
		case '2':
			twice = true;
			break;
		case 'b':
			add_option("blksize", optarg);
			break;
		case 'd':
			twice_acks = true;
			break;
		case 'H':
			address = optarg;
			break;
		case 'l':
			lose = (unsigned)atoi(optarg);
			break;
		case 'm':
			mode = optarg;
			break;
		case 'o':
			if ((equals = strchr(optarg, '=')) == NULL)
				errx(2, "-o takes NAME=VALUE");
			*equals = '\0';
			add_option(optarg, equals + 1);
			break;
		case 'P':
			own_port = atoi(optarg);
			break;
		case 'r':
			reorder = true;
			break;
		case 's':
			chance = strtoull(optarg, NULL, 10);
			break;
		case 'w':
			add_option("windowsize", optarg);
			break;
		default:
			return 2;
		}
	argc -= optind;
	argv += optind;
	if (argc < 2)
		errx(2, "usage: tftp [OPTION]... PORT get|put|talk|noise [NAME]");
	set_server(address, atoi(argv[0]));
	sock = open_socket(own_port);
	if (strcmp(argv[1], "talk") == 0)
		talk();
	else if (strcmp(argv[1], "noise") == 0)
		noise();
	else if (argc == 3 && strcmp(argv[1], "get") == 0)
		get(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "put") == 0)
		put(argv[2]);
	else
		errx(2, "%s: no such thing", argv[1]);
	return fflush(stdout) == 0 ? 0 : 1;
}
