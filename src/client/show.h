/* show - sizes, times, modes and names as people and programs want them. */

#ifndef CLIENT_SHOW_H
#define CLIENT_SHOW_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <jansson.h>

#define SHOW_SIZE	8	/* bytes of the longest size with its NUL */
#define SHOW_TIME	40

/* "4.0K": at most seven characters. */
char	*show_size(char dst[SHOW_SIZE], uint64_t bytes);

/* "2026-02-03 04:05", of the local time zone. */
char	*show_time(char dst[SHOW_TIME], const struct timespec *);

/* "-rw-r--r--" of a type as in LIST. */
char	*show_mode(char dst[11], char type, unsigned mode);

/* Adds "name" to an object, visible, and "name_hex" where the bytes are no UTF-8 and
 * "name" is thus not the name itself. */
void	json_set_name(json_t *, const char *name, size_t len);

/* Adds a time of change and a mode, in the same form everywhere. */
void	json_set_mtime(json_t *, const struct timespec *);
void	json_set_mode(json_t *, unsigned mode);

/* An array that is printed element by element: "[", elements, "]". */
struct json_out {
	uint64_t	count;
};
void	json_out_element(struct json_out *, json_t *);	/* takes the element */
void	json_out_end(struct json_out *);

#endif
