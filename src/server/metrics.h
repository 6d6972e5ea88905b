/* metrics - what the scoreboard knows, as text for Prometheus (its exposition format 0.0.4). */

#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include "server/scoreboard.h"

/* All of it as one string, which is the caller's to free(3), with its length; NULL with errno. */
char	*metrics_text(const struct scoreboard *, size_t *len);

#endif
