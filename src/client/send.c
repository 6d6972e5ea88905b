/* send - files and folders to a server, over one connection. */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
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
	s->hold_most = HOLD_REQUESTS;
	return s;
}

void
entry_forget(struct entry *e)
{
	free(e->local);
	free(e->remote);
	memset(e, 0, sizeof(*e));
}

void
send_free(struct send *s)
{
	for (; s->base < s->tail; s->base++)
		entry_forget(entry_at(s, s->base));
	while (s->agains > 0)
		entry_forget(&s->again[--s->agains]);
	free(s->again);
	if (s->client->remote != NULL)
		remote_on_input(s->client->remote, NULL, NULL);
	free(s->buffer);
	free(s);
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
	if (e->kind == COMMIT)
		return remote_request(s->client->remote, "COMMIT", NULL, "%s", "");
	if (e->kind != FOLDER)
		return 0;
	if (remote_request(s->client->remote, "MKDIR", e->remote, "parents") == -1) {
		tally_add(s->tally, say_errno(e->remote, errno));
		e->kind = NOTHING;
	}
	return 0;
}

/* Sends what had no reply over a new connection, and what was held by the old one. */
static int
repeat(struct send *s)
{
	uint64_t index;

	s->head = s->base;
	for (index = s->base; index < s->tail; index++) {
		if (entry_at(s, index)->kind == PIPE_BYTES)
			return -1;	/* its bytes are gone */
		entry_at(s, index)->go = entry_at(s, index)->held = false;
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

	/* Waiting makes nobody one whom we trust. */
	if (stop_wanted() || (r == NULL && s->client->unconnected == PROTOCOL_ERROR))
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

/* Where nothing is made durable, a COMMIT saves nothing. */
static bool
kept_at_once(const struct coffer_reply *reply)
{
	char durability[8];

	return coffer_reply_value(reply, "durability", durability, sizeof(durability)) == 4 &&
	    memcmp(durability, "none", 4) == 0;
}

/* Whether the server can hold files: an older one says 501 to a COMMIT of nothing. */
static int
ask_for_hold(struct send *s)
{
	struct coffer_reply reply;
	ssize_t len;
	char *line;

	if (!s->opts.hold || s->asked)
		return 0;
	if (remote_ask(s->client->remote, &reply, "COMMIT", NULL, "") == -1)
		return -1;
	s->asked = true;
	s->hold = reply.code == 200 && !kept_at_once(&reply);
	while (reply.code == 200) {
		if ((len = remote_line(s->client->remote, &line)) == -1)
			return -1;
		if (len == 1 && *line == '.')
			break;
	}
	return 0;
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
	if ((s->tail == 0 || s->client->remote == NULL) &&
	    (connect_again(s) == -1 || ask_for_hold(s) == -1)) {
		s->broken = true;
		return -1;
	}
	while (s->tail - s->base == SEND_WINDOW)
		if (take_until(s, s->head + 1) == -1 && recover(s) == -1)
			return -1;
	*entry_at(s, s->tail++) = (struct entry){
		.kind = kind, .local = xstrdup(local), .remote = xstrdup(remote),
	};
	return 0;
}

static int
commit(struct send *s)
{
	if (append(s, COMMIT, "", "") == -1)
		return -1;
	s->uncommitted = false;
	s->since = s->tail;
	return transmit(s, s->tail - 1, -1) == -1 ? recover(s) : 0;
}

static bool
commit_is_due(const struct send *s)
{
	return s->uncommitted && (s->tail - s->since >= s->hold_most || s->hold_bytes >= HOLD_BYTES ||
	    clock_ms() >= s->hold_until);
}

void
send_held(struct send *s, struct entry *e)
{
	if (!s->uncommitted) {
		s->hold_bytes = 0;
		s->hold_until = clock_in(HOLD_MS);
	}
	s->uncommitted = e->held = true;
	s->hold_bytes += e->size;
}

/* The last of those that were put off. */
static int
send_one_again(struct send *s)
{
	struct entry e = s->again[--s->agains];
	int ret;

	if ((ret = append(s, FILE_BYTES, e.local, e.remote)) == 0)
		entry_at(s, s->tail - 1)->named = e.named;
	entry_forget(&e);
	if (ret == 0 && transmit(s, s->tail - 1, -1) == -1)
		ret = recover(s);
	return ret;
}

/* What was more than the server holds, when it holds nothing any more. */
static int
send_again(struct send *s)
{
	while (s->agains > 0) {
		if (s->uncommitted && commit(s) == -1)
			return -1;
		if (take_until(s, s->tail) == -1 && recover(s) == -1)
			return -1;
		while (s->agains > 0 && !commit_is_due(s))
			if (send_one_again(s) == -1)
				return -1;
	}
	return 0;
}

/* Sends what has gathered since the last time: what the socket did not take then, it hardly
 * takes now. */
static void
push(struct send *s)
{
	struct remote *r = s->client->remote;
	size_t unsent = remote_unsent(r);

	if (unsent < s->not_taken)
		s->not_taken = 0;	/* it has been sent since */
	if (unsent - s->not_taken < PUSH_BYTES)
		return;
	remote_push(r);
	s->not_taken = remote_unsent(r);
}

/* Sends what has gathered, and looks for replies now and then. */
static int
keep_moving(struct send *s)
{
	push(s);
	if (commit_is_due(s) && commit(s) == -1)
		return -1;
	if (++s->since_look < LOOK_EVERY)
		return 0;
	s->since_look = 0;
	while (s->head < s->tail && remote_has_input(s->client->remote))
		if (take_reply(s) == -1)
			return recover(s);
	return send_again(s);
}

/* A large file takes its time, in which the small ones before it are not to be lost. */
static int
commit_before(struct send *s, int fd)
{
	struct stat st;

	if (!s->uncommitted || fstat(fd, &st) == -1 || st.st_size <= SMALL_MAX)
		return 0;
	return commit(s);
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
	if (commit_before(s, fd) == -1 || append(s, FILE_BYTES, local, remote) == -1) {
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
		return client_unconnected(s->client, s->tail > 0);
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
	while (!s->broken && (s->head < s->tail || s->uncommitted || s->agains > 0)) {
		if (s->uncommitted && commit(s) == -1)
			break;
		if (take_until(s, s->tail) == -1 && recover(s) == -1)
			break;
		if (send_again(s) == -1)
			break;
	}
	if (s->broken)
		return broken(s);
	return tally_exit(s->tally);
}
