/* login - a question to the authenticator: is this that user's password, or may he come without one?
 * A question is one message over a socket that all workers share; it carries one end of a pair of
 * sockets, by which the answer comes.  So any number of sessions in any number of processes ask at
 * once, each waits for its own answer, and who gives up or dies is noticed by the other side. */

#ifndef AUTH_LOGIN_H
#define AUTH_LOGIN_H

#include <netinet/in.h>

#include <stdint.h>

#include "auth/users_line.h"

#define LOGIN_PASSWORD_MAX	512	/* bytes, with the NUL */
#define LOGIN_GROUPS_MAX	16384	/* bytes of the names of groups that one user may be in */

enum login_kind {
	LOGIN_PASSWORD,
	LOGIN_ACCOUNT		/* who he is is known otherwise: by a certificate, or from the configuration */
};

struct login_question {
	enum login_kind	 kind;
	struct sockaddr_in6 peer;	/* or any shorter address */
	char		 name[USERS_NAME_MAX + 1];
	char		 password[LOGIN_PASSWORD_MAX];
};

enum login_verdict {
	LOGIN_RIGHT,		/* he may come */
	LOGIN_WRONG,		/* to be told when ms have passed */
	LOGIN_BANNED,		/* not looked at, nor will it be for ms */
	LOGIN_LOCKED,		/* an account that there is not, or that is locked */
	LOGIN_BUSY,		/* not looked at: too many questions wait, from that address or at all */
	LOGIN_UNKNOWN		/* what it was asked of gave no answer */
};

struct login_answer {
	enum login_verdict verdict;
	int64_t		 ms;
	unsigned	 bans;		/* that began by it */
	size_t		 groups_len;
	char		 groups[LOGIN_GROUPS_MAX]; /* the user's groups beside those of the configuration: names,
					 * each with a NUL behind it; not more of it than that is sent */
};

/* Asks over the socket fd.  0; or -1: ETIMEDOUT where there was no answer in time, ECONNRESET
 * where the authenticator died with the question, ECANCELED while draining, or what
 * socketpair(2) or sendmsg(2) say. */
int	login_ask(int fd, const struct login_question *, struct login_answer *, int64_t deadline);

/* The authenticator's side.  The next question, and the socket for its answer in *reply, which is the
 * caller's: 1; 0 where there is none now; -1 where nobody is left who could ask. */
int	login_take(int fd, struct login_question *, int *reply);

/* Answers, and closes *reply; in short without groups; and whether anybody still waits for the answer. */
void	login_answer(int *reply, const struct login_answer *);
void	login_refuse(int *reply, enum login_verdict, int64_t ms);
bool	login_wanted(int reply);

#endif
