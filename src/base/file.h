/* file - reading a part of an open file whole, whatever pieces the kernel gives it in. */

#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"

/* Reads `len` bytes from `at` on.  0, or -1 with errno: EPROTO where the file ends early. */
int	file_read(int fd, void *, size_t len, off_t at);

/* The same bytes, taken into the digest; no two threads have to touch them for that.  0, or -1 as
 * above, and ENOMEM. */
int	file_digest(int fd, off_t at, uint64_t len, struct digest_state *);

#endif
