/* explain - who may do what, and which line of the configuration says so.
 * Asks the same rights as the sessions do. */

#ifndef SERVER_EXPLAIN_H
#define SERVER_EXPLAIN_H

#include <jansson.h>

#include "server/config.h"

#define EXPLAIN_WHY	256	/* bytes that hold any sentence about the question */

/* The operand is "USER VERB PATH", with %XX for bytes that cannot stand there; the user `anonymous`
 * is nobody.  It is taken apart.  The answer, and sentences for people; NULL with a sentence where
 * this is no question. */
json_t	*explain(const struct config *, char *operand, json_t **lines, char why[EXPLAIN_WHY]);

#endif
