/* fs - see fs.h. */

#include "base/fs.h"

#include <sys/vfs.h>

#include <linux/magic.h>

#define XFS_MAGIC_NUMBER	0x58465342	/* which not every kernel's header has */

enum fs_kind
fs_kind(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == -1)
		return FS_OTHER;
	switch ((unsigned long)fs.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_MAGIC_NUMBER:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
		return FS_DISK;
	case TMPFS_MAGIC:
		return FS_TMPFS;
	case RAMFS_MAGIC:
		return FS_RAMFS;
	default:
		return FS_OTHER;
	}
}
