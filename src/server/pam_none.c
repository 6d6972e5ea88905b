/* pam_none - a build without PAM.  Within libcoffer_server.a: a program that is linked with pam.o
 * before does not take it. */

#include <string.h>

#include "server/pam.h"

bool
pam_available(void)
{
	return false;
}

bool
pam_by_file(void)
{
	return false;
}

void
pam_ask(const char *service, const struct login_question *q, struct pam_says *says)
{
	(void)service;
	(void)q;
	memset(says, 0, sizeof(*says));
	says->verdict = PAM_SAYS_NOTHING;
	(void)strlcpy(says->why, "this program was built without PAM", sizeof(says->why));
}
