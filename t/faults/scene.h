/* scene - one request of the upload path, with what stood there before and what has to stand
 * there after it: for making it fail at each of its calls. */

#ifndef FAULTS_SCENE_H
#define FAULTS_SCENE_H

#include <limits.h>
#include <stdbool.h>
#include <time.h>

#include "talk.h"

enum content { NOTHING, OLD, NEW, FOLDER, BROKEN };

enum act { PUT, CHUNKED, RESUME, HOLD, BREAK, HOLD_BREAK, COPY, MOVE, DELETE, MKDIR, RMDIR, SET };

struct scene {
	const char	*name;
	enum act	 act;
	const char	*options;	/* %o and %n: the digests of OLD and NEW */
	size_t		 size;		/* bytes of NEW */
	enum content	 before[2], after[2];
	bool		 elsewhere;	/* the second name is in another folder */
	bool		 unreserved;	/* the reserved folder has been removed */
};

extern const struct scene scenes[];
extern const unsigned scene_count;

/* A scene that is played: under names that nothing else had. */
struct play {
	const struct scene *scene;
	struct talk	*talk;
	const char	*root;		/* the folder that is served */
	char		 name[2][64];	/* with a slash before it */
	char		*old, *new;	/* their bytes */
	char		 old_hex[DIGEST_HEX], new_hex[DIGEST_HEX];
};

#define OLD_SIZE	((size_t)3000)

void	play_begin(struct play *, const struct scene *, struct talk *, const char *root);
/* Readies what has to be there before.  -1 where that failed. */
int	play_before(struct play *);
/* Sends the request; the code of the reply, -1 for a broken connection. */
int	play_act(struct play *);
/* What stands under a name, by GET; tells on stdout what is wrong with it. */
enum content play_look(struct play *, unsigned which);
/* What really is there under its names, folders on their way included, and in the reserved folder. */
struct play_size {
	int64_t bytes, names;
};
void	play_sizes(const struct play *, struct play_size *);
/* Removes what is left. */
void	play_end(struct play *);

/* How many staged files of at least that size there are. */
unsigned play_staged(const char *root, size_t at_least);
/* Whether somebody holds one of them. */
bool	play_held(const char *root);

#endif
