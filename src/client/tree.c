/* tree - a folder here and all beneath it, one entry after the other. */

#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/client.h"
#include "client/tree.h"

#define DEPTH_MAX	128	/* folders open at the same time: each costs a descriptor */

struct level {
	DIR	*dir;
	size_t	 len;		/* of the folder's name, with the slash behind it */
	dev_t	 dev;
	ino_t	 ino;
};

struct tree {
	struct level	 level[DEPTH_MAX];
	size_t		 depth;
	bool		 enter;		/* the entry given last is a folder, to be gone into */
	char		 name[2 * PATH_MAX];
};

/* Makes an open folder the innermost one.  Takes fd. */
static int
push(struct tree *t, int fd, size_t len)
{
	struct level *level = &t->level[t->depth];
	struct stat st;
	size_t i;
	int error = 0;

	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == -1)
		error = errno;
	else if (t->depth == DEPTH_MAX)
		error = ENAMETOOLONG;
	for (i = 0; error == 0 && i < t->depth; i++)
		if (t->level[i].dev == st.st_dev && t->level[i].ino == st.st_ino)
			error = ELOOP;
	if (error == 0 && (level->dir = fdopendir(fd)) == NULL)
		error = errno;
	if (error != 0) {
		(void)close(fd);
		errno = error;
		return -1;
	}
	level->len = len;
	level->dev = st.st_dev;
	level->ino = st.st_ino;
	t->depth++;
	return 0;
}

struct tree *
tree_open(const char *root)
{
	struct tree *t = xmalloc(sizeof(*t));

	memset(t, 0, offsetof(struct tree, name) + 1);
	if (push(t, open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0) == -1) {
		free(t);
		return NULL;
	}
	return t;
}

void
tree_close(struct tree **tp)
{
	struct tree *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	while (t->depth > 0)
		(void)closedir(t->level[--t->depth].dir);
	free(t);
}

/* f, d or s; -1 with errno.  Only where readdir(3) does not know, the entry is looked at. */
static int
type_of(int dir, const struct dirent *de)
{
	struct stat st;

	switch (de->d_type) {
	case DT_REG:
		return 'f';
	case DT_DIR:
		return 'd';
	case DT_LNK:
	case DT_UNKNOWN:
		break;
	default:
		return 's';
	}
	if (fstatat(dir, de->d_name, &st, 0) == -1)
		return -1;
	return S_ISREG(st.st_mode) ? 'f' : S_ISDIR(st.st_mode) ? 'd' : 's';
}

/* Goes into the folder that was given last. */
static int
enter(struct tree *t, struct tree_entry *entry)
{
	const struct level *level = &t->level[t->depth - 1];
	size_t len = strlen(t->name);

	t->enter = false;
	entry->name = t->name;
	if (push(t,
		openat(dirfd(level->dir), t->name + level->len, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		len + 1) == -1)
		return -1;
	t->name[len] = '/';
	t->name[len + 1] = '\0';
	return 0;
}

/* The next name of the innermost folder; leaves those that have no more.  NULL at the end. */
static const struct dirent *
next_name(struct tree *t)
{
	const struct dirent *de;

	while (t->depth > 0) {
		errno = 0;
		de = readdir(t->level[t->depth - 1].dir);
		if (de == NULL) {
			(void)closedir(t->level[--t->depth].dir);
			if (errno != 0)
				return NULL;
		} else if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			return de;
	}
	errno = 0;
	return NULL;
}

int
tree_next(struct tree *t, struct tree_entry *entry)
{
	const struct level *level;
	const struct dirent *de;
	int type;

	if (t->enter && enter(t, entry) == -1)
		return -1;
	entry->name = t->name;
	if ((de = next_name(t)) == NULL)
		return errno == 0 ? 0 : -1;
	level = &t->level[t->depth - 1];
	if (level->len + strlen(de->d_name) >= sizeof(t->name) - 1) {
		errno = ENAMETOOLONG;
		return -1;
	}
	(void)strcpy(t->name + level->len, de->d_name);
	entry->leaf = t->name + level->len;
	entry->dir = dirfd(level->dir);
	if ((type = type_of(entry->dir, de)) == -1)
		return -1;
	entry->type = (char)type;
	t->enter = type == 'd';
	return 1;
}

void
tree_count(const char *root, uint64_t *files, uint64_t *bytes)
{
	struct tree *t = tree_open(root);
	struct tree_entry entry;
	struct stat st;
	int ret;

	while (t != NULL && (ret = tree_next(t, &entry)) != 0)
		if (ret == 1 && entry.type == 'f' && fstatat(entry.dir, entry.leaf, &st, 0) == 0) {
			++*files;
			*bytes += (uint64_t)st.st_size;
		}
	tree_close(&t);
}
