/* session - one peer's connection and what it needs, from accept to close.
 * Protocols get it as their one argument. */

#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <netinet/in.h>

#include <stdbool.h>
#include <stdint.h>

#include "auth/rights.h"
#include "base/mime.h"
#include "io/datagram.h"
#include "io/stream.h"
#include "session/access.h"
#include "session/claims.h"
#include "session/limits.h"
#include "session/progress.h"
#include "session/reach.h"
#include "session/tally.h"

#define SESSION_ID_MAX	14	/* a session's number in base 36, with its NUL */

struct hold;
struct login_memory;

struct session_opts {
	struct stream_opts stream;
	uint64_t	 upload_max;	/* bytes of one upload; 0: no limit */
	uint64_t	 drop_max;	/* bytes of a refused upload that are read and dropped
					 * to keep the connection */
	enum access_format access_log;	/* of the line for each request; 0: none */
	uint64_t	 held_max;	/* uploads that one session may hold */
	unsigned	 hash_max;	/* files hashed for one address at a time; 0: any number */
	unsigned	(*rivals)(void *, const struct progress *);	/* how many sessions of the same
					 * address have been at a request of this verb for longer */
	void		*rivals_arg;
	int		 login;		/* where the authenticator is asked; -1: nobody can log in */
	int64_t		 login_ms;	/* how long its answer is waited for */
	bool		 index;		/* HTTP: a folder's index.html stands for its listing */
	const struct mime *mime;	/* HTTP: which types names have */
	unsigned	 window_max;	/* TFTP: blocks sent or taken before an ACK */
	const char	*datagram_user;	/* TFTP: who its clients are; "" for nobody */
	int64_t		 dally_ms;	/* TFTP: how long the last word of an upload is said again where the
					 * peer has not heard it */
	int64_t		(*refuses)(void *, const struct progress *);	/* for how many milliseconds the
					 * request in this slot must not be served; NULL: all may */
	void		*refuses_arg;
	struct limits	*limits;	/* where it is counted what one may have; NULL: nothing is limited */
	struct limits_opts limit;
	struct tls_context *tls;	/* certificates and keys; NULL: there is no TLS */
	bool		 tls_required;	/* nothing is served across a network without it */
	_Atomic uint64_t *served;	/* one more for each request; or NULL */
	struct tally	*tally;		/* where requests are counted; or NULL */
	char		*(*metrics)(void *, size_t *len);	/* what the pool does, as text, which is the
					 * caller's to free(3); NULL with errno */
	void		*metrics_arg;
};

struct session {
	struct stream		*stream;	/* NULL where the protocol takes datagrams */
	struct datagram		*datagram;	/* the first one, and the socket; else NULL */
	claim			*claim;		/* while the peer may ask again for want of an answer */
	const struct shares	*shares;	/* what is served, and to whom; see reach.h */
	const struct session_opts *opts;
	const struct protocol	*protocol;
	struct progress		*progress;	/* what others may see of it */
	uint64_t		 number;	/* for the log: unique in this pool's life */
	bool			 hurries;	/* the request in hand is one too many of its address */
	uint64_t		 heard;		/* bytes, when the store was last told; UINT64_MAX: of the turn */
	int64_t			 refused;	/* milliseconds for which session_begin() has refused it */
	const char		*verb;		/* of the last request, and its place */
	unsigned		 verb_place;
	struct rights_groups	 groups;	/* what the authenticator said of the user's */
	struct login_memory	*logins;	/* of session_login_again(), or NULL */
	struct hold		*hold;		/* uploads that wait for a COMMIT, or NULL */
	struct sockaddr_in6	 peer;		/* or any shorter address */
	struct limits_account	*address, *user;	/* what they have spent; or NULL */
	limits_clock		 spent;		/* and this session alone */
	struct stream_throttle	 throttle;	/* its piece is 0 where no rate is kept */
};

struct protocol {
	const char	*name;		/* the URL's scheme */
	const char	*port;		/* the default */
	bool		 secure;	/* it begins with the handshake of TLS */
	const char	*alpn;		/* its name in there */
	void		(*serve)(struct session *);	/* from greeting to good-bye */
	/* For a protocol of datagrams, else NULL: whether a first one is worth a session.  If not, the
	 * bytes that it leaves at `answer` are sent to who sent it; *len of them, 0 for none.
	 * `single`: packets of a transfer that is over may come this way as well. */
	bool		(*begins)(const struct datagram *, bool single,
			    char answer[DATAGRAM_MAX], size_t *len);
	const char	*full;		/* what is sent to who has too many sessions, and its length; */
	size_t		 full_len;	/* NULL: nothing */
	const char	*(*verb)(int i);	/* the names that session_access() gets, */
	int		 verbs;			/* and how many; NULL: they are not told apart */
};

/* Runs protocol->serve on an accepted socket and closes it.  The progress is open: it says which
 * session this is, and whose. */
void	session_run(struct progress *, const struct protocol *, const struct shares *,
	    const struct session_opts *);

/* The same for a datagram, from malloc(3), whose socket is open.  Takes both, and the claim. */
void	session_run_datagram(struct progress *, struct datagram *, claim *, const struct protocol *,
	    const struct shares *, const struct session_opts *);

/* Before a session: it counts as one of its peer's.  0, or -1: he has too many.  And behind it, or by the
 * master when its process has died: it does not any more.  `accounts` is that of its slot, of which *p may be a
 * copy. */
int	session_enter(struct progress *, const struct session_opts *);
void	session_leave(struct limits *, const struct progress *p, atomic_uchar *accounts);

/* Says so to who has too many, without waiting, and ends our half of the connection. */
void	session_refuse(int fd, const struct protocol *);

/* Somebody has logged in; "" is nobody.  0, or -1 with ETOOMANYREFS: he has too many sessions, and this one
 * stays as it was. */
int	session_as(struct session *, const char *user);

/* `len` bytes of a datagram have moved: waits as long as the rates want it.  Streams do so themselves. */
void	session_pay(struct session *, size_t len);

/* session.c's: the session begins, and keeps to its rates. */
void	session_limit(struct session *);

/* Something has come that is a request, or should be one: counts it, whatever becomes of it, and sets
 * ->hurries.  Every protocol calls this first. */
void	session_request(struct session *);

/* A request has been read and understood, and is in hand until session_access().  Every protocol
 * calls this before it acts.  The path is as it is, without its first slash and not made visible; it
 * is copied.  began is clock_us() when the request came.  0, or -1 with EOWNERDEAD: it must not be
 * served, for processes have died of it; it is to be answered like one that the server cannot
 * serve now; or with ETOOMANYREFS: there were too many of late. */
int	session_begin(struct session *, const char *verb, const char *path, size_t len, int64_t began);

/* The i-th verb that a protocol is counted by, NULL past the last. */
const char *session_verb_name(const struct protocol *, size_t i);

/* The number as the log shows it, at the end of `id`; and back: 0, or -1 with EINVAL. */
char	*session_id(char id[SESSION_ID_MAX], uint64_t number);
int	session_id_parse(uint64_t *number, const char *id);

/* Speaks TLS from here on.  Who has logged in before is forgotten; whom the client's certificate names
 * has logged in.  0, or -1 after a line in the log, and the stream has failed. */
int	session_tls(struct session *);

/* Whether it does; and whether it must before anything is served. */
bool	session_secured(const struct session *);
bool	session_too_open(const struct session *);

/* Whether nobody can listen in, so that a password may be said. */
bool	session_private(const struct session *);

/* Who has logged in; "" for nobody.  Good until the session ends, or somebody else does. */
const char *session_user(const struct session *);

/* Whether logging in is possible here, so that it can be asked for. */
bool	session_may_login(const struct session *);

/* The request is answered: it is no more in hand.  For every request, whether it was begun or not.
 * The line in the access log, if there is one (else path may be NULL):
 *	h7f3 192.0.2.7 coffer GET /plans/roof.pdf 200 88120 bytes 0.021 s
 *	h7f4 alice@192.0.2.7 coffer DELETE /plans/roof.pdf 200 20 bytes 0.001 s
 * began is clock_us() when the request came. */
void	session_access(struct session *, const char *verb, const char *path, int code,
	    uint64_t bytes, int64_t began);

/* The same first words, then a sentence: for what goes wrong outside a request. */
void	session_log(struct session *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
