/* authenticator - the process that alone holds the hashes of passwords, and checks them.
 * One beside the pool; workers ask it over a socket that all of them share (auth/login), the master
 * tells it over another one which file to read: it opens nothing itself, and has no network. */

#ifndef SERVER_AUTHENTICATOR_H
#define SERVER_AUTHENTICATOR_H

#include "auth/failures.h"
#include "server/config.h"

#define AUTHENTICATOR_OPERAND	256	/* bytes of an order's text, with the NUL */

/* An order of the master's: one message. */
enum authenticator_order_kind {
	AUTHENTICATOR_READ,	/* the users file, whose descriptor comes with it; text is its name.  Without
				 * both there is none */
	AUTHENTICATOR_FORGIVE	/* text says whom */
};

struct authenticator_order {
	enum authenticator_order_kind kind;
	struct failures_limits limits;
	int64_t		 login_ms;	/* how long a worker waits for an answer */
	char		 text[AUTHENTICATOR_OPERAND];
};

struct authenticator_opts {
	const struct config *config;
	struct failures	*failures;
	int		 questions;	/* where they come from, */
	int		 orders;	/* and orders */
};

/* Becomes it, in a process of its own, until nobody is left who could ask. */
_Noreturn void	authenticator_run(const struct authenticator_opts *);

#endif
