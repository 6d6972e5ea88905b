/* http - what the files of HTTP share; nobody else includes it.
 * proto_http.c holds the conversation, http_reply.c the heads and all replies without a file,
 * http_body.c what is read away, http_login.c who it is, http_file.c files, their versions and ranges,
 * http_list.c listings in JSON, http_page.c those in HTML, http_metrics.c what is no tree. */

#ifndef PROTO_HTTP_H
#define PROTO_HTTP_H

#include <string.h>

#include "parse/http_values.h"
#include "parse/parse_http.h"
#include "session/session.h"
#include "store/listing.h"
#include "store/path.h"
#include "store/store.h"

#define HTTP_REPLY_MAX	2048	/* bytes of a head without a path in it */
#define HTTP_METHODS_HERE "GET, HEAD, OPTIONS"
/* To who has too many connections. */
#define HTTP_FULL	"HTTP/1.1 429 Too Many Requests\r\nServer: cofferd/" PACKAGE_VERSION "\r\nRetry-After: 5\r\n" \
			"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 47\r\nConnection: close\r\n\r\n" \
			"too many connections of your address at a time\n"
#define HTTP_NO_CACHE	"Cache-Control: no-cache\r\n"	/* of a listing */
#define HTTP_VARY	"Vary: Accept\r\n"	/* a folder is a page, an index.html or JSON */

/* One request on its way to its reply. */
struct http_exchange {
	struct session		*session;
	struct stream		*stream;
	struct http_request	 request;
	char			*kept;		/* the head, where the body has taken its place; or NULL */
	struct reach		 at;		/* what was reached by the target, */
	struct path		 rest;		/* perhaps by this name there */
	struct path		 path;		/* the target, */
	bool			 folder;	/* which ended with a slash */
	bool			 over;		/* the connection ends with this reply, */
	bool			 linger;	/* and more may be on the way that is not read */
	bool			 broken;	/* the head is none: what it holds is not known */
	int			 code;		/* of the reply */
	time_t			 now;		/* of its Date */
	int64_t			 began;		/* clock_us() */
};

/* proto_http.c: from the first request to the end of the connection. */
void	http_serve(struct session *);

/* http_metrics.c: GET and HEAD on such a listener. */
void	serve_metrics(struct http_exchange *);

/* http_reply.c */

/* A head: the status line, Server and Date, at dst; what stands in every head behind it, and its
 * end.  In between, each line ends by CR LF. */
char	*head_begin(struct http_exchange *, char *dst, int code);
char	*head_end(struct http_exchange *, char *dst);
char	*head_number(char *dst, const char *name, uint64_t);	/* "Name: N" CR LF */

/* Here, for the length of most texts is known to the compiler. */
static inline char *
head_put(char *dst, const char *text)
{
	size_t len = strlen(text);

	memcpy(dst, text, len);
	return dst + len;
}

/* A whole reply with the status and a sentence, for people; 401 asks for a password.  And one that
 * says when to come again. */
void	reply_status(struct http_exchange *, int code, const char *sentence);
void	reply_later(struct http_exchange *, int code, const char *sentence, int64_t seconds);
/* The same for an errno of the floors below: the one place where it becomes a status. */
void	reply_fault(struct http_exchange *, int error);
/* The same for an errno of the store in x->at. */
void	reply_store_fault(struct http_exchange *, int error);
void	reply_no_range(struct http_exchange *, off_t size);	/* 416 */
void	reply_not_modified(struct http_exchange *, const char *tag);	/* 304; NULL: no tag */
void	reply_options(struct http_exchange *);
/* 301 to x->path with a slash behind it. */
void	reply_to_folder(struct http_exchange *);

/* http_login.c */

/* Makes the session the user's whom the request names, or whoever it was before.  0; or -1, and the
 * reply is there. */
int	log_in(struct http_exchange *);

/* What was said of a password stays nowhere. */
void	forget_password(struct http_exchange *);

/* http_body.c */

/* Reads the body of a request away, before its reply.  0; or -1, and the reply (or the stream's
 * fault) is there. */
int	body_drop(struct http_exchange *, const char *head, size_t len);

/* http_file.c, http_list.c, http_page.c: GET and HEAD */

void	serve_target(struct http_exchange *);
void	serve_listing(struct http_exchange *, const struct http_query *);

/* A body of unknown length that is written bit by bit. */
struct page {
	struct http_exchange *x;
	char		*begin, *p;	/* the chunk under way; NULL: none */
	bool		 chunked;	/* else it ends with the connection */
	uint64_t	 files, folders, bytes;	/* for the look: what was listed so far */
};

/* Room for `len` bytes (at most PAGE_BITE) at page->p; NULL where the stream has failed. */
#define PAGE_BITE	8192
char	*page_room(struct page *, size_t len);
void	page_put(struct page *, const char *text);

/* One look of a listing. */
struct look {
	const char *type;		/* the media type */
	const char *fields;		/* more of the head */
	void	(*begin)(struct page *, const struct http_query *);
	void	(*entry)(struct page *, const struct listing_entry *);
	void	(*end)(struct page *);
};
extern const struct look look_html;

#endif
