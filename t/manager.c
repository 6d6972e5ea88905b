/* manager - starts a program as a service manager does.
 *
 * usage: manager [-n NOTIFY] [-o FILE] [-w WATCHDOG-USEC] [-l NAME=PLACE]... COMMAND [ARGUMENT]...
 *
 * Listens at each PLACE, a port of 127.0.0.1 (0: any) or the file name of a Unix socket, and hands the
 * sockets on from descriptor 3, called NAME, by LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES.  With -n, a
 * process of its own takes what is sent to the notify socket NOTIFY (a file name, or @NAME for an
 * abstract one) and writes each message as a line of FILE, '|' for its line ends, until somebody
 * removes that file.  manager's own process becomes COMMAND. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <err.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST	3
#define SECONDS	120	/* the recorder's life, at the most */

static char names[4096];
static int count;

static socklen_t
unix_address(struct sockaddr_un *sun, const char *name)
{
	size_t len = strlen(name);

	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (len >= sizeof(sun->sun_path))
		errx(2, "%s is too long", name);
	memcpy(sun->sun_path, name, len);
	if (name[0] != '@')
		return sizeof(*sun);
	sun->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static int
listen_at(const char *place)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un sun;
	const int on = 1;
	int fd = socket(place[0] == '/' ? AF_UNIX : AF_INET, SOCK_STREAM, 0), bound;

	if (fd == -1)
		err(1, "socket");
	if (place[0] == '/') {
		(void)unix_address(&sun, place);
		bound = bind(fd, (struct sockaddr *)&sun, sizeof(sun));
	} else {
		in.sin_port = htons((in_port_t)atoi(place));
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		bound = bind(fd, (struct sockaddr *)&in, sizeof(in));
	}
	if (bound == -1 || listen(fd, 128) == -1)
		err(1, "%s", place);
	return fd;
}

/* NAME=PLACE: the next descriptor. */
static void
hand(char *pair)
{
	char *place = strchr(pair, '=');
	int fd;

	if (place == NULL)
		errx(2, "%s: NAME=PLACE is needed", pair);
	*place++ = '\0';
	fd = listen_at(place);
	if (fd != FIRST + count) {
		if (dup2(fd, FIRST + count) == -1)
			err(1, "dup2");
		(void)close(fd);
	}
	if (count++ > 0)
		(void)strncat(names, ":", sizeof(names) - strlen(names) - 1);
	(void)strncat(names, pair, sizeof(names) - strlen(names) - 1);
}

static void
record(int fd, const char *file)
{
	int out = open(file, O_WRONLY | O_CREAT | O_APPEND, 0644), null = open("/dev/null", O_RDWR);
	const struct timeval look = { .tv_sec = 1 };
	char text[4096];
	ssize_t n, i;

	if (out == -1 || null == -1)
		err(1, "%s", file);
	(void)dup2(null, STDOUT_FILENO);
	(void)dup2(null, STDERR_FILENO);
	(void)alarm(SECONDS);
	(void)setsid();
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof(look));
	while ((n = recv(fd, text, sizeof(text) - 1, 0)) > 0 || access(file, F_OK) == 0) {
		for (i = 0; i < n; i++)
			if (text[i] == '\n')
				text[i] = '|';
		if (n <= 0)
			continue;
		text[n++] = '\n';
		if (write(out, text, (size_t)n) != n)
			err(1, "%s", file);
	}
	_exit(0);
}

static void
begin_recording(const char *name, const char *file)
{
	struct sockaddr_un sun;
	socklen_t len = unix_address(&sun, name);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&sun, len) == -1)
		err(1, "%s", name);
	if (fork() == 0)
		record(fd, file);
	(void)close(fd);
	(void)setenv("NOTIFY_SOCKET", name, 1);
}

int
main(int argc, char *argv[])
{
	const char *notify = NULL, *file = "/dev/null", *watchdog = NULL;
	char *wanted[64], number[16];
	int c, i, n = 0;

	while ((c = getopt(argc, argv, "+l:n:o:w:")) != -1)
		switch (c) {
		case 'l':
			if (n == 64)
				errx(2, "too many sockets");
			wanted[n++] = optarg;
			break;
		case 'n':
			notify = optarg;
			break;
		case 'o':
			file = optarg;
			break;
		case 'w':
			watchdog = optarg;
			break;
		default:
			return 2;
		}
	if (optind == argc)
		errx(2, "what is to be started?");
	if (notify != NULL)
		begin_recording(notify, file);
	for (i = 0; i < n; i++)
		hand(wanted[i]);
	(void)snprintf(number, sizeof(number), "%d", (int)getpid());
	if (n > 0) {
		(void)setenv("LISTEN_PID", number, 1);
		(void)setenv("LISTEN_FDNAMES", names, 1);
	}
	if (watchdog != NULL) {
		(void)setenv("WATCHDOG_USEC", watchdog, 1);
		(void)setenv("WATCHDOG_PID", number, 1);
	}
	(void)snprintf(number, sizeof(number), "%d", n);
	if (n > 0)
		(void)setenv("LISTEN_FDS", number, 1);
	(void)execvp(argv[optind], argv + optind);
	err(127, "%s", argv[optind]);
}
