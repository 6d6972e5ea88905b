/* talk - a plain blocking client. */

#include "talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int
dial(unsigned port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	const struct timeval limit = { .tv_sec = TALK_LIMIT_S };
	const int one = 1;
	int fd;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0)
		return fd;
	close(fd);
	return -1;
}

int
talk_open(struct talk *t, unsigned port, int within_ms)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

	t->port = port;
	for (int waited = 0; waited <= within_ms; waited += 10) {
		t->begin = t->end = 0;
		if ((t->fd = dial(port)) != -1) {
			if (talk_reply(t, NULL) == 200)
				return 0;
			talk_close(t);
		}
		nanosleep(&pause, NULL);
	}
	return -1;
}

void
talk_close(struct talk *t)
{
	if (t->fd != -1)
		close(t->fd);
	t->fd = -1;
}

int
talk_send(struct talk *t, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	while (len > 0) {
		n = send(t->fd, p, len, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int
talk_say(struct talk *t, const char *format, ...)
{
	char line[TALK_LINE];
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	return talk_send(t, line, (size_t)len);
}

static int
fill(struct talk *t)
{
	ssize_t n;

	if (t->begin > 0) {
		memmove(t->buffer, t->buffer + t->begin, t->end - t->begin);
		t->end -= t->begin;
		t->begin = 0;
	}
	do
		n = recv(t->fd, t->buffer + t->end, sizeof(t->buffer) - t->end, 0);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return -1;
	t->end += (size_t)n;
	return 0;
}

const char *
talk_line(struct talk *t)
{
	char *line, *end;

	for (;;) {
		line = t->buffer + t->begin;
		if ((end = memchr(line, '\n', t->end - t->begin)) != NULL)
			break;
		if (t->end - t->begin >= TALK_LINE || fill(t) == -1)
			return NULL;
	}
	*end = '\0';
	t->begin = (size_t)(end + 1 - t->buffer);
	return line;
}

int
talk_reply(struct talk *t, const char **line)
{
	const char *reply = talk_line(t);

	if (line != NULL)
		*line = reply;
	return reply == NULL ? -1 : atoi(reply);
}

int
talk_read(struct talk *t, void *data, size_t len)
{
	char *p = data;
	size_t n;

	while (len > 0) {
		if (t->begin == t->end && fill(t) == -1)
			return -1;
		n = t->end - t->begin < len ? t->end - t->begin : len;
		memcpy(p, t->buffer + t->begin, n);
		t->begin += n;
		p += n;
		len -= n;
	}
	return 0;
}

int64_t
talk_number(const char *line, const char *key)
{
	const char *at = line == NULL ? NULL : strstr(line, key);

	return at == NULL ? -1 : strtoll(at + strlen(key), NULL, 10);
}

/* splitmix64 */
uint64_t
noise_next(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

unsigned
noise_below(uint64_t *state, unsigned n)
{
	return (unsigned)(noise_next(state) >> 33) % n;
}

void
noise_fill(char *p, size_t len, uint64_t number)
{
	uint64_t state = number, word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		word = noise_next(&state);
		memcpy(p + i, &word, len - i < sizeof(word) ? len - i : sizeof(word));
	}
}
