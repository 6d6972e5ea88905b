/* pam - what PAM says of a user and a password.
 * pam.c asks libpam; pam_none.c stands for it in a build without, and says so. */

#ifndef SERVER_PAM_H
#define SERVER_PAM_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/login.h"

#define PAM_WHY	256	/* bytes that hold any sentence of these modules */

enum pam_verdict {
	PAM_SAYS_RIGHT,
	PAM_SAYS_WRONG,		/* that user, that password, or that account may not */
	PAM_SAYS_NOTHING	/* it could not be asked, or could not tell */
};

struct pam_says {
	enum pam_verdict verdict;
	char		 why[PAM_WHY];	/* for the log, unless it is plainly a wrong user or password: "" */
	size_t		 groups_len;
	char		 groups[LOGIN_GROUPS_MAX];	/* the system's, of who is right: as in struct login_answer */
};

/* Whether there is a PAM to ask, and whether a service may be a file, by its absolute name. */
bool	pam_available(void);
bool	pam_by_file(void);

/* Asks about the account, and the password where the question is about one; which may take long, or for ever; modules do in this process what they like. */
void	pam_ask(const char *service, const struct login_question *, struct pam_says *);

#endif
