/* coffer - what the files of the native protocol share; nobody else includes it.
 * proto_coffer.c holds the conversation, coffer_reply.c what replies are made of, coffer_read.c the
 * verbs that only look, coffer_write.c those that change names, coffer_put.c the uploads, coffer_hold.c
 * what publishes many of them at once, coffer_login.c who it is. */

#ifndef PROTO_COFFER_H
#define PROTO_COFFER_H

#include "parse/parse_coffer.h"
#include "session/session.h"
#include "store/path.h"
#include "store/store.h"
#include "store/upload.h"

#define WHY_MAX		512	/* bytes of a sentence about a bad request */
#define EXCHANGE_NAME	64	/* bytes of a name that is no path which reply and log repeat */
#define EXCHANGE_SHOWN	(3 * EXCHANGE_NAME + sizeof("..."))

/* One request on its way to its reply. */
struct exchange {
	struct session		*session;
	struct stream		*stream;
	struct coffer_request	 request;	/* its words are gone once the body is read */
	struct path		 path[2];	/* the operands, where they are paths, */
	struct reach		 at[2];		/* and what was reached by them, */
	struct path		 rest[2];	/* perhaps by this name there */
	char			 refused[EXCHANGE_SHOWN]; /* an operand that is no path, as it stands on the
						 * wire, or its beginning; else empty */
	int			 code;		/* of the reply */
	bool			 over;		/* the conversation ends with this reply */
	int64_t			 began;		/* clock_us() */
};

/* The reply "CODE /path: sentence", and x->code; the root or no path may be NULL. */
void	reply_error(struct exchange *, int code, const struct path *, const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));

/* The same for an errno of the floors below. */
void	reply_errno(struct exchange *, int error, const struct path *);

/* The same for an errno that the store has said of the ith operand. */
void	reply_store_errno(struct exchange *, int error, int i);

/* "CODE path=/path". */
void	reply_path(struct exchange *, int code, const struct path *);

/* "201 size= sha256= durability=". */
void	reply_stored(struct exchange *, const struct object *);

/* " sha256=HEX", or " sha256=-", at dst; the end. */
char	*put_digest(char *dst, const struct object *);
char	*put_text(char *dst, const char *);

/* A call of the store that may block, and its arguments. */
struct store_call {
	int		 (*fn)(struct store_call *);
	struct store	*store, *to_store;
	const struct path *path, *to;
	bool		 only_new;
	struct object	*object;
	const struct coffer_request *request;
	const struct upload_want *want;
	struct upload	**upload;
	bool		 keep;
};
int	store_call(struct store_call *);	/* by wait_call(): 0, or -1 with errno */

/* The verbs; each writes a whole reply or fails the stream. */
void	serve_list(struct exchange *);
void	serve_stat(struct exchange *);
void	serve_get(struct exchange *);
void	serve_hash(struct exchange *);
void	serve_space(struct exchange *);
void	serve_delete(struct exchange *);
void	serve_rmdir(struct exchange *);
void	serve_mkdir(struct exchange *);
void	serve_move(struct exchange *);
void	serve_copy(struct exchange *);
void	serve_set(struct exchange *);
void	serve_put(struct exchange *);
void	serve_commit(struct exchange *);
void	serve_abort(struct exchange *);
void	serve_login(struct exchange *);
void	serve_whoami(struct exchange *);

/* Where the session's uploads wait for a COMMIT; NULL with errno. */
struct hold *session_hold(struct exchange *);

/* At the end of a session: what still waits is left for a resume. */
void	drop_held(struct session *);

/* Reads away the body of a PUT that is refused (or ends the conversation where that would
 * take too long), before its reply.  `left` bytes, or UINT64_MAX for chunks. */
void	refuse_body(struct exchange *, uint64_t left);

#endif
