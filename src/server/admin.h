/* admin - what an administrator may ask of the master over the control socket.
 * A request is a command and at most one operand; a reply is one JSON object:
 *
 *	{"status": "done", "lines": ["generation 2 serves, 4 workers, coroutine"], "result": {...}}
 *
 * "status" is done, error, denied, usage or missing (no such target); "lines" are for people;
 * "result" is there where the command asks for facts. */

#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include <stdbool.h>

#include "server/faults.h"

struct config;
struct control_client;
struct master;

/* What takes its time.  Who asks while the same is under way waits for the next. */
enum admin_task { ADMIN_RELOAD = 1, ADMIN_UPGRADE, ADMIN_TASKS };

/* Answers a request (a control_serve of control.h; arg is the struct master). */
void	admin_serve(void *arg, struct control_client *, char *line);

/* Opens the control socket, or goes on with the one that was handed over.  0, or -1 where the one that
 * is wanted cannot be had, which has been told. */
int	admin_open(struct master *, const struct config *);
void	admin_close(struct master *, bool in_charge);

/* A task begins, and is done or has failed: those who have asked for it are told these lines. */
void	admin_begin(struct master *, enum admin_task);
void	admin_finish(struct master *, enum admin_task, bool done, const struct faults *);

#endif
