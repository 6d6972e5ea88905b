/* config_text - a configuration file's text, made safe for libConfuse. */

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "server/config_text.h"

struct text {
	char		*at, *end;
	unsigned	 line;		/* that `at` is on */
	const char	*why;		/* what is wrong at `at`, or NULL */
};

/* Whether c may stand in a word without quotes. */
static bool
is_word(char c)
{
	return strchr(" \t\r\n#\"'={}()+,*", c) == NULL;
}

static bool
starts(const struct text *t, const char *with)
{
	size_t len = strlen(with);

	return (size_t)(t->end - t->at) >= len && memcmp(t->at, with, len) == 0;
}

static void
wrong(struct text *t, const char *why)
{
	t->why = why;
}

/* Blanks up to `to`, which is within the text. */
static void
blank(struct text *t, const char *to)
{
	for (; t->at < to; t->at++)
		if (*t->at == '\n')
			t->line++;
		else
			*t->at = ' ';
}

static void
line_comment(struct text *t)
{
	char *to = memchr(t->at, '\n', (size_t)(t->end - t->at));

	blank(t, to != NULL ? to : t->end);
}

static void
long_comment(struct text *t)
{
	char *to = memmem(t->at + 2, (size_t)(t->end - t->at) - 2, "*/", 2);

	if (to == NULL)
		wrong(t, "a comment that begins here does not end");
	else
		blank(t, to + 2);
}

/* The end of ${NAME} or ${NAME:-DEFAULT} at `at`, or NULL. */
static char *
variable(const struct text *t, char *at)
{
	for (; at < t->end && *at != '\n' && *at != '"'; at++)
		if (*at == '}')
			return at + 1;
	return NULL;
}

/* The end of an escape at `at`, a backslash within double quotes; NULL if it stands for no byte
 * or for a zero byte. */
static char *
escape(const struct text *t, char *at)
{
	char *digits = at + 1, *end;

	if (digits < t->end && *digits == 'x') {
		for (end = ++digits; end < t->end && end < digits + 2; end++)
			if (!isxdigit((unsigned char)*end))
				break;
	} else {
		for (end = digits; end < t->end && isdigit((unsigned char)*end); end++)
			;
		/* \ooo, up to \377, and no digit behind it. */
		if (end - digits > 3 || (end - digits == 3 && *digits > '3') ||
		    memchr(digits, '8', (size_t)(end - digits)) != NULL ||
		    memchr(digits, '9', (size_t)(end - digits)) != NULL)
			return NULL;
	}
	if (end > digits)
		return strspn(digits, "0") >= (size_t)(end - digits) ? NULL : end;
	return digits < t->end ? digits + (digits == at + 1) : NULL;
}

static void
quoted(struct text *t, char quote)
{
	unsigned line = t->line;
	char *at = t->at + 1, *next;

	while (at < t->end && *at != quote) {
		next = at + 1;
		if (*at == '\\' && quote == '"')
			next = escape(t, at);
		else if (*at == '\\' && next < t->end)
			next++;
		else if (*at == '$' && quote == '"' && next < t->end && *next == '{')
			next = variable(t, at);
		if (next == NULL) {
			wrong(t, *at == '$' ? "a ${ that is not closed by }" :
			    "a string with a bad \\ in it");
			t->line = line;
			return;
		}
		for (; at < next; at++)
			line += *at == '\n';
	}
	if (at >= t->end) {
		wrong(t, "a string that begins here is not closed");
		return;
	}
	t->at = at + 1;
	t->line = line;
}

static void
word(struct text *t)
{
	char *next;

	if (starts(t, "${")) {
		if ((next = variable(t, t->at)) == NULL)
			wrong(t, "a ${ that is not closed by }");
		else
			t->at = next;
		return;
	}
	while (t->at < t->end && is_word(*t->at))
		t->at++;
}

static void
token(struct text *t)
{
	if (*t->at == '\n') {
		t->line++;
		t->at++;
	} else if (*t->at == '#' || starts(t, "//"))
		line_comment(t);
	else if (starts(t, "/*"))
		long_comment(t);
	else if (*t->at == '"' || *t->at == '\'')
		quoted(t, *t->at);
	else if (*t->at == '*')
		wrong(t, "a * must stand within quotes");
	else if (*t->at == '+' && !starts(t, "+="))
		wrong(t, "a + must stand within quotes");
	else if (is_word(*t->at))
		word(t);
	else
		t->at++;
}

size_t
config_text_clean(char *text, size_t len, unsigned *line, const char **why)
{
	char *zero = memchr(text, '\0', len);
	struct text t = { .at = text, .end = zero != NULL ? zero : text + len, .line = 1 };

	while (t.at < t.end && t.why == NULL)
		token(&t);
	if (zero != NULL && t.why == NULL)
		wrong(&t, "a zero byte: this is no text");
	/* What begins on the bad line is not half taken. */
	while (t.why != NULL && t.at > text && t.at[-1] != '\n')
		t.at--;
	*line = t.line;
	*why = t.why;
	return (size_t)(t.at - text);
}
