/* config_file - one configuration file and what it includes, read by libConfuse.
 * To libConfuse every key is a string or a list of strings: the values are checked here, while
 * it is known on which line they stand, so that all faults can be told and not only the first. */

#include <sys/stat.h>

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "server/config_file.h"
#include "server/config_keys.h"
#include "server/config_sections.h"
#include "server/config_text.h"

#define INCLUDE_DEEP	8	/* files within files; more is a circle */
#define INCLUDE_MAX	64	/* files in all */
#define NAME_SHOWN	512	/* bytes of a file's name that a message shows */
#define PLACE_MAX	(NAME_SHOWN + 16)

/* The file under way.  libConfuse hands no pointer of ours to its callbacks. */
static struct reader {
	struct config_draft *draft;
	unsigned	 depth, includes; /* how many includes we are in, and have seen */
	bool		 cut;		/* the text ends before its fault: its end is no news */
} *reader;

static void	read_text(cfg_t *, char *, size_t);

static const char *
visible(char *dst, size_t size, const char *s)
{
	return text_visible(dst, size, s, strlen(s));
}

static const char *
place_of(const cfg_t *cfg, char place[PLACE_MAX])
{
	char shown[NAME_SHOWN];

	(void)snprintf(place, PLACE_MAX, "%s:%d", visible(shown, sizeof(shown), cfg->filename),
	    cfg->line);
	return place;
}

static void
unknown_key(const char *place, const char *name, const char *section)
{
	const char *keys = config_sections_keys(section);
	const struct config_key *near = config_key_near(name);
	char shown[128];

	if (keys != NULL)
		faults_add(reader->draft->faults, "%s: unknown key \"%s\": %s", place,
		    visible(shown, sizeof(shown), name), keys);
	else if (near != NULL)
		faults_add(reader->draft->faults, "%s: unknown key \"%s\" (did you mean %s?)",
		    place, visible(shown, sizeof(shown), name), near->name);
	else
		faults_add(reader->draft->faults, "%s: unknown key \"%s\"", place,
		    visible(shown, sizeof(shown), name));
}

/* libConfuse has something to say. */
static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char place[PLACE_MAX], said[512], shown[512];

	/* It is not the end of the text that is at fault, but what we cut off there. */
	if (reader->cut && strcmp(fmt, "premature end of file") == 0)
		return;
	/* The second is for a name with a | in it, which libConfuse takes for a section's. */
	if (strcmp(fmt, "no such option '%s'") == 0 ||
	    strcmp(fmt, "no sub-section title/index for '%s'") == 0) {
		unknown_key(place_of(cfg, place), va_arg(ap, const char *), cfg->name);
		return;
	}
	(void)vsnprintf(said, sizeof(said), fmt, ap);
	faults_add(reader->draft->faults, "%s: %s", place_of(cfg, place),
	    visible(shown, sizeof(shown), said));
}

static void
set(struct config_draft *draft, const char *place, const struct config_key *key, const char *value)
{
	char why[CONFIG_WHY];

	if (config_key_set(key, &draft->config, value, why) == -1) {
		faults_add(draft->faults, "%s: %s: %s", place, key->name, why);
		return;
	}
	if (strcmp(key->name, "root") == 0) {
		free(draft->root_place);
		draft->root_place = strdup(place);
	}
	if (key->type == CONFIG_PATHS)
		config_key_place(key, &draft->config, place);
}

/* libConfuse has read a value of a key that we know. */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct config_key *key = config_key_find(opt->name);
	char place[PLACE_MAX];

	assert(key != NULL);
	/* The new value is counted already: it is the first after `=`. */
	if (config_key_is_list(key) && opt->nvalues == 1)
		config_key_clear(key, &reader->draft->config);
	set(reader->draft, place_of(cfg, place), key, value);
	*(const char **)result = value;
	return 0;
}

/* The bytes of fd, up to CONFIG_FILE_MAX, or NULL with a sentence. */
static char *
slurp(int fd, size_t *len, const char **why)
{
	char *text = malloc(CONFIG_FILE_MAX + 1);
	ssize_t n = text != NULL ? 0 : -1;

	for (*len = 0; text != NULL && *len <= CONFIG_FILE_MAX; *len += (size_t)n)
		if ((n = read(fd, text + *len, CONFIG_FILE_MAX + 1 - *len)) <= 0)
			break;
	if (n != -1 && *len <= CONFIG_FILE_MAX)
		return text;
	*why = n == -1 ? strerror(errno) : "is larger than 1 MiB: this is no configuration";
	free(text);
	return NULL;
}

/* The text of a file, or NULL with a sentence, and *missing if there is none. */
static char *
open_text(const char *name, size_t *len, const char **why, bool *missing)
{
	char *text = NULL;
	struct stat st;
	int fd;

	/* O_NONBLOCK: a FIFO would hold the start, or the master at a reload. */
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	*missing = fd == -1 && errno == ENOENT;
	if (fd == -1 || fstat(fd, &st) == -1)
		*why = strerror(errno);
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))	/* /dev/null is an empty one */
		*why = S_ISDIR(st.st_mode) ? "is a folder, not a file" : "is not a regular file";
	else
		text = slurp(fd, len, why);
	if (fd != -1)
		(void)close(fd);
	return text;
}

/* Reads the file `name`, perhaps in the middle of the one that cfg is reading; `includer` begins
 * the fault if it cannot be opened.  cfg_include() is not used: it would stop at a file that is
 * missing, and read one of any kind and length.  Whether there was a file. */
static bool
read_file(cfg_t *cfg, const char *name, const char *includer, bool optional)
{
	char *text, *outer = cfg->filename, shown[NAME_SHOWN];
	int line = cfg->line;
	const char *why = "";
	bool missing;
	size_t len;

	if ((text = open_text(name, &len, &why, &missing)) == NULL) {
		if (!optional || !missing)
			faults_add(reader->draft->faults, "%s%s: %s", includer,
			    visible(shown, sizeof(shown), name), why);
		return !missing;
	}
	if ((cfg->filename = strdup(name)) != NULL)
		read_text(cfg, text, len);
	free(cfg->filename);
	cfg->filename = outer;
	cfg->line = line;
	free(text);
	return true;
}

/* The file that include names: beside the one that says so unless it is absolute. */
static void
include(cfg_t *cfg, const char *named, const char *includer)
{
	const char *slash = strrchr(cfg->filename, '/');
	int beside = slash != NULL && named[0] != '/' ? (int)(slash + 1 - cfg->filename) : 0;
	char *name;

	if (asprintf(&name, "%.*s%s", beside, cfg->filename, named) == -1)
		return;
	reader->depth++;
	(void)read_file(cfg, name, includer, false);
	reader->depth--;
	free(name);
}

/* include("FILE") */
static int
on_include(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	char place[PLACE_MAX], includer[PLACE_MAX + 2];

	(void)opt;
	(void)snprintf(includer, sizeof(includer), "%s: ", place_of(cfg, place));
	if (argc != 1)
		faults_add(reader->draft->faults, "%sinclude takes one file's name", includer);
	else if (reader->depth == INCLUDE_DEEP)
		faults_add(reader->draft->faults, "%sfiles include each other more than %d deep",
		    includer, INCLUDE_DEEP);
	else if (reader->includes++ >= INCLUDE_MAX)
		faults_add(reader->draft->faults, "%smore than %d files are included", includer,
		    INCLUDE_MAX);
	else
		include(cfg, argv[0], includer);
	return 0;
}

static void
read_text(cfg_t *cfg, char *text, size_t len)
{
	bool outer_cut = reader->cut;
	char shown[NAME_SHOWN];
	const char *why;
	unsigned line;
	size_t good;
	FILE *fp;

	good = config_text_clean(text, len, &line, &why);
	reader->cut = why != NULL;
	/* fmemopen(3) of nothing is an error in some libraries; a NUL would end the text. */
	if (good > 0 && (fp = fmemopen(text, good, "r")) != NULL) {
		(void)cfg_parse_fp(cfg, fp);
		(void)fclose(fp);
	}
	if (why != NULL)
		faults_add(reader->draft->faults, "%s:%u: %s",
		    visible(shown, sizeof(shown), cfg->filename), line, why);
	reader->cut = outer_cut;
}

/* The options for libConfuse: ours, include, and the end. */
static cfg_t *
new_parser(void)
{
	cfg_opt_t *opts, include = CFG_FUNC("include", on_include), end = CFG_END();
	const struct config_key *key;
	cfg_t *cfg = NULL;
	size_t n = 0;

	while (config_key_at(n) != NULL)
		n++;
	if ((opts = calloc(n + CONFIG_SECTIONS + 2, sizeof(*opts))) == NULL)
		return NULL;
	for (size_t i = 0; (key = config_key_at(i)) != NULL; i++) {
		cfg_opt_t text = CFG_STR_CB(key->name, NULL, CFGF_NODEFAULT, on_value);

		opts[i] = text;
		if (config_key_is_list(key))
			opts[i].flags |= CFGF_LIST;
	}
	config_sections_opts(&opts[n]);
	n += CONFIG_SECTIONS;
	opts[n] = include;
	opts[n + 1] = end;
	/* CFGF_KEYSTRVAL: after on_error() has told of an unknown key, it becomes an option like
	 * others and the reading goes on; without it, the first would be the end. */
	if ((cfg = cfg_init(opts, CFGF_KEYSTRVAL)) != NULL)
		(void)cfg_set_error_function(cfg, on_error);
	free(opts);
	return cfg;
}

/* What no callback sees: an empty list, and a key without letters. */
static void
check_rest(cfg_t *cfg, const char *name)
{
	const cfg_opt_t *opt;

	for (opt = cfg->opts; opt->name != NULL; opt++)
		if (opt->name[0] == '\0')
			faults_add(reader->draft->faults, "%s: a key is empty", name);
		else if ((opt->flags & CFGF_LIST) != 0 && (opt->flags & CFGF_MODIFIED) != 0 &&
		    opt->nvalues == 0 && config_key_find(opt->name)->type == CONFIG_URLS)
			faults_add(reader->draft->faults, "%s: %s: the list is empty", name,
			    opt->name);
}

bool
config_file_read(struct config_draft *draft, const char *name, bool optional)
{
	struct reader now = { .draft = draft };
	bool there = true;
	cfg_t *cfg;

	reader = &now;
	if ((cfg = new_parser()) == NULL)
		faults_add(draft->faults, "%s: %s", name, strerror(ENOMEM));
	else {
		config_sections_begin(draft, cfg);
		there = read_file(cfg, name, "", optional);
		check_rest(cfg, name);
		(void)cfg_free(cfg);
	}
	reader = NULL;
	return there;
}

void
config_draft_set(struct config_draft *draft, const char *place, const char *name, const char *value)
{
	const struct config_key *key = config_key_find(name);
	struct reader now = { .draft = draft };

	reader = &now;
	if (key == NULL)
		unknown_key(place, name, NULL);
	else
		set(draft, place, key, value);
	reader = NULL;
}
