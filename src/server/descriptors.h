/* descriptors - what a process that was forked keeps of its parent's. */

#ifndef SERVER_DESCRIPTORS_H
#define SERVER_DESCRIPTORS_H

#include <stddef.h>

#define DESCRIPTORS_KEPT	128	/* at most */

/* Closes every descriptor but these (-1 is nothing), the first three, and those of the log. */
void	descriptors_keep(const int *, size_t n);

#endif
