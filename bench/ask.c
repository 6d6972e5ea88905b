/* ask - one client's connection: see ask.h. */

#include "ask.h"
#include "net.h"

#define SINK_MAX	(1024 * 1024)	/* what one discarding recv takes at most */

void
fill(struct conn *c)
{
	ssize_t n;

	if (c->pos > 0) {
		memmove(c->buf, c->buf + c->pos, c->len - c->pos);
		c->len -= c->pos;
		c->pos = 0;
	}
	if (c->len == sizeof(c->buf))
		wrong("a reply line is too long");
	while ((n = read(c->fd, c->buf + c->len, sizeof(c->buf) - c->len)) == -1 && errno == EINTR)
		;
	if (n == -1)
		die("read");
	if (n == 0)
		wrong("the server closed in the middle of a reply");
	c->len += (size_t)n;
}

/* The next line, NUL-terminated, valid until the next read. */
char *
line(struct conn *c)
{
	char *nl, *start;

	while ((nl = memchr(c->buf + c->pos, '\n', c->len - c->pos)) == NULL)
		fill(c);
	start = c->buf + c->pos;
	c->pos = (size_t)(nl + 1 - c->buf);
	*nl = '\0';
	return start;
}

void
expect(const char *got, const char *start)
{
	if (strncmp(got, start, strlen(start)) != 0)
		wrong("\"%s\" came, not \"%s\"", got, start);
}

/* The length in the reply that stands before a file. */
long long
header(struct conn *c)
{
	long long size = -1;
	char *l = line(c), *word;

	if (c->to->proto == COFFER) {
		expect(l, "200 ");
		if ((word = strstr(l, " size=")) == NULL)
			wrong("\"%s\" has no size", l);
		return strtoll(word + 6, NULL, 10);
	}
	if (c->to->proto == LECTURE)
		return strtoll(l, NULL, 10);
	expect(l, "HTTP/1.1 200");
	while (*(l = line(c)) != '\r' && *l != '\0')
		if (strncasecmp(l, "Content-Length:", 15) == 0)
			size = strtoll(l + 15, NULL, 10);
	if (size == -1)
		wrong("a reply without Content-Length");
	return size;
}

/* Drops n bytes (-1: until the end), in the kernel as far as they are not in
 * the buffer yet.  The number dropped. */
long long
discard(struct conn *c, long long n)
{
	long long done = (long long)(c->len - c->pos);

	if (n >= 0 && done > n)
		done = n;
	c->pos += (size_t)done;
	while (n < 0 || done < n) {
		size_t want = n < 0 || n - done > SINK_MAX ? SINK_MAX : (size_t)(n - done);
		ssize_t got = recv(c->fd, NULL, want, MSG_TRUNC);

		if (got == -1)
			die("recv");
		if (got == 0)
			break;
		done += got;
	}
	return done;
}

/* As discard, by reading into the buffer: for few bytes. */
void
skip(struct conn *c, long long n)
{
	while ((long long)(c->len - c->pos) < n) {
		n -= (long long)(c->len - c->pos);
		c->pos = c->len;
		fill(c);
	}
	c->pos += (size_t)n;
}

void
say(int fd, const char *fmt, ...)
{
	char text[8192];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		wrong("a request is too long");
	if (write_all(fd, text, (size_t)n) == -1)
		die("write");
}

void
ftp_expect(struct conn *c, const char *code)
{
	char *l = line(c);

	while (l[0] != '\0' && l[3] == '-')	/* the lines before the last one */
		l = line(c);
	expect(l, code);
}

/* Log in, and leave the data connection in c->fd. */
static void
ftp_open(struct conn *c)
{
	char *l;
	int port;

	ftp_expect(c, "220");
	say(c->fd, "USER anonymous\r\n");
	ftp_expect(c, "331");
	say(c->fd, "PASS bench\r\n");
	ftp_expect(c, "230");
	say(c->fd, "TYPE I\r\n");
	ftp_expect(c, "200");
	say(c->fd, "EPSV\r\n");
	expect(l = line(c), "229");
	if ((l = strstr(l, "|||")) == NULL || (port = atoi(l + 3)) <= 0)
		wrong("no port in the answer to EPSV");
	c->control = c->fd;
	c->fd = connect_to(port, 0);
}

void
conn_open(struct conn *c, const struct target *to, int rcvbuf)
{
	c->to = to;
	c->fd = connect_to(to->port, rcvbuf);
	c->control = -1;
	c->pos = c->len = 0;
	nodelay(c->fd);
	if (c->to->proto == FTP)
		ftp_open(c);
}

void
conn_close(struct conn *c)
{
	close(c->fd);
	if (c->control != -1)
		close(c->control);
}

int
ask_text(char *dst, const struct target *to, int last)
{
	int n;

	if (to->proto == HTTP)
		n = snprintf(dst, ASK_MAX, "GET %s HTTP/1.1\r\nHost: bench\r\n%s\r\n", to->path,
		    last ? "Connection: close\r\n" : "");
	else if (to->proto == LECTURE)
		n = snprintf(dst, ASK_MAX, "G %s\n%s", to->path + 1, last ? "Q\n" : "");
	else
		n = snprintf(dst, ASK_MAX, "GET %s\n%s", to->path, last ? "QUIT\n" : "");
	if (n < 0 || n >= ASK_MAX)
		wrong("a request is too long");
	return n;
}

/* Ask for c->to->path on a fresh connection; length of what follows, -1: until the end. */
long long
request(struct conn *c, int last)
{
	char text[ASK_MAX];

	if (c->to->proto == FTP) {
		say(c->control, "RETR %s\r\n", c->to->path);
		return -1;
	}
	if (write_all(c->fd, text, (size_t)ask_text(text, c->to, last)) == -1)
		die("write");
	if (c->to->proto == COFFER)
		expect(line(c), "200 coffer=");
	return header(c);
}
