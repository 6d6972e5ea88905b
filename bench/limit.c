/* limit - servers that make only the system calls which the work needs.
 * What they reach is the limit that coffer is compared with: no digest, no
 * deadlines, no logs, no limits, a request understood by its form alone.
 * They speak just so much of coffer's protocol that the same load program can
 * ask them.  Never serve anything with this: nothing is checked. */

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "net.h"

#define GREETING	"200 coffer=1 server=limit\n"
#define IN_MAX		65536
#define OUT_MAX		(256 * 1024)
#define HEADER_MAX	512		/* what the reply before a file may take */
#define COPY_MAX	(256 * 1024)	/* bytes per recv and write of an upload */
#define SENDFILE_MAX	0x7ffff000	/* what one sendfile(2) moves at most */
#define LIST_FLUSH	65536

struct work {
	const char	*name;
	int		 workers;	/* how many processes accept */
	int		 nargs;
	void		(*session)(int fd, char **arg);
	const char	*usage;
};

/* The bytes of a file are not looked at, so one buffer serves for all. */
static char in[IN_MAX], out[OUT_MAX];

/* One request line, NUL-terminated; what came after it in *rest, *len bytes. */
static int
ask(int fd, char **rest, size_t *len)
{
	size_t have = 0;
	ssize_t n;
	char *nl;

	while (have < sizeof(in) - 1 && (n = read(fd, in + have, sizeof(in) - 1 - have)) > 0) {
		have += (size_t)n;
		if ((nl = memchr(in, '\n', have)) != NULL) {
			*nl = '\0';
			*rest = nl + 1;
			*len = have - (size_t)(nl + 1 - in);
			return 0;
		}
	}
	return -1;
}

static char *
put_number(char *p, unsigned long long n)
{
	char digits[20];
	int i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	while (i > 0)
		*p++ = digits[--i];
	return p;
}

static char *
put_padded(char *p, unsigned n, int width, unsigned base)
{
	for (int i = width - 1; i >= 0; i--, n /= base)
		p[i] = (char)('0' + n % base);
	return p + width;
}

static char *
put_string(char *p, const char *s)
{
	size_t len = strlen(s);

	memcpy(p, s, len);
	return p + len;
}

static char *
put_header(char *p, const struct stat *st)
{
	p = put_number(put_string(p, "200 size="), (unsigned long long)st->st_size);
	p = put_number(put_string(p, " total="), (unsigned long long)st->st_size);
	p = put_number(put_string(p, " mtime="), (unsigned long long)st->st_mtim.tv_sec);
	*p++ = '.';
	p = put_padded(p, (unsigned)st->st_mtim.tv_nsec, 9, 10);
	p = put_padded(put_string(p, " mode="), st->st_mode & 07777, 4, 8);
	return put_string(p, " sha256=-\n");
}

/* ---- one large file, sent as often as it is asked for ---- */

static int
send_blocking(int sock, int file, off_t size)
{
	off_t at = 0;

	while (at < size)
		if (sendfile(sock, file, &at, SENDFILE_MAX) <= 0)
			return -1;
	return 0;
}

static int
send_pieces(int sock, int file, off_t size, size_t piece)
{
	struct pollfd pfd = { .fd = sock, .events = POLLOUT };
	off_t at = 0;

	while (at < size) {
		ssize_t n = sendfile(sock, file, &at, piece);

		if (n == -1 && errno == EAGAIN)
			poll(&pfd, 1, -1);
		else if (n <= 0)
			return -1;
	}
	return 0;
}

static void
sendfile_session(int fd, char **arg)
{
	size_t piece = (size_t)number(arg[1]), len;
	int file = open(arg[0], O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *rest, *end;

	if (file == -1 || fstat(file, &st) == -1)
		die("%s", arg[0]);
	if (piece > 0)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	write_all(fd, GREETING, strlen(GREETING));
	if (piece > 0)
		poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
	if (ask(fd, &rest, &len) == 0) {
		end = put_header(out, &st);
		write_all(fd, out, (size_t)(end - out));
		if (piece > 0)
			send_pieces(fd, file, st.st_size, piece);
		else
			send_blocking(fd, file, st.st_size);
	}
	close(file);
}

/* ---- many small files, pipelined ---- */

static char *
put_file(char *p, int root, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	struct stat st;
	ssize_t n;

	if (fd == -1 || fstat(fd, &st) == -1)
		die("%s", path);
	if (st.st_size > OUT_MAX / 4)
		wrong("%s: too large for this limit", path);
	p = put_header(p, &st);
	if ((n = read(fd, p, (size_t)st.st_size)) != st.st_size)
		wrong("%s: short read", path);
	close(fd);
	return p + n;
}

/* Answers every whole line of in[0..have); what is left stays at its front. */
static size_t
answer_small(int fd, int root, size_t have)
{
	char *line = in, *p = out, *nl;

	while ((nl = memchr(line, '\n', have - (size_t)(line - in))) != NULL) {
		*nl = '\0';
		if (nl - line < 6 || memcmp(line, "GET /", 5) != 0)
			wrong("\"%s\" is no GET", line);
		p = put_file(p, root, line + 5);
		line = nl + 1;
		if ((size_t)(p - out) > OUT_MAX / 2) {
			write_all(fd, out, (size_t)(p - out));
			p = out;
		}
	}
	write_all(fd, out, (size_t)(p - out));
	have -= (size_t)(line - in);
	memmove(in, line, have);
	return have;
}

static void
small_session(int fd, char **arg)
{
	int root = open(arg[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t have = 0;
	ssize_t n;

	if (root == -1)
		die("%s", arg[0]);
	nodelay(fd);
	write_all(fd, GREETING, strlen(GREETING));
	while ((n = read(fd, in + have, sizeof(in) - have)) > 0)
		have = answer_small(fd, root, have + (size_t)n);
	close(root);
}

/* ---- an upload ---- */

static int
receive_copied(int sock, int file, long long left)
{
	static char buf[COPY_MAX];
	ssize_t n;

	while (left > 0) {
		n = recv(sock, buf, left < COPY_MAX ? (size_t)left : COPY_MAX, 0);
		if (n <= 0 || write_all(file, buf, (size_t)n) == -1)
			return -1;
		left -= n;
	}
	return 0;
}

static int
receive_spliced(int sock, int file, long long left)
{
	int p[2];
	ssize_t n, m;

	if (pipe2(p, O_CLOEXEC) == -1)
		return -1;
	fcntl(p[1], F_SETPIPE_SZ, COPY_MAX);
	for (; left > 0; left -= n) {
		n = splice(sock, NULL, p[1], NULL, left < COPY_MAX ? (size_t)left : COPY_MAX,
		    SPLICE_F_MOVE);
		if (n <= 0)
			break;
		for (ssize_t done = 0; done < n; done += m)
			if ((m = splice(p[0], NULL, file, NULL, (size_t)(n - done),
			    SPLICE_F_MOVE)) <= 0)
				die("splice to the file");
	}
	close(p[0]);
	close(p[1]);
	return left == 0 ? 0 : -1;
}

/* PUT /NAME size=N and N bytes.  arg: the folder, "fsync" or "none", "copy" or "splice". */
static void
put_session(int fd, char **arg)
{
	char *rest, *word, *name, path[4096];
	size_t len;
	long long size;
	int file, ok;

	write_all(fd, GREETING, strlen(GREETING));
	if (ask(fd, &rest, &len) == -1)
		return;
	if (strncmp(in, "PUT /", 5) != 0 || (word = strstr(in, " size=")) == NULL)
		wrong("\"%s\" is no PUT", in);
	*word = '\0';
	name = in + 5;
	size = number(word + 6);
	if (snprintf(path, sizeof(path), "%s/%s", arg[0], name) >= (int)sizeof(path))
		wrong("%s: too long", name);
	if ((file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) == -1)
		die("%s", path);
	ok = write_all(file, rest, len) == 0;
	size -= (long long)len;
	ok = ok && (strcmp(arg[2], "splice") == 0 ? receive_spliced(fd, file, size) :
	    receive_copied(fd, file, size)) == 0;
	if (ok && strcmp(arg[1], "fsync") == 0)
		ok = fsync(file) == 0;
	ok = close(file) == 0 && ok;
	if (ok)
		write_all(fd, "201 kept\n", 9);
	else
		write_all(fd, "500 not kept\n", 13);
}

/* ---- a folder's entries ---- */

struct dirent64_kernel {
	uint64_t	d_ino;
	int64_t		d_off;
	unsigned short	d_reclen;
	unsigned char	d_type;
	char		d_name[];
};

static char *
put_entry(char *p, int dir, const char *name)
{
	struct statx stx;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC,
	    STATX_TYPE | STATX_MODE | STATX_SIZE | STATX_MTIME, &stx) == -1)
		die("%s", name);
	*p++ = S_ISDIR(stx.stx_mode) ? 'd' : 'f';
	*p++ = ' ';
	p = put_number(p, S_ISDIR(stx.stx_mode) ? 0 : stx.stx_size);
	*p++ = ' ';
	p = put_number(p, (unsigned long long)stx.stx_mtime.tv_sec);
	*p++ = '.';
	p = put_padded(p, stx.stx_mtime.tv_nsec, 9, 10);
	*p++ = ' ';
	p = put_padded(p, stx.stx_mode & 07777, 4, 8);
	*p++ = ' ';
	for (; *name != '\0'; name++)
		if ((unsigned char)*name > ' ' && *name != '%' && *name != 0x7f)
			*p++ = *name;
		else
			p += sprintf(p, "%%%02X", (unsigned char)*name);
	*p++ = '\n';
	return p;
}

static char *
put_entries(int sock, int dir, char *p)
{
	long n;

	while ((n = syscall(SYS_getdents64, dir, in, sizeof(in))) > 0)
		for (long at = 0; at < n; ) {
			struct dirent64_kernel *d = (void *)(in + at);

			at += d->d_reclen;
			if (d->d_name[0] == '.')
				continue;
			p = put_entry(p, dir, d->d_name);
			if ((size_t)(p - out) >= LIST_FLUSH) {
				write_all(sock, out, (size_t)(p - out));
				p = out;
			}
		}
	return p;
}

static void
list_session(int fd, char **arg)
{
	size_t len;
	char *rest, *p;
	int dir;

	write_all(fd, GREETING, strlen(GREETING));
	while (ask(fd, &rest, &len) == 0) {
		if ((dir = open(arg[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
			die("%s", arg[0]);
		p = put_entries(fd, dir, put_string(out, "200 type=d\n"));
		p = put_string(p, ".\n");
		write_all(fd, out, (size_t)(p - out));
		close(dir);
	}
}

/* ---- one short request ---- */

static void
ping_session(int fd, char **arg)
{
	static const char reply[] = "200 time=1700000000.000000000\n";
	char *rest;
	size_t len;

	(void)arg;
	if (ask(fd, &rest, &len) == 0)
		write_all(fd, reply, sizeof(reply) - 1);
}

/* ---- a tree, by tar with the socket as its standard input or output ---- */

static void
run_tar(int fd, int std, const char *dir, const char *op)
{
	if (fork_bound() == 0) {
		if (dup2(fd, std) == -1)
			die("dup2");
		execlp("tar", "tar", "-C", dir, op, "-", std == STDOUT_FILENO ? "." : NULL, NULL);
		die("tar");
	}
	if (wait_children() != 0)
		wrong("tar %s failed", op);
}

static void
tarout_session(int fd, char **arg)
{
	run_tar(fd, STDOUT_FILENO, arg[0], "-cf");
}

static void
tarin_session(int fd, char **arg)
{
	run_tar(fd, STDIN_FILENO, arg[0], "-xf");
}

static const struct work works[] = {
	{ "sendfile", 4, 2, sendfile_session, "FILE PIECE (0: one blocking call)" },
	{ "small", 2, 1, small_session, "DIR" },
	{ "put", 2, 3, put_session, "DIR fsync|none copy|splice" },
	{ "list", 2, 1, list_session, "DIR" },
	{ "ping", 2, 0, ping_session, "" },
	{ "tar-out", 2, 1, tarout_session, "DIR" },
	{ "tar-in", 2, 1, tarin_session, "DIR" },
};

static void __attribute__((noreturn))
work_loop(int lfd, const struct work *w, char **arg)
{
	for (;;) {
		int fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC);

		if (fd == -1 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd == -1)
			die("accept");
		w->session(fd, arg);
		close(fd);
	}
}

static void __attribute__((noreturn))
usage(void)
{
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		fprintf(stderr, "usage: limit %s %s\n", works[i].name, works[i].usage);
	exit(64);
}

static const struct work *
work_find(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, argv[1]) == 0 && works[i].nargs == argc - 2)
			return &works[i];
	usage();
}

/* Prints its port, and serves until it is killed or LIFE_MAX has passed. */
int
main(int argc, char **argv)
{
	const struct work *w = work_find(argc, argv);
	int lfd, port;

	bounded();
	nofile_raise();
	lfd = listen_any(&port);
	for (int i = 0; i < w->workers; i++)
		if (fork_bound() == 0)
			work_loop(lfd, w, argv + 2);
	printf("port %d\n", port);
	fflush(stdout);
	wait_children();
	return 1;	/* all workers died: each has said why */
}
