/* passwd - sets a password in the users file, or takes a user out of it.
 * Works on the file itself, and asks no server: one that runs sees that the file has changed. */

#include <sys/file.h>
#include <sys/stat.h>

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <readpassphrase.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/users.h"
#include "ctl/ctl.h"

#define PASSWORD_MAX	512	/* bytes, with the NUL */

/* The file while it is edited.  text is what was read of it. */
struct edit {
	const char	*file;
	int		 fd;		/* locked */
	struct stat	 st;
	char		*text;
	size_t		 len;
	char		 next[PATH_MAX];	/* the new one, until it is the file; "": none */
	bool		 faulty;
};

static enum ctl_exit
say_errno(const char *what)
{
	int error = errno;

	ctl_say("%s: %s", what, strerror(error));
	return error == EACCES || error == EPERM ? DENIED : FAILED;
}

/* A line of standard input.  Its length, or -1. */
static ssize_t
read_line(char password[PASSWORD_MAX])
{
	size_t len = 0;
	ssize_t n;

	/* Byte by byte, so that what is behind the line is left to others, and no buffer keeps it. */
	while (len < PASSWORD_MAX && (n = read(STDIN_FILENO, password + len, 1)) == 1 && password[len] != '\n')
		len++;
	if (len == PASSWORD_MAX || n == -1)
		return -1;
	if (len > 0 && password[len - 1] == '\r')
		len--;
	password[len] = '\0';
	return memchr(password, '\0', len) == NULL ? (ssize_t)len : -1;
}

static bool
read_twice(char password[PASSWORD_MAX], const char *user)
{
	char prompt[128], again[PASSWORD_MAX];
	bool same;

	(void)snprintf(prompt, sizeof(prompt), "new password for %s: ", user);
	if (readpassphrase(prompt, password, PASSWORD_MAX, RPP_ECHO_OFF) == NULL ||
	    readpassphrase("once more: ", again, sizeof(again), RPP_ECHO_OFF) == NULL) {
		ctl_say("the password cannot be asked for: %s", strerror(errno));
		return false;
	}
	same = strcmp(password, again) == 0;
	explicit_bzero(again, sizeof(again));
	if (!same)
		ctl_say("these are two different passwords; nothing has changed");
	return same;
}

static bool
read_password(char password[PASSWORD_MAX], const char *user)
{
	if (isatty(STDIN_FILENO)) {
		if (!read_twice(password, user))
			return false;
	} else if (read_line(password) == -1) {
		ctl_say("a password is one line of at most %d bytes, without NUL", PASSWORD_MAX - 1);
		return false;
	}
	if (password[0] == '\0')
		ctl_say("a password cannot be empty");
	return password[0] != '\0';
}

/* The hash of what is read; in static memory.  NULL after saying why. */
static const char *
make_hash(const char *user)
{
	static struct crypt_data data;
	char password[PASSWORD_MAX], setting[CRYPT_GENSALT_OUTPUT_SIZE];
	const char *hash = NULL;

	if (read_password(password, user)) {
		if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)) == NULL ||
		    (hash = crypt_r(password, setting, &data)) == NULL || !users_hash_open(hash)) {
			ctl_say("crypt(3) makes no hash: %s", strerror(errno));
			hash = NULL;
		}
	}
	explicit_bzero(password, sizeof(password));
	return hash;
}

/* Another editor may have replaced the file before we got the lock. */
static enum ctl_exit
lock(struct edit *e, bool make)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (make ? O_CREAT : 0);
	struct stat now;

	for (;;) {
		if ((e->fd = open(e->file, flags, 0600)) == -1)
			return say_errno(e->file);
		if (flock(e->fd, LOCK_EX) == -1 || fstat(e->fd, &e->st) == -1)
			return say_errno(e->file);
		if (stat(e->file, &now) == 0 && now.st_ino == e->st.st_ino && now.st_dev == e->st.st_dev)
			return DONE;
		(void)close(e->fd);
		e->fd = -1;
	}
}

static void
tell_fault(void *arg, const char *line)
{
	struct edit *e = arg;

	ctl_say("%s", line);
	e->faulty = true;
}

static enum ctl_exit
load(struct edit *e)
{
	struct users *users;
	ssize_t n;
	int copy;

	if ((copy = dup(e->fd)) == -1)
		return say_errno(e->file);
	users = users_read(copy, e->file, tell_fault, e);
	users_free(&users);
	if (e->faulty) {
		ctl_say("%s is left as it is", e->file);
		return FAILED;
	}
	if ((e->text = malloc((size_t)e->st.st_size + 1)) == NULL ||
	    (n = pread(e->fd, e->text, (size_t)e->st.st_size, 0)) == -1)
		return say_errno(e->file);
	e->len = (size_t)n;
	return DONE;
}

/* All lines but the user's, which becomes one with that hash (NULL: none), at the end where there was
 * none.  Whether there was one. */
static bool
write_lines(struct edit *e, FILE *out, const char *user, const char *hash)
{
	const char *at = e->text, *end = e->text + e->len, *lf, *why;
	struct users_line l;
	bool found = false;

	for (; at < end; at = lf + 1) {
		if ((lf = memchr(at, '\n', (size_t)(end - at))) == NULL)
			lf = end;
		if (users_line(&l, at, (size_t)(lf - at), &why) != 1 ||
		    l.name_len != strlen(user) || memcmp(l.name, user, l.name_len) != 0) {
			(void)fprintf(out, "%.*s\n", (int)(lf - at), at);
			continue;
		}
		found = true;
		if (hash != NULL && l.rest != NULL)
			(void)fprintf(out, "%s:%s:%.*s\n", user, hash, (int)(lf - l.rest), l.rest);
		else if (hash != NULL)
			(void)fprintf(out, "%s:%s\n", user, hash);
	}
	if (!found && hash != NULL)
		(void)fprintf(out, "%s:%s\n", user, hash);
	return found;
}

/* The new file beside the old one, with its owner.  Whoever may not give it away is the owner
 * already, or could not have the server read it. */
static FILE *
open_next(struct edit *e)
{
	char target[PATH_MAX], copy[PATH_MAX];
	int fd, saved;

	/* A symbolic link stays one: what it leads to is replaced. */
	if (realpath(e->file, target) == NULL)
		(void)strlcpy(target, e->file, sizeof(target));
	e->file = strdup(target);
	(void)strlcpy(copy, target, sizeof(copy));
	(void)snprintf(e->next, sizeof(e->next), "%.4000s/.users.XXXXXX", dirname(copy));
	if ((fd = mkostemp(e->next, O_CLOEXEC)) == -1) {
		e->next[0] = '\0';
		return NULL;
	}
	if (fchown(fd, e->st.st_uid, e->st.st_gid) == 0 && fchmod(fd, e->st.st_mode & 0640) == 0)
		return fdopen(fd, "w");
	saved = errno;
	(void)close(fd);
	errno = saved;
	return NULL;
}

static int
sync_folder(const char *file)
{
	char copy[PATH_MAX];
	int fd, ret;

	(void)strlcpy(copy, file, sizeof(copy));
	if ((fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return -1;
	ret = fsync(fd);
	(void)close(fd);
	return ret;
}

static enum ctl_exit
replace(struct edit *e, const char *user, const char *hash)
{
	FILE *out = open_next(e);
	bool found;
	int bad;

	if (out == NULL)
		return say_errno(e->file);
	found = write_lines(e, out, user, hash);
	bad = fflush(out) != 0 || fsync(fileno(out)) == -1;
	bad |= fclose(out) != 0;
	if (!bad && !found && hash == NULL) {
		ctl_say("%s: there is no user %s", e->file, user);
		return NO_TARGET;
	}
	if (bad || rename(e->next, e->file) == -1)
		return say_errno(e->file);
	e->next[0] = '\0';
	return sync_folder(e->file) == 0 ? DONE : say_errno(e->file);
}

static enum ctl_exit
edit(const char *file, const char *user, const char *hash)
{
	struct edit e = { .file = file, .fd = -1 };
	enum ctl_exit code;

	if ((code = lock(&e, hash != NULL)) == DONE && (code = load(&e)) == DONE)
		code = replace(&e, user, hash);
	if (e.next[0] != '\0')
		(void)unlink(e.next);
	if (e.text != NULL)
		explicit_bzero(e.text, e.len);
	free(e.text);
	if (e.file != file)
		free((char *)(uintptr_t)e.file);
	if (e.fd != -1)
		(void)close(e.fd);
	return code;
}

enum ctl_exit
ctl_passwd(const char *file, const char *user, bool gone)
{
	const char *why, *hash = NULL;
	enum ctl_exit code;

	if (file == NULL)
		file = SYSCONFDIR "/coffer/users";
	if (!users_name(user, strlen(user), &why)) {
		ctl_say("%s", why);
		return USAGE;
	}
	if (!gone && access(file, F_OK) == 0 && access(file, R_OK) == -1)
		return say_errno(file);		/* before somebody types a password in vain */
	if (!gone && (hash = make_hash(user)) == NULL)
		return FAILED;
	if ((code = edit(file, user, hash)) == DONE)
		ctl_say("%s %s", user, gone ? "is no user any more" : "has a new password");
	return code;
}
