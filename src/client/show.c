/* show - sizes, times, modes and names as people and programs want them. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/client.h"
#include "client/show.h"

char *
show_size(char dst[SHOW_SIZE], uint64_t bytes)
{
	if (bytes < 1024)
		(void)snprintf(dst, SHOW_SIZE, "%u", (unsigned)bytes);
	else if (humanize_number(dst, 5, (int64_t)bytes, "", HN_AUTOSCALE,
		     HN_B | HN_NOSPACE | HN_DECIMAL) == -1)
		(void)strlcpy(dst, "?", SHOW_SIZE);
	return dst;
}

char *
show_time(char dst[SHOW_TIME], const struct timespec *ts)
{
	struct tm tm;

	if (localtime_r(&ts->tv_sec, &tm) == NULL ||
	    strftime(dst, SHOW_TIME, "%Y-%m-%d %H:%M", &tm) == 0)
		(void)snprintf(dst, SHOW_TIME, "%jd", (intmax_t)ts->tv_sec);
	return dst;
}

char *
show_mode(char dst[11], char type, unsigned mode)
{
	static const char letters[] = "rwxrwxrwx";
	int i;

	dst[0] = type == 'f' ? '-' : type;
	for (i = 0; i < 9; i++)
		dst[i + 1] = mode & 0400U >> i ? letters[i] : '-';
	dst[10] = '\0';
	return dst;
}

void
json_set_name(json_t *object, const char *name, size_t len)
{
	json_t *exact = json_stringn(name, len);
	char *text;
	size_t i;

	if (exact != NULL) {
		(void)json_object_set_new(object, "name", exact);
		return;
	}
	text = xmalloc(4 * len + 1);
	(void)json_object_set_new(
	    object, "name", json_string(text_visible(text, 4 * len + 1, name, len)));
	for (i = 0; i < len; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", (unsigned char)name[i]);
	(void)json_object_set_new(object, "name_hex", json_string(text));
	free(text);
}

void
json_set_mtime(json_t *object, const struct timespec *ts)
{
	char text[40];

	/* As text: a number would lose nanoseconds on its way through a double. */
	*text_put_timespec(text, ts) = '\0';
	(void)json_object_set_new(object, "mtime", json_string(text));
}

void
json_set_mode(json_t *object, unsigned mode)
{
	char text[5];

	*text_octal4(text, mode) = '\0';
	(void)json_object_set_new(object, "mode", json_string(text));
}

void
json_out_element(struct json_out *out, json_t *element)
{
	(void)fputs(out->count++ == 0 ? "[\n" : ",\n", stdout);
	(void)json_dumpf(element, stdout, JSON_COMPACT);
	json_decref(element);
}

void
json_out_end(struct json_out *out)
{
	(void)fputs(out->count == 0 ? "[]\n" : "\n]\n", stdout);
}
