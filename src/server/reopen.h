/* reopen - a log that was rotated is opened again, by processes that may not open it.
 * The master, which may, opens it and puts the descriptor into a mailbox: a socket of which every process of
 * the pool has an end, and from which they read without taking (MSG_PEEK), each when it is told by
 * SIGUSR1.  So one message serves workers, their children, and those who come late. */

#ifndef SERVER_REOPEN_H
#define SERVER_REOPEN_H

#include <sys/types.h>

/* The master: before its first fork.  0, or -1 with errno. */
int	reopen_prepare(void);

/* The master: opens the log's files again and fills the mailbox.  The workers are told afterwards, by
 * SIGUSR1.  0, or -1 with errno: then all write on to where they did. */
int	reopen_logs(void);

/* What a worker must not close: the end of the mailbox. */
int	reopen_fd(void);

/* A worker, from here on, follows SIGUSR1; children() tells it to its children, if it has any,
 * within the handler. */
void	reopen_follow(void (*children)(int signal));

/* Follows what was said while the process was being made.  How often that was by now. */
unsigned reopen_catch_up(void);

#endif
