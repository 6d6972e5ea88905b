/* privilege - whom the workers become, and whether that user can serve the root. */

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "server/capability.h"
#include "server/privilege.h"
#include "store/path.h"

/* What the child that tried has found. */
enum step { STEP_NONE, STEP_BECOME, STEP_REACH, STEP_LIST, STEP_WRITE, STEP_STAGE };

struct verdict {
	enum step	step;	/* that failed */
	int		error;
	size_t		len;	/* STEP_REACH: of the part of root that cannot be entered */
};

static void
take_user(struct privilege *p, const struct passwd *pw)
{
	p->uid = pw->pw_uid;
	p->gid = pw->pw_gid;
	p->drop = pw->pw_uid != 0;
	(void)strlcpy(p->name, pw->pw_name, sizeof(p->name));
}

static int
find_named(struct privilege *p, const char *user, char *why)
{
	const struct passwd *pw;
	const char *fault;
	char shown[128];

	errno = 0;
	pw = getpwnam(user);
	if (pw != NULL && strlen(pw->pw_name) < sizeof(p->name)) {
		take_user(p, pw);
		return 0;
	}
	/* getpwnam(3) says these, too, where it could look but found nobody. */
	if (pw != NULL || errno == 0 || errno == ENOENT || errno == ESRCH)
		fault = "there is no such user";
	else
		fault = strerror(errno);
	(void)snprintf(why, PRIVILEGE_WHY, "user: \"%s\": %s",
	    text_visible(shown, sizeof(shown), user, strlen(user)), fault);
	return -1;
}

int
privilege_find(struct privilege *p, const char *user, char why[PRIVILEGE_WHY])
{
	const struct passwd *pw;

	memset(p, 0, sizeof(*p));
	p->uid = geteuid();
	p->gid = getegid();
	if (p->uid != 0) {
		if ((pw = getpwuid(p->uid)) != NULL)
			(void)strlcpy(p->name, pw->pw_name, sizeof(p->name));
		else
			(void)snprintf(p->name, sizeof(p->name), "%ju", (uintmax_t)p->uid);
		return 0;
	}
	if (user[0] != '\0')
		return find_named(p, user, why);
	if ((pw = getpwnam("coffer")) != NULL) {
		take_user(p, pw);
		return 0;
	}
	return find_named(p, "nobody", why);
}

static int
drop_ids(const struct privilege *p)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	if (setresgid(p->gid, p->gid, p->gid) == -1 || setresuid(p->uid, p->uid, p->uid) == -1)
		return -1;
	/* Believe the kernel only after having asked. */
	if (getresuid(&ruid, &euid, &suid) == -1 || getresgid(&rgid, &egid, &sgid) == -1)
		return -1;
	if (ruid != p->uid || euid != p->uid || suid != p->uid || rgid != p->gid ||
	    egid != p->gid || sgid != p->gid || setuid(0) != -1 || setgid(0) != -1) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

int
privilege_drop(const struct privilege *p, const char **root)
{
	capability_bound();
	/* Groups are looked up in files that the new root folder does not have. */
	if (p->drop && initgroups(p->name, p->gid) == -1)
		return -1;
	if (root != NULL && *root != NULL && chroot(*root) == -1)
		*root = NULL;
	if (root != NULL && *root != NULL && chdir("/") == -1)
		return -1;
	if (p->drop && p->ports && prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) == -1)
		return -1;
	if (p->drop && drop_ids(p) == -1)
		return -1;
	if (capability_drop(p->uid == 0, p->ports) == -1 || prctl(PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L) == -1)
		return -1;
	/* No set-user-id program gives anything back, whatever a worker is made to run. */
	return prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
}

/* The length of the first part of root's name that cannot be entered; 0 where all can. */
static size_t
closed_part(const char *root)
{
	char part[PATH_MAX];
	size_t len;

	for (len = 1; ; len++) {
		if (root[len] != '/' && root[len] != '\0' && len > 1)
			continue;
		(void)snprintf(part, sizeof(part), "%.*s", (int)len, root);
		if (faccessat(AT_FDCWD, part, X_OK, AT_EACCESS) == -1)
			return len;
		if (root[len] == '\0')
			return 0;
	}
}

static enum step
try_list(int fd)
{
	DIR *dir;
	int copy;

	if ((copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return STEP_LIST;
	if ((dir = fdopendir(copy)) == NULL)
		return STEP_LIST;
	errno = 0;
	if (readdir(dir) == NULL && errno != 0)
		return STEP_LIST;
	(void)closedir(dir);
	return STEP_NONE;
}

/* Uploads are staged in the reserved folder: it must be ours to write, or ours to make.  Only
 * asked, not tried: nothing is to change before the start is certain. */
static enum step
try_write(int root)
{
	int fd;

	fd = openat(root, PATH_RESERVED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 && errno == ENOENT)
		return faccessat(root, ".", W_OK | X_OK, AT_EACCESS) == -1 ? STEP_WRITE : STEP_NONE;
	if (fd == -1 || faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == -1)
		return STEP_STAGE;
	(void)close(fd);
	return STEP_NONE;
}

/* In the child: the steps of a worker, until one fails. */
static struct verdict
try_root(const struct privilege *p, const char *root, bool writable)
{
	struct verdict v = { STEP_NONE, 0, 0 };
	int fd;

	if (privilege_drop(p, NULL) == -1)
		v.step = STEP_BECOME;
	else if ((v.len = closed_part(root)) > 0)
		v.step = STEP_REACH;
	else if ((fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		v.step = STEP_LIST;
	else if ((v.step = try_list(fd)) == STEP_NONE && writable)
		v.step = try_write(fd);
	v.error = v.step != STEP_NONE ? errno : 0;
	return v;
}

static int
try_in_child(const struct privilege *p, const char *root, bool writable, struct verdict *v)
{
	int pipefd[2], saved;
	ssize_t n;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) == -1)
		return -1;
	if ((pid = fork()) == 0) {
		*v = try_root(p, root, writable);
		n = write(pipefd[1], v, sizeof(*v));
		_exit(n != sizeof(*v));
	}
	saved = errno;
	(void)close(pipefd[1]);
	n = pid != -1 ? read(pipefd[0], v, sizeof(*v)) : -1;
	(void)close(pipefd[0]);
	if (pid == -1)
		errno = saved;
	else if (n != sizeof(*v))
		errno = ECHILD;
	if (pid != -1)
		while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
			;
	return n == sizeof(*v) ? 0 : -1;
}

static void
explain(const struct privilege *p, const struct verdict *v, const char *root, char *why)
{
	const char *advice = p->drop ? "; let it, or name another user with -o user=" : "";
	char shown[256], part[256];

	(void)text_visible(shown, sizeof(shown), root, strlen(root));
	switch (v->step) {
	case STEP_REACH:
		(void)snprintf(why, PRIVILEGE_WHY, "user %s cannot enter %s (%s)%s", p->name,
		    text_visible(part, sizeof(part), root, v->len), strerror(v->error), advice);
		return;
	case STEP_LIST:
		(void)snprintf(why, PRIVILEGE_WHY, "user %s cannot list %s (%s)%s", p->name, shown,
		    strerror(v->error), advice);
		return;
	case STEP_WRITE:
	case STEP_STAGE:
		if (v->error == EROFS)
			advice = "";
		else if (p->drop)
			advice = "; chown it, or name another user with -o user=";
		(void)snprintf(why, PRIVILEGE_WHY,
		    "user %s cannot write %s%s (%s), which is to be writable%s", p->name, shown,
		    v->step == STEP_STAGE ? "/" PATH_RESERVED : "", strerror(v->error), advice);
		return;
	default:
		(void)snprintf(why, PRIVILEGE_WHY, "cannot become user %s: %s", p->name,
		    strerror(v->error));
	}
}

int
privilege_check(const struct privilege *p, const char *root, bool writable, char why[PRIVILEGE_WHY])
{
	struct verdict v;

	if (try_in_child(p, root, writable, &v) == -1) {
		(void)snprintf(why, PRIVILEGE_WHY, "cannot try whether user %s can serve %.200s: %s",
		    p->name, root, strerror(errno));
		return -1;
	}
	if (v.step == STEP_NONE)
		return 0;
	explain(p, &v, root, why);
	return -1;
}
