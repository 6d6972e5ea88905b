/* fuzz_path - any bytes as a name: as they are, decoded, encoded, joined, shown. */

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/path.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What struct path promises, looked at with other means than path.c's. */
static void
check_path(const struct path *path)
{
	char dotted[sizeof(path->name) + 2];

	assert(path->len <= PATH_LEN_MAX && path->name[path->len] == '\0');
	assert(strlen(path->name) == path->len);
	assert(path_is_root(path) == (path->len == 0));
	dotted[0] = '/';
	memcpy(dotted + 1, path->name, path->len);
	memcpy(dotted + 1 + path->len, "/", 2);
	if (path->len > 0)
		assert(strstr(dotted, "//") == NULL);
	assert(strstr(dotted, "/./") == NULL && strstr(dotted, "/../") == NULL);
	assert(strstr(dotted, "/" PATH_RESERVED "/") == NULL);
	assert(path->leaf <= path->len && strchr(path->name + path->leaf, '/') == NULL);
	assert(path->leaf == 0 || path->name[path->leaf - 1] == '/');
	assert(path->len - path->leaf <= PATH_PART_MAX);
}

static void
same(const struct path *a, const struct path *b)
{
	assert(a->len == b->len && a->leaf == b->leaf && memcmp(a->name, b->name, a->len + 1) == 0);
}

/* Taken apart from its end and joined again it is the same; so it is when read again. */
static void
check_rebuilt(const struct path *path)
{
	static struct path up, again;
	char name[PATH_MAX + 1];

	name[0] = '/';
	memcpy(name + 1, path->name, path->len);
	assert(path_parse(&again, name, path->len + 1) == 0);
	same(path, &again);
	if (path_parent(&up, path) == -1) {
		assert(errno == EINVAL && path_is_root(path));
		return;
	}
	check_path(&up);
	assert(up.len < path->len && memcmp(up.name, path->name, up.len) == 0);
	assert(path_part_shown(path->name + path->leaf));
	assert(path_join(&again, &up, path->name + path->leaf, path->len - path->leaf) == 0);
	check_path(&again);
	same(path, &again);
	path_parent(&again, &again);
	same(&up, &again);
}

static void
check_name(const char *name, size_t len)
{
	static struct path path, joined;

	if (path_parse(&path, name, len) == -1)
		assert(errno == EINVAL || errno == ENAMETOOLONG || errno == ENOENT);
	else {
		assert(name[0] == '/' && path.len < len);
		check_path(&path);
		check_rebuilt(&path);
	}
	path_parse(&path, "/a/b", 4);
	if (path_join(&joined, &path, name, len) == 0) {
		check_path(&joined);
		assert(memchr(name, '/', len) == NULL && joined.len == 4 + len);
	}
}

static void
check_codec(const char *name, size_t len)
{
	char *encoded = malloc(3 * len + 1), *end;
	size_t n;

	assert(encoded != NULL);
	end = text_encode(encoded, name, len);
	n = (size_t)(end - encoded);
	assert(n >= len && n <= 3 * len);
	for (size_t i = 0; i < n; i++)
		assert((unsigned char)encoded[i] > 0x20 && encoded[i] != 0x7f);
	assert(text_decode(encoded, n) == (ptrdiff_t)len);
	assert(memcmp(encoded, name, len) == 0);
	free(encoded);
}

/* No byte that is shown moves a cursor, and the buffer may have any size. */
static void
check_visible(const char *name, size_t len, size_t size)
{
	char *shown = malloc(size);
	size_t n;

	assert(shown != NULL);
	text_visible(shown, size, name, len);
	assert(strlen(shown) < size);
	for (const char *p = shown; *p != '\0'; p += n)
		assert((n = text_printable(p, strlen(p))) > 0);
	free(shown);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = malloc(size + 1);
	ptrdiff_t len;

	assert(name != NULL);
	memcpy(name, data, size);
	check_name(name, size);
	check_codec(name, size);
	check_visible(name, size, 1 + size % 67);
	check_visible(name, size, 4 * size + 1);
	len = text_decode(name, size);
	assert(len == -1 ? memcmp(name, data, size) == 0 : (size_t)len <= size);
	if (len >= 0)
		check_name(name, (size_t)len);
	free(name);
	return 0;
}
