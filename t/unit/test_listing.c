/* test_listing - folders entry by entry: what is shown, what is not, in which order. */

#include <sys/fsuid.h>
#include <sys/resource.h>

#include "tree.h"

#define TEXT_MAX	(64 * 1024)

/* The names of a listing, each followed by '|'; then the errno's name, if any. */
static char *
names_at(struct tree *t, const char *path, struct listing_opts opts)
{
	static char text[TEXT_MAX];
	struct listing_entry entry;
	struct listing *l;
	size_t len = 0;
	int ret;

	text[0] = '\0';
	if (opts.depth == 0)
		opts.depth = 1;
	if (listing_open(t->store, P(path), &opts, &l) == -1)
		return strcpy(text, strerrorname_np(errno));
	while ((ret = listing_fill(l)) == 1)
		while (listing_next(l, &entry) == 1) {
			assert_int_equal(strlen(entry.name), entry.len);
			assert_int_equal(entry.object.fd, -1);
			len += (size_t)snprintf(text + len, TEXT_MAX - len, "%s|", entry.name);
			assert_true(len < TEXT_MAX - 1);
		}
	if (ret == -1)
		snprintf(text + len, TEXT_MAX - len, "%s", strerrorname_np(errno));
	if (ret == -1)
		assert_int_equal(listing_fill(l), 0);	/* told once */
	assert_int_equal(listing_next(l, &entry), 0);
	listing_close(&l);
	assert_null(l);
	return text;
}

#define assert_names(t, path, want, ...)	\
	assert_string_equal(names_at((t), (path), (struct listing_opts){ __VA_ARGS__ }), (want))

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The same, whatever the order of the file system. */
static char *
sorted_names(char *text)
{
	static char out[TEXT_MAX];
	char *name[1000];
	size_t n = 0, len = 0;

	for (char *s = strtok(text, "|"); s != NULL; s = strtok(NULL, "|"))
		name[n++] = s;
	qsort(name, n, sizeof(name[0]), by_bytes);
	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(out + len, TEXT_MAX - len, "%s|", name[i]);
	return out;
}

static char *
all_at(struct tree *t, const char *path, unsigned depth)
{
	return sorted_names(names_at(t, path, (struct listing_opts){ .depth = depth }));
}

static void
entries_say_what_they_are(void **state)
{
	struct tree *t = *state;
	struct listing_opts opts = { .depth = 1, .sort = LISTING_BY_NAME, .digest = true };
	struct listing_entry e;
	struct listing *l;

	assert_ok(put_as(t->store, "/a", "hello", (struct upload_want){ .size = 5, .has_mode = true,
	    .mode = 0640, .has_mtime = true, .mtime = { 1, 2 } }));
	plant(t, "b", "unknown");
	assert_ok(mkdir(at(t, "d"), 0750));
	assert_ok(symlink("/etc", at(t, "l")));
	assert_ok(mkfifo(at(t, "fifo"), 0644));
	for (int sort = 0; sort < 2; sort++) {
		opts.sort = sort ? LISTING_BY_NAME : LISTING_UNSORTED;
		assert_ok(listing_open(t->store, P("/"), &opts, &l));
		assert_true(listing_is_folder(l));
		assert_int_equal(listing_fill(l), 1);
		for (int i = 0; i < 4; i++) {
			assert_int_equal(listing_next(l, &e), 1);
			switch (e.name[0]) {
			case 'a':
				assert_int_equal(e.object.type, OBJECT_FILE);
				assert_int_equal(e.object.size, 5);
				assert_int_equal(e.object.mode, 0640);
				assert_int_equal(e.object.mtime.tv_sec, 1);
				assert_int_equal(e.object.mtime.tv_nsec, 2);
				assert_true(e.object.known && same(&e.object.digest, "hello"));
				break;
			case 'b':
				assert_false(e.object.known);
				break;
			case 'd':
				assert_int_equal(e.object.type, OBJECT_FOLDER);
				assert_int_equal(e.object.size, 0);
				assert_int_equal(e.object.mode, 0750);
				break;
			default:
				assert_string_equal(e.name, "l");
				assert_int_equal(e.object.type, OBJECT_SYMLINK);
			}
		}
		assert_int_equal(listing_next(l, &e), 0);
		assert_int_equal(listing_fill(l), 0);
		listing_close(&l);
	}
	opts.digest = false;
	assert_ok(listing_open(t->store, P("/a"), &opts, &l));
	assert_false(listing_is_folder(l));
	listing_close(&l);
	listing_close(&l);
}

static void
a_single_file(void **state)
{
	struct tree *t = *state;

	assert_ok(mkdir(at(t, "d"), 0755));
	plant(t, "d/a", "x");
	assert_ok(symlink("d/a", at(t, "link")));
	assert_ok(mkfifo(at(t, "fifo"), 0644));
	assert_names(t, "/d/a", "a|", .depth = 1);
	assert_names(t, "/d/a", "a|", .sort = LISTING_BY_SIZE);
	assert_names(t, "/d/a", "", .match = "b*");
	assert_names(t, "/d/a", "", .after = "a");
	assert_names(t, "/d/a", "a|", .after = "A", .limit = 1);
	assert_names(t, "/link", "link|", .depth = 1);
	assert_names(t, "/fifo", "ENXIO", .depth = 1);
	assert_names(t, "/none", "ENOENT", .depth = 1);
	assert_names(t, "/d/a/b", "ENOTDIR", .depth = 1);
}

static void
the_reserved_folder_is_never_shown(void **state)
{
	struct tree *t = *state;
	struct object object;
	struct path path;

	assert_ok(put(t->store, "/a", "x"));
	assert_true(exists(t, ".coffer"));
	assert_ok(mkdir(at(t, "d"), 0755));
	assert_ok(mkdir(at(t, "d/.coffer"), 0755));
	plant(t, "d/.coffer/secret", "x");
	plant(t, ".hidden", "x");
	assert_names(t, "/", ".hidden|a|d|", .depth = LISTING_ALL, .sort = LISTING_BY_NAME);
	assert_string_equal(all_at(t, "/", LISTING_ALL),
	    ".hidden|a|d|");
	assert_names(t, "/", ".hidden|", .match = ".*");
	assert_errno(path_parse(&path, "/.coffer", 8), ENOENT);
	assert_errno(path_parse(&path, "/d/.coffer/secret", 17), ENOENT);
	assert_errno(store_get(t->store, P("/d"), &object), EISDIR);
}

static void
as_deep_as_asked(void **state)
{
	struct tree *t = *state;
	char *got;

	assert_ok(store_mkdir(t->store, P("/d/e/f"), true));
	plant(t, "d/a", "x");
	plant(t, "d/e/b", "x");
	plant(t, "d/e/f/c", "x");
	plant(t, "z", "x");
	assert_ok(symlink("..", at(t, "d/up")));
	assert_string_equal(all_at(t, "/", 1), "d|z|");
	assert_string_equal(all_at(t, "/", 2),
	    "d|d/a|d/e|d/up|z|");
	assert_string_equal(all_at(t, "/", LISTING_ALL),
	    "d|d/a|d/e|d/e/b|d/e/f|d/e/f/c|d/up|z|");
	assert_string_equal(all_at(t, "/d", LISTING_ALL),
	    "a|e|e/b|e/f|e/f/c|up|");
	assert_names(t, "/", "d/e/f/c|", .depth = LISTING_ALL, .match = "c");
	assert_names(t, "/", "d/e|d/e/f|d/e/f/c|", .depth = LISTING_ALL, .match = "[cef]",
	    .sort = LISTING_BY_NAME);
	/* A folder's line comes directly before those beneath it. */
	got = names_at(t, "/d/e", (struct listing_opts){ .depth = LISTING_ALL });
	assert_non_null(strstr(got, "f|f/c|"));
}

static void
in_order(void **state)
{
	struct timespec when[2] = { { .tv_sec = 100 }, { .tv_sec = 100 } };
	struct tree *t = *state;

	plant(t, "b", "22");
	plant(t, "a", "1");
	plant(t, "C", "333");
	plant(t, "\xff", "1");
	assert_ok(utimensat(AT_FDCWD, at(t, "b"), when, 0));
	when[1].tv_nsec = 1;
	assert_ok(utimensat(AT_FDCWD, at(t, "a"), when, 0));
	when[1].tv_sec = 99;
	assert_ok(utimensat(AT_FDCWD, at(t, "C"), when, 0));
	assert_ok(utimensat(AT_FDCWD, at(t, "\xff"), when, 0));
	assert_names(t, "/", "C|a|b|\xff|", .sort = LISTING_BY_NAME);
	assert_names(t, "/", "C|b|a|\xff|", .sort = LISTING_BY_SIZE);
	assert_names(t, "/", "a|b|C|\xff|", .sort = LISTING_BY_MTIME);
	assert_names(t, "/", "b|\xff|", .after = "a");
	assert_names(t, "/", "b|", .after = "a", .limit = 1, .sort = LISTING_BY_SIZE);
	assert_names(t, "/", "", .after = "\xff");
	assert_names(t, "/", "a|b|", .sort = LISTING_BY_MTIME, .limit = 2);
}

static void
pages_of_a_large_folder(void **state)
{
	struct tree *t = *state;
	char after[300] = "", want[32];
	int n = 0, pages = 0;

	for (int i = 0; i < 5000; i++) {	/* not in the order of the names */
		snprintf(want, sizeof(want), "f%05d", i * 1237 % 5000);
		plant(t, want, "");
	}
	for (;;) {
		struct listing_opts opts = { .depth = 1, .after = after, .limit = 700 };
		struct listing_entry e;
		struct listing *l;
		int ret;

		assert_ok(listing_open(t->store, P("/"), &opts, &l));
		ret = listing_fill(l);
		while (listing_next(l, &e) == 1) {
			snprintf(want, sizeof(want), "f%05d", n++);
			assert_string_equal(e.name, want);
		}
		if (ret == 1)
			assert_int_equal(listing_fill(l), 0);
		listing_close(&l);
		if (ret != 1)
			break;
		pages++;
		snprintf(after, sizeof(after), "%s", want);
	}
	assert_int_equal(n, 5000);
	assert_int_equal(pages, 8);
}

static void
batches_and_limits(void **state)
{
	struct tree *t = *state;
	struct listing_opts opts = { .depth = 1 };
	static const uint64_t limits[] = { 1, 255, 256, 257, 512, 1999, 2000, 2001, 0 };
	bool seen[2000];
	char name[300];

	for (int i = 0; i < 2000; i++) {	/* long names fill a batch before its entries do */
		snprintf(name, sizeof(name), "%0*d", i % 8 ? 250 : 6, i);
		plant(t, name, "");
	}
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct listing_entry e;
		struct listing *l;
		uint64_t n = 0;

		memset(seen, 0, sizeof(seen));
		opts.limit = limits[i];
		assert_ok(listing_open(t->store, P("/"), &opts, &l));
		while (listing_fill(l) == 1)
			while (listing_next(l, &e) == 1) {
				assert_false(seen[atoi(e.name)]);
				seen[atoi(e.name)] = true;
				n++;
			}
		listing_close(&l);
		assert_int_equal(n, limits[i] == 0 || limits[i] > 2000 ? 2000 : limits[i]);
	}
}

static void
patterns(void **state)
{
	struct tree *t = *state;

	plant(t, "a.c", "");
	plant(t, "b.h", "");
	plant(t, ".c", "");
	plant(t, "x\n.c", "");
	assert_ok(mkdir(at(t, "d.c"), 0755));
	plant(t, "d.c/e.h", "");
	assert_names(t, "/", ".c|a.c|d.c|x\n.c|", .match = "*.c", .sort = LISTING_BY_NAME);
	assert_names(t, "/", "b.h|d.c/e.h|", .match = "*.h", .sort = LISTING_BY_NAME, .depth = 2);
	assert_names(t, "/", "", .match = "d.c/*", .depth = 2);
	assert_names(t, "/", "", .match = "");
}

static void
names_are_bytes(void **state)
{
	struct tree *t = *state;

	plant(t, "new\nline", "");
	plant(t, "\xff\xfe", "");
	plant(t, " ", "");
	plant(t, "...", "");
	plant(t, ".coffer2", "");
	assert_names(t, "/", " |...|.coffer2|new\nline|\xff\xfe|", .sort = LISTING_BY_NAME);
}

static void
what_lies_too_deep_is_told_at_the_end(void **state)
{
	struct tree *t = *state;
	char name[PATH_MAX], *got;
	int n = 0;

	strcpy(name, "/d");
	for (int i = 1; i < 70; i++)
		strcat(name, "/d");
	assert_ok(store_mkdir(t->store, P(name), true));
	plant(t, "z", "");
	got = names_at(t, "/", (struct listing_opts){ .depth = LISTING_ALL });
	assert_non_null(strstr(got, "z|"));
	for (char *s = got; (s = strchr(s, '|')) != NULL; s++)
		n++;
	assert_int_equal(n, LISTING_DEPTH_MAX + 1);
	assert_non_null(strstr(got, "|ENAMETOOLONG"));
	assert_null(strstr(names_at(t, "/", (struct listing_opts){ .depth = 3 }), "ENAMETOOLONG"));
}

static void
what_nobody_could_name_is_told_at_the_end(void **state)
{
	struct tree *t = *state;
	char name[256], *got;
	int fd, next, n = 0;

	fd = open(at(t, ""), O_PATH | O_DIRECTORY);
	memset(name, 'n', 255);
	name[255] = '\0';
	for (int i = 0; i < 17; i++) {
		assert_ok(mkdirat(fd, name, 0755));
		assert_true((next = openat(fd, name, O_PATH | O_DIRECTORY)) != -1);
		close(fd);
		fd = next;
	}
	close(fd);
	got = names_at(t, "/", (struct listing_opts){ .depth = LISTING_ALL });
	for (char *s = got; (s = strchr(s, '|')) != NULL; s++)
		n++;
	assert_int_equal(n, 16);	/* 16 * 256 - 1 is PATH_LEN_MAX */
	assert_non_null(strstr(got, "|ENAMETOOLONG"));
}

/* Too deep for nftw(3) in teardown. */
static int
teardown_deep(void **state)
{
	struct tree *t = *state;
	char command[256];

	snprintf(command, sizeof(command), "rm -rf '%s'/n*", t->root);
	if (system(command) != 0)
		return -1;
	return teardown(state);
}

static void
what_may_not_be_read_is_told_at_the_end(void **state)
{
	struct tree *t = *state;
	uid_t old = (uid_t)setfsuid(geteuid());
	char *got;

	assert_ok(mkdir(at(t, "a"), 0755));
	assert_ok(mkdir(at(t, "closed"), 0));
	assert_ok(mkdir(at(t, "named"), 0744));		/* names can be read, nothing else */
	plant(t, "named/x", "");
	plant(t, "z", "");
	if (geteuid() == 0)
		setfsuid(65534);
	else
		assert_ok(chmod(at(t, "named"), 0444));
	got = names_at(t, "/", (struct listing_opts){ .depth = LISTING_ALL });
	setfsuid(old);
	assert_string_equal(sorted_names(got), "EACCES|a|closed|named|z|");
}

static void
what_vanishes_meanwhile_is_no_fault(void **state)
{
	struct tree *t = *state;
	struct listing_opts opts = { .depth = LISTING_ALL, .match = "*[02468]" };
	struct listing_entry e;
	struct listing *l;
	char name[32];
	int n = 0, ret;

	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_ok(mkdir(at(t, name), 0755));
	}
	assert_ok(listing_open(t->store, P("/"), &opts, &l));
	assert_int_equal(listing_fill(l), 1);
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_ok(rmdir(at(t, name)));
		assert_ok(symlink("/proc/self/fd", at(t, name)));	/* holds 0 and 2 */
	}
	do
		while (listing_next(l, &e) == 1) {
			n++;
			assert_null(strchr(e.name, '/'));	/* no link is entered */
		}
	while ((ret = listing_fill(l)) == 1);
	assert_int_equal(ret, 0);
	assert_true(n >= 256);
	listing_close(&l);
	assert_ok(mkdir(at(t, "gone"), 0755));
	assert_ok(listing_open(t->store, P("/gone"), &opts, &l));
	assert_ok(rmdir(at(t, "gone")));
	assert_int_equal(listing_fill(l), 0);
	listing_close(&l);
}

static void
closed_before_its_end(void **state)
{
	struct tree *t = *state;
	struct listing_opts opts = { .depth = LISTING_ALL };
	struct listing *l;
	char name[64];

	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "/d%d/e/f", i);
		assert_ok(store_mkdir(t->store, P(name), true));
	}
	assert_ok(listing_open(t->store, P("/"), &opts, &l));
	assert_int_equal(listing_fill(l), 1);
	listing_close(&l);
	opts.sort = LISTING_BY_NAME;
	assert_ok(listing_open(t->store, P("/"), &opts, &l));
	assert_int_equal(listing_fill(l), 1);
	listing_close(&l);
}

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_COUNTED	0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_IS_COUNTED	0
#endif
#endif
#ifndef MEMORY_IS_COUNTED
#define MEMORY_IS_COUNTED	1
#endif

static long
most_memory(void)
{
	struct rusage usage;

	assert_ok(getrusage(RUSAGE_SELF, &usage));
	return usage.ru_maxrss;
}

/* Without a sort, and by name with a limit, memory does not grow with the entries.  The first
 * test of all, for the most that was ever used is looked at. */
static void
memory_is_bounded(void **state)
{
	struct tree *t = *state;
	struct listing_opts opts = { .depth = 1 };
	struct listing *l;
	char name[64];
	long before;

	if (!MEMORY_IS_COUNTED) {
		print_message("skipped: a sanitizer keeps what is freed\n");
		skip();
	}
	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof(name), "%05d-with-some-more-bytes", i * 7919 % 20000);
		plant(t, name, "");
	}
	before = most_memory();
	for (int sort = 0; sort < 2; sort++) {
		opts.sort = sort ? LISTING_BY_NAME : LISTING_UNSORTED;
		opts.limit = sort ? 100 : 0;
		assert_ok(listing_open(t->store, P("/"), &opts, &l));
		while (listing_fill(l) == 1)
			;
		listing_close(&l);
	}
	assert_true(most_memory() - before < 1024);	/* KiB */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_is_bounded),
		TEST(entries_say_what_they_are),
		TEST(a_single_file),
		TEST(the_reserved_folder_is_never_shown),
		TEST(as_deep_as_asked),
		TEST(in_order),
		TEST(pages_of_a_large_folder),
		TEST(batches_and_limits),
		TEST(patterns),
		TEST(names_are_bytes),
		TEST(what_lies_too_deep_is_told_at_the_end),
		cmocka_unit_test_setup_teardown(what_nobody_could_name_is_told_at_the_end, setup,
		    teardown_deep),
		TEST(what_may_not_be_read_is_told_at_the_end),
		TEST(what_vanishes_meanwhile_is_no_fault),
		TEST(closed_before_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
