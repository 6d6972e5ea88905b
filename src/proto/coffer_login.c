/* coffer_login - LOGIN and WHOAMI. */

#include <errno.h>

#include "proto/coffer.h"
#include "proto/login_words.h"
#include "session/login.h"

void
serve_login(struct exchange *x)
{
	const struct coffer_word *user = &x->request.operand[0], *password = &x->request.operand[1];
	const struct login_words words = {
		.name = user->at, .name_len = user->len,
		.password = password->at, .password_len = password->len,
	};
	char why[LOGIN_WHY];
	int64_t seconds = 0;

	if (session_login(x->session, &words, &seconds) == 0) {
		x->code = 200;
		stream_printf(x->stream, "200 user=%s\n", session_user(x->session));
	} else
		reply_error(x, login_words(why, errno, seconds), NULL, "%s", why);
}

void
serve_whoami(struct exchange *x)
{
	const char *user = session_user(x->session);
	char text[RIGHTS_TEXT];

	x->code = 200;
	stream_printf(x->stream, "200 user=%s rights=%s\n", user[0] != '\0' ? user : "anonymous",
	    rights_text(text, reach_rights(x->session, "", 0)));
}
