/* cmd_misc - small commands: mkdir rmdir set ping df. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/each.h"
#include "client/show.h"
#include "io/wait.h"

/* A request with these options, and nothing to print. */
struct plain {
	const char	*verb, *options;
};

static int
ask_plain(struct client *c, const struct place *place, void *arg)
{
	const struct plain *plain = arg;
	struct coffer_reply reply;

	return ask_for(c, &reply, plain->verb, place->path, plain->options);
}

int
cmd_mkdir(struct client *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "parents", no_argument, NULL, 'p' },
		CLIENT_LONGS
	};
	struct plain plain = { "MKDIR", "" };
	int ch;

	while ((ch = getopt_long(argc, argv, "p" CLIENT_SHORTS, longs, NULL)) != -1)
		if (ch == 'p')
			plain.options = "parents";
		else if (client_option(c, ch) == -1)
			return USAGE;
	return each_place(c, argc - optind, argv + optind, false, ask_plain, &plain);
}

int
cmd_rmdir(struct client *c, int argc, char **argv)
{
	static const struct option longs[] = { CLIENT_LONGS };
	struct plain plain = { "RMDIR", "" };
	int ch;

	while ((ch = getopt_long(argc, argv, CLIENT_SHORTS, longs, NULL)) != -1)
		if (client_option(c, ch) == -1)
			return USAGE;
	return each_place(c, argc - optind, argv + optind, false, ask_plain, &plain);
}

/* "now" or seconds.  0, or -1 after a message. */
static int
parse_date(struct timespec *ts, const char *text)
{
	if (strcmp(text, "now") == 0) {
		*ts = clock_wall();
		return 0;
	}
	if (text_timespec(ts, text, strlen(text)) == 0)
		return 0;
	say("-d %s: a time is seconds since 1970, such as 1700000000 or 1700000000.5, or \"now\"",
	    text);
	return -1;
}

int
cmd_set(struct client *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "date", required_argument, NULL, 'd' },
		CLIENT_LONGS
	};
	char options[128] = "", when[40];
	struct plain plain = { "SET", options };
	struct timespec ts;
	const char *date = NULL, *modetext = NULL;
	unsigned mode;
	int ch;

	while ((ch = getopt_long(argc, argv, "m:d:" CLIENT_SHORTS, longs, NULL)) != -1)
		if (ch == 'm')
			modetext = optarg;
		else if (ch == 'd')
			date = optarg;
		else if (client_option(c, ch) == -1)
			return USAGE;
	if (date == NULL && modetext == NULL)
		return client_misuse("-m or -d tells what to set");
	if (modetext != NULL) {
		if (text_mode(&mode, modetext, strlen(modetext)) == -1 || mode > 0777) {
			say("-m %s: a mode is an octal number up to 0777", modetext);
			return USAGE;
		}
		(void)snprintf(options, sizeof(options), "mode=%04o ", mode);
	}
	if (date != NULL) {
		if (parse_date(&ts, date) == -1)
			return USAGE;
		*text_put_timespec(when, &ts) = '\0';
		(void)strlcat(options, "mtime=", sizeof(options));
		(void)strlcat(options, when, sizeof(options));
	}
	return each_place(c, argc - optind, argv + optind, false, ask_plain, &plain);
}

/*
 * ping
 */

#define PING_PAUSE_MS	1000

struct round_trips {
	long long	count;
	int64_t		min, max, sum;	/* microseconds */
	bool		quiet;
};

static int
ping_once(struct client *c, const char *name, struct round_trips *rt)
{
	struct coffer_reply reply;
	int64_t began = clock_us(), took;
	int code;

	if ((code = ask_for(c, &reply, "PING", NULL, "")) != DONE)
		return code;
	took = clock_us() - began;
	rt->min = rt->min == 0 || took < rt->min ? took : rt->min;
	rt->max = took > rt->max ? took : rt->max;
	rt->sum += took;
	if (!rt->quiet)
		(void)printf("%s: time=%.3f ms\n", name, (double)took / 1000.0);
	(void)fflush(stdout);
	out_check();
	return DONE;
}

static int
ping_place(struct client *c, const struct place *place, void *arg)
{
	struct round_trips rt = *(const struct round_trips *)arg;
	char name[SOCKET_NAME_MAX + 256], shown[1024];
	struct coffer_reply reply;
	long long i;
	int code;

	place_name(name, sizeof(name), &place->server);
	(void)text_visible(shown, sizeof(shown), name, strlen(name));
	/* The first one would count the greeting in. */
	if ((code = ask_for(c, &reply, "PING", NULL, "")) != DONE)
		return code;
	for (i = 0; i < rt.count; i++) {
		if (i > 0)
			(void)wait_until(clock_in(PING_PAUSE_MS));
		if ((code = ping_once(c, shown, &rt)) != DONE)
			return code;
	}
	if (rt.count > 1)
		(void)printf("%s: %lld round trips, min=%.3f mean=%.3f max=%.3f ms\n", shown,
		    rt.count, (double)rt.min / 1000.0, (double)rt.sum / 1000.0 / (double)rt.count,
		    (double)rt.max / 1000.0);
	return DONE;
}

int
cmd_ping(struct client *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "count", required_argument, NULL, 'c' },
		CLIENT_LONGS
	};
	struct round_trips rt = { .count = 1 };
	int ch;

	while ((ch = getopt_long(argc, argv, "c:" CLIENT_SHORTS, longs, NULL)) != -1)
		if (ch == 'c') {
			if (client_number("-c", optarg, 1, 1000000000, &rt.count) == -1)
				return USAGE;
		} else if (client_option(c, ch) == -1)
			return USAGE;
	rt.quiet = c->quiet;
	return each_place(c, argc - optind, argv + optind, true, ping_place, &rt);
}

/*
 * df
 */

struct df {
	bool		json;
	uint64_t	count;
	struct json_out	out;
};

static void
print_space(struct df *df, const char *name, uint64_t total, uint64_t avail, uint64_t available,
    uint64_t files)
{
	char all[SHOW_SIZE], used[SHOW_SIZE], left[SHOW_SIZE], shown[1024];
	uint64_t use = total > avail ? total - avail : 0;
	double whole = (double)use + (double)available;

	(void)text_visible(shown, sizeof(shown), name, strlen(name));
	if (df->json) {
		json_out_element(&df->out, json_pack("{s:s,s:I,s:I,s:I,s:I,s:I}", "server", shown,
		    "total", (json_int_t)total, "used", (json_int_t)use, "free", (json_int_t)avail,
		    "available", (json_int_t)available, "files_free", (json_int_t)files));
		return;
	}
	if (df->count++ == 0)
		(void)printf("%-28s %6s %6s %6s %4s %12s\n", "server", "size", "used", "avail",
		    "use", "files free");
	(void)printf("%-28s %6s %6s %6s %3.0f%% %12ju\n", shown, show_size(all, total),
	    show_size(used, use), show_size(left, available),
	    whole > 0 ? (double)use * 100.0 / whole : 0.0, (uintmax_t)files);
}

static int
df_place(struct client *c, const struct place *place, void *arg)
{
	char name[SOCKET_NAME_MAX + 256];
	struct coffer_reply reply;
	uint64_t total, unused, available, files;
	int code;

	if ((code = ask_for(c, &reply, "SPACE", strcmp(place->path, "/") != 0 ? place->path : NULL, "")) != DONE)
		return code;
	if (reply_number(&reply, "total", &total) == -1 ||
	    reply_number(&reply, "free", &unused) == -1 ||
	    reply_number(&reply, "avail", &available) == -1 ||
	    reply_number(&reply, "files-free", &files) == -1) {
		(void)remote_protocol_error(
		    c->remote, "the server's answer to SPACE makes no sense");
		return remote_complain(c->remote, false);
	}
	place_name(name, sizeof(name), &place->server);
	print_space(arg, name, total, unused, available, files);
	return DONE;
}

int
cmd_df(struct client *c, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		CLIENT_LONGS
	};
	struct df df = { 0 };
	int ch, code;

	while ((ch = getopt_long(argc, argv, CLIENT_SHORTS, longs, NULL)) != -1)
		if (ch == 'J')
			df.json = true;
		else if (client_option(c, ch) == -1)
			return USAGE;
	code = each_place(c, argc - optind, argv + optind, true, df_place, &df);
	if (df.json)
		json_out_end(&df.out);
	return code;
}
