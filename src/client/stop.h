/* stop - the wish to stop, from the keyboard or by SIGTERM.
 * While a transfer runs, a signal ends every wait with EINTR, so that what was
 * fetched is kept and the user is told how to go on.  A second signal kills. */

#ifndef CLIENT_STOP_H
#define CLIENT_STOP_H

#include <stdbool.h>

/* From now on, SIGINT, SIGTERM and SIGHUP only set the wish. */
void	stop_catch(void);

/* Whether one of them came. */
bool	stop_wanted(void);

/* Waits for `ms` milliseconds.  0, or -1 if one of them came. */
int	stop_pause(int ms);

#endif
