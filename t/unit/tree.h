/* tree - a temporary folder with a store on it, for the tests of src/store.
 * Each test gets a folder of its own, and leaves no descriptor open. */

#ifndef T_UNIT_TREE_H
#define T_UNIT_TREE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/listing.h"
#include "store/upload.h"

#define UNUSED	__attribute__((unused))

struct tree {
	char		 root[64];
	struct store	*store;
	int		 descriptors;	/* open before the test */
	bool		 mounted;	/* something on ROOT/mnt */
};

/* Fails with the errno that came, not only with "-1 != 0". */
#define assert_ok(call)		assert_answer((call), 0, #call, __FILE__, __LINE__)
#define assert_errno(call, e)	assert_answer((call), (e), #call, __FILE__, __LINE__)

static inline void
assert_answer(int ret, int want, const char *call, const char *file, int line)
{
	int got = ret == -1 ? errno : 0;

	if (got != want || (ret != -1 && want != 0)) {
		print_error("%s: %s, not %s\n", call, strerrorname_np(got), strerrorname_np(want));
		_fail(file, line);
	}
}

static inline int
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static inline void
reopen(struct tree *t, struct store_opts opts)
{
	const char *why;

	store_close(&t->store);
	opts.root = t->root;
	t->store = store_open(&opts, &why);
	assert_non_null(t->store);
	assert_null(why);
}

static inline int
setup(void **state)
{
	struct store_opts opts = { .writable = true, .staging_ttl_ms = 60000 };
	struct tree *t = calloc(1, sizeof(*t));
	const char *tmp = getenv("TMPDIR");

	umask(022);
	snprintf(t->root, sizeof(t->root), "%s/coffer-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(t->root) == NULL || chmod(t->root, 0755) == -1)
		return -1;
	t->descriptors = count_descriptors();
	reopen(t, opts);
	*state = t;
	return 0;
}

static inline int
remove_one(const char *name, const struct stat *st UNUSED, int type, struct FTW *ftw UNUSED)
{
	return type == FTW_DP || type == FTW_D ? rmdir(name) : unlink(name);
}

static inline int
open_all(const char *name, const struct stat *st UNUSED, int type, struct FTW *ftw UNUSED)
{
	return type == FTW_DNR || type == FTW_D ? chmod(name, 0700) : 0;
}

static inline char *
at(const struct tree *t, const char *name)
{
	static char full[4][2 * PATH_MAX];
	static unsigned next;
	char *s = full[next++ % 4];

	snprintf(s, sizeof(full[0]), "%s/%s", t->root, name);
	return s;
}

static inline int
teardown(void **state)
{
	struct tree *t = *state;
	int left;

	store_close(&t->store);
	left = count_descriptors() - t->descriptors;
	if (t->mounted)
		umount2(at(t, "mnt"), MNT_DETACH);
	nftw(t->root, open_all, 16, FTW_PHYS);
	nftw(t->root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(t);
	if (left != 0)
		print_error("%d descriptors were left open\n", left);
	return left;
}

/* A small file system of its own on ROOT/mnt, or the test is skipped. */
static inline void
mount_small(struct tree *t, const char *options)
{
	assert_ok(mkdir(at(t, "mnt"), 0755));
	if (mount("none", at(t, "mnt"), "tmpfs", 0, options) == -1) {
		print_message("skipped: cannot mount here (%s)\n", strerror(errno));
		skip();
	}
	t->mounted = true;
}

static inline struct path *
P(const char *name)
{
	static struct path path[4];
	static unsigned next;
	struct path *p = &path[next++ % 4];

	assert_ok(path_parse(p, name, strlen(name)));
	return p;
}

/* Writes a file past the store. */
static inline void
plant(const struct tree *t, const char *name, const char *text)
{
	int fd = open(at(t, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline bool
exists(const struct tree *t, const char *name)
{
	struct stat st;

	return lstat(at(t, name), &st) == 0;
}

static inline void
assert_content(const struct tree *t, const char *name, const char *want)
{
	char got[256];
	int fd = open(at(t, name), O_RDONLY);
	ssize_t n;

	assert_int_not_equal(fd, -1);
	n = read(fd, got, sizeof(got) - 1);
	close(fd);
	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, want);
}

static inline struct digest
digest_text(const char *text)
{
	struct digest digest;

	digest_of(text, strlen(text), &digest);
	return digest;
}

static inline bool
same(const struct digest *digest, const char *text)
{
	struct digest want = digest_text(text);

	return digest_equal(digest, &want);
}

/* Files in ROOT/.coffer but for the locks. */
static inline int
count_staged(const struct tree *t, const char *folder)
{
	DIR *dir = opendir(at(t, folder));
	struct dirent *d;
	int n = 0;

	if (dir == NULL)
		return 0;
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.' && strcmp(d->d_name, "lock") != 0;
	closedir(dir);
	return n;
}

static inline int
put_as(struct store *s, const char *name, const char *text, struct upload_want want)
{
	struct object done;
	struct upload *up;

	if (upload_open(s, P(name), &want, &up) == -1)
		return -1;
	if (upload_write(up, text, strlen(text)) == -1) {
		int error = errno;

		upload_abandon(&up, true);
		errno = error;
		return -1;
	}
	return upload_publish(&up, &done);
}

static inline int
put(struct store *s, const char *name, const char *text)
{
	return put_as(s, name, text, (struct upload_want){ .size = (int64_t)strlen(text) });
}

static inline bool
is_known(struct store *s, const char *name)
{
	struct object object;

	assert_ok(store_stat(s, P(name), &object));
	return object.known;
}

/* In a process that is about to end: the system call `number` answers `error` from now
 * on; with `arg` 0 to 5, only where that argument is not 0. */
static inline void
deny(int number, int arg, int error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    arg < 0 ? offsetof(struct seccomp_data, nr) :
		    offsetof(struct seccomp_data, args) + 8 * (unsigned)arg),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arg < 0 ? UINT_MAX : 0, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(filter) / sizeof(filter[0]), .filter = filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == -1)
		_exit(77);
}

/* Ends a forked child so that its assertions count in the parent: 77 means skipped. */
static inline void
assert_child(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("skipped: no seccomp filter, or no other user, can be had here\n");
		skip();
	}
	assert_int_equal(status, 0);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
