/* ctl - what the files of cofferctl share: exit codes, asking the server, showing what it says. */

#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The exit codes, as in cofferctl(8). */
enum ctl_exit { DONE = 0, FAILED = 1, DENIED = 2, USAGE = 3, NO_TARGET = 4 };

#define CTL_SOCKET_MAX	108	/* bytes of a Unix socket's name, with its NUL */

/* A sentence on standard error, after the program's name. */
void	ctl_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The server's control socket: `wish`, or the one that is in the folder `wish`, or (NULL) in the
 * usual one.  DONE, or another exit code after saying why. */
enum ctl_exit	ctl_find(char path[CTL_SOCKET_MAX], const char *wish);

/* Sends a request and takes the reply, waiting for seconds (0: as long as it takes).  *reply is the
 * caller's.  With `until_end`, also waits until the server has ended.  DONE, or another exit code
 * after saying why: also the one that the reply's status stands for. */
enum ctl_exit	ctl_ask(json_t **reply, const char *path, const char *request, unsigned seconds,
		    bool until_end);

/* Makes a certificate and its key in a new file, for these names, or for this machine's where there are
 * none, and tells its fingerprint. */
enum ctl_exit	ctl_certificate(const char *file, char **names, int count);

/* The three operands of explain as the server wants them: 0, or -1 where they are too long. */
#define CTL_QUESTION_MAX	960
int	ctl_question(char dst[CTL_QUESTION_MAX], char *const operand[3]);

/* What status and who tell, for people.  width is that of the terminal, or 0; at most rows lines of
 * a table, 0 for all. */
void	ctl_show_status(const json_t *status, size_t width, size_t rows);
void	ctl_show_sessions(const json_t *sessions, size_t width, size_t rows);
void	ctl_show_staged(const json_t *entries);

/* The two, again and again, until q is pressed. */
enum ctl_exit	ctl_top(const char *path, unsigned seconds);

/* Sets the user's password in the users file (NULL: the usual one), or takes the user out of it. */
enum ctl_exit	ctl_passwd(const char *file, const char *user, bool gone);

#endif
