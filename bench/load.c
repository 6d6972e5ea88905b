/* load - the clients that measure a server: coffer or a limit program, and for
 * the peers enough of HTTP and FTP to ask for one file.
 * One sub-command per kind of work; each prints one line of key=value words.
 * What is downloaded is counted and thrown away: in the kernel (MSG_TRUNC) by
 * get and slow, by parsing in small and list.  It compares no bytes: the tree
 * rows of bench/run do that with diff. */

#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "ask.h"
#include "net.h"
#include "steady.h"

#define SOURCE_SIZE	(1024 * 1024)	/* the upload repeats these bytes */
#define SLOW_PIECE	65536		/* what a slow reader takes each second */
#define SLOW_BUFFER	32768		/* its receive buffer, doubled by the kernel */
#define FD_SPARE	50
#define FILE_SIZE	4096		/* of each of many uploads */

static struct {
	struct target	to;
	int		clients;	/* streams, or concurrent clients */
	long long	count;		/* requests, connections, entries or bytes expected */
	long long	window;		/* requests under way at once */
	double		seconds;
	int		get;		/* connect: ask for the path, whatever the protocol */
} opt = { .to.path = "/", .clients = 1, .count = 1, .window = 512, .seconds = 1 };

/* ---- running several clients at once ---- */

/* Each client gets ready, then waits for the others.  Seconds from the start of
 * all to the end of the last. */
static double
together(void (*ready)(struct conn *), void (*run)(struct conn *))
{
	int gate[2], arrived[2];
	double start;
	char byte;

	if (pipe(gate) == -1 || pipe(arrived) == -1)
		die("pipe");
	for (int i = 0; i < opt.clients; i++)
		if (fork_bound() == 0) {
			static struct conn c;

			close(gate[1]);
			if (ready != NULL)
				ready(&c);
			if (write(arrived[1], "", 1) != 1 || read(gate[0], &byte, 1) != 0)
				die("gate");
			run(&c);
			_exit(0);
		}
	close(arrived[1]);
	for (int i = 0; i < opt.clients; i++)
		if (read(arrived[0], &byte, 1) != 1)
			wrong("a client failed before the start");
	start = now();
	close(gate[1]);
	if (wait_children() != 0)
		wrong("a client failed");
	return now() - start;
}

static void
report(const char *what, double amount, double seconds)
{
	printf("rate=%.3f seconds=%.6f %s=%.0f\n", amount / seconds, seconds, what, amount);
}

/* ---- get: opt.clients streams of one large file of opt.count bytes ---- */

static void
get_ready(struct conn *c)
{
	conn_open(c, &opt.to, 0);
}

static void
get_run(struct conn *c)
{
	if (discard(c, request(c, 0)) != opt.count)
		wrong("the file is not as long as expected");
}

static void
get(void)
{
	double seconds = together(get_ready, get_run);

	report("bytes", (double)opt.count * opt.clients, seconds);
}

/* ---- put: opt.count bytes, out of a memory file so that sending is cheap ---- */

static int
source(void)
{
	static unsigned bytes[SOURCE_SIZE / sizeof(unsigned)];
	int fd = memfd_create("source", MFD_CLOEXEC);
	unsigned seed = 1;

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		bytes[i] = seed = seed * 1664525 + 1013904223;
	if (fd == -1 || write_all(fd, bytes, sizeof(bytes)) == -1)
		die("memfd");
	return fd;
}

static void
send_source(int fd, int from)
{
	long long left = opt.count;
	ssize_t n;

	for (; left > 0; left -= n) {
		off_t at = (opt.count - left) % SOURCE_SIZE;

		n = sendfile(fd, from, &at, left < SOURCE_SIZE - at ? (size_t)left :
		    (size_t)(SOURCE_SIZE - at));
		if (n <= 0)
			die("sendfile");
	}
}

static void
put(void)
{
	static struct conn c;
	int from = source();
	double start;

	conn_open(&c, &opt.to, 0);
	start = now();
	if (opt.to.proto == FTP) {
		say(c.control, "STOR %s\r\n", opt.to.path);
		send_source(c.fd, from);
		close(c.fd);
		c.fd = c.control;
		ftp_expect(&c, "150");
		ftp_expect(&c, "226");
	} else {
		say(c.fd, "PUT %s size=%lld\n", opt.to.path, opt.count);
		send_source(c.fd, from);
		expect(line(&c), "200 coffer=");
		expect(line(&c), "201 ");
	}
	report("bytes", (double)opt.count, now() - start);
}

/* ---- puts: opt.count files of FILE_SIZE bytes by opt.clients, each with one after the other ---- */

static void
puts_ready(struct conn *c)
{
	conn_open(c, &opt.to, 0);
	say(c->fd, "PING\n");
	expect(line(c), "200 coffer=");
	expect(line(c), "200 ");
}

static void
puts_run(struct conn *c)
{
	static char bytes[FILE_SIZE];

	for (long long i = 0; i < opt.count / opt.clients; i++) {
		say(c->fd, "PUT %s/%d-%lld size=%d\n", opt.to.path, (int)getpid(), i, FILE_SIZE);
		if (write_all(c->fd, bytes, sizeof(bytes)) == -1)
			die("write");
		expect(line(c), "201 ");
	}
}

static void
many_puts(void)
{
	double seconds = together(puts_ready, puts_run);

	report("files", (double)(opt.count / opt.clients * opt.clients), seconds);
}

/* ---- resume: nine tenths of opt.count bytes, and the connection breaks; then it is asked again and
 * again, for opt.seconds, from where on to send, for which the server reads what is there ---- */

static long long
resume_once(struct conn *c)
{
	char *reply;

	conn_open(c, &opt.to, 0);
	expect(line(c), "200 coffer=");
	say(c->fd, "PUT %s size=%lld resume\n", opt.to.path, opt.count);
	expect(reply = line(c), "100 from=");
	return strtoll(reply + strlen("100 from="), NULL, 10);
}

static void
resume(void)
{
	static struct conn c;
	long long from, all = opt.count, bytes = 0;
	double start, took = 0, begun = now();

	from = resume_once(&c);
	opt.count = all / 10 * 9 - from;
	if (opt.count > 0)
		send_source(c.fd, source());
	opt.count = all;
	conn_close(&c);
	printf("ready\n");
	fflush(stdout);
	for (begun = now(); took == 0 || now() - begun < opt.seconds; ) {
		start = now();
		if ((from = resume_once(&c)) != all / 10 * 9) {
			conn_close(&c);		/* the session before is still at it */
			continue;
		}
		took += now() - start;
		bytes += from;
		conn_close(&c);
	}
	report("bytes", (double)bytes, took);
}

/* ---- small: opt.count GETs of opt.to.path/0000 to /0999 on one connection ---- */

static void
ask_small(struct conn *c, long long first, long long n)
{
	char text[65536], *p = text;

	for (long long i = first; i < first + n; i++) {
		p += sprintf(p, "GET %s/%04d\n", opt.to.path, (int)(i % 1000));
		if ((size_t)(p - text) < sizeof(text) - 4200 && i < first + n - 1)
			continue;
		if (write_all(c->fd, text, (size_t)(p - text)) == -1)
			die("write");
		p = text;
	}
}

static void
small(void)
{
	static struct conn c;
	long long asked = 0, done = 0, bytes = 0, size, more;
	double start;

	if (strlen(opt.to.path) > 4096)
		wrong("the path is too long");
	conn_open(&c, &opt.to, 0);
	expect(line(&c), "200 coffer=");
	start = now();
	for (; done < opt.count; done++) {
		if (asked < opt.count && asked - done <= opt.window / 2) {
			more = opt.window - (asked - done);
			if (more > opt.count - asked)
				more = opt.count - asked;
			ask_small(&c, asked, more);
			asked += more;
		}
		size = header(&c);
		skip(&c, size);
		bytes += size;
	}
	report("requests", (double)opt.count, now() - start);
	if (bytes == 0)
		wrong("all files were empty");
}

/* ---- list: one LIST, that must have opt.count entries ---- */

static void
list(void)
{
	static struct conn c;
	double start, reply, first = 0;
	long long entries = 0;
	char *l;

	conn_open(&c, &opt.to, 0);
	expect(line(&c), "200 coffer=");
	start = now();
	say(c.fd, "LIST %s\n", opt.to.path);
	expect(line(&c), "200 ");
	reply = now() - start;
	while (strcmp(l = line(&c), ".") != 0) {
		if (entries++ == 0)
			first = now() - start;
		if (*l == '!')
			wrong("the list ended with \"%s\"", l);
	}
	if (entries != opt.count)
		wrong("%lld entries came, not %lld", entries, opt.count);
	printf("seconds=%.6f reply=%.6f first=%.6f entries=%lld\n", now() - start, reply, first,
	    entries);
}

/* ---- connect: opt.count connections by opt.clients, one request on each ---- */

static void
connect_run(struct conn *c)
{
	for (long long i = 0; i < opt.count / opt.clients; i++) {
		conn_open(c, &opt.to, 0);
		if (opt.get)
			skip(c, request(c, 1));
		else if (opt.to.proto == HTTP)
			say(c->fd, "GET %s HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n",
			    opt.to.path);
		else
			say(c->fd, "PING\nQUIT\n");
		if (!opt.get) {
			fill(c);
			expect(c->buf, opt.to.proto == HTTP ? "HTTP/1.1 200" : "200 ");
		}
		while (read(c->fd, c->buf, sizeof(c->buf)) > 0)
			;
		conn_close(c);
	}
}

static void
connections(void)
{
	double seconds = together(NULL, connect_run);

	report("connections", (double)(opt.count / opt.clients * opt.clients), seconds);
}

/* ---- quick: one small GET after the other, each on its own connection ---- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
quick(void)
{
	static double took[100000];
	static struct conn c;
	size_t n = 0, max = sizeof(took) / sizeof(took[0]);
	double end_at = now() + opt.seconds;

	while (n < max && now() < end_at) {
		double start = now();

		conn_open(&c, &opt.to, 0);
		skip(&c, request(&c, 1));
		took[n++] = now() - start;
		while (read(c.fd, c.buf, sizeof(c.buf)) > 0)
			;
		conn_close(&c);
	}
	qsort(took, n, sizeof(took[0]), by_value);
	printf("requests=%zu p50=%.1f p99=%.1f max=%.1f\n", n, took[n / 2] * 1e6,
	    took[n - 1 - n / 100] * 1e6, took[n - 1] * 1e6);
}

/* ---- slow: opt.clients readers that take SLOW_PIECE bytes a second each ---- */

static void
slow_open(int *fds)
{
	static struct conn c;

	for (int i = 0; i < opt.clients; i++) {
		conn_open(&c, &opt.to, SLOW_BUFFER);
		if (request(&c, 0) < SLOW_PIECE * 10)
			wrong("the file is too small to be read slowly");
		fds[i] = c.fd;
	}
}

/* Evenly spread over each second; until killed, or opt.seconds have passed. */
static void
slow(void)
{
	int *fds = calloc((size_t)opt.clients, sizeof(int));
	double start, wait_for;
	long long turn = 0, bytes = 0;

	if (fds == NULL)
		die("calloc");
	slow_open(fds);
	printf("ready %d\n", opt.clients);
	fflush(stdout);
	for (start = now(); now() - start < opt.seconds; turn++) {
		ssize_t n = recv(fds[turn % opt.clients], NULL, SLOW_PIECE,
		    MSG_TRUNC | MSG_DONTWAIT);

		if (n == 0 || (n == -1 && errno != EAGAIN))
			wrong("the server closed on a slow reader");
		bytes += n > 0 ? n : 0;
		wait_for = start + (double)turn / opt.clients - now();
		if (wait_for > 0)
			usleep((useconds_t)(wait_for * 1e6));
	}
	report("bytes", (double)bytes, now() - start);
}

/* ---- idle: opt.count sessions, each greeted and answered once, then silent ---- */

static void
idle_open(int *fds, long long n)
{
	static struct conn c;

	for (long long i = 0; i < n; i++) {
		conn_open(&c, &opt.to, 0);
		fds[i] = c.fd;
		if (opt.to.proto != COFFER) {
			skip(&c, request(&c, 0));
			continue;
		}
		say(c.fd, "PING\n");
		expect(line(&c), "200 coffer=");
		expect(line(&c), "200 ");
	}
}

/* Tells on `arrived` that all are open; then sees to it that all stay so. */
static void __attribute__((noreturn))
idle_run(int arrived, long long n)
{
	int *fds = calloc((size_t)n, sizeof(*fds));
	char byte;

	if (fds == NULL)
		die("calloc");
	idle_open(fds, n);
	if (write(arrived, "", 1) != 1)
		die("write");
	for (;; sleep(1))
		for (long long i = 0; i < n; i++)
			if (recv(fds[i], &byte, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
				wrong("a session did not stay idle");
}

/* As many processes as the descriptors need; stays until it is killed. */
static void
idle(void)
{
	long long most = nofile_raise() - FD_SPARE, left = opt.count;
	int arrived[2];
	char byte;

	for (long long n; left > 0; left -= n) {
		n = left < most ? left : most;
		if (pipe(arrived) == -1)
			die("pipe");
		if (fork_bound() == 0)
			idle_run(arrived[1], n);
		close(arrived[1]);
		if (read(arrived[0], &byte, 1) != 1)
			wrong("a client failed");
		close(arrived[0]);
	}
	printf("ready %lld\n", opt.count);
	fflush(stdout);
	wait_children();
	wrong("the sessions have ended");
}

/* ---- steady: opt.clients connections, one small GET after the other on each ---- */

static void
steady_work(void)
{
	steady(&opt.to, opt.clients, opt.seconds);
}

/* ---- tar-down, tar-up: tar here, joined to the limit's tar by the socket ---- */

static void
tar(int std, const char *op)
{
	int fd = connect_to(opt.to.port, 0);
	double start = now();
	char byte;

	if (fork_bound() == 0) {
		if (dup2(fd, std) == -1)
			die("dup2");
		execlp("tar", "tar", "-C", opt.to.path, op, "-", std == STDOUT_FILENO ? "." : NULL,
		    NULL);
		die("tar");
	}
	if (wait_children() != 0)
		wrong("tar failed");
	shutdown(fd, SHUT_WR);
	while (read(fd, &byte, 1) > 0)	/* the other tar is done when its socket closes */
		;
	printf("seconds=%.6f\n", now() - start);
}

static void
tar_down(void)
{
	tar(STDIN_FILENO, "-xf");
}

static void
tar_up(void)
{
	tar(STDOUT_FILENO, "-cf");
}

static const struct {
	const char	*name;
	void		(*run)(void);
} works[] = {
	{ "get", get }, { "put", put }, { "small", small }, { "list", list },
	{ "connect", connections }, { "quick", quick }, { "slow", slow }, { "idle", idle },
	{ "puts", many_puts }, { "resume", resume }, { "steady", steady_work }, { "tar-down", tar_down }, { "tar-up", tar_up },
};

static void __attribute__((noreturn))
usage(void)
{
	fputs("usage: load get|put|puts|resume|small|list|connect|quick|slow|idle|steady|tar-down|tar-up\n"
	    "    -p PORT [-g] [-P coffer|http|ftp|lecture] [-c CLIENTS] [-n COUNT] [-w WINDOW] [-t SECONDS] [-f PATH]\n",
	    stderr);
	exit(64);
}

static void
options(int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "P:c:f:gn:p:t:w:")) != -1)
		switch (ch) {
		case 'P':
			opt.to.proto = *optarg == 'h' ? HTTP : *optarg == 'f' ? FTP :
			    *optarg == 'l' ? LECTURE : COFFER;
			break;
		case 'c':	opt.clients = (int)number(optarg);	break;
		case 'f':	opt.to.path = optarg;			break;
		case 'g':	opt.get = 1;				break;
		case 'n':	opt.count = number(optarg);		break;
		case 'p':	opt.to.port = (int)number(optarg);		break;
		case 't':	opt.seconds = (double)number(optarg);	break;
		case 'w':	opt.window = number(optarg);		break;
		default:	usage();
		}
	if (opt.to.port <= 0 || opt.to.port > 65535 || opt.clients < 1 || opt.count < 1 ||
	    opt.window < 1)
		usage();
}

int
main(int argc, char **argv)
{
	bounded();
	if (argc < 2)
		usage();
	options(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++)
		if (strcmp(works[i].name, argv[1]) == 0) {
			works[i].run();
			return 0;
		}
	usage();
}
