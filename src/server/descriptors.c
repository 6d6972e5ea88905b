/* descriptors - what a process that was forked keeps of its parent's. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "server/descriptors.h"

static int
compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void
descriptors_keep(const int *fds, size_t n)
{
	int keep[DESCRIPTORS_KEPT + 8];
	unsigned from = 0;
	size_t i;

	assert(n <= DESCRIPTORS_KEPT);
	memcpy(keep, fds, n * sizeof(*fds));
	for (i = 0; i <= STDERR_FILENO; i++)
		keep[n++] = (int)i;
	keep[n++] = log_fd();
	keep[n++] = log_access_fd();
	qsort(keep, n, sizeof(keep[0]), compare);
	for (i = 0; i < n; i++) {
		if (keep[i] == -1)
			continue;
		if ((unsigned)keep[i] > from)
			(void)close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	(void)close_range(from, ~0U, 0);
}
