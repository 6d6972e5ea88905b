/* coffer_put - PUT of the native protocol: from the line to the reply that promises. */

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/wait.h"
#include "proto/coffer.h"
#include "session/hash.h"
#include "session/transfer.h"
#include "store/hold.h"

#define IN_FLIGHT_MAX	MEM_BUFFER	/* bytes of a body that is here in a moment */
#define RESUME_WAIT_MS	1000	/* for an upload that somebody else is at */
#define RESUME_LOOK_MS	20	/* between two looks at it, later on */
#define STORED_MAX	256	/* bytes of a 201 line */

void
reply_stored(struct exchange *x, const struct object *done)
{
	char *begin, *p;

	x->code = 201;
	if ((begin = stream_reserve(x->stream, STORED_MAX)) == NULL)
		return;
	p = text_decimal(put_text(begin, "201 size="), (uint64_t)done->size);
	p = put_digest(p, done);
	p = put_text(p, store_durable(x->at[0].store) ? " durability=full\n" : " durability=none\n");
	stream_commit(x->stream, (size_t)(p - begin));
}

static void
reply_held(struct exchange *x, const struct object *done)
{
	char *begin, *p;

	x->code = 200;
	if ((begin = stream_reserve(x->stream, STORED_MAX)) == NULL)
		return;
	p = text_decimal(put_text(begin, "200 held size="), (uint64_t)done->size);
	p = put_digest(p, done);
	*p++ = '\n';
	stream_commit(x->stream, (size_t)(p - begin));
}

static struct upload_want
want(const struct session *s, const struct coffer_request *r)
{
	return (struct upload_want){
		.size = r->size == COFFER_SIZE_CHUNKED ? UPLOAD_SIZE_UNKNOWN : r->size,
		.has_digest = (r->given & COFFER_SHA256) != 0,
		.has_mtime = (r->given & COFFER_MTIME) != 0,
		.has_mode = (r->given & COFFER_MODE) != 0,
		.digest = r->sha256,
		.mtime = r->mtime,
		.mode = r->mode,
		.condition = !(r->given & COFFER_IF) ? UPLOAD_ANY :
		    r->if_new ? UPLOAD_IF_NEW : UPLOAD_IF_DIGEST,
		.current = r->if_digest,
		.in_flight = !(r->given & (COFFER_WAIT | COFFER_RESUME)) && r->size >= 0 && r->size <= IN_FLIGHT_MAX,
		.resume = (r->given & COFFER_RESUME) != 0,
		.user = session_user(s),
	};
}

static int
call_open(struct store_call *c)
{
	return upload_open(c->store, c->path, c->want, c->upload);
}

static int
call_stands(struct store_call *c)
{
	return upload_stands(c->store, c->path, c->want, c->object) ? 0 : -1;
}

static int
call_settle(struct store_call *c)
{
	return upload_settle(c->store, c->path, c->object);
}

static int
call_hold(struct store_call *c)
{
	return upload_hold(c->upload, c->object);
}

static int
call_publish(struct store_call *c)
{
	return upload_publish(c->upload, c->object);
}

/* What was there already; the client waits for the 100.  If he goes, it stays for another time. */
static int
hash_prefix(struct exchange *x, struct upload **up)
{
	struct digest_state *state;
	int64_t len;
	int fd, error;

	len = upload_unhashed(*up, &fd, &state);
	if (hash_range(x->session, fd, 0, (uint64_t)len, state) == 0) {
		upload_hashed(*up);
		return 0;
	}
	error = errno;
	upload_abandon(up, error == ECONNRESET || error == ENOMEM);
	errno = error;
	return -1;
}

/* A client that comes back at once may find his old session still at the upload: it ends as soon as it
 * has read what was on its way. */
static int
open_resumed(struct store_call *call, struct upload_want *w)
{
	int64_t until = clock_in(RESUME_WAIT_MS), look;
	int ret;

	for (look = 1; ; look = look < RESUME_LOOK_MS / 2 ? 2 * look : RESUME_LOOK_MS) {
		w->patient = clock_ms() < until;
		ret = store_call(call);
		if (ret != -1 || errno != EAGAIN || !w->patient)
			break;
		if (wait_until(clock_in(look)) == -1)
			until = 0;
	}
	return ret;
}

/* The digest of what stands there, from its bytes: no edit behind our back is overlooked. */
static int
hash_standing(struct exchange *x, struct object *there)
{
	struct digest_state *state = digest_begin();
	int ret = -1;

	if (state != NULL && (ret = hash_range(x->session, there->fd, 0, (uint64_t)there->size, state)) == 0) {
		digest_end(&state, &there->digest);
		there->known = true;
	}
	digest_drop(&state);
	return ret;
}

/* A client whose upload was published, and who was not told so any more, comes again.  Who may not read is not
 * told what the bytes are. */
static bool
stands(struct exchange *x, struct upload_want *w)
{
	struct object there = { .fd = -1 };
	struct store_call call = {
		.fn = call_stands, .store = x->at[0].store, .path = x->at[0].path, .want = w, .object = &there,
	};
	bool stands;

	if (!w->resume || w->hold != NULL || !(x->at[0].allowed & RIGHT_READ) || store_call(&call) == -1)
		return false;
	call.fn = call_settle;
	stands = hash_standing(x, &there) == 0 && digest_equal(&there.digest, &w->digest) && store_call(&call) == 0;
	object_close(&there);
	if (stands)
		reply_stored(x, &there);
	return stands;
}

/* A resume and a conditional write may hash, a large one reserves: these may take long.  *up stays NULL where
 * nothing is left to be done, and the client was told so. */
static int
open_upload(struct exchange *x, struct upload **up)
{
	struct upload_want w = want(x->session, &x->request);
	struct store_call call = {
		.fn = call_open, .store = x->at[0].store, .path = x->at[0].path, .want = &w, .upload = up,
	};
	uint64_t max = x->session->opts->upload_max;
	int ret;

	if (reach_upload(x->session, &x->at[0], &w) == -1)
		return -1;
	if ((x->request.given & COFFER_HOLD) && (w.hold = session_hold(x)) == NULL)
		return -1;
	if (max > 0 && w.size != UPLOAD_SIZE_UNKNOWN && (uint64_t)w.size > max) {
		errno = EFBIG;
		return -1;
	}
	if (stands(x, &w))
		return 0;
	if (w.resume)
		ret = open_resumed(&call, &w);
	else if (w.condition == UPLOAD_IF_DIGEST || w.size >= UPLOAD_RESERVE_MIN)
		ret = store_call(&call);
	else
		ret = call_open(&call);
	return ret == 0 && w.resume ? hash_prefix(x, up) : ret;
}

/* A body in chunks: a line with the length, the bytes; 0 ends it.  The stream knows no
 * way back from a broken chunk: the conversation is over then. */
static int
receive_chunks(struct exchange *x, struct upload *up, uint64_t *left)
{
	uint64_t len, total = 0, max = x->session->opts->upload_max;
	char *line;
	ssize_t n;

	*left = UINT64_MAX;
	for (;;) {
		n = stream_line_within(x->stream, &line);
		if (n == -1 && errno != EMSGSIZE)
			return -1;
		if (n == -1 || coffer_chunk_parse(&len, line, (size_t)n) == -1) {
			x->over = true;
			errno = EPROTO;
			return -1;
		}
		if (len == 0)
			break;
		total += len;
		if (max > 0 && total > max) {
			x->over = true;
			errno = EFBIG;
			return -1;
		}
		if (transfer_receive(x->session, up, len, left) == -1) {
			int error = errno;

			/* The rest of this chunk, and all that follow: none is a request. */
			if (stream_fault(x->stream) == 0)
				refuse_body(x, *left);
			if (!x->over && stream_fault(x->stream) == 0)
				refuse_body(x, UINT64_MAX);
			*left = UINT64_MAX;
			errno = error;
			return -1;
		}
	}
	*left = 0;
	return 0;
}

static int
receive(struct exchange *x, struct upload *up, uint64_t *left)
{
	const struct coffer_request *r = &x->request;
	int64_t offset = upload_offset(up);

	if (r->given & (COFFER_WAIT | COFFER_RESUME))
		stream_printf(x->stream, "100 from=%" PRId64 "\n", offset);
	if (r->size == COFFER_SIZE_CHUNKED)
		return receive_chunks(x, up, left);
	return transfer_receive(x->session, up, (uint64_t)(r->size - offset), left);
}

/* The body did not come to its end: who sends it may still read why. */
static void
reply_cut_short(struct exchange *x, uint64_t left)
{
	const struct stream_opts *limits = &x->session->opts->stream;
	int fault = stream_fault(x->stream);

	if (!stream_last_word(x->stream))
		return;
	x->over = true;
	if (fault == ETIMEDOUT)
		reply_error(x, 503, NULL, "nothing came for %" PRId64 " s, or less than %" PRId64
		    " bytes a second", limits->stall_ms / 1000, limits->min_rate);
	else if (x->request.size != COFFER_SIZE_CHUNKED)
		reply_error(x, 400, &x->path[0], "%" PRIu64 " bytes of what was declared did not come", left);
	else
		reply_error(x, 400, &x->path[0], "the body ended before its last chunk");
}

static void
reply_upload_errno(struct exchange *x, int error)
{
	bool asked = (x->request.given & COFFER_IF) != 0;

	error = reach_upload_errno(x->session, &x->at[0], asked, error);
	reply_errno(x, error == EEXIST && asked ? ESTALE : error, &x->path[0]);
}

/* A refusal before the body: with wait nothing comes, else it is read away first. */
static void
refuse_early(struct exchange *x, int error)
{
	const struct coffer_request *r = &x->request;

	if (!(r->given & (COFFER_WAIT | COFFER_RESUME)))
		refuse_body(x, r->size == COFFER_SIZE_CHUNKED ? UINT64_MAX : (uint64_t)r->size);
	reply_upload_errno(x, error);
}

static void
reply_mismatch(struct exchange *x, const struct object *done)
{
	char hex[DIGEST_HEX];

	reply_error(x, 422, &x->path[0], "the digest differs: what came has sha256=%s",
	    digest_hex(&done->digest, hex));
}

/* Whether the end of an upload may take long.  Without fsync it is a rename: not worth another
 * thread. */
static bool
ends_slowly(struct exchange *x, const struct upload_want *w)
{
	return w->condition == UPLOAD_IF_DIGEST || (w->hold == NULL ? store_durable(x->at[0].store) : !w->in_flight);
}

static void
publish(struct exchange *x, struct upload **up)
{
	struct upload_want w = want(x->session, &x->request);
	struct object done = { .fd = -1 };
	struct store_call call = { .upload = up, .object = &done };
	int ret;

	w.hold = x->request.given & COFFER_HOLD ? x->session->hold : NULL;
	call.fn = w.hold != NULL ? call_hold : call_publish;
	ret = ends_slowly(x, &w) ? store_call(&call) : call.fn(&call);
	if (ret == 0 && w.hold != NULL)
		reply_held(x, &done);
	else if (ret == 0)
		reply_stored(x, &done);
	else if (errno == EBADMSG)
		reply_mismatch(x, &done);
	else
		reply_upload_errno(x, errno);
}

void
serve_put(struct exchange *x)
{
	struct upload *up = NULL;
	uint64_t left = 0;
	int error;

	if (open_upload(x, &up) == -1) {
		refuse_early(x, errno);
		return;
	}
	if (up == NULL)
		return;
	if (receive(x, up, &left) == 0) {
		publish(x, &up);
		return;
	}
	error = errno;
	upload_abandon(&up, stream_fault(x->stream) != 0);
	if (stream_fault(x->stream) != 0) {
		reply_cut_short(x, left);
		return;
	}
	if (left != UINT64_MAX)
		refuse_body(x, left);
	if (error == EPROTO)
		reply_error(x, 400, &x->path[0], "a chunk begins with its length in hexadecimal digits");
	else
		reply_errno(x, error, &x->path[0]);
}
