/* notify - tells the service manager how the server fares, as sd_notify(3) does.
 * Without $NOTIFY_SOCKET nothing happens. */

#ifndef SERVER_NOTIFY_H
#define SERVER_NOTIFY_H

#include <stdint.h>

/* Reads the environment.  Called once, before notify_send(). */
void	notify_open(void);

/* "READY=1\nSTATUS=serving" and the like. */
void	notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* RELOADING=1, with the time that it must have. */
void	notify_reloading(const char *status);

/* Tells that the master is alive, if that is due.  When to come again, or CLOCK_NEVER. */
int64_t	notify_watchdog(void);

#endif
