/* test_store - names to descriptors, kept digests, and the changes that bring no bytes. */

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "tree.h"

#define ATTR	"user.coffer.sha256"

static void
get_opens_a_file(void **state)
{
	struct tree *t = *state;
	struct object object;
	char got[8];

	plant(t, "a", "hello");
	chmod(at(t, "a"), 0640);
	assert_ok(store_get(t->store, P("/a"), &object));
	assert_int_equal(object.type, OBJECT_FILE);
	assert_int_equal(object.size, 5);
	assert_int_equal(object.mode, 0640);
	assert_false(object.known);
	assert_int_equal(read(object.fd, got, sizeof(got)), 5);
	assert_memory_equal(got, "hello", 5);
	object_close(&object);
	assert_int_equal(object.fd, -1);
	object_close(&object);
	assert_errno(store_get(t->store, P("/b"), &object), ENOENT);
	assert_int_equal(object.fd, -1);
	assert_errno(store_get(t->store, P("/a/b"), &object), ENOTDIR);
	assert_errno(store_get(t->store, P("/"), &object), EISDIR);
}

static void
links_that_lead_out_are_refused(void **state)
{
	static const char *const targets[] = { "/etc/passwd", "../../etc/passwd", "..", "/",
		"/proc/self/root/etc/passwd", "inside/../../out" };
	struct tree *t = *state;
	struct object object;
	struct listing_opts all = { .depth = 1 };
	struct listing *l;

	assert_ok(mkdir(at(t, "inside"), 0755));
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		unlink(at(t, "link"));
		assert_ok(symlink(targets[i], at(t, "link")));
		assert_errno(store_get(t->store, P("/link"), &object), EXDEV);
		assert_errno(store_stat(t->store, P("/link"), &object), EXDEV);
		assert_errno(listing_open(t->store, P("/link"), &all, &l), EXDEV);
		assert_errno(put(t->store, "/link/x", "x"), EXDEV);
		assert_errno(store_mkdir(t->store, P("/link/x"), false), EXDEV);
		assert_errno(store_mkdir(t->store, P("/link/x/y"), true), EXDEV);
		assert_errno(store_delete(t->store, P("/link/passwd")), EXDEV);
		assert_errno(store_move(t->store, P("/inside"), P("/link/x"), false), EXDEV);
		assert_errno(store_set(t->store, P("/link"), NULL, &(unsigned){ 0600 }), EXDEV);
	}
}

static void
links_inside_are_followed(void **state)
{
	struct tree *t = *state;
	struct object object;

	assert_ok(store_mkdir(t->store, P("/d/e"), true));
	plant(t, "d/a", "hello");
	assert_ok(symlink("../a", at(t, "d/e/up")));
	assert_ok(symlink("d/e", at(t, "e")));
	assert_ok(store_get(t->store, P("/e/up"), &object));
	assert_int_equal(object.size, 5);
	object_close(&object);
	assert_ok(store_stat(t->store, P("/e"), &object));
	assert_int_equal(object.type, OBJECT_FOLDER);
	assert_ok(put(t->store, "/e/new", "x"));
	assert_content(t, "d/e/new", "x");
	assert_ok(symlink("nothing", at(t, "dangling")));
	assert_errno(store_get(t->store, P("/dangling"), &object), ENOENT);
	assert_ok(symlink("loop", at(t, "loop")));
	assert_errno(store_get(t->store, P("/loop"), &object), ELOOP);
}

static void
never_follows_no_link(void **state)
{
	struct tree *t = *state;
	struct object object;

	reopen(t, (struct store_opts){ .writable = true, .symlinks = STORE_SYMLINKS_NEVER });
	assert_ok(mkdir(at(t, "d"), 0755));
	plant(t, "d/a", "hello");
	assert_ok(symlink("d/a", at(t, "file")));
	assert_ok(symlink("d", at(t, "folder")));
	assert_errno(store_get(t->store, P("/file"), &object), ELOOP);
	assert_errno(store_get(t->store, P("/folder/a"), &object), ELOOP);
	assert_errno(put(t->store, "/folder/b", "x"), ELOOP);
	assert_ok(store_delete(t->store, P("/file")));
	assert_true(exists(t, "d/a"));
}

static void
what_is_no_file_is_refused_without_waiting(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct tree *t = *state;
	struct object object;
	int sock;

	alarm(10);
	assert_ok(mkfifo(at(t, "fifo"), 0644));
	assert_errno(store_get(t->store, P("/fifo"), &object), ENXIO);
	assert_errno(store_stat(t->store, P("/fifo"), &object), ENXIO);
	assert_errno(store_set(t->store, P("/fifo"), NULL, &(unsigned){ 0600 }), ENXIO);
	assert_errno(put(t->store, "/fifo", "x"), ENXIO);
	assert_errno(store_copy(t->store, P("/fifo"), t->store, P("/x"), false, &object), ENXIO);
	strlcpy(sun.sun_path, at(t, "sock"), sizeof(sun.sun_path));
	assert_true((sock = socket(AF_UNIX, SOCK_STREAM, 0)) != -1);
	assert_ok(bind(sock, (struct sockaddr *)&sun, sizeof(sun)));
	assert_errno(store_get(t->store, P("/sock"), &object), ENXIO);
	close(sock);
	if (mknod(at(t, "null"), S_IFCHR | 0666, 1 << 8 | 3) == 0)	/* root alone may */
		assert_errno(store_get(t->store, P("/null"), &object), ENXIO);
	alarm(0);
}

static void
a_root_that_cannot_be_served_is_told(void **state)
{
	struct tree *t = *state;
	struct store_opts opts = { .root = at(t, "missing") };
	const char *why = NULL;

	assert_null(store_open(&opts, &why));
	assert_int_equal(errno, ENOENT);
	assert_non_null(why);
	plant(t, "file", "");
	opts.root = at(t, "file");
	assert_null(store_open(&opts, &why));
	assert_int_equal(errno, ENOTDIR);
}

static void
without_openat2_there_is_no_store(void **state)
{
	struct tree *t = *state;
	struct store_opts opts = { .root = t->root };
	const char *why;
	pid_t pid;

	if ((pid = fork()) == 0) {
		deny(SYS_openat2, -1, ENOSYS);
		if (store_open(&opts, &why) != NULL || errno != ENOSYS)
			_exit(1);
		_exit(strstr(why, "openat2") != NULL ? 0 : 2);
	}
	assert_child(pid);
}

static void
the_root_is_not_to_be_changed(void **state)
{
	struct tree *t = *state;
	struct object object;

	assert_ok(mkdir(at(t, "d"), 0755));
	assert_errno(store_delete(t->store, P("/")), EBUSY);
	assert_errno(store_rmdir(t->store, P("/")), EBUSY);
	assert_errno(store_move(t->store, P("/"), P("/d/x"), false), EBUSY);
	assert_errno(store_move(t->store, P("/d"), P("/"), false), EBUSY);
	assert_errno(store_mkdir(t->store, P("/"), false), EEXIST);
	assert_ok(store_mkdir(t->store, P("/"), true));
	assert_errno(put(t->store, "/", "x"), EISDIR);
	assert_ok(store_stat(t->store, P("/"), &object));
	assert_int_equal(object.type, OBJECT_FOLDER);
	assert_int_equal(object.size, 0);
}

static void
a_store_that_is_not_writable_changes_nothing(void **state)
{
	struct tree *t = *state;
	struct object object;
	struct digest digest = digest_text("x");

	plant(t, "a", "x");
	reopen(t, (struct store_opts){ .writable = false });
	assert_errno(put(t->store, "/b", "x"), EROFS);
	assert_errno(store_delete(t->store, P("/a")), EROFS);
	assert_errno(store_rmdir(t->store, P("/a")), EROFS);
	assert_errno(store_mkdir(t->store, P("/b"), true), EROFS);
	assert_errno(store_move(t->store, P("/a"), P("/b"), false), EROFS);
	assert_errno(store_copy(t->store, P("/a"), t->store, P("/b"), false, &object), EROFS);
	assert_errno(store_set(t->store, P("/a"), NULL, &(unsigned){ 0600 }), EROFS);
	assert_int_equal(store_sweep(t->store), 0);
	assert_ok(store_get(t->store, P("/a"), &object));
	assert_errno(store_keep_digest(t->store, &object, &digest), EROFS);
	object_close(&object);
	assert_false(exists(t, ".coffer"));
}

static void
delete_takes_files_and_links_but_no_folder(void **state)
{
	struct tree *t = *state;

	plant(t, "a", "x");
	assert_ok(symlink("a", at(t, "link")));
	assert_ok(mkdir(at(t, "d"), 0755));
	plant(t, "d/a", "x");
	assert_ok(store_delete(t->store, P("/link")));
	assert_true(exists(t, "a"));
	assert_ok(store_delete(t->store, P("/a")));
	assert_errno(store_delete(t->store, P("/a")), ENOENT);
	assert_errno(store_delete(t->store, P("/d")), EISDIR);
	assert_errno(store_rmdir(t->store, P("/d")), ENOTEMPTY);
	assert_errno(store_rmdir(t->store, P("/d/a")), ENOTDIR);
	assert_ok(store_delete(t->store, P("/d/a")));
	assert_ok(store_rmdir(t->store, P("/d")));
	assert_false(exists(t, "d"));
}

static void
mkdir_makes_one_or_all(void **state)
{
	struct tree *t = *state;

	assert_ok(store_mkdir(t->store, P("/d"), false));
	assert_errno(store_mkdir(t->store, P("/d"), false), EEXIST);
	assert_ok(store_mkdir(t->store, P("/d"), true));
	assert_errno(store_mkdir(t->store, P("/x/y"), false), ENOENT);
	assert_ok(store_mkdir(t->store, P("/x/y/z"), true));
	assert_true(exists(t, "x/y/z"));
	plant(t, "file", "x");
	assert_errno(store_mkdir(t->store, P("/file"), true), EEXIST);
	assert_errno(store_mkdir(t->store, P("/file/a/b"), true), ENOTDIR);
	assert_ok(symlink("d", at(t, "link")));
	assert_ok(store_mkdir(t->store, P("/link"), true));
	assert_ok(store_mkdir(t->store, P("/link/a/b"), true));
	assert_true(exists(t, "d/a/b"));
}

static void
move_replaces_files_only(void **state)
{
	struct tree *t = *state;

	assert_ok(put(t->store, "/a", "aaa"));
	plant(t, "b", "b");
	assert_errno(store_move(t->store, P("/a"), P("/b"), true), EEXIST);
	assert_content(t, "b", "b");
	assert_ok(store_move(t->store, P("/a"), P("/b"), false));
	assert_content(t, "b", "aaa");
	assert_false(exists(t, "a"));
	assert_true(is_known(t->store, "/b"));
	assert_ok(store_mkdir(t->store, P("/d/e"), true));
	assert_ok(store_move(t->store, P("/b"), P("/d/new"), true));
	assert_content(t, "d/new", "aaa");
	assert_errno(store_move(t->store, P("/d/new"), P("/d/e"), false), EISDIR);
	assert_errno(store_move(t->store, P("/d/e"), P("/d/new"), false), ENOTDIR);
	assert_errno(store_move(t->store, P("/d"), P("/d/e/f"), false), EINVAL);
	assert_errno(store_move(t->store, P("/none"), P("/x"), false), ENOENT);
	assert_ok(symlink("new", at(t, "d/link")));
	assert_ok(store_move(t->store, P("/d/link"), P("/d/moved"), false));
	assert_true(exists(t, "d/moved") && exists(t, "d/new"));
}

/* GlusterFS and others know no RENAME_NOREPLACE. */
static void
move_does_without_noreplace(void **state)
{
	struct tree *t = *state;
	pid_t pid;

	plant(t, "a", "aaa");
	plant(t, "b", "b");
	assert_ok(mkdir(at(t, "d"), 0755));
	assert_ok(mkdir(at(t, "e"), 0755));
	if ((pid = fork()) == 0) {
		deny(SYS_renameat2, 4, EINVAL);
		if (store_move(t->store, P("/a"), P("/b"), true) != -1 || errno != EEXIST)
			_exit(1);
		if (store_move(t->store, P("/a"), P("/c"), true) != 0)
			_exit(2);
		if (store_move(t->store, P("/d"), P("/e"), true) != -1 || errno != EEXIST)
			_exit(3);
		if (store_move(t->store, P("/d"), P("/f"), true) != 0)
			_exit(4);
		if (put_as(t->store, "/b", "x", (struct upload_want){ .size = 1,
		    .condition = UPLOAD_IF_NEW }) != -1 || errno != EEXIST)
			_exit(5);
		if (put_as(t->store, "/g", "x", (struct upload_want){ .size = 1,
		    .condition = UPLOAD_IF_NEW }) != 0)
			_exit(6);
		_exit(0);
	}
	assert_child(pid);
	assert_content(t, "c", "aaa");
	assert_false(exists(t, "a") || exists(t, "d"));
	assert_true(exists(t, "f"));
	assert_content(t, "g", "x");
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
set_changes_what_is_said(void **state)
{
	struct timespec when = { .tv_sec = 1000000000, .tv_nsec = 123456789 };
	struct tree *t = *state;
	struct object object;

	assert_ok(put(t->store, "/a", "hello"));
	assert_ok(store_set(t->store, P("/a"), &when, NULL));
	assert_ok(store_stat(t->store, P("/a"), &object));
	assert_int_equal(object.mtime.tv_sec, when.tv_sec);
	assert_int_equal(object.mtime.tv_nsec, when.tv_nsec);
	assert_int_equal(object.mode, 0644);
	assert_true(object.known);
	assert_true(same(&object.digest, "hello"));
	assert_ok(store_set(t->store, P("/a"), NULL, &(unsigned){ 06444 }));
	assert_ok(store_stat(t->store, P("/a"), &object));
	assert_int_equal(object.mode, 0444);
	assert_true(object.known);
	assert_int_equal(object.mtime.tv_sec, when.tv_sec);
	assert_ok(mkdir(at(t, "d"), 0755));
	assert_ok(chmod(at(t, "d"), 02755));
	assert_ok(store_set(t->store, P("/d"), &when, &(unsigned){ 0700 }));
	assert_ok(store_stat(t->store, P("/d"), &object));
	assert_int_equal(object.mode, 02700);
	assert_int_equal(object.mtime.tv_nsec, when.tv_nsec);
	assert_errno(store_set(t->store, P("/none"), &when, NULL), ENOENT);
}

/* As a user who may write the attribute of no read-only file. */
static void
set_keeps_the_digest_of_a_read_only_file(void **state)
{
	struct timespec when = { .tv_sec = 1000000000 };
	struct tree *t = *state;
	struct object object;
	pid_t pid;

	assert_ok(chmod(t->root, 0777));
	if ((pid = fork()) == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534) == -1)
			_exit(77);
		if (put_as(t->store, "/a", "hello",
		    (struct upload_want){ .size = 5, .has_mode = true, .mode = 0444 }) == -1)
			_exit(1);
		if (store_stat(t->store, P("/a"), &object) == -1 ||
		    object.mode != 0444 || !object.known)
			_exit(2);
		if (store_set(t->store, P("/a"), &when, NULL) == -1)
			_exit(3);
		if (store_stat(t->store, P("/a"), &object) == -1 ||
		    object.mode != 0444 || !object.known)
			_exit(4);
		/* What may not be read can still be asked about. */
		if (store_set(t->store, P("/a"), NULL, &(unsigned){ 0 }) == -1)
			_exit(5);
		if (store_stat(t->store, P("/a"), &object) == -1 ||
		    object.known || object.size != 5)
			_exit(6);
		if (store_get(t->store, P("/a"), &object) != -1 || errno != EACCES)
			_exit(7);
		_exit(0);
	}
	assert_child(pid);
}

static void
skip_attributes(const struct tree *t)
{
	print_message("skipped: no extended attributes on %s\n", t->root);
	skip();
}

/* A file old enough that no change can hide in the tick of the clock. */
static void
age(const struct tree *t, const char *name)
{
	struct timespec times[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

	assert_ok(utimensat(AT_FDCWD, at(t, name), times, 0));
}

static void
a_digest_is_kept_until_the_file_changes(void **state)
{
	struct tree *t = *state;
	struct digest digest = digest_text("hello");
	struct object object;

	plant(t, "a", "hello");
	age(t, "a");
	assert_ok(store_get(t->store, P("/a"), &object));
	assert_false(object.known);
	assert_ok(store_keep_digest(t->store, &object, &digest));
	object_close(&object);
	assert_ok(store_get(t->store, P("/a"), &object));
	assert_true(object.known);
	assert_true(same(&object.digest, "hello"));
	object_close(&object);
	plant(t, "a", "jello");			/* the same size */
	assert_false(is_known(t->store, "/a"));
	plant(t, "a", "hello, world");		/* the same time */
	age(t, "a");
	assert_false(is_known(t->store, "/a"));
}

static void
a_digest_is_not_kept_for_another_state(void **state)
{
	struct tree *t = *state;
	struct digest digest = digest_text("hello");
	struct object object;

	plant(t, "a", "hello");
	age(t, "a");
	assert_ok(store_get(t->store, P("/a"), &object));
	plant(t, "a", "jello");
	assert_errno(store_keep_digest(t->store, &object, &digest), ESTALE);
	object_close(&object);
	assert_false(is_known(t->store, "/a"));
}

/* A second write within the tick would leave the mtime as it is. */
static void
a_digest_is_not_kept_within_the_tick_of_a_write(void **state)
{
	struct tree *t = *state;
	struct digest digest = digest_text("hello");
	struct timespec times[2];
	struct object object;

	plant(t, "a", "hello");
	for (int i = 0; i < 100; i++) {		/* the tick may end between the two calls */
		clock_gettime(CLOCK_REALTIME_COARSE, &times[0]);
		times[1] = times[0];
		assert_ok(utimensat(AT_FDCWD, at(t, "a"), times, 0));
		assert_ok(store_get(t->store, P("/a"), &object));
		if (!object.settled)
			break;
		object_close(&object);
	}
	assert_false(object.settled);
	assert_errno(store_keep_digest(t->store, &object, &digest), EAGAIN);
	object_close(&object);
	assert_false(is_known(t->store, "/a"));
}

static void
a_digest_of_another_file_is_not_believed(void **state)
{
	struct tree *t = *state;
	char text[256];
	ssize_t n;

	assert_ok(put(t->store, "/a", "hello"));
	age(t, "a");
	assert_false(is_known(t->store, "/a"));
	assert_ok(put_as(t->store, "/a", "hello", (struct upload_want){ .size = 5,
	    .has_mtime = true, .mtime = { .tv_sec = 1000000000 } }));
	if ((n = getxattr(at(t, "a"), ATTR, text, sizeof(text))) == -1)
		skip_attributes(t);
	plant(t, "b", "jello");		/* as cp -a would leave it */
	assert_ok(setxattr(at(t, "b"), ATTR, text, (size_t)n, 0));
	age(t, "b");
	assert_true(is_known(t->store, "/a"));
	assert_false(is_known(t->store, "/b"));
}

static void
a_broken_digest_is_no_digest(void **state)
{
	struct tree *t = *state;
	char text[256], big[4096];
	ssize_t n;

	assert_ok(put(t->store, "/a", "hello"));
	if ((n = getxattr(at(t, "a"), ATTR, text, sizeof(text))) == -1)
		skip_attributes(t);
	for (ssize_t cut = 0; cut < n; cut++) {
		assert_ok(setxattr(at(t, "a"), ATTR, text, (size_t)cut, 0));
		assert_false(is_known(t->store, "/a"));
	}
	assert_ok(setxattr(at(t, "a"), ATTR, text, (size_t)n, 0));
	assert_true(is_known(t->store, "/a"));
	text[n] = '0';
	assert_ok(setxattr(at(t, "a"), ATTR, text, (size_t)n + 1, 0));
	assert_false(is_known(t->store, "/a"));
	text[n - 1] = 'g';
	assert_ok(setxattr(at(t, "a"), ATTR, text, (size_t)n, 0));
	assert_false(is_known(t->store, "/a"));
	memset(big, '0', sizeof(big));
	if (setxattr(at(t, "a"), ATTR, big, sizeof(big) / 2, 0) == 0)
		assert_false(is_known(t->store, "/a"));
}

static void
names_are_bytes(void **state)
{
	static const char *const names[] = { "/a b", "/a%20b", "/new\nline", "/\xff\xfe", "/-rf",
		"/\x01", "/...", "/.coffer2", "/\xc3\xa4" };
	struct tree *t = *state;
	struct object object;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_ok(put(t->store, names[i], names[i]));
		assert_content(t, names[i] + 1, names[i]);
		assert_ok(store_copy(t->store, P(names[i]), t->store, P("/copy"), false, &object));
		assert_ok(store_move(t->store, P("/copy"), P(names[i]), false));
		assert_ok(store_delete(t->store, P(names[i])));
	}
}

static void
expect(struct tree *t, const char *name, const char *want)
{
	struct object object;
	char got[16];
	ssize_t n;

	assert_ok(store_get(t->store, P(name), &object));
	n = pread(object.fd, got, sizeof(got), 0);
	object_close(&object);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, (size_t)n);
}

/* Asks until the file is kept open, which it is not as long as it is young. */
static bool
is_kept(struct tree *t, const char *name)
{
	const struct timespec pause = { 0, 5000000 };
	struct object object;
	bool kept = false;

	for (int i = 0; i < 200 && !kept; i++) {
		store_heard(t->store, 0);
		assert_ok(store_get(t->store, P(name), &object));
		kept = object.kept != NULL;
		object_close(&object);
		(void)nanosleep(&pause, NULL);
	}
	return kept;
}

static void
what_is_kept_open_is_looked_at_once_for_a_turn(void **state)
{
	struct tree *t = *state;

	reopen(t, (struct store_opts){ .writable = true, .staging_ttl_ms = 60000, .open_files = 32 });
	assert_ok(store_mkdir(t->store, P("/d"), false));
	plant(t, "d/a", "old");
	if (!is_kept(t, "/d/a")) {
		print_message("skipped: no file is kept open on this file system\n");
		skip();
	}
	store_heard(t->store, 7);
	expect(t, "/d/a", "old");
	plant(t, "b", "newer");
	assert_ok(rename(at(t, "b"), at(t, "d/a")));	/* behind the store's back */
	store_heard(t->store, 7);	/* had come before it looked: may see either */
	expect(t, "/d/a", "old");
	store_heard(t->store, 8);
	expect(t, "/d/a", "newer");
	assert_true(is_kept(t, "/d/a"));
	store_heard(t->store, 9);
	expect(t, "/d/a", "newer");
	assert_ok(rename(at(t, "d"), at(t, "e")));
	store_heard(t->store, 0);	/* may have come later */
	assert_errno(store_get(t->store, P("/d/a"), &(struct object){ 0 }), ENOENT);
	assert_ok(rename(at(t, "e"), at(t, "d")));
	assert_true(is_kept(t, "/d/a"));
	store_heard(t->store, 10);
	expect(t, "/d/a", "newer");
	assert_ok(store_move(t->store, P("/d/a"), P("/d/c"), false));	/* what it did itself it knows */
	assert_errno(store_get(t->store, P("/d/a"), &(struct object){ 0 }), ENOENT);
}

static void
two_mounts_are_not_crossed(void **state)
{
	struct tree *t = *state;

	mount_small(t, "size=1m");
	assert_ok(put(t->store, "/a", "hello"));
	assert_errno(store_move(t->store, P("/a"), P("/mnt/a"), false), EOPNOTSUPP);
	assert_errno(store_move(t->store, P("/a"), P("/mnt/a"), true), EOPNOTSUPP);
	assert_errno(store_rmdir(t->store, P("/mnt")), EBUSY);
	assert_content(t, "a", "hello");
}

static void
space_is_told(void **state)
{
	struct tree *t = *state;
	struct store_space space;

	assert_ok(store_space(t->store, &space));
	assert_true(space.total > 0 && space.free <= space.total && space.avail <= space.free);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(get_opens_a_file),
		TEST(links_that_lead_out_are_refused),
		TEST(links_inside_are_followed),
		TEST(never_follows_no_link),
		TEST(what_is_no_file_is_refused_without_waiting),
		TEST(a_root_that_cannot_be_served_is_told),
		TEST(without_openat2_there_is_no_store),
		TEST(the_root_is_not_to_be_changed),
		TEST(a_store_that_is_not_writable_changes_nothing),
		TEST(delete_takes_files_and_links_but_no_folder),
		TEST(mkdir_makes_one_or_all),
		TEST(move_replaces_files_only),
		TEST(move_does_without_noreplace),
		TEST(set_changes_what_is_said),
		TEST(set_keeps_the_digest_of_a_read_only_file),
		TEST(a_digest_is_kept_until_the_file_changes),
		TEST(a_digest_is_not_kept_for_another_state),
		TEST(a_digest_is_not_kept_within_the_tick_of_a_write),
		TEST(a_digest_of_another_file_is_not_believed),
		TEST(a_broken_digest_is_no_digest),
		TEST(names_are_bytes),
		TEST(what_is_kept_open_is_looked_at_once_for_a_turn),
		TEST(two_mounts_are_not_crossed),
		TEST(space_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
