/* coffer_read - the verbs of the native protocol that only look:
 * LIST, STAT, GET, HASH, SPACE. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "io/wait.h"
#include "proto/coffer.h"
#include "session/hash.h"
#include "session/look.h"
#include "session/transfer.h"
#include "store/listing.h"

#define REPLY_MAX	256		/* bytes of a success line without a path */

void
serve_space(struct exchange *x)
{
	struct store_space space;

	if (store_space(x->at[0].store, &space) == -1) {
		reply_errno(x, errno, &x->path[0]);
		return;
	}
	x->code = 200;
	stream_printf(x->stream, "200 total=%" PRIu64 " free=%" PRIu64 " avail=%" PRIu64 " files-free=%"
	    PRIu64, space.total, space.free, space.avail, space.files_free);
	if (space.limited)
		stream_printf(x->stream, " quota=%" PRIu64 " used=%" PRIu64 " quota-files=%" PRIu64
		    " used-files=%" PRIu64, space.quota, space.used, space.quota_files,
		    space.used_files);
	stream_puts(x->stream, "\n");
}

/* " mtime=S.N mode=0644 sha256=HEX" and the line's end. */
static char *
put_object(char *p, const struct object *object)
{
	p = text_put_timespec(put_text(p, " mtime="), &object->mtime);
	p = text_octal4(put_text(p, " mode="), object->mode);
	p = put_digest(p, object);
	*p++ = '\n';
	return p;
}

/* A folder that is nothing but the way to shares. */
static struct object
way(void)
{
	return (struct object){ .fd = -1, .type = OBJECT_FOLDER, .mode = 0555 };
}

void
serve_stat(struct exchange *x)
{
	struct object object;
	char *begin, *p;

	if (x->at[0].store == NULL)
		object = way();
	else if (store_stat(x->at[0].store, x->at[0].path, &object) == -1) {
		reply_store_errno(x, errno, 0);
		return;
	}
	/* It would tell much of a short file to who may only see its name. */
	if (!(x->at[0].allowed & RIGHT_READ))
		object.known = false;
	x->code = 200;
	if ((begin = stream_reserve(x->stream, REPLY_MAX)) == NULL)
		return;
	p = put_text(begin, object.type == OBJECT_FOLDER ? "200 type=d size=" : "200 type=f size=");
	p = put_object(text_decimal(p, (uint64_t)object.size), &object);
	stream_commit(x->stream, (size_t)(p - begin));
}

/* Cuts from= and len= to what is there.  0, or -1 with ERANGE. */
static int
range(const struct coffer_request *r, const struct object *object, int64_t *from, uint64_t *len)
{
	*from = r->given & COFFER_FROM ? r->from : 0;
	if (*from > object->size) {
		errno = ERANGE;
		return -1;
	}
	*len = (uint64_t)(object->size - *from);
	if ((r->given & COFFER_LEN) && (uint64_t)r->len < *len)
		*len = (uint64_t)r->len;
	return 0;
}

/* The bytes, and behind them their digest. */
static void
send_hashed(struct exchange *x, const struct object *object, off_t from, uint64_t len)
{
	char hex[DIGEST_HEX];
	struct digest digest;

	if (transfer_send_hashed(x->session, object, from, len, &digest) == -1)
		return;
	stream_printf(x->stream, "sha256=%s\n", digest_hex(&digest, hex));
	if (from == 0 && len == (uint64_t)object->size)
		(void)store_keep_digest(x->at[0].store, object, &digest);
}

void
serve_get(struct exchange *x)
{
	struct object object;
	char *begin, *p;
	uint64_t len;
	int64_t from;

	if (store_get(x->at[0].store, x->at[0].path, &object) == -1) {
		reply_store_errno(x, errno, 0);
		return;
	}
	if (range(&x->request, &object, &from, &len) == -1)
		reply_errno(x, errno, &x->path[0]);
	else if ((begin = stream_reserve(x->stream, REPLY_MAX)) != NULL) {
		x->code = 200;
		p = text_decimal(put_text(begin, "200 size="), len);
		p = text_decimal(put_text(p, " total="), (uint64_t)object.size);
		p = put_object(p, &object);
		stream_commit(x->stream, (size_t)(p - begin));
		if ((x->request.given & COFFER_DIGEST) && !object.known)
			send_hashed(x, &object, from, len);
		else
			(void)transfer_send(x->session, &object, from, len);
	}
	object_close(&object);
	if (stream_fault(x->stream) == EPROTO)
		session_log(x->session, "GET /%s: the file became shorter while it was sent",
		    x->path[0].name);
}

static int
hash(struct exchange *x, const struct object *object, int64_t from, uint64_t len, struct digest *digest)
{
	const struct session_opts *opts = x->session->opts;
	struct digest_state *state;
	int ret;

	if (opts->hash_max > 0 && opts->rivals(opts->rivals_arg, x->session->progress) >= opts->hash_max) {
		errno = EAGAIN;
		return -1;
	}
	if ((state = digest_begin()) == NULL)
		return -1;
	if ((ret = hash_range(x->session, object->fd, from, len, state)) == 0)
		digest_end(&state, digest);
	digest_drop(&state);
	return ret;
}

static void
reply_hash_failed(struct exchange *x)
{
	if (errno == EAGAIN)
		reply_error(x, 429, &x->path[0], "as many files are hashed for you as may be; try again later");
	else
		reply_errno(x, errno, &x->path[0]);
}

void
serve_hash(struct exchange *x)
{
	char hex[DIGEST_HEX];
	struct object object;
	uint64_t len;
	int64_t from;
	bool whole;

	if (store_get(x->at[0].store, x->at[0].path, &object) == -1) {
		reply_store_errno(x, errno, 0);
		return;
	}
	if (range(&x->request, &object, &from, &len) == -1) {
		reply_errno(x, errno, &x->path[0]);
		goto out;
	}
	whole = from == 0 && len == (uint64_t)object.size;
	if (!whole || !object.known) {
		if (hash(x, &object, from, len, &object.digest) == -1) {
			reply_hash_failed(x);
			goto out;
		}
		if (whole)
			(void)store_keep_digest(x->at[0].store, &object, &object.digest);
	}
	x->code = 200;
	stream_printf(x->stream, "200 sha256=%s size=%" PRIu64 "\n", digest_hex(&object.digest, hex), len);
out:
	object_close(&object);
}

/* One line of a listing. */
static void
put_entry(struct stream *stream, const struct listing_entry *e, bool digest)
{
	static const char types[] = { [OBJECT_FILE] = 'f', [OBJECT_FOLDER] = 'd', [OBJECT_SYMLINK] = 'l' };
	char *begin, *p;

	begin = p = stream_reserve(stream, 3 * e->len + REPLY_MAX);
	if (begin == NULL)
		return;
	*p++ = types[e->object.type];
	*p++ = ' ';
	p = text_decimal(p, (uint64_t)e->object.size);
	*p++ = ' ';
	p = text_put_timespec(p, &e->object.mtime);
	*p++ = ' ';
	p = text_octal4(p, e->object.mode);
	*p++ = ' ';
	p = text_encode(p, e->name, e->len);
	if (digest)
		p = put_digest(p, &e->object);
	*p++ = '\n';
	stream_commit(stream, (size_t)(p - begin));
}

static struct listing_opts
listing_opts(const struct coffer_request *r)
{
	static const enum listing_sort sorts[] = {
		[COFFER_SORT_NAME] = LISTING_BY_NAME,
		[COFFER_SORT_SIZE] = LISTING_BY_SIZE,
		[COFFER_SORT_MTIME] = LISTING_BY_MTIME,
	};

	return (struct listing_opts){
		.depth = r->given & COFFER_DEPTH ? r->depth : 1,
		.sort = r->given & COFFER_SORT ? sorts[r->sort] : LISTING_UNSORTED,
		.match = r->match.at,
		.after = r->after.at,
		.limit = r->given & COFFER_LIMIT ? r->limit : 0,
		.digest = (r->given & COFFER_DIGEST) != 0,
	};
}

static int
fill_listing(void *arg)
{
	return listing_fill(arg);
}

/* The entries.  The first batch is read at once, for most folders are small; the others
 * where they hold nobody up.  0 at the end, or -1 with errno. */
static int
send_entries(struct stream *stream, struct listing *listing, bool digest, bool sorted)
{
	struct listing_entry entry;
	bool first = true;
	int more;

	more = sorted ? wait_call(fill_listing, listing) : listing_fill(listing);
	while (more == 1) {
		while (listing_next(listing, &entry) == 1)
			put_entry(stream, &entry, digest);
		/* Who lists a large folder sees its beginning at once. */
		if (first && !listing_at_end(listing))
			(void)stream_flush(stream);
		first = false;
		if (stream_fault(stream) != 0)
			return -1;
		more = listing_at_end(listing) ? listing_fill(listing) :
		    wait_call(fill_listing, listing);
	}
	return more;
}

void
serve_list(struct exchange *x)
{
	struct listing_opts opts = listing_opts(&x->request);
	struct listing *listing;
	struct look *look;

	/* The words of the request stay: nothing more is read until the reply is written. */
	if (look_open(x->session, &x->path[0], &x->at[0], &opts, &listing, &look) == -1) {
		reply_store_errno(x, errno, 0);
		return;
	}
	x->code = 200;
	stream_puts(x->stream, listing_is_folder(listing) ? "200 type=d\n" : "200 type=f\n");
	if (send_entries(x->stream, listing, (x->request.given & COFFER_DIGEST) != 0,
	    opts.sort != LISTING_UNSORTED) == 0)
		stream_puts(x->stream, ".\n");
	else if (stream_fault(x->stream) == 0) {
		stream_puts(x->stream, "! ");
		reply_errno(x, errno, &x->path[0]);
	}
	look_close(&listing, &look);
}
