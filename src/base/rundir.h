/* rundir - the folder in which a server's control socket can be found.
 * The same for the server, which makes it, and for whoever looks for the server. */

#ifndef BASE_RUNDIR_H
#define BASE_RUNDIR_H

#include <stddef.h>

#define RUNDIR_PREFIX	"control."	/* names of control sockets in it; a process id follows */

/* Its name: $RUNTIME_DIRECTORY, where a service manager sets it; root's is /run/coffer; else
 * $XDG_RUNTIME_DIR/coffer, or /tmp/coffer-UID.  0, or -1 with ENAMETOOLONG. */
int	rundir_name(char *dst, size_t size);

/* Makes the folder unless it is there.  0, or -1 with errno: EPERM where it is somebody else's, or
 * others may write to it. */
int	rundir_make(const char *name);

#endif
