/* cmd_ls - what a folder of a server holds. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "client/each.h"
#include "client/show.h"

enum order { BY_NAME, BY_SIZE, BY_TIME, UNSORTED };

struct line {
	char		*name;
	size_t		 len;
	uint64_t	 size;
	struct timespec	 mtime;
	unsigned	 mode;
	char		 type;
	bool		 known;
	struct digest	 digest;
};

struct ls {
	bool		 json, longer, recursive, zero, titles, visible;
	enum order	 order;
	int		 count;		/* operands listed so far */
	struct line	*lines;		/* those to be sorted */
	size_t		 have, room;
	struct json_out	 out;
};

/* By bytes, but a folder's content directly behind it: a slash is less than all. */
static int
compare_names(const void *a, const void *b)
{
	const unsigned char *x = (const unsigned char *)((const struct line *)a)->name;
	const unsigned char *y = (const unsigned char *)((const struct line *)b)->name;

	for (; *x == *y && *x != '\0'; x++, y++)
		;
	if (*x == '/' || *y == '/') {
		if (*x == '\0' || *y == '\0')
			return *x == '\0' ? -1 : 1;
		return *x == '/' ? -1 : 1;
	}
	return *x < *y ? -1 : *x > *y;
}

static int
compare_sizes(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return x->size != y->size ? (x->size > y->size ? -1 : 1) : compare_names(a, b);
}

static int
compare_times(const void *a, const void *b)
{
	const struct timespec *x = &((const struct line *)a)->mtime,
			      *y = &((const struct line *)b)->mtime;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec > y->tv_sec ? -1 : 1;
	if (x->tv_nsec != y->tv_nsec)
		return x->tv_nsec > y->tv_nsec ? -1 : 1;
	return compare_names(a, b);
}

static void
print_json(struct ls *ls, const struct line *line)
{
	static const char *const types[] = { ['f'] = "file", ['d'] = "folder", ['l'] = "link" };
	json_t *object = json_object();
	char hex[DIGEST_HEX];

	json_set_name(object, line->name, line->len);
	(void)json_object_set_new(object, "type", json_string(types[(unsigned char)line->type]));
	(void)json_object_set_new(object, "size", json_integer((json_int_t)line->size));
	json_set_mtime(object, &line->mtime);
	json_set_mode(object, line->mode);
	(void)json_object_set_new(object, "sha256",
	    line->known ? json_string(digest_hex(&line->digest, hex)) : json_null());
	json_out_element(&ls->out, object);
}

static void
print_name(const struct ls *ls, const struct line *line)
{
	char shown[2048];

	if (ls->visible)
		(void)fputs(text_visible(shown, sizeof(shown), line->name, line->len), stdout);
	else
		(void)fwrite(line->name, 1, line->len, stdout);
	(void)putchar(ls->zero ? '\0' : '\n');
}

static void
print_line(struct ls *ls, const struct line *line)
{
	char mode[11], size[SHOW_SIZE], when[SHOW_TIME];

	if (ls->json) {
		print_json(ls, line);
		return;
	}
	if (ls->longer)
		(void)printf("%s %6s %s ", show_mode(mode, line->type, line->mode),
		    line->type == 'd' ? "-" : show_size(size, line->size),
		    show_time(when, &line->mtime));
	print_name(ls, line);
}

static void
sort_and_print(struct ls *ls)
{
	static int (*const compare[])(const void *, const void *) = {
		[BY_NAME] = compare_names, [BY_SIZE] = compare_sizes, [BY_TIME] = compare_times,
	};
	size_t i;

	if (ls->have > 0)
		qsort(ls->lines, ls->have, sizeof(*ls->lines), compare[ls->order]);
	for (i = 0; i < ls->have; i++) {
		print_line(ls, &ls->lines[i]);
		free(ls->lines[i].name);
	}
	ls->have = 0;
}

static void
take_line(struct ls *ls, const struct coffer_entry *entry)
{
	struct line line = {
		.name = entry->name.at,
		.len = entry->name.len,
		.size = entry->size,
		.mtime = entry->mtime,
		.mode = entry->mode,
		.type = entry->type,
		.known = entry->has_sha256,
		.digest = entry->sha256,
	};

	if (ls->order == UNSORTED) {
		print_line(ls, &line);
		return;
	}
	if (ls->have == ls->room) {
		ls->room = ls->room > 0 ? 2 * ls->room : 256;
		ls->lines = xreallocarray(ls->lines, ls->room, sizeof(*ls->lines));
	}
	line.name = xstrdup(line.name);
	ls->lines[ls->have++] = line;
}

static void
print_title(struct ls *ls, const char *path)
{
	char shown[2048];

	if (ls->titles && !ls->json && !ls->zero)
		(void)printf("%s%s:\n", ls->count > 0 ? "\n" : "",
		    text_visible(shown, sizeof(shown), path, strlen(path)));
	ls->count++;
}

static int
list_place(struct client *c, const struct place *place, void *arg)
{
	struct ls *ls = arg;
	struct coffer_entry entry;
	struct coffer_reply reply;
	char options[64];
	int code, ret;

	(void)snprintf(options, sizeof(options), "%s%s", ls->recursive ? "depth=all " : "",
	    ls->json ? "digest" : "");
	if ((code = ask_for(c, &reply, "LIST", place->path, options)) != DONE)
		return code;
	print_title(ls, place->path);
	while ((ret = remote_entry(c->remote, &entry, &reply)) == 1) {
		take_line(ls, &entry);
		if (ferror(stdout))
			out_check();
	}
	sort_and_print(ls);
	if (ret == -1)
		return remote_complain(c->remote, false);
	return reply.code == 200 ? DONE : say_reply(place->path, &reply);
}

/* Takes an option of ls alone: whether it is one. */
static bool
take_option(struct ls *ls, int option)
{
	switch (option) {
	case 'l':
		ls->longer = true;
		return true;
	case 'r':
		ls->recursive = true;
		return true;
	case 'S':
		ls->order = BY_SIZE;
		return true;
	case 't':
		ls->order = BY_TIME;
		return true;
	case 'U':
		ls->order = UNSORTED;
		return true;
	case '0':
		ls->zero = true;
		return true;
	case 'J':
		ls->json = true;
		return true;
	default:
		return false;
	}
}

int
cmd_ls(struct client *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "long", no_argument, NULL, 'l' },
		{ "recursive", no_argument, NULL, 'r' },
		{ "by-size", no_argument, NULL, 'S' },
		{ "by-time", no_argument, NULL, 't' },
		{ "unsorted", no_argument, NULL, 'U' },
		{ "print0", no_argument, NULL, '0' },
		{ "json", no_argument, NULL, 'J' },
		CLIENT_LONGS
	};
	struct ls ls = { .order = BY_NAME };
	int ch, code;

	while ((ch = getopt_long(argc, argv, "lrStU0" CLIENT_SHORTS, longs, NULL)) != -1)
		if (!take_option(&ls, ch) && client_option(c, ch) == -1)
			return USAGE;
	ls.titles = argc - optind > 1;
	ls.visible = isatty(STDOUT_FILENO) && !ls.zero;
	code = each_place(c, argc - optind, argv + optind, true, list_place, &ls);
	if (ls.json)
		json_out_end(&ls.out);
	free(ls.lines);
	return code;
}
