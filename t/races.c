/* races - a client that asks for names while somebody exchanges what stands behind them.
 *
 *	races PORT ROOT OUTSIDE SECONDS
 *
 * ROOT, which a server on PORT serves and lets write, holds a folder `d` and a link `away`; both are
 * exchanged all the time.  `f` is by turns a file and a link to OUTSIDE/secret, and `h` a file and a
 * second name of OUTSIDE/linked.  Whatever is read from beneath OUTSIDE holds the byte '!', which
 * nothing else does.  Says how many requests met the inside and how many were refused;
 * status 1 and a word as soon as a reply tells of the outside. */

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *outside;
static int root = -1;
static unsigned long met, refused;

/* Becomes a process that does it again and again. */
static pid_t
begin(void (*turn)(unsigned))
{
	pid_t pid = fork();
	unsigned i;

	if (pid == -1)
		err(2, "fork");
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
	for (i = 0; ; i++)
		turn(i);
}

static void
exchange(unsigned i)
{
	(void)i;
	if (renameat2(root, "d", root, "away", RENAME_EXCHANGE) == -1)
		err(2, "exchange");
}

static void
file_or_link(unsigned i)
{
	char target[4096];
	int fd;

	(void)unlinkat(root, "f.new", 0);
	if (i % 2 == 0) {
		(void)snprintf(target, sizeof(target), "%s/secret", outside);
		(void)!symlinkat(target, root, "f.new");
	} else if ((fd = openat(root, "f.new", O_WRONLY | O_CREAT | O_EXCL, 0666)) != -1) {
		(void)!write(fd, "inside\n", 7);
		(void)fchmod(fd, 0666);
		(void)close(fd);
	}
	(void)renameat(root, "f.new", root, "f");
}

static void
second_name(unsigned i)
{
	char target[4096];
	int fd;

	(void)unlinkat(root, "h.new", 0);
	(void)snprintf(target, sizeof(target), "%s/linked", outside);
	if (i % 2 == 0)
		(void)!linkat(AT_FDCWD, target, root, "h.new", 0);
	else if ((fd = openat(root, "h.new", O_WRONLY | O_CREAT | O_EXCL, 0666)) != -1)
		(void)close(fd);
	(void)renameat(root, "h.new", root, "h");
}

static FILE *
dial(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	FILE *f;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || connect(fd, (struct sockaddr *)&to, sizeof(to)) == -1 || (f = fdopen(fd, "r")) == NULL)
		err(2, "port %d", port);
	return f;
}

/* A line that tells of the outside, or body bytes that do, end it all. */
static void
look(const char *asked, const char *bytes, size_t len)
{
	if (memchr(bytes, '!', len) == NULL)
		return;
	(void)printf("%s was answered from outside: %.*s\n", asked, (int)len, bytes);
	exit(1);
}

static void
line(FILE *f, const char *asked, char *buffer, size_t size)
{
	if (fgets(buffer, (int)size, f) == NULL)
		errx(2, "%s: the server has gone", asked);
	look(asked, buffer, strlen(buffer));
}

static void
body(FILE *f, const char *asked, size_t len)
{
	char buffer[65536];
	size_t n;

	for (; len > 0; len -= n) {
		if ((n = fread(buffer, 1, len < sizeof(buffer) ? len : sizeof(buffer), f)) == 0)
			errx(2, "%s: the server has gone", asked);
		look(asked, buffer, n);
	}
}

/* One request, and all of its reply. */
static void
ask(FILE *f, const char *asked)
{
	char reply[16384];
	size_t size;

	if (dprintf(fileno(f), "%s\n", asked) < 0)
		err(2, "%s", asked);
	line(f, asked, reply, sizeof(reply));
	if (reply[0] != '2') {
		refused++;
		return;
	}
	met++;
	if (strncmp(asked, "GET ", 4) == 0 && sscanf(reply, "200 size=%zu", &size) == 1)
		body(f, asked, size);
	if (strncmp(asked, "LIST ", 5) == 0)
		while (reply[0] != '.' && reply[0] != '!')
			line(f, asked, reply, sizeof(reply));
}

int
main(int argc, char **argv)
{
	static const char *const asked[] = {
		"GET /d/secret", "GET /f", "STAT /d/secret", "STAT /f", "LIST /d", "LIST / depth=all",
		"PUT /d/new size=3\nnew", "PUT /d/victim size=3\nnew", "DELETE /d/victim",
		"MOVE /d/new /d/moved", "COPY /f /d/copy", "COPY /d/secret /copy", "MKDIR /d/sub",
		"RMDIR /d/sub", "SET /d mode=0755", "SET /f mode=0666", "PUT /f size=3\nnew",
		"PUT /h size=3\nnew", "HASH /d/secret", "PUT /d/chunks size=*\n3\nnew0",
	};
	pid_t swapper[3];
	time_t end;
	FILE *f;
	char greeting[256];
	size_t i;

	if (argc != 5)
		errx(2, "usage: races PORT ROOT OUTSIDE SECONDS");
	outside = argv[3];
	if ((root = open(argv[2], O_PATH | O_DIRECTORY)) == -1)
		err(2, "%s", argv[2]);
	f = dial(atoi(argv[1]));
	line(f, "greeting", greeting, sizeof(greeting));
	swapper[0] = begin(exchange);
	swapper[1] = begin(file_or_link);
	swapper[2] = begin(second_name);
	for (end = time(NULL) + atoi(argv[4]); time(NULL) < end; )
		for (i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
			ask(f, asked[i]);
	for (i = 0; i < 3; i++) {
		(void)kill(swapper[i], SIGKILL);
		(void)waitpid(swapper[i], NULL, 0);
	}
	(void)printf("met=%lu refused=%lu\n", met, refused);
	return 0;
}
