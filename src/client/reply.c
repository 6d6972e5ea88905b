/* reply - the words of a reply, and what a refusal means for the user. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/remote.h"

#define VALUE_MAX	128	/* bytes of the longest value that is asked for */

int
reply_number(const struct coffer_reply *reply, const char *key, uint64_t *n)
{
	char value[VALUE_MAX];
	ptrdiff_t len = coffer_reply_value(reply, key, value, sizeof(value));

	return len == -1 ? -1 : text_number(n, value, (size_t)len, INT64_MAX);
}

int
reply_time(const struct coffer_reply *reply, const char *key, struct timespec *ts)
{
	char value[VALUE_MAX];
	ptrdiff_t len = coffer_reply_value(reply, key, value, sizeof(value));

	return len == -1 ? -1 : text_timespec(ts, value, (size_t)len);
}

int
reply_mode(const struct coffer_reply *reply, const char *key, unsigned *mode)
{
	char value[VALUE_MAX];
	ptrdiff_t len = coffer_reply_value(reply, key, value, sizeof(value));

	return len == -1 ? -1 : text_mode(mode, value, (size_t)len);
}

int
reply_digest(const struct coffer_reply *reply, const char *key, struct digest *digest)
{
	char value[VALUE_MAX];
	ptrdiff_t len = coffer_reply_value(reply, key, value, sizeof(value));

	return len == -1 ? -1 : digest_parse(digest, value, (size_t)len);
}

/* The exit code that belongs to a reply's code. */
static int
exit_code(int code)
{
	switch (code) {
	case 400:		return USAGE;
	case 401:		return LOGIN_REFUSED;
	case 403:		return NOT_ALLOWED;
	case 404:		return NOT_FOUND;
	case 412:		return PRECONDITION;
	case 413: case 507:	return DISK_FULL;
	case 416: case 501:	return PROTOCOL_ERROR;
	case 422:		return DIGEST_DIFFERS;
	case 429: case 503:	return NO_CONNECTION;
	default:		return code < 300 ? DONE : SOME_FAILED;
	}
}

int
say_reply(const char *path, const struct coffer_reply *reply)
{
	size_t len = strlen(path);
	char *encoded = xmalloc(3 * len + 1), shown[512];
	const char *text = reply->text;

	/* The server names the path as it is on the wire: name it as the user knows it. */
	len = (size_t)(text_encode(encoded, path, len) - encoded);
	if (strncmp(text, encoded, len) == 0 && strncmp(text + len, ": ", 2) == 0)
		text += len + 2;
	free(encoded);
	if (reply->code < 300)
		say_of(path, "an answer that makes no sense: %d", reply->code);
	else
		say_of(path, "%s", text_visible(shown, sizeof(shown), text, strlen(text)));
	return reply->code < 300 ? PROTOCOL_ERROR : exit_code(reply->code);
}
