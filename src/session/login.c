/* login - a session's user, by name and password. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "auth/login.h"
#include "base/clock.h"
#include "base/text.h"
#include "io/wait.h"
#include "session/login.h"
#include "session/session.h"

_Static_assert(PROGRESS_USER == USERS_NAME_MAX + 1, "a user's name");

/* "login as alice refused: why" */
static int
refuse(struct session *s, const struct login_words *w, int error, const char *why)
{
	char shown[4 * PROGRESS_USER];

	session_log(s, "login as %s refused: %s",
	    text_visible(shown, sizeof(shown), w->name, w->name_len), why);
	errno = error;
	return -1;
}

/* A name or password that cannot be anybody's is asked about all the same, as one that is nobody's: it
 * takes its time, and counts. */
static void
put(char *dst, size_t size, const char *src, size_t len)
{
	if (len >= size || memchr(src, '\0', len) != NULL)
		len = 0;
	memcpy(dst, src, len);
	dst[len] = '\0';
}

static int
ask(struct session *s, const struct login_words *w, struct login_answer *answer)
{
	struct login_question q = { .peer = s->peer };
	int ret;

	put(q.name, sizeof(q.name), w->name, w->name_len);
	put(q.password, sizeof(q.password), w->password, w->password_len);
	ret = login_ask(s->opts->login, &q, answer, clock_in(s->opts->login_ms));
	explicit_bzero(&q, sizeof(q));
	return ret;
}

static int
let_in(struct session *s, const struct login_words *w)
{
	char name[PROGRESS_USER];

	put(name, sizeof(name), w->name, w->name_len);
	progress_user(s->progress, name);
	session_log(s, "login as %s", name);
	return 0;
}

int
session_login(struct session *s, const struct login_words *w, int64_t *seconds)
{
	struct login_answer answer;

	if (s->opts->login == -1)
		return refuse(s, w, ENOSYS, "the server has no users");
	if (!session_private(s))
		return refuse(s, w, ENOTCONN, "the password came in clear text");
	if (ask(s, w, &answer) == -1)
		return refuse(s, w, errno, errno == ECANCELED ? "shutting down" : "the authenticator does not answer");
	*seconds = (answer.ms + 999) / 1000;
	switch (answer.verdict) {
	case LOGIN_RIGHT:
		return let_in(s, w);
	case LOGIN_WRONG:
		(void)wait_until(clock_in(answer.ms));
		return refuse(s, w, EACCES, "wrong user or password");
	case LOGIN_BANNED:
		return refuse(s, w, EUSERS, "too many wrong passwords before");
	default:
		return refuse(s, w, EAGAIN, "too many logins at a time");
	}
}
