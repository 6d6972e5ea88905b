/* password - where the client has a user's password from. */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <readpassphrase.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "client/known.h"
#include "client/password.h"
#include "client/place.h"

#define NAME_MAX_BYTES	(SOCKET_NAME_MAX + 512)	/* of USER@HOST:PORT */

/* The one that was typed, and where it is right; "" for none. */
static char	typed[PASSWORD_MAX], typed_for[NAME_MAX_BYTES];

/* Beside the file of known servers; NULL where there is no place for one. */
static const char *
passwords_file(void)
{
	static char name[PATH_MAX];
	const char *known = known_file();

	if (known == NULL)
		return NULL;
	(void)snprintf(name, sizeof(name), "%.*s/passwords", (int)(strrchr(known, '/') - known), known);
	return name;
}

/* USER@HOST:PORT */
static void
name_of(char name[NAME_MAX_BYTES], const struct socket_url *url)
{
	char server[SOCKET_NAME_MAX + 256];

	place_name(server, sizeof(server), url);
	(void)snprintf(name, NAME_MAX_BYTES, "%s@%s", url->user, server);
}

static bool
take(char password[PASSWORD_MAX], const char *text)
{
	return strlcpy(password, text, PASSWORD_MAX) < PASSWORD_MAX;
}

/* The password of a line USER@HOST:PORT PASSWORD, or NULL. */
static const char *
of_line(char *line, const char *name)
{
	char *space = strchr(line, ' ');

	if (line[0] == '#' || space == NULL)
		return NULL;
	*space = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	space[1 + strcspn(space + 1, "\r\n")] = '\0';
	return strcmp(line, name) == 0 ? space + 1 : NULL;
}

/* 1 where it was found, 0 where not, or -1 after a message. */
static int
of_file(char password[PASSWORD_MAX], const char *file, const char *name)
{
	const char *found = NULL;
	char line[NAME_MAX_BYTES + PASSWORD_MAX + 8];
	struct stat st;
	FILE *in;
	int fd;

	if ((fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) == -1) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		say_of(file, "%s", errno_words(errno));
		return -1;
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		say_of(file, "others have rights on it, and so it is not used: chmod 600");
		(void)close(fd);
		return -1;
	}
	if ((in = fdopen(fd, "r")) == NULL)
		return -1;
	(void)setvbuf(in, NULL, _IONBF, 0);	/* so that no buffer keeps what is in it */
	while (found == NULL && fgets(line, sizeof(line), in) != NULL)
		found = of_line(line, name);
	if (found != NULL && !take(password, found))
		found = NULL;
	explicit_bzero(line, sizeof(line));
	(void)fclose(in);
	return found != NULL;
}

static int
ask(char password[PASSWORD_MAX], const char *name)
{
	char prompt[NAME_MAX_BYTES + 64], shown[NAME_MAX_BYTES];

	(void)snprintf(prompt, sizeof(prompt), "coffer: password for %s: ",
	    text_visible(shown, sizeof(shown), name, strlen(name)));
	if (readpassphrase(prompt, password, PASSWORD_MAX, RPP_ECHO_OFF | RPP_REQUIRE_TTY) != NULL)
		return DONE;
	say_of(name, "there is no password for this user, and no terminal to ask at: set COFFER_PASSWORD, or "
	    "put it into %s", passwords_file() != NULL ? passwords_file() : "a file");
	return LOGIN_REFUSED;
}

int
password_find(char password[PASSWORD_MAX], bool *asked, const struct socket_url *url)
{
	const char *given = getenv("COFFER_PASSWORD"), *file = passwords_file();
	char name[NAME_MAX_BYTES];
	int found;

	name_of(name, url);
	*asked = false;
	if (given != NULL) {
		if (take(password, given))
			return DONE;
		say("COFFER_PASSWORD is too long for a password");
		return LOGIN_REFUSED;
	}
	if ((found = file != NULL ? of_file(password, file, name) : 0) != 0)
		return found == 1 ? DONE : LOGIN_REFUSED;
	if (typed[0] != '\0' && strcmp(typed_for, name) == 0)
		return take(password, typed) ? DONE : LOGIN_REFUSED;
	*asked = true;
	return ask(password, name);
}

void
password_keep(const struct socket_url *url, const char *password)
{
	name_of(typed_for, url);
	(void)strlcpy(typed, password, sizeof(typed));
}

void
password_forget(void)
{
	explicit_bzero(typed, sizeof(typed));
}
