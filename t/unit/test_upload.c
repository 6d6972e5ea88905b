/* test_upload - files on their way in: never half, kept when acknowledged, resumable. */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include <sys/xattr.h>

#include "tree.h"

#include "base/clock.h"
#include "store/staged.h"
#include "store/store_int.h"

#define BIG	(1024 * 1024)

static struct upload_want
want(int64_t size)
{
	return (struct upload_want){ .size = size };
}

static struct upload_want
want_text(const char *text)
{
	struct upload_want w = want((int64_t)strlen(text));

	w.has_digest = true;
	w.digest = digest_text(text);
	return w;
}

/* The one file in staging; its name. */
static char *
staged(const struct tree *t, const char *folder)
{
	static char name[PATH_MAX];
	DIR *dir = opendir(at(t, folder));
	struct dirent *d;

	name[0] = '\0';
	if (dir == NULL)
		return name;
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' && strcmp(d->d_name, "lock") != 0)
			snprintf(name, sizeof(name), "%s/%s", folder, d->d_name);
	closedir(dir);
	return name;
}

static void
a_put_is_there_as_a_whole(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up;
	struct object done, object;

	plant(t, "a", "old");
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_int_equal(upload_offset(up), 0);
	assert_ok(upload_write(up, "hel", 3));
	assert_content(t, "a", "old");
	assert_ok(upload_write(up, "", 0));
	assert_ok(upload_write(up, "lo", 2));
	assert_int_equal(upload_offset(up), 5);
	assert_content(t, "a", "old");
	assert_ok(upload_publish(&up, &done));
	assert_null(up);
	assert_content(t, "a", "hello");
	assert_int_equal(done.fd, -1);
	assert_int_equal(done.size, 5);
	assert_true(done.known && same(&done.digest, "hello"));
	assert_ok(store_stat(t->store, P("/a"), &object));
	assert_int_equal(object.mode, 0644);
	assert_int_equal(object.inode, done.inode);
	assert_true(object.known && same(&object.digest, "hello"));
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
a_durable_put_too(void **state)
{
	struct tree *t = *state;
	struct upload_want w = { .size = 5, .has_mtime = true, .mtime = { 1, 2 } };
	struct object object;

	reopen(t, (struct store_opts){ .writable = true, .durable = true });
	assert_ok(store_mkdir(t->store, P("/d/e"), true));
	assert_ok(put_as(t->store, "/d/e/a", "hello", w));
	assert_ok(store_copy(t->store, P("/d/e/a"), t->store, P("/d/b"), true, &object));
	assert_ok(store_move(t->store, P("/d/b"), P("/c"), true));
	assert_content(t, "c", "hello");
	assert_ok(store_set(t->store, P("/c"), &w.mtime, NULL));
	assert_ok(store_delete(t->store, P("/c")));
	assert_ok(store_delete(t->store, P("/d/e/a")));
	assert_ok(store_rmdir(t->store, P("/d/e")));
}

static void
a_reader_keeps_its_version(void **state)
{
	struct tree *t = *state;
	struct object object;
	char got[8];

	assert_ok(put(t->store, "/a", "old"));
	assert_ok(store_get(t->store, P("/a"), &object));
	assert_ok(put(t->store, "/a", "newer"));
	assert_int_equal(read(object.fd, got, sizeof(got)), 3);
	assert_memory_equal(got, "old", 3);
	object_close(&object);
}

static void
mode_and_mtime_are_as_asked(void **state)
{
	static const unsigned modes[] = { 0644, 0600, 0666, 0444, 0755, 0, 0777, 06755 };
	struct tree *t = *state;
	struct upload_want w = want(1);
	struct object object;

	w.has_mode = w.has_mtime = true;
	w.mtime = (struct timespec){ .tv_sec = 1234567890, .tv_nsec = 987654321 };
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		w.mode = modes[i];
		assert_ok(put_as(t->store, "/a", "x", w));
		assert_ok(store_stat(t->store, P("/a"), &object));
		assert_int_equal(object.mode, modes[i] & 0777);
		assert_int_equal(object.mtime.tv_sec, w.mtime.tv_sec);
		assert_int_equal(object.mtime.tv_nsec, w.mtime.tv_nsec);
		assert_int_equal(object.known, geteuid() == 0 || (modes[i] & 0400) != 0);
	}
	umask(027);
	reopen(t, (struct store_opts){ .writable = true });
	assert_ok(put(t->store, "/b", "x"));
	assert_ok(store_stat(t->store, P("/b"), &object));
	assert_int_equal(object.mode, 0640);
	w.mtime.tv_nsec = 1000000000;
	assert_errno(put_as(t->store, "/b", "x", w), EINVAL);
}

static void
any_size_will_do(void **state)
{
	static const int64_t sizes[] = { 0, 1, 65535, UPLOAD_RESERVE_MIN, 3 * BIG + 17 };
	struct tree *t = *state;
	char *data = calloc(1, 4 * BIG);
	struct object object;

	for (int i = 0; i < 4 * BIG; i++)
		data[i] = (char)(i * 7 + i / 251);
	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = (size_t)sizes[i / 2];
		struct upload_want w = want(i % 2 ? UPLOAD_SIZE_UNKNOWN : (int64_t)size);
		struct digest digest;
		struct upload *up;

		assert_ok(upload_open(t->store, P("/a"), &w, &up));
		for (size_t n = 0; n < size; n += 70000)
			assert_ok(upload_write(up, data + n, size - n < 70000 ? size - n : 70000));
		assert_ok(upload_publish(&up, &object));
		digest_of(data, size, &digest);
		assert_true(digest_equal(&digest, &object.digest));
		assert_int_equal(object.size, size);
		assert_true(is_known(t->store, "/a"));
	}
	assert_int_equal(count_staged(t, ".coffer"), 0);
	free(data);
}

static void
what_cannot_be_put_is_refused_first(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want(1);
	struct upload *up;

	assert_ok(mkdir(at(t, "d"), 0755));
	plant(t, "file", "x");
	assert_errno(upload_open(t->store, P("/d"), &w, &up), EISDIR);
	assert_null(up);
	assert_errno(upload_open(t->store, P("/none/a"), &w, &up), ENOENT);
	assert_errno(upload_open(t->store, P("/file/a"), &w, &up), ENOTDIR);
	w.size = -2;
	assert_errno(upload_open(t->store, P("/a"), &w, &up), EINVAL);
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

/* The folder came after the upload had begun. */
static void
a_folder_is_not_replaced(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want(1);
	struct upload *up;
	struct object done;

	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(upload_write(up, "x", 1));
	assert_ok(mkdir(at(t, "a"), 0755));
	assert_errno(upload_publish(&up, &done), EISDIR);
	assert_null(up);
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
a_link_is_replaced_not_followed(void **state)
{
	struct tree *t = *state;
	struct stat st;

	plant(t, "target", "old");
	assert_ok(symlink("target", at(t, "in")));
	assert_ok(symlink("/etc/passwd", at(t, "out")));
	assert_ok(put(t->store, "/in", "new"));
	assert_ok(put(t->store, "/out", "new"));
	assert_content(t, "target", "old");
	assert_ok(lstat(at(t, "in"), &st));
	assert_true(S_ISREG(st.st_mode));
	assert_ok(lstat(at(t, "out"), &st));
	assert_true(S_ISREG(st.st_mode));
}

static void
more_bytes_than_said(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want(3);
	struct upload *up;
	struct object done;

	plant(t, "a", "old");
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(upload_write(up, "abc", 3));
	assert_errno(upload_write(up, "d", 1), EFBIG);
	assert_errno(upload_write(up, "", 0), EFBIG);
	assert_errno(upload_publish(&up, &done), EFBIG);
	assert_null(up);
	assert_content(t, "a", "old");
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
fewer_bytes_than_said_wait_for_a_resume(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up;
	struct object done;

	plant(t, "a", "old");
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(upload_write(up, "hel", 3));
	assert_errno(upload_publish(&up, &done), EMSGSIZE);
	assert_content(t, "a", "old");
	assert_int_equal(count_staged(t, ".coffer"), 1);
	w.resume = true;
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_int_equal(upload_offset(up), 3);
	assert_ok(upload_write(up, "lo", 2));
	assert_ok(upload_publish(&up, &done));
	assert_content(t, "a", "hello");
	assert_true(same(&done.digest, "hello"));
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
a_wrong_digest_changes_nothing(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up;
	struct object done;

	plant(t, "a", "old");
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(upload_write(up, "jello", 5));
	assert_errno(upload_publish(&up, &done), EBADMSG);
	assert_true(same(&done.digest, "jello"));
	assert_content(t, "a", "old");
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
leave(struct tree *t, const char *name, const struct upload_want *w, const char *text)
{
	struct upload *up;

	assert_ok(upload_open(t->store, P(name), w, &up));
	assert_ok(upload_write(up, text, strlen(text)));
	upload_abandon(&up, true);
	assert_null(up);
}

static int64_t
found(struct tree *t, const char *name, struct upload_want w)
{
	struct upload *up;
	int64_t offset;

	w.resume = true;
	assert_ok(upload_open(t->store, P(name), &w, &up));
	offset = upload_offset(up);
	upload_abandon(&up, true);
	return offset;
}

static void
a_resume_finds_only_its_own(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello"), other;

	leave(t, "/a", &w, "hel");
	other = want_text("jello");
	assert_int_equal(found(t, "/a", other), 0);
	other = w;
	other.size = 6;
	assert_int_equal(found(t, "/a", other), 0);
	other = w;
	other.has_digest = false;
	assert_int_equal(found(t, "/a", other), 0);
	other = w;
	other.user = "eve";
	assert_int_equal(found(t, "/a", other), 0);
	assert_int_equal(found(t, "/b", w), 0);
	other.user = "";
	assert_int_equal(found(t, "/a", other), 3);
	assert_int_equal(found(t, "/a", w), 3);
	assert_int_equal(count_staged(t, ".coffer"), 1);
}

static void
a_killed_upload_can_be_resumed(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up;
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		if (upload_open(t->store, P("/a"), &w, &up) == 0 && upload_write(up, "hel", 3) == 0)
			raise(SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_false(exists(t, "a"));
	assert_int_equal(found(t, "/a", w), 3);
}

static void
a_resume_of_all_bytes(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up;
	struct object done;

	leave(t, "/a", &w, "hello");
	assert_ok(utimensat(AT_FDCWD, at(t, staged(t, ".coffer")),
	    (struct timespec[2]){ { .tv_sec = 1 }, { .tv_sec = 1 } }, 0));
	w.resume = true;
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_int_equal(upload_offset(up), 5);
	assert_ok(upload_publish(&up, &done));
	assert_content(t, "a", "hello");
	assert_true(done.mtime.tv_sec > 1);	/* the time of publishing */
	assert_true(is_known(t->store, "/a"));
}

/* A crash may have left what is no prefix of the file; the digest tells. */
static void
a_staged_file_that_was_spoilt(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up;
	struct object done;

	leave(t, "/a", &w, "hel");
	plant(t, staged(t, ".coffer"), "xxx");
	w.resume = true;
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_int_equal(upload_offset(up), 3);
	assert_ok(upload_write(up, "lo", 2));
	assert_errno(upload_publish(&up, &done), EBADMSG);
	assert_int_equal(count_staged(t, ".coffer"), 0);

	leave(t, "/a", &w, "hel");
	plant(t, staged(t, ".coffer"), "longer than said");
	assert_int_equal(found(t, "/a", w), 0);
}

/* What was never synced may be gone, which only a digest of the whole would show. */
static void
after_the_machine_was_down(void **state)
{
	struct tree *t = *state;
	struct upload_want with = want_text("hello"), without = with;

	without.has_digest = false;
	leave(t, "/a", &without, "hel");
	leave(t, "/b", &with, "hel");
	assert_int_equal(found(t, "/a", without), 3);
	t->store->boot[0] ^= 1;
	assert_int_equal(found(t, "/a", without), 0);
	assert_int_equal(found(t, "/b", with), 3);
	t->store->boot[0] ^= 1;
	assert_int_equal(found(t, "/a", without), 3);
}

static void
without_resume_it_starts_afresh(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up;
	struct object done;

	leave(t, "/a", &w, "hell");
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_int_equal(upload_offset(up), 0);
	assert_int_equal(count_staged(t, ".coffer"), 1);
	assert_ok(upload_write(up, "hello", 5));
	assert_ok(upload_publish(&up, &done));
	assert_content(t, "a", "hello");
	assert_int_equal(done.mode, 0644);
}

static void
what_stands_in_staging_may_be_anything(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	char name[PATH_MAX];

	leave(t, "/a", &w, "hel");
	snprintf(name, sizeof(name), "%s", staged(t, ".coffer"));
	w.resume = true;
	assert_ok(unlink(at(t, name)));
	assert_ok(symlink("../victim", at(t, name)));
	plant(t, "victim", "v");
	assert_ok(put_as(t->store, "/a", "hello", w));
	assert_content(t, "victim", "v");
	assert_ok(unlink(at(t, name)));
	alarm(10);
	assert_ok(mkfifo(at(t, name), 0600));
	assert_ok(put_as(t->store, "/a", "hello", w));
	alarm(0);
	assert_ok(unlink(at(t, name)));
	assert_ok(mkdir(at(t, name), 0700));
	assert_ok(put_as(t->store, "/a", "hello", w));
	assert_content(t, "a", "hello");
}

static void
two_at_once(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *first, *second;
	struct object done;

	w.resume = true;
	assert_ok(upload_open(t->store, P("/a"), &w, &first));
	assert_ok(upload_write(first, "hel", 3));
	assert_ok(upload_open(t->store, P("/a"), &w, &second));
	assert_int_equal(upload_offset(second), 0);
	assert_int_equal(count_staged(t, ".coffer"), 2);
	assert_ok(upload_write(second, "hello", 5));
	assert_ok(upload_write(first, "lo", 2));
	assert_ok(upload_publish(&second, &done));
	assert_content(t, "a", "hello");
	assert_ok(upload_publish(&first, &done));
	assert_content(t, "a", "hello");
	assert_ok(upload_open(t->store, P("/a"), &w, &first));
	assert_ok(upload_write(first, "hel", 3));
	assert_ok(upload_open(t->store, P("/a"), &w, &second));
	assert_ok(upload_write(second, "he", 2));
	upload_abandon(&second, true);		/* has no name by which it could be found */
	assert_int_equal(count_staged(t, ".coffer"), 1);
	upload_abandon(&first, true);
	assert_int_equal(found(t, "/a", w), 3);
}

static void
abandoned(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want(2 * BIG);
	struct upload *up = NULL;
	struct stat st;

	upload_abandon(&up, true);
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(stat(at(t, staged(t, ".coffer")), &st));
	assert_true(st.st_blocks * 512 >= 2 * BIG);
	assert_ok(upload_write(up, "x", 1));
	upload_abandon(&up, true);
	assert_ok(stat(at(t, staged(t, ".coffer")), &st));
	assert_true(st.st_blocks * 512 < BIG);
	assert_int_equal(st.st_size, 1);
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(upload_write(up, "x", 1));
	upload_abandon(&up, false);
	assert_int_equal(count_staged(t, ".coffer"), 0);
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	upload_abandon(&up, true);		/* not a byte to go on from */
	assert_int_equal(count_staged(t, ".coffer"), 0);
	w.size = UPLOAD_SIZE_UNKNOWN;
	leave(t, "/a", &w, "x");
	assert_int_equal(count_staged(t, ".coffer"), 0);
	assert_false(exists(t, "a"));
}

static void
its_folder_goes_or_moves(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want(1);
	struct upload *up;
	struct object done;

	assert_ok(mkdir(at(t, "d"), 0755));
	assert_ok(upload_open(t->store, P("/d/a"), &w, &up));
	assert_ok(upload_write(up, "x", 1));
	assert_ok(rmdir(at(t, "d")));
	assert_errno(upload_publish(&up, &done), ENOENT);
	assert_int_equal(count_staged(t, ".coffer"), 0);
	assert_ok(mkdir(at(t, "d"), 0755));
	assert_ok(upload_open(t->store, P("/d/a"), &w, &up));
	assert_ok(upload_write(up, "x", 1));
	assert_ok(rename(at(t, "d"), at(t, "e")));
	assert_ok(symlink("/tmp", at(t, "d")));
	assert_ok(upload_publish(&up, &done));
	assert_content(t, "e/a", "x");
}

static void
the_reserved_folder_may_be_removed(void **state)
{
	struct tree *t = *state;

	for (int i = 0; i < 3; i++) {
		assert_ok(put(t->store, "/a", "x"));
		unlink(at(t, ".coffer/lock"));
		assert_ok(rmdir(at(t, ".coffer")));
	}
	assert_ok(put(t->store, "/a", "hello"));
	assert_content(t, "a", "hello");
}

static void
if_new(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want(1);
	struct upload *up;
	struct object done;

	w.condition = UPLOAD_IF_NEW;
	assert_ok(put_as(t->store, "/a", "x", w));
	assert_errno(put_as(t->store, "/a", "y", w), EEXIST);
	assert_ok(symlink("nowhere", at(t, "link")));
	assert_errno(put_as(t->store, "/link", "y", w), EEXIST);
	assert_ok(upload_open(t->store, P("/b"), &w, &up));
	assert_ok(upload_write(up, "x", 1));
	plant(t, "b", "other");
	assert_errno(upload_publish(&up, &done), EEXIST);
	assert_content(t, "b", "other");
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
if_digest(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want(1);
	struct upload *up;
	struct object done;

	w.condition = UPLOAD_IF_DIGEST;
	w.current = digest_text("old");
	assert_errno(upload_open(t->store, P("/a"), &w, &up), ESTALE);
	plant(t, "a", "old");			/* its digest is not kept */
	assert_ok(put_as(t->store, "/a", "x", w));
	assert_content(t, "a", "x");
	assert_errno(upload_open(t->store, P("/a"), &w, &up), ESTALE);
	w.current = digest_text("x");
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(upload_write(up, "y", 1));
	assert_ok(put(t->store, "/a", "z"));
	assert_errno(upload_publish(&up, &done), ESTALE);
	assert_content(t, "a", "z");
	w.current = digest_text("z");
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(upload_write(up, "y", 1));
	assert_ok(store_delete(t->store, P("/a")));
	assert_errno(upload_publish(&up, &done), ESTALE);
	assert_false(exists(t, "a"));
	assert_int_equal(count_staged(t, ".coffer"), 0);
	assert_ok(mkdir(at(t, "d"), 0755));
	assert_errno(upload_open(t->store, P("/d"), &w, &up), EISDIR);
}

struct race {
	struct tree	*t;
	int		 number, won;
};

/* Adds one to the number in the file, by compare and swap. */
static void *
count_up(void *arg)
{
	struct race *race = arg;
	struct upload_want w = { .condition = UPLOAD_IF_DIGEST };
	struct object object, done;
	struct upload *up;
	struct path path;
	char text[32];
	ssize_t n;

	path_parse(&path, "/n", 2);
	while (race->won < 40) {
		if (store_get(race->t->store, &path, &object) == -1)
			return NULL;
		n = read(object.fd, text, sizeof(text) - 1);
		object_close(&object);
		text[n < 0 ? 0 : n] = '\0';
		digest_of(text, strlen(text), &w.current);
		w.size = snprintf(text, sizeof(text), "%d", atoi(text) + 1);
		if (upload_open(race->t->store, &path, &w, &up) == -1)
			continue;
		upload_write(up, text, (size_t)w.size);
		race->won += upload_publish(&up, &done) == 0;
	}
	return NULL;
}

/* All want to be the first. */
static void *
make_new(void *arg)
{
	struct race *race = arg;
	struct upload_want w = { .size = 1, .condition = UPLOAD_IF_NEW };
	struct path path;
	struct upload *up;
	struct object done;
	char name[32];

	for (int i = 0; i < 100; i++) {
		path_parse(&path, name, (size_t)snprintf(name, sizeof(name), "/new%d", i));
		if (upload_open(race->t->store, &path, &w, &up) == -1)
			continue;
		upload_write(up, "x", 1);
		race->won += upload_publish(&up, &done) == 0;
	}
	return NULL;
}

static int
run_race(struct tree *t, void *(*fn)(void *))
{
	struct race race[4];
	pthread_t thread[4];
	int won = 0;

	for (int i = 0; i < 4; i++) {
		race[i] = (struct race){ .t = t, .number = i };
		assert_int_equal(pthread_create(&thread[i], NULL, fn, &race[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		won += race[i].won;
	}
	return won;
}

static void
conditions_hold_against_each_other(void **state)
{
	struct tree *t = *state;

	plant(t, "n", "0");
	assert_int_equal(run_race(t, count_up), 160);
	assert_content(t, "n", "160");
	assert_int_equal(run_race(t, make_new), 100);
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

/* What others do to a name between the look of a conditional write and its rename, waits. */
static void (*between)(struct tree *);
static struct tree *between_tree;
static atomic_bool between_done;
static pthread_t between_thread;

static void *
do_between(void *arg)
{
	void (*fn)(struct tree *) = arg;

	fn(between_tree);
	atomic_store(&between_done, true);
	return NULL;
}

int
renameat(int fromdir, const char *from, int todir, const char *to)
{
	void (*fn)(struct tree *) = between;

	if (fn != NULL) {
		between = NULL;
		assert_int_equal(pthread_create(&between_thread, NULL, do_between, fn), 0);
		usleep(50000);
		assert_false(atomic_load(&between_done));
	}
	return (int)syscall(SYS_renameat2, fromdir, from, todir, to, 0);
}

static void
put_between(struct tree *t)
{
	struct path path;
	struct upload_want w = { .size = 1 };
	struct object done;
	struct upload *up;

	path_parse(&path, "/n", 2);
	if (upload_open(t->store, &path, &w, &up) == 0 && upload_write(up, "p", 1) == 0)
		upload_publish(&up, &done);
}

static void
delete_between(struct tree *t)
{
	struct path path;

	path_parse(&path, "/n", 2);
	store_delete(t->store, &path);
}

static void
move_between(struct tree *t)
{
	struct path from, to;

	path_parse(&from, "/m", 2);
	path_parse(&to, "/n", 2);
	store_move(t->store, &from, &to, false);
}

static void
nothing_comes_between_look_and_rename(void **state)
{
	static void (*const others[])(struct tree *) = { put_between, delete_between, move_between };
	struct upload_want w = { .size = 1, .condition = UPLOAD_IF_DIGEST };
	struct tree *t = between_tree = *state;

	w.current = digest_text("old");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		plant(t, "n", "old");
		plant(t, "m", "m");
		atomic_store(&between_done, false);
		between = others[i];
		assert_ok(put_as(t->store, "/n", "c", w));
		assert_null(between);
		pthread_join(between_thread, NULL);
		if (others[i] == delete_between)
			assert_false(exists(t, "n"));
		else
			assert_content(t, "n", others[i] == put_between ? "p" : "m");
	}
}

/* The same upload by many at once, resumed and dropped: what is published is whole. */
static void *
put_and_drop(void *arg)
{
	struct race *race = arg;
	struct upload_want w = { .size = 6000, .resume = true, .has_digest = true };
	struct path path;
	struct upload *up;
	struct object done;
	char data[6000];

	memset(data, 'x', sizeof(data));
	digest_of(data, sizeof(data), &w.digest);
	path_parse(&path, "/same", 5);
	for (int i = 0; i < 200; i++) {
		if (upload_open(race->t->store, &path, &w, &up) == -1)
			return NULL;
		if (upload_write(up, data, (size_t)(6000 - upload_offset(up)) / 2) == -1)
			return NULL;
		if ((i + race->number) % 3 == 0) {
			upload_abandon(&up, i % 2 == 0);
			race->won++;
			continue;
		}
		upload_write(up, data, (size_t)(6000 - upload_offset(up)));
		race->won += upload_publish(&up, &done) == 0;
	}
	return NULL;
}

static void
many_at_one_name(void **state)
{
	struct tree *t = *state;
	struct upload_want w = { .size = 1 };

	assert_int_equal(run_race(t, put_and_drop), 800);
	assert_true(is_known(t->store, "/same"));
	assert_true(count_staged(t, ".coffer") <= 1);
	assert_ok(put_as(t->store, "/same", "x", w));
}

/* What happens just before the next flock(2), in the place of another process. */
static _Atomic(void (*)(void)) meanwhile;
static struct tree *meanwhile_tree;
static struct upload *meanwhile_upload;

int
flock(int fd, int how)
{
	void (*fn)(void) = atomic_exchange(&meanwhile, NULL);

	if (fn != NULL)
		fn();
	return (int)syscall(SYS_flock, fd, how);
}

static void
publish_other(void)
{
	struct object done;

	assert_ok(upload_write(meanwhile_upload, "lo", 2));
	assert_ok(upload_publish(&meanwhile_upload, &done));
}

static void
put_other(void)
{
	assert_ok(put_as(meanwhile_tree->store, "/a", "hello", want_text("hello")));
}

/* It was found in staging, and when it is locked it is no longer there. */
static void
published_between_open_and_lock(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up;
	struct object done;

	w.resume = true;
	assert_ok(upload_open(t->store, P("/a"), &w, &meanwhile_upload));
	assert_ok(upload_write(meanwhile_upload, "hel", 3));
	meanwhile = publish_other;
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_null(meanwhile_upload);
	assert_int_equal(upload_offset(up), 0);
	assert_ok(upload_write(up, "hel", 3));
	assert_content(t, "a", "hello");
	assert_ok(upload_write(up, "lo", 2));
	assert_ok(upload_publish(&up, &done));
	assert_content(t, "a", "hello");
}

/* It was made, and before it is locked another finds it. */
static void
found_between_making_and_lock(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up;

	meanwhile_tree = t;
	meanwhile = put_other;
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_content(t, "a", "hello");
	assert_ok(upload_write(up, "xx", 2));
	assert_content(t, "a", "hello");
	upload_abandon(&up, true);
	assert_content(t, "a", "hello");
	assert_int_equal(found(t, "/a", w), 2);
}

static void
no_space(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want(2 * BIG);
	struct upload *up;
	struct object done;
	char *data;

	mount_small(t, "size=1m");
	data = calloc(1, BIG);
	assert_errno(upload_open(t->store, P("/mnt/a"), &w, &up), ENOSPC);
	w.size = INT64_MAX;
	assert_true(upload_open(t->store, P("/mnt/a"), &w, &up) == -1);
	assert_true(errno == ENOSPC || errno == EFBIG);
	assert_int_equal(count_staged(t, "mnt/.coffer"), 0);
	w.size = UPLOAD_SIZE_UNKNOWN;
	assert_ok(upload_open(t->store, P("/mnt/a"), &w, &up));
	assert_ok(upload_write(up, data, BIG / 2));
	assert_errno(upload_write(up, data, BIG), ENOSPC);
	assert_errno(upload_write(up, data, 1), ENOSPC);
	assert_errno(upload_publish(&up, &done), ENOSPC);
	assert_int_equal(count_staged(t, "mnt/.coffer"), 0);
	assert_false(exists(t, "mnt/a"));
	w.size = BIG / 2;			/* room for one, not for two */
	assert_ok(upload_open(t->store, P("/mnt/a"), &w, &up));
	w.size++;
	assert_errno(put_as(t->store, "/mnt/b", "x", w), ENOSPC);
	assert_ok(upload_write(up, data, BIG / 2));
	assert_ok(upload_publish(&up, &done));
	assert_true(exists(t, "mnt/a"));
	free(data);
}

static void
another_mount_has_its_own_staging(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct object object;

	mount_small(t, "size=1m");
	assert_ok(store_mkdir(t->store, P("/mnt/d/e"), true));
	leave(t, "/mnt/d/e/a", &w, "hel");
	assert_int_equal(count_staged(t, "mnt/.coffer"), 1);
	assert_false(exists(t, "mnt/d/.coffer"));
	assert_int_equal(found(t, "/mnt/d/e/a", w), 3);
	assert_ok(put(t->store, "/mnt/d/e/a", "hello"));
	assert_content(t, "mnt/d/e/a", "hello");
	assert_ok(put(t->store, "/a", "hello"));
	assert_ok(store_copy(t->store, P("/a"), t->store, P("/mnt/b"), true, &object));
	assert_content(t, "mnt/b", "hello");
	assert_ok(symlink("mnt/../mnt/../d", at(t, "back")));
	assert_ok(mkdir(at(t, "d"), 0755));
	assert_ok(put(t->store, "/back/a", "hello"));
	assert_content(t, "d/a", "hello");
	assert_false(exists(t, "d/.coffer"));
}

static void
a_failed_fsync_fails_the_upload(void **state)
{
	struct tree *t = *state;
	pid_t pid;

	reopen(t, (struct store_opts){ .writable = true, .durable = true });
	plant(t, "a", "old");
	if ((pid = fork()) == 0) {
		deny(SYS_fsync, -1, EIO);
		_exit(put(t->store, "/a", "new") == -1 && errno == EIO ? 0 : 1);
	}
	assert_child(pid);
	assert_content(t, "a", "old");
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
without_fallocate_the_room_is_looked_at(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want(BIG);
	struct upload *up;
	pid_t pid;

	mount_small(t, "size=768k");
	if ((pid = fork()) == 0) {
		deny(SYS_fallocate, -1, EOPNOTSUPP);
		if (upload_open(t->store, P("/mnt/a"), &w, &up) != -1 || errno != ENOSPC)
			_exit(1);
		w.size = BIG / 2;
		_exit(upload_open(t->store, P("/mnt/a"), &w, &up) == 0 ? 0 : 2);
	}
	assert_child(pid);
}

static const struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

static struct staged_entry seen;

static void
see(void *arg, const struct staged_entry *e)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s", e->name);
	seen = *e;
	seen.name = name;
	++*(int *)arg;
}

static void
what_is_staged_is_told(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up, *other;
	struct object done;
	int n = 0;

	assert_int_equal(store_staged(t->store, see, &n), 0);
	assert_errno(store_staged_remove(t->store, "x"), ENOENT);
	w.user = "me";
	w.resume = true;
	assert_ok(mkdir(at(t, "d"), 0755));
	assert_ok(upload_open(t->store, P("/d/a b"), &w, &up));
	assert_ok(upload_write(up, "hel", 3));
	assert_int_equal(store_staged(t->store, see, &n), 1);
	assert_true(seen.busy);
	assert_false(seen.known);
	assert_errno(store_staged_remove(t->store, seen.name), EBUSY);
	w.patient = true;
	assert_errno(upload_open(t->store, P("/d/a b"), &w, &other), EAGAIN);
	w.patient = false;
	upload_abandon(&up, true);
	assert_int_equal(store_staged(t->store, see, &n), 1);
	assert_false(seen.busy);
	assert_true(seen.known);
	assert_string_equal(seen.user, "me");
	assert_string_equal(seen.path, "d/a b");
	assert_int_equal(seen.size, 3);
	/* Published, it bears no trace of that. */
	assert_ok(upload_open(t->store, P("/d/a b"), &w, &up));
	assert_ok(upload_write(up, "lo", 2));
	assert_ok(upload_publish(&up, &done));
	assert_int_equal(getxattr(at(t, "d/a b"), "user.coffer.staged", NULL, 0), -1);
	leave(t, "/b", &w, "hel");
	assert_int_equal(store_staged(t->store, see, &n), 1);
	assert_string_equal(seen.path, "b");
	assert_errno(store_staged_remove(t->store, "lock"), ENOENT);
	assert_errno(store_staged_remove(t->store, "../b"), ENOENT);
	assert_ok(store_staged_remove(t->store, seen.name));
	assert_int_equal(store_staged(t->store, see, &n), 0);
}

static void
sweep_takes_what_is_old_and_free(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up;
	struct object done;

	assert_int_equal(store_sweep(t->store), 0);
	leave(t, "/a", &w, "hel");
	assert_int_equal(store_sweep(t->store), 0);
	assert_ok(utimensat(AT_FDCWD, at(t, staged(t, ".coffer")), old, 0));
	w.resume = true;
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_int_equal(store_sweep(t->store), 0);	/* it is held */
	upload_abandon(&up, true);
	plant(t, ".coffer/lock", "");
	assert_ok(utimensat(AT_FDCWD, at(t, ".coffer/lock"), old, 0));
	plant(t, ".coffer/0123.456", "leftover");
	assert_ok(utimensat(AT_FDCWD, at(t, ".coffer/0123.456"), old, 0));
	assert_int_equal(store_sweep(t->store), 2);
	assert_int_equal(count_staged(t, ".coffer"), 0);
	assert_true(exists(t, ".coffer/lock"));
	/* One that was only just made, even where nothing shall be kept. */
	reopen(t, (struct store_opts){ .writable = true, .staging_ttl_ms = 0 });
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	plant(t, ".coffer/empty", "");
	assert_int_equal(store_sweep(t->store), 0);
	assert_ok(upload_write(up, "hello", 5));
	assert_ok(upload_publish(&up, &done));
	leave(t, "/a", &w, "hel");
	assert_int_equal(store_sweep(t->store), 1);
}

/* One whose time lies far ahead, since the clock was set back, is not kept for ever. */
static void
sweep_gives_the_future_a_time(void **state)
{
	const struct timespec ahead[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = time(NULL) + 86400 } };
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct stat st;

	leave(t, "/a", &w, "hel");
	assert_ok(utimensat(AT_FDCWD, at(t, staged(t, ".coffer")), ahead, 0));
	assert_int_equal(store_sweep(t->store), 0);
	assert_ok(stat(at(t, staged(t, ".coffer")), &st));
	assert_in_range(st.st_mtim.tv_sec, time(NULL) - 60, time(NULL) + 1);
}

#define REMOVALS_MS	500

static atomic_bool removed_enough;

static void
note_name(void *arg, const struct staged_entry *e)
{
	(void)strlcpy(arg, e->name, PATH_MAX);
}

static void *
remove_again_and_again(void *arg)
{
	char name[PATH_MAX];

	while (!atomic_load(&removed_enough))
		if (store_staged(arg, note_name, name) > 0)
			(void)store_staged_remove(arg, name);
	return NULL;
}

/* Neither one that was only just made, nor one whose name was that of another file before. */
static void
nobody_removes_what_somebody_is_at(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	int64_t end = clock_ms() + REMOVALS_MS;
	struct upload *up;
	struct object done;
	pthread_t other;
	int ret;

	atomic_store(&removed_enough, false);
	assert_ok(mkdir(at(t, ".coffer"), 0700));
	assert_int_equal(pthread_create(&other, NULL, remove_again_and_again, t->store), 0);
	do
		if ((ret = upload_open(t->store, P("/a"), &w, &up)) == 0) {
			(void)upload_write(up, "hello", 5);
			ret = upload_publish(&up, &done);
		}
	while (ret == 0 && clock_ms() < end);
	atomic_store(&removed_enough, true);
	pthread_join(other, NULL);
	assert_ok(ret);
}

/* Nor is the client told that his folder is missing. */
static void
what_is_taken_away_is_told_as_such(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	struct upload *up;
	struct object done;

	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(upload_write(up, "hello", 5));
	assert_ok(unlink(at(t, staged(t, ".coffer"))));
	assert_errno(upload_publish(&up, &done), ENOTRECOVERABLE);
	assert_ok(mkdir(at(t, "d"), 0755));
	assert_ok(upload_open(t->store, P("/d/a"), &w, &up));
	assert_ok(upload_write(up, "hello", 5));
	assert_ok(rmdir(at(t, "d")));
	assert_errno(upload_publish(&up, &done), ENOENT);
	reopen(t, (struct store_opts){ .writable = true });
	assert_ok(unlink(at(t, ".coffer/lock")) == 0 || errno == ENOENT ? 0 : -1);
	assert_ok(rmdir(at(t, ".coffer")));
	plant(t, ".coffer", "");
	assert_errno(upload_open(t->store, P("/a"), &w, &up), EBADFD);
}

/* What a crash between making and writing left does not stand in the way for long. */
static void
an_empty_leftover(void **state)
{
	struct tree *t = *state;
	struct upload_want w = want_text("hello");
	char name[PATH_MAX];

	leave(t, "/a", &w, "hel");
	snprintf(name, sizeof(name), "%s", staged(t, ".coffer"));
	assert_ok(truncate(at(t, name), 0));
	leave(t, "/a", &w, "hel");		/* somebody may be about to write there */
	assert_int_equal(found(t, "/a", w), 0);
	assert_int_equal(count_staged(t, ".coffer"), 1);
	assert_ok(utimensat(AT_FDCWD, at(t, name), old, 0));
	leave(t, "/a", &w, "hel");
	assert_int_equal(found(t, "/a", w), 3);
}

static void
a_copy_is_a_file_of_its_own(void **state)
{
	struct tree *t = *state;
	struct object source, done;

	assert_ok(put_as(t->store, "/a", "hello",
	    (struct upload_want){ .size = 5, .has_mode = true, .mode = 0600 }));
	assert_ok(store_copy(t->store, P("/a"), t->store, P("/b"), true, &done));
	assert_ok(store_stat(t->store, P("/a"), &source));
	assert_true(done.known && same(&done.digest, "hello"));
	assert_int_not_equal(done.inode, source.inode);
	assert_int_equal(done.mode, 0600);
	assert_content(t, "b", "hello");
	assert_true(is_known(t->store, "/b"));
	assert_errno(store_copy(t->store, P("/a"), t->store, P("/b"), true, &done), EEXIST);
	plant(t, "unknown", "hello, world");
	assert_ok(store_copy(t->store, P("/unknown"), t->store, P("/b"), false, &done));
	assert_true(same(&done.digest, "hello, world"));
	assert_true(is_known(t->store, "/b"));
	assert_ok(store_copy(t->store, P("/b"), t->store, P("/b"), false, &done));
	assert_content(t, "b", "hello, world");
	assert_ok(mkdir(at(t, "d"), 0755));
	assert_errno(store_copy(t->store, P("/a"), t->store, P("/d"), false, &done), EISDIR);
	assert_errno(store_copy(t->store, P("/d"), t->store, P("/x"), false, &done), EISDIR);
	assert_errno(store_copy(t->store, P("/none"), t->store, P("/x"), false, &done), ENOENT);
	assert_errno(store_copy(t->store, P("/a"), t->store, P("/none/x"), false, &done), ENOENT);
	plant(t, "empty", "");
	assert_ok(store_copy(t->store, P("/empty"), t->store, P("/x"), false, &done));
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
a_copy_without_copy_file_range(void **state)
{
	struct tree *t = *state;
	struct object b, done;
	pid_t pid;

	plant(t, "a", "hello");
	assert_ok(truncate(at(t, "a"), 3 * BIG + 5));
	if ((pid = fork()) == 0) {
		deny(SYS_copy_file_range, -1, EXDEV);
		_exit(store_copy(t->store, P("/a"), t->store, P("/b"), false, &done) == 0 &&
		    done.size == 3 * BIG + 5 ? 0 : 1);
	}
	assert_child(pid);
	assert_ok(store_get(t->store, P("/b"), &b));
	assert_ok(store_copy(t->store, P("/a"), t->store, P("/c"), false, &done));
	assert_true(b.known && digest_equal(&b.digest, &done.digest));
	object_close(&b);
	assert_int_equal(done.size, 3 * BIG + 5);
}

/* All that can become of small uploads where nothing is durable, which have no name until they are whole;
 * or not.  `named`: files that one on its way has in the reserved folder. */
static void
small_ones(struct tree *t, int named)
{
	struct upload_want w = { .size = 5, .in_flight = true }, fresh = w;
	struct upload *up;
	struct object done;

	assert_ok(put_as(t->store, "/first", "hello", w));	/* which learns whether it can be done */
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(upload_write(up, "hello", 5));
	assert_int_equal(count_staged(t, ".coffer"), named);
	assert_false(exists(t, "a"));
	assert_ok(upload_publish(&up, &done));
	assert_content(t, "a", "hello");
	assert_true(done.known && is_known(t->store, "/a"));
	fresh.condition = UPLOAD_IF_NEW;
	assert_errno(put_as(t->store, "/a", "other", fresh), EEXIST);
	assert_content(t, "a", "hello");
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	upload_abandon(&up, true);
	(void)unlink(at(t, ".coffer/lock"));
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(upload_write(up, "other", 5));
	assert_int_equal(rmdir(at(t, ".coffer")), named == 0 ? 0 : -1);
	assert_ok(upload_publish(&up, &done));
	assert_content(t, "a", "other");
	assert_ok(mkdir(at(t, "folder"), 0755));
	assert_errno(put_as(t->store, "/folder", "other", w), EISDIR);
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
a_small_one_has_no_name_until_it_is_whole(void **state)
{
	struct tree *t = *state;
	int fd = open(t->root, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600), can;

	can = fd != -1 && linkat(fd, "", AT_FDCWD, at(t, "probe"), AT_EMPTY_PATH) == 0;
	if (fd != -1)
		close(fd);
	small_ones(t, can ? 0 : 1);
}

static void
unless_it_must_have_one(void **state)
{
	struct tree *t = *state;
	pid_t pid;

	if ((pid = fork()) == 0) {
		deny(SYS_linkat, 4, ENOENT);	/* as AT_EMPTY_PATH before Linux 6.10 */
		small_ones(t, 1);
		_exit(0);
	}
	assert_child(pid);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_small_one_has_no_name_until_it_is_whole),
		TEST(unless_it_must_have_one),
		TEST(a_put_is_there_as_a_whole),
		TEST(a_durable_put_too),
		TEST(a_reader_keeps_its_version),
		TEST(mode_and_mtime_are_as_asked),
		TEST(any_size_will_do),
		TEST(what_cannot_be_put_is_refused_first),
		TEST(a_folder_is_not_replaced),
		TEST(a_link_is_replaced_not_followed),
		TEST(more_bytes_than_said),
		TEST(fewer_bytes_than_said_wait_for_a_resume),
		TEST(a_wrong_digest_changes_nothing),
		TEST(a_resume_finds_only_its_own),
		TEST(a_killed_upload_can_be_resumed),
		TEST(a_resume_of_all_bytes),
		TEST(a_staged_file_that_was_spoilt),
		TEST(after_the_machine_was_down),
		TEST(without_resume_it_starts_afresh),
		TEST(what_stands_in_staging_may_be_anything),
		TEST(two_at_once),
		TEST(abandoned),
		TEST(its_folder_goes_or_moves),
		TEST(the_reserved_folder_may_be_removed),
		TEST(if_new),
		TEST(if_digest),
		TEST(conditions_hold_against_each_other),
		TEST(nothing_comes_between_look_and_rename),
		TEST(many_at_one_name),
		TEST(published_between_open_and_lock),
		TEST(found_between_making_and_lock),
		TEST(no_space),
		TEST(another_mount_has_its_own_staging),
		TEST(a_failed_fsync_fails_the_upload),
		TEST(without_fallocate_the_room_is_looked_at),
		TEST(what_is_staged_is_told),
		TEST(sweep_takes_what_is_old_and_free),
		TEST(sweep_gives_the_future_a_time),
		TEST(nobody_removes_what_somebody_is_at),
		TEST(what_is_taken_away_is_told_as_such),
		TEST(an_empty_leftover),
		TEST(a_copy_is_a_file_of_its_own),
		TEST(a_copy_without_copy_file_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
