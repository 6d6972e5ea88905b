/* password - where the client has a user's password from. */

#ifndef CLIENT_PASSWORD_H
#define CLIENT_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

#include "client/client.h"
#include "io/socket.h"

#define PASSWORD_MAX	512	/* bytes, with the NUL */

/* The user's password on that server: of $COFFER_PASSWORD, else of the file of passwords, else the one
 * that was typed before, else asked for at the terminal; *asked tells the last.  0, or an exit code
 * after a message.  Wipe it after use. */
int	password_find(char password[PASSWORD_MAX], bool *asked, const struct socket_url *);

/* The one that was typed was right, and is kept for the next connection to that server; or wrong. */
void	password_keep(const struct socket_url *, const char *password);
void	password_forget(void);

#endif
