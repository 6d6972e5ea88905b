/* staging_lock - the locks of names: bytes of one file in the reserved folder. */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fnv.h"
#include "store/store_int.h"

#define LOCK_BYTES	(1 << 20)	/* names are spread over that many locks */

/* Which byte of the file of locks is that of the name.  Two names may share one. */
static int
lock_byte(const struct staged_name *name, off_t *byte)
{
	uint64_t hash;
	struct stat st;

	if (fstat(name->parent, &st) == -1)
		return -1;
	hash = fnv64(FNV64, &st.st_dev, sizeof(st.st_dev));
	hash = fnv64(hash, &st.st_ino, sizeof(st.st_ino));
	hash = fnv64(hash, name->leaf, strlen(name->leaf));
	*byte = (off_t)(hash % LOCK_BYTES);
	return 0;
}

static int
lock_one(int fd, off_t byte)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1,
	};

	while (fcntl(fd, F_OFD_SETLKW, &lock) == -1)
		if (errno != EINTR)
			return -1;
	return 0;
}

/* Two are locked in their order, so that nobody waits for us while we wait for him. */
int
staging_lock(int folder, const struct staged_name *name, size_t n)
{
	off_t byte[2];
	int fd, error;

	if (lock_byte(&name[0], &byte[0]) == -1 || lock_byte(&name[n - 1], &byte[1]) == -1)
		return -1;
	fd = staging_open(folder, STAGING_LOCKS, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	if (lock_one(fd, byte[0] < byte[1] ? byte[0] : byte[1]) == 0 &&
	    (byte[0] == byte[1] || lock_one(fd, byte[0] < byte[1] ? byte[1] : byte[0]) == 0))
		return fd;
	error = errno;
	close(fd);
	return fail_with(error);
}
