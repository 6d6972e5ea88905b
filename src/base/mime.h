/* mime - the media type that belongs to a file's name, by a table in the form of
 * mime.types(5): read once, then only looked at, by any thread and without allocation. */

#ifndef BASE_MIME_H
#define BASE_MIME_H

#include <stddef.h>

#define MIME_FILE_MAX	(4 * 1024 * 1024)	/* bytes of the file; more is refused (EFBIG) */
#define MIME_DEFAULT	"application/octet-stream"

struct mime;

/* A small table of our own, and over it what the file says; "" for no file.  NULL with
 * ENOMEM; *error is 0, or the errno for which the file was left out. */
struct mime	*mime_open(const char *file, int *error);
void		 mime_close(struct mime **);

/* The type of a file of that name (its last part, of `len` bytes): by what stands behind its
 * last dot, letters of either case.  Good until mime_close(); MIME_DEFAULT where nothing
 * is known. */
const char	*mime_find(const struct mime *, const char *name, size_t len);

#endif
