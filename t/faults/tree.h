/* tree - what a disk holds while files are written and names changed, and what it may hold after the
 * power was cut: built from the log of a layer (faults.h).
 *
 * Certain after a cut is what was fsynced: the bytes, size, time and attribute of a file as they were
 * when an fsync of it began that came to its end; the names in a folder likewise.  All else may be
 * there, or not, or in part:
 *	- the bytes of a file without its size, its size without the bytes (zeros), single pages;
 *	- of several changes in folders, any, in any order, except that one name goes through its
 *	  states in order, and that a rename does not take the old name away without having set the new
 *	  one (it may leave both). */

#ifndef FAULTS_TREE_H
#define FAULTS_TREE_H

#include "expect.h"
#include "faults.h"

/* What becomes of what was not fsynced. */
enum cut {
	CUT_NOTHING_STAYS,
	CUT_ALL_STAYS,		/* as if only the processes had been killed */
	CUT_NO_BYTES_STAY,	/* names, sizes, times and attributes do */
	CUT_ANYTHING,
	CUTS,
};

struct tree;

/* An empty folder with this inode. */
struct tree	*tree_new(uint64_t root);
/* Takes the next record; notes are nothing to it. */
void	tree_take(struct tree *, const struct faults_record *);
/* Chooses what a cut leaves at this moment.  How many files and names are not as they were. */
unsigned tree_cut(struct tree *, enum cut, uint64_t *dice);
/* The files and folders that the last cut left, without the reserved folder; until the next
 * tree_cut(). */
const struct actual *tree_list(struct tree *, unsigned *count);
/* Makes them in a real folder, with the reserved one. */
int	tree_write(struct tree *, const char *folder);

#endif
