/* client - what all commands of coffer share: options, exit codes, messages.
 * Results go to stdout, talk goes to stderr, through say(). */

#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include <sys/types.h>

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The exit codes, as in coffer(1). */
enum client_exit {
	DONE		= 0,
	SOME_FAILED	= 1,	/* some of several, or one for a reason without a number */
	USAGE		= 2,
	NO_CONNECTION	= 3,
	TIMED_OUT	= 4,
	LOGIN_REFUSED	= 5,
	NOT_FOUND	= 6,
	NOT_ALLOWED	= 7,
	DISK_FULL	= 8,
	DIGEST_DIFFERS	= 9,
	RESUMABLE	= 10,
	PRECONDITION	= 11,
	PROTOCOL_ERROR	= 12,
};

struct digest;
struct remote;

struct client {
	const char	*url;		/* the server of plain paths */
	int64_t		 timeout_ms;	/* without a byte from the server */
	bool		 quiet;		/* no progress bar, no remarks */
	bool		 verbose;	/* show the lines of the protocol */
	bool		 json;
	bool		 starttls;	/* begin TLS on coffer:// as well */
	bool		 pin;		/* remember the certificate of a server that is not known */
	const char	*cacert;	/* the file of who is believed, or NULL for the system's */
	const struct digest *fingerprint; /* that the server's certificate must have, or NULL */
	struct remote	*remote;	/* the open connection, or NULL */
	int		 unconnected;	/* the exit code of the last connection that could not be had */
};

struct command {
	const char	*name;
	int		(*run)(struct client *, int argc, char **argv);
	const char	*usage;		/* what follows the name */
	const char	*what;		/* one line */
	const char	*help;		/* the options that are its own, a line each */
};

/* The user's umask; the process's own is 0, so that modes are as they are said. */
extern mode_t	client_umask;

/* The command that runs now. */
extern const struct command	*client_command;

int	cmd_cp(struct client *, int, char **);
int	cmd_df(struct client *, int, char **);
int	cmd_get(struct client *, int, char **);
int	cmd_ls(struct client *, int, char **);
int	cmd_mkdir(struct client *, int, char **);
int	cmd_mv(struct client *, int, char **);
int	cmd_ping(struct client *, int, char **);
int	cmd_put(struct client *, int, char **);
int	cmd_rm(struct client *, int, char **);
int	cmd_rmdir(struct client *, int, char **);
int	cmd_set(struct client *, int, char **);
int	cmd_stat(struct client *, int, char **);
int	cmd_sum(struct client *, int, char **);

/* Options without a letter. */
enum { CLIENT_CACERT = 1000, CLIENT_FINGERPRINT, CLIENT_PIN, CLIENT_STARTTLS };

/* The options that every command takes, for its table and its string. */
#define CLIENT_SHORTS	"hH:qvT:V"
#define CLIENT_LONGS						\
	{ "help", no_argument, NULL, 'h' },			\
	{ "host", required_argument, NULL, 'H' },		\
	{ "quiet", no_argument, NULL, 'q' },			\
	{ "verbose", no_argument, NULL, 'v' },			\
	{ "timeout", required_argument, NULL, 'T' },		\
	{ "version", no_argument, NULL, 'V' },			\
	{ "cacert", required_argument, NULL, CLIENT_CACERT },	\
	{ "fingerprint", required_argument, NULL, CLIENT_FINGERPRINT },	\
	{ "pin", no_argument, NULL, CLIENT_PIN },		\
	{ "starttls", no_argument, NULL, CLIENT_STARTTLS },	\
	{ NULL, 0, NULL, 0 }

/* Takes one of them.  0, or -1 after a message: the command answers USAGE. */
int	client_option(struct client *, int option);

/* The options of get and put. */
struct transfer {
	bool		 resume, keep, recursive;	/* -c -n -r */
	const char	*folder;			/* -t, or NULL */
};

/* Takes all of them.  0, or -1 after a message. */
int	client_transfer(struct client *, struct transfer *, int argc, char **argv);

/* Tells about the command that runs, or about all of them. */
void	client_help(FILE *);

/* Says that the command was misused.  Returns USAGE. */
int	client_misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A number of an option, from min to max.  0, or -1 after a message. */
int	client_number(const char *option, const char *text, long long min, long long max,
	    long long *);

/* One line to stderr, "coffer: " before it; a progress bar is wiped away first. */
void	say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "NAME: REASON", for a name that is shown as text_visible() does. */
void	say_of(const char *name, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Says that a local name failed with errno.  Returns the exit code for it. */
int	say_errno(const char *name, int error);

/* The words for an errno of a local file. */
const char	*errno_words(int error);

/* How several items went. */
struct tally {
	uint64_t	items, failed;
	int		code;		/* of the last failure */
};

/* Counts an item that ended with an exit code. */
void	tally_add(struct tally *, int code);

/* The exit code of all: a single item's own, SOME_FAILED for several. */
int	tally_exit(const struct tally *);

/* Ends the program at a write error of stdout: quietly where its reader has gone. */
void	out_check(void);

void	*xmalloc(size_t);
void	*xreallocarray(void *, size_t, size_t);
char	*xstrdup(const char *);
char	*xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
