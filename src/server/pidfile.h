/* pidfile - a file that holds the master's process id, and keeps a second one from starting.
 * As pidfile(3) does, but the lock can be handed on to the next binary: nobody else gets it
 * meanwhile. */

#ifndef SERVER_PIDFILE_H
#define SERVER_PIDFILE_H

#include <sys/types.h>

struct pidfile;

/* Opens and locks it, or goes on with the descriptor `handed` (-1: none; else ours now), if that is this
 * file.  Nothing is written yet.  NULL with errno: EEXIST while another process holds it, of which *other
 * is the pid, or -1. */
struct pidfile	*pidfile_take(const char *path, int handed, pid_t *other);

/* Writes our pid.  0, or -1 with errno. */
int		 pidfile_put(struct pidfile *);

/* The descriptor, to be handed on. */
int		 pidfile_fd(const struct pidfile *);

/* Lets go of the file, and removes it if our own pid stands in it: who has it by now has written
 * another.  NULL is nothing. */
void		 pidfile_release(struct pidfile *);

/* The same, and the end of it. */
void		 pidfile_leave(struct pidfile **);

#endif
