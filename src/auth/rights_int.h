/* rights_int - between rights_make.c (the tables grow) and rights.c (they are asked). */

#ifndef AUTH_RIGHTS_INT_H
#define AUTH_RIGHTS_INT_H

#include "auth/rights.h"

/* Whom a rule is about. */
enum who { WHO_USER, WHO_GROUP, WHO_OWNER, WHO_USERS, WHO_ANONYMOUS, WHO_EVERYBODY };

struct group {
	char	*name, *where;
	char	**member;	/* sorted by rights_finish() */
	size_t	 members;
};

struct rule {
	enum who what;
	char	*who;		/* a user's or group's name */
	int	 group;
	unsigned allowed;
	char	*text, *where;
};

struct place {
	char	*path, *where;	/* without the first slash */
	size_t	 head, tail;	/* bytes before %u, which ends at tail; both are the length where there is none */
	unsigned parts, literal; /* of the path, and those before %u */
	struct rule *rule;
	size_t	 rules;
	unsigned logged_in, most;
	int	 share;		/* whose place it is in; its own number: it is a share; -1: no matter */
};

struct rights {
	struct group *group;
	struct place *place;
	int	*order;		/* places, the most special first */
	size_t	 groups, places;
};

/* Whether that user is in the group, whose members are sorted. */
bool	rights_is_member(const struct group *, const char *user);

#endif
