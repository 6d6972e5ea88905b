/* staging_lock - the locks of names, and of the processes whose brief staged files lie about: bytes of one file
 * in the reserved folder. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fnv.h"
#include "store/store_int.h"

#define LOCK_BYTES	(1 << 20)	/* names are spread over that many locks, and so are processes, behind them */
#define BRIEF		"brief."	/* how the names of brief staged files begin */

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
lock_one(int fd, short type, off_t byte)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1,
	};

	while (fcntl(fd, F_OFD_SETLKW, &lock) == -1)
		if (errno != EINTR)
			return -1;
	return 0;
}

static int
open_locks(int folder)
{
	return staging_open(folder, STAGING_LOCKS, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Two are locked in their order, so that nobody waits for us while we wait for him. */
int
staging_lock(int folder, const struct staged_name *name, size_t n)
{
	off_t byte[2];
	int fd, error;

	if (lock_byte(&name[0], &byte[0]) == -1 || lock_byte(&name[n - 1], &byte[1]) == -1)
		return -1;
	if ((fd = open_locks(folder)) == -1)
		return -1;
	if (lock_one(fd, F_WRLCK, byte[0] < byte[1] ? byte[0] : byte[1]) == 0 &&
	    (byte[0] == byte[1] || lock_one(fd, F_WRLCK, byte[0] < byte[1] ? byte[1] : byte[0]) == 0))
		return fd;
	error = errno;
	close(fd);
	return fail_with(error);
}

bool
staging_is_brief(const char *name)
{
	return strncmp(name, BRIEF, strlen(BRIEF)) == 0;
}

/* The lock says that a process lives, and is shared by those whose bytes happen to be the same. */
static off_t
owner_byte(uint64_t brief, uint64_t pid)
{
	return LOCK_BYTES + (off_t)(fnv64(fnv64(FNV64, &brief, sizeof(brief)), &pid, sizeof(pid)) % LOCK_BYTES);
}

/* Then nobody can be told to be dead, and time decides. */
static bool
knows_no_locks(int error)
{
	return error == EOPNOTSUPP || error == ENOSYS;
}

/* Takes this process's lock, once, and holds it until the process ends.  Of threads that come at the same time
 * each takes its own, and the last is kept; what a forked process has from its parent is not its own. */
static int
own(struct store *s, int folder)
{
	const int pid = getpid();
	int fd, old;

	if (atomic_load(&s->owner) == pid)
		return 0;
	if ((fd = open_locks(folder)) == -1)
		return -1;
	if (lock_one(fd, F_RDLCK, owner_byte(s->brief, (uint64_t)pid)) == -1 && !knows_no_locks(errno)) {
		close(fd);
		return -1;
	}
	if ((old = atomic_exchange(&s->owner_fd, fd)) != -1)
		close(old);
	atomic_store(&s->owner, pid);
	return 0;
}

int
staging_name_brief(struct store *s, int folder, char name[STAGING_NAME])
{
	if (folder == atomic_load(&s->staging) && own(s, folder) == -1 &&
	    (errno != ENOENT || staging_enter_again(s, folder) == -1 || own(s, folder) == -1))
		return -1;
	snprintf(name, STAGING_NAME, BRIEF "%jx.%jx.%x", (uintmax_t)s->brief, (uintmax_t)getpid(),
	    atomic_fetch_add(&s->briefs, 1));
	return 0;
}

bool
staging_is_orphan(int folder, const char *name)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	uintmax_t brief, pid;
	bool orphan;
	int fd;

	if (sscanf(name, BRIEF "%jx.%jx.", &brief, &pid) != 2)
		return false;
	lock.l_start = owner_byte(brief, pid);
	if ((fd = staging_open(folder, STAGING_LOCKS, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0)) == -1)
		return false;
	orphan = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
	close(fd);
	return orphan;
}
