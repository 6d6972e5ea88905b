/* http_escape - names of files, which are any bytes, as parts of URLs, of HTML and of JSON.
 * Pure.  Each writes at dst and returns the end, without a NUL. */

#ifndef PARSE_HTTP_ESCAPE_H
#define PARSE_HTTP_ESCAPE_H

#include <stddef.h>

#define HTTP_URL_GROWS	3	/* so many times longer than the name at most */
#define HTTP_HTML_GROWS	6
#define HTTP_JSON_GROWS	6

/* A path: everything but letters, digits, - . _ ~ and the slash is percent-encoded, so that
 * the result stands for itself in any URL and in any attribute of HTML. */
char	*http_put_url(char *dst, const char *name, size_t len);

/* Text, also within quotes of either kind.  Control characters become the pictures of them
 * (U+2400 and on), bytes that are not UTF-8 U+FFFD. */
char	*http_put_html(char *dst, const char *text, size_t len);

/* The inside of a string.  Bytes that are not UTF-8 become U+FFFD. */
char	*http_put_json(char *dst, const char *text, size_t len);

/* Whether it is UTF-8, so that the two above have lost nothing but looks. */
int	http_is_utf8(const char *text, size_t len);

#endif
