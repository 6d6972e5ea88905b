/* rights - who may do what at which place of the tree.
 * A place is a path and what lies beneath it, up to the next place; it has rules, each of which
 * gives some rights to somebody.  The most special place decides, and in it the first rule that is
 * about the person; where none is, nothing is allowed.  Pure: text in, answers out, no files.
 *
 * Paths are as clients name them, without their first slash: "" is the root.  A part `%u` of a
 * place's path stands for any one part, and the rule of `%u` is about the user of that name. */

#ifndef AUTH_RIGHTS_H
#define AUTH_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RIGHT_LIST	= 1 << 0,	/* to see which names there are */
	RIGHT_READ	= 1 << 1,	/* to get what is in a file */
	RIGHT_CREATE	= 1 << 2,	/* to make what is not there */
	RIGHT_REPLACE	= 1 << 3,	/* to put something else in the place of a file */
	RIGHT_DELETE	= 1 << 4,
	RIGHT_ADMIN	= 1 << 5,	/* to set permission bits */
};
#define RIGHTS_LOOK	(RIGHT_LIST | RIGHT_READ)
#define RIGHTS_WRITE	(RIGHT_CREATE | RIGHT_REPLACE | RIGHT_DELETE)
#define RIGHTS_ALL	(RIGHTS_LOOK | RIGHTS_WRITE | RIGHT_ADMIN)

#define RIGHTS_TEXT	64	/* bytes that hold the names of all rights */
#define RIGHTS_WHY	512	/* bytes that hold any sentence of this module */
#define RIGHTS_USER	"%u"
#define RIGHTS_GROUPS	256	/* groups that there can be */

struct rights;

/* NULL with ENOMEM. */
struct rights *rights_new(void);
void	rights_free(struct rights **);	/* NULL is nothing */

/* The tables grow.  `where` is the line, for explanations; all text is copied.  A group, and who is in
 * it; a place, by its path; a rule of that place, "WHO: RIGHT ...".  The number of the group or the
 * place, or 0; or -1 with a sentence. */
int	rights_group(struct rights *, const char *name, const char *where, char why[RIGHTS_WHY]);
int	rights_member(struct rights *, int group, const char *user, char why[RIGHTS_WHY]);
int	rights_place(struct rights *, const char *path, const char *where, char why[RIGHTS_WHY]);
int	rights_allow(struct rights *, int place, const char *rule, const char *where,
	    char why[RIGHTS_WHY]);

/* The place lies in the share whose own place is `share`, and says nothing of what lies in others, even
 * where its %u could be their name. */
void	rights_within(struct rights *, int place, int share);

/* All is there: sorts it, and looks for what can only be seen now (a group that is none, a rule that
 * is never reached).  Each fault is told, with its line.  0, or -1 if there was one. */
int	rights_finish(struct rights *, void (*fault)(void *arg, const char *where, const char *why),
	    void *arg);

/* What is allowed, and why. */
struct rights_answer {
	unsigned	 allowed;	/* RIGHT_* */
	unsigned	 logged_in;	/* what one or another of those who log in is allowed there */
	int		 place;		/* that decides; -1: none */
	int		 rule;		/* of that place, that decides; -1: none is about him */
};

/* Groups that somebody is in beside those whose members are named: a bit for each number. */
struct rights_groups {
	uint64_t	 set[RIGHTS_GROUPS / 64];
};

/* Those of these names, each with a NUL behind it, of len bytes in all.  What is no group here is left out. */
void	rights_groups(const struct rights *, const char *names, size_t len, struct rights_groups *);

/* The user is "" where nobody has logged in; more may be NULL. */
void	rights_ask(const struct rights *, const char *user, const struct rights_groups *more,
	    const char *path, size_t len, struct rights_answer *);

/* Whether a place lies beneath that path, not at it. */
bool	rights_divided(const struct rights *, const char *path, size_t len);

/* What one or another is allowed at that place. */
unsigned rights_most(const struct rights *, int place);

/* For explanations.  Of a place, its path with the first slash, and its line; of a rule, its text
 * and line; good as long as the rights. */
const char *rights_place_path(const struct rights *, int place, const char **where);
const char *rights_rule_text(const struct rights *, int place, int rule, const char **where);

/* "list, read", or "nothing". */
char	*rights_text(char text[RIGHTS_TEXT], unsigned rights);

/* Whether a user may have that name: it is a part of a path, and no word or mark of a rule. */
bool	rights_is_user(const char *name);

#endif
