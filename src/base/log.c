/* log - one line, one write(2).
 * Knows no event and no format of one: that is the caller's.
 *
 * Any thread may write at any time, and reopen meanwhile.  log_open() with another
 * target than before and log_name() are for a process that has one thread. */

#include "base/log.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

/* Most lines fit into this.  The stack of a coroutine keeps every page that was ever
 * touched, so the large buffers lie in a function of their own. */
#define LINE_USUAL	512

#define TO_SYSLOG	(-1)
#define NO_FILE		(-1)

static struct {
	_Atomic int	fd;		/* or TO_SYSLOG */
	bool		stamp;
	enum log_level	level;
	char		target[PATH_MAX];
	char		name[64];	/* with ": " at its end, or empty */
	_Atomic int	access_fd;	/* or NO_FILE */
	char		access_file[PATH_MAX];
} log_state = { .fd = STDERR_FILENO, .level = LOG_LEVEL_INFO, .target = "stderr", .access_fd = NO_FILE };

static const int priorities[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
static const char *const words[] = { "error: ", "warning: ", "", "" };

/* The descriptor keeps its number when a file follows a file: another thread may be
 * about to write to it. */
static void
exchange(_Atomic int *at, int fd)
{
	int old = *at;

	if (old > STDERR_FILENO && fd > STDERR_FILENO) {
		dup3(fd, old, O_CLOEXEC);
		close(fd);
		return;
	}
	*at = fd;
	if (old > STDERR_FILENO)
		close(old);
}

static int
open_file(_Atomic int *at, const char *name)
{
	int fd, high;

	fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
	if (fd == -1)
		return -1;
	if (fd <= STDERR_FILENO) {	/* started without 0, 1 or 2: they stay free */
		high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		close(fd);
		if ((fd = high) == -1)
			return -1;
	}
	exchange(at, fd);
	return 0;
}

static int
open_target(const char *target)
{
	if (strcmp(target, "syslog") == 0) {
		openlog(NULL, LOG_PID, LOG_DAEMON);
		exchange(&log_state.fd, TO_SYSLOG);
		return 0;
	}
	if (strcmp(target, "stderr") == 0) {
		exchange(&log_state.fd, STDERR_FILENO);
		return 0;
	}
	return open_file(&log_state.fd, target);
}

int
log_open(const struct log_opts *opts)
{
	size_t len = strlen(opts->target);

	if (len >= sizeof(log_state.target)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (open_target(opts->target) == -1)
		return -1;
	memcpy(log_state.target, opts->target, len + 1);
	log_state.level = opts->level;
	log_state.stamp = opts->stamp != 0;
	return 0;
}

int
log_open_access(const char *file)
{
	size_t len = strlen(file);

	if (len >= sizeof(log_state.access_file)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (open_file(&log_state.access_fd, file) == -1)
		return -1;
	memcpy(log_state.access_file, file, len + 1);
	return 0;
}

int
log_reopen(void)
{
	int ret = 0, error = 0;

	/* syslog(3) finds its own way back to a daemon that was restarted. */
	if (log_state.fd != TO_SYSLOG && log_state.fd != STDERR_FILENO &&
	    (ret = open_target(log_state.target)) == -1)
		error = errno;
	if (log_state.access_fd != NO_FILE && open_file(&log_state.access_fd, log_state.access_file) == -1) {
		ret = -1;
		error = errno;
	}
	errno = error;
	return ret;
}

int
log_access_fd(void)
{
	return log_state.access_fd;
}

void
log_take(int fd, int access_fd)
{
	if (fd != -1)
		exchange(&log_state.fd, fd);
	if (access_fd != -1)
		exchange(&log_state.access_fd, access_fd);
}

void
log_level(enum log_level level)
{
	log_state.level = level;
}

int
log_fd(void)
{
	return log_state.fd;
}

void
log_name(const char *name)
{
	if (name == NULL)
		log_state.name[0] = '\0';
	else
		snprintf(log_state.name, sizeof(log_state.name), "%.60s: ", name);
}

/* The civil date of a day counted from 1970-01-01.  gmtime_r(3) takes a lock, which a
 * child forked by a process with threads might find taken for ever.  Years are counted
 * from 1 March of year 0, so that the leap day is the last of its year. */
static void
civil(int64_t day, int *year, int *month, int *mday)
{
	int64_t era, of_era, y, of_year, m;

	day += 719468;				/* from 0000-03-01 to 1970-01-01 */
	era = day / 146097;			/* 400 years */
	of_era = day % 146097;
	y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * y + y / 4 - y / 100);
	m = (5 * of_year + 2) / 153;		/* 0: March */
	*mday = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(y + era * 400 + (*month <= 2));
}

char *
log_stamp(char dst[LOG_STAMP_MAX], const struct timespec *ts)
{
	int64_t day = ts->tv_sec / 86400;
	int sec = (int)(ts->tv_sec % 86400), year, month, mday;

	civil(day, &year, &month, &mday);
	snprintf(dst, LOG_STAMP_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, mday,
	    sec / 3600, sec / 60 % 60, sec % 60, (int)(ts->tv_nsec / 1000000));
	return dst;
}

static size_t
put_stamp(char *line)
{
	const struct timespec now = clock_wall();
	size_t len = strlen(log_stamp(line, &now));

	line[len++] = ' ';
	return len;
}

/* Everything before the message; no NUL at its end. */
static size_t
put_head(char *line, enum log_level level)
{
	size_t len = 0;
	const char *const parts[] = { log_state.name, words[level] };

	if (log_state.fd == TO_SYSLOG) {
		len = strlen(parts[0]);
		memcpy(line, parts[0], len);
		return len;	/* syslog has the level, and stamps */
	}
	if (log_state.stamp)
		len = put_stamp(line);
	for (size_t i = 0; i < 2; i++) {
		memcpy(line + len, parts[i], strlen(parts[i]));
		len += strlen(parts[i]);
	}
	return len;
}

/* Writes line[0..len), which has room for one more byte. */
static void
emit(enum log_level level, char *line, size_t len)
{
	int fd = log_state.fd;

	if (fd == TO_SYSLOG) {
		syslog(priorities[level], "%.*s", (int)len, line);
		return;
	}
	line[len++] = '\n';
	while (write(fd, line, len) == -1 && errno == EINTR)
		;
}

static bool
all_printable(const char *s, size_t len)
{
	size_t n;

	for (; len > 0; s += n, len -= n)
		if ((n = text_printable(s, len)) == 0)
			return false;
	return true;
}

/* As text_visible(), but backslashes stay: the names in a message have mostly been
 * made visible already. */
static size_t
put_visible(char *dst, size_t size, const char *s, size_t len)
{
	size_t n, pos = 0;

	for (; len > 0 && pos + 4 <= size; s += n, len -= n) {
		if ((n = text_printable(s, len)) > 0) {
			memcpy(dst + pos, s, n);
			pos += n;
		} else {
			n = 1;
			pos += (size_t)snprintf(dst + pos, 5, "\\%03o", (unsigned char)*s);
		}
	}
	return pos;
}

static void __attribute__((noinline, format(printf, 2, 0)))
write_long(enum log_level level, const char *fmt, va_list ap)
{
	char raw[LOG_LINE_MAX], line[LOG_LINE_MAX];
	size_t head, len;
	int n;

	if ((n = vsnprintf(raw, sizeof(raw), fmt, ap)) < 0)
		return;
	len = (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1;
	head = put_head(line, level);
	len = put_visible(line + head, sizeof(line) - head - 2, raw, len);
	emit(level, line, head + len);
}

static __attribute__((format(printf, 2, 0))) void
write_words(enum log_level level, const char *fmt, va_list ap)
{
	char line[LINE_USUAL];
	int saved = errno, n;
	va_list again;
	size_t head;

	if (level > log_state.level)
		return;
	head = put_head(line, level);
	va_copy(again, ap);
	errno = saved;			/* for %m */
	n = vsnprintf(line + head, sizeof(line) - head, fmt, again);
	va_end(again);
	if (n >= 0 && (size_t)n < sizeof(line) - head && all_printable(line + head, (size_t)n))
		emit(level, line, head + (size_t)n);
	else {
		errno = saved;
		write_long(level, fmt, ap);
	}
	errno = saved;
}

void
log_write(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	write_words(level, fmt, ap);
	va_end(ap);
}

/* By a socket of our own: whom the signal interrupted may hold the lock of syslog(3). */
static void
send_to_syslog(const char *line)
{
	const struct sockaddr_un daemon = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	char datagram[LINE_USUAL + 128];
	int fd, len;

	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return;
	len = snprintf(datagram, sizeof(datagram), "<%d>%.32s[%d]: %s", LOG_DAEMON | LOG_ERR,
	    program_invocation_short_name, (int)getpid(), line);
	if (len > 0)
		(void)sendto(fd, datagram, (size_t)len < sizeof(datagram) ? (size_t)len : sizeof(datagram),
		    MSG_NOSIGNAL, (const struct sockaddr *)&daemon, sizeof(daemon));
	close(fd);
}

void
log_last(const char *line)
{
	char text[LINE_USUAL];
	size_t head = put_head(text, LOG_LEVEL_ERROR), len;

	len = strlcpy(text + head, line, sizeof(text) - head - 1);
	len = len < sizeof(text) - head - 1 ? head + len : sizeof(text) - 2;
	if (log_state.fd == TO_SYSLOG)
		send_to_syslog(text);
	else
		emit(LOG_LEVEL_ERROR, text, len);
}

/* What cannot be written, for a disk is full, is lost, and nobody waits for it. */
static void
write_line(int fd, const char *head, size_t head_len, char *line, size_t len)
{
	struct iovec iov[2] = { { (void *)(uintptr_t)head, head_len }, { line, len + 1 } };

	line[len] = '\n';
	while (writev(fd, iov, 2) == -1 && errno == EINTR)
		;
}

void
log_access(char *line, size_t len, int bare)
{
	int fd = log_state.access_fd, saved = errno;
	char head[LOG_STAMP_MAX + sizeof(log_state.name) + 16];
	size_t head_len = 0;

	if (fd == NO_FILE && log_state.level < LOG_LEVEL_INFO)
		return;
	if (fd != NO_FILE)
		head_len = bare ? 0 : put_stamp(head);
	else if (log_state.fd == TO_SYSLOG)
		syslog(LOG_INFO, "%.*s", (int)len, line);
	else
		head_len = bare ? 0 : put_head(head, LOG_LEVEL_INFO);
	if (fd != NO_FILE || (fd = log_state.fd) != TO_SYSLOG)
		write_line(fd, head, head_len, line, len);
	errno = saved;
}
