/* local - which file systems are of this machine, and known to tell all of a change. */

#include "base/fs.h"
#include "store/store_int.h"

bool
store_is_local(int fd)
{
	const enum fs_kind kind = fs_kind(fd);

	return kind == FS_DISK || kind == FS_TMPFS;
}
