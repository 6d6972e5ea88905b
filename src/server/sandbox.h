/* sandbox - what a worker cannot do any more, whoever commands it.
 * Beneath the rights of its user: no new files but those beneath the root (Landlock, and chroot(2)
 * where root starts us), no system call but those on a list (seccomp), no core dump.  For good:
 * neither a worker nor what it forks gets out of it again. */

#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include <stdbool.h>

#include "server/config.h"

#define SANDBOX_TEXT	320	/* bytes that hold any level, and any sentence of this module */

enum sandbox_mode { SANDBOX_BEST, SANDBOX_REQUIRED, SANDBOX_OFF };

struct sandbox_opts {
	enum sandbox_mode mode;
	const struct config_shares *shares; /* with the folders that are served */
	bool		 rooted;	/* by chroot(2), the only one is all that this process sees */
	bool		 writable;
	bool		 forks, threads; /* what the concurrency model makes of itself */
	bool		 datagrams;	/* opens UDP sockets of its own, for TFTP */
	bool		 asks;		/* the authenticator */
	bool		 secret;	/* is the authenticator: no files at all, and few calls */
	bool		 syslog;	/* where the log goes: its socket may have to be opened again */
};

/* What has been reached. */
struct sandbox_level {
	bool		 whole;			/* Landlock and seccomp are in force */
	char		 text[SANDBOX_TEXT];	/* "landlock 7, seccomp" */
};

/* The options of workers under that configuration, outside of chroot(2). */
struct sandbox_opts sandbox_opts(const struct config *);

/* The folder for privilege_drop() to make the root folder, or NULL for none: of several roots, none
 * can be that. */
const char *sandbox_chroot(const struct config *);

/* Enters it, before there are threads.  0, or -1 if the mode is SANDBOX_REQUIRED and something
 * is missing: the process must not go on after that.  level->text says what. */
int	sandbox_enter(const struct sandbox_opts *, struct sandbox_level *);

/* Whether workers will get what the configuration requires; where it requires nothing, that is
 * always so.  Tried in a child process.  0, or -1 with a sentence. */
int	sandbox_check(const struct config *, char why[SANDBOX_TEXT]);

#endif
