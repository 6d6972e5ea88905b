/* progress - one line at the bottom of the terminal while a transfer runs.
 * Only if stderr is a terminal that is ours, and only after a second.
 * Knows nothing of files or connections. */

#ifndef CLIENT_PROGRESS_H
#define CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Whether a bar may be shown at all: then it is worth while to count first. */
bool	progress_possible(void);

/* A transfer begins; `files` and `bytes` are 0 where nobody knows. */
void	progress_begin(uint64_t files, uint64_t bytes);

/* More is known to come. */
void	progress_expect(uint64_t files, uint64_t bytes);

/* Which file is at work now; the name must stay until the next call.  NULL for none. */
void	progress_name(const char *name);

/* Bytes have moved; a file is finished; nothing has happened. */
void	progress_bytes(uint64_t n);
void	progress_file(void);
void	progress_tick(void);

/* Bytes that were counted did not count: they are sent again. */
void	progress_back(uint64_t n);

/* Wipes the line away, for a message; it comes back by itself. */
void	progress_wipe(void);

/* Ends it for good. */
void	progress_end(void);

#endif
