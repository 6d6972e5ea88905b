/* log - lines for the person at three in the morning.
 * One event, one line, one write(2): lines of several processes never mix.
 * A log that cannot be written is not an error for anybody who serves. */

#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>
#include <stddef.h>
#include <time.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

#define LOG_LINE_MAX	4096	/* bytes; a longer line is cut */

struct log_opts {
	const char	*target;	/* "stderr", "syslog", or an absolute file name */
	enum log_level	 level;		/* the least important that is written */
	int		 stamp;		/* begin lines with date and time (never for syslog) */
};

/* Begin logging to opts->target.  The strings are copied.  0, or -1 with the
 * errno of open(2); then lines go on to where they went before.  Before the
 * first call, lines go to stderr without a stamp. */
int	log_open(const struct log_opts *opts);

/* A file of its own for the lines of log_access().  0, or -1 with errno. */
int	log_open_access(const char *file);

/* Open the files again (after rotation).  As log_open(). */
int	log_reopen(void);

/* Another level from here on. */
void	log_level(enum log_level);

/* The descriptors that must survive closing everything else, or -1 for syslog, and where there is no
 * file of its own. */
int	log_fd(void);
int	log_access_fd(void);

/* In another process than the one that has reopened them: takes its descriptors (-1: none) in place
 * of those it has, under the same numbers.  Async-signal-safe. */
void	log_take(int fd, int access_fd);

/* A name put before every line of this process, such as "worker 3"; NULL for none.
 * Copied. */
void	log_name(const char *name);

/* One line.  `fmt` has no newline at its end.  errno is left as it was.
 * Bytes that are not printable are written as \ooo: nobody can forge a line. */
void	log_write(enum log_level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As log_error(), for a signal handler that will not return: `line` is printable, and short. */
void	log_last(const char *line);

/* One line of the access log, of printable characters, which has room for one more byte.  In a file
 * of its own it stands alone, else among the other lines; `bare`: nothing is put before it, no
 * date and no name. */
void	log_access(char *line, size_t len, int bare);

/* "2026-11-24T12:00:00.123Z" */
#define LOG_STAMP_MAX	64
char	*log_stamp(char dst[LOG_STAMP_MAX], const struct timespec *);

#define log_error(...)	log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)	log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
