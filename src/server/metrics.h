/* metrics - what the scoreboard knows, as text for Prometheus (its exposition format 0.0.4). */

#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stdio.h>

#include "server/scoreboard.h"

/* Writes all of it.  0, or -1 with ENOMEM.  Whether it could be written is `out`'s to know. */
int	metrics_write(const struct scoreboard *, FILE *out);

/* The same as one string, which is the caller's to free(3), with its length; NULL with errno. */
char	*metrics_text(const struct scoreboard *, size_t *len);

#endif
