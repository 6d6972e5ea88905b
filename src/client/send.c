/* send - files and folders to a server, over one connection. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/progress.h"
#include "client/send_int.h"
#include "client/stop.h"

#define TRIES		3	/* reconnects in a row with --continue */
#define LOOK_EVERY	64	/* requests between two looks for replies */
#define PUSH_BYTES	65536	/* gathered bytes that are worth a system call */

struct send *
send_new(
    struct client *c, const struct place *place, const struct send_opts *opts, struct tally *tally)
{
	struct send *s = xmalloc(sizeof(*s));

	memset(s, 0, sizeof(*s));
	s->client = c;
	s->place = place;
	s->opts = *opts;
	s->tally = tally;
	s->buffer = xmalloc(BODY_BUFFER);
	return s;
}

/* Forgets the first entry. */
static void
pop(struct send *s)
{
	struct entry *e = entry_at(s, s->head++);

	free(e->local);
	free(e->remote);
	memset(e, 0, sizeof(*e));
	s->reached = 0;
}

void
send_free(struct send *s)
{
	while (s->head < s->tail)
		pop(s);
	if (s->client->remote != NULL)
		remote_on_input(s->client->remote, NULL, NULL);
	free(s->buffer);
	free(s);
}

/*
 * Replies.
 */

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

int
take_reply(void *arg)
{
	struct send *s = arg;
	struct coffer_reply reply;
	struct entry *e;
	int code;

	while (s->head < s->tail && entry_at(s, s->head)->kind == NOTHING)
		pop(s);
	if (remote_reply(s->client->remote, &reply) == -1)
		return -1;
	if (s->head == s->tail)
		return remote_protocol_error(s->client->remote, "an answer that nobody asked for");
	e = entry_at(s, s->head);
	if (reply.code == 100)
		return take_go(s, e, &reply);
	if ((code = judge(e, &reply)) != DONE || e->kind != FOLDER)
		tally_add(s->tally, code);
	s->refused = e->kind == FILE_BYTES && reply.code >= 300;
	if (e->kind != FOLDER)
		progress_file();
	pop(s);
	s->tries = 0;
	return 0;
}

static int
drain(struct send *s, uint64_t until)
{
	while (s->head < until && s->head < s->tail) {
		if (entry_at(s, s->head)->kind == NOTHING)
			pop(s);
		else if (take_reply(s) == -1)
			return -1;
	}
	return 0;
}

int
abort_body(struct send *s, uint64_t index)
{
	if (drain(s, index) == -1)
		return -1;
	remote_close(&s->client->remote);
	s->early = true;
	return -1;
}

/*
 * Requests.
 */

static int
connect_again(struct send *s)
{
	if (client_connect(s->client, s->place) != DONE)
		return -1;
	remote_on_input(s->client->remote, take_reply, s);
	return 0;
}

static int
transmit(struct send *s, uint64_t index, int fd)
{
	struct entry *e = entry_at(s, index);

	if (e->kind == FILE_BYTES)
		return body_file(s, index, fd);
	if (e->kind != FOLDER)
		return 0;
	if (remote_request(s->client->remote, "MKDIR", e->remote, "parents") == -1) {
		tally_add(s->tally, say_errno(e->remote, errno));
		e->kind = NOTHING;
	}
	return 0;
}

/* Sends what had no reply over a new connection. */
static int
repeat(struct send *s)
{
	uint64_t index;

	for (index = s->head; index < s->tail; index++) {
		if (entry_at(s, index)->kind == PIPE_BYTES)
			return -1;	/* its bytes are gone */
		entry_at(s, index)->go = false;
		if (transmit(s, index, -1) == -1)
			return -1;
	}
	return 0;
}

/* Whether a new connection is wanted now; waits before it is made. */
static bool
try_again(struct send *s)
{
	const struct remote *r = s->client->remote;

	if (stop_wanted())
		return false;
	/* We broke it off ourselves; or a refused file was too large for the server to drop its
	 * bytes, so that it had to close: others may be taken all the same. */
	if (s->early || s->refused) {
		s->early = s->refused = false;
		return true;
	}
	if (!s->opts.resume || s->tries >= TRIES || (r != NULL && remote_fault(r) == EPROTO))
		return false;
	if (!s->client->quiet)
		say("%s; trying again in %u s", r != NULL ? remote_why(r) : "no connection",
		    1U << s->tries);
	return stop_pause(1000 << s->tries++) == 0;
}

/* 0 once everything that was sent is sent again, or -1. */
static int
recover(struct send *s)
{
	while (try_again(s)) {
		remote_close(&s->client->remote);
		if (connect_again(s) == 0 && repeat(s) == 0)
			return 0;
	}
	s->broken = true;
	return -1;
}

/* Makes room for one more request, and an entry in it. */
static int
append(struct send *s, enum kind kind, const char *local, const char *remote)
{
	const struct remote *r = s->client->remote;

	if (s->broken)
		return -1;
	if ((r == NULL || remote_fault(r)) && s->tail > 0 && recover(s) == -1)
		return -1;
	if ((s->tail == 0 || s->client->remote == NULL) && connect_again(s) == -1) {
		s->broken = true;
		return -1;
	}
	while (s->tail - s->head == SEND_WINDOW)
		if (drain(s, s->head + 1) == -1 && recover(s) == -1)
			return -1;
	*entry_at(s, s->tail++) = (struct entry){
		.kind = kind, .local = xstrdup(local), .remote = xstrdup(remote),
	};
	return 0;
}

/* Sends what has gathered, and looks for replies now and then. */
static int
keep_moving(struct send *s)
{
	struct remote *r = s->client->remote;

	if (remote_unsent(r) >= PUSH_BYTES)
		remote_push(r);
	if (++s->since_look < LOOK_EVERY)
		return 0;
	s->since_look = 0;
	while (s->head < s->tail && remote_has_input(r))
		if (take_reply(s) == -1)
			return recover(s);
	return 0;
}

int
send_folder(struct send *s, const char *remote)
{
	if (append(s, FOLDER, remote, remote) == -1)
		return -1;
	if (transmit(s, s->tail - 1, -1) == -1 && recover(s) == -1)
		return -1;
	return keep_moving(s);
}

int
send_file(
    struct send *s, int dir, const char *leaf, const char *local, const char *remote, bool named)
{
	int fd = openat(dir, leaf, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd == -1) {
		tally_add(s->tally, say_errno(local, errno));
		return 0;
	}
	if (append(s, FILE_BYTES, local, remote) == -1) {
		(void)close(fd);
		return -1;
	}
	entry_at(s, s->tail - 1)->named = named;
	progress_name(local);
	if (transmit(s, s->tail - 1, fd) == -1 && recover(s) == -1)
		return -1;
	return keep_moving(s);
}

int
send_pipe(struct send *s, int fd, const char *remote)
{
	if (append(s, PIPE_BYTES, "stdin", remote) == -1)
		return -1;
	entry_at(s, s->tail - 1)->named = true;
	progress_name("stdin");
	if (body_pipe(s, s->tail - 1, fd) == 0)
		return 0;
	s->broken = true;
	return -1;
}

static int
broken(const struct send *s)
{
	const struct remote *r = s->client->remote;
	bool pipe = s->head < s->tail && s->ring[s->head % SEND_WINDOW].kind == PIPE_BYTES;
	int code;

	if (s->code != DONE)
		return s->code;
	if (r == NULL)
		return s->tail == 0 ? NO_CONNECTION : RESUMABLE;
	code = remote_complain(r, !pipe);
	if (pipe)
		say_of("stdin", "nothing of it is kept");
	else if (code == RESUMABLE && !s->client->quiet)
		say("%ju done; the same command with -c goes on from here",
		    (uintmax_t)(s->tally->items - s->tally->failed));
	return code;
}

int
send_finish(struct send *s)
{
	while (!s->broken && s->head < s->tail)
		if (drain(s, s->tail) == -1)
			(void)recover(s);
	if (s->broken)
		return broken(s);
	return tally_exit(s->tally);
}
