/* remote - the connection to a server, and requests that do not wait for each other.
 * Lines out, replies in, in order.  A request is gathered and sent when there is
 * much, or when an answer is waited for.  Faults stick, as with a stream.
 * Knows the protocol's lines; knows nothing of local files. */

#ifndef CLIENT_REMOTE_H
#define CLIENT_REMOTE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/digest.h"
#include "client/client.h"
#include "io/socket.h"
#include "parse/parse_coffer.h"

struct place;
struct remote;

/* *r becomes NULL; NULL is nothing. */
void	remote_close(struct remote **r);

/* The connection to the server of a place, kept in c->remote as long as the places have the
 * same one.  0, or an exit code after a message. */
int	client_connect(struct client *c, const struct place *);

/* The exit code where there is no connection any more; `begun`: something can be gone on with, unless the
 * server is not to be believed. */
int	client_unconnected(const struct client *, bool begun);

/* Appends "VERB PATH OPTIONS\n"; path may be NULL.  0, or -1 with ENAMETOOLONG for a line that
 * no server takes: then nothing was appended. */
int	remote_request(struct remote *, const char *verb, const char *path, const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));

/* The same with two paths. */
int	remote_request2(struct remote *, const char *verb, const char *from, const char *to,
	    const char *options);

/* Appends bytes that follow a request. */
void	remote_body(struct remote *, const void *, size_t len);

/* Sends what can be sent without waiting; sends all.  A peer that does not take it
 * any more is no fault yet: its last replies may be on their way. */
void	remote_push(struct remote *);
int	remote_flush(struct remote *);

/* Calls fn whenever replies come in while we wait to send.  It reads at least one. */
void	remote_on_input(struct remote *, int (*fn)(void *), void *arg);

/* Whether something was received that is not read yet, or can be received at once. */
bool	remote_has_input(struct remote *);

/* Bytes that are appended, but not sent yet. */
size_t	remote_unsent(const struct remote *);

/* The next reply, its text good until the next read.  0, or -1: the connection is of no use. */
int	remote_reply(struct remote *, struct coffer_reply *);

/* A request and its reply at once. */
int	remote_ask(struct remote *, struct coffer_reply *, const char *verb, const char *path,
	    const char *options);

/* The next line behind a reply.  Its length, or -1. */
ssize_t	remote_line(struct remote *, char **line);

/* The next entry of a LIST whose reply was read: 1; 0 at the end, with end->code 200, or the
 * code and text of what broke it off; -1: the connection is of no use. */
int	remote_entry(struct remote *, struct coffer_entry *, struct coffer_reply *end);

/* Bytes behind a reply: as the functions of stream.h. */
ssize_t	remote_read(struct remote *, void *, size_t len);
ssize_t	remote_borrow(struct remote *, const char **bytes, size_t len);

/* The first fault or 0, and in words. */
int	remote_fault(const struct remote *);
const char *remote_why(const struct remote *);

/* Says what happened to the connection.  Returns the exit code: `transfer` where a lost connection leaves
 * something to go on from. */
int	remote_complain(const struct remote *, bool transfer);

/* Makes the peer's last words unfit.  Returns -1. */
int	remote_protocol_error(struct remote *, const char *why);

/* key= of a reply, as a number, a time, a mode, a digest.  0, or -1 where it is missing or no such
 * thing; a digest of "-" is -1 too. */
int	reply_number(const struct coffer_reply *, const char *key, uint64_t *);
int	reply_time(const struct coffer_reply *, const char *key, struct timespec *);
int	reply_mode(const struct coffer_reply *, const char *key, unsigned *);
int	reply_digest(const struct coffer_reply *, const char *key, struct digest *);

/* Says that the path failed with the server's words.  Returns the exit code. */
int	say_reply(const char *path, const struct coffer_reply *);

#endif
