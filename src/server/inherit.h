/* inherit - what was handed to this process when it was started: by a service manager, or by the
 * master of which it is the next binary.
 *
 * Both use the convention of sd_listen_fds(3): descriptors from 3 on, LISTEN_FDS how many, LISTEN_PID
 * for whom, LISTEN_FDNAMES their names.  A socket that is called "control" is the control socket; all
 * other sockets are listeners.  A predecessor names them by their URLs, and hands on two things more
 * that only it has: its pidfile, and the wire to itself. */

#ifndef SERVER_INHERIT_H
#define SERVER_INHERIT_H

#include <stdbool.h>
#include <stddef.h>

#include "server/listener.h"

#define INHERIT_FIRST	3	/* descriptor */
#define INHERIT_MAX	(LISTENERS_MAX + 3)
#define INHERIT_CONTROL	"control"
#define INHERIT_OURS	"cofferd-control"	/* a control socket that a predecessor has made */
#define INHERIT_PIDFILE	"cofferd-pidfile"
#define INHERIT_PARENT	"cofferd-parent"
#define INHERIT_HANDED	"handed"	/* a listener that the service manager has made */

struct inherited {
	struct listeners listeners;
	int	 control, pidfile;	/* -1: none */
	bool	 control_handed;	/* by the service manager: its file is not ours to remove */
	int	 parent;		/* the wire to the predecessor, a socket; or -1 */
};

/* Takes what was handed, and closes every other descriptor but 0, 1 and 2.  Before anything is
 * opened, and before setproctitle_init(): the variables of the environment are removed. */
void	inherit_take(struct inherited *);

/* A name without ':', which separates names, and back, in place.  dst has room for 3 * strlen + 1. */
char	*inherit_encode(char *dst, const char *name);

#endif
