/* test_parse_coffer - the native protocol's grammar: what is read, what is refused, and
 * in which words. */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"
#include "parse/parse_coffer.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define HEX	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define HEX_UP	"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"

/* The line lies in memory of exactly its length and one byte, so that a sanitizer
 * sees whoever goes further. */
struct sample {
	char			*line;
	size_t			 len;
	struct coffer_request	 rq;
	char			 why[512];
	int			 ret;
};

static void
parse_bytes(struct sample *s, const char *line, size_t len)
{
	assert_non_null(s->line = malloc(len + 1));
	memcpy(s->line, line, len);
	s->line[len] = 'X';		/* not ended by anybody */
	s->len = len;
	strcpy(s->why, "untouched");
	s->ret = coffer_parse(&s->rq, s->line, len, s->why, sizeof(s->why));
}

static void
parse(struct sample *s, const char *line)
{
	parse_bytes(s, line, strlen(line));
}

static void
done(struct sample *s)
{
	free(s->line);
	s->line = NULL;
}

static void
good(struct sample *s, const char *line)
{
	parse(s, line);
	if (s->ret != 0)
		print_message("\"%s\": %s\n", line, s->why);
	assert_int_equal(s->ret, 0);
	assert_string_equal(s->why, "");
}

static void
assert_word(const struct sample *s, const struct coffer_word *word, const char *want)
{
	if (want == NULL) {
		assert_null(word->at);
		return;
	}
	assert_non_null(word->at);
	assert_true(word->at >= s->line && word->at + word->len <= s->line + s->len);
	assert_int_equal(word->len, strlen(want));
	assert_string_equal(word->at, want);
}

static void
verbs(void **state)
{
	static const struct {
		const char	 *line;
		enum coffer_verb  verb;
		const char	 *first, *second;
		unsigned	  given;
	} rows[] = {
		{ "HELP", COFFER_HELP, NULL, NULL, 0 },
		{ "HELP list", COFFER_HELP, "list", NULL, 0 },
		{ "LIST", COFFER_LIST, NULL, NULL, 0 },
		{ "LIST /", COFFER_LIST, "/", NULL, 0 },
		{ "LIST depth=2 /a", COFFER_LIST, "/a", NULL, COFFER_DEPTH },
		{ "LIST /a depth=all match=*.c sort=size after=x limit=1 digest", COFFER_LIST, "/a",
		    NULL,
		    COFFER_DEPTH | COFFER_MATCH | COFFER_SORT | COFFER_AFTER | COFFER_LIMIT |
		    COFFER_DIGEST },
		{ "STAT /a", COFFER_STAT, "/a", NULL, 0 },
		{ "GET /a", COFFER_GET, "/a", NULL, 0 },
		{ "get /a", COFFER_GET, "/a", NULL, 0 },
		{ "gEt /a", COFFER_GET, "/a", NULL, 0 },
		{ "  GET   /a  ", COFFER_GET, "/a", NULL, 0 },
		{ "GET /a%20b%25", COFFER_GET, "/a b%", NULL, 0 },
		{ "GET /a%2fb", COFFER_GET, "/a/b", NULL, 0 },
		{ "GET /..", COFFER_GET, "/..", NULL, 0 },	/* path_parse() refuses it */
		{ "GET /a=b", COFFER_GET, "/a=b", NULL, 0 },
		{ "GET /caf\xc3\xa9\xff", COFFER_GET, "/caf\xc3\xa9\xff", NULL, 0 },
		{ "GET from=1 /a len=2 digest", COFFER_GET, "/a", NULL,
		    COFFER_FROM | COFFER_LEN | COFFER_DIGEST },
		{ "PUT /a size=0", COFFER_PUT, "/a", NULL, COFFER_SIZE },
		{ "PUT /a size=1 sha256=" HEX " mtime=1.5 mode=0600 if=new wait resume hold",
		    COFFER_PUT,
		    "/a", NULL,
		    COFFER_SIZE | COFFER_SHA256 | COFFER_MTIME | COFFER_MODE | COFFER_IF |
		    COFFER_WAIT | COFFER_RESUME | COFFER_HOLD },
		{ "COMMIT", COFFER_COMMIT, NULL, NULL, 0 },
		{ "ABORT", COFFER_ABORT, NULL, NULL, 0 },
		{ "HASH /a from=1 len=2", COFFER_HASH, "/a", NULL, COFFER_FROM | COFFER_LEN },
		{ "DELETE /a", COFFER_DELETE, "/a", NULL, 0 },
		{ "MOVE /a /b if=new", COFFER_MOVE, "/a", "/b", COFFER_IF },
		{ "COPY if=new /a /b", COFFER_COPY, "/a", "/b", COFFER_IF },
		{ "COPY /%41 /%42", COFFER_COPY, "/A", "/B", 0 },
		{ "MKDIR /a parents", COFFER_MKDIR, "/a", NULL, COFFER_PARENTS },
		{ "RMDIR /a", COFFER_RMDIR, "/a", NULL, 0 },
		{ "SET /a mode=0", COFFER_SET, "/a", NULL, COFFER_MODE },
		{ "SET /a mtime=0", COFFER_SET, "/a", NULL, COFFER_MTIME },
		{ "LOGIN ann secret", COFFER_LOGIN, "ann", "secret", 0 },
		{ "LOGIN ann size=1", COFFER_LOGIN, "ann", "size=1",
		    0 },	/* passwords are no options */
		{ "LOGIN ann wait", COFFER_LOGIN, "ann", "wait", 0 },
		{ "LOGIN a%20b /%25", COFFER_LOGIN, "a b", "/%", 0 },
		{ "WHOAMI", COFFER_WHOAMI, NULL, NULL, 0 },
		{ "STARTTLS", COFFER_STARTTLS, NULL, NULL, 0 },
		{ "SPACE", COFFER_SPACE, NULL, NULL, 0 },
		{ "SPACE /a", COFFER_SPACE, "/a", NULL, 0 },
		{ "PING", COFFER_PING, NULL, NULL, 0 },
		{ "QUIT ", COFFER_QUIT, NULL, NULL, 0 },
	};
	struct sample s;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		good(&s, rows[i].line);
		assert_int_equal(s.rq.verb, rows[i].verb);
		assert_word(&s, &s.rq.operand[0], rows[i].first);
		assert_word(&s, &s.rq.operand[1], rows[i].second);
		assert_int_equal(s.rq.given, rows[i].given);
		done(&s);
	}
}

static void
values(void **state)
{
	struct sample s;
	struct digest want;

	(void)state;
	assert_int_equal(digest_parse(&want, HEX, 64), 0);

	good(&s, "PUT /a size=5 sha256=" HEX_UP " mtime=1700000000.25 mode=0640 if=sha256:" HEX);
	assert_int_equal(s.rq.size, 5);
	assert_true(digest_equal(&s.rq.sha256, &want));
	assert_int_equal(s.rq.mtime.tv_sec, 1700000000);
	assert_int_equal(s.rq.mtime.tv_nsec, 250000000);
	assert_int_equal(s.rq.mode, 0640);
	assert_false(s.rq.if_new);
	assert_true(digest_equal(&s.rq.if_digest, &want));
	done(&s);

	good(&s, "PUT /a if=new size=*");
	assert_true(s.rq.if_new);
	assert_true(s.rq.size == COFFER_SIZE_CHUNKED);
	done(&s);

	good(&s, "LIST after=b%20%2f depth=3 limit=18446744073709551615 sort=mtime match=%2a.c");
	assert_word(&s, &s.rq.after, "b /");
	assert_word(&s, &s.rq.match, "*.c");
	assert_int_equal(s.rq.depth, 3);
	assert_true(s.rq.limit == UINT64_MAX);
	assert_int_equal(s.rq.sort, COFFER_SORT_MTIME);
	done(&s);

	good(&s, "LIST sort=name depth=all");
	assert_true(s.rq.depth == COFFER_DEPTH_ALL);
	assert_int_equal(s.rq.sort, COFFER_SORT_NAME);
	done(&s);

	good(&s, "LIST");
	assert_int_equal(s.rq.depth, 1);
	done(&s);

	good(&s, "GET /a from=9223372036854775807 len=0");
	assert_true(s.rq.from == INT64_MAX);
	assert_true(s.rq.len == 0);
	done(&s);
}

#define N63	" is not a number from 0 to 9223372036854775807"

static void
refused(void **state)
{
	static const struct {
		const char	*line, *why;
	} rows[] = {
		{ "", "an empty line is no request" },
		{ "   ", "an empty line is no request" },
		{ "XYZZY", "XYZZY: no such request (HELP lists them)" },
		{ "GETT /a", "GETT: no such request (HELP lists them)" },
		{ "GE /a", "GE: no such request (HELP lists them)" },
		{ "/a", "/a: no such request (HELP lists them)" },
		{ "G%45T /a", "G%45T: no such request (HELP lists them)" },
		{ "\xe7\xe5\xf4 /a", "\\347\\345\\364: no such request (HELP lists them)" },
		{ "'%4 /a", "'%4: no such request (HELP lists them)" },
		{ "GET", "GET needs a path" },
		{ "GET from=3", "GET needs a path" },
		{ "MOVE /a", "MOVE needs two paths" },
		{ "COPY", "COPY needs two paths" },
		{ "LOGIN ann", "LOGIN needs a user and a password" },
		{ "GET a", "\"a\" is not a path: paths begin with /" },
		{ "GET from", "\"from\" is not a path: paths begin with /" },
		{ "GET %2fa", "\"%2fa\" is not a path: paths begin with /" },
		{ "MOVE /a b", "\"b\" is not a path: paths begin with /" },
		{ "GET /a /b", "surplus word \"/b\"" },
		{ "GET /a b", "surplus word \"b\"" },
		{ "GET /a from", "surplus word \"from\"" },
		{ "PING now", "surplus word \"now\"" },
		{ "PING /a", "surplus word \"/a\"" },
		{ "COMMIT all", "surplus word \"all\"" },
		{ "HELP GET PUT", "surplus word \"PUT\"" },
		{ "LOGIN ann b c", "surplus word \"(not shown)\"" },
		{ "MOVE /a /b /c", "surplus word \"/c\"" },
		{ "GET /a form=3", "GET: unknown option \"form=3\" (from=, len=, digest)" },
		{ "GET /a FROM=3", "GET: unknown option \"FROM=3\" (from=, len=, digest)" },
		{ "GET /a =3", "GET: unknown option \"=3\" (from=, len=, digest)" },
		{ "GET /a =", "GET: unknown option \"=\" (from=, len=, digest)" },
		{ "GET /a size=3", "GET: unknown option \"size=3\" (from=, len=, digest)" },
		{ "GET /a wait", "GET: unknown option \"wait\" (from=, len=, digest)" },
		{ "GET /a fro%6d=3", "GET: unknown option \"fro%6d=3\" (from=, len=, digest)" },
		{ "PING digest", "PING: unknown option \"digest\"" },
		{ "PUT /a size=1 parents",
		    "PUT: unknown option \"parents\" (size=, sha256=, mtime=, mode=, "
		    "if=, wait, resume, hold)" },
		{ "GET /a from=1 from=1", "from= given twice" },
		{ "GET /a digest digest", "digest given twice" },
		{ "GET /a from=x from=1", "from=: \"x\"" N63 },
		{ "GET /a digest=yes", "digest takes no value" },
		{ "GET /a digest=", "digest takes no value" },
		{ "GET /a from=", "from=: \"\"" N63 },
		{ "GET /a from=12x", "from=: \"12x\"" N63 },
		{ "GET /a from=-1", "from=: \"-1\"" N63 },
		{ "GET /a from=1=2", "from=: \"1=2\"" N63 },
		{ "GET /a from=9223372036854775808", "from=: \"9223372036854775808\"" N63 },
		{ "GET /a len=99999999999999999999999", "len=: \"99999999999999999999999\"" N63 },
		{ "GET /a len=%31", "len=: \"%31\"" N63 },
		{ "PUT /a size=12x", "size=: \"12x\"" N63 ", or *" },
		{ "PUT /a size=**", "size=: \"**\"" N63 ", or *" },
		{ "PUT /a", "PUT needs size=" },
		{ "PUT size=1", "PUT needs a path" },
		{ "PUT /a size=* resume", "resume needs a size: there is none in size=*" },
		{ "PUT /a size=1 mode=1000",
		    "mode=: \"1000\" is not an octal number from 0 to 0777" },
		{ "PUT /a size=1 mode=8", "mode=: \"8\" is not an octal number from 0 to 0777" },
		{ "PUT /a size=1 mtime=now",
		    "mtime=: \"now\" is not a time (seconds from 0 to 253402300799, "
		    "with up to nine decimals)" },
		{ "PUT /a size=1 sha256=-", "sha256=: \"-\" is not 64 hexadecimal digits" },
		{ "PUT /a size=1 sha256=" HEX "0",
		    "sha256=: \"" HEX "0\" is not 64 hexadecimal digits" },
		{ "PUT /a size=1 if=old",
		    "if=: \"old\" is not new, or sha256: and 64 hexadecimal digits" },
		{ "PUT /a size=1 if=sha256:",
		    "if=: \"sha256:\" is not new, or sha256: and 64 hexadecimal "
		    "digits" },
		{ "PUT /a size=1 if=sha1:ab",
		    "if=: \"sha1:ab\" is not new, or sha256: and 64 hexadecimal "
		    "digits" },
		{ "MOVE /a /b if=sha256:" HEX, "MOVE knows if=new only" },
		{ "COPY /a /b if=sha256:" HEX, "COPY knows if=new only" },
		{ "SET /a", "SET needs mtime= or mode=" },
		{ "LIST depth=0", "depth=: \"0\" is not a number from 1 to 4294967294, or all" },
		{ "LIST depth=4294967295",
		    "depth=: \"4294967295\" is not a number from 1 to 4294967294, "
		    "or all" },
		{ "LIST depth=ALL",
		    "depth=: \"ALL\" is not a number from 1 to 4294967294, or all" },
		{ "LIST limit=0", "limit=: \"0\" is not a number from 1 to 18446744073709551615" },
		{ "LIST limit=18446744073709551616",
		    "limit=: \"18446744073709551616\" is not a number from "
		    "1 to 18446744073709551615" },
		{ "LIST sort=date", "sort=: \"date\" is not name, size or mtime" },
		{ "LIST sort=", "sort=: \"\" is not name, size or mtime" },
		{ "LIST match=", "match=: \"\" is not a pattern (%XX for odd bytes, no NUL)" },
		{ "LIST match=a%", "match=: \"a%\" is not a pattern (%XX for odd bytes, no NUL)" },
		{ "LIST after=a%00b",
		    "after=: \"a%00b\" is not a name (%XX for odd bytes, no NUL)" },
		{ "GET /a%", "/a%: broken escape (% itself is written %25)" },
		{ "GET /a%4", "/a%4: broken escape (% itself is written %25)" },
		{ "GET /%41%zz", "/%41%zz: broken escape (% itself is written %25)" },
		{ "GET /a\tb", "a control byte (0x09) in the line: in names it is written %09" },
		{ "GET\t/a", "a control byte (0x09) in the line: in names it is written %09" },
		{ "GET /a\r", "a control byte (0x0D) in the line: in names it is written %0D" },
		{ "GET /a\x7f", "a control byte (0x7F) in the line: in names it is written %7F" },
		{ "\x16\x03\x01", "a control byte (0x16) in the line: in names it is written %16" },
	};
	struct sample s;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		parse(&s, rows[i].line);
		if (s.ret != -1)
			print_message("\"%s\" was taken\n", rows[i].line);
		assert_int_equal(s.ret, -1);
		assert_string_equal(s.why, rows[i].why);
		done(&s);
	}
}

/* Control bytes at each place of the line, NUL among them. */
static void
control_bytes(void **state)
{
	static const char line[] = "GET /some/folder/name from=12";
	char bad[sizeof(line)];
	struct sample s;

	(void)state;
	for (int c = 0; c < 256; c++) {
		if (c == ' ')
			continue;
		for (size_t at = 0; at < sizeof(line) - 1; at++) {
			memcpy(bad, line, sizeof(line));
			bad[at] = (char)c;
			parse_bytes(&s, bad, sizeof(line) - 1);
			if (c < 0x20 || c == 0x7f) {
				assert_int_equal(s.ret, -1);
				assert_memory_equal(s.why, "a control byte", 14);
			} else
				assert_memory_not_equal(s.why, "a control byte", 14);
			done(&s);
		}
	}
}

/* %00 is decoded and counted: path_parse() must get to see it. */
static void
nul_in_path(void **state)
{
	struct sample s;

	(void)state;
	good(&s, "GET /a%00b");
	assert_int_equal(s.rq.operand[0].len, 4);
	assert_memory_equal(s.rq.operand[0].at, "/a\0b", 5);
	done(&s);
}

/* A raw one in a pattern or name: the line is refused, and so is the option. */
static void
nul_in_option(void **state)
{
	static const char line[] = "LIST after=a\0b match=\0 limit=2";
	struct sample s;

	(void)state;
	parse_bytes(&s, line, sizeof(line) - 1);
	assert_int_equal(s.ret, -1);
	assert_int_equal(s.rq.given, COFFER_LIMIT);
	assert_null(s.rq.after.at);
	assert_null(s.rq.match.at);
	done(&s);
}

/* What can still be said of a refused PUT: without its size, its bytes would be
 * read as requests. */
static void
refused_put(void **state)
{
	static const struct {
		const char	*line;
		unsigned	 given;
		int64_t		 size;
	} rows[] = {
		{ "PUT /a mode=9 size=7", COFFER_SIZE, 7 },
		{ "PUT /a size=7 mode=9 wait", COFFER_SIZE | COFFER_WAIT, 7 },
		{ "PUT /a /b size=7", COFFER_SIZE, 7 },
		{ "PUT a size=7", COFFER_SIZE, 7 },
		{ "PUT size=7", COFFER_SIZE, 7 },
		{ "PUT /a% size=7", COFFER_SIZE, 7 },
		{ "PUT /a\tb size=7", COFFER_SIZE, 7 },
		{ "PUT /a xyz=1 size=7", COFFER_SIZE, 7 },
		{ "PUT /a size=* resume", COFFER_SIZE | COFFER_RESUME, COFFER_SIZE_CHUNKED },
		{ "PUT /a wait=1 size=7", COFFER_SIZE, 7 },
		{ "PUT /a mode=7 mode=7 size=7", COFFER_SIZE, 7 },
		{ "PUT /a size=7x", 0, 0 },
		{ "PUT /a size=7 size=8", 0, 0 },	/* which? */
		{ "PUT /a size=x size=8", 0, 0 },
		{ "PUT /a size=7 size=7 size=7", 0, 0 },
		{ "PUT /a\tsize=7", 0, 0 },
	};
	struct sample s;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		parse(&s, rows[i].line);
		if (s.rq.given != rows[i].given)
			print_message("\"%s\"\n", rows[i].line);
		assert_int_equal(s.ret, -1);
		assert_int_equal(s.rq.verb, COFFER_PUT);
		assert_int_equal(s.rq.given, rows[i].given);
		if (rows[i].given & COFFER_SIZE)
			assert_true(s.rq.size == rows[i].size);
		done(&s);
	}
}

static void
unknown_verb(void **state)
{
	struct sample s;

	(void)state;
	parse(&s, "FETCH /a");
	assert_int_equal(s.rq.verb, COFFER_VERBS);
	done(&s);
	parse(&s, "");
	assert_int_equal(s.rq.verb, COFFER_VERBS);
	done(&s);
}

/* The sentence stays within its buffer, and long words are cut in it. */
static void
why_bounds(void **state)
{
	char line[8192], why[8];
	struct coffer_request rq;
	struct sample s;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "GET ", 4);
	parse_bytes(&s, line, sizeof(line) - 1);
	assert_int_equal(s.ret, -1);
	assert_true(strlen(s.why) < 200);
	assert_non_null(strstr(s.why, "...\" is not a path"));
	done(&s);
	assert_int_equal(coffer_parse(&rq, line, sizeof(line) - 1, why, sizeof(why)), -1);
	assert_int_equal(strlen(why), sizeof(why) - 1);
	assert_int_equal(coffer_parse(&rq, line, sizeof(line) - 1, why, 1), -1);
	assert_string_equal(why, "");
	line[4] = '/';
	parse_bytes(&s, line, sizeof(line) - 1);
	assert_int_equal(s.ret, 0);
	assert_int_equal(s.rq.operand[0].len, sizeof(line) - 5);
	done(&s);
}

/* Many words: more operands and options than there is room for. */
static void
many_words(void **state)
{
	char line[8193] = "MOVE";
	struct sample s;

	(void)state;
	for (size_t at = 4; at + 3 <= 8190; at += 3)
		memcpy(line + at, " /a", 4);
	parse(&s, line);
	assert_int_equal(s.ret, -1);
	assert_string_equal(s.why, "surplus word \"/a\"");
	assert_word(&s, &s.rq.operand[1], "/a");
	done(&s);
}

static void
tables(void **state)
{
	(void)state;
	for (int v = 0; v < COFFER_VERBS; v++) {
		const char *name = coffer_verb_name((enum coffer_verb)v);
		const char *usage = coffer_verb_usage((enum coffer_verb)v);

		assert_true(strlen(name) >= 3);
		assert_memory_equal(usage, name, strlen(name));
		assert_true(usage[strlen(name)] == ' ' || usage[strlen(name)] == '\0');
		assert_true(strlen(coffer_verb_help((enum coffer_verb)v)) > 10);
		assert_int_equal(coffer_verb_find(name, strlen(name)), v);
		assert_int_equal(coffer_verb_find(name, strlen(name) - 1), COFFER_VERBS);
	}
	assert_int_equal(coffer_verb_find("get", 3), COFFER_GET);
	assert_int_equal(coffer_verb_find("getx", 3), COFFER_GET);
	assert_int_equal(coffer_verb_find("", 0), COFFER_VERBS);
	assert_int_equal(coffer_verb_find("GET\0", 4), COFFER_VERBS);
}

/* Every option that a usage line shows is taken, and none that it does not show. */
static void
usage_is_true(void **state)
{
	static const struct {
		const char	*shown, *word;
	} options[] = {
		{ "depth=", "depth=1" }, { "match=", "match=x" }, { "sort=", "sort=name" },
		{ "after=", "after=x" }, { "limit=", "limit=1" }, { " [digest]", "digest" },
		{ "from=", "from=1" }, { "len=", "len=1" }, { "size=", "size=1" },
		{ "[sha256=", "sha256=" HEX }, { "mtime=", "mtime=1" }, { "mode=", "mode=1" },
		{ "if=", "if=new" }, { "[wait]", "wait" }, { "[resume]", "resume" },
		{ "[hold]", "hold" }, { "[parents]", "parents" },
	};
	struct sample s;
	char line[256];

	(void)state;
	for (int v = 0; v < COFFER_VERBS; v++) {
		const char *usage = coffer_verb_usage((enum coffer_verb)v);

		if (v == COFFER_LOGIN || v == COFFER_HELP)
			continue;
		for (size_t i = 0; i < ROWS(options); i++) {
			snprintf(line, sizeof(line), "%s %s", coffer_verb_name((enum coffer_verb)v),
			    options[i].word);
			parse(&s, line);
			if ((strstr(usage, options[i].shown) != NULL) !=
			    (strstr(s.why, "unknown option") == NULL))
				print_message("%s\n", line);
			assert_int_equal(strstr(usage, options[i].shown) != NULL,
			    strstr(s.why, "unknown option") == NULL);
			done(&s);
		}
	}
}

static void
reply(void **state)
{
	static const struct {
		const char	*line;
		int		 code;		/* -1: refused */
		const char	*text;
	} rows[] = {
		{ "200 bye", 200, "bye" }, { "100 from=0", 100, "from=0" }, { "599", 599, "" },
		{ "404 /x: no such file or folder", 404, "/x: no such file or folder" },
		{ "200 ", 200, "" }, { "200  a", 200, " a" },
		{ "", -1, NULL }, { "20", -1, NULL }, { "099 x", -1, NULL }, { "600 x", -1, NULL },
		{ "2000", -1, NULL }, { "200x", -1, NULL }, { "2x0 y", -1, NULL }, { " 200 x", -1,
		    NULL },
		{ "+20 x", -1, NULL }, { "200 a\033[1m", -1, NULL }, { "200 a\r", -1, NULL },
		{ "HTTP/1.1 400 Bad Request", -1, NULL }, { ".", -1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct coffer_reply r;
		size_t len = strlen(rows[i].line);
		char *line = malloc(len + 1);
		int ret;

		assert_non_null(line);
		memcpy(line, rows[i].line, len);
		line[len] = 'X';
		errno = 0;
		ret = coffer_reply_parse(&r, line, len);
		if (ret != (rows[i].code == -1 ? -1 : 0))
			print_message("\"%s\"\n", rows[i].line);
		assert_int_equal(ret, rows[i].code == -1 ? -1 : 0);
		if (ret == 0) {
			assert_int_equal(r.code, rows[i].code);
			assert_string_equal(r.text, rows[i].text);
			assert_true(r.text >= line && r.text <= line + len);
		} else
			assert_int_equal(errno, EPROTO);
		free(line);
	}
}

static void
reply_value(void **state)
{
	static char text[] = "size=12  xsize=13 total= path=/a=b sha256=- size=99 bare last=z";
	const struct coffer_reply r = { 200, text };
	static const struct {
		const char	*key;
		size_t		 size;
		ptrdiff_t	 len;
		const char	*want;
	} rows[] = {
		{ "size", 8, 2, "12" },		/* the first */
		{ "xsize", 8, 2, "13" },
		{ "ize", 8, -1, NULL },
		{ "siz", 8, -1, NULL },
		{ "total", 8, 0, "" },
		{ "path", 8, 4, "/a=b" },
		{ "/a", 8, -1, NULL },
		{ "sha256", 8, 1, "-" },
		{ "bare", 8, -1, NULL },
		{ "last", 2, 1, "z" },
		{ "path", 3, -1, NULL },		/* does not fit */
		{ "nothing", 8, -1, NULL },
	};
	char value[8];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		memset(value, '~', sizeof(value));
		assert_int_equal(coffer_reply_value(&r, rows[i].key, value, rows[i].size),
		    rows[i].len);
		if (rows[i].len >= 0)
			assert_string_equal(value, rows[i].want);
		else
			assert_memory_equal(value, "~~~~~~~~", 8);
	}
	/* No room for the NUL: the value all the same, and not a byte more. */
	memset(value, '~', sizeof(value));
	assert_int_equal(coffer_reply_value(&r, "path", value, 4), 4);
	assert_memory_equal(value, "/a=b~~~~", 8);
	assert_int_equal(coffer_reply_value(&r, "total", value, 0), 0);
}

static void
entry(void **state)
{
	static const struct {
		const char	*line;
		char		 type;			/* 0: refused */
		const char	*name;
		int		 digest;
	} rows[] = {
		{ "f 12 1700000000.000000001 0644 a%20b", 'f', "a b", 0 },
		{ "f 12 1700000000.000000001 0644 a sha256=" HEX, 'f', "a", 1 },
		{ "f 12 1700000000.000000001 0644 a sha256=-", 'f', "a", 0 },
		{ "d 12 1700000000.000000001 0644 sub/deep/x", 'd', "sub/deep/x", 0 },
		{ "l 12 1700000000.000000001 0644 %0a%25", 'l', "\n%", 0 },
		{ "f 12 1700000000.000000001 0644 ...", 'f', "...", 0 },
		{ "f 12 1700000000.000000001 0644 .a/b..", 'f', ".a/b..", 0 },
		{ "f 12 1700000000.000000001 0644 a=b", 'f', "a=b", 0 },
		{ "f 12 1700000000.000000001 0644 a owner=ann sha256=" HEX, 'f', "a", 1 },
		{ "f 12 1700000000.000000001 0644 a sha256=" HEX " sha256=" HEX, 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 a sha256=", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 a sha256=ab", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 a b", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 ", 0, NULL, 0 },
		{ "f", 0, NULL, 0 },
		{ "", 0, NULL, 0 },
		{ ".", 0, NULL, 0 },
		{ "! 500 oh", 0, NULL, 0 },
		{ "p 12 1700000000.000000001 0644 a", 0, NULL, 0 },
		{ "fd 12 1700000000.000000001 0644 a", 0, NULL, 0 },
		{ "F 12 1700000000.000000001 0644 a", 0, NULL, 0 },
		{ "f -1 1700000000.000000001 0644 a", 0, NULL, 0 },
		{ "f 9223372036854775808 1700000000.000000001 0644 a", 0, NULL, 0 },
		{ "f 12 now 0644 a", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 644 a", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 00644 a", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0648 a", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 a%", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 a%00", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 a\tb", 0, NULL, 0 },
		/* Names that would lead a client out of its folder. */
		{ "f 12 1700000000.000000001 0644 ..", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 .", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 ../a", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 a/../../b", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 a/%2e%2e/%2e./b", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 a%2f..", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 /etc/passwd", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 %2fetc/passwd", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 a//b", 0, NULL, 0 },
		{ "f 12 1700000000.000000001 0644 a/", 0, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct coffer_entry e;
		size_t len = strlen(rows[i].line);
		char *line = malloc(len + 1);
		int ret;

		assert_non_null(line);
		memcpy(line, rows[i].line, len);
		line[len] = 'X';
		errno = 0;
		ret = coffer_entry_parse(&e, line, len);
		if (ret != (rows[i].type == 0 ? -1 : 0))
			print_message("\"%s\"\n", rows[i].line);
		assert_int_equal(ret, rows[i].type == 0 ? -1 : 0);
		if (ret == 0) {
			assert_int_equal(e.type, rows[i].type);
			assert_int_equal(e.size, 12);
			assert_int_equal(e.mtime.tv_sec, 1700000000);
			assert_int_equal(e.mtime.tv_nsec, 1);
			assert_int_equal(e.mode, 0644);
			assert_string_equal(e.name.at, rows[i].name);
			assert_int_equal(e.name.len, strlen(rows[i].name));
			assert_int_equal(e.has_sha256, rows[i].digest);
		} else
			assert_int_equal(errno, EPROTO);
		free(line);
	}
}

static void
chunk(void **state)
{
	static const struct {
		const char	*line;
		int		 fails;
		uint64_t	 want;
	} rows[] = {
		{ "0", 0, 0 }, { "1", 0, 1 }, { "ff", 0, 255 }, { "FF", 0, 255 }, { "aF09", 0,
		    0xaf09 },
		{ "fffffffffffffff", 0, UINT64_C(0xfffffffffffffff) },		/* fifteen */
		{ "000000000000001", 0, 1 },
		{ "0000000000000001", 1, 0 },					/* sixteen */
		{ "", 1, 0 }, { "g", 1, 0 }, { "0x1", 1, 0 }, { " 1", 1, 0 }, { "1 ", 1, 0 },
		{ "-1", 1, 0 }, { "+1", 1, 0 }, { "1;x=y", 1, 0 }, { "@", 1, 0 }, { "\x11", 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t n = 42;

		errno = 0;
		assert_int_equal(coffer_chunk_parse(&n, rows[i].line, strlen(rows[i].line)),
		    -rows[i].fails);
		assert_true(n == (rows[i].fails ? 42 : rows[i].want));
		assert_int_equal(errno, rows[i].fails ? EPROTO : 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbs),
		cmocka_unit_test(values),
		cmocka_unit_test(refused),
		cmocka_unit_test(control_bytes),
		cmocka_unit_test(nul_in_path),
		cmocka_unit_test(nul_in_option),
		cmocka_unit_test(refused_put),
		cmocka_unit_test(unknown_verb),
		cmocka_unit_test(why_bounds),
		cmocka_unit_test(many_words),
		cmocka_unit_test(tables),
		cmocka_unit_test(usage_is_true),
		cmocka_unit_test(reply),
		cmocka_unit_test(reply_value),
		cmocka_unit_test(entry),
		cmocka_unit_test(chunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
