/* config_shares - the sections of a configuration: groups, shares, and folders within shares.
 * Knows how they hang together and what follows from them, but nothing of files: config_sections
 * does the reading. */

#ifndef SERVER_CONFIG_SHARES_H
#define SERVER_CONFIG_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "auth/rights.h"
#include "server/faults.h"

#define CONFIG_SHARES_MAX	1024	/* sections of a kind */

struct config_text {
	char	*text, *place;		/* where it stands: "cofferd.conf:12" */
};

struct config_group {
	char	*name, *place;
	struct config_text *member;
	size_t	 members;
};

/* A share, or a folder within one that has rules of its own. */
struct config_share {
	char	*path, *place;		/* the path as it was written: "/pub" */
	char	*name;			/* and without its first slash */
	char	*root, *root_place;	/* the folder that is served there; NULL: not its own */
	bool	 folder, wrong;		/* wrong: its path is none */
	bool	 given;			/* by a section, not by root and writable */
	int64_t	 quota, quota_files;	/* -1: not given */
	struct config_text *allow;
	size_t	 allows;
	unsigned most;			/* RIGHT_* that one or another has, at it or within it */
};

struct config_shares {
	struct config_group *group;
	size_t	 groups;
	struct config_share *at;	/* a share's number is that of its place in the rights */
	size_t	 count, roots;		/* roots: of them are shares */
	struct rights *rights;		/* once it is finished */
};

/* One more, zeroed but for its name and place; NULL where that cannot be. */
struct config_group *config_shares_group(struct config_shares *, const char *name, const char *place);
struct config_share *config_shares_add(struct config_shares *, const char *path, const char *place);
int	config_shares_text(struct config_text **, size_t *, const char *text, const char *place);

/* What root, writable and the quotas say by themselves.  root may be "". */
struct config_plain {
	const char	*root;
	bool		 writable;
	int64_t		 quota, quota_files;
};

/* All sections are there: makes the share at / where it is left to the keys, checks all, and
 * gathers the rights. */
void	config_shares_finish(struct config_shares *, const struct config_plain *, struct faults *);

/* What is wrong with such a root, of which stat(2) has said so: a sentence.  `error` is 0 where it is there, but no
 * folder. */
const char *config_shares_root_fault(const char *root, int error);

/* The ith share that has a root, from 0; NULL past the last. */
const struct config_share *config_shares_root(const struct config_shares *, size_t i);

/* Whether anybody may change anything in that share; and in any of them. */
bool	config_share_writable(const struct config_share *);
bool	config_shares_writable(const struct config_shares *);

void	config_shares_free(struct config_shares *);

/* The sections as the file would hold them. */
void	config_shares_print(const struct config_shares *, FILE *);

#endif
