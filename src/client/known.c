/* known - the certificates that were remembered. */

#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/known.h"

#define HASH	"sha256="

const char *
known_file(void)
{
	static char name[PATH_MAX];
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	if (config != NULL && config[0] == '/')
		n = snprintf(name, sizeof(name), "%s/coffer/known", config);
	else if (home != NULL && home[0] == '/')
		n = snprintf(name, sizeof(name), "%s/.config/coffer/known", home);
	else
		return NULL;
	return n > 0 && (size_t)n < sizeof(name) ? name : NULL;
}

/* Whether a line is about that server; the rest of it, without its end, in *rest. */
static bool
is_of(char *line, const char *server, char **rest)
{
	size_t len = strlen(server);

	if (strncmp(line, server, len) != 0 || line[len] != ' ')
		return false;
	*rest = line + len + 1;
	(*rest)[strcspn(*rest, "\r\n")] = '\0';
	return true;
}

static int
find(FILE *in, const char *server, struct digest *digest)
{
	char *line = NULL, *rest;
	size_t size = 0;
	int ret = 0;

	while (ret == 0 && getline(&line, &size, in) != -1)
		if (is_of(line, server, &rest))
			ret = strncmp(rest, HASH, strlen(HASH)) == 0 && digest_parse(digest,
			    rest + strlen(HASH), strlen(rest) - strlen(HASH)) == 0 ? 1 : -1;
	if (ret == -1)
		errno = EINVAL;	/* it was known, and is not readable: no stranger */
	else if (ret == 0 && ferror(in))
		ret = -1;
	free(line);
	return ret;
}

int
known_find(const char *server, struct digest *digest)
{
	const char *name = known_file();
	FILE *in;
	int ret;

	if (name == NULL)
		return 0;
	if ((in = fopen(name, "re")) == NULL)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	ret = find(in, server, digest);
	(void)fclose(in);
	return ret;
}

/* The folders that the file lies in. */
static int
make_folders(const char *name)
{
	char part[PATH_MAX];
	const char *slash = name;

	while ((slash = strchr(slash + 1, '/')) != NULL) {
		(void)snprintf(part, sizeof(part), "%.*s", (int)(slash - name), name);
		if (mkdir(part, 0700) == -1 && errno != EEXIST)
			return -1;
	}
	return 0;
}

/* The file anew, with what it held of others. */
static int
write_anew(int fd, const char *name, const char *server, const struct digest *digest)
{
	FILE *in = fopen(name, "re"), *out = fdopen(fd, "w");
	char *line = NULL, *rest, hex[DIGEST_HEX];
	size_t size = 0;
	int ret = -1;

	if (out != NULL && (in != NULL || errno == ENOENT)) {
		while (in != NULL && getline(&line, &size, in) != -1)
			if (!is_of(line, server, &rest))
				(void)fputs(line, out);
		(void)fprintf(out, "%s " HASH "%s\n", server, digest_hex(digest, hex));
		if (fflush(out) == 0 && !ferror(out) && (in == NULL || !ferror(in)) && fsync(fd) == 0)
			ret = 0;
	}
	free(line);
	if (in != NULL)
		(void)fclose(in);
	if (out != NULL)
		(void)fclose(out);
	else
		(void)close(fd);
	return ret;
}

/* One at a time, by a lock on the folder. */
static int
lock_folder(const char *name)
{
	char folder[PATH_MAX];
	int fd;

	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(name, '/') - name), name);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1)
		(void)flock(fd, LOCK_EX);
	return fd;
}

int
known_remember(const char *server, const struct digest *digest)
{
	const char *name = known_file();
	char temp[PATH_MAX + 8];
	int fd, folder, ret = -1, saved;

	if (name == NULL) {
		errno = ENOENT;
		return -1;
	}
	if (make_folders(name) == -1 || (folder = lock_folder(name)) == -1)
		return -1;
	(void)snprintf(temp, sizeof(temp), "%s.XXXXXX", name);
	if ((fd = mkostemp(temp, O_CLOEXEC)) != -1) {
		if (fchmod(fd, 0600) == 0 && write_anew(fd, name, server, digest) == 0 && rename(temp, name) == 0)
			ret = 0;
		saved = errno;
		if (ret == -1)
			(void)unlink(temp);
		errno = saved;
	}
	saved = errno;
	(void)close(folder);
	errno = saved;
	return ret;
}
