/* control - the socket by which an administrator talks to the master. */

#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/control.h"

#define BACKLOG		128
#define DENIED		"{\"status\":\"denied\"}"
#define NO_REQUEST	"{\"status\":\"usage\",\"lines\":[\"a request is one line of text\"]}"

enum state {
	ASKING,		/* its request is not complete */
	WAITING,	/* complete, but there are too many bytes of other replies about */
	HELD,		/* the caller replies later */
	TAKING,		/* the reply is being sent */
	KEPT,		/* nothing more but the end */
	GONE		/* closed; freed when nobody looks at the list */
};

struct control_client {
	TAILQ_ENTRY(control_client) entry;
	struct control	*control;
	int		 fd;
	enum state	 state;
	int		 occasion;	/* HELD */
	bool		 keep;
	int64_t		 deadline;
	char		 line[CONTROL_LINE_MAX];
	size_t		 len;
	char		*reply;
	size_t		 sent, size;
};
TAILQ_HEAD(client_list, control_client);

struct control {
	int		 fd;
	char		*path;
	control_serve	*serve;
	void		*arg;
	size_t		 clients, bytes;	/* of replies that are not taken */
	struct client_list list;
};

static int
address(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) < sizeof(sun->sun_path)) {
		memcpy(sun->sun_path, path, strlen(path));
		return 0;
	}
	errno = ENAMETOOLONG;
	return -1;
}

/* Whether somebody listens there. */
static bool
is_live(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool live = fd == -1 || connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ||
	    errno != ECONNREFUSED;

	if (fd != -1)
		(void)close(fd);
	return live;
}

/* 0 where the place is free, by now. */
static int
clear_place(const struct sockaddr_un *sun, char why[CONTROL_WHY])
{
	const char *path = sun->sun_path, *what = NULL;
	struct stat st;

	if (lstat(path, &st) == -1 && errno == ENOENT)
		return 0;
	if (lstat(path, &st) == -1)
		what = strerror(errno);
	else if (!S_ISSOCK(st.st_mode))
		what = "there is a file that is no socket";
	else if (st.st_uid != geteuid())
		what = "the socket that is there is another user's";
	else if (is_live(sun))
		what = "another server listens there";
	else if (unlink(path) == -1)
		what = strerror(errno);
	if (what == NULL)
		return 0;
	(void)snprintf(why, CONTROL_WHY, "control: %s: %s", path, what);
	return -1;
}

void
control_clear(const char *path)
{
	struct sockaddr_un sun;
	char why[CONTROL_WHY];

	if (address(&sun, path) == 0)
		(void)clear_place(&sun, why);
}

void
control_sweep(const char *dir, const char *prefix)
{
	const struct dirent *entry;
	char path[PATH_MAX];
	DIR *d;

	if ((d = opendir(dir)) == NULL)
		return;
	while ((entry = readdir(d)) != NULL) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		control_clear(path);
	}
	(void)closedir(d);
}

static int
listen_at(const char *path, char why[CONTROL_WHY])
{
	struct sockaddr_un sun;
	mode_t before;
	int fd, bound;

	if (address(&sun, path) == -1) {
		(void)snprintf(why, CONTROL_WHY, "control: %s: %s", path, strerror(errno));
		return -1;
	}
	if (clear_place(&sun, why) == -1)
		return -1;
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) == -1) {
		(void)snprintf(why, CONTROL_WHY, "control: %s", strerror(errno));
		return -1;
	}
	before = umask(0177);
	bound = bind(fd, (struct sockaddr *)&sun, sizeof(sun));
	(void)umask(before);
	if (bound == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	(void)snprintf(why, CONTROL_WHY, "control: %s: %s", path, strerror(errno));
	(void)close(fd);
	return -1;
}

struct control *
control_open(const char *path, int handed, control_serve *serve, void *arg, char why[CONTROL_WHY])
{
	struct control *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->path = strdup(path)) == NULL) {
		(void)snprintf(why, CONTROL_WHY, "control: %s", strerror(errno));
		if (handed != -1)
			(void)close(handed);
		free(c);
		return NULL;
	}
	TAILQ_INIT(&c->list);
	c->serve = serve;
	c->arg = arg;
	c->fd = handed != -1 ? handed : listen_at(path, why);
	if (c->fd != -1)
		return c;
	free(c->path);
	free(c);
	return NULL;
}

/* Only closes: whoever goes through the list may be above us. */
static void
drop(struct control_client *client)
{
	struct control *c = client->control;

	c->clients--;
	c->bytes -= client->size;
	client->size = 0;
	client->state = GONE;
	client->deadline = CLOCK_NEVER;
	(void)close(client->fd);
	client->fd = -1;
	free(client->reply);
	client->reply = NULL;
}

static void
sweep(struct control *c)
{
	struct control_client *client, *next;

	for (client = TAILQ_FIRST(&c->list); client != NULL; client = next) {
		next = TAILQ_NEXT(client, entry);
		if (client->state != GONE)
			continue;
		TAILQ_REMOVE(&c->list, client, entry);
		free(client);
	}
}

void
control_close(struct control **control, bool unlink_it)
{
	struct control_client *client;
	struct control *c = *control;

	if (c == NULL)
		return;
	/* First the name: whoever sees the end of a connection finds it gone. */
	if (unlink_it)
		(void)unlink(c->path);
	TAILQ_FOREACH(client, &c->list, entry)
		if (client->state != GONE)
			drop(client);
	sweep(c);
	(void)close(c->fd);
	free(c->path);
	free(c);
	*control = NULL;
}

int
control_fd(const struct control *c)
{
	return c->fd;
}

/* Sends what the socket takes; afterwards the client may be gone. */
static void
send_reply(struct control_client *client)
{
	ssize_t n = send(client->fd, client->reply + client->sent, client->size - client->sent,
	    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1) {
		drop(client);
		return;
	}
	client->sent += (size_t)n;
	if (client->sent < client->size)
		return;
	if (!client->keep) {
		drop(client);
		return;
	}
	client->state = KEPT;
	client->deadline = CLOCK_NEVER;
}

void
control_reply(struct control_client *client, char *text, bool keep)
{
	size_t len = text != NULL ? strlen(text) : 0;
	char *line = text != NULL ? realloc(text, len + 2) : NULL;

	if (line == NULL) {
		free(text);
		drop(client);
		return;
	}
	line[len] = '\n';
	client->reply = line;
	client->sent = 0;
	client->size = len + 1;
	client->control->bytes += client->size;
	client->keep = keep;
	client->state = TAKING;
	client->deadline = clock_in(CONTROL_REPLY_MS);
	send_reply(client);
}

int
control_client_fd(const struct control_client *client)
{
	return client->fd;
}

void
control_hold(struct control_client *client, int occasion)
{
	client->state = HELD;
	client->occasion = occasion;
	client->deadline = CLOCK_NEVER;
}

void
control_regroup(struct control *c, int from, int to)
{
	struct control_client *client;

	if (c == NULL)
		return;
	TAILQ_FOREACH(client, &c->list, entry)
		if (client->state == HELD && client->occasion == from)
			client->occasion = to;
}

struct control_client *
control_held(struct control *c, int occasion)
{
	struct control_client *client;

	if (c == NULL)
		return NULL;
	TAILQ_FOREACH(client, &c->list, entry)
		if (client->state == HELD && client->occasion == occasion)
			break;
	return client;
}

/* Only root and our own user may ask; the file's mode says so already, but not of a descriptor that
 * was passed on. */
static bool
is_allowed(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	    (peer.uid == 0 || peer.uid == geteuid());
}

static void
take_clients(struct control *c)
{
	struct control_client *client;
	int fd;

	while (c->clients < CONTROL_CLIENTS_MAX &&
	    (fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) != -1) {
		if ((client = calloc(1, sizeof(*client))) == NULL) {
			(void)close(fd);
			return;
		}
		client->control = c;
		client->fd = fd;
		client->deadline = clock_in(CONTROL_REQUEST_MS);
		TAILQ_INSERT_TAIL(&c->list, client, entry);
		c->clients++;
		if (!is_allowed(fd))
			control_reply(client, strdup(DENIED), false);
	}
}

/* The request is complete: serves it, or lets it wait for room. */
static void
serve(struct control_client *client)
{
	struct control *c = client->control;

	client->state = WAITING;
	client->deadline = CLOCK_NEVER;	/* the others have theirs */
	if (c->bytes > CONTROL_REPLIES_MAX)
		return;
	client->state = HELD;
	c->serve(c->arg, client, client->line);
}

/* The place of the line's end, or of the first byte that has no business in a request. */
static size_t
scan(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (line[i] < 0x20 || line[i] > 0x7e)
			break;
	return i;
}

static void
read_request(struct control_client *client)
{
	ssize_t n = recv(client->fd, client->line + client->len, sizeof(client->line) - client->len,
	    MSG_DONTWAIT);
	size_t end;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(client);
		return;
	}
	client->len += (size_t)n;
	end = scan(client->line, client->len);
	if (end == client->len && client->len < sizeof(client->line))
		return;
	if (end == client->len || client->line[end] != '\n') {
		log_warn("control: a request that is none");
		control_reply(client, strdup(NO_REQUEST), false);
		return;
	}
	client->line[end] = '\0';
	serve(client);
}

/* One step of a client; `ready` is of poll(2). */
static void
turn(struct control_client *client, short ready)
{
	if (client->state == GONE)
		return;
	if (clock_ms() >= client->deadline)
		drop(client);
	else if (client->state == WAITING)
		serve(client);
	else if (ready != 0 && client->state == ASKING)
		read_request(client);
	else if (ready != 0 && client->state == TAKING)
		send_reply(client);
	/* HELD or KEPT: what it says now is for nobody, but that it has gone. */
	else if (ready != 0 && recv(client->fd, client->line, sizeof(client->line), MSG_DONTWAIT) <= 0)
		drop(client);
}

size_t
control_poll(struct control *c, struct pollfd *pfds, int64_t *until)
{
	struct control_client *client;
	size_t n = 0;

	sweep(c);
	/* A full house lets newcomers wait: a negative descriptor is no event. */
	pfds[n++] = (struct pollfd){
		.fd = c->clients < CONTROL_CLIENTS_MAX ? c->fd : -1, .events = POLLIN,
	};
	TAILQ_FOREACH(client, &c->list, entry) {
		pfds[n++] = (struct pollfd){
			.fd = client->fd, .events = client->state == TAKING ? POLLOUT : POLLIN,
		};
		if (client->state == WAITING && c->bytes <= CONTROL_REPLIES_MAX)
			*until = 0;
		if (client->state == WAITING)
			pfds[n - 1].fd = -1;
		if (client->deadline < *until)
			*until = client->deadline;
	}
	return n;
}

void
control_turn(struct control *c, const struct pollfd *pfds, size_t n)
{
	struct control_client *client, *next;
	size_t i = 1;

	for (client = TAILQ_FIRST(&c->list); client != NULL && i < n; client = next, i++) {
		next = TAILQ_NEXT(client, entry);
		turn(client, pfds[i].revents);
	}
	if (pfds[0].revents != 0)
		take_clients(c);
}
