/* fetch_int - between fetch.c (what to ask for, and when) and receive.c (what comes). */

#ifndef CLIENT_FETCH_INT_H
#define CLIENT_FETCH_INT_H

#include "client/fetch.h"
#include "client/remote.h"

/* Something on the server, and where it goes: a file, or all that lies beneath. */
struct branch {
	struct branch	*next;
	struct target	*target;
	char		*remote;	/* absolute; "" is the root */
	char		*local;		/* beneath the target */
	unsigned	 links;		/* symbolic links to folders that led here */
	char		**parts;	/* names in the list that end in ".part" */
	size_t		 nparts;
};

struct item {
	struct branch	*branch;
	char		*name;		/* beneath the branch; NULL: the branch itself */
	uint64_t	 size;		/* as listed */
	char		 type;		/* f, d, l as in LIST; t: a tree to be listed */
	bool		 named;		/* by the user, not by a list */
	bool		 asked;		/* its request is on its way */
	bool		 skip;		/* nothing is to be done any more */
	bool		 fresh;		/* from the beginning, whatever part file there is */
};

struct fetch {
	struct client		*client;
	struct fetch_opts	 opts;
	const struct place	*place;		/* of the server */
	struct branch		*branches;
	struct item		*items;
	size_t			 count, room;
	size_t			 done;		/* items that are finished */
	size_t			 next;		/* the first whose request was not made */
	size_t			 asked;		/* requests on their way */
	unsigned		 tries;		/* reconnects since something was finished */
	bool			 broken;
	struct tally		*tally;
	char			*buffer;	/* RECEIVE_BUFFER bytes */
};

#define RECEIVE_BUFFER	(256 * 1024)

/* Where an item is on the server (new memory), and here (static memory). */
char		*item_remote(const struct item *);
const char	*item_local(const struct item *);
const char	*item_shown(const struct fetch *, const struct item *);

/* Whether NAME.part is itself a name in the item's list. */
bool		item_other_part(const struct item *);

/* Appends an item. */
struct item	*fetch_append(struct fetch *, struct branch *, char *name, char type);
struct branch *fetch_branch(
    struct fetch *, struct target *, char *remote, char *local, unsigned links);

/* receive.c: the reply to a plain GET; a file that is gone on with, asked for and taken
 * at once.  0, or -1: the connection is of no use. */
int	receive_file(struct fetch *, struct item *);
int	receive_rest(struct fetch *, struct item *);

/* remote_tree.c: asks for the list of an item of type t and appends what it holds. */
int	list_tree(struct fetch *, size_t item);

#endif
