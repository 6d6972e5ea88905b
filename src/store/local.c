/* local - which file systems are of this machine, and known to tell all of a change. */

#include <sys/vfs.h>

#include <linux/magic.h>

#include "store/store_int.h"

#define XFS_MAGIC	0x58465342	/* which the kernel's header does not have */

bool
store_is_local(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == -1)
		return false;
	switch ((unsigned long)fs.f_type) {
	case EXT4_SUPER_MAGIC:
	case XFS_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
	case TMPFS_MAGIC:
		return true;
	default:
		return false;
	}
}
