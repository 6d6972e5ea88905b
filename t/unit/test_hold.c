/* test_hold - uploads that are published together: with few syncs, all that was promised, nothing
 * that was not. */

#include <stdatomic.h>

#include "tree.h"

#include "store/hold.h"

/* Counts the syncs of the store; the one after `good` others fails. */
static unsigned fsyncs, syncfss;
static int good_fsyncs = -1, good_syncfss = -1;

int
fsync(int fd)
{
	fsyncs++;
	if (good_fsyncs >= 0 && good_fsyncs-- == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

int
syncfs(int fd)
{
	syncfss++;
	if (good_syncfss >= 0 && good_syncfss-- == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_syncfs, fd);
}

/* The rename after `good` others finds no room for the name. */
static int good_renames = -1;

int
renameat2(int fromdir, const char *from, int todir, const char *to, unsigned flags)
{
	if (good_renames >= 0 && good_renames-- == 0) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_renameat2, fromdir, from, todir, to, flags);
}

static struct hold *
begin(struct tree *t, bool durable, size_t max)
{
	struct hold *h;

	fsyncs = syncfss = 0;
	good_fsyncs = good_syncfss = good_renames = -1;
	reopen(t, (struct store_opts){ .writable = true, .durable = durable, .staging_ttl_ms = 60000 });
	h = hold_open(t->store, max);
	assert_non_null(h);
	return h;
}

static int
hold_as(struct tree *t, struct hold *h, const char *name, const char *text, struct upload_want want)
{
	struct object done;
	struct upload *up;

	want.hold = h;
	if (upload_open(t->store, P(name), &want, &up) == -1)
		return -1;
	assert_ok(upload_write(up, text, strlen(text)));
	return upload_hold(&up, &done);
}

static int
hold_one(struct tree *t, struct hold *h, const char *name, const char *text)
{
	return hold_as(t, h, name, text,
	    (struct upload_want){ .size = (int64_t)strlen(text), .in_flight = true });
}

static void
hold_many(struct tree *t, struct hold *h, const char *folder, int n)
{
	char name[64];

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%d", folder, i);
		assert_ok(hold_one(t, h, name, "x"));
	}
}

/* How many failed. */
static int
commit(struct hold *h)
{
	unsigned parts = hold_syncs(h, 3);
	const char *path;
	bool conditional;
	int failed = 0;

	assert_in_range(parts, 1, 3);
	for (unsigned i = 0; i < parts; i++)
		hold_sync(h, i);
	hold_publish(h);
	for (size_t i = 0; i < hold_count(h); i++)
		failed += hold_result(h, i, &path, &conditional) != 0;
	return failed;
}

static int
result(const struct hold *h, size_t which)
{
	const char *path;
	bool conditional;

	return hold_result(h, which, &path, &conditional);
}

static int
count_files(const struct tree *t, const char *folder)
{
	return count_staged(t, folder);
}

static void
held_files_appear_together(void **state)
{
	struct tree *t = *state;
	struct hold *h = begin(t, false, 10);

	plant(t, "a", "old");
	assert_ok(hold_one(t, h, "/a", "new"));
	assert_ok(hold_one(t, h, "/b", "hello"));
	assert_int_equal(hold_count(h), 2);
	assert_content(t, "a", "old");
	assert_false(exists(t, "b"));
	assert_int_equal(commit(h), 0);
	assert_content(t, "a", "new");
	assert_content(t, "b", "hello");
	assert_true(is_known(t->store, "/b"));
	assert_int_equal(fsyncs + syncfss, 0);
	hold_clear(h);
	assert_int_equal(hold_count(h), 0);
	assert_int_equal(count_staged(t, ".coffer"), 0);
	assert_ok(hold_one(t, h, "/c", "again"));
	assert_int_equal(commit(h), 0);
	assert_content(t, "c", "again");
	hold_close(&h, true);
	assert_content(t, "c", "again");
}

static void
few_are_synced_each_and_their_folders_once(void **state)
{
	struct tree *t = *state;
	struct hold *h = begin(t, true, 100);

	assert_ok(mkdir(at(t, "d"), 0755));
	hold_many(t, h, "/d", 3);
	hold_many(t, h, "", 2);
	assert_int_equal(commit(h), 0);
	assert_int_equal(fsyncs, 5 + 2);
	assert_int_equal(syncfss, 0);
	hold_close(&h, true);
}

static void
many_are_synced_at_once(void **state)
{
	struct tree *t = *state;
	struct hold *h = begin(t, true, 1000);
	char name[32];

	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "/d%d", i);
		assert_ok(store_mkdir(t->store, P(name), false));
	}
	fsyncs = 0;
	hold_many(t, h, "/d0", 100);
	assert_int_equal(commit(h), 0);
	assert_int_equal(syncfss, 1);
	assert_int_equal(fsyncs, 1);		/* the folder */
	assert_int_equal(count_files(t, "d0"), 100);
	hold_clear(h);
	fsyncs = syncfss = 0;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "/d%d", i);
		hold_many(t, h, name, 10);
	}
	assert_int_equal(commit(h), 0);
	assert_int_equal(syncfss, 2);
	assert_int_equal(fsyncs, 0);
	hold_close(&h, true);
}

static void
descriptors_are_few(void **state)
{
	struct tree *t = *state;
	struct hold *h = begin(t, true, 1000);
	int before = count_descriptors();

	hold_many(t, h, "", 500);
	assert_true(count_descriptors() - before < 16);
	assert_int_equal(commit(h), 0);
	hold_close(&h, true);
}

/* Nobody is told that something is kept of which the kernel has said that it may not be, and it
 * is not asked again: it would say yes. */
static void
a_failed_syncfs_fails_all(void **state)
{
	struct tree *t = *state;
	struct hold *h = begin(t, true, 100);

	hold_many(t, h, "", 50);
	good_syncfss = 0;
	assert_int_equal(commit(h), 50);
	assert_int_equal(result(h, 7), EIO);
	assert_int_equal(syncfss, 1);
	hold_close(&h, true);
	assert_int_equal(count_files(t, "."), 0);
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
a_failed_fsync_fails_its_file(void **state)
{
	struct tree *t = *state;
	struct hold *h = begin(t, true, 100);

	hold_many(t, h, "", 5);
	good_fsyncs = 2;
	assert_int_equal(commit(h), 1);
	assert_int_equal(count_files(t, "."), 4);
	hold_close(&h, true);
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
a_failed_sync_of_names_is_told(void **state)
{
	struct tree *t = *state;
	struct hold *h = begin(t, true, 100);
	char name[32];

	hold_many(t, h, "", 2);
	good_fsyncs = 2;			/* the files; then the folder */
	assert_int_equal(commit(h), 2);
	hold_clear(h);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "/d%d", i);
		assert_ok(mkdir(at(t, name), 0755));
		hold_many(t, h, name, 2);
	}
	good_fsyncs = -1;
	good_syncfss = 1;
	assert_int_equal(commit(h), 40);
	hold_close(&h, true);
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
what_is_dropped_can_be_resumed(void **state)
{
	struct tree *t = *state;
	struct upload_want w = { .size = 5, .has_digest = true, .has_mode = true, .mode = 0444,
		.has_mtime = true, .mtime = { 1000, 1 }, .digest = digest_text("hello") };
	struct hold *h = begin(t, true, 100);
	struct object done;
	struct upload *up;

	w.in_flight = true;
	assert_ok(hold_as(t, h, "/a", "hello", w));
	w.in_flight = false;
	assert_ok(hold_as(t, h, "/b", "hello", w));
	assert_ok(hold_as(t, h, "/c", "hello", (struct upload_want){ .size = UPLOAD_SIZE_UNKNOWN }));
	assert_int_equal(count_staged(t, ".coffer"), 3);
	hold_close(&h, true);
	assert_int_equal(count_staged(t, ".coffer"), 2);	/* without a size there is no resume */
	assert_int_equal(store_sweep(t->store), 0);		/* their age is not their mtime */
	w.resume = true;
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_int_equal(upload_offset(up), 5);
	assert_ok(upload_publish(&up, &done));
	assert_content(t, "a", "hello");
	assert_int_equal(done.mode, 0444);
	w.mode = 0400;
	assert_ok(upload_open(t->store, P("/b"), &w, &up));
	assert_int_equal(upload_offset(up), 5);
	upload_abandon(&up, false);
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

/* The disk is full just when names are given: the others are there, and this one need not come again. */
static void
what_found_no_room_can_be_resumed(void **state)
{
	struct upload_want w = { .size = 5, .resume = true };
	struct tree *t = *state;
	struct hold *h = begin(t, true, 10);
	struct object done;
	struct upload *up;

	assert_ok(hold_one(t, h, "/a", "first"));
	assert_ok(hold_as(t, h, "/b", "hello", (struct upload_want){ .size = 5, .in_flight = true,
	    .has_mode = true, .mode = 0400, .has_mtime = true, .mtime = { .tv_sec = 1000 } }));
	assert_ok(hold_one(t, h, "/c", "third"));
	good_renames = 1;
	assert_int_equal(commit(h), 1);
	assert_int_equal(result(h, 1), ENOSPC);
	hold_close(&h, true);
	assert_content(t, "a", "first");
	assert_content(t, "c", "third");
	assert_false(exists(t, "b"));
	assert_int_equal(store_sweep(t->store), 0);
	assert_ok(upload_open(t->store, P("/b"), &w, &up));
	assert_int_equal(upload_offset(up), 5);
	/* The same of one that is not held. */
	good_renames = 0;
	assert_errno(upload_publish(&up, &done), ENOSPC);
	assert_ok(upload_open(t->store, P("/b"), &w, &up));
	assert_int_equal(upload_offset(up), 5);
	good_renames = -1;
	assert_ok(upload_publish(&up, &done));
	assert_content(t, "b", "hello");
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
what_is_given_up_is_gone(void **state)
{
	struct tree *t = *state;
	struct hold *h = begin(t, true, 100);

	hold_many(t, h, "", 20);
	hold_clear(h);
	assert_int_equal(count_staged(t, ".coffer"), 0);
	hold_many(t, h, "", 20);
	hold_close(&h, false);
	assert_null(h);
	assert_int_equal(count_staged(t, ".coffer"), 0);
	assert_int_equal(count_files(t, "."), 0);
	hold_close(&h, true);
}

static void
no_more_than_may_be(void **state)
{
	struct tree *t = *state;
	struct hold *h = begin(t, false, 3);

	hold_many(t, h, "", 3);
	assert_errno(hold_one(t, h, "/more", "x"), EUSERS);
	assert_int_equal(count_staged(t, ".coffer"), 3);
	assert_int_equal(commit(h), 0);
	hold_clear(h);
	assert_ok(hold_one(t, h, "/more", "x"));
	hold_close(&h, false);
}

static void
what_is_not_as_declared_is_not_held(void **state)
{
	struct tree *t = *state;
	struct upload_want w = { .size = 5, .has_digest = true, .digest = digest_text("hallo") };
	struct hold *h = begin(t, false, 3);

	assert_errno(hold_as(t, h, "/a", "hello", w), EBADMSG);
	assert_errno(hold_as(t, h, "/a", "hell", w), EMSGSIZE);
	assert_int_equal(hold_count(h), 0);
	hold_close(&h, true);
}

/* A write or a removal by others between the holding and the COMMIT is seen. */
static void
conditions_are_asked_again(void **state)
{
	struct tree *t = *state;
	struct upload_want fresh = { .size = 1, .in_flight = true, .condition = UPLOAD_IF_NEW };
	struct upload_want same = { .size = 1, .condition = UPLOAD_IF_DIGEST,
		.current = digest_text("old") };
	struct hold *h = begin(t, false, 10);
	const char *path;
	bool conditional;

	plant(t, "b", "old");
	plant(t, "c", "old");
	assert_ok(hold_as(t, h, "/a", "x", fresh));
	assert_ok(hold_as(t, h, "/a", "y", fresh));
	assert_ok(hold_as(t, h, "/b", "z", same));
	assert_ok(hold_as(t, h, "/c", "z", same));
	assert_errno(hold_as(t, h, "/b", "z", fresh), EEXIST);
	plant(t, "c", "other");
	assert_int_equal(commit(h), 2);
	assert_content(t, "a", "x");
	assert_content(t, "b", "z");
	assert_content(t, "c", "other");
	assert_int_equal(hold_result(h, 1, &path, &conditional), EEXIST);
	assert_true(conditional);
	assert_string_equal(path, "a");
	assert_int_equal(result(h, 3), ESTALE);
	hold_close(&h, true);
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
the_last_of_a_name_stays(void **state)
{
	struct tree *t = *state;
	struct hold *h = begin(t, true, 100);
	char text[2] = "a";

	for (; *text <= 'z'; ++*text)
		assert_ok(hold_one(t, h, "/a", text));
	assert_int_equal(commit(h), 0);
	assert_content(t, "a", "z");
	hold_close(&h, true);
}

static void
a_folder_that_is_gone(void **state)
{
	struct tree *t = *state;
	struct hold *h = begin(t, true, 100);

	assert_ok(mkdir(at(t, "d"), 0755));
	assert_ok(mkdir(at(t, "e"), 0755));
	assert_ok(hold_one(t, h, "/d/a", "x"));
	assert_ok(hold_one(t, h, "/e/a", "x"));
	assert_ok(hold_one(t, h, "/d/b", "x"));
	assert_ok(rmdir(at(t, "d")));
	assert_int_equal(commit(h), 2);
	assert_int_equal(result(h, 0), ENOENT);
	assert_int_equal(result(h, 1), 0);
	hold_close(&h, true);
	assert_int_equal(count_staged(t, ".coffer"), 0);
	assert_content(t, "e/a", "x");
}

/* Neither the sweep nor another upload of the same file takes what is held, with a lock or without. */
static void
what_is_held_is_ours(void **state)
{
	static const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	struct upload_want w = { .size = 5, .has_mtime = true, .mtime = old[1], .resume = true };
	struct tree *t = *state;
	struct hold *h = begin(t, false, 1000);
	struct upload *up;
	char name[32];

	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "/%d", i);
		assert_ok(hold_as(t, h, name, "hello", w));
	}
	assert_int_equal(store_sweep(t->store), 0);
	for (int i = 0; i < 400; i += 399) {
		snprintf(name, sizeof(name), "/%d", i);
		assert_ok(upload_open(t->store, P(name), &w, &up));
		assert_int_equal(upload_offset(up), 0);
		upload_abandon(&up, false);
	}
	assert_int_equal(commit(h), 0);
	assert_content(t, "0", "hello");
	assert_content(t, "399", "hello");
	hold_close(&h, true);
}

static void
another_file_system(void **state)
{
	struct tree *t = *state;
	struct hold *h;
	struct upload_want w = { .size = 1 };
	struct upload *up;

	mount_small(t, "size=1m");
	w.hold = h = begin(t, true, 100);
	hold_many(t, h, "/mnt", 10);
	hold_many(t, h, "", 2);
	assert_ok(upload_open(t->store, P("/mnt/more"), &w, &up));
	upload_abandon(&up, true);
	assert_int_equal(commit(h), 0);
	assert_int_equal(count_files(t, "mnt"), 10);
	assert_int_equal(syncfss, 1);
	hold_close(&h, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(held_files_appear_together),
		TEST(few_are_synced_each_and_their_folders_once),
		TEST(many_are_synced_at_once),
		TEST(descriptors_are_few),
		TEST(a_failed_syncfs_fails_all),
		TEST(a_failed_fsync_fails_its_file),
		TEST(a_failed_sync_of_names_is_told),
		TEST(what_is_dropped_can_be_resumed),
		TEST(what_found_no_room_can_be_resumed),
		TEST(what_is_given_up_is_gone),
		TEST(no_more_than_may_be),
		TEST(what_is_not_as_declared_is_not_held),
		TEST(conditions_are_asked_again),
		TEST(the_last_of_a_name_stays),
		TEST(a_folder_that_is_gone),
		TEST(what_is_held_is_ours),
		TEST(another_file_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
