/* orders - makes the file that the parts of the bench share, with the orders for the layer.
 *
 * usage: orders [-r] [-l LIE] [-t MICROSECONDS] [-m MEBIBYTES] FILE
 *        orders -j SECONDS FILE
 *	-j	in a file that is there: the server's clock jumps, to so many seconds ahead of the kernel's
 *	-r	what is done to the tree is logged, in at most that many mebibytes
 *	-l	how the server is lied to: file, folder, late, reorder
 *	-t	an fsync takes up to that long */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"

static enum faults_lie
lie(const char *name)
{
	static const char *const names[] = {
		[LIE_FILE] = "file", [LIE_FOLDER] = "folder", [LIE_LATE] = "late", [LIE_REORDER] = "reorder",
	};

	for (enum faults_lie l = LIE_FILE; l <= LIE_REORDER; l++)
		if (strcmp(names[l], name) == 0)
			return l;
	fprintf(stderr, "orders: there is no lie \"%s\"\n", name);
	exit(2);
}

int
main(int argc, char **argv)
{
	struct faults *f, want = { 0 };
	const char *jump = NULL;
	size_t room = 0;
	int c;

	while ((c = getopt(argc, argv, "rl:t:m:j:")) != -1)
		switch (c) {
		case 'j':	jump = optarg; break;
		case 'r':	want.record = true; break;
		case 'l':	want.lie = lie(optarg); break;
		case 't':	want.sync_us = (unsigned)atoi(optarg); break;
		case 'm':	room = (size_t)atoi(optarg) << 20; break;
		default:	return 2;
		}
	if (optind != argc - 1) {
		fprintf(stderr, "usage: orders [-r] [-l LIE] [-t MICROSECONDS] [-m MEBIBYTES] FILE\n"
		    "       orders -j SECONDS FILE\n");
		return 2;
	}
	if (jump != NULL) {
		if ((f = faults_map(argv[optind])) == NULL)
			return 2;
		atomic_store(&f->jump, strtoll(jump, NULL, 10));
		return 0;
	}
	f = faults_create(argv[optind], room);
	f->record = want.record;
	f->lie = want.lie;
	f->sync_us = want.sync_us;
	return 0;
}
