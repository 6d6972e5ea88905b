/* say - messages, counts of failures, and memory that is there or ends the program. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/client.h"
#include "client/progress.h"

#define MESSAGE_MAX	2048

void
say(const char *fmt, ...)
{
	char line[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	progress_wipe();
	(void)fflush(stdout);	/* on a terminal, both in their order */
	(void)fprintf(stderr, "coffer: %s\n", line);
}

void
say_of(const char *name, const char *fmt, ...)
{
	char why[MESSAGE_MAX], shown[MESSAGE_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	progress_wipe();
	(void)fflush(stdout);
	(void)fprintf(stderr, "coffer: %s: %s\n",
	    text_visible(shown, sizeof(shown), name, strlen(name)), why);
}

const char *
errno_words(int error)
{
	switch (error) {
	case ENOENT:
		return "no such file or folder";
	case EISDIR:
		return "is a folder";
	case ENOTDIR:
		return "is no folder";
	case ELOOP:
		return "is a symbolic link, or no folder: not followed";
	case EACCES:
	case EPERM:
		return "not allowed";
	case EEXIST:
		return "exists, and is left alone";
	case ENOSPC:
		return "the disk is full";
	case EDQUOT:
		return "the quota is used up";
	case ENAMETOOLONG:
		return "the name is too long";
	case EBUSY:
		return "somebody else is writing it";
	case ECONNREFUSED:
		return "connection refused";
	default:
		return strerror(error);
	}
}

int
say_errno(const char *name, int error)
{
	say_of(name, "%s", errno_words(error));
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS:
	case ELOOP:
		return NOT_ALLOWED;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return DISK_FULL;
	case EEXIST:
		return PRECONDITION;
	case ENAMETOOLONG:
		return USAGE;
	default:
		return SOME_FAILED;
	}
}

void
tally_add(struct tally *t, int code)
{
	t->items++;
	if (code == DONE)
		return;
	t->failed++;
	t->code = code;
}

int
tally_exit(const struct tally *t)
{
	if (t->failed == 0)
		return DONE;
	return t->items == 1 ? t->code : SOME_FAILED;
}

void
out_check(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return;
	if (errno != EPIPE)
		say("stdout: %s", errno_words(errno));
	_exit(errno == ENOSPC || errno == EDQUOT ? DISK_FULL : SOME_FAILED);
}

static void *
checked(void *p)
{
	if (p != NULL)
		return p;
	say("out of memory");
	exit(SOME_FAILED);
}

void *
xmalloc(size_t size)
{
	return checked(malloc(size));
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n, size));
}

char *
xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *
xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return checked(n == -1 ? NULL : s);
}
