/* proto_coffer - the native protocol, coffer-protocol(7): the conversation.
 * A line is a request, a reply follows; what a verb does stands in coffer_*.c. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "io/wait.h"
#include "proto/coffer.h"
#include "proto/protocols.h"
#include "store/hold.h"

#define LINGER_MS	2000	/* to let a peer read its last reply */

enum {
	PATHS	= 1,	/* the operands are paths */
	BODY	= 2,	/* bytes follow the line, also where the request is refused */
	OPEN	= 4,	/* answered to everybody, also where TLS is required and not yet spoken */
	SECRET	= 8,	/* what was said is not to stay in memory */
};

static void serve_help(struct exchange *);
static void serve_ping(struct exchange *);
static void serve_quit(struct exchange *);
static void serve_starttls(struct exchange *);

static const struct {
	void	(*serve)(struct exchange *);
	int	 flags;
	enum need need[2];	/* of the operands; NEEDS where there is none */
} verbs[COFFER_VERBS] = {
	[COFFER_HELP]	= { serve_help, OPEN, { NEEDS, NEEDS } },
	[COFFER_LIST]	= { serve_list, PATHS, { NEED_LIST, NEEDS } },
	[COFFER_STAT]	= { serve_stat, PATHS, { NEED_STAT, NEEDS } },
	[COFFER_GET]	= { serve_get, PATHS, { NEED_GET, NEEDS } },
	[COFFER_PUT]	= { serve_put, PATHS | BODY, { NEED_PUT, NEEDS } },
	[COFFER_COMMIT]	= { serve_commit, 0, { NEEDS, NEEDS } },
	[COFFER_ABORT]	= { serve_abort, 0, { NEEDS, NEEDS } },
	[COFFER_HASH]	= { serve_hash, PATHS, { NEED_HASH, NEEDS } },
	[COFFER_DELETE]	= { serve_delete, PATHS, { NEED_DELETE, NEEDS } },
	[COFFER_MOVE]	= { serve_move, PATHS, { NEED_MOVE, NEED_TO } },
	[COFFER_COPY]	= { serve_copy, PATHS, { NEED_COPY, NEED_TO } },
	[COFFER_MKDIR]	= { serve_mkdir, PATHS, { NEED_MKDIR, NEEDS } },
	[COFFER_RMDIR]	= { serve_rmdir, PATHS, { NEED_RMDIR, NEEDS } },
	[COFFER_SET]	= { serve_set, PATHS, { NEED_SET_MTIME, NEEDS } },
	[COFFER_LOGIN]	= { serve_login, SECRET, { NEEDS, NEEDS } },
	[COFFER_WHOAMI]	= { serve_whoami, 0, { NEEDS, NEEDS } },
	[COFFER_STARTTLS] = { serve_starttls, OPEN, { NEEDS, NEEDS } },
	[COFFER_SPACE]	= { serve_space, PATHS, { NEED_SPACE, NEEDS } },
	[COFFER_PING]	= { serve_ping, OPEN, { NEEDS, NEEDS } },
	[COFFER_QUIT]	= { serve_quit, OPEN, { NEEDS, NEEDS } },
};

static int
run_store_call(void *arg)
{
	struct store_call *call = arg;

	return call->fn(call);
}

int
store_call(struct store_call *call)
{
	return wait_call(run_store_call, call);
}

static void
serve_help(struct exchange *x)
{
	const struct coffer_word *word = &x->request.operand[0];
	enum coffer_verb verb;

	x->code = 200;
	if (word->at == NULL) {
		stream_printf(x->stream, "200 verbs=%d\n", COFFER_VERBS);
		for (verb = 0; verb < COFFER_VERBS; verb++)
			stream_printf(x->stream, "%s\n", coffer_verb_usage(verb));
		stream_puts(x->stream, ".\n");
		return;
	}
	verb = coffer_verb_find(word->at, word->len);
	if (verb == COFFER_VERBS)
		reply_error(x, 404, NULL, "no such request (HELP lists them)");
	else
		stream_printf(x->stream, "200 verbs=1\n%s\n%s\n.\n", coffer_verb_usage(verb),
		    coffer_verb_help(verb));
}

static void
serve_ping(struct exchange *x)
{
	const struct timespec now = clock_wall();
	char *begin, *p;

	x->code = 200;
	if ((begin = stream_reserve(x->stream, 64)) == NULL)
		return;
	p = text_put_timespec(put_text(begin, "200 time="), &now);
	*p++ = '\n';
	stream_commit(x->stream, (size_t)(p - begin));
}

static void
serve_quit(struct exchange *x)
{
	x->code = 200;
	x->over = true;
	stream_puts(x->stream, "200 bye\n");
}

/* What came in clear may be anybody's: nothing of it holds any more, and nothing that was sent ahead is
 * taken for what is said in private. */
static void
serve_starttls(struct exchange *x)
{
	if (x->session->opts->tls == NULL)
		reply_error(x, 501, NULL, "STARTTLS: this server has no certificate");
	else if (session_secured(x->session))
		reply_error(x, 400, NULL, "TLS is spoken already");
	else if (stream_buffered(x->stream)) {
		x->over = true;
		reply_error(x, 400, NULL, "nothing may be sent behind STARTTLS before its reply");
	} else {
		x->code = 200;
		drop_held(x->session);
		stream_puts(x->stream, "200 tls=now\n");
		if (stream_flush(x->stream) == 0)
			(void)session_tls(x->session);
	}
}

static void
drop_body(struct exchange *x, uint64_t left)
{
	uint64_t len, room = x->session->opts->drop_max;
	char *line;
	ssize_t n;

	if (left != UINT64_MAX) {
		if (left > room)
			x->over = true;
		else
			(void)stream_skip(x->stream, left);
		return;
	}
	for (;;) {
		n = stream_line_within(x->stream, &line);
		if (n == -1 || coffer_chunk_parse(&len, line, (size_t)n) == -1 || len > room) {
			x->over = true;
			return;
		}
		if (len == 0 || stream_skip(x->stream, len) == -1)
			return;
		room -= len;
	}
}

void
refuse_body(struct exchange *x, uint64_t left)
{
	drop_body(x, left);
	if (stream_last_word(x->stream))
		x->over = true;		/* it ended early, and may still read why it was refused */
}

/* A PUT that cannot be served: the client may have its body on the way already.  Without
 * a size that could be read there is no telling where the next request begins. */
static void
refuse_put(struct exchange *x)
{
	const struct coffer_request *r = &x->request;

	if (r->given & (COFFER_WAIT | COFFER_RESUME))
		return;
	if (!(r->given & COFFER_SIZE))
		x->over = true;
	else
		refuse_body(x, r->size == COFFER_SIZE_CHUNKED ? UINT64_MAX : (uint64_t)r->size);
}

/* A name that is no path, as it stands on the wire, or its beginning. */
static void
show_operand(char *dst, const struct coffer_word *word)
{
	size_t len = word->len < EXCHANGE_NAME ? word->len : EXCHANGE_NAME;

	dst = text_encode(dst, word->at, len);
	(void)strcpy(dst, len < word->len ? "..." : "");
}

/* The operands that are paths; on failure the reply is written. */
static int
read_paths(struct exchange *x)
{
	static const struct coffer_word root = { .at = (char *)"/", .len = 1 };
	const struct coffer_word *word;
	int i, error;

	for (i = 0; i < 2; i++) {
		word = &x->request.operand[i];
		if (word->at == NULL && i == 0 &&
		    (x->request.verb == COFFER_LIST || x->request.verb == COFFER_SPACE))
			word = &root;
		if (word->at == NULL || path_parse(&x->path[i], word->at, word->len) == 0)
			continue;
		error = errno;
		show_operand(x->refused, word);
		if (verbs[x->request.verb].flags & BODY)
			refuse_put(x);
		if (error == ENOENT)
			reply_error(x, 404, NULL, "%s: no such file or folder", x->refused);
		else if (error == ENAMETOOLONG)
			reply_error(x, 400, NULL, "%s: a part of a path is at most %d bytes, a path %d",
			    x->refused, PATH_PART_MAX, PATH_LEN_MAX);
		else
			reply_error(x, 400, NULL, "%s: a path has no part . or .. and no NUL", x->refused);
		return -1;
	}
	return 0;
}

/* The stores of the operands, as far as the user may do that there.  On failure the reply is
 * written. */
static int
reach_paths(struct exchange *x)
{
	const enum need *need = verbs[x->request.verb].need;
	int i, error;

	for (i = 0; i < 2 && need[i] != NEEDS; i++) {
		x->at[i].store = NULL;
		if (reach(x->session, &x->path[i], need[i], &x->rest[i], &x->at[i]) == 0)
			continue;
		error = errno;
		if (verbs[x->request.verb].flags & BODY)
			refuse_put(x);
		reply_errno(x, error, &x->path[i]);
		return -1;
	}
	return 0;
}

static void
dispatch(struct exchange *x)
{
	int flags = verbs[x->request.verb].flags;

	if (!(flags & BODY) && x->session->hold != NULL)
		hold_look_again(x->session->hold);
	if (!(flags & OPEN) && session_too_open(x->session)) {
		if (flags & BODY)
			refuse_put(x);
		reply_error(x, 403, NULL, "nothing is served in clear here: STARTTLS comes first");
		return;
	}
	if ((flags & PATHS) && read_paths(x) == -1)
		return;
	if (session_begin(x->session, coffer_verb_name(x->request.verb), x->path[0].name,
	    x->path[0].len, x->began) == -1) {
		if (flags & BODY)
			refuse_put(x);
		reply_errno(x, errno, &x->path[0]);
		return;
	}
	if (reach_paths(x) == 0)
		verbs[x->request.verb].serve(x);
}

static char *
show_path(char *dst, const char *end, const struct path *path)
{
	*dst++ = '/';
	(void)text_visible(dst, (size_t)(end - dst), path->name, path->len);
	return dst + strlen(dst);
}

/* Not inlined, for it has a large frame. */
static __attribute__((noinline)) void
log_shown(struct exchange *x, const char *verb, uint64_t moved)
{
	const enum coffer_verb asked = x->request.verb;
	bool has_path = asked < COFFER_VERBS && (verbs[asked].flags & PATHS) != 0;
	char shown[2 * PATH_MAX], *p;

	if (has_path) {
		p = show_path(shown, shown + PATH_MAX, &x->path[0]);
		if (asked == COFFER_COPY || asked == COFFER_MOVE)
			(void)show_path(stpcpy(p, " -> "), shown + sizeof(shown), &x->path[1]);
	}
	if (x->refused[0] != '\0')
		(void)strlcpy(shown, x->refused, sizeof(shown));
	session_access(x->session, verb, has_path ? shown : "-", x->code, moved, x->began);
}

static void
log_exchange(struct exchange *x, uint64_t moved)
{
	const char *verb = x->request.verb < COFFER_VERBS ? coffer_verb_name(x->request.verb) : "?";

	if (x->session->opts->access_log)
		log_shown(x, verb, moved);
	else
		session_access(x->session, verb, NULL, x->code, moved, x->began);
}

/* Who says QUIT says nothing after it: where nothing more has come, a close takes no reply away, as
 * it does from a peer whose bytes are unread. */
static void
end(struct exchange *x)
{
	if (x->request.verb == COFFER_QUIT && stream_quiet(x->stream))
		(void)stream_flush_last(x->stream);
	else
		stream_linger(x->stream, LINGER_MS);
}

/* From a line to its reply.  Whether the conversation goes on.  Not inlined, so that its frame is
 * not held by ten thousand sessions that wait for a line. */
static __attribute__((noinline)) bool
answer(struct session *s, char *line, size_t len)
{
	struct exchange x;
	uint64_t before;
	char why[WHY_MAX];
	bool understood;

	x.session = s;
	x.stream = s->stream;
	x.code = 0;
	x.over = false;
	x.refused[0] = '\0';
	x.path[0].len = x.path[1].len = 0;
	x.path[0].name[0] = x.path[1].name[0] = '\0';
	x.began = clock_us();
	before = stream_moved(s->stream);
	session_request(s);
	if ((understood = coffer_parse(&x.request, line, len, why, sizeof(why)) == 0))
		dispatch(&x);
	else {
		if (x.request.verb < COFFER_VERBS && (verbs[x.request.verb].flags & BODY))
			refuse_put(&x);
		if (s->hurries)
			reply_errno(&x, ETOOMANYREFS, NULL);
		else
			reply_error(&x, 400, NULL, "%s", why);
	}
	/* What is no request may have been meant to be one with a password. */
	if (!understood || (verbs[x.request.verb].flags & SECRET))
		stream_wipe(s->stream);
	log_exchange(&x, stream_moved(s->stream) - before);
	if (x.over)
		end(&x);
	return !x.over && stream_fault(s->stream) == 0;
}

/* A line that was begun and not ended, in time or at all. */
static void
part_within(struct session *s, int error)
{
	if (!stream_last_word(s->stream)) {
		session_log(s, "session ended: %s", strerror(error));
		return;
	}
	if (error == ETIMEDOUT)
		stream_printf(s->stream, "503 a request line must end within %" PRId64 " s\n",
		    s->opts->stream.line_ms / 1000);
	else
		stream_puts(s->stream, "400 a request ends with a line feed\n");
	stream_linger(s->stream, LINGER_MS);
}

/* The last word of a conversation that did not end by QUIT. */
static void
part(struct session *s, int error)
{
	if (error == ETIMEDOUT && stream_fault(s->stream) == 0)
		stream_printf(s->stream, "503 idle for %" PRId64 " s\n", s->opts->stream.idle_ms / 1000);
	else if (error == ECANCELED)
		/* What the peer has just sent must not take the last word away from it. */
		stream_puts(s->stream, "503 shutting down\n");
	else {
		if (error != EPIPE)
			part_within(s, error);
		return;
	}
	stream_linger(s->stream, LINGER_MS);
}

static void
converse(struct session *s)
{
	char *line;
	ssize_t len;

	stream_puts(s->stream, "200 coffer=1 server=cofferd/" PACKAGE_VERSION "\n");
	for (;;) {
		len = stream_line(s->stream, &line);
		if (len == -1 && errno == EMSGSIZE) {
			session_request(s);
			stream_printf(s->stream, "400 a request line is at most %d bytes\n", STREAM_LINE_MAX);
		} else if (len == -1) {
			part(s, errno);
			return;
		} else if (len == 0)
			session_request(s);	/* it asks for nothing, but costs as much */
		else if (!answer(s, line, (size_t)len))
			return;
	}
}

static void
coffer_serve(struct session *s)
{
	converse(s);
	drop_held(s);
}

static const char *
verb_name(int i)
{
	return coffer_verb_name((enum coffer_verb)i);
}

#define FULL	"503 too many sessions of your address at a time\n"

const struct protocol protocol_coffer = {
	.full = FULL,
	.full_len = sizeof(FULL) - 1,
	.name = "coffer",
	.port = "26333",
	.alpn = "coffer",
	.serve = coffer_serve,
	.verb = verb_name,
	.verbs = COFFER_VERBS,
};

const struct protocol protocol_coffers = {
	.name = "coffers",
	.port = "26334",
	.secure = true,
	.alpn = "coffer",
	.serve = coffer_serve,
	.verb = verb_name,
	.verbs = COFFER_VERBS,
};
