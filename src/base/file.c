/* file - reading a part of an open file whole. */

#include "base/file.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

int
file_read(int fd, void *buffer, size_t len, off_t at)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pread(fd, (char *)buffer + done, len - done, at + (off_t)done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EPROTO;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

#define MAP_LEAST	(256 * 1024)	/* bytes from which a mapping costs less than copying */
#define MAP_MOST	((uint64_t)8 * 1024 * 1024)

static atomic_bool	mends;

/* What this thread has mapped, for its own handler of signals. */
static _Thread_local struct {
	char *volatile	begin, *volatile end;
	volatile bool	torn;
} window;

void
file_mends(void)
{
	mends = true;
}

bool
file_mend(const void *at)
{
	char *begin = window.begin;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (begin == NULL || (const char *)at < begin || (const char *)at >= window.end)
		return false;
	begin += (size_t)((const char *)at - begin) / page * page;
	if (mmap(begin, (size_t)(window.end - begin), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	    -1, 0) == MAP_FAILED)
		return false;
	window.torn = true;
	return true;
}

/* Whether all of that was in the file, also behind its end, where the rest of a page reads as zeros. */
static int
check_read(int fd, off_t end)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	if (!window.torn && st.st_size >= end)
		return 0;
	errno = st.st_size < end ? EPROTO : EIO;
	return -1;
}

/* Where the page cache has the bytes.  *done: whether it could be tried. */
static int
digest_mapped(int fd, off_t at, size_t len, struct digest_state *state, bool *done)
{
	size_t skew = (size_t)(at % sysconf(_SC_PAGESIZE));
	char *map = mmap(NULL, skew + len, PROT_READ, MAP_PRIVATE, fd, at - (off_t)skew);
	int ret, error;

	if (!(*done = map != MAP_FAILED))
		return 0;
	window.torn = false;
	window.end = map + skew + len;
	window.begin = map;
	digest_update(state, map + skew, len);
	window.begin = NULL;
	ret = check_read(fd, at + (off_t)len);
	error = errno;
	(void)munmap(map, skew + len);
	errno = error;
	return ret;
}

/* A lent buffer is small enough to be hashed out of the processor's cache. */
static int
digest_copied(int fd, off_t at, uint64_t len, struct digest_state *state)
{
	char *buffer;
	size_t n;
	int ret = 0, error;

	if ((buffer = mem_take()) == NULL)
		return -1;
	for (; len > 0 && ret == 0; len -= n, at += (off_t)n) {
		n = len < MEM_BUFFER ? (size_t)len : MEM_BUFFER;
		if ((ret = file_read(fd, buffer, n, at)) == 0)
			digest_update(state, buffer, n);
	}
	error = errno;
	mem_give(buffer);
	errno = error;
	return ret;
}

/* Copying would take a seventh of the time.  Not elsewhere than on a disk of this machine: where there are
 * others, only a read asks whether the page cache still holds; in a tmpfs, a hole that is looked at would be filled. */
int
file_digest(int fd, off_t at, uint64_t len, struct digest_state *state)
{
	bool maps = len >= MAP_LEAST && mends && fs_kind(fd) == FS_DISK;
	size_t n;

	for (; len >= MAP_LEAST && maps; len -= n, at += (off_t)n) {
		n = (size_t)(len < MAP_MOST ? len : MAP_MOST);
		if (digest_mapped(fd, at, n, state, &maps) == -1)
			return -1;
		n = maps ? n : 0;
	}
	return len == 0 ? 0 : digest_copied(fd, at, len, state);
}
