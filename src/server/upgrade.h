/* upgrade - starts the next binary with our sockets, and waits until it serves.
 * It gets what inherit.h names, and a wire to us: on it, it writes what is wrong, line by line, or
 * "ready VERSION" once its workers accept; and when we close it, it is in charge. */

#ifndef SERVER_UPGRADE_H
#define SERVER_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/faults.h"
#include "server/listener.h"

/* How this program was started, and can be again. */
struct upgrade_self {
	char	 *program;	/* absolute */
	char	**argv;
	char	 *cwd;		/* where relative names are looked for; NULL: unknown */
};

/* 0, or -1 with ENOMEM.  Before anything changes argv. */
int	upgrade_remember(struct upgrade_self *, int argc, char **argv);
void	upgrade_forget(struct upgrade_self *);

/* Says READY on the wire, as the new binary; the end of the wire then means that it is in charge. */
void	upgrade_say_ready(int parent);

struct upgrade {
	pid_t	 pid;		/* 0: none is under way */
	int	 wire;		/* -1: it has closed its end */
	bool	 ready;
	char	 version[32];	/* of the new one, once it is ready */
	int64_t	 until;		/* when patience ends */
	struct faults said;	/* by the new one */
	char	 line[1024];	/* what has come of the next line */
	size_t	 len;
};

/* Starts it.  0, or -1 with a fault added to upgrade->said, which then is to be freed. */
int	upgrade_begin(struct upgrade *, const struct upgrade_self *, const struct listeners *,
	    int control, const char *control_name, int pidfile, int64_t patience_ms);

/* Reads what is on the wire. */
void	upgrade_read(struct upgrade *);

/* It is over: closes the wire; `kill_it` if it is not to live. */
void	upgrade_end(struct upgrade *, bool kill_it);

#endif
