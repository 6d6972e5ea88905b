/* http_login - who a request is of: Authorization: Basic (RFC 7617). */

#include <errno.h>
#include <string.h>

#include "proto/http.h"
#include "proto/login_words.h"
#include "session/login.h"

static int
refuse(struct http_exchange *x, int error, int64_t seconds)
{
	char why[LOGIN_WHY];
	int code = login_words(why, error, seconds);

	if (code == 429 || code == 503)
		reply_later(x, code, why, seconds);
	else
		reply_status(x, code, why);
	return -1;
}

int
log_in(struct http_exchange *x)
{
	struct http_text value = http_field(&x->request, HTTP_AUTHORIZATION);
	struct login_words words;
	struct http_basic basic;
	int64_t seconds = 0;

	if (value.at == NULL) {
		session_logout(x->session);
		return 0;
	}
	if (http_repeated(&x->request, HTTP_AUTHORIZATION)) {
		reply_status(x, 400, "there are two fields Authorization");
		return -1;
	}
	if (http_basic_parse(&basic, value) == -1) {
		reply_status(x, 401, "Authorization is not Basic, or broken");
		return -1;
	}
	words = (struct login_words){
		.name = basic.user.at, .name_len = basic.user.len,
		.password = basic.password.at, .password_len = basic.password.len,
	};
	/* Who fails is told so, also where everybody may read: he would take it for his own. */
	return session_login_again(x->session, &words, &seconds) == 0 ? 0 : refuse(x, errno, seconds);
}

void
forget_password(struct http_exchange *x)
{
	size_t i;

	if (!x->broken && x->request.method != HTTP_METHODS && (x->request.seen & 1U << HTTP_AUTHORIZATION) == 0)
		return;
	/* The head may have moved to make way for a body. */
	for (i = 0; x->kept != NULL && i < x->request.fields; i++)
		explicit_bzero(x->request.field[i].value.at, x->request.field[i].value.len);
	stream_wipe(x->stream);
}
