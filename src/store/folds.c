/* folds - folders that take names of another case for the same. */

#include "store/folds.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/store_int.h"

#ifndef FS_CASEFOLD_FL
#define FS_CASEFOLD_FL	0x40000000
#endif
#ifndef EXFAT_SUPER_MAGIC
#define EXFAT_SUPER_MAGIC 0x2011BAB0
#endif

/* The file systems that never do otherwise. */
static bool
kind_folds(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && ((unsigned long)fs.f_type == MSDOS_SUPER_MAGIC ||
	    (unsigned long)fs.f_type == EXFAT_SUPER_MAGIC);
}

static bool
flag_folds(int fd)
{
	int flags = 0;

	return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_CASEFOLD_FL) != 0;
}

int
folds_name(int dirfd, const char *name)
{
	char other[NAME_MAX + 1];
	struct stat a, b;
	size_t i;

	for (i = 0; i < NAME_MAX && name[i] != '\0'; i++)
		other[i] = islower((unsigned char)name[i]) ? (char)toupper((unsigned char)name[i]) :
		    (char)tolower((unsigned char)name[i]);
	other[i] = '\0';
	if (strcmp(name, other) == 0)
		return 0;
	if (fstatat(dirfd, name, &a, AT_SYMLINK_NOFOLLOW) == -1 ||
	    fstatat(dirfd, other, &b, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	return S_ISDIR(a.st_mode) && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* In that folder, if there is one; `next` is the name there that matters. */
static bool
folder_folds(int root, const char *folder, const char *next)
{
	int fd = store_resolve_in(root, folder, O_RDONLY | O_DIRECTORY | O_NONBLOCK,
	    RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
	bool ret;

	if (fd == -1)
		return false;
	ret = kind_folds(fd) || flag_folds(fd) || folds_name(fd, next) == 1 ||
	    folds_name(fd, PATH_RESERVED) == 1;
	close(fd);
	return ret;
}

bool
folds(const char *root, const char *path, size_t *len)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char folder[PATH_MAX] = ".", next[NAME_MAX + 1];
	size_t at = 0, end;
	bool ret = false;

	if (fd == -1 || strlen(path) >= sizeof(folder))
		goto out;
	do {
		end = at + strcspn(path + at, "/");
		(void)snprintf(next, sizeof(next), "%.*s", (int)(end - at), path + at);
		if (at > 0)
			(void)snprintf(folder, sizeof(folder), "%.*s", (int)(at - 1), path);
		*len = at > 0 ? at - 1 : 0;
		ret = folder_folds(fd, folder, next);
		at = end + 1;
	} while (!ret && path[end] == '/');
out:
	if (fd != -1)
		close(fd);
	return ret;
}
