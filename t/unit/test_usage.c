/* test_usage - what a tree holds is always known, and never more than its quota. */

#include <pthread.h>

#include "tree.h"

#include "store/hold.h"
#include "store/usage.h"

static struct usage usage;

/* A store that counts; what was there is counted. */
static void
begin(struct tree *t, uint64_t quota, uint64_t files)
{
	memset(&usage, 0, sizeof(usage));
	reopen(t, (struct store_opts){ .writable = true, .staging_ttl_ms = 0, .usage = &usage,
		.quota = quota, .quota_files = files });
	assert_ok(store_count(t->store));
}

#define assert_used(t, b, n)	assert_count((t), (b), (n), __LINE__)

static void
assert_count(struct tree *t, uint64_t want_bytes, uint64_t want_names, int line)
{
	uint64_t bytes = 0, names = 0;

	if (store_used(t->store, &bytes, &names) && bytes == want_bytes && names == want_names)
		return;
	print_error("%ju bytes and %ju names, not %ju and %ju\n", (uintmax_t)bytes, (uintmax_t)names,
	    (uintmax_t)want_bytes, (uintmax_t)want_names);
	_fail(__FILE__, line);
}

/* And a walk finds the same. */
#define assert_right(t, b, n) do {					\
	assert_used((t), (b), (n));					\
	assert_ok(store_count((t)->store));				\
	assert_used((t), (b), (n));					\
} while (0)

static void
what_was_there_is_counted(void **state)
{
	struct tree *t = *state;

	plant(t, "a", "12345");
	assert_ok(mkdir(at(t, "d"), 0755));
	plant(t, "d/b", "123");
	assert_ok(symlink("a", at(t, "d/link")));
	assert_ok(mkdir(at(t, ".coffer"), 0700));
	plant(t, ".coffer/lock", "");
	begin(t, 0, 1000);
	assert_used(t, 8, 4);
}

static void
every_change_is_counted(void **state)
{
	struct tree *t = *state;
	struct object done;

	begin(t, 1 << 20, 0);
	assert_right(t, 0, 0);
	assert_ok(store_mkdir(t->store, P("/d/e"), true));
	assert_right(t, 0, 2);
	assert_ok(store_mkdir(t->store, P("/d/e"), true));
	assert_errno(store_mkdir(t->store, P("/d/e"), false), EEXIST);
	assert_right(t, 0, 2);
	assert_ok(put(t->store, "/d/a", "hello"));
	assert_right(t, 5, 3);
	assert_ok(put(t->store, "/d/a", "hi"));		/* replaced */
	assert_right(t, 2, 3);
	assert_ok(store_copy(t->store, P("/d/a"), t->store, P("/d/b"), false, &done));
	assert_right(t, 4, 4);
	assert_ok(store_move(t->store, P("/d/a"), P("/d/b"), false));
	assert_right(t, 2, 3);
	assert_ok(store_move(t->store, P("/d/b"), P("/c"), true));
	assert_right(t, 2, 3);
	assert_ok(link(at(t, "c"), at(t, "hard")));
	assert_ok(store_count(t->store));
	assert_used(t, 4, 4);
	assert_ok(store_move(t->store, P("/c"), P("/hard"), false));	/* the same file: nothing */
	assert_right(t, 4, 4);
	assert_ok(store_delete(t->store, P("/hard")));
	assert_ok(store_delete(t->store, P("/c")));
	assert_errno(store_delete(t->store, P("/c")), ENOENT);
	assert_errno(store_rmdir(t->store, P("/d")), ENOTEMPTY);
	assert_ok(store_rmdir(t->store, P("/d/e")));
	assert_ok(store_rmdir(t->store, P("/d")));
	assert_right(t, 0, 0);
}

static void
failures_leave_the_count_as_it_was(void **state)
{
	struct tree *t = *state;
	struct upload_want w = { .size = 5, .has_digest = true };
	struct upload *up;

	begin(t, 1 << 20, 0);
	assert_ok(put(t->store, "/a", "hello"));
	assert_errno(put_as(t->store, "/a", "hello", w), EBADMSG);
	w.has_digest = false;
	w.condition = UPLOAD_IF_NEW;
	assert_errno(put_as(t->store, "/a", "hello", w), EEXIST);
	assert_errno(put_as(t->store, "/no/a", "hello", w), ENOENT);
	w.in_flight = true;
	assert_errno(put_as(t->store, "/a", "hello", w), EEXIST);
	assert_errno(put_as(t->store, "/b", "hello, you", w), EFBIG);
	assert_ok(upload_open(t->store, P("/c"), &w, &up));
	upload_abandon(&up, true);
	assert_right(t, 5, 1);
}

static void
what_is_staged_counts(void **state)
{
	struct tree *t = *state;
	struct upload_want w = { .size = 1000000 };
	struct upload *up;

	begin(t, 1 << 20, 0);
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_used(t, 1000000, 1);
	assert_ok(upload_write(up, "hello", 5));
	upload_abandon(&up, true);
	assert_used(t, 5, 1);
	w.resume = true;
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_int_equal(upload_offset(up), 5);
	assert_used(t, 1000000, 1);
	upload_abandon(&up, true);
	assert_used(t, 5, 1);
	w.resume = false;
	assert_ok(upload_open(t->store, P("/a"), &w, &up));	/* what was there is emptied */
	assert_used(t, 1000000, 1);
	assert_ok(upload_write(up, "hell", 4));
	upload_abandon(&up, true);
	assert_used(t, 4, 1);
	assert_int_equal(store_sweep(t->store), 1);
	assert_right(t, 0, 0);
	assert_ok(upload_open(t->store, P("/a"), &w, &up));
	assert_ok(upload_write(up, "hell", 4));
	upload_abandon(&up, false);
	assert_right(t, 0, 0);
}

static void
no_more_than_the_quota(void **state)
{
	struct tree *t = *state;
	struct upload_want w = { .size = UPLOAD_SIZE_UNKNOWN };
	struct store_space space;
	struct object done;
	struct upload *up;

	begin(t, 10, 3);
	assert_ok(put(t->store, "/a", "123456"));
	assert_errno(put(t->store, "/b", "12345"), EDQUOT);
	assert_errno(put(t->store, "/a", "12345"), EDQUOT);	/* for a moment, both are there */
	assert_ok(put(t->store, "/a", "1234"));
	assert_errno(store_copy(t->store, P("/a"), t->store, P("/c"), true, &done), 0);
	assert_errno(store_copy(t->store, P("/a"), t->store, P("/d"), true, &done), EDQUOT);
	assert_ok(upload_open(t->store, P("/e"), &w, &up));
	assert_ok(upload_write(up, "12", 2));
	assert_errno(upload_write(up, "3", 1), EDQUOT);
	upload_abandon(&up, true);
	assert_ok(store_mkdir(t->store, P("/f"), false));
	assert_errno(store_mkdir(t->store, P("/g"), false), EDQUOT);
	assert_errno(store_mkdir(t->store, P("/f"), false), EEXIST);
	assert_ok(store_mkdir(t->store, P("/f"), true));
	assert_errno(put(t->store, "/g", ""), EDQUOT);
	assert_ok(store_space(t->store, &space));
	assert_true(space.limited);
	assert_int_equal(space.quota, 10);
	assert_int_equal(space.used, 8);
	assert_int_equal(space.avail, 2);
	assert_int_equal(space.total, 10);
	assert_int_equal(space.files_free, 0);
	assert_right(t, 8, 3);
	assert_int_equal(count_staged(t, ".coffer"), 0);
}

static void
what_is_held_counts(void **state)
{
	struct tree *t = *state;
	struct hold *h;
	struct upload_want w = { .size = 5, .in_flight = true };
	struct object done;
	struct upload *up;
	const char *path;
	bool conditional;

	begin(t, 10, 0);
	w.hold = h = hold_open(t->store, 10);
	for (int i = 0; i < 2; i++) {
		assert_ok(upload_open(t->store, P("/a"), &w, &up));
		assert_ok(upload_write(up, "hello", 5));
		assert_ok(upload_hold(&up, &done));
	}
	assert_errno(upload_open(t->store, P("/a"), &w, &up), EDQUOT);
	assert_right(t, 10, 2);
	hold_syncs(h, 1);
	hold_sync(h, 0);
	hold_publish(h);
	assert_int_equal(hold_result(h, 1, &path, &conditional), 0);
	assert_right(t, 5, 1);
	hold_clear(h);
	assert_ok(upload_open(t->store, P("/b"), &w, &up));
	assert_ok(upload_write(up, "hello", 5));
	assert_ok(upload_hold(&up, &done));
	hold_close(&h, true);
	assert_right(t, 10, 2);
	assert_int_equal(store_sweep(t->store), 1);
	assert_right(t, 5, 1);
}

/* What others do is found by the next walk. */
static void
changes_behind_its_back(void **state)
{
	struct tree *t = *state;

	begin(t, 10, 0);
	plant(t, "a", "12345678");
	assert_used(t, 0, 0);
	assert_ok(store_count(t->store));
	assert_used(t, 8, 1);
	assert_errno(put(t->store, "/b", "123"), EDQUOT);
	assert_ok(unlink(at(t, "a")));
	assert_ok(store_count(t->store));
	assert_right(t, 0, 0);
	plant(t, "a", "12345678");
	assert_ok(store_delete(t->store, P("/a")));	/* of what was never counted */
	assert_used(t, 0, 0);
	assert_ok(store_count(t->store));
	assert_right(t, 0, 0);
}

static void
uncounted_it_holds_nobody_up(void **state)
{
	struct tree *t = *state;
	uint64_t bytes, names;

	memset(&usage, 0, sizeof(usage));
	plant(t, "a", "12345");
	reopen(t, (struct store_opts){ .writable = true, .usage = &usage, .quota = 6 });
	assert_false(store_used(t->store, &bytes, &names));
	assert_ok(put(t->store, "/b", "1234"));
	assert_ok(store_delete(t->store, P("/a")));
	assert_ok(store_count(t->store));
	assert_right(t, 4, 1);
}

static atomic_bool stop;

static void *
change(void *arg)
{
	struct tree *t = arg;
	struct upload_want w = { .size = 3, .in_flight = true };
	struct object done;
	struct upload *up;
	struct path path;
	unsigned seed = (unsigned)(uintptr_t)&path;
	char name[8];

	while (!atomic_load(&stop)) {
		snprintf(name, sizeof(name), "/%d", rand_r(&seed) % 20);
		path_parse(&path, name, strlen(name));
		if (rand_r(&seed) % 3 == 0)
			store_delete(t->store, &path);
		else if (upload_open(t->store, &path, &w, &up) == 0 &&
		    upload_write(up, "abc", 3) == 0)
			upload_publish(&up, &done);
	}
	return NULL;
}

/* Walks while there are changes do not spoil the count. */
static void
counted_while_it_changes(void **state)
{
	struct tree *t = *state;
	pthread_t thread[3];
	uint64_t bytes, names, bytes2, names2;

	begin(t, 0, 1000);
	atomic_store(&stop, false);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, change, t), 0);
	for (int i = 0; i < 100; i++)
		assert_ok(store_count(t->store));
	atomic_store(&stop, true);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	assert_true(store_used(t->store, &bytes, &names));
	assert_ok(store_count(t->store));
	assert_true(store_used(t->store, &bytes2, &names2));
	assert_int_equal(names, names2);
	assert_int_equal(bytes, bytes2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_there_is_counted),
		TEST(every_change_is_counted),
		TEST(failures_leave_the_count_as_it_was),
		TEST(what_is_staged_counts),
		TEST(no_more_than_the_quota),
		TEST(what_is_held_counts),
		TEST(changes_behind_its_back),
		TEST(uncounted_it_holds_nobody_up),
		TEST(counted_while_it_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
