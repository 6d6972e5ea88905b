/* config_text - a configuration file's text, made safe for libConfuse.
 * Its lexer (3.3) counts lines twice after a comment, refuses comments within lists, silently
 * eats some stray bytes, and keeps its state in a static variable: after a string that
 * was never closed, the next file would be read as the rest of it.  So comments are blanked
 * here, and what would confuse it is told here, with the right line.  Pure. */

#ifndef SERVER_CONFIG_TEXT_H
#define SERVER_CONFIG_TEXT_H

#include <stddef.h>

/* Blanks the comments of `len` bytes in place; the ends of lines stay.  Returns how many bytes
 * from the start are well-formed: `len` and *why is NULL, or those of the lines before the fault,
 * and then *line and the static sentence *why say what is wrong. */
size_t	config_text_clean(char *text, size_t len, unsigned *line, const char **why);

#endif
