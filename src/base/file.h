/* file - reading a part of an open file whole, whatever pieces the kernel gives it in. */

#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"

/* Reads `len` bytes from `at` on.  0, or -1 with errno: EPROTO where the file ends early. */
int	file_read(int fd, void *, size_t len, off_t at);

/* The same bytes, taken into the digest; no two threads have to touch them for that.  Many of them are
 * hashed where the kernel has them.  0, or -1 as above, and ENOMEM; what the state has then is nothing. */
int	file_digest(int fd, off_t at, uint64_t len, struct digest_state *);

/* For a handler of SIGBUS: whether the address is within what file_digest() is reading in this thread, and
 * cannot be had, since the file has become shorter or its disk has a fault.  There is something else in its
 * place from now on, and file_digest() will fail.  Async-signal-safe. */
bool	file_mend(const void *at);

/* There is such a handler: without it, file_digest() makes copies of all that it reads. */
void	file_mends(void);

#endif
