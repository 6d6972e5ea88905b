/* protocols - the table of what cofferd speaks.  A protocol is a file and a row. */

#ifndef PROTO_PROTOCOLS_H
#define PROTO_PROTOCOLS_H

#include <stddef.h>

#include "session/session.h"

/* The protocol of that name, or NULL.  "unix" names a socket's family, not a protocol. */
const struct protocol	*protocol_find(const char *name);

/* The i-th, NULL past the last: for messages.  And its place. */
const struct protocol	*protocol_at(size_t i);
size_t	protocol_index(const struct protocol *);

extern const struct protocol protocol_coffer, protocol_coffers, protocol_http, protocol_https, protocol_tftp,
    protocol_metrics;

#endif
