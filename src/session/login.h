/* login - a session's user, by name and password; the same for every protocol. */

#ifndef SESSION_LOGIN_H
#define SESSION_LOGIN_H

#include <stddef.h>
#include <stdint.h>

struct rights_groups;
struct session;

struct login_words {		/* any bytes, no NUL behind them */
	const char	*name, *password;
	size_t		 name_len, password_len;
};

/* Asks the authenticator, waits as it says, writes the line in the log, and makes the user the
 * session's.  0; or -1 and the session stays as it was:
 *	EACCES		the password, or the user, is wrong
 *	ENOTCONN	it was said where others can listen in (see session_private()): not looked at
 *	EUSERS		too many wrong ones came from there; not looked at for *seconds more
 *	EAGAIN		too many others are being looked at
 *	ETIMEDOUT, ...	the authenticator did not answer
 *	ETOOMANYREFS	the user has too many sessions
 *	ENOSYS		nobody can log in */
int	session_login(struct session *, const struct login_words *, int64_t *seconds);

/* Whether a user who is known otherwise than by a password may come: one whom the users file has, and has
 * not locked, or whom PAM knows, or any where nobody is asked.  0, and his groups beside those of the
 * configuration; or -1 with EACCES, or what session_login() says where the authenticator did not answer. */
int	session_admit(struct session *, const char *user, struct rights_groups *);

/* A certificate has let somebody in, or not, with that errno: is counted. */
void	session_login_by_certificate(struct session *, int error);

/* session_login() for a protocol in which each request says who it is of.  Words that were right on this
 * connection within the last minutes are right without a question; what is kept of them is a digest under a
 * key of this process. */
int	session_login_again(struct session *, const struct login_words *, int64_t *seconds);

/* The session is again whose it was before the first session_login_again(). */
void	session_logout(struct session *);

/* For the end of a session. */
void	session_login_forget(struct session *);

#endif
