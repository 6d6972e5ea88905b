/* users_line - the grammar of the users file: a line in, its parts out.
 *
 *	NAME:HASH[:anything]
 *
 * Pure: no descriptor, no allocation. */

#ifndef AUTH_USERS_LINE_H
#define AUTH_USERS_LINE_H

#include <stdbool.h>
#include <stddef.h>

#define USERS_NAME_MAX	39	/* bytes of a user's name */
#define USERS_HASH_MAX	383	/* bytes of a hash */

struct users_line {		/* the parts lie within the line given, and have no NUL behind them */
	const char	*name, *hash, *rest;	/* rest: behind the second colon, or NULL */
	size_t		 name_len, hash_len;
};

/* Whether that can be a user's name: 1 to USERS_NAME_MAX bytes of UTF-8 without control bytes,
 * spaces, colons and slashes; neither ".", "..", nor a word of rules that is about many (rights.h).  If not, why. */
bool	users_name(const char *name, size_t len, const char **why);

/* 1 and the parts, 0 for a line without a user (empty, or a comment), or -1 and why it is
 * none.  A hash is one of crypt(3), or begins with ! (locked out) or *: then no password is right. */
int	users_line(struct users_line *, const char *line, size_t len, const char **why);

/* Whether any password at all is right for this hash, which has a NUL behind it. */
bool	users_hash_open(const char *hash);

#endif
