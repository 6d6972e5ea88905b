/* privilege - whom the workers become, and whether that user can serve the root.
 * Started as an ordinary user, the workers stay who they are. */

#ifndef SERVER_PRIVILEGE_H
#define SERVER_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PRIVILEGE_WHY	512	/* bytes that hold any sentence of this module */

struct privilege {
	bool	drop;		/* started as root, and the user is another */
	bool	ports;		/* workers may bind ports below 1024, if we may; not by default */
	uid_t	uid;
	gid_t	gid;
	char	name[64];	/* for messages; a number where the user has no name */
};

/* Whom the workers become.  `user` is "" for the default: coffer, else nobody.  0, or -1
 * with a sentence: as root, a user that does not exist.  May be asked again on a reload. */
int	privilege_find(struct privilege *, const char *user, char why[PRIVILEGE_WHY]);

/* Whether that user can list root, and with `writable` write to it; tried in a child
 * process that has become the user.  0, or -1 with a sentence. */
int	privilege_check(const struct privilege *, const char *root, bool writable,
	    char why[PRIVILEGE_WHY]);

/* Becomes the user for good, with its groups and without capabilities, and takes away the way
 * back: for each worker, before it accepts.  Root that stays root keeps those over files.  *root
 * becomes the process's root folder on the way, or NULL where that is refused; root or *root may
 * be NULL from the beginning.  0, or -1 with errno; a worker must not go on after that. */
int	privilege_drop(const struct privilege *, const char **root);

#endif
