/* users - the users file as a table. */

#include <sys/stat.h>

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/users.h"
#include "base/digest.h"
#include "base/text.h"

#define SALT	16	/* bytes that make decoys unpredictable */

struct user {
	const char	*name, *hash;	/* within the text */
	unsigned	 line;
};

struct users {
	char		*text;		/* the file, NUL-terminated where a part ends */
	size_t		 len;
	struct user	*user;		/* sorted by name */
	size_t		 count, room;
	size_t		 open;		/* users whose hash some password is right for */
	char		 spare[CRYPT_OUTPUT_SIZE];	/* a decoy where there are none */
	uint8_t		 salt[SALT];
};

/* What is wrong with who may read or write it, or NULL. */
static const char *
exposed(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "it is no regular file";
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return "it belongs to somebody else than root and the user of the server";
	if ((st->st_mode & S_IRWXO) != 0)
		return "others have rights on it: chmod 600 takes them away";
	if ((st->st_mode & S_IWGRP) != 0)
		return "its group may write to it: chmod 600 forbids that";
	return NULL;
}

int
users_open(const char *file, struct stat *st, char why[USERS_WHY])
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *fault;

	if (fd == -1 || fstat(fd, st) == -1)
		fault = strerror(errno);
	else if ((fault = exposed(st)) == NULL)
		return fd;
	(void)snprintf(why, USERS_WHY, "%.400s: %s", file, fault);
	if (fd != -1)
		(void)close(fd);
	return -1;
}

/* All of it, or NULL with errno.  A NUL is put behind it. */
static char *
read_all(int fd, size_t *len)
{
	struct stat st;
	size_t size;
	char *text;
	ssize_t n = 0;

	if (fstat(fd, &st) == -1)
		return NULL;
	errno = EFBIG;
	if (st.st_size > USERS_FILE_MAX || (text = malloc(size = (size_t)st.st_size + 1)) == NULL)
		return NULL;
	for (*len = 0; *len < size && (n = read(fd, text + *len, size - *len)) > 0; *len += (size_t)n)
		continue;
	if (n == 0) {
		text[*len] = '\0';
		return text;
	}
	if (n > 0)
		errno = EAGAIN;		/* it grows while it is read */
	explicit_bzero(text, size);
	free(text);
	return NULL;
}

struct reading {
	struct users	*users;
	const char	*file;
	users_fault	*fault;
	void		*arg;
	size_t		 faults;
};

static void __attribute__((format(printf, 3, 4)))
tell(struct reading *r, unsigned line, const char *fmt, ...)
{
	char text[USERS_WHY], place[16] = "";
	size_t len;
	va_list ap;

	if (line > 0)
		(void)snprintf(place, sizeof(place), ":%u", line);
	(void)snprintf(text, sizeof(text), "%.300s%s: ", r->file, place);
	len = strlen(text);
	va_start(ap, fmt);
	(void)vsnprintf(text + len, sizeof(text) - len, fmt, ap);
	va_end(ap);
	r->fault(r->arg, text);
	r->faults++;
}

static int
add(struct users *u, const struct users_line *l, unsigned line)
{
	struct user *more;

	if (u->count == u->room) {
		if ((more = reallocarray(u->user, u->room * 2 + 16, sizeof(*more))) == NULL)
			return -1;
		u->user = more;
		u->room = u->room * 2 + 16;
	}
	u->user[u->count++] = (struct user){ .name = l->name, .hash = l->hash, .line = line };
	/* The colons and the line end, none of which is looked at again. */
	((char *)(uintptr_t)l->name)[l->name_len] = ((char *)(uintptr_t)l->hash)[l->hash_len] = '\0';
	u->open += users_hash_open(l->hash);
	return 0;
}

static void
take_line(struct reading *r, char *begin, size_t len, unsigned line)
{
	struct users_line parts;
	const char *why;
	int kind = users_line(&parts, begin, len, &why);

	if (kind == -1)
		tell(r, line, "%s", why);
	else if (kind == 1 && add(r->users, &parts, line) == -1)
		tell(r, line, "%s", strerror(errno));
}

static int
by_name(const void *a, const void *b)
{
	const struct user *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static void
find_twins(struct reading *r)
{
	const struct user *user = r->users->user;
	char shown[4 * USERS_NAME_MAX + 1];
	size_t i;

	for (i = 1; i < r->users->count; i++)
		if (strcmp(user[i - 1].name, user[i].name) == 0)
			tell(r, user[i].line, "%s stands on line %u already",
			    text_visible(shown, sizeof(shown), user[i].name, strlen(user[i].name)),
			    user[i - 1].line);
}

static void
take_all(struct reading *r)
{
	struct users *u = r->users;
	char *at = u->text, *end = u->text + u->len, *lf;
	unsigned line;

	for (line = 1; at < end; line++) {
		if ((lf = memchr(at, '\n', (size_t)(end - at))) == NULL)
			lf = end;
		take_line(r, at, (size_t)(lf - at), line);
		at = lf + 1;
	}
	if (u->count > 0)
		qsort(u->user, u->count, sizeof(*u->user), by_name);
	find_twins(r);
	arc4random_buf(u->salt, sizeof(u->salt));
	if (u->open == 0 && crypt_gensalt_rn(NULL, 0, NULL, 0, u->spare, sizeof(u->spare)) == NULL)
		tell(r, 0, "no salt can be made: %s", strerror(errno));
}

struct users *
users_read(int fd, const char *file, users_fault *fault, void *arg)
{
	struct reading r = { .file = file, .fault = fault, .arg = arg };

	if ((r.users = calloc(1, sizeof(*r.users))) == NULL ||
	    (r.users->text = read_all(fd, &r.users->len)) == NULL)
		tell(&r, 0, "%s", strerror(errno));
	else
		take_all(&r);
	(void)close(fd);
	if (r.faults > 0)
		users_free(&r.users);
	return r.users;
}

struct users *
users_none(void)
{
	struct users *u = calloc(1, sizeof(*u));

	if (u != NULL && crypt_gensalt_rn(NULL, 0, NULL, 0, u->spare, sizeof(u->spare)) == NULL)
		users_free(&u);
	return u;
}

void
users_free(struct users **users)
{
	struct users *u = *users;

	*users = NULL;
	if (u == NULL)
		return;
	if (u->text != NULL)
		explicit_bzero(u->text, u->len);
	free(u->text);
	free(u->user);
	explicit_bzero(u, sizeof(*u));
	free(u);
}

size_t
users_count(const struct users *u)
{
	return u->count;
}

/* What stands in the file for that user, or NULL. */
static const char *
hash_of(const struct users *u, const char *name)
{
	size_t low = 0, high = u->count, at;
	int order;

	while (low < high) {
		at = low + (high - low) / 2;
		if ((order = strcmp(name, u->user[at].name)) == 0)
			return u->user[at].hash;
		if (order < 0)
			high = at;
		else
			low = at + 1;
	}
	return NULL;
}

bool
users_has(const struct users *u, const char *name)
{
	return hash_of(u, name) != NULL;
}

bool
users_admitted(const struct users *u, const char *name)
{
	const char *hash = hash_of(u, name);

	return hash != NULL && hash[0] != '!';
}

const char *
users_find(const struct users *u, const char *name)
{
	const char *hash = hash_of(u, name);

	return hash != NULL && users_hash_open(hash) ? hash : NULL;
}

const char *
users_decoy(const struct users *u, const char *name)
{
	char key[SALT + 4 * USERS_NAME_MAX];
	struct digest digest;
	uint64_t which;
	size_t i;

	if (u->open == 0)
		return u->spare;
	memcpy(key, u->salt, SALT);
	(void)strlcpy(key + SALT, name, sizeof(key) - SALT);
	digest_of(key, SALT + strlen(key + SALT), &digest);
	memcpy(&which, &digest, sizeof(which));
	which %= u->open;
	for (i = 0; !users_hash_open(u->user[i].hash) || which-- > 0; i++)
		continue;
	return u->user[i].hash;
}
