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

#include "base/text.h"

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
[COFFER_SPACE] = { "SPACE", 0, 0, PATHS, 0, 0, NULL,
	"SPACE", "tells how much room there is" },
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

static bool
is(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(s, word, len) == 0;
}

static int
read_depth(struct coffer_request *rq, char *s, size_t len)
{
	uint64_t n = COFFER_DEPTH_ALL;

	if (!is(s, len, "all") && read_number(&n, s, len, 1, COFFER_DEPTH_ALL - 1) == -1)
		return -1;
	rq->depth = (uint32_t)n;
	return 0;
}

/* Decodes a word in place.  The byte behind it is the word's separator, or line[len]. */
static int
read_word(struct coffer_word *word, char *s, size_t len)
{
	ptrdiff_t decoded;

	if ((decoded = text_decode(s, len)) == -1)
		return -1;
	s[decoded] = '\0';
	word->at = s;
	word->len = (size_t)decoded;
	return 0;
}

/* A name or pattern: becomes a C string further on, so a NUL would cut it. */
static int
read_name(struct coffer_word *word, char *s, size_t len)
{
	struct coffer_word w;

	if (len == 0 || memchr(s, '\0', len) != NULL || memmem(s, len, "%00", 3) != NULL)
		return -1;
	if (read_word(&w, s, len) == -1)
		return -1;
	*word = w;
	return 0;
}

static int
read_match(struct coffer_request *rq, char *s, size_t len)
{
	return read_name(&rq->match, s, len);
}

static int
read_after(struct coffer_request *rq, char *s, size_t len)
{
	return read_name(&rq->after, s, len);
}

static int
read_sort(struct coffer_request *rq, char *s, size_t len)
{
	if (is(s, len, "name"))
		rq->sort = COFFER_SORT_NAME;
	else if (is(s, len, "size"))
		rq->sort = COFFER_SORT_SIZE;
	else if (is(s, len, "mtime"))
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
	if (!is(s, len, "*"))
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

	rq->if_new = is(s, len, "new");
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
#define OPTIONS	(sizeof(options) / sizeof(options[0]))

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

static void __attribute__((cold))
complain_word(struct parser *p, const char *before, const char *word, size_t len,
    const char *behind)
{
	char shown[SHOWN_MAX];

	complain(p, "%s\"%s\"%s", before, text_visible(shown, sizeof(shown), word, len), behind);
}

/* " (from=, len=, digest)": the options in `set`. */
static void __attribute__((cold))
name_options(char *dst, size_t size, unsigned set, const char *between)
{
	size_t pos = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < OPTIONS; i++) {
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
	for (size_t i = 0; i < OPTIONS; i++)
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
	else if (read_word(&p->rq->operand[p->operands], word, len) == -1)
		complain(p, "%s: broken escape (%% itself is written %%25)",
		    text_visible(shown, sizeof(shown), word, len));
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

#define EACH(byte)	(UINT64_C(0x0101010101010101) * (byte))
#define BELOW(x, n)	(((x) - EACH(n)) & ~(x) & EACH(0x80))	/* not 0: some byte is below n */

/* The first byte below 0x20, or 0x7F; NULL if there is none. */
static const char *
find_control(const char *s, size_t len)
{
	const char *end = s + len;
	uint64_t x;

	for (; end - s >= 8; s += 8) {
		memcpy(&x, s, sizeof(x));
		if ((BELOW(x, 0x20) | BELOW(x ^ EACH(0x7f), 1)) != 0)
			break;
	}
	for (; s < end; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return s;
	return NULL;
}

/* The next word, NULL at the end.  *pos goes past its separator, so that a NUL may be
 * put there. */
static char *
next_word(char **pos, char *end, size_t *len)
{
	char *word = *pos, *space;

	while (word < end && *word == ' ')
		word++;
	if ((space = memchr(word, ' ', (size_t)(end - word))) == NULL)
		space = end;
	*pos = space < end ? space + 1 : end;
	*len = (size_t)(space - word);
	return *len > 0 ? word : NULL;
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
	if ((control = find_control(line, len)) != NULL)
		complain(&p, "a control byte (0x%02X) in the line: in names it is written %%%02X",
		    (unsigned char)*control, (unsigned char)*control);
	rq->verb = COFFER_VERBS;
	if ((word = next_word(&pos, end, &n)) == NULL) {
		complain(&p, "an empty line is no request");
		return -1;
	}
	if ((rq->verb = coffer_verb_find(word, n)) == COFFER_VERBS) {
		complain_verb(&p, word, n);
		return -1;
	}
	p.verb = &verbs[rq->verb];
	while ((word = next_word(&pos, end, &n)) != NULL)
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

static int
no_protocol(void)
{
	errno = EPROTO;
	return -1;
}

int
coffer_reply_parse(struct coffer_reply *reply, char *line, size_t len)
{
	uint64_t code;

	if (find_control(line, len) != NULL)
		return no_protocol();
	if (len < 3 || text_number(&code, line, 3, 599) == -1 || code < 100)
		return no_protocol();
	if (len > 3 && line[3] != ' ')
		return no_protocol();
	line[len] = '\0';
	reply->code = (int)code;
	reply->text = line + (len > 3 ? 4 : 3);
	return 0;
}

ptrdiff_t
coffer_reply_value(const struct coffer_reply *reply, const char *key, char *value, size_t size)
{
	size_t keylen = strlen(key), len;
	const char *word;

	for (word = reply->text; *word != '\0'; word += len) {
		word += strspn(word, " ");
		len = strcspn(word, " ");
		if (len <= keylen || word[keylen] != '=' || memcmp(word, key, keylen) != 0)
			continue;
		word += keylen + 1;
		len -= keylen + 1;
		if (len > size)
			return -1;
		memcpy(value, word, len);
		if (len < size)
			value[len] = '\0';
		return (ptrdiff_t)len;
	}
	return -1;
}

/* Whether a name stays beneath the folder that it is listed in: a client may make
 * files of these names, and the server may be anybody. */
static bool
stays_beneath(const struct coffer_word *name)
{
	const char *part = name->at, *slash;
	size_t len;

	do {
		slash = strchrnul(part, '/');
		len = (size_t)(slash - part);
		if (len == 0 || is(part, len, ".") || is(part, len, ".."))
			return false;
		part = slash + 1;
	} while (*slash != '\0');
	return true;
}

/* Words behind the name.  Those of an unknown key may come from a newer server. */
static int
entry_extra(struct coffer_entry *entry, const char *word, size_t len)
{
	static const char key[] = "sha256=";
	const size_t skip = sizeof(key) - 1;

	if (memchr(word, '=', len) == NULL)
		return -1;
	if (len < skip || memcmp(word, key, skip) != 0)
		return 0;
	word += skip;
	len -= skip;
	if (entry->has_sha256)
		return -1;
	if (is(word, len, "-"))
		return 0;
	entry->has_sha256 = true;
	return digest_parse(&entry->sha256, word, len);
}

/* The first four words, which are of fixed meaning. */
static int
entry_field(struct coffer_entry *entry, int which, char *word, size_t len)
{
	switch (which) {
	case 0:
		entry->type = *word;
		return len == 1 && strchr("fdl", *word) != NULL ? 0 : -1;
	case 1:
		return text_number(&entry->size, word, len, INT64_MAX);
	case 2:
		return text_timespec(&entry->mtime, word, len);
	case 3:
		return len == 4 ? text_mode(&entry->mode, word, len) : -1;
	case 4:
		return read_name(&entry->name, word, len) == 0 && stays_beneath(&entry->name)
		    ? 0 : -1;
	default:
		return entry_extra(entry, word, len);
	}
}

int
coffer_entry_parse(struct coffer_entry *entry, char *line, size_t len)
{
	char *pos = line, *end = line + len, *word;
	int which = 0;
	size_t n;

	memset(entry, 0, sizeof(*entry));
	if (find_control(line, len) != NULL)
		return no_protocol();
	*end = '\0';
	for (; (word = next_word(&pos, end, &n)) != NULL; which++)
		if (entry_field(entry, which, word, n) == -1)
			return no_protocol();
	return which >= 5 ? 0 : no_protocol();
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
coffer_chunk_parse(uint64_t *length, const char *line, size_t len)
{
	uint64_t n = 0;
	int digit;

	if (len < 1 || len > 15)
		return no_protocol();
	for (size_t i = 0; i < len; i++) {
		if ((digit = nibble(line[i])) == -1)
			return no_protocol();
		n = n << 4 | (uint64_t)digit;
	}
	*length = n;
	return 0;
}
