/* load - clients that change a tree in all ways that there are, and note what they have begun and
 * what was acknowledged (see expect.h).
 *
 * usage: load [-k] [-c CLIENTS] [-i NUMBER] [-n REQUESTS] [-s SEED] [-j JOURNAL | -f FAULTS]
 *     [-t SECONDS] PORT
 *	-i	be this one client, that has been there before, and been killed: in the process itself
 *	-j	notes are lines of this file; with -f, records of the log of a layer (faults.h)
 *	-k	connections are expected to break: connect again, and resume
 *	-t	end after that time at the latest
 *
 * Each client is a process; it has a folder of its own, and there is one that all of them make.
 * What one seed does is the same each time, as far as nothing breaks. */

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"
#include "talk.h"

#define NAMES		8		/* of each client */
#define LARGEST		4000000		/* goes by a pipe into the file, as does its half */
#define BREAKS_MAX	1000		/* times that one client connects again */

static const size_t sizes[] = { 0, 1, 100, 4096, 5000, 5000, 20000, 70000, 70000, 300000, 1500000,
	LARGEST };

struct name {
	char	path[40];
	bool	sure;			/* we know what is there */
	bool	there;
	char	hex[DIGEST_HEX];
};

struct client {
	unsigned	 me, number;
	uint64_t	 dice;
	struct talk	 talk;
	struct name	 name[NAMES];
	char		*data;
	size_t		 size;
	char		 hex[DIGEST_HEX];
	unsigned	 breaks, resumed, acknowledged;
};

static struct faults	*log_file;
static int		 journal = -1;
static bool		 breaks_expected, again;
static unsigned		 port;
static time_t		 end;

static void
note(const char *format, ...)
{
	char line[1024];
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(line, sizeof(line) - 1, format, ap);
	va_end(ap);
	if (log_file != NULL)
		faults_note(log_file, line);
	line[len++] = '\n';
	if (journal != -1 && write(journal, line, (size_t)len) != len)
		exit(2);
}

static void
acknowledged(struct client *c, unsigned number)
{
	note("a %u %u", c->me, number);
	c->acknowledged++;
}

static unsigned
dice(struct client *c, unsigned n)
{
	return noise_below(&c->dice, n);
}

/* New bytes, not more than that. */
static void
prepare(struct client *c, size_t max)
{
	struct digest digest;

	c->size = sizes[dice(c, sizeof(sizes) / sizeof(sizes[0]))];
	if (c->size > 1)
		c->size -= dice(c, (unsigned)c->size / 4 + 1);
	c->size = c->size < max ? c->size : max;
	noise_fill(c->data, c->size, noise_next(&c->dice));
	digest_of(c->data, c->size, &digest);
	digest_hex(&digest, c->hex);
}

static void	refused(struct client *, const char *what, const char *reply);

/* The connection broke: a new one.  Without any, that is the end of this client. */
static void
broken(struct client *c, const char *what)
{
	if (!breaks_expected)
		refused(c, what, NULL);
	talk_close(&c->talk);
	if (c->breaks++ == BREAKS_MAX || talk_open(&c->talk, port, 15000) == -1) {
		fprintf(stderr, "load: client %u: no connection any more; %u acknowledged\n", c->me, c->acknowledged);
		exit(3);
	}
}

/* An answer that should not be; but where connections break, they may break with a word of it. */
static void
refused(struct client *c, const char *what, const char *reply)
{
	if (breaks_expected && reply != NULL && strncmp(reply, "503 ", 4) == 0) {
		broken(c, what);
		return;
	}
	fprintf(stderr, "load: client %u: %s: %s\n", c->me, what, reply == NULL ? "no answer" : reply);
	exit(1);
}

static void
now_is(struct name *n, const char *hex)
{
	n->sure = true;
	n->there = hex != NULL;
	if (hex != NULL)
		memcpy(n->hex, hex, DIGEST_HEX);
}

/* --- uploads */

/* What a PUT says besides its size. */
static void
options(struct client *c, const struct name *n, char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	if (dice(c, 2) == 0)
		len += (size_t)snprintf(text + len, size - len, " sha256=%s", c->hex);
	if (dice(c, 4) == 0)
		len += (size_t)snprintf(text + len, size - len, " mtime=%u.25", 1000000000 + dice(c, 1000000));
	if (dice(c, 4) == 0)
		len += (size_t)snprintf(text + len, size - len, " mode=%s", dice(c, 2) == 0 ? "600" : "444");
	if (!breaks_expected && n->sure && n->there && dice(c, 4) == 0)
		(void)snprintf(text + len, size - len, " if=sha256:%s", n->hex);
	else if (!breaks_expected && n->sure && !n->there && dice(c, 2) == 0)
		(void)snprintf(text + len, size - len, " if=new");
}

static int
send_plain(struct client *c, const char *path, const char *more)
{
	if (talk_say(&c->talk, "PUT %s size=%zu%s\n", path, c->size, more) == -1)
		return -1;
	return talk_send(&c->talk, c->data, c->size);
}

static int
send_chunked(struct client *c, const char *path, const char *more)
{
	size_t at, len;

	if (talk_say(&c->talk, "PUT %s size=*%s\n", path, more) == -1)
		return -1;
	for (at = 0; at < c->size; at += len) {
		len = 1 + dice(c, 100000);
		len = c->size - at < len ? c->size - at : len;
		if (talk_say(&c->talk, "%zx\n", len) == -1 || talk_send(&c->talk, c->data + at, len) == -1)
			return -1;
	}
	return talk_say(&c->talk, "0\n");
}

/* Goes on where the server says; stops before `stop`. */
static int
send_resumed(struct client *c, const char *path, size_t stop)
{
	const char *line;
	size_t from;

	if (talk_say(&c->talk, "PUT %s size=%zu sha256=%s resume\n", path, c->size, c->hex) == -1)
		return -1;
	if (talk_reply(&c->talk, &line) != 100)
		return line == NULL ? -1 : 1;
	from = (size_t)talk_number(line, "from=");
	c->resumed += from > 0;
	if (from < stop && talk_send(&c->talk, c->data + from, stop - from) == -1)
		return -1;
	return 0;
}

/* The other tries of an upload that broke. */
static void
put_again(struct client *c, struct name *n, unsigned number)
{
	const char *line;

	for (;;) {
		broken(c, "PUT");
		if (send_resumed(c, n->path, c->size) == 0 && talk_reply(&c->talk, &line) == 201)
			break;
		if (time(NULL) > end)
			exit(0);
	}
	acknowledged(c, number);
	now_is(n, c->hex);
}

static void
put(struct client *c)
{
	struct name *n = &c->name[dice(c, NAMES)];
	unsigned number = c->number++, how = dice(c, 6);
	char more[256];
	const char *line = NULL;
	int sent;

	prepare(c, LARGEST);
	options(c, n, more, sizeof(more));
	note("b %u %u put %s %s", c->me, number, n->path, c->hex);
	n->sure = false;
	if (how == 0 && c->size > 1) {		/* breaks off, and goes on */
		if (send_resumed(c, n->path, c->size / 2) == 0) {
			talk_close(&c->talk);
			if (talk_open(&c->talk, port, 15000) == -1)
				broken(c, "connect");
		}
		sent = send_resumed(c, n->path, c->size);
	} else
		sent = how == 1 ? send_chunked(c, n->path, more) : send_plain(c, n->path, more);
	if (sent == 0 && talk_reply(&c->talk, &line) == 201) {
		acknowledged(c, number);
		now_is(n, c->hex);
	} else if (sent == 0 && line != NULL)
		refused(c, "PUT", line);
	else
		put_again(c, n, number);
}

/* Several at once, under names that differ; answered in order. */
static void
put_many(struct client *c)
{
	char hex[NAMES][DIGEST_HEX];
	unsigned first = c->number, count = 2 + dice(c, NAMES - 2), i;
	const char *line;

	for (i = 0; i < count; i++) {
		prepare(c, 30000);	/* so that nobody waits for the other to read */
		memcpy(hex[i], c->hex, DIGEST_HEX);
		note("b %u %u put %s %s", c->me, c->number++, c->name[i].path, c->hex);
		c->name[i].sure = false;
		if (send_plain(c, c->name[i].path, "") == -1)
			break;
	}
	for (i = 0; i < count; i++) {
		if (talk_reply(&c->talk, &line) == -1) {
			broken(c, "PUT");
			return;
		}
		if (atoi(line) != 201) {
			refused(c, "PUT", line);
			return;
		}
		acknowledged(c, first + i);
		now_is(&c->name[i], hex[i]);
	}
}

/* Held, and then published together; or the connection breaks before that, and nothing is. */
static void
put_held(struct client *c)
{
	char hex[NAMES][DIGEST_HEX];
	unsigned first = c->number, count = 2 + dice(c, NAMES - 2), i;
	bool breaks = dice(c, 4) == 0;
	const char *line = NULL;

	for (i = 0; i < count; i++) {
		prepare(c, LARGEST);
		memcpy(hex[i], c->hex, DIGEST_HEX);
		note("b %u %u put %s %s", c->me, c->number++, c->name[i].path, c->hex);
		c->name[i].sure = false;
		if (send_plain(c, c->name[i].path, " hold") == -1 || talk_reply(&c->talk, &line) == -1) {
			broken(c, "PUT");
			return;
		}
		if (atoi(line) != 200) {
			refused(c, "PUT", line);
			return;
		}
	}
	if (breaks) {
		talk_close(&c->talk);
		if (talk_open(&c->talk, port, 15000) == -1)
			broken(c, "connect");
		return;
	}
	(void)talk_say(&c->talk, "COMMIT\n");
	if (talk_reply(&c->talk, &line) != -1 && talk_number(line, "published=") != count) {
		refused(c, "COMMIT", line);
		return;
	}
	if (line == NULL || talk_line(&c->talk) == NULL) {
		broken(c, "COMMIT");
		return;
	}
	for (i = 0; i < count; i++) {
		acknowledged(c, first + i);
		now_is(&c->name[i], hex[i]);
	}
}

/* --- the others */

/* A name of which we know what is there; NULL if the dice find none. */
static struct name *
find(struct client *c)
{
	struct name *n = &c->name[dice(c, NAMES)];

	return n->sure && n->there ? n : NULL;
}

static bool
answered(struct client *c, const char *what, unsigned number, int good)
{
	const char *line;
	int code = talk_reply(&c->talk, &line);

	if (code == -1) {
		broken(c, what);
		return false;
	}
	if (code != good) {
		refused(c, what, line);
		return false;
	}
	acknowledged(c, number);
	return true;
}

static void
move_or_copy(struct client *c, bool move)
{
	struct name *from = find(c), *to = &c->name[dice(c, NAMES)];
	unsigned number = c->number;
	char hex[DIGEST_HEX];

	if (from == NULL || from == to)
		return;
	c->number++;
	memcpy(hex, from->hex, DIGEST_HEX);
	if (move)
		note("b %u %u move %s %s %s", c->me, number, from->path, to->path, hex);
	else
		note("b %u %u put %s %s", c->me, number, to->path, hex);
	to->sure = false;
	from->sure = !move;
	(void)talk_say(&c->talk, "%s %s %s\n", move ? "MOVE" : "COPY", from->path, to->path);
	if (!answered(c, move ? "MOVE" : "COPY", number, move ? 200 : 201))
		return;
	now_is(to, hex);
	if (move)
		now_is(from, NULL);
}

static void
delete(struct client *c)
{
	struct name *n = find(c);
	unsigned number = c->number;

	if (n == NULL)
		return;
	c->number++;
	note("b %u %u del %s", c->me, number, n->path);
	n->sure = false;
	(void)talk_say(&c->talk, "DELETE %s\n", n->path);
	if (answered(c, "DELETE", number, 200))
		now_is(n, NULL);
}

/* A folder that others make at the same time, and something in it. */
static void
shared(struct client *c, unsigned which)
{
	unsigned number = c->number;
	const char *line;
	char path[80];
	int code;

	c->number += 2;
	note("b %u %u dir /shared", c->me, number + 1);
	snprintf(path, sizeof(path), "/shared/%u", which);
	note("b %u %u dir %s", c->me, number, path);
	(void)talk_say(&c->talk, "MKDIR %s parents\n", path);
	if ((code = talk_reply(&c->talk, &line)) == -1) {
		broken(c, "MKDIR");
		return;
	}
	if (code != 200 && code != 201) {
		refused(c, "MKDIR", line);
		return;
	}
	acknowledged(c, number);
	acknowledged(c, number + 1);
	number = c->number++;
	snprintf(path, sizeof(path), "/shared/%u/%u", which, c->me);
	prepare(c, LARGEST);
	note("b %u %u put %s %s", c->me, number, path, c->hex);
	if (send_plain(c, path, "") == 0)
		answered(c, "PUT", number, 201);
	else
		broken(c, "PUT");
}

static void
play(struct client *c, unsigned requests, uint64_t seed)
{
	unsigned i, what;

	c->dice = seed * 1000 + c->me;
	c->data = malloc(LARGEST);
	if (talk_open(&c->talk, port, 15000) == -1)
		refused(c, "connect", NULL);
	c->number = (unsigned)time(NULL) * 1000;	/* of one that was there before it has less */
	note("b %u %u dir /%u", c->me, c->number++, c->me);
	(void)talk_say(&c->talk, "MKDIR /%u parents\n", c->me);
	what = (unsigned)talk_reply(&c->talk, NULL);
	if (what == 200 || what == 201)
		acknowledged(c, c->number - 1);
	else
		exit(breaks_expected ? 3 : 1);
	for (i = 0; i < NAMES; i++) {
		snprintf(c->name[i].path, sizeof(c->name[i].path), "/%u/%c", c->me, 'a' + i);
		c->name[i].sure = !again;
	}
	for (i = 0; i < requests && time(NULL) <= end; i++) {
		what = dice(c, 16);
		if (what < 7)
			put(c);
		else if (what < 8)
			put_held(c);
		else if (what < 9)
			put_many(c);
		else if (what < 11)
			move_or_copy(c, false);
		else if (what < 13)
			move_or_copy(c, true);
		else if (what < 15)
			delete(c);
		else
			shared(c, i / 16);
	}
	printf("client %u: %u acknowledged, %u breaks, %u resumed\n", c->me, c->acknowledged, c->breaks, c->resumed);
}

int
main(int argc, char **argv)
{
	static struct client client;
	unsigned clients = 4, requests = 50, i;
	uint64_t seed = 1;
	int c, status, worst = 0, me = -1;
	long seconds = 600;

	while ((c = getopt(argc, argv, "kc:i:n:s:j:f:t:")) != -1)
		switch (c) {
		case 'k':	breaks_expected = true; break;
		case 'c':	clients = (unsigned)atoi(optarg); break;
		case 'i':	me = atoi(optarg); break;
		case 'n':	requests = (unsigned)atoi(optarg); break;
		case 's':	seed = strtoull(optarg, NULL, 10); break;
		case 't':	seconds = atol(optarg); break;
		case 'f':
			if ((log_file = faults_map(optarg)) == NULL)
				return 2;
			break;
		case 'j':
			if ((journal = open(optarg, O_WRONLY | O_CREAT | O_APPEND, 0600)) == -1)
				return 2;
			break;
		default:	return 2;
		}
	if (optind != argc - 1)
		return 2;
	port = (unsigned)atoi(argv[optind]);
	end = time(NULL) + seconds;
	if (me != -1) {
		client.me = (unsigned)me;
		again = true;
		play(&client, requests, seed);
		return 0;
	}
	for (i = 0; i < clients; i++)
		if (fork() == 0) {
			client.me = i;
			play(&client, requests, seed);
			exit(0);
		}
	for (i = 0; i < clients; i++)
		if (wait(&status) == -1 || !WIFEXITED(status) || WEXITSTATUS(status) > worst)
			worst = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	return worst;
}
