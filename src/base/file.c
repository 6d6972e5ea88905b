/* file - reading a part of an open file whole. */

#include "base/file.h"

#include <errno.h>
#include <unistd.h>

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

/* A lent buffer is small enough to be hashed out of the processor's cache. */
int
file_digest(int fd, off_t at, uint64_t len, struct digest_state *state)
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
