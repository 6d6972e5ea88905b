/* take - the replies to what send.c has sent.
 * They come in order.  A held file is kept in mind until the COMMIT behind it is answered: only
 * then it is stored. */

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "client/progress.h"
#include "client/send_int.h"

/* The first entry has its reply; `done`: nothing more is to come of it. */
static void
pass(struct send *s, bool done)
{
	if (done)
		entry_forget(entry_at(s, s->head));
	s->head++;
	s->reached = 0;
	while (s->base < s->head && entry_at(s, s->base)->kind == NOTHING)
		s->base++;
}

/* What the server kept must be what we sent. */
static int
check_stored(const struct entry *e, const struct coffer_reply *reply)
{
	struct digest digest;
	uint64_t size;

	if (reply_number(reply, "size", &size) == -1 ||
	    reply_digest(reply, "sha256", &digest) == -1) {
		say_of(e->local, "the server does not say what it has kept");
		return PROTOCOL_ERROR;
	}
	if (size == e->size && digest_equal(&digest, &e->digest))
		return DONE;
	say_of(e->local, "the server has kept something else: digest differs");
	return DIGEST_DIFFERS;
}

/* The exit code that a reply means for an entry. */
static int
judge(const struct entry *e, const struct coffer_reply *reply)
{
	if (e->kind == FOLDER)
		return reply->code < 300 ? DONE : say_reply(e->remote, reply);
	if (reply->code == 201 || reply->code == 200)
		return check_stored(e, reply);
	if (reply->code == 412 && !e->named)
		return DONE;		/* left alone, as asked */
	if (reply->code == 412) {
		say_of(e->remote, "exists, and is left alone");
		return PRECONDITION;
	}
	return say_reply(e->remote, reply);
}

/* 100 from=K.  0, or -1 where that makes no sense. */
static int
take_go(struct send *s, struct entry *e, const struct coffer_reply *reply)
{
	if (!e->waits || e->go || reply_number(reply, "from", &e->from) == -1 ||
	    (e->kind == FILE_BYTES && e->from > e->size) || (e->kind == PIPE_BYTES && e->from != 0))
		return remote_protocol_error(s->client->remote, "the server's 100 makes no sense");
	e->go = true;
	if (e->from > s->reached) {
		s->reached = e->from;
		s->tries = 0;
	}
	return 0;
}

/* How an entry ended. */
static void
tally_entry(struct send *s, const struct entry *e, int code)
{
	if (code != DONE || e->kind != FOLDER)
		tally_add(s->tally, code);
	if (e->kind == FILE_BYTES || e->kind == PIPE_BYTES)
		progress_file();
}

/* Whether a line "/path: sentence" is about the entry. */
static bool
is_about(const struct entry *e, const char *text)
{
	size_t len = strlen(e->remote);
	char *name = xmalloc(3 * len + 1);
	bool is;

	len = (size_t)(text_encode(name, e->remote, len) - name);
	is = strncmp(text, name, len) == 0 && text[len] == ':';
	free(name);
	return is;
}

/* A line of a COMMIT: a file that was held, and is not published. */
static int
take_failure(struct send *s, char *line, size_t len)
{
	struct coffer_reply reply;
	struct entry *e;
	uint64_t i;

	if (coffer_reply_parse(&reply, line, len) == -1 || reply.code < 300)
		return remote_protocol_error(s->client->remote, "a line of the COMMIT makes no sense");
	for (i = s->base; i < s->head; i++) {
		e = entry_at(s, i);
		if (e->kind != NOTHING && is_about(e, reply.text)) {
			tally_entry(s, e, judge(e, &reply));
			entry_forget(e);
			return 0;
		}
	}
	return remote_protocol_error(s->client->remote, "a COMMIT tells of a file that was not held");
}

/* The lines behind the reply to a COMMIT; what they do not name is stored. */
static int
take_committed(struct send *s)
{
	struct entry *e;
	ssize_t len;
	char *line;

	for (;;) {
		if ((len = remote_line(s->client->remote, &line)) == -1)
			return -1;
		if (len == 1 && *line == '.')
			break;
		if (take_failure(s, line, (size_t)len) == -1)
			return -1;
	}
	for (; s->base < s->head; s->base++) {
		e = entry_at(s, s->base);
		if (e->kind != NOTHING)
			tally_entry(s, e, DONE);
		entry_forget(e);
	}
	return 0;
}

/* All or nothing of what was held before it. */
static int
take_commit(struct send *s, const struct coffer_reply *reply)
{
	if (reply->code != 200)
		return remote_protocol_error(s->client->remote, "the server does not COMMIT what it holds");
	if (take_committed(s) == -1)
		return -1;
	pass(s, true);
	s->tries = 0;
	return 0;
}

/* More than the server holds at a time: it is sent again behind the next COMMIT, and there will be
 * more of these. */
static void
put_off(struct send *s, struct entry *e)
{
	uint64_t held = s->head - s->base;

	s->again = xreallocarray(s->again, s->agains + 1, sizeof(*s->again));
	s->again[s->agains++] = *e;
	memset(e, 0, sizeof(*e));
	if (held < s->hold_most)
		s->hold_most = held > 0 ? held : 1;
	pass(s, true);
}

int
take_reply(void *arg)
{
	struct send *s = arg;
	struct coffer_reply reply;
	struct entry *e;
	int code;

	while (s->head < s->tail && entry_at(s, s->head)->kind == NOTHING)
		pass(s, true);
	if (remote_reply(s->client->remote, &reply) == -1)
		return -1;
	if (s->head == s->tail)
		return remote_protocol_error(s->client->remote, "an answer that nobody asked for");
	e = entry_at(s, s->head);
	if (e->kind == COMMIT)
		return take_commit(s, &reply);
	if (reply.code == 100)
		return take_go(s, e, &reply);
	if (e->held && reply.code == 429 && s->base < s->head) {
		put_off(s, e);
		return 0;
	}
	code = judge(e, &reply);
	if (e->held && reply.code == 200 && code == DONE) {
		pass(s, false);
		return 0;
	}
	tally_entry(s, e, code);
	s->refused = e->kind == FILE_BYTES && reply.code >= 300;
	pass(s, true);
	s->tries = 0;
	return 0;
}

int
take_until(struct send *s, uint64_t until)
{
	while (s->head < until && s->head < s->tail) {
		if (entry_at(s, s->head)->kind == NOTHING)
			pass(s, true);
		else if (take_reply(s) == -1)
			return -1;
	}
	return 0;
}

int
abort_body(struct send *s, uint64_t index)
{
	if (take_until(s, index) == -1)
		return -1;
	remote_close(&s->client->remote);
	s->early = true;
	return -1;
}
