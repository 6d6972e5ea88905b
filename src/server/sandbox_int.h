/* sandbox_int - the walls that sandbox.c is made of; nobody else includes it. */

#ifndef SERVER_SANDBOX_INT_H
#define SERVER_SANDBOX_INT_H

#include "server/sandbox.h"

/* A sanitizer opens files of /proc and traces its own process when it reports. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED	true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED	true
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED	false
#endif

/* From now on this process opens files beneath the roots alone, and no TCP connection or
 * listening socket.  The version of Landlock, or 0 and why it is not in force. */
int	sandbox_landlock(const struct sandbox_opts *, const char **why);

/* From now on a system call that is not on the list is this process's last.  0, or -1 and why
 * the list is not in force. */
int	sandbox_seccomp(const struct sandbox_opts *, const char **why);

#endif
