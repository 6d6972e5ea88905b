/* cut - cuts the power in thought, many times, at moments of a log that a layer has written beneath a
 * server, and looks what every cut leaves: all that was acknowledged, whole, and nothing half.
 *
 * usage: cut [-n CUTS] [-s SEED] [-a] [-v] [-w FOLDER] FAULTS ROOT
 *	-a	besides, at every record twice: nothing stays; names without bytes stay
 *	-w	make what the last cut left in this folder, for a server to begin from
 *	-v	tell of each cut
 *
 * Moments are drawn among all records of the log, and as often among acknowledgements and renames,
 * since just after those is where it hurts. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "talk.h"
#include "tree.h"

#define WRONG_SHOWN	20

struct bench {
	const struct faults	*f;
	struct tree		*tree;
	struct expect		*expect;
	uint64_t		 dice, seed;
	unsigned char		*cuts[CUTS];	/* for each record, how many of each kind after it */
	uint64_t		 records;
	unsigned		 done, lossy, wrong;
	bool			 verbose;
};

static const char *const kinds[CUTS] = {
	"nothing stays", "all stays", "no bytes stay", "anything may stay",
};

static bool
is_wanted(const struct faults_record *r, unsigned kind)
{
	if (kind == 0)
		return r->kind == LOG_NOTE && faults_data(r)[0] == 'a';
	return kind == 1 ? r->kind == LOG_RENAME || r->kind == LOG_LINK : true;
}

/* Draws the moments, and how each is to be. */
static void
draw(struct bench *b, unsigned count)
{
	const struct faults_record *r, **which = malloc(b->records * sizeof(*which));
	unsigned kind, i;
	uint64_t n;

	for (kind = 0; kind < 3; kind++) {
		for (n = 0, r = faults_next(b->f, NULL); r != NULL; r = faults_next(b->f, r))
			if (is_wanted(r, kind))
				which[n++] = r;
		for (i = kind; n > 0 && i < count; i += 3) {
			r = which[noise_next(&b->dice) % n];
			b->cuts[noise_below(&b->dice, 3) == 0 ? CUT_NOTHING_STAYS :
			    noise_below(&b->dice, CUTS)][r->number]++;
		}
	}
	free(which);
}

static void
everywhere(struct bench *b)
{
	for (uint64_t i = 0; i < b->records; i++) {
		b->cuts[CUT_NOTHING_STAYS][i]++;
		b->cuts[CUT_NO_BYTES_STAY][i]++;
	}
}

static void
cut(struct bench *b, enum cut how, uint64_t number)
{
	const struct actual *list;
	unsigned count, lost, wrong;
	char when[128];

	snprintf(when, sizeof(when), "seed %llu, cut %u, after record %llu, %s", (unsigned long long)b->seed,
	    b->done, (unsigned long long)number, kinds[how]);
	lost = tree_cut(b->tree, how, &b->dice);
	list = tree_list(b->tree, &count);
	if (b->wrong >= WRONG_SHOWN && freopen("/dev/null", "w", stdout) == NULL)
		exit(2);
	wrong = expect_check(b->expect, list, count, when);
	if (b->verbose)
		fprintf(stderr, "%s: %u acknowledged, %u names there, %u changes lost\n", when,
		    expect_acknowledged(b->expect), count, lost);
	b->done++;
	b->lossy += lost > 0;
	b->wrong += wrong;
}

static void
replay(struct bench *b)
{
	const struct faults_record *r = NULL;
	enum cut how;
	unsigned n;

	while ((r = faults_next(b->f, r)) != NULL) {
		if (r->kind == LOG_NOTE)
			expect_line(b->expect, faults_data(r));
		else
			tree_take(b->tree, r);
		for (how = 0; how < CUTS; how++)
			for (n = b->cuts[how][r->number]; n > 0; n--)
				cut(b, how, r->number);
	}
}

int
main(int argc, char **argv)
{
	struct bench b = { .seed = 1 };
	const char *folder = NULL;
	unsigned count = 100, how;
	bool all = false;
	struct stat st;
	int c;

	while ((c = getopt(argc, argv, "n:s:avw:")) != -1)
		switch (c) {
		case 'n':	count = (unsigned)atoi(optarg); break;
		case 's':	b.seed = strtoull(optarg, NULL, 10); break;
		case 'a':	all = true; break;
		case 'v':	b.verbose = true; break;
		case 'w':	folder = optarg; break;
		default:	return 2;
		}
	if (optind != argc - 2 || (b.f = faults_map(argv[optind])) == NULL || stat(argv[optind + 1], &st) == -1) {
		fprintf(stderr, "usage: cut [-n CUTS] [-s SEED] [-a] [-v] [-w FOLDER] FAULTS ROOT\n");
		return 2;
	}
	b.dice = b.seed;
	b.records = b.f->numbers;
	b.tree = tree_new(st.st_ino);
	b.expect = expect_new();
	for (how = 0; how < CUTS; how++)
		b.cuts[how] = calloc(b.records, 1);
	draw(&b, count);
	if (all)
		everywhere(&b);
	replay(&b);
	fprintf(stderr, "%u power cuts, seed %llu, in %llu records with %u acknowledgements; "
	    "%u lost something that was not yet fsynced; %u wrong\n", b.done, (unsigned long long)b.seed,
	    (unsigned long long)b.records, expect_acknowledged(b.expect), b.lossy, b.wrong);
	if (folder != NULL && tree_write(b.tree, folder) == -1)
		return 2;
	return b.wrong > 0;
}
