/* parse_coffer - the grammar of the native protocol, coffer-protocol(7).
 * Pure: bytes in, a struct out; no descriptor, no clock, no allocation. */

#ifndef PARSE_PARSE_COFFER_H
#define PARSE_PARSE_COFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/digest.h"

enum coffer_verb {
	COFFER_HELP, COFFER_LIST, COFFER_STAT, COFFER_GET, COFFER_PUT, COFFER_COMMIT, COFFER_ABORT,
	COFFER_HASH, COFFER_DELETE, COFFER_MOVE, COFFER_COPY, COFFER_MKDIR, COFFER_RMDIR, COFFER_SET,
	COFFER_LOGIN, COFFER_WHOAMI, COFFER_STARTTLS, COFFER_SPACE, COFFER_PING, COFFER_QUIT,
	COFFER_VERBS	/* how many */
};

/* Options, as bits of coffer_request.given. */
enum {
	COFFER_DEPTH	= 1 << 0,	/* depth=N or all */
	COFFER_MATCH	= 1 << 1,	/* match=GLOB */
	COFFER_SORT	= 1 << 2,	/* sort=name, size or mtime */
	COFFER_AFTER	= 1 << 3,	/* after=NAME */
	COFFER_LIMIT	= 1 << 4,	/* limit=N */
	COFFER_DIGEST	= 1 << 5,	/* digest */
	COFFER_FROM	= 1 << 6,	/* from=N */
	COFFER_LEN	= 1 << 7,	/* len=N */
	COFFER_SIZE	= 1 << 8,	/* size=N or * */
	COFFER_SHA256	= 1 << 9,	/* sha256=HEX */
	COFFER_MTIME	= 1 << 10,	/* mtime=SECONDS[.FRACTION] */
	COFFER_MODE	= 1 << 11,	/* mode=OCTAL */
	COFFER_IF	= 1 << 12,	/* if=new or if=sha256:HEX */
	COFFER_WAIT	= 1 << 13,	/* wait */
	COFFER_RESUME	= 1 << 14,	/* resume */
	COFFER_HOLD	= 1 << 15,	/* hold */
	COFFER_PARENTS	= 1 << 16,	/* parents */
};

enum coffer_sort { COFFER_SORT_NAME, COFFER_SORT_SIZE, COFFER_SORT_MTIME };

#define COFFER_DEPTH_ALL	UINT32_MAX
#define COFFER_SIZE_CHUNKED	(-1)

struct coffer_word {		/* decoded, NUL-terminated, within the line given */
	char	*at;		/* NULL: not given */
	size_t	 len;		/* may count NULs in between: they were %00 */
};

struct coffer_request {
	enum coffer_verb   verb;
	struct coffer_word operand[2];	/* paths; USER and PASSWORD; the verb of HELP */
	unsigned	   given;	/* which options */
	uint32_t	   depth;	/* entries from 1, or COFFER_DEPTH_ALL */
	enum coffer_sort   sort;
	struct coffer_word match, after;
	uint64_t	   limit;	/* from 1 */
	int64_t		   from, len;	/* bytes, from 0 */
	int64_t		   size;	/* bytes from 0, or COFFER_SIZE_CHUNKED */
	struct digest	   sha256;
	struct timespec	   mtime;
	unsigned	   mode;	/* 0 to 0777 */
	bool		   if_new;	/* else if_digest, where COFFER_IF is given */
	struct digest	   if_digest;
};

/* Takes one line of `len` bytes apart, in place: line[len] must be writable, and
 * the words of the request lie within the line.  0, or -1 with a sentence of why,
 * fit for the reply, NUL-terminated, its bytes visible.  request->verb is
 * COFFER_VERBS while the verb itself is unknown.  After a failure verb, `given` and the
 * fields of given options are still right as far as they were understood (PUT with a
 * bad option still tells its size, so that its bytes can be dropped). */
int	coffer_parse(struct coffer_request *, char *line, size_t len, char *why, size_t whysize);

/* The verb's name in upper case, its synopsis ("GET PATH [from=N] ...") and one line of
 * what it does: for HELP.  verb is below COFFER_VERBS. */
const char	*coffer_verb_name(enum coffer_verb);
const char	*coffer_verb_usage(enum coffer_verb);
const char	*coffer_verb_help(enum coffer_verb);
/* The verb of that name in any case; COFFER_VERBS if there is none. */
enum coffer_verb coffer_verb_find(const char *name, size_t len);

/* A reply line, for clients: CODE, and the text or words behind it. */
struct coffer_reply {
	int		 code;		/* 100 to 599 */
	char		*text;		/* the rest of the line, NUL-terminated, within the line */
};
int	coffer_reply_parse(struct coffer_reply *, char *line, size_t len);	/* 0, or -1 with EPROTO */

/* The value of key= in a reply's text (whole words), copied without its NUL into value;
 * its length, or -1 if it is not there or does not fit. */
ptrdiff_t coffer_reply_value(const struct coffer_reply *, const char *key, char *value, size_t size);

/* A line of LIST: TYPE SIZE MTIME MODE NAME [sha256=HEX]. */
struct coffer_entry {
	char		 type;		/* f, d or l */
	uint64_t	 size;
	struct timespec	 mtime;
	unsigned	 mode;
	struct coffer_word name;	/* decoded in place */
	bool		 has_sha256;	/* false for sha256=- and none */
	struct digest	 sha256;
};
int	coffer_entry_parse(struct coffer_entry *, char *line, size_t len);	/* 0, or -1 with EPROTO */

/* The length of a chunk: 1 to 15 hexadecimal digits.  0, or -1 with EPROTO. */
int	coffer_chunk_parse(uint64_t *, const char *line, size_t len);

#endif
