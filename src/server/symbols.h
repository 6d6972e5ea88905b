/* symbols - the names of functions by their addresses, for backtraces of our own program.
 * Reads what the running program's file has of them: all where it was not stripped, else those
 * of the linker. */

#ifndef SERVER_SYMBOLS_H
#define SERVER_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

/* Keeps the file at hand, for who cannot open it later; memory is used when names are looked for. */
void	symbols_keep(void);

/* "serve_get+0x1c", or "libc.so.6+0x3c050" where there is no name.  For addresses of this process,
 * or of a forked one.  Returns dst. */
char	*symbols_name(char *dst, size_t size, uintptr_t address);

#endif
