/* args - the command line of cofferd.
 * What is wrong with it ends the program, with a sentence on stderr and EX_USAGE. */

#ifndef SERVER_ARGS_H
#define SERVER_ARGS_H

#include "server/config.h"

#define ARGS_DEFAULT_FILE	SYSCONFDIR "/coffer/cofferd.conf"	/* without -f and DIR */

struct args {
	struct config_setting *settings;	/* -o first, then the options that are keys too */
	size_t		 nsettings;
	char		*file;			/* -f, absolute, or NULL */
	char		*dir;			/* absolute, or NULL */
	bool		 test, show;
};

/* Fills all of it; the settings point into argv, which they change.  -h and -V end the program, too. */
void	args_parse(struct args *, int argc, char **argv);
void	args_free(struct args *);

/* "WHY WHAT" and the usage, and the end. */
_Noreturn void	args_bad_usage(const char *why, const char *what);
_Noreturn void	args_no_memory(void);

#endif
