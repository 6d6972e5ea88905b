/* warm - bytes of files, without holding up other sessions where they are not in memory. */

#ifndef SESSION_WARM_H
#define SESSION_WARM_H

#include "store/store.h"

/* Reads exactly `len` bytes of the object.  0, or -1 with errno (EPROTO: the file has become shorter). */
int	warm_read(const struct object *, off_t from, char *buffer, size_t len);

/* Sees to it that what is about to be sent by the kernel is in memory, as far as that can be known. */
void	warm_up(const struct object *, off_t from, size_t len);

#endif
