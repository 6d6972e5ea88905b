/* login_words - why somebody could not log in, in the words of every protocol. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/nitems.h"
#include "proto/login_words.h"

static const struct {
	int		 error, code;
	const char	*sentence;
} words[] = {
	{ EACCES,	401, "wrong user or password" },
	{ ENOTCONN,	403, "a password must not be said in clear text over a network" },
	{ ENOSYS,	403, "nobody can log in, for the server has no users" },
	{ EAGAIN,	429, "too many logins at a time; try again" },
	{ ETOOMANYREFS,	429, "too many sessions of this user at a time" },
	{ ECANCELED,	503, "shutting down" },
};

int
login_words(char why[LOGIN_WHY], int error, int64_t seconds)
{
	size_t i;

	if (error == EUSERS) {
		(void)snprintf(why, LOGIN_WHY, "too many wrong passwords; try again in %" PRId64 " s", seconds);
		return 429;
	}
	for (i = 0; i < nitems(words); i++)
		if (words[i].error == error) {
			(void)snprintf(why, LOGIN_WHY, "%s", words[i].sentence);
			return words[i].code;
		}
	(void)snprintf(why, LOGIN_WHY, "logins cannot be checked now; try again");
	return 503;
}
