/* users - the users file as a table: who there is, and the hash of each one's password.
 * For the authenticator alone, and for whoever checks the file: whoever reads it holds hashes. */

#ifndef AUTH_USERS_H
#define AUTH_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "auth/users_line.h"

#define USERS_FILE_MAX	(16 * 1024 * 1024)	/* bytes; more is no users file */
#define USERS_WHY	512			/* bytes that hold any sentence of this module */

struct users;

typedef void users_fault(void *arg, const char *line);	/* "FILE:12: why" */

/* Opens the file to read, where nobody else can read or change it: it must be a regular file of
 * root's or ours, of which others have no rights, nor its group that to write.  Reads nothing.
 * -1 with a sentence. */
int	users_open(const char *file, struct stat *, char why[USERS_WHY]);

/* Reads all of it from fd, which is ours now, and tells every fault.  NULL where there is one. */
struct users	*users_read(int fd, const char *file, users_fault *, void *arg);

/* A table of nobody; NULL with errno. */
struct users	*users_none(void);

/* Leaves nothing of it in memory; *users may be NULL. */
void	users_free(struct users **users);

size_t	users_count(const struct users *);

/* Whether who is known to be that user otherwise than by a password may come: there is such a user, and
 * not one whose hash begins with !, which locks him out. */
bool	users_admitted(const struct users *, const char *name);

/* The user's hash, or NULL: there is no such user, or none with a password. */
const char	*users_find(const struct users *, const char *name);

/* Whether there is a line for that name, also one with which nobody can log in. */
bool		 users_has(const struct users *, const char *name);

/* A hash for a name that has none: always the same one of somebody else's, so that the time that it
 * takes to find a password wrong does not tell whether the user exists. */
const char	*users_decoy(const struct users *, const char *name);

#endif
