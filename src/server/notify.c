/* notify - tells the service manager how the server fares, as sd_notify(3) does. */

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/notify.h"

#define SEND_S	1	/* to wait for a manager that does not read */

static int	fd = -1;
static int64_t	period = -1, due = CLOCK_NEVER;	/* of the watchdog, in milliseconds */

/* The watchdog is to be fed twice in its time. */
static void
read_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	uint64_t n;

	if (pid != NULL && (text_number(&n, pid, strlen(pid), INT32_MAX) == -1 || n != (uint64_t)getpid()))
		return;
	if (usec == NULL || text_number(&n, usec, strlen(usec), INT64_MAX) == -1 || n < 2000)
		return;
	period = (int64_t)(n / 2000);
	due = clock_ms();
}

void
notify_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = SEND_S };
	size_t len = name != NULL ? strlen(name) : 0;

	if (len < 2 || len > sizeof(sun.sun_path) || (name[0] != '/' && name[0] != '@'))
		return;
	memcpy(sun.sun_path, name, len);
	if (name[0] == '@')
		sun.sun_path[0] = '\0';		/* an abstract one has no NUL at its end */
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) == -1)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&sun,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == -1) {
		(void)close(fd);
		fd = -1;
		return;
	}
	read_watchdog();
}

void
notify_send(const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	if (fd == -1)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		(void)send(fd, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1, MSG_NOSIGNAL);
}

void
notify_reloading(const char *status)
{
	notify_send("RELOADING=1\nMONOTONIC_USEC=%jd\nSTATUS=%s", (intmax_t)clock_us(), status);
}

int64_t
notify_watchdog(void)
{
	if (clock_ms() >= due) {
		notify_send("WATCHDOG=1");
		due = clock_in(period);
	}
	return due;
}
