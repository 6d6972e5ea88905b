/* expect - what may stand in a tree, by what clients have begun and by what was acknowledged to them.
 *
 * A client writes a line before it sends a request, and one when it has the answer:
 *	b CLIENT NUMBER put PATH HEX	PATH is to have the content with this digest
 *	b CLIENT NUMBER del PATH	is to be gone
 *	b CLIENT NUMBER dir PATH	is to be a folder
 *	b CLIENT NUMBER move FROM TO HEX
 *	a CLIENT NUMBER			acknowledged
 * What was begun and not acknowledged may have happened or not.  No client begins anything on a name
 * while something else on it is under way. */

#ifndef FAULTS_EXPECT_H
#define FAULTS_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"

enum there { GONE, FILE_THERE, FOLDER_THERE };

struct actual {
	const char	*path;		/* with a slash before it */
	enum there	 there;
	struct digest	 digest;
	int64_t		 size;
	bool		 has_attr;	/* a kept digest that holds for its size, mtime and inode */
	struct digest	 attr;
};

struct expect;

struct expect *expect_new(void);
/* Takes a line of a client's. */
void	expect_line(struct expect *, const char *line);
/* Compares; tells on stdout what is wrong, and says how many things are.  `when` begins each line. */
unsigned expect_check(struct expect *, const struct actual *, unsigned count, const char *when);
/* How many requests have been acknowledged. */
unsigned expect_acknowledged(const struct expect *);

#endif
