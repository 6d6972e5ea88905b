/* local - files that are being fetched: NAME.part first, NAME once it is whole.
 * Everything happens beneath a folder that the user named; names that come from a
 * server are opened part by part, and no symbolic link is followed on the way.
 * Knows nothing of connections. */

#ifndef CLIENT_LOCAL_H
#define CLIENT_LOCAL_H

#include <sys/types.h>

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct target {
	char	*name;			/* of the folder, as the user wrote it */
	int	 root;			/* the folder */
	int	 last;			/* the folder beneath it that was used last, or -1, */
	char	 last_name[PATH_MAX];	/* and its name, relative to root */
};

/* Opens an existing folder.  0, or -1 with errno. */
int	target_open(struct target *, const char *name);
void	target_close(struct target *);

/* The folder of that relative name ("" is the root), made with all that is missing above it.
 * Good until the next call.  -1 with errno; ELOOP for a symbolic link. */
int	target_folder(struct target *, const char *name, size_t len);

/* The folder that holds the relative name; *leaf is its last part. */
int	target_parent(struct target *, const char *name, const char **leaf);

/* "FOLDER/NAME" for messages, in static memory, visible. */
const char	*target_shown(const struct target *, const char *name);

struct part {
	int		 dir;			/* lent by target_folder() */
	int		 fd;			/* -1: none */
	unsigned	 mode;			/* that the file has now */
	char		 name[NAME_MAX + 1];
	char		 temp[NAME_MAX + 1];	/* NAME.part */
};

/* The name of the part file of `name`; `other` gives the second choice, for a folder in
 * which NAME.part is to be a file itself. */
void	part_name(char temp[NAME_MAX + 1], const char *name, bool other);

/* Bytes in the part file of a name; -1 if there is none. */
int64_t	part_size(int dir, const char *name, bool other);

/* A new, empty part file in place of one that may be there.  EBUSY: another coffer
 * writes it.  0, or -1 with errno. */
int	part_create(struct part *, int dir, const char *name, bool other, unsigned mode);

/* The part file that is there, to be read and appended to. */
int	part_resume(struct part *, int dir, const char *name, bool other);

/* Gives the file mode and time, and its final name; `keep`: unless that exists (EEXIST).
 * Closes it in any case.  0, or -1 with errno: the part file stays. */
int	part_publish(struct part *, unsigned mode, const struct timespec *mtime, bool keep);

/* Closes it; an empty one is removed. */
void	part_leave(struct part *);

/* Writes all.  0, or -1 with errno. */
int	write_all(int fd, const void *, size_t len);

#endif
