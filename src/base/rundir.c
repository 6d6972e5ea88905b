/* rundir - the folder in which a server's control socket can be found. */

#include <sys/stat.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rundir.h"

int
rundir_name(char *dst, size_t size)
{
	const char *given = getenv("RUNTIME_DIRECTORY"), *user = getenv("XDG_RUNTIME_DIR");
	int n;

	if (given != NULL && given[0] == '/')	/* the first of several */
		n = snprintf(dst, size, "%.*s", (int)strcspn(given, ":"), given);
	else if (geteuid() == 0)
		n = snprintf(dst, size, "/run/coffer");
	else if (user != NULL && user[0] == '/')
		n = snprintf(dst, size, "%s/coffer", user);
	else
		n = snprintf(dst, size, "/tmp/coffer-%ju", (uintmax_t)geteuid());
	if (n >= 0 && (size_t)n < size)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

int
rundir_make(const char *name)
{
	struct stat st;

	if (mkdir(name, 0700) == -1 && errno != EEXIST)
		return -1;
	if (lstat(name, &st) == -1)
		return -1;
	if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return 0;
	errno = EPERM;
	return -1;
}
