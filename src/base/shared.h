/* shared - memory that a process shares with all that are forked from it later. */

#ifndef BASE_SHARED_H
#define BASE_SHARED_H

#include <stddef.h>

/* So many bytes, all 0; they take memory only as far as they are touched.  NULL with errno. */
void	*shared_new(size_t size);

/* In this process, with the size that was asked for; NULL is nothing. */
void	 shared_free(void *, size_t size);

#endif
