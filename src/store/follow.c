/* follow - a name with symbolic links on its way, taken apart link by link.
 * The kernel would follow them by itself, and stay beneath the root, but a link may also lead into the
 * reserved folder, of which it knows nothing.  So the way is written out first, each step looked at
 * without following anything, and then opened without following anything: a link that comes in between
 * is seen. */

#include "store/store_int.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MAX	40	/* as many as the kernel follows */
#define TRIES		10	/* while others change links on the way */
#define WHERE		(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS)

/* A way: before `at` it is without links. */
struct way {
	char		 path[PATH_MAX];
	size_t		 at;
	unsigned	 links;
};

/* The bytes from `from` to `to` become that text.  0, or -1 with errno. */
static int
replace(struct way *w, size_t from, size_t to, const char *text, size_t len)
{
	size_t rest = strlen(w->path + to) + 1;

	if (from + len + rest > sizeof(w->path))
		return fail_with(ENAMETOOLONG);
	memmove(w->path + from + len, w->path + to, rest);
	memcpy(w->path + from, text, len);
	return 0;
}

/* The part from `at` on, which is "..", goes, and the one before it. */
static int
go_up(struct way *w, size_t end)
{
	size_t from = w->at;

	if (from == 0)
		return fail_with(EXDEV);
	for (from--; from > 0 && w->path[from - 1] != '/'; from--)
		continue;
	w->at = from;
	return replace(w, from, end, "", 0);
}

/* Whether the way to `end` ends at a link, and the text of that: its length, 0, or -1 with errno. */
static ssize_t
read_link(struct store *s, struct way *w, size_t end, char text[PATH_MAX])
{
	const char after = w->path[end];
	struct stat st;
	ssize_t n = -1;
	int fd, saved;

	w->path[end] = '\0';
	fd = store_resolve_in(s->root, w->path, O_PATH | O_NOFOLLOW, WHERE);
	w->path[end] = after;
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0)
		n = S_ISLNK(st.st_mode) ? readlinkat(fd, "", text, PATH_MAX) : 0;
	saved = errno;
	(void)close(fd);
	errno = saved;
	return n;
}

static int
go_on(struct store *s, struct way *w, size_t end)
{
	char text[PATH_MAX];
	ssize_t n = read_link(s, w, end, text);

	if (n == -1)
		return -1;
	if (n == 0) {
		w->at = end + (w->path[end] == '/');
		return 0;
	}
	if (++w->links > LINKS_MAX)
		return fail_with(EMLINK);
	if (n == PATH_MAX || text[0] == '/')
		return fail_with(n == PATH_MAX ? ENAMETOOLONG : EXDEV);
	return replace(w, w->at, end, text, (size_t)n);
}

/* One part of the way; a link at the end stays where it is not to be followed. */
static int
step(struct store *s, struct way *w, bool nofollow)
{
	const char *part = w->path + w->at;
	size_t len = strcspn(part, "/"), end = w->at + len;

	if (len == 0 || (len == 1 && part[0] == '.'))
		return replace(w, w->at, end + (w->path[end] == '/'), "", 0);
	if (len == 2 && memcmp(part, "..", 2) == 0)
		return go_up(w, end + (w->path[end] == '/'));
	if (len == sizeof(PATH_RESERVED) - 1 && memcmp(part, PATH_RESERVED, len) == 0)
		return fail_with(ENOENT);
	if (nofollow && w->path[end] == '\0') {
		w->at = end;
		return 0;
	}
	return go_on(s, w, end);
}

static int
try(struct store *s, const char *name, int flags, uint64_t how_to)
{
	struct way w = { .at = 0 };

	if (strlcpy(w.path, name, sizeof(w.path)) >= sizeof(w.path))
		return fail_with(ENAMETOOLONG);
	while (w.path[w.at] != '\0')
		if (step(s, &w, (flags & O_NOFOLLOW) != 0) == -1)
			return -1;
	return store_resolve_in(s->root, w.path[0] == '\0' ? "." : w.path, flags, how_to | RESOLVE_NO_SYMLINKS);
}

int
store_follow(struct store *s, const char *name, int flags, uint64_t how_to)
{
	int fd = -1;

	for (unsigned i = 0; i < TRIES; i++)
		if ((fd = try(s, name, flags, how_to)) != -1 || errno != ELOOP)
			break;
	if (fd == -1 && errno == EMLINK)
		errno = ELOOP;
	return fd;
}
