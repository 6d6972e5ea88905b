/* errand - what an administrator wants done with names that clients have chosen. */

#include <sys/socket.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "server/errand.h"
#include "store/staged.h"

#define SEND_S		10		/* seconds for the asker to take a piece of the reply */
#define SHOWN_MAX	(4 * PATH_MAX)	/* bytes of a path made visible */

static pid_t errands[ERRANDS_MAX];

static void
send_reply(int fd, json_t *reply)
{
	char *text = json_dumps(reply, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
	size_t len = text != NULL ? strlen(text) : 0, at;
	ssize_t n;

	if (text == NULL)
		return;
	text[len++] = '\n';		/* in place of its NUL */
	for (at = 0; at < len; at += (size_t)n)
		if ((n = send(fd, text + at, len - at, MSG_NOSIGNAL)) <= 0)
			break;
	free(text);
	json_decref(reply);
}

static void
say(int fd, const char *status, const char *sentence)
{
	send_reply(fd, json_pack("{s:s, s:[s]}", "status", status, "lines", sentence));
}

static double
age_of(const struct staged_entry *e)
{
	const struct timespec now = clock_wall();
	double age = (double)(now.tv_sec - e->mtime.tv_sec) + (double)(now.tv_nsec - e->mtime.tv_nsec) / 1e9;

	return age > 0 ? age : 0;
}

/* A list under way, and which share it is at. */
struct listing {
	const struct share *share;
	json_t		*entries;
};

/* Where it is to go, from the root of the tree. */
static void
show_path(char shown[SHOWN_MAX], const struct share *share, const char *path)
{
	char whole[2 * PATH_MAX];
	int len = snprintf(whole, sizeof(whole), "/%s%s%s", share->name, share->len > 0 ? "/" : "", path);

	(void)text_visible(shown, SHOWN_MAX, whole, (size_t)len);
}

static void
list_one(void *arg, const struct staged_entry *e)
{
	struct listing *l = arg;
	char path[SHOWN_MAX], user[4 * STAGED_USER];
	json_t *entry = json_pack("{s:s, s:I, s:f, s:b}", "id", e->name, "size", (json_int_t)e->size,
	    "age", age_of(e), "busy", (int)e->busy);

	if (entry == NULL)
		return;		/* a name that is no UTF-8 is none of ours */
	if (e->declared >= 0)
		(void)json_object_set_new(entry, "declared", json_integer((json_int_t)e->declared));
	if (e->known) {
		show_path(path, l->share, e->path);
		(void)json_object_set_new(entry, "user", e->user[0] == '\0' ? json_null() :
		    json_string(text_visible(user, sizeof(user), e->user, strlen(e->user))));
		(void)json_object_set_new(entry, "path", json_string(path));
	}
	(void)json_array_append_new(l->entries, entry);
}

static void
list(const struct shares *shares, int fd)
{
	struct listing l = { .entries = json_array() };
	size_t i;

	for (i = 0; i < shares->count; i++) {
		l.share = &shares->at[i];
		if (store_staged(l.share->store, list_one, &l) == -1)
			break;
	}
	if (i < shares->count)
		say(fd, "error", strerror(errno));
	else
		send_reply(fd, json_pack("{s:s, s:O}", "status", "done", "result", l.entries));
	json_decref(l.entries);
}

/* Names that are to go.  Gathered first: what is removed while a folder is read may hide others. */
struct chosen {
	double	 older;		/* seconds */
	size_t	 count, busy;
	char	**name;
};

static void
choose(void *arg, const struct staged_entry *e)
{
	struct chosen *c = arg;
	char **bigger;

	if (e->busy || age_of(e) < c->older) {
		c->busy += e->busy;
		return;
	}
	if ((bigger = reallocarray(c->name, c->count + 1, sizeof(*bigger))) == NULL)
		return;
	c->name = bigger;
	if ((c->name[c->count] = strdup(e->name)) != NULL)
		c->count++;
}

/* Of one share.  0, or -1 with errno. */
static int
remove_chosen(struct store *store, struct chosen *c, size_t *gone, size_t *left)
{
	size_t i, removed = 0;

	c->count = c->busy = 0;
	if (store_staged(store, choose, c) == -1)
		return -1;
	for (i = 0; i < c->count; i++) {
		removed += store_staged_remove(store, c->name[i]) == 0;
		free(c->name[i]);
	}
	*gone += removed;
	*left += c->busy + c->count - removed;
	return 0;
}

static void
remove_many(const struct shares *shares, int fd, double older)
{
	struct chosen c = { .older = older };
	size_t gone = 0, left = 0, i;
	char sentence[128];

	for (i = 0; i < shares->count; i++)
		if (remove_chosen(shares->at[i].store, &c, &gone, &left) == -1) {
			say(fd, "error", strerror(errno));
			break;
		}
	free(c.name);
	log_info("control: %zu staged uploads are removed", gone);
	(void)snprintf(sentence, sizeof(sentence), "%zu removed, %zu left alone, for somebody is at them",
	    gone, left);
	if (i == shares->count)
		say(fd, "done", sentence);
}

/* The same path of two shares has the same name in both. */
static void
remove_one(const struct shares *shares, int fd, const char *name)
{
	char sentence[256];
	int error = ENOENT, gone = 0;

	for (size_t i = 0; i < shares->count; i++)
		if (store_staged_remove(shares->at[i].store, name) == 0)
			gone++;
		else if (errno != ENOENT)
			error = errno;
	if (gone > 0) {
		log_info("control: staged upload %s is removed", name);
		(void)snprintf(sentence, sizeof(sentence), "%d removed", gone);
		say(fd, "done", sentence);
		return;
	}
	(void)snprintf(sentence, sizeof(sentence), "%.100s: %s", name, error == EBUSY ?
	    "somebody is at it" : error == ENOENT ? "no such staged upload" : strerror(error));
	say(fd, error == ENOENT ? "missing" : "error", sentence);
}

static void
do_it(const struct shares *shares, int fd, const char *what)
{
	uint64_t seconds;

	if (what == NULL)
		list(shares, fd);
	else if (strcmp(what, "all") == 0)
		remove_many(shares, fd, 0);
	else if (strncmp(what, "older=", 6) == 0 &&
	    text_number(&seconds, what + 6, strlen(what + 6), INT32_MAX) == 0)
		remove_many(shares, fd, (double)seconds);
	else if (strncmp(what, "id=", 3) == 0)
		remove_one(shares, fd, what + 3);
	else
		say(fd, "usage", "all, older=SECONDS or id=NAME");
}

static _Noreturn void
run(const struct heritage *heritage, int fd, const char *what)
{
	const struct timeval patience = { .tv_sec = SEND_S };
	const struct listeners none = { 0 };
	struct heritage h = *heritage;
	struct shares shares;

	h.listeners = &none;
	h.login = -1;
	h.ready = fd;		/* in place of what a worker tells that it accepts by */
	(void)alarm(ERRAND_S);
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (worker_confine(&h, "errand", &shares) == -1)
		say(fd, "error", "what is served cannot be looked at (see the log)");
	else
		do_it(&shares, fd, what);
	_exit(EX_OK);
}

int
errand_staged(const struct heritage *heritage, int fd, const char *what)
{
	size_t i;
	pid_t pid;

	for (i = 0; i < ERRANDS_MAX && errands[i] != 0; i++)
		;
	if (i == ERRANDS_MAX) {
		errno = EAGAIN;
		return -1;
	}
	if ((pid = fork()) == 0)
		run(heritage, fd, what);
	if (pid == -1)
		return -1;
	errands[i] = pid;
	return 0;
}

bool
errand_died(pid_t pid)
{
	for (size_t i = 0; i < ERRANDS_MAX; i++)
		if (errands[i] == pid) {
			errands[i] = 0;
			return true;
		}
	return false;
}
