/* login - a session's user, by name and password. */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "auth/login.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/text.h"
#include "io/wait.h"
#include "session/login.h"
#include "session/session.h"

#define MEMORY_MS	(5 * 60 * 1000)	/* how long words stay right without a question */
#define KEY		32		/* bytes */

/* What a connection remembers of its requests' logins. */
struct login_memory {
	char		 before[PROGRESS_USER];	/* who it was before them */
	char		 user[PROGRESS_USER];	/* whose words the digest is of */
	struct rights_groups groups;	/* his */
	struct digest	 words;
	int64_t		 until;
};

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

/* A name that cannot be anybody's is asked about all the same, as one that is nobody's and no other's: so
 * it takes its time, and counts as others do.  Not as "", which in failures.h is any name. */
static void
put_name(char dst[USERS_NAME_MAX + 1], const char *src, size_t len)
{
	char hex[DIGEST_HEX];
	struct digest digest;

	if (len > 0 && len <= USERS_NAME_MAX && memchr(src, '\0', len) == NULL) {
		memcpy(dst, src, len);
		dst[len] = '\0';
		return;
	}
	digest_of(src, len, &digest);
	dst[0] = '/';
	(void)strlcpy(dst + 1, digest_hex(&digest, hex), USERS_NAME_MAX);
}

/* Likewise a password, as the empty one, which is never right. */
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

	put_name(q.name, w->name, w->name_len);
	put(q.password, sizeof(q.password), w->password, w->password_len);
	ret = login_ask(s->opts->login, &q, answer, clock_in(s->opts->login_ms));
	explicit_bzero(&q, sizeof(q));
	return ret;
}

static int
let_in(struct session *s, const struct login_words *w, const struct login_answer *answer)
{
	char name[PROGRESS_USER];

	put(name, sizeof(name), w->name, w->name_len);
	if (session_as(s, name) == -1)
		return refuse(s, w, ETOOMANYREFS, "too many sessions of that user");
	rights_groups(s->shares->rights, answer->groups, answer->groups_len, &s->groups);
	session_log(s, "login as %s", name);
	return 0;
}

static int
obey(struct session *s, const struct login_words *w, const struct login_answer *answer)
{
	switch (answer->verdict) {
	case LOGIN_RIGHT:
		return let_in(s, w, answer);
	case LOGIN_WRONG:
		(void)wait_until(clock_in(answer->ms));
		return refuse(s, w, EACCES, "wrong user or password");
	case LOGIN_BANNED:
		return refuse(s, w, EUSERS, "too many wrong passwords before");
	case LOGIN_UNKNOWN:
		return refuse(s, w, EIO, "the password cannot be checked");
	default:
		return refuse(s, w, EAGAIN, "too many logins at a time");
	}
}

/* A login has ended, with that errno. */
static void
count(struct session *s, int error, unsigned bans)
{
	enum tally_login result = TALLY_LOGIN_UNANSWERED;

	if (s->opts->tally == NULL)
		return;
	switch (error) {
	case 0:
		result = TALLY_LOGIN_RIGHT;
		break;
	case EACCES:
		result = TALLY_LOGIN_WRONG;
		break;
	case EUSERS:
		result = TALLY_LOGIN_BANNED;
		break;
	case EAGAIN:
	case ETOOMANYREFS:
		result = TALLY_LOGIN_LIMITED;
		break;
	case ENOSYS:
	case ENOTCONN:
		result = TALLY_LOGIN_REFUSED;
		break;
	}
	tally_login(s->opts->tally, s->progress->protocol, result, bans);
}

void
session_login_by_certificate(struct session *s, int error)
{
	count(s, error, 0);
}

static int
log_in(struct session *s, const struct login_words *w, int64_t *seconds, unsigned *bans)
{
	struct login_answer *answer;
	int ret, saved;

	if (s->opts->login == -1)
		return refuse(s, w, ENOSYS, "the server has no users");
	if (!session_private(s))
		return refuse(s, w, ENOTCONN, "the password came in clear text");
	if ((answer = malloc(sizeof(*answer))) == NULL)		/* too large for a coroutine's stack */
		return refuse(s, w, errno, "out of memory");
	if (ask(s, w, answer) == -1)
		ret = refuse(s, w, errno, errno == ECANCELED ? "shutting down" :
		    "the authenticator does not answer");
	else {
		*seconds = (answer->ms + 999) / 1000;
		*bans = answer->bans;
		ret = obey(s, w, answer);
	}
	saved = errno;
	free(answer);
	errno = saved;
	return ret;
}

int
session_login(struct session *s, const struct login_words *w, int64_t *seconds)
{
	unsigned bans = 0;
	int ret = log_in(s, w, seconds, &bans), saved = errno;

	count(s, ret == 0 ? 0 : saved, bans);
	errno = saved;
	return ret;
}

int
session_admit(struct session *s, const char *user, struct rights_groups *groups)
{
	struct login_question q = { .kind = LOGIN_ACCOUNT, .peer = s->peer };
	struct login_answer *answer;
	int ret, saved;

	memset(groups, 0, sizeof(*groups));
	if (s->opts->login == -1)
		return 0;
	if ((answer = malloc(sizeof(*answer))) == NULL)
		return -1;
	(void)strlcpy(q.name, user, sizeof(q.name));
	ret = login_ask(s->opts->login, &q, answer, clock_in(s->opts->login_ms));
	if (ret == 0 && answer->verdict == LOGIN_RIGHT)
		rights_groups(s->shares->rights, answer->groups, answer->groups_len, groups);
	else if (ret == 0) {
		errno = EACCES;
		ret = -1;
	}
	saved = errno;
	free(answer);
	errno = saved;
	return ret;
}

/* Of this process; and of its children, under fork. */
static uint8_t		key[KEY];
static pthread_once_t	key_made = PTHREAD_ONCE_INIT;

static void
make_key(void)
{
	arc4random_buf(key, sizeof(key));
}

static int
digest_words(struct digest *digest, const struct login_words *w)
{
	struct digest_state *state = digest_begin();

	if (state == NULL)
		return -1;
	(void)pthread_once(&key_made, make_key);
	digest_update(state, key, sizeof(key));
	digest_update(state, &w->name_len, sizeof(w->name_len));
	digest_update(state, w->name, w->name_len);
	digest_update(state, w->password, w->password_len);
	digest_end(&state, digest);
	return 0;
}

int
session_login_again(struct session *s, const struct login_words *w, int64_t *seconds)
{
	struct login_memory *m = s->logins;
	struct digest digest;

	if (m == NULL) {
		if ((m = s->logins = calloc(1, sizeof(*m))) == NULL)
			return -1;
		(void)strlcpy(m->before, session_user(s), sizeof(m->before));
	}
	if (digest_words(&digest, w) == -1)
		return -1;
	if (clock_ms() < m->until && digest_equal(&digest, &m->words)) {
		if (strcmp(session_user(s), m->user) != 0 && session_as(s, m->user) == -1)
			return refuse(s, w, ETOOMANYREFS, "too many sessions of that user");
		s->groups = m->groups;
		return 0;
	}
	session_logout(s);
	if (session_login(s, w, seconds) == -1)
		return -1;
	(void)strlcpy(m->user, session_user(s), sizeof(m->user));
	m->groups = s->groups;
	m->words = digest;
	m->until = clock_in(MEMORY_MS);
	return 0;
}

void
session_logout(struct session *s)
{
	if (s->logins != NULL && strcmp(session_user(s), s->logins->before) != 0 &&
	    session_as(s, s->logins->before) == -1)
		(void)session_as(s, "");
}

void
session_login_forget(struct session *s)
{
	if (s->logins != NULL)
		explicit_bzero(s->logins, sizeof(*s->logins));
	free(s->logins);
	s->logins = NULL;
}
