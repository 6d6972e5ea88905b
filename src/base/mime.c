/* mime - a hash table from the ends of names to media types. */

#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fnv.h"
#include "base/mime.h"
#include "base/nitems.h"

#define END_MAX		31		/* bytes behind a dot that may mean something */
#define SLOTS_MIN	256		/* a power of two */

struct slot {
	const char	*end, *type;	/* NULL: free */
};

struct mime {
	struct slot	*slot;
	size_t		 slots, used;
	char		*text;		/* the file, whose words the slots point to */
};

/* Where there is no file, or it does not say otherwise.  The last row: whole names. */
static const struct slot few[] = {
	{ "html", "text/html" }, { "htm", "text/html" }, { "txt", "text/plain" },
	{ "md", "text/markdown" }, { "css", "text/css" }, { "js", "text/javascript" },
	{ "mjs", "text/javascript" }, { "csv", "text/csv" }, { "json", "application/json" },
	{ "xml", "application/xml" }, { "pdf", "application/pdf" }, { "zip", "application/zip" },
	{ "gz", "application/gzip" }, { "xz", "application/x-xz" }, { "zst", "application/zstd" },
	{ "tar", "application/x-tar" }, { "wasm", "application/wasm" }, { "png", "image/png" },
	{ "jpg", "image/jpeg" }, { "jpeg", "image/jpeg" }, { "gif", "image/gif" },
	{ "webp", "image/webp" }, { "avif", "image/avif" }, { "svg", "image/svg+xml" },
	{ "ico", "image/vnd.microsoft.icon" }, { "woff2", "font/woff2" }, { "woff", "font/woff" },
	{ "mp3", "audio/mpeg" }, { "ogg", "audio/ogg" }, { "flac", "audio/flac" },
	{ "mp4", "video/mp4" }, { "webm", "video/webm" }, { "log", "text/plain" },
	{ "readme", "text/plain" }, { "license", "text/plain" }, { "copying", "text/plain" },
	{ "copyright", "text/plain" }, { "changelog", "text/plain" }, { "news", "text/plain" },
	{ "authors", "text/plain" }, { "todo", "text/plain" }, { "makefile", "text/plain" },
};

/* The slot of an end, or the free one where it would be put. */
static struct slot *
look(const struct mime *m, const char *end)
{
	size_t i = fnv32_folded(end, strlen(end)) & (m->slots - 1);

	while (m->slot[i].end != NULL && strcmp(m->slot[i].end, end) != 0)
		i = (i + 1) & (m->slots - 1);
	return &m->slot[i];
}

static int
grow(struct mime *m)
{
	struct mime more = { .slots = m->slots * 2 };

	if ((more.slot = calloc(more.slots, sizeof(*more.slot))) == NULL)
		return -1;
	for (size_t i = 0; i < m->slots; i++)
		if (m->slot[i].end != NULL)
			*look(&more, m->slot[i].end) = m->slot[i];
	free(m->slot);
	m->slot = more.slot;
	m->slots = more.slots;
	return 0;
}

static int
put(struct mime *m, const char *end, const char *type)
{
	struct slot *slot;

	if (2 * m->used >= m->slots && grow(m) == -1)
		return -1;
	slot = look(m, end);
	m->used += slot->end == NULL;
	*slot = (struct slot){ end, type };
	return 0;
}

/* The next word of a line, ended by NUL and in small letters; NULL where there is none. */
static char *
word(char **pos)
{
	char *begin = *pos + strspn(*pos, " \t\r"), *p;

	if (*begin == '\0' || *begin == '#')
		return NULL;
	for (p = begin; *p != '\0' && *p != ' ' && *p != '\t' && *p != '\r'; p++)
		*p = (char)tolower((unsigned char)*p);
	*pos = *p != '\0' ? p + 1 : p;
	*p = '\0';
	return begin;
}

/* What could break a head is no type. */
static int
is_type(const char *type)
{
	const char *slash = strchr(type, '/'), *p;

	for (p = type; *p > ' ' && *p < 0x7f; p++)
		;
	return slash != NULL && slash > type && slash[1] != '\0' && *p == '\0';
}

static int
read_line(struct mime *m, char *line)
{
	char *type = word(&line), *end;

	if (type == NULL || !is_type(type))
		return 0;
	while ((end = word(&line)) != NULL)
		if (strlen(end) <= END_MAX && put(m, end, type) == -1)
			return -1;
	return 0;
}

/* The whole file, ended by NUL; NULL with errno. */
static char *
slurp(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error;
	char *text = NULL;
	struct stat st;
	ssize_t n = 0;

	if (fd == -1)
		return NULL;
	if (fstat(fd, &st) == -1)
		goto out;
	if (!S_ISREG(st.st_mode) || st.st_size > MIME_FILE_MAX) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		goto out;
	}
	if ((text = malloc((size_t)st.st_size + 1)) == NULL)
		goto out;
	if ((n = read(fd, text, (size_t)st.st_size)) == -1) {
		error = errno;
		free(text);
		text = NULL;
		errno = error;
		goto out;
	}
	text[n] = '\0';
out:
	error = errno;
	(void)close(fd);
	errno = error;
	return text;
}

static int
read_file(struct mime *m, const char *file)
{
	char *line, *rest;

	if ((rest = m->text = slurp(file)) == NULL)
		return -1;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (read_line(m, line) == -1)
			return -1;
	return 0;
}

struct mime *
mime_open(const char *file, int *error)
{
	struct mime *m = calloc(1, sizeof(*m));
	size_t i;

	*error = 0;
	if (m == NULL)
		return NULL;
	m->slots = SLOTS_MIN;
	if ((m->slot = calloc(m->slots, sizeof(*m->slot))) == NULL)
		goto fail;
	for (i = 0; i < nitems(few); i++)
		if (put(m, few[i].end, few[i].type) == -1)
			goto fail;
	if (file[0] != '\0' && read_file(m, file) == -1)
		*error = errno;
	return m;
fail:
	mime_close(&m);
	return NULL;
}

void
mime_close(struct mime **mp)
{
	struct mime *m = *mp;

	*mp = NULL;
	if (m == NULL)
		return;
	free(m->slot);
	free(m->text);
	free(m);
}

const char *
mime_find(const struct mime *m, const char *name, size_t len)
{
	const char *dot = memrchr(name, '.', len), *end = dot != NULL ? dot + 1 : name, *type;
	size_t n = (size_t)(name + len - end), i;
	char small[END_MAX + 1];

	if (n == 0 || n > END_MAX)
		return MIME_DEFAULT;
	for (i = 0; i < n; i++)
		small[i] = (char)tolower((unsigned char)end[i]);
	small[n] = '\0';
	type = look(m, small)->type;
	return type != NULL ? type : MIME_DEFAULT;
}
