/* ask - finding the server's control socket, and one question over it. */

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nitems.h"
#include "base/rundir.h"
#include "ctl/ctl.h"

#define REPLY_MAX	(64 * 1024 * 1024)	/* bytes */

/* A connected socket, or -1 with errno. */
static int
dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, saved;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, strlen(path));
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return -1;
}

static enum ctl_exit
say_unreachable(const char *path)
{
	if (errno == EACCES || errno == EPERM) {
		ctl_say("%s: only root and the user of the server may ask it", path);
		return DENIED;
	}
	ctl_say("%s: %s", path, errno == ECONNREFUSED ? "the server that made it has gone" :
	    strerror(errno));
	return FAILED;
}

/* Takes one more candidate: whether it is the first that lives. */
static void
consider(const char *dir, const char *name, char path[CTL_SOCKET_MAX], unsigned *found)
{
	char candidate[PATH_MAX];
	int fd;

	(void)snprintf(candidate, sizeof(candidate), "%s/%s", dir, name);
	if (strlen(candidate) >= CTL_SOCKET_MAX)
		return;
	if ((fd = dial(candidate)) == -1 && errno != EACCES)
		return;
	if (fd != -1)
		(void)close(fd);
	if (*found == 1)
		ctl_say("several servers run here; name the one that is meant:\n  -s %s", path);
	if (*found > 0)
		(void)fprintf(stderr, "  -s %s\n", candidate);
	memcpy(path, candidate, strlen(candidate) + 1);
	(*found)++;
}

static enum ctl_exit
look_into(const char *dir, char path[CTL_SOCKET_MAX])
{
	const struct dirent *entry;
	unsigned found = 0;
	DIR *d;

	if ((d = opendir(dir)) == NULL) {
		if (errno == ENOENT)
			ctl_say("no server of yours runs here: there is no folder %s", dir);
		else
			ctl_say("%s: %s", dir, strerror(errno));
		return errno == EACCES ? DENIED : FAILED;
	}
	while ((entry = readdir(d)) != NULL)
		if (strncmp(entry->d_name, RUNDIR_PREFIX, strlen(RUNDIR_PREFIX)) == 0)
			consider(dir, entry->d_name, path, &found);
	(void)closedir(d);
	if (found == 0)
		ctl_say("no server of yours runs here: there is no control socket in %s", dir);
	return found == 1 ? DONE : found == 0 ? FAILED : USAGE;
}

enum ctl_exit
ctl_find(char path[CTL_SOCKET_MAX], const char *wish)
{
	char dir[PATH_MAX];
	struct stat st;

	if (wish == NULL) {
		if (rundir_name(dir, sizeof(dir)) == 0)
			return look_into(dir, path);
		ctl_say("%s", strerror(errno));
		return FAILED;
	}
	if (stat(wish, &st) == 0 && S_ISDIR(st.st_mode))
		return look_into(wish, path);
	if (strlen(wish) < CTL_SOCKET_MAX) {
		memcpy(path, wish, strlen(wish) + 1);
		return DONE;
	}
	ctl_say("%s: %s", wish, strerror(ENAMETOOLONG));
	return USAGE;
}

/* The first line, without its end, or NULL with errno; free(3) it. */
static char *
read_line(int fd)
{
	char *text = NULL, *more, *end;
	size_t len = 0, room = 0;
	ssize_t n;

	for (;;) {
		if (room - len < 4096) {
			room = room * 2 + 65536;
			if (room > REPLY_MAX || (more = realloc(text, room)) == NULL)
				break;
			text = more;
		}
		do
			n = recv(fd, text + len, room - len, 0);
		while (n == -1 && errno == EINTR);
		if (n <= 0) {
			errno = n == 0 ? ECONNRESET : errno;
			break;
		}
		if ((end = memchr(text + len, '\n', (size_t)n)) != NULL) {
			*end = '\0';
			return text;
		}
		len += (size_t)n;
	}
	free(text);
	return NULL;
}

static void
await_end(int fd)
{
	const struct timeval none = { 0 };
	char byte;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	while (recv(fd, &byte, 1, 0) > 0 || errno == EINTR)
		errno = 0;
}

/* The exit code that a status stands for. */
static enum ctl_exit
exit_of(const char *status)
{
	static const struct { const char *word; enum ctl_exit code; } words[] = {
		{ "done", DONE }, { "error", FAILED }, { "denied", DENIED }, { "usage", USAGE },
		{ "missing", NO_TARGET },
	};

	for (size_t i = 0; i < nitems(words); i++)
		if (strcmp(words[i].word, status) == 0)
			return words[i].code;
	return FAILED;
}

static enum ctl_exit
judge(json_t **reply, const char *path, char *text)
{
	const char *status;

	if (text == NULL) {
		ctl_say("%s: %s", path, errno == EAGAIN ? "the server does not answer" :
		    errno == ECONNRESET ? "the server has ended" : strerror(errno));
		return FAILED;
	}
	if ((*reply = json_loads(text, 0, NULL)) == NULL ||
	    (status = json_string_value(json_object_get(*reply, "status"))) == NULL) {
		ctl_say("%s: this is no answer of cofferd", path);
		return FAILED;
	}
	if (exit_of(status) == DENIED)
		ctl_say("%s: only root and the user of the server may ask it", path);
	return exit_of(status);
}

enum ctl_exit
ctl_ask(json_t **reply, const char *path, const char *request, unsigned seconds, bool until_end)
{
	const struct timeval patience = { .tv_sec = (time_t)seconds };
	enum ctl_exit code;
	char line[1024], *text;
	int fd, len;

	*reply = NULL;
	if ((fd = dial(path)) == -1)
		return say_unreachable(path);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	len = snprintf(line, sizeof(line), "%s\n", request);
	if (len < 0 || (size_t)len >= sizeof(line)) {
		ctl_say("this is too long");
		(void)close(fd);
		return USAGE;
	}
	(void)send(fd, line, (size_t)len, MSG_NOSIGNAL);	/* a fault of this is the reply's, too */
	text = read_line(fd);
	code = judge(reply, path, text);
	if (code == DONE && until_end)
		await_end(fd);
	free(text);
	(void)close(fd);
	return code;
}
