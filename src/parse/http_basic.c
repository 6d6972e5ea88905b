/* http_basic - what stands in Authorization: Basic (RFC 7617). */

#include <string.h>
#include <strings.h>

#include "parse/http_values.h"

/* The value of a digit of base64, or -1. */
static int
digit(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* In place, strictly (RFC 4648, section 4).  0, or -1. */
static int
decode(struct http_text *text)
{
	size_t len = text->len, n = 0, i;
	uint32_t bits = 0;
	int value;

	if (len % 4 != 0)
		return -1;
	for (i = 0; i < 2 && len > 0 && text->at[len - 1] == '='; i++)
		len--;
	for (i = 0; i < len; i++) {
		if ((value = digit((unsigned char)text->at[i])) == -1)
			return -1;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 != 0)
			text->at[n++] = (char)(bits >> (6 - 2 * (i % 4)));
	}
	/* What does not make a byte must be 0: there is one way to write it. */
	if ((len % 4 == 2 && (bits & 0xf) != 0) || (len % 4 == 3 && (bits & 0x3) != 0))
		return -1;
	text->len = n;
	return 0;
}

int
http_basic_parse(struct http_basic *basic, struct http_text value)
{
	const char *colon;

	if (value.len < 6 || strncasecmp(value.at, "Basic ", 6) != 0)
		return -1;
	for (value.at += 6, value.len -= 6; value.len > 0 && *value.at == ' '; value.len--)
		value.at++;
	if (decode(&value) == -1 || value.len == 0 || (colon = memchr(value.at, ':', value.len)) == NULL)
		return -1;
	basic->user = (struct http_text){ value.at, (size_t)(colon - value.at) };
	basic->password = (struct http_text){ value.at + basic->user.len + 1, value.len - basic->user.len - 1 };
	return 0;
}
