/* send_int - between send.c (the requests that wait for a reply), body.c (what is sent) and take.c
 * (the replies). */

#ifndef CLIENT_SEND_INT_H
#define CLIENT_SEND_INT_H

#include "client/remote.h"
#include "client/send.h"

#define SEND_WINDOW	2048		/* requests without a reply at most */
#define SMALL_MAX	(1024 * 1024)	/* files up to this are read before they are sent */
#define WAIT_MIN        (16 * 1024 * 1024) /* from this on, the server is asked before bytes move */
#define BODY_BUFFER	SMALL_MAX

/* Held files are committed after so many requests, bytes or milliseconds: what a broken
 * connection may cost.  Well below SEND_WINDOW, for they are kept until then. */
#define HOLD_REQUESTS	1000
#define HOLD_BYTES	(64 * 1024 * 1024)
#define HOLD_MS		5000

enum kind { NOTHING, FOLDER, FILE_BYTES, PIPE_BYTES, COMMIT };

/* A request whose reply is due, or a held file whose COMMIT is. */
struct entry {
	enum kind	 kind;		/* NOTHING: no reply is due after all */
	char		*local, *remote;
	bool		 named;
	bool		 waits;		/* the server says from where on */
	bool		 go;		/* and has said so */
	bool		 held;		/* sent to be held */
	uint64_t	 from;		/* there */
	uint64_t	 size;
	struct digest	 digest;	/* ours */
};

struct send {
	struct client		*client;
	const struct place	*place;
	struct send_opts	 opts;
	struct tally		*tally;
	struct entry		 ring[SEND_WINDOW];
	uint64_t head, tail; /* entries head to tail - 1 wait for their replies */
	uint64_t		 base;		/* from here to head - 1: held ones, and done ones */
	bool			 hold;		/* the server can */
	bool			 asked;		/* whether it can */
	bool			 uncommitted;	/* something was sent to be held, and no COMMIT behind it */
	uint64_t		 since;		/* the first entry behind the last COMMIT */
	uint64_t		 hold_bytes;
	uint64_t		 hold_most;	/* requests up to a COMMIT */
	int64_t			 hold_until;
	struct entry		*again;		/* refused for now: more than the server holds */
	size_t			 agains;
	unsigned		 tries;
	uint64_t reached; /* the largest `from` of the first entry: progress */
	bool			 early;		/* a reply came before all bytes of it were sent */
	bool			 refused;	/* so was the file that was answered last */
	bool			 broken;
	int			 code;		/* the exit code of a pipe that broke, or DONE */
	unsigned		 since_look;
	size_t			 not_taken;	/* bytes that the socket had no room for */
	char			*buffer;	/* BODY_BUFFER bytes */
};

/* Frees what an entry has, and leaves nothing. */
void	entry_forget(struct entry *);

/* Takes one reply.  0, or -1: the connection is of no use. */
int	take_reply(void *send);

/* Takes the replies to all entries before `until`.  0, or -1. */
int	take_until(struct send *, uint64_t until);

/* Sends the request of an entry and all that belongs to it.  fd is the open file, or -1 to open
 * entry->local.  0 (entry->kind is NOTHING if nothing was sent), or -1. */
int	body_file(struct send *, uint64_t index, int fd);
int	body_pipe(struct send *, uint64_t index, int fd);

/* Counts an entry that is sent to be held. */
void	send_held(struct send *, struct entry *);

/* The connection cannot be used further because of what we sent; replies before are taken. */
int	abort_body(struct send *, uint64_t index);

static inline struct entry *
entry_at(struct send *s, uint64_t index)
{
	return &s->ring[index % SEND_WINDOW];
}

#endif
