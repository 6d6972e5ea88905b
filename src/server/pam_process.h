/* pam_process - the process that asks PAM, beside the authenticator, which is sealed off and could not.
 * A child for each question: so a module that hangs, dies or forgets to free keeps nobody else, and is
 * killed when its time is up.  It holds no hashes, hears of workers only what the authenticator hands
 * on, and logs nothing: what there is to say comes with the answer. */

#ifndef SERVER_PAM_PROCESS_H
#define SERVER_PAM_PROCESS_H

#include <stdint.h>

#include "server/config.h"
#include "server/pam.h"

#define PAM_CHANNELS	10	/* questions at a time */

/* Whether that service can be asked.  0, or -1 with a sentence. */
int	pam_check(const char *service, char why[PAM_WHY]);

/* Starts it, as whoever calls; it ends when the other ends of the channels are closed, and they report a
 * hang-up when it dies.  0, or -1 with errno. */
int	pam_process_start(const struct config *, int channels[PAM_CHANNELS]);

/* Asks by a channel that nobody else uses meanwhile, and waits.  After so many milliseconds the answer
 * is PAM_SAYS_NOTHING, as it is when the process has died. */
void	pam_process_ask(int channel, const struct login_question *, int64_t ms, struct pam_says *);

#endif
