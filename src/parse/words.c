/* words - a line of the native protocol, taken apart word by word. */

#include "parse/words.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

#define EACH(byte)	(UINT64_C(0x0101010101010101) * (byte))
#define BELOW(x, n)	(((x) - EACH(n)) & ~(x) & EACH(0x80))	/* not 0: some byte is below n */

/* The first byte below 0x20, or 0x7F; NULL if there is none. */
const char *
words_control(const char *s, size_t len)
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
char *
words_next(char **pos, char *end, size_t *len)
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

bool
words_equal(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(s, word, len) == 0;
}

/* Decodes a word in place.  The byte behind it is the word's separator, or line[len]. */
int
words_decode(struct coffer_word *word, char *s, size_t len)
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
int
words_name(struct coffer_word *word, char *s, size_t len)
{
	struct coffer_word w;

	if (len == 0 || memchr(s, '\0', len) != NULL || memmem(s, len, "%00", 3) != NULL)
		return -1;
	if (words_decode(&w, s, len) == -1)
		return -1;
	*word = w;
	return 0;
}
