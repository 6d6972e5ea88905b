/* login_words - why somebody could not log in, in the words of every protocol. */

#ifndef PROTO_LOGIN_WORDS_H
#define PROTO_LOGIN_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define LOGIN_WHY	128	/* bytes that hold any of these sentences */

/* The code (of HTTP, and of the native protocol) for an errno of session_login(), and a sentence. */
int	login_words(char why[LOGIN_WHY], int error, int64_t seconds);

#endif
