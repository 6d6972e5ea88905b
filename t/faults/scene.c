/* scene - the requests that a sweep makes fail. */

#include "scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SMALL	5000
#define LARGE	700000			/* is reserved, and received in batches */
#define PIPED	(1024 * 1024 + 150000)	/* goes by a pipe into the file */
#define HUGE	(9 * 1024 * 1024)	/* its write-back is begun before its end */

const struct scene scenes[] = {
	{ "put", PUT, "", SMALL, { NOTHING }, { NEW }, 0, 0 },
	{ "put, the reserved folder is gone", PUT, "", SMALL, { NOTHING }, { NEW }, 0, true },
	{ "put over a file", PUT, "", SMALL, { OLD }, { NEW }, 0, 0 },
	{ "put an empty file", PUT, "sha256=%n", 0, { OLD }, { NEW }, 0, 0 },
	{ "put with wait, mode, mtime", PUT, "wait mode=600 mtime=1000000000.5", SMALL, { OLD }, { NEW }, 0, 0 },
	{ "put large", PUT, "sha256=%n", LARGE, { OLD }, { NEW }, 0, 0 },
	{ "put by a pipe", PUT, "sha256=%n", PIPED, { OLD }, { NEW }, 0, 0 },
	{ "put if=new", PUT, "if=new", SMALL, { NOTHING }, { NEW }, 0, 0 },
	{ "put large if=new", PUT, "if=new wait", LARGE, { NOTHING }, { NEW }, 0, 0 },
	{ "put if=sha256:", PUT, "if=sha256:%o", SMALL, { OLD }, { NEW }, 0, 0 },
	{ "put in chunks", CHUNKED, "", LARGE, { OLD }, { NEW }, 0, 0 },
	{ "put resumed", RESUME, "sha256=%n", LARGE, { OLD }, { NEW }, 0, 0 },
	{ "put that breaks off", BREAK, "sha256=%n", LARGE, { OLD }, { OLD }, 0, 0 },
	{ "put two, held", HOLD, "", SMALL, { OLD, NOTHING }, { NEW, NEW }, 0, 0 },
	{ "put two in two folders, held", HOLD, "", LARGE, { OLD, OLD }, { NEW, NEW }, true, 0 },
	{ "put, held, that breaks off", HOLD_BREAK, "sha256=%n", LARGE, { OLD }, { OLD }, 0, 0 },
	{ "copy", COPY, "", SMALL, { OLD, NOTHING }, { OLD, OLD }, 0, 0 },
	{ "copy over a file, elsewhere", COPY, "", SMALL, { OLD, NEW }, { OLD, OLD }, true, 0 },
	{ "move", MOVE, "", SMALL, { OLD, NOTHING }, { NOTHING, OLD }, 0, 0 },
	{ "move if=new", MOVE, "if=new", SMALL, { OLD, NOTHING }, { NOTHING, OLD }, 0, 0 },
	{ "move over a file, elsewhere", MOVE, "", SMALL, { OLD, NEW }, { NOTHING, OLD }, true, 0 },
	{ "delete", DELETE, "", SMALL, { OLD }, { NOTHING }, 0, 0 },
	{ "mkdir", MKDIR, "parents", SMALL, { NOTHING }, { FOLDER }, 0, 0 },
	{ "rmdir", RMDIR, "", SMALL, { FOLDER }, { NOTHING }, 0, 0 },
	{ "set", SET, "mode=640 mtime=1000000000.5", SMALL, { OLD }, { OLD }, 0, 0 },
	{ "put huge", PUT, "sha256=%n", HUGE, { OLD }, { NEW }, 0, 0 },
};
const unsigned scene_count = sizeof(scenes) / sizeof(scenes[0]);

static void
hex_of(char hex[DIGEST_HEX], const char *data, size_t len)
{
	struct digest digest;

	digest_of(data, len, &digest);
	digest_hex(&digest, hex);
}

void
play_begin(struct play *p, const struct scene *scene, struct talk *talk, const char *root)
{
	static unsigned number;

	number++;
	*p = (struct play){ .scene = scene, .talk = talk, .root = root };
	snprintf(p->name[0], sizeof(p->name[0]), "/s%u.a%s", number, scene->act == MKDIR ? "/b/c" : "");
	snprintf(p->name[1], sizeof(p->name[1]), "/s%u.%s", number, scene->elsewhere ? "d/b" : "b");
	p->old = malloc(OLD_SIZE);
	p->new = malloc(scene->size + 1);
	noise_fill(p->old, OLD_SIZE, 2 * number);
	noise_fill(p->new, scene->size, 2 * number + 1);
	hex_of(p->old_hex, p->old, OLD_SIZE);
	hex_of(p->new_hex, p->new, scene->size);
}

static int
plain_put(struct play *p, const char *name, enum content content)
{
	const char *data = content == OLD ? p->old : p->new;
	size_t len = content == OLD ? OLD_SIZE : p->scene->size;

	if (talk_say(p->talk, "PUT %s size=%zu\n", name, len) == -1 || talk_send(p->talk, data, len) == -1)
		return -1;
	return talk_reply(p->talk, NULL) == 201 ? 0 : -1;
}

static int
make(struct play *p, const char *name, enum content content)
{
	if (content == OLD || content == NEW)
		return plain_put(p, name, content);
	if (content != FOLDER)
		return 0;
	if (talk_say(p->talk, "MKDIR %s\n", name) == -1)
		return -1;
	return talk_reply(p->talk, NULL) == 201 ? 0 : -1;
}

static void
options(const struct play *p, char *text, size_t size)
{
	const char *from = p->scene->options, *hex;
	char *end = text + size - 1;

	while (*from != '\0' && text < end) {
		if (*from != '%') {
			*text++ = *from++;
			continue;
		}
		hex = from[1] == 'o' ? p->old_hex : p->new_hex;
		while (*hex != '\0' && text < end)
			*text++ = *hex++;
		from += 2;
	}
	*text = '\0';
}

/* The reply of an upload that asks first may come before the body. */
static int
put(struct play *p, const char *name, const char *more, size_t stop)
{
	bool asks = strstr(more, "wait") != NULL || strstr(p->scene->options, "wait") != NULL ||
	    strstr(more, "resume") != NULL;
	char text[256];
	const char *line;
	size_t from = 0;
	int code;

	options(p, text, sizeof(text));
	if (talk_say(p->talk, "PUT %s size=%zu %s %s\n", name, p->scene->size, text, more) == -1)
		return -1;
	if (asks) {
		if ((code = talk_reply(p->talk, &line)) != 100)
			return code;
		from = (size_t)talk_number(line, "from=");
	}
	if (talk_send(p->talk, p->new + from, stop - from) == -1)
		return -1;
	return stop < p->scene->size ? 100 : talk_reply(p->talk, NULL);
}

static int
put_chunked(struct play *p)
{
	const size_t each = 100000;
	size_t at, len;

	if (talk_say(p->talk, "PUT %s size=*\n", p->name[0]) == -1)
		return -1;
	for (at = 0; at < p->scene->size; at += len) {
		len = p->scene->size - at < each ? p->scene->size - at : each;
		if (talk_say(p->talk, "%zx\n", len) == -1 || talk_send(p->talk, p->new + at, len) == -1)
			return -1;
	}
	return talk_say(p->talk, "0\n") == -1 ? -1 : talk_reply(p->talk, NULL);
}

/* The code of the whole: 201 if both were published, else the first other. */
static int
put_held(struct play *p)
{
	const char *line;
	int code, worst = 201;

	for (unsigned i = 0; i < 2; i++) {
		if ((code = put(p, p->name[i], "hold", p->scene->size)) == -1)
			return -1;
		if (code != 200)
			worst = code;
	}
	if (talk_say(p->talk, "COMMIT\n") == -1 || (code = talk_reply(p->talk, NULL)) == -1)
		return -1;
	if (code != 200)
		return worst != 201 ? worst : code;
	while ((line = talk_line(p->talk)) != NULL && strcmp(line, ".") != 0)
		worst = atoi(line) > 0 ? atoi(line) : atoi(line + strcspn(line, "0123456789"));
	return line == NULL ? -1 : worst;
}

/* Half of it, by a connection that then breaks: what a resume goes on from.  201 when the server has
 * set it aside, or what it answers. */
static int
break_off(struct play *p)
{
	static struct talk other;
	struct play q = *p;
	const struct timespec moment = { .tv_nsec = 2 * 1000 * 1000 };
	int code;

	q.talk = &other;
	if (talk_open(&other, p->talk->port, 10000) == -1)
		return -1;
	if (p->scene->act == HOLD_BREAK)
		code = put(&q, q.name[0], "hold", p->scene->size);
	else
		code = put(&q, q.name[0], "resume", p->scene->size / 2);
	talk_close(&other);
	if (code != 100 && code != 200)
		return code;
	for (int i = 0; i < 2500 && (i == 0 || play_held(p->root)); i++)
		nanosleep(&moment, NULL);
	nanosleep(&moment, NULL);
	return 201;
}

static const char *const verbs[] = {
	[COPY] = "COPY", [MOVE] = "MOVE", [DELETE] = "DELETE", [MKDIR] = "MKDIR", [RMDIR] = "RMDIR", [SET] = "SET",
};

int
play_act(struct play *p)
{
	enum act act = p->scene->act;

	switch (act) {
	case PUT:
		return put(p, p->name[0], "", p->scene->size);
	case CHUNKED:
		return put_chunked(p);
	case RESUME:
		return put(p, p->name[0], "resume", p->scene->size);
	case HOLD:
		return put_held(p);
	case BREAK:
	case HOLD_BREAK:
		return break_off(p);
	default:
		break;
	}
	if (talk_say(p->talk, "%s %s %s %s\n", verbs[act], p->name[0],
	    act == COPY || act == MOVE ? p->name[1] : "", p->scene->options) == -1)
		return -1;
	return talk_reply(p->talk, NULL);
}

static void
remove_reserved(const char *root)
{
	struct dirent *d;
	int fd = open(root, O_RDONLY | O_DIRECTORY), dirfd = openat(fd, ".coffer", O_RDONLY | O_DIRECTORY);
	DIR *dir = fdopendir(dirfd);

	while (dir != NULL && (d = readdir(dir)) != NULL)
		unlinkat(dirfd, d->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	unlinkat(fd, ".coffer", AT_REMOVEDIR);
	close(fd);
}

int
play_before(struct play *p)
{
	const struct scene *s = p->scene;
	char folder[64];

	if (s->elsewhere) {
		snprintf(folder, sizeof(folder), "%s", p->name[1]);
		*strrchr(folder, '/') = '\0';
		if (make(p, folder, FOLDER) == -1)
			return -1;
	}
	for (unsigned i = 0; i < 2; i++)
		if (make(p, p->name[i], s->before[i]) == -1)
			return -1;
	if (s->unreserved)
		remove_reserved(p->root);
	return s->act != RESUME || break_off(p) == 201 ? 0 : -1;
}

static bool
same(const char *data, size_t len, const char *hex, const char *want, size_t want_len, const char *want_hex)
{
	if (len != want_len || memcmp(data, want, len) != 0)
		return false;
	return *hex == '-' || strncmp(hex, want_hex, DIGEST_HEX - 1) == 0;
}

enum content
play_look(struct play *p, unsigned which)
{
	const char *line, *at;
	char hex[DIGEST_HEX] = "-", *data;
	enum content content = BROKEN;
	int64_t size;
	int code;

	if (talk_say(p->talk, "GET %s\n", p->name[which]) == -1 || (code = talk_reply(p->talk, &line)) == -1) {
		printf("# GET %s: the connection broke\n", p->name[which]);
		return BROKEN;
	}
	if (code == 404)
		return NOTHING;
	if (code != 200) {
		if (code == 409)
			return FOLDER;
		printf("# GET %s: %s\n", p->name[which], line);
		return BROKEN;
	}
	size = talk_number(line, "size=");
	if ((at = strstr(line, "sha256=")) != NULL)
		snprintf(hex, sizeof(hex), "%s", at + strlen("sha256="));
	data = malloc((size_t)size + 1);
	if (talk_read(p->talk, data, (size_t)size) == 0) {
		if (same(data, (size_t)size, hex, p->old, OLD_SIZE, p->old_hex))
			content = OLD;
		else if (same(data, (size_t)size, hex, p->new, p->scene->size, p->new_hex))
			content = NEW;
	}
	if (content == BROKEN)
		printf("# GET %s: %lld bytes, sha256=%s: neither what was there nor what was sent\n",
		    p->name[which], (long long)size, hex);
	free(data);
	return content;
}

/* How many staged files there are of which `fits` says so. */
static unsigned
count_staged(const char *root, bool (*fits)(int, const char *, size_t), size_t arg)
{
	char name[PATH_MAX];
	struct dirent *d;
	unsigned n = 0;
	DIR *dir;

	snprintf(name, sizeof(name), "%s/.coffer", root);
	if ((dir = opendir(name)) == NULL)
		return 0;
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' && strcmp(d->d_name, "lock") != 0)
			n += fits(dirfd(dir), d->d_name, arg);
	closedir(dir);
	return n;
}

static void
add_size(struct play_size *sum, int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return;
	sum->names++;
	sum->bytes += S_ISREG(st.st_mode) ? st.st_size : 0;
}

static bool
add_staged(int dirfd, const char *name, size_t sum)
{
	add_size((struct play_size *)sum, dirfd, name);	/* NOLINT: a pointer, as a number */
	return true;
}

void
play_sizes(const struct play *p, struct play_size *sum)
{
	char name[PATH_MAX], *at;

	*sum = (struct play_size){ 0 };
	for (unsigned i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s%s", p->root, p->name[i]);
		for (at = name + strlen(p->root) + 1; (at = strchr(at, '/')) != NULL; *at++ = '/') {
			*at = '\0';
			add_size(sum, AT_FDCWD, name);
		}
		add_size(sum, AT_FDCWD, name);
	}
	(void)count_staged(p->root, add_staged, (size_t)sum);
}

void
play_end(struct play *p)
{
	char name[PATH_MAX];

	for (unsigned i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s%s", p->root, p->name[i]);
		while (strlen(name) > strlen(p->root)) {
			if (remove(name) == -1 && i == 0 && p->scene->elsewhere)
				break;
			*strrchr(name, '/') = '\0';
		}
	}
	free(p->old);
	free(p->new);
}

static bool
has_size(int dirfd, const char *name, size_t at_least)
{
	struct stat st;

	return fstatat(dirfd, name, &st, 0) == 0 && st.st_size >= (off_t)at_least;
}

unsigned
play_staged(const char *root, size_t at_least)
{
	return count_staged(root, has_size, at_least);
}

static bool
is_locked(int dirfd, const char *name, size_t none)
{
	int fd = openat(dirfd, name, O_RDONLY);
	bool locked = fd != -1 && flock(fd, LOCK_SH | LOCK_NB) == -1;

	(void)none;
	if (fd != -1)
		close(fd);
	return locked;
}

bool
play_held(const char *root)
{
	return count_staged(root, is_locked, 0) > 0;
}
