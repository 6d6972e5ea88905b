/* inherit - what was handed to this process when it was started. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "server/inherit.h"

char *
inherit_encode(char *dst, const char *name)
{
	char *at = dst;

	for (; *name != '\0'; name++)
		if (*name == ':' || *name == '%' || *name <= 0x20 || *name == 0x7f)
			at += snprintf(at, 4, "%%%02X", (unsigned char)*name);
		else
			*at++ = *name;
	*at = '\0';
	return dst;
}

/* A number from a variable of the environment, 0 where there is none. */
static uint64_t
number(const char *variable, uint64_t max)
{
	const char *text = getenv(variable);
	uint64_t n;

	return text != NULL && text_number(&n, text, strlen(text), max) == 0 ? n : 0;
}

/* The next of the names, decoded in place; "" where there are no more. */
static const char *
next_name(char **names)
{
	char *name = strsep(names, ":");
	ptrdiff_t len;

	if (name == NULL)
		return "";
	if ((len = text_decode(name, strlen(name))) >= 0)
		name[len] = '\0';
	return name;
}

static void
take_one(struct inherited *in, int fd, const char *name)
{
	char shown[256];
	int *place = NULL;

	if (strcmp(name, INHERIT_CONTROL) == 0 || strcmp(name, INHERIT_OURS) == 0)
		place = &in->control;
	else if (strcmp(name, INHERIT_PIDFILE) == 0)
		place = &in->pidfile;
	else if (strcmp(name, INHERIT_PARENT) == 0)
		place = &in->parent;
	if (place != NULL && *place == -1 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
	    fcntl(fd, F_SETFL, O_NONBLOCK) == 0) {
		*place = fd;
		if (place == &in->control)
			in->control_handed = strcmp(name, INHERIT_CONTROL) == 0;
		return;
	}
	if (place == NULL && listeners_add(&in->listeners, fd, name) == 0)
		return;
	log_warn("descriptor %d (%s) was handed over, and is not served: %s", fd,
	    text_visible(shown, sizeof(shown), name, strlen(name)),
	    errno == EPROTOTYPE ? "it is no stream socket that listens" : strerror(errno));
	(void)close(fd);
}

void
inherit_take(struct inherited *in)
{
	const char *names = getenv("LISTEN_FDNAMES");
	char *copy = names != NULL ? strdup(names) : NULL, *at = copy;
	int fd, end = INHERIT_FIRST;

	*in = (struct inherited){ .control = -1, .pidfile = -1, .parent = -1 };
	if (number("LISTEN_PID", INT32_MAX) == (uint64_t)getpid())
		end += (int)number("LISTEN_FDS", INHERIT_MAX);
	closefrom(end);
	for (fd = INHERIT_FIRST; fd < end; fd++)
		take_one(in, fd, next_name(&at));
	free(copy);
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
}
