/* test_config - every key at its limits, and files of which each is wrong in another way. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/config.h"
#include "server/config_keys.h"
#include "server/config_text.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

static char file[] = "/tmp/test_config.XXXXXX";

static int
make_file(void **state)
{
	int fd = mkstemp(file);

	(void)state;
	return fd == -1 ? -1 : close(fd);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(file);
}

static void
print(void *arg, const char *line)
{
	(void)arg;
	print_message("    %s\n", line);
}

/* Loads `text` as a file (none if NULL) and then key = value (none if NULL): the number of faults,
 * and the first of them in first. */
static size_t
load(struct config *config, const char *text, const char *key, const char *value, char first[512])
{
	const struct config_setting setting = { "-o", key, value };
	const struct config_source source = {
		.file = text != NULL ? file : NULL,
		.settings = &setting,
		.nsettings = key != NULL,
		.rootless = true,
	};
	struct faults faults;
	size_t count;
	FILE *out;
	int loaded;

	if (text != NULL) {
		assert_non_null(out = fopen(file, "w"));
		assert_int_equal(fputs(text, out) == EOF, 0);
		assert_int_equal(fclose(out), 0);
	}
	faults_init(&faults);
	loaded = config_load(config, &source, &faults);
	count = faults.count;
	assert_int_equal(loaded, count == 0 ? 0 : -1);
	if (first != NULL)
		(void)strlcpy(first, count > 0 ? TAILQ_FIRST(&faults.list)->text : "", 512);
	else
		faults_each(&faults, print, NULL);
	faults_free(&faults);
	return count;
}

/* Whether key takes the number, written plainly; what it says if not. */
static bool
takes(const struct config_key *key, int64_t number, char first[512])
{
	const char *unit = key->type == CONFIG_DURATION ? "ms" : "";
	struct config config = { 0 };
	char value[64];
	size_t faults;

	(void)snprintf(value, sizeof(value),
	    key->type == CONFIG_OCTAL ? "%" PRIo64 "%s" : "%" PRId64 "%s", number, unit);
	print_message("%s = %s\n", key->name, value);
	faults = load(&config, NULL, key->name, value, first);
	if (faults == 0)
		assert_int_equal(*(int64_t *)(void *)((char *)&config + key->offset), number);
	config_free(&config);
	return faults == 0;
}

static void
edges(void **state)
{
	const struct config_key *key;
	char first[512], limit[32];
	size_t tried = 0;

	(void)state;
	for (size_t i = 0; (key = config_key_at(i)) != NULL; i++) {
		if (key->type != CONFIG_NUMBER && key->type != CONFIG_SIZE &&
		    key->type != CONFIG_DURATION && key->type != CONFIG_OCTAL)
			continue;
		tried++;
		assert_true(takes(key, key->min, first));
		assert_true(takes(key, key->max, first));
		assert_false(takes(key, key->max + 1, first));
		assert_non_null(strstr(first, key->name));
		assert_non_null(strstr(first, config_key_number(key, key->max, limit, sizeof(limit))));
		assert_non_null(strstr(first, "is not between"));
		if (key->min == 0)
			continue;
		assert_false(takes(key, key->min - 1, first));
		assert_non_null(strstr(first, config_key_number(key, key->min, limit, sizeof(limit))));
	}
	assert_true(tried >= 13);
}

/* A word that no key but a free text takes is refused by all others, with the key's name. */
static void
nonsense(void **state)
{
	const struct config_key *key;
	struct config config = { 0 };
	char first[512];

	(void)state;
	for (size_t i = 0; (key = config_key_at(i)) != NULL; i++) {
		if (key->type == CONFIG_STRING)
			continue;
		print_message("%s\n", key->name);
		assert_int_equal(load(&config, NULL, key->name, "non\033sense", first), 1);
		assert_non_null(strstr(first, "-o: "));
		assert_non_null(strstr(first, key->name));
		assert_null(strchr(first, '\033'));
		assert_true(load(&config, NULL, key->name, "-1", first) > 0);
	}
}

static void
help_for_all(void **state)
{
	const struct config_key *key;

	(void)state;
	for (size_t i = 0; (key = config_key_at(i)) != NULL; i++) {
		assert_true(key->help != NULL && key->help[0] != '\0');
		assert_ptr_equal(config_key_find(key->name), key);
		assert_ptr_equal(config_key_near(key->name), key);
	}
}

static void
near(void **state)
{
	static const struct { const char *typed, *meant; } rows[] = {
		{ "wrokers", "workers" }, { "worker", "workers" }, { "idle_timeout", "idle-timeout" },
		{ "IO-TIMEOUT", "io-timeout" }, { "unmask", "umask" }, { "pidfile", "pid-file" },
		{ "rot", "root" }, { "port", NULL }, { "x", NULL }, { "", NULL }, { "documentroot", NULL },
		{ "a-key-that-is-longer-than-any-key-could-ever-be-in-this-table-of-ours", NULL },
	};
	const struct config_key *key;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		key = config_key_near(rows[i].typed);
		print_message("%s: %s\n", rows[i].typed, key != NULL ? key->name : "nothing");
		if (rows[i].meant == NULL)
			assert_null(key);
		else
			assert_string_equal(key != NULL ? key->name : "", rows[i].meant);
	}
}

static void
later_wins(void **state)
{
	struct config config = { 0 };

	(void)state;
	assert_int_equal(load(&config, "workers = 3\nworkers = 4\nbacklog = 7\n", "workers", "5", NULL), 0);
	assert_int_equal(config.workers, 5);
	assert_int_equal(config.backlog, 7);
	assert_string_equal(config.file, file);
	config_free(&config);
	assert_int_equal(load(&config, "listen = { \"coffer://a:1\", \"unix:/b\" }\n"
	    "listen += \"coffer://[::1]:3\"\n", NULL, NULL, NULL), 0);
	assert_int_equal(config.listens, 3);
	assert_string_equal(config.listen[1].protocol, "coffer");
	assert_string_equal(config.listen[2].url.host, "::1");
	config_free(&config);
	assert_int_equal(load(&config, "listen = { \"coffer://a:1\", \"unix:/b\" }\n", "listen",
	    "coffer://c:2", NULL), 0);
	assert_int_equal(config.listens, 1);
	assert_string_equal(config.listen[0].text, "coffer://c:2");
	config_free(&config);
	assert_int_equal(load(&config, "listen = { \"coffer://a:1?tls-required\", \"unix:/b?tls-required\" }\n", NULL,
	    NULL, NULL), 0);
	assert_string_equal(config.listen[0].text, "coffer://a:1");
	assert_string_equal(config.listen[0].url.port, "1");
	assert_true(config.listen[0].tls_required);
	assert_string_equal(config.listen[1].url.path, "/b?tls-required");
	assert_false(config.listen[1].tls_required);
	config_free(&config);
}

static void
log_follows_background(void **state)
{
	struct config config = { 0 };

	(void)state;
	assert_int_equal(load(&config, "", NULL, NULL, NULL), 0);
	assert_string_equal(config.log, "stderr");
	config_free(&config);
	assert_int_equal(load(&config, "", "background", "yes", NULL), 0);
	assert_string_equal(config.log, "syslog");
	config_free(&config);
	assert_int_equal(load(&config, "log = stderr\n", "background", "yes", NULL), 0);
	assert_string_equal(config.log, "stderr");
	config_free(&config);
}

/* What libConfuse would trip over is told with the line on which it begins; and whatever a file did
 * to the lexer's state, the next one is read rightly. */
static void
broken_files(void **state)
{
	static const struct { const char *text, *fault; } rows[] = {
		{ "workers = 3\n\nroot = \"/a\nb\n\n", ":3: a string that begins here is not closed" },
		{ "\nroot = '/a\nb\n\n", ":2: a string that begins here is not closed" },
		{ "# c\n# d\n/* e\n", ":3: a comment that begins here does not end" },
		{ "root = \"\\9\"\n", ":1: a string with a bad \\ in it" },
		{ "root = \"\\400\"\n", ":1: a string with a bad \\ in it" },
		{ "root = \"/a\\0b\"\n", ":1: a string with a bad \\ in it" },
		{ "root = \"/a\\x00b\"\n", ":1: a string with a bad \\ in it" },
		{ "root = \"\\", ":1: a string with a bad \\ in it" },
		{ "root = \"${HOME\"\n", ":1: a ${ that is not closed by }" },
		{ "root = ${HOME\n}", ":1: a ${ that is not closed by }" },
		{ "root = /a/*/b\n", ":1: a * must stand within quotes" },
		{ "listen + = x\n", ":1: a + must stand within quotes" },
		{ "# one\n# two\nworkers\n", ":4: premature end of file" },
		{ "/* one\ntwo */ workers 3\n", ":2: missing equal sign" },
		{ "workers = }\n", ":1: unexpected token" },
		{ "}\n", ":1: unexpected closing brace" },
		{ "workers += 3\n", ":1: attempt to append" },
		{ "listen = {}\n", "the list is empty" },
		{ "listen = { \"coffer://a:0?tls-required\", \"coffer://a:0\" }\n",
		    ":1: listen: \"coffer://a:0\" stands there already" },
		{ "listen = { \"coffer://a?tls\" }\n", ":1: listen: \"coffer://a?tls\" has an option that no listener" },
		{ "listen = { \"http://a?tls-required\" }\n", ":1: listen: \"http://a?tls-required\" cannot have" },
		{ "listen = { \"coffers://a?tls-required\" }\n", "cannot have this option: nobody says STARTTLS" },
		{ "\"\" = 3\n", "a key is empty" },
		{ "a|b = 3\n", ":1: unknown key \"a\"" },
		{ "workers = \"\"\n", ":1: workers: \"\" is not a number" },
		{ "include()\n", ":1: include takes one file's name" },
		{ "include(a, b)\n", ":1: include takes one file's name" },
		{ "\ninclude(/nowhere/x.conf)\n", ":2: /nowhere/x.conf: No such file or directory" },
		{ "\ninclude(/)\n", ":2: /: is a folder, not a file" },
	};
	struct config config = { 0 };
	char first[512];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		size_t faults = load(&config, rows[i].text, NULL, NULL, first);

		print_message("row %zu: %s\n", i, first);
		assert_int_equal(faults, 1);
		assert_non_null(strstr(first, rows[i].fault));
		assert_int_equal(load(&config, "# good\nworkers = 7 # yes\nuser = 'a\"b'\n", NULL, NULL, NULL), 0);
		assert_int_equal(config.workers, 7);
		assert_string_equal(config.user, "a\"b");
		config_free(&config);
	}
}

/* Comments wherever one would write them, and lines that are still counted. */
static void
comments(void **state)
{
	struct config config = { 0 };
	char first[512];

	(void)state;
	assert_int_equal(load(&config, "# a\n// b\n/* c\nd */ workers /* e */ = # f\n 3\n"
	    "listen = { # g\n\t\"coffer://a:1\", // h\n\t/* i */ \"coffer://b#2:2\"\n}\n"
	    "user = \"# no /* comment */ // here\"\nidle-timeout = 5s#j", NULL, NULL, NULL), 0);
	assert_int_equal(config.workers, 3);
	assert_int_equal(config.listens, 2);
	assert_string_equal(config.user, "# no /* comment */ // here");
	assert_int_equal(config.idle_timeout_ms, 5000);
	config_free(&config);
	assert_int_equal(load(&config, "# a\n/*\n\n*/\n\n# b\n  workers = x\n", NULL, NULL, first), 1);
	assert_non_null(strstr(first, ":7: workers"));
}

static void
includes_that_include_themselves(void **state)
{
	struct config config = { 0 };
	char text[256], first[512];

	(void)state;
	(void)snprintf(text, sizeof(text), "include(\"%s\")\n", file);
	assert_int_equal(load(&config, text, NULL, NULL, first), 1);
	assert_non_null(strstr(first, "include each other"));
	(void)snprintf(text, sizeof(text), "include(\"%s\")\ninclude(\"%s\")\n", file, file);
	assert_true(load(&config, text, NULL, NULL, first) > 1);
}

static void
faults_have_an_end(void **state)
{
	struct config config = { 0 };
	struct faults faults;
	size_t kept = 0;
	struct fault *fault;
	char first[512];
	char *text = malloc(20000), *at = text;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < 1000; i++)
		at += sprintf(at, "workers = x\n");
	assert_int_equal(load(&config, text, NULL, NULL, first), 1000);
	free(text);
	faults_init(&faults);
	for (int i = 0; i < FAULTS_MAX + 5; i++)
		faults_add(&faults, "%d", i);
	TAILQ_FOREACH(fault, &faults.list, entry)
		kept++;
	assert_int_equal(kept, FAULTS_MAX);
	assert_int_equal(faults.count, FAULTS_MAX + 5);
	faults_free(&faults);
}

/* Everything set to something that is no default, printed, read back, and printed again. */
static void
round_trip(void **state)
{
	static const char text[] =
	    "root = \"/tmp\"\nlisten = { \"coffer://[::1]:1?tls-required\", \"unix:/a b\" }\nwritable = yes\n"
	    "workers = 9\nconcurrency = serial\nsessions-per-worker = 17\nbacklog = 3\n"
	    "user = \"\\x01\\x7f\\\"'\\\\ $ ${X:-y}\\${z} \xff\xc3\xa4 9\"\nsymlinks = never\n"
	    "durability = none\nstaging-ttl = 90001ms\nupload-max = 1025\ndrop-max = 1T\n"
	    "idle-timeout = 61s\nrequest-timeout = 1h\nio-timeout = 1d\nmin-rate = 1K\n"
	    "grace-timeout = 0\nrespawn-delay-max = 101ms\nlog = \"/tmp/x y\"\nlog-level = error\n"
	    "access-log = no\npid-file = \"/tmp/p\"\nbackground = on\numask = 7\n";
	struct config config = { 0 };
	char *printed[2];
	size_t len;
	FILE *out;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_non_null(out = open_memstream(&printed[i], &len));
		assert_int_equal(load(&config, i == 0 ? text : printed[0], NULL, NULL, NULL), 0);
		assert_string_equal(config.user, "\x01\x7f\"'\\ $ y${z} \xff\xc3\xa4 9");
		config_print(&config, out);
		assert_int_equal(fclose(out), 0);
		config_free(&config);
	}
	assert_string_equal(printed[0], printed[1]);
	free(printed[0]);
	free(printed[1]);
}

/* A reload with faults must leave the running configuration alone. */
static void
failed_load_changes_nothing(void **state)
{
	struct config config = { 0 };
	char first[512];

	(void)state;
	assert_int_equal(load(&config, "workers = 7\n", NULL, NULL, NULL), 0);
	assert_int_equal(load(&config, "workers = 8\nbacklog = x\n", NULL, NULL, first), 1);
	assert_int_equal(config.workers, 7);
	assert_string_equal(config.file, file);
	config_free(&config);
}

static void
text_is_cleaned(void **state)
{
	static const struct { const char *in, *out; } rows[] = {
		{ "a # b\nc", "a    \nc" }, { "a // b", "a     " }, { "a://b", "a://b" },
		{ "/* a\n*/b", "    \n  b" }, { "'#'\"#\"", "'#'\"#\"" }, { "'\\'#'#", "'\\'#' " },
		{ "/a/b", "/a/b" }, { "a#", "a " }, { "", "" },
	};
	char text[64];
	const char *why;
	unsigned line;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		(void)strlcpy(text, rows[i].in, sizeof(text));
		assert_int_equal(config_text_clean(text, strlen(text), &line, &why), strlen(rows[i].in));
		assert_null(why);
		assert_string_equal(text, rows[i].out);
	}
	memcpy(text, "a = 1\n\0x", 8);
	assert_int_equal(config_text_clean(text, 8, &line, &why), 6);
	assert_int_equal(line, 2);
	assert_non_null(strstr(why, "zero byte"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(help_for_all),
		cmocka_unit_test(near),
		cmocka_unit_test(later_wins),
		cmocka_unit_test(log_follows_background),
		cmocka_unit_test(broken_files),
		cmocka_unit_test(comments),
		cmocka_unit_test(includes_that_include_themselves),
		cmocka_unit_test(faults_have_an_end),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(failed_load_changes_nothing),
		cmocka_unit_test(text_is_cleaned),
	};

	return cmocka_run_group_tests_name("config", tests, make_file, remove_file);
}
