/* http_escape - names as parts of URLs, of HTML and of JSON. */

#include "parse/http_escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

static const char upper[] = "0123456789ABCDEF";

static bool
is_plain(unsigned char c)
{
	static const uint32_t set[8] = {
		0, 0x03ffe000,			/* - . / and digits */
		0x87fffffe, 0x47fffffe,		/* letters _ ~ */
	};

	return set[c >> 5] >> (c & 31) & 1;
}

char *
http_put_url(char *dst, const char *name, size_t len)
{
	const char *end = name + len;
	unsigned char c;

	while (name < end) {
		c = (unsigned char)*name++;
		if (is_plain(c))
			*dst++ = (char)c;
		else {
			*dst++ = '%';
			*dst++ = upper[c >> 4];
			*dst++ = upper[c & 15];
		}
	}
	return dst;
}

static char *
put(char *dst, const char *text)
{
	size_t len = strlen(text);

	memcpy(dst, text, len);
	return dst + len;
}

/* A control character of ASCII. */
static char *
put_picture(char *dst, unsigned char c)
{
	*dst++ = '\xe2';
	*dst++ = '\x90';
	*dst++ = (char)(0x80 + (c == 0x7f ? 0x21 : c));
	return dst;
}

/* The length of the character at s; 0 for bytes that are none.  Control characters beyond
 * ASCII (U+0080 to U+009F) are characters here. */
static size_t
character(const char *s, size_t len)
{
	size_t n = text_printable(s, len);

	if (n == 0 && len > 1 && (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] >= 0x80 &&
	    (unsigned char)s[1] <= 0x9f)
		n = 2;
	return n;
}

static const char *
entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

char *
http_put_html(char *dst, const char *text, size_t len)
{
	const char *end = text + len, *word;
	unsigned char c;
	size_t n;

	while (text < end) {
		c = (unsigned char)*text;
		n = 1;
		if ((word = entity(*text)) != NULL)
			dst = put(dst, word);
		else if (c < 0x20 || c == 0x7f)
			dst = put_picture(dst, c);
		else if (c < 0x80)
			*dst++ = (char)c;
		else if ((n = text_printable(text, (size_t)(end - text))) > 0) {
			memcpy(dst, text, n);
			dst += n;
		} else {
			dst = put(dst, "\xef\xbf\xbd");
			n = character(text, (size_t)(end - text)) == 2 ? 2 : 1;
		}
		text += n;
	}
	return dst;
}

char *
http_put_json(char *dst, const char *text, size_t len)
{
	const char *end = text + len;
	unsigned char c;
	size_t n;

	while (text < end) {
		c = (unsigned char)*text;
		if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
			*dst++ = (char)c;
			text++;
		} else if (c < 0x80) {
			*dst++ = '\\';
			if (c >= 0x20)
				*dst++ = (char)c;
			else {
				dst = put(dst, "u00");
				*dst++ = upper[c >> 4];
				*dst++ = upper[c & 15];
			}
			text++;
		} else if ((n = character(text, (size_t)(end - text))) > 0) {
			memcpy(dst, text, n);
			dst += n;
			text += n;
		} else {
			dst = put(dst, "\xef\xbf\xbd");
			text++;
		}
	}
	return dst;
}

int
http_is_utf8(const char *text, size_t len)
{
	size_t n, i;

	for (i = 0; i < len; i += n) {
		n = (unsigned char)text[i] < 0x80 ? 1 : character(text + i, len - i);
		if (n == 0)
			return 0;
	}
	return 1;
}
