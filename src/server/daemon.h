/* daemon - going to the background, and telling the one who waits how it went.
 * The starting process stays until the master serves or has failed, so that
 * `cofferd -b` returns only when clients can connect. */

#ifndef SERVER_DAEMON_H
#define SERVER_DAEMON_H

#include "server/config.h"

/* Forks.  In the new process: its own session, standard input and output on /dev/null,
 * config->ready_fd set, and 0; -1 with errno where it could not fork.  In the old one it
 * does not return: it exits with 0 after daemon_ready(), else with the other's code. */
int	daemon_begin(struct config *);

/* We are the next binary: complaints go to the old one, on this wire, until it is -1. */
void	daemon_wire(int fd);

/* The workers accept.  Writes one byte to config->ready_fd and closes it (-1 behind), and
 * lets go of standard error unless it is the log.  Without a ready_fd nothing happens. */
void	daemon_ready(struct config *);

/* A fault at the start: to the log, and to standard error where that is not the log. */
void	daemon_complain(const struct config *, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
