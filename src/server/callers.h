/* callers - questions that wait for the authenticator's threads, fairly.
 * Those of one address wait for each other, and addresses take turns.  Addresses that have failed
 * wait in a lane of their own: so nobody who guesses passwords holds up those who know theirs. */

#ifndef SERVER_CALLERS_H
#define SERVER_CALLERS_H

#include "auth/login.h"

#define CALLERS_EACH	8	/* questions of one address that may wait */

/* Of each two: for users of the file, and for those whom PAM is asked about. */
enum callers_lane { CALLERS_GOOD, CALLERS_SUSPECT, CALLERS_PAM_GOOD, CALLERS_PAM_SUSPECT, CALLERS_LANES };

struct call {
	struct call	*next;
	struct login_question question;
	int		 reply;		/* the socket for the answer */
};

struct callers;

/* For so many questions at most; NULL with ENOMEM.  One thread at a time may use it. */
struct callers	*callers_open(unsigned max);

/* The call waits, and is ours: 0; or -1, and is not: too many wait already. */
int	callers_put(struct callers *, enum callers_lane, struct call *);

/* The next one of a lane, or NULL. */
struct call	*callers_take(struct callers *, enum callers_lane);

#endif
