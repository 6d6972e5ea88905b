/* words - a line of the native protocol, taken apart word by word.
 * Shared by the server's half of the grammar and the client's. */

#ifndef PARSE_WORDS_H
#define PARSE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "parse/parse_coffer.h"

/* The first byte below 0x20, or 0x7F; NULL if there is none. */
const char	*words_control(const char *, size_t len);

/* The next word and its length, NULL at the end.  *pos goes past its separator, so that a NUL
 * may be put there. */
char	*words_next(char **pos, char *end, size_t *len);

/* Whether `len` bytes are this word. */
bool	words_equal(const char *, size_t len, const char *word);

/* Undoes the %XX of a word in place and ends it by a NUL.  0, or -1 for a broken escape. */
int	words_decode(struct coffer_word *, char *, size_t len);

/* The same for what becomes a C string further on: -1 also where it is empty or holds a NUL. */
int	words_name(struct coffer_word *, char *, size_t len);

#endif
