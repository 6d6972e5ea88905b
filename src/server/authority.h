/* authority - the master's half of the authenticator: it is started, buried, and told which users
 * file to read.  Never reads that file itself. */

#ifndef SERVER_AUTHORITY_H
#define SERVER_AUTHORITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "auth/failures.h"
#include "server/config.h"
#include "server/faults.h"

struct authority;

/* Whether the users file of that configuration, if there is one, is right; read in a child process.
 * 0, or -1 with its faults. */
int	authority_check(const struct config *, struct faults *);

/* Nothing is started yet.  NULL with errno. */
struct authority *authority_open(void);

/* No authenticator is left, nor anybody who could ask. */
void	authority_close(struct authority **);

/* Where workers of that configuration ask; -1 where nobody can log in. */
int	authority_door(const struct authority *, const struct config *);

/* That configuration serves from here on; it must stay until another one is named. */
void	authority_serve(struct authority *, const struct config *);

/* Forks what is due, and looks whether the file has changed.  When to come again. */
int64_t	authority_step(struct authority *);

/* A child has died: whether it was the authenticator. */
bool	authority_bury(struct authority *, pid_t, int status);

/* The log's files have been opened again. */
void	authority_reopen(const struct authority *);

/* Forgives failures: those of a user, of an address, or "all".  How many. */
unsigned authority_forgive(struct authority *, const char *what);

/* For status. */
struct authority_state {
	bool		 wanted;	/* there is a users file */
	pid_t		 pid;		/* 0: it is dead, */
	int64_t		 due;		/* and the next is started then */
	int64_t		 born;
	unsigned	 restarts;
	struct failures	*failures;
};
void	authority_state(const struct authority *, struct authority_state *);

#endif
