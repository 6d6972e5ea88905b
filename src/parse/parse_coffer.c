/* parse_coffer - the grammar of the native protocol.
 * Sees bytes and structs; what a path may be is path_parse()'s business.
 *
 * A request is read to its end whatever is wrong with it: the first fault is told,
 * and the rest still says how many bytes of a refused PUT follow. */

#include "parse/parse_coffer.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/nitems.h"
#include "base/text.h"
#include "parse/words.h"

#define NUMBER_63	"a number from 0 to 9223372036854775807"
#define SHOWN_MAX	128	/* bytes of a stranger's word in a sentence */

enum kind { PATHS, WORDS };	/* with WORDS every word is an operand: a password is no option */

struct verb {
	const char	*name;
	unsigned	 least, most;	/* operands */
	enum kind	 kind;
	unsigned	 options;	/* that it takes */
	unsigned	 one_of;	/* of these, one at least must be given */
	const char	*needs;		/* what `least` operands are, in words */
	const char	*usage;
	const char	*help;
};

static const struct verb verbs[COFFER_VERBS] = {
[COFFER_HELP] = { "HELP", 0, 1, WORDS, 0, 0, NULL,
	"HELP [VERB]", "lists the requests, or explains one" },
[COFFER_LIST] = { "LIST", 0, 1, PATHS,
	COFFER_DEPTH | COFFER_MATCH | COFFER_SORT | COFFER_AFTER | COFFER_LIMIT | COFFER_DIGEST,
	0, NULL, "LIST [PATH] [depth=N|all] [match=GLOB] [sort=name|size|mtime] [after=NAME] "
	"[limit=N] [digest]", "lists a folder, a line for each entry" },
[COFFER_STAT] = { "STAT", 1, 1, PATHS, 0, 0, "a path",
	"STAT PATH", "tells type, size, time, mode and digest" },
[COFFER_GET] = { "GET", 1, 1, PATHS, COFFER_FROM | COFFER_LEN | COFFER_DIGEST, 0, "a path",
	"GET PATH [from=N] [len=N] [digest]", "sends a file, or a part of it" },
[COFFER_PUT] = { "PUT", 1, 1, PATHS,
	COFFER_SIZE | COFFER_SHA256 | COFFER_MTIME | COFFER_MODE | COFFER_IF | COFFER_WAIT |
	COFFER_RESUME | COFFER_HOLD, COFFER_SIZE, "a path",
	"PUT PATH size=N|* [sha256=HEX] [mtime=SECONDS] [mode=OCTAL] [if=new|if=sha256:HEX] "
	"[wait] [resume] [hold]", "stores a file; its bytes follow" },
[COFFER_COMMIT] = { "COMMIT", 0, 0, PATHS, 0, 0, NULL,
	"COMMIT", "publishes the uploads that were held" },
[COFFER_ABORT] = { "ABORT", 0, 0, PATHS, 0, 0, NULL,
	"ABORT", "drops the uploads that were held" },
[COFFER_HASH] = { "HASH", 1, 1, PATHS, COFFER_FROM | COFFER_LEN, 0, "a path",
	"HASH PATH [from=N] [len=N]", "reads a file, or a part of it, and tells its digest" },
[COFFER_DELETE] = { "DELETE", 1, 1, PATHS, 0, 0, "a path",
	"DELETE PATH", "deletes a file" },
[COFFER_MOVE] = { "MOVE", 2, 2, PATHS, COFFER_IF, 0, "two paths",
	"MOVE FROM TO [if=new]", "gives a file or folder another name" },
[COFFER_COPY] = { "COPY", 2, 2, PATHS, COFFER_IF, 0, "two paths",
	"COPY FROM TO [if=new]", "copies a file" },
[COFFER_MKDIR] = { "MKDIR", 1, 1, PATHS, COFFER_PARENTS, 0, "a path",
	"MKDIR PATH [parents]", "makes a folder" },
[COFFER_RMDIR] = { "RMDIR", 1, 1, PATHS, 0, 0, "a path",
	"RMDIR PATH", "deletes an empty folder" },
[COFFER_SET] = { "SET", 1, 1, PATHS, COFFER_MTIME | COFFER_MODE, COFFER_MTIME | COFFER_MODE,
	"a path", "SET PATH [mtime=SECONDS] [mode=OCTAL]", "sets time and mode" },
[COFFER_LOGIN] = { "LOGIN", 2, 2, WORDS, 0, 0, "a user and a password",
	"LOGIN USER PASSWORD", "says who you are" },
[COFFER_WHOAMI] = { "WHOAMI", 0, 0, PATHS, 0, 0, NULL,
	"WHOAMI", "tells who you are and what you may do" },
[COFFER_STARTTLS] = { "STARTTLS", 0, 0, PATHS, 0, 0, NULL,
	"STARTTLS", "goes on under TLS" },
[COFFER_SPACE] = { "SPACE", 0, 1, PATHS, 0, 0, NULL,
	"SPACE [PATH]", "tells how much room there is" },
[COFFER_PING] = { "PING", 0, 0, PATHS, 0, 0, NULL,
	"PING", "tells the server's time" },
[COFFER_QUIT] = { "QUIT", 0, 0, PATHS, 0, 0, NULL,
	"QUIT", "ends the session" },
};

/* The readers of values: 0, or -1 if it is not one. */

static int
read_number(uint64_t *n, const char *s, size_t len, uint64_t from, uint64_t to)
{
	return text_number(n, s, len, to) == 0 && *n >= from ? 0 : -1;
}

static int
read_int63(int64_t *to, const char *s, size_t len)
{
	uint64_t n;

	if (text_number(&n, s, len, INT64_MAX) == -1)
		return -1;
	*to = (int64_t)n;
	return 0;
}

static int
read_depth(struct coffer_request *rq, char *s, size_t len)
{
	uint64_t n = COFFER_DEPTH_ALL;

	if (!words_equal(s, len, "all") && read_number(&n, s, len, 1, COFFER_DEPTH_ALL - 1) == -1)
		return -1;
	rq->depth = (uint32_t)n;
	return 0;
}

static int
read_match(struct coffer_request *rq, char *s, size_t len)
{
	return words_name(&rq->match, s, len);
}

static int
read_after(struct coffer_request *rq, char *s, size_t len)
{
	return words_name(&rq->after, s, len);
}

static int
read_sort(struct coffer_request *rq, char *s, size_t len)
{
	if (words_equal(s, len, "name"))
		rq->sort = COFFER_SORT_NAME;
	else if (words_equal(s, len, "size"))
		rq->sort = COFFER_SORT_SIZE;
	else if (words_equal(s, len, "mtime"))
		rq->sort = COFFER_SORT_MTIME;
	else
		return -1;
	return 0;
}

static int
read_limit(struct coffer_request *rq, char *s, size_t len)
{
	uint64_t n;

	if (read_number(&n, s, len, 1, UINT64_MAX) == -1)
		return -1;
	rq->limit = n;
	return 0;
}

static int
read_from(struct coffer_request *rq, char *s, size_t len)
{
	return read_int63(&rq->from, s, len);
}

static int
read_len(struct coffer_request *rq, char *s, size_t len)
{
	return read_int63(&rq->len, s, len);
}

static int
read_size(struct coffer_request *rq, char *s, size_t len)
{
	if (!words_equal(s, len, "*"))
		return read_int63(&rq->size, s, len);
	rq->size = COFFER_SIZE_CHUNKED;
	return 0;
}

static int
read_sha256(struct coffer_request *rq, char *s, size_t len)
{
	return digest_parse(&rq->sha256, s, len);
}

static int
read_mtime(struct coffer_request *rq, char *s, size_t len)
{
	return text_timespec(&rq->mtime, s, len);
}

static int
read_mode(struct coffer_request *rq, char *s, size_t len)
{
	unsigned mode;

	if (text_mode(&mode, s, len) == -1 || mode > 0777)
		return -1;
	rq->mode = mode;
	return 0;
}

static int
read_if(struct coffer_request *rq, char *s, size_t len)
{
	static const char prefix[] = "sha256:";
	const size_t skip = sizeof(prefix) - 1;

	rq->if_new = words_equal(s, len, "new");
	if (rq->if_new)
		return 0;
	if (len < skip || memcmp(s, prefix, skip) != 0)
		return -1;
	return digest_parse(&rq->if_digest, s + skip, len - skip);
}

struct option {
	const char	*name;
	size_t		 len;
	unsigned	 bit;
	int		(*read)(struct coffer_request *, char *, size_t);	/* NULL: bare */
	const char	*what;		/* a good value is */
};

#define OPTION(name, bit, read, what)	{ name, sizeof(name) - 1, bit, read, what }

/* In the order in which they are told. */
static const struct option options[] = {
	OPTION("depth", COFFER_DEPTH, read_depth, "a number from 1 to 4294967294, or all"),
	OPTION("match", COFFER_MATCH, read_match, "a pattern (%XX for odd bytes, no NUL)"),
	OPTION("sort", COFFER_SORT, read_sort, "name, size or mtime"),
	OPTION("after", COFFER_AFTER, read_after, "a name (%XX for odd bytes, no NUL)"),
	OPTION("limit", COFFER_LIMIT, read_limit, "a number from 1 to 18446744073709551615"),
	OPTION("from", COFFER_FROM, read_from, NUMBER_63),
	OPTION("len", COFFER_LEN, read_len, NUMBER_63),
	OPTION("digest", COFFER_DIGEST, NULL, NULL),
	OPTION("size", COFFER_SIZE, read_size, NUMBER_63 ", or *"),
	OPTION("sha256", COFFER_SHA256, read_sha256, "64 hexadecimal digits"),
	OPTION("mtime", COFFER_MTIME, read_mtime,
	    "a time (seconds from 0 to 253402300799, with up to nine decimals)"),
	OPTION("mode", COFFER_MODE, read_mode, "an octal number from 0 to 0777"),
	OPTION("if", COFFER_IF, read_if, "new, or sha256: and 64 hexadecimal digits"),
	OPTION("wait", COFFER_WAIT, NULL, NULL),
	OPTION("resume", COFFER_RESUME, NULL, NULL),
	OPTION("hold", COFFER_HOLD, NULL, NULL),
	OPTION("parents", COFFER_PARENTS, NULL, NULL),
};

struct parser {
	struct coffer_request	*rq;
	const struct verb	*verb;
	unsigned		 operands;	/* so far */
	unsigned		 seen;		/* options, good or bad */
	bool			 failed;
	char			*why;
	size_t			 whysize;
};

/* Only the first fault is told: the others often follow from it. */
static void __attribute__((cold, format(printf, 2, 3)))
complain(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	if (p->failed)
		return;
	p->failed = true;
	va_start(ap, fmt);
	vsnprintf(p->why, p->whysize, fmt, ap);
	va_end(ap);
}

/* A word as it may be shown: passwords are not. */
static const char *
show(const struct parser *p, char shown[SHOWN_MAX], const char *word, size_t len)
{
	return p->rq->verb == COFFER_LOGIN ? "(not shown)" : text_visible(shown, SHOWN_MAX, word, len);
}

static void __attribute__((cold))
complain_word(struct parser *p, const char *before, const char *word, size_t len,
    const char *behind)
{
	char shown[SHOWN_MAX];

	complain(p, "%s\"%s\"%s", before, show(p, shown, word, len), behind);
}

/* " (from=, len=, digest)": the options in `set`. */
static void __attribute__((cold))
name_options(char *dst, size_t size, unsigned set, const char *between)
{
	size_t pos = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < nitems(options); i++) {
		if ((options[i].bit & set) == 0)
			continue;
		pos += (size_t)snprintf(dst + pos, size - pos, "%s%s%s", pos > 0 ? between : "",
		    options[i].name, options[i].read != NULL ? "=" : "");
		assert(pos < size);
	}
}

static void __attribute__((cold))
complain_unknown(struct parser *p, const char *word, size_t len)
{
	char known[160], shown[SHOWN_MAX];

	name_options(known, sizeof(known), p->verb->options, ", ");
	complain(p, "%s: unknown option \"%s\"%s%s%s", p->verb->name,
	    text_visible(shown, sizeof(shown), word, len), known[0] != '\0' ? " (" : "", known,
	    known[0] != '\0' ? ")" : "");
}

static void __attribute__((cold))
complain_value(struct parser *p, const struct option *o, const char *value, size_t len)
{
	char shown[SHOWN_MAX];

	complain(p, "%s=: \"%s\" is not %s", o->name,
	    text_visible(shown, sizeof(shown), value, len), o->what);
}

static void __attribute__((cold))
complain_verb(struct parser *p, const char *word, size_t len)
{
	char shown[SHOWN_MAX];

	complain(p, "%s: no such request (HELP lists them)",
	    text_visible(shown, sizeof(shown), word, len));
}

static const struct option *
find_option(const char *name, size_t len)
{
	for (size_t i = 0; i < nitems(options); i++)
		if (options[i].len == len && memcmp(options[i].name, name, len) == 0)
			return &options[i];
	return NULL;
}

/* An option that the verb takes; `value` is NULL where there is no `=`. */
static void
take_option(struct parser *p, const struct option *o, char *value, size_t len)
{
	if ((p->seen & o->bit) != 0) {
		/* Which one was meant?  Neither is given, then. */
		p->rq->given &= ~o->bit;
		complain(p, "%s%s given twice", o->name, o->read != NULL ? "=" : "");
		return;
	}
	p->seen |= o->bit;
	if (o->read == NULL && value != NULL)
		complain(p, "%s takes no value", o->name);
	else if (o->read != NULL && o->read(p->rq, value, len) == -1)
		complain_value(p, o, value, len);
	else
		p->rq->given |= o->bit;
}

static void
take_operand(struct parser *p, char *word, size_t len)
{
	char shown[SHOWN_MAX];

	if (p->operands >= p->verb->most)
		complain_word(p, "surplus word ", word, len, "");
	else if (words_decode(&p->rq->operand[p->operands], word, len) == -1)
		complain(p, "%s: broken escape (%% itself is written %%25)", show(p, shown, word, len));
	p->operands++;
}

static void
take_word(struct parser *p, char *word, size_t len)
{
	const struct option *o;
	char *equals;

	if (*word == '/' || p->verb->kind == WORDS) {
		take_operand(p, word, len);
		return;
	}
	equals = memchr(word, '=', len);
	o = find_option(word, equals != NULL ? (size_t)(equals - word) : len);
	if (equals == NULL && (o == NULL || o->read != NULL)) {		/* no option at all */
		if (p->operands++ < p->verb->most)
			complain_word(p, "", word, len, " is not a path: paths begin with /");
		else
			complain_word(p, "surplus word ", word, len, "");
	} else if (o == NULL || (p->verb->options & o->bit) == 0)
		complain_unknown(p, word, len);
	else if (equals == NULL)
		take_option(p, o, NULL, 0);
	else
		take_option(p, o, equals + 1, len - (size_t)(equals + 1 - word));
}

/* What no single word can tell. */
static void
check_whole(struct parser *p)
{
	const struct coffer_request *rq = p->rq;
	char needed[32];

	if (p->operands < p->verb->least)
		complain(p, "%s needs %s", p->verb->name, p->verb->needs);
	if (p->verb->one_of != 0 && (rq->given & p->verb->one_of) == 0) {
		name_options(needed, sizeof(needed), p->verb->one_of, " or ");
		complain(p, "%s needs %s", p->verb->name, needed);
	}
	if ((rq->given & COFFER_RESUME) != 0 && rq->size == COFFER_SIZE_CHUNKED)
		complain(p, "resume needs a size: there is none in size=*");
	if ((rq->given & COFFER_IF) != 0 && !rq->if_new && rq->verb != COFFER_PUT)
		complain(p, "%s knows if=new only", p->verb->name);
}

int
coffer_parse(struct coffer_request *rq, char *line, size_t len, char *why, size_t whysize)
{
	struct parser p = { .rq = rq, .why = why, .whysize = whysize };
	char *pos = line, *end = line + len, *word;
	const char *control;
	size_t n;

	assert(whysize > 0);
	*end = *why = '\0';
	memset(rq, 0, sizeof(*rq));
	rq->depth = 1;
	if ((control = words_control(line, len)) != NULL)
		complain(&p, "a control byte (0x%02X) in the line: in names it is written %%%02X",
		    (unsigned char)*control, (unsigned char)*control);
	rq->verb = COFFER_VERBS;
	if ((word = words_next(&pos, end, &n)) == NULL) {
		complain(&p, "an empty line is no request");
		return -1;
	}
	if ((rq->verb = coffer_verb_find(word, n)) == COFFER_VERBS) {
		complain_verb(&p, word, n);
		return -1;
	}
	p.verb = &verbs[rq->verb];
	while ((word = words_next(&pos, end, &n)) != NULL)
		take_word(&p, word, n);
	check_whole(&p);
	return p.failed ? -1 : 0;
}

const char *
coffer_verb_name(enum coffer_verb verb)
{
	assert(verb < COFFER_VERBS);
	return verbs[verb].name;
}

const char *
coffer_verb_usage(enum coffer_verb verb)
{
	assert(verb < COFFER_VERBS);
	return verbs[verb].usage;
}

const char *
coffer_verb_help(enum coffer_verb verb)
{
	assert(verb < COFFER_VERBS);
	return verbs[verb].help;
}

/* Whether `word` is `name`, which is in upper case, letters only. */
static bool
same_name(const char *name, const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < len && name[i] != '\0'; i++)
		if ((word[i] & ~0x20) != name[i])
			return false;
	return i == len && name[i] == '\0';
}

enum coffer_verb
coffer_verb_find(const char *name, size_t len)
{
	enum coffer_verb verb = 0;

	while (verb < COFFER_VERBS && !same_name(verbs[verb].name, name, len))
		verb++;
	return verb;
}
