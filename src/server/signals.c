/* signals - what a child of the master makes of the signals that it inherits. */

#include "server/signals.h"

#include <stddef.h>

#include "base/nitems.h"
#include "server/reopen.h"

void
signals_reset(void (*tell)(int signal))
{
	static const int fallback[] = { SIGTERM, SIGCHLD, SIGALRM };
	static const int ignored[] = { SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGUSR2 };
	sigset_t none;
	size_t i;

	for (i = 0; i < nitems(fallback); i++)
		(void)signal(fallback[i], SIG_DFL);
	for (i = 0; i < nitems(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	reopen_follow(tell);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}
