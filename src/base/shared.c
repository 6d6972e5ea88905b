/* shared - memory that a process shares with all that are forked from it later. */

#include <sys/mman.h>

#include "base/shared.h"

void *
shared_new(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

void
shared_free(void *at, size_t size)
{
	if (at != NULL)
		(void)munmap(at, size);
}
