/* fs - which kind of file system a file lies on, as far as we must know. */

#ifndef BASE_FS_H
#define BASE_FS_H

enum fs_kind {
	FS_DISK,	/* of this machine's own, and known to tell all of a change: ext4, XFS, btrfs, F2FS */
	FS_TMPFS,
	FS_RAMFS,
	FS_OTHER	/* shared with other machines, served by a process, stacked, unknown */
};

/* That of an open file.  FS_OTHER where fstatfs(2) does not tell. */
enum fs_kind	fs_kind(int fd);

#endif
