/* body - the bytes of one file, as a PUT and what follows it.
 * Small files are read and hashed before they are sent, large ones while they are. */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/progress.h"
#include "client/send_int.h"
#include "client/stop.h"
#include "io/wait.h"

#define OPTIONS_MAX	256	/* bytes of all options of a PUT */
#define CHUNK		65536	/* bytes of a chunk of a pipe at most */

/* Nothing was sent for this entry, and no reply is due. */
static int
leave_out(struct send *s, struct entry *e, int code)
{
	e->kind = NOTHING;
	tally_add(s->tally, code);
	return 0;
}

static ssize_t
read_full(int fd, char *dst, size_t len)
{
	size_t have = 0;
	ssize_t n;

	while (have < len) {
		n = read(fd, dst + have, len - have);
		if (n == 0)
			break;
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0)
			have += (size_t)n;
	}
	return (ssize_t)have;
}

/* The request of a file.  0, or -1 where its name is too long. */
static int
request(struct send *s, const struct entry *e, const struct stat *st, bool digest, const char *how)
{
	char options[OPTIONS_MAX], *p = options, hex[DIGEST_HEX];

	p = text_decimal(stpcpy(p, "size="), e->size);
	if (digest)
		p = stpcpy(stpcpy(p, " sha256="), digest_hex(&e->digest, hex));
	p = text_put_timespec(stpcpy(p, " mtime="), &st->st_mtim);
	p = text_octal4(stpcpy(p, " mode="), st->st_mode & 0777);
	*p = '\0';
	if (s->opts.keep)
		p = stpcpy(p, " if=new");
	(void)stpcpy(p, how);
	return remote_request(s->client->remote, "PUT", e->remote, "%s", options);
}

static int
send_small(struct send *s, uint64_t index, int fd, const struct stat *st)
{
	struct entry *e = entry_at(s, index);
	ssize_t n;

	/* Some file systems of the kernel know no sizes: /proc. */
	n = read_full(fd, s->buffer, st->st_size > 0 ? (size_t)st->st_size : SMALL_MAX);
	if (n == -1)
		return leave_out(s, e, say_errno(e->local, errno));
	if (st->st_size == 0 && n == SMALL_MAX) {
		say_of(e->local, "tells no size: put it through a pipe");
		return leave_out(s, e, SOME_FAILED);
	}
	e->size = (uint64_t)n;
	digest_of(s->buffer, (size_t)n, &e->digest);
	if (request(s, e, st, true, s->hold ? " hold" : "") == -1)
		return leave_out(s, e, say_errno(e->remote, errno));
	if (s->hold)
		send_held(s, e);
	remote_body(s->client->remote, s->buffer, (size_t)n);
	progress_bytes((uint64_t)n);
	return remote_fault(s->client->remote) ? -1 : 0;
}

/* Waits until the server says from where on.  1, 0 if it refused, -1. */
static int
wait_for_go(struct send *s, uint64_t index)
{
	while (s->head <= index && !entry_at(s, index)->go)
		if (take_reply(s) == -1)
			return -1;
	return s->head <= index;
}

/* A file that has become shorter than was said: the rest cannot be made up. */
static int
too_short(struct send *s, uint64_t index, int error)
{
	struct entry *e = entry_at(s, index);

	if (error != 0)
		(void)leave_out(s, e, say_errno(e->local, error));
	else {
		say_of(e->local, "has become shorter while it was sent");
		(void)leave_out(s, e, SOME_FAILED);
	}
	return abort_body(s, index);
}

/* The bytes of the open file from e->from, and the digest, unless it is known already. */
static int
send_bytes(struct send *s, uint64_t index, int fd, bool digest)
{
	struct entry *e = entry_at(s, index);
	struct digest_state *state = NULL;
	uint64_t at = e->from;
	int ret = 0;
	ssize_t n;

	if (digest && (state = digest_begin()) == NULL)
		abort();
	while (ret == 0 && at < e->size) {
		n = read(fd, s->buffer,
		    e->size - at < BODY_BUFFER ? (size_t)(e->size - at) : BODY_BUFFER);
		if (n <= 0) {
			ret = too_short(s, index, n == -1 ? errno : 0);
			break;
		}
		if (digest)
			digest_update(state, s->buffer, (size_t)n);
		remote_body(s->client->remote, s->buffer, (size_t)n);
		at += (uint64_t)n;
		progress_bytes((uint64_t)n);
		if (remote_fault(s->client->remote))
			ret = -1;
		else if (s->head > index && at < e->size) {
			/* Refused, and nobody wants the rest: it cannot be left out otherwise. */
			s->early = true;
			ret = -1;
		}
	}
	if (ret == 0 && digest)
		digest_end(&state, &e->digest);
	digest_drop(&state);
	return ret;
}

/* The digest of the whole file, ahead of the request.  0, or -1 with errno. */
static int
hash_file(struct send *s, int fd, struct entry *e)
{
	struct digest_state *state;
	uint64_t at = 0;
	ssize_t n = 0;

	if ((state = digest_begin()) == NULL)
		abort();
	while (at < e->size && (n = read(fd, s->buffer, BODY_BUFFER)) > 0) {
		digest_update(state, s->buffer, (size_t)n);
		at += (uint64_t)n;
		progress_tick();
	}
	digest_end(&state, &e->digest);
	if (at == e->size)
		return 0;
	errno = n == -1 ? errno : EBUSY;	/* it changes while we read it */
	return -1;
}

static int
send_large(struct send *s, uint64_t index, int fd, const struct stat *st)
{
	struct entry *e = entry_at(s, index);
	bool resume = s->opts.resume;
	int ret;

	e->size = (uint64_t)st->st_size;
	e->waits = resume || s->opts.keep || e->size >= WAIT_MIN;
	if (resume && hash_file(s, fd, e) == -1)
		return leave_out(s, e, say_errno(e->local, errno));
	if (request(s, e, st, resume, resume ? " resume" : e->waits ? " wait" : "") == -1)
		return leave_out(s, e, say_errno(e->remote, errno));
	if (e->waits && (ret = wait_for_go(s, index)) != 1)
		return ret;
	if (lseek(fd, (off_t)e->from, SEEK_SET) == -1)
		return too_short(s, index, errno);
	progress_bytes(e->from);
	return send_bytes(s, index, fd, !resume);
}

static int
send_open(struct send *s, uint64_t index, int fd)
{
	struct entry *e = entry_at(s, index);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		return leave_out(s, e, say_errno(e->local, errno));
	if (!S_ISREG(st.st_mode)) {
		say_of(e->local, S_ISDIR(st.st_mode) ? "is a folder (-r takes folders along)" :
		    "is no regular file, and is left out");
		return leave_out(s, e, SOME_FAILED);
	}
	if (st.st_size <= SMALL_MAX)
		return send_small(s, index, fd, &st);
	return send_large(s, index, fd, &st);
}

int
body_file(struct send *s, uint64_t index, int fd)
{
	int ret;

	if (fd == -1)
		fd = open(entry_at(s, index)->local, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ret = send_open(s, index, fd);
	if (fd != -1)
		(void)close(fd);
	return ret;
}

/* What the pipe has: bytes, 0 at its end, -1 with errno.  EINTR: stop. */
static ssize_t
read_pipe(int fd, char *dst, size_t len)
{
	ssize_t n;

	progress_tick();
	if (wait_fd(fd, POLLIN, CLOCK_NEVER) == -1)
		return -1;
	do
		n = read(fd, dst, len);
	while (n == -1 && errno == EINTR && !stop_wanted());
	return n;
}

/* A pipe that cannot be read to its end: nothing of it may be kept. */
static int
pipe_failed(struct send *s, int error)
{
	s->code = error == EINTR ? RESUMABLE : SOME_FAILED;
	say_of("stdin", "%s", error == EINTR ? "interrupted: nothing is kept" : errno_words(error));
	remote_close(&s->client->remote);
	return -1;
}

static void
send_chunk(struct send *s, size_t len)
{
	char head[32];

	remote_body(s->client->remote, head, (size_t)snprintf(head, sizeof(head), "%zx\n", len));
	remote_body(s->client->remote, s->buffer, len);
	progress_bytes(len);
}

int
body_pipe(struct send *s, uint64_t index, int fd)
{
	struct entry *e = entry_at(s, index);
	struct remote *r = s->client->remote;
	struct digest_state *state;
	ssize_t n;
	int ret;

	if (remote_request(r, "PUT", e->remote, "size=* mode=%04o wait%s",
	    (unsigned)(0666 & ~client_umask), s->opts.keep ? " if=new" : "") == -1)
		return leave_out(s, e, say_errno(e->remote, errno));
	e->waits = true;
	if ((ret = wait_for_go(s, index)) != 1)
		return ret;
	if ((state = digest_begin()) == NULL)
		abort();
	do {
		if ((n = read_pipe(fd, s->buffer, CHUNK)) == -1) {
			digest_drop(&state);
			return pipe_failed(s, errno);
		}
		send_chunk(s, (size_t)n);
		digest_update(state, s->buffer, (size_t)n);
		e->size += (uint64_t)n;
	} while (n > 0 && remote_flush(r) == 0 && s->head <= index);
	digest_end(&state, &e->digest);
	if (n > 0 && s->head > index) {		/* refused on the way, which was told */
		remote_close(&s->client->remote);
		s->code = tally_exit(s->tally);
		return -1;
	}
	return remote_fault(r) ? -1 : 0;
}
