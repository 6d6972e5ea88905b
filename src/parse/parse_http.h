/* parse_http - the grammar of HTTP/1.1 requests (RFC 9112), bytes in, a struct out.
 * Strict: where a head could be read in two ways, it is refused.  Pure: no descriptor, no clock,
 * no allocation.  Lists, dates, tags and ranges are in http_values. */

#ifndef PARSE_PARSE_HTTP_H
#define PARSE_PARSE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_LINE_MAX	8192	/* bytes of a request line, with its CR LF; more is 414 */
#define HTTP_HEAD_MAX	32768	/* bytes of a whole head; more is 431 */
#define HTTP_FIELDS_MAX	100	/* fields of a head; more is 431 */
#define HTTP_CHUNK_MAX	256	/* bytes of a chunk's first line, and of a line behind the last */

enum http_method {
	HTTP_GET, HTTP_HEAD, HTTP_OPTIONS,
	HTTP_PUT, HTTP_POST, HTTP_DELETE, HTTP_PATCH, HTTP_TRACE, HTTP_CONNECT,
	HTTP_METHODS		/* none that we know */
};

/* The fields that mean something to us; the others are checked and forgotten. */
enum http_name {
	HTTP_HOST, HTTP_CONNECTION, HTTP_CONTENT_LENGTH, HTTP_TRANSFER_ENCODING, HTTP_EXPECT,
	HTTP_ACCEPT, HTTP_RANGE, HTTP_IF_RANGE, HTTP_IF_MATCH, HTTP_IF_NONE_MATCH,
	HTTP_IF_MODIFIED_SINCE, HTTP_IF_UNMODIFIED_SINCE, HTTP_AUTHORIZATION,
	HTTP_NAMES
};

/* Lies in the head. */
struct http_text {
	char	*at;		/* NULL: there is none; not ended by NUL */
	size_t	 len;
};

struct http_field {
	enum http_name	 name;
	struct http_text value;	/* without the spaces around it */
};

struct http_request {
	enum http_method method;
	struct http_text target;	/* as it came */
	struct http_text path;		/* begins with a slash, not decoded; none for OPTIONS * */
	struct http_text query;		/* what is behind the ? */
	struct http_text host;		/* of an absolute target, else the field */
	bool		 old;		/* HTTP/1.0 */
	bool		 keep;		/* the client would go on with this connection */
	bool		 expect;	/* it waits for 100 (Continue) before the body */
	bool		 chunked;	/* a body in chunks follows */
	uint64_t	 length;	/* or one of so many bytes */
	uint32_t	 seen;		/* a bit for each http_name that came */
	size_t		 fields;
	struct http_field field[HTTP_FIELDS_MAX];
};

/* For stream_block(): the length of the head at `s`, or of as much as is enough to
 * refuse it; 0 where more must come.  An empty line before a request is a block of its
 * own (of two bytes). */
size_t	http_complete(const char *s, size_t len, size_t seen);

/* Takes a block that http_complete() measured apart.  0, or the status to answer with
 * (400, 414, 417, 431, 501, 505) and *why a static sentence; then only method and
 * target are to be relied on, and what follows the head on the wire cannot be. */
int	http_parse(struct http_request *, char *head, size_t len, const char **why);

/* The first field of that name, or none; and whether it came more than once. */
struct http_text http_field(const struct http_request *, enum http_name);
bool	http_repeated(const struct http_request *, enum http_name);

/* "GET"; "?" for none that we know. */
const char	*http_method_name(enum http_method);

/* Whether a comma-separated list has this word, letters of either case. */
bool	http_has_word(struct http_text list, const char *word);

/* A field behind the last chunk, of at least one byte, without its CR LF: 0, or as http_parse(). */
int	http_trailer_parse(char *line, size_t len, const char **why);

/* The first line of a chunk, without its CR LF (extensions are passed over).  0, or -1. */
int	http_chunk_parse(uint64_t *len, const char *line, size_t linelen);

#endif
