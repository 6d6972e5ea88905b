/* receive - the bytes of a file: to a part file, verified, published.
 * A fault of one file is told and counted; the bytes of the others still follow, so
 * what belongs to the faulty one is read to its end. */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/fetch_int.h"
#include "client/progress.h"

#define BORROW_MAX	65536	/* bytes up to which a file is taken from the stream's buffer */

/* The words of a reply to GET. */
struct meta {
	uint64_t	 size, total;
	struct timespec	 mtime;
	unsigned	 mode;
	bool		 known;		/* the digest of the whole file */
	struct digest	 digest;
};

static int
read_meta(struct remote *r, const struct coffer_reply *reply, uint64_t from, struct meta *m)
{
	char value[DIGEST_HEX];
	ptrdiff_t len = coffer_reply_value(reply, "sha256", value, sizeof(value));

	m->known = !(len == 1 && value[0] == '-');
	if (reply_number(reply, "size", &m->size) == -1 ||
	    reply_number(reply, "total", &m->total) == -1 ||
	    reply_time(reply, "mtime", &m->mtime) == -1 ||
	    reply_mode(reply, "mode", &m->mode) == -1 || len == -1 ||
	    (m->known && digest_parse(&m->digest, value, (size_t)len) == -1))
		return remote_protocol_error(r, "the server's answer to GET makes no sense");
	if (m->total < from || m->size != m->total - from)
		return remote_protocol_error(r, "the server's sizes contradict each other");
	m->mode &= 0777;
	return 0;
}

/* `len` bytes to fd and into the digest.  A failed write is remembered in *error, and the rest is
 * only read.  0, or -1: the connection is of no use. */
static int
pump(struct fetch *f, int fd, uint64_t len, struct digest_state *state, int *error)
{
	struct remote *r = f->client->remote;
	const char *bytes;
	ssize_t n;

	while (len > 0) {
		if (len <= BORROW_MAX)
			n = remote_borrow(r, &bytes, (size_t)len);
		else {
			bytes = f->buffer;
			n = remote_read(
			    r, f->buffer, len < RECEIVE_BUFFER ? (size_t)len : RECEIVE_BUFFER);
		}
		if (n == -1)
			return -1;
		len -= (uint64_t)n;
		progress_bytes((uint64_t)n);
		if (*error != 0)
			continue;
		digest_update(state, bytes, (size_t)n);
		if (write_all(fd, bytes, (size_t)n) == -1)
			*error = errno;
	}
	return 0;
}

/* The line behind the bytes with the digest that the server did not know before. */
static int
take_digest_line(struct remote *r, struct digest *digest)
{
	static const char key[] = "sha256=";
	const size_t keylen = sizeof(key) - 1;
	ssize_t len;
	char *line;

	if ((len = remote_line(r, &line)) == -1)
		return -1;
	if ((size_t)len < keylen || memcmp(line, key, keylen) != 0 ||
	    digest_parse(digest, line + keylen, (size_t)len - keylen) == -1)
		return remote_protocol_error(r, "the digest behind the file is missing");
	return 0;
}

/* Says that a file is not what the server says it is. */
static int
say_differs(const struct fetch *f, const struct item *item, const struct part *part)
{
	if (part == NULL)
		say_of(item_shown(f, item), "digest differs");
	else
		say_of(item_shown(f, item), "digest differs, kept as %s", part->temp);
	return DIGEST_DIFFERS;
}

/* Gives a verified file its name.  The exit code. */
static int
publish(struct fetch *f, const struct item *item, struct part *part, const struct meta *m)
{
	if (part_publish(part, m->mode, &m->mtime, f->opts.keep) == 0) {
		progress_file();
		return DONE;
	}
	return say_errno(item_shown(f, item), errno);
}

/* Receives a whole file.  An open part, or one with fd -1 and *error set. */
static int
receive_whole(
    struct fetch *f, struct item *item, const struct meta *m, struct part *part, int *error)
{
	struct digest_state *state;
	struct digest digest, said = m->digest;
	int fd = f->opts.out != -1 ? f->opts.out : part->fd, code;

	if ((state = digest_begin()) == NULL)
		abort();
	if (pump(f, fd, m->size, state, error) == -1) {
		digest_drop(&state);
		return -1;
	}
	digest_end(&state, &digest);
	if (!m->known && take_digest_line(f->client->remote, &said) == -1)
		return -1;
	if (f->opts.out != -1 && *error == EPIPE)
		exit(SOME_FAILED);	/* who read has gone, and knows it */
	if (*error != 0)
		code = say_errno(f->opts.out != -1 ? "stdout" : item_shown(f, item), *error);
	else if (!digest_equal(&digest, &said))
		code = say_differs(f, item, f->opts.out != -1 ? NULL : part);
	else
		code = f->opts.out != -1 ? DONE : publish(f, item, part, m);
	tally_add(f->tally, code);
	return 0;
}

/* A link that leads to a folder: its tree, unless it leads round in circles. */
static int
follow_link(struct fetch *f, struct item *item)
{
	struct branch *branch;
	char *remote = item_remote(item), *local = xstrdup(item_local(item));

	branch = fetch_branch(f, item->branch->target, remote, local, item->branch->links + 1);
	fetch_append(f, branch, NULL, 't');
	return 0;
}

static int
refused(struct fetch *f, struct item *item, const struct coffer_reply *reply)
{
	char *remote;

	if (reply->code == 409 && item->type == 'l')
		return follow_link(f, item);
	remote = item_remote(item);
	if (reply->code == 409) {
		say_of(remote, "is a folder (-r fetches it)");
		tally_add(f->tally, SOME_FAILED);
	} else
		tally_add(f->tally, say_reply(remote, reply));
	free(remote);
	return 0;
}

int
receive_file(struct fetch *f, struct item *item)
{
	struct remote *r = f->client->remote;
	struct part part = { .fd = -1 };
	struct coffer_reply reply;
	struct meta m;
	const char *leaf;
	int dir, error = 0, ret;

	if (remote_reply(r, &reply) == -1)
		return -1;
	if (reply.code != 200)
		return refused(f, item, &reply);
	if (read_meta(r, &reply, 0, &m) == -1)
		return -1;
	if (f->opts.out == -1) {
		progress_name(item->name != NULL ? item->name : item->branch->local);
		dir = target_parent(item->branch->target, item_local(item), &leaf);
		if (dir == -1 || part_create(&part, dir, leaf, item_other_part(item), m.mode) == -1)
			error = errno;
	}
	if (item->type == 'l' || item->named)	/* of these, the list does not tell the size */
		progress_expect(0, m.size);
	ret = receive_whole(f, item, &m, &part, &error);
	part_leave(&part);
	return ret;
}

/* Hashes the bytes that are here already.  0, or -1 with errno. */
static int
hash_part(struct fetch *f, const struct part *part, uint64_t len, struct digest_state *state)
{
	ssize_t n;

	while (len > 0) {
		n = read(part->fd, f->buffer, len < RECEIVE_BUFFER ? (size_t)len : RECEIVE_BUFFER);
		if (n <= 0) {
			errno = n == 0 ? EIO : errno;
			return -1;
		}
		digest_update(state, f->buffer, (size_t)n);
		len -= (uint64_t)n;
		progress_bytes((uint64_t)n);
	}
	return 0;
}

/* The digest of the whole file, where GET did not know it.  1, 0 after a refusal, or -1. */
static int
ask_digest(struct fetch *f, const char *remote, struct digest *digest)
{
	struct coffer_reply reply;

	if (remote_ask(f->client->remote, &reply, "HASH", remote, "") == -1)
		return -1;
	if (reply.code == 200 && reply_digest(&reply, "sha256", digest) == 0)
		return 1;
	tally_add(f->tally, say_reply(remote, &reply));
	return 0;
}

/* The bytes behind a part file, and what becomes of it. */
static int
receive_tail(struct fetch *f, struct item *item, const char *remote, struct part *part,
    uint64_t from, struct meta *m)
{
	struct digest_state *state;
	struct digest digest;
	int error = 0, known = 1;

	if ((state = digest_begin()) == NULL)
		abort();
	if (hash_part(f, part, from, state) == -1)
		error = errno;
	if (pump(f, part->fd, m->size, state, &error) == -1) {
		digest_drop(&state);
		return -1;
	}
	digest_end(&state, &digest);
	if (!m->known && error == 0 && (known = ask_digest(f, remote, &m->digest)) == -1)
		return -1;
	item->skip = true;
	if (error != 0)
		tally_add(f->tally, say_errno(item_shown(f, item), error));
	else if (known == 1 && digest_equal(&digest, &m->digest))
		tally_add(f->tally, publish(f, item, part, m));
	else if (known == 1) {
		if (!f->client->quiet)
			say_of(item_shown(f, item),
			    "%s is of another file; fetching it from the beginning", part->temp);
		progress_back(from + m->size);
		item->skip = false;
		item->fresh = true;
	}
	return 0;
}

int
receive_rest(struct fetch *f, struct item *item)
{
	struct remote *r = f->client->remote;
	struct part part = { .fd = -1 };
	struct coffer_reply reply;
	struct meta m;
	const char *leaf;
	char *remote = item_remote(item);
	int64_t from = -1;
	int dir, ret = -1;

	dir = target_parent(item->branch->target, item_local(item), &leaf);
	if (dir == -1 || part_resume(&part, dir, leaf, item_other_part(item)) == -1 ||
	    (from = lseek(part.fd, 0, SEEK_END)) == -1 || lseek(part.fd, 0, SEEK_SET) == -1) {
		tally_add(f->tally, say_errno(item_shown(f, item), errno));
		item->skip = true;
		ret = 0;
		goto out;
	}
	if (remote_request(r, "GET", remote, "from=%jd", (intmax_t)from) == -1 ||
	    remote_reply(r, &reply) == -1)
		goto out;
	progress_name(item->name != NULL ? item->name : item->branch->local);
	if (reply.code == 416) {
		item->fresh = true;	/* the file has become shorter than what is here */
		ret = 0;
	} else if (reply.code != 200) {
		item->skip = true;
		ret = refused(f, item, &reply);	/* may move the items */
	} else if (read_meta(r, &reply, (uint64_t)from, &m) == 0) {
		if (item->type == 'l' || item->named)
			progress_expect(0, m.total);
		ret = receive_tail(f, item, remote, &part, (uint64_t)from, &m);
	}
out:
	part_leave(&part);
	free(remote);
	return ret;
}
