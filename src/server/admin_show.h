/* admin_show - the state of the server as JSON, made from the scoreboard. */

#ifndef SERVER_ADMIN_SHOW_H
#define SERVER_ADMIN_SHOW_H

#include <jansson.h>

struct master;

/* The server, its workers and its sums; and its sessions.  The caller's. */
json_t	*admin_show_status(const struct master *);
json_t	*admin_show_sessions(const struct master *);

#endif
