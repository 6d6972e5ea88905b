/* place - a remote operand: which server, and which path on it.
 * Knows the text of operands; connects to nothing. */

#ifndef CLIENT_PLACE_H
#define CLIENT_PLACE_H

#include <stdbool.h>

#include "client/client.h"
#include "io/socket.h"

#define PLACE_PORT	"26333"
#define PLACE_TLS_PORT	"26334"
#define PLACE_DEFAULT	"coffer://127.0.0.1:" PLACE_PORT

struct place {
	struct socket_url	 server;	/* without its path, unless it is a Unix socket */
	char			*path;		/* absolute, decoded, without empty and "." parts */
	bool folder; /* was written with a slash at its end, or is the root */
};

/* Whether an operand says by itself that it is remote. */
bool	place_is_url(const char *);

/* Reads an operand: a URL, or a path on the server of c->url.  NULL is that server's own path.
 * 0, or -1 after a message.  place_free() is due after success. */
int	place_parse(struct place *, const struct client *, const char *operand);
void	place_free(struct place *);

bool	place_same_server(const struct socket_url *, const struct socket_url *);

/* The port of a server: its own, or that of its scheme. */
const char	*place_port(const struct socket_url *);

/* How TLS begins there. */
enum place_tls { PLACE_CLEAR, PLACE_TLS, PLACE_STARTTLS };
enum place_tls	place_tls(const struct socket_url *);

/* "HOST:PORT" or the socket's file name, for messages. */
void	place_name(char *dst, size_t size, const struct socket_url *);

/* The last part of a path; "" of the root. */
const char	*path_leaf(const char *path);

/* folder + "/" + name, in new memory. */
char	*path_beside(const char *folder, const char *name);

#endif
