/* http_file - GET and HEAD of a file: its version, the conditions on it, its bytes. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mime.h"
#include "base/text.h"
#include "proto/http.h"
#include "session/transfer.h"

#define INDEX		"index.html"
#define PART_MAX	256	/* bytes of the head of one part */

/* One file on its way, and what its version is called. */
struct sending {
	struct http_exchange	*x;
	struct object		 object;
	struct http_version	 version;
	char			 digest_tag[HTTP_TAG_MAX], state_tag[HTTP_TAG_MAX];
	const char		*type;
	int			 ranges;	/* how many; 0: the whole file */
	struct http_range	 range[HTTP_RANGES_MAX];
	char			 boundary[17];
};

static char *
put_hex(char *dst, uint64_t n)
{
	static const char digits[] = "0123456789abcdef";
	int shift = n == 0 ? 0 : (63 - __builtin_clzll(n)) & ~3;

	for (; shift >= 0; shift -= 4)
		*dst++ = digits[n >> shift & 15];
	return dst;
}

/* "INODE-SIZE-SECONDS.NANOSECONDS" */
static void
put_state_tag(char *dst, const struct object *o, bool weak)
{
	dst = head_put(dst, weak ? "W/\"" : "\"");
	dst = put_hex(dst, o->inode);
	*dst++ = '-';
	dst = put_hex(dst, (uint64_t)o->size);
	*dst++ = '-';
	dst = put_hex(dst, (uint64_t)o->mtime.tv_sec);
	*dst++ = '.';
	dst = put_hex(dst, (uint64_t)o->mtime.tv_nsec);
	*dst++ = '"';
	*dst = '\0';
}

static void
put_digest_tag(char *dst, const struct object *o)
{
	dst = head_put(dst, "\"sha256-");
	dst = head_put(dst, digest_hex(&o->digest, (char[DIGEST_HEX]){ 0 }));
	*dst++ = '"';
	*dst = '\0';
}

/* The digest is a strong validator; else inode, size and mtime are, once the file has settled.
 * Until then there is none: a weak one would stand for what comes next, too.  A whole second that is
 * still to come was set by hand, and whoever writes before replaces it: that makes a weak tag.  Who got
 * the second before the digest was known has not lost it. */
static void
find_version(struct sending *f)
{
	struct http_version *v = &f->version;
	const struct object *o = &f->object;
	const bool future = !o->settled && o->mtime.tv_sec > f->x->now;
	int n = 0;

	v->tag[0] = v->tag[1] = NULL;
	if (o->known) {
		put_digest_tag(f->digest_tag, o);
		v->tag[n++] = f->digest_tag;
	}
	if (o->settled || future) {
		put_state_tag(f->state_tag, o, future);
		v->tag[n++] = f->state_tag;
	}
	v->dated = true;
	v->date = o->mtime.tv_sec;
	v->now = f->x->now;
}

static char *
put_base64(char *dst, const uint8_t *src, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t three;

	for (; len > 0; src += 3) {
		three = (uint32_t)src[0] << 16 | (len > 1 ? (uint32_t)src[1] << 8 : 0) | (len > 2 ? src[2] : 0);
		*dst++ = digits[three >> 18];
		*dst++ = digits[three >> 12 & 63];
		*dst++ = len > 1 ? digits[three >> 6 & 63] : '=';
		*dst++ = len > 2 ? digits[three & 63] : '=';
		len -= len < 3 ? len : 3;
	}
	return dst;
}

/* What tells one version from another. */
static char *
put_version(char *p, const struct sending *f)
{
	const struct http_version *v = &f->version;

	p = http_put_date(head_put(p, "Last-Modified: "), v->date < v->now ? v->date : v->now);
	p = head_put(p, "\r\n");
	if (v->tag[0] != NULL)
		p = head_put(head_put(head_put(p, "ETag: "), v->tag[0]), "\r\n");
	if (f->object.known) {
		p = head_put(p, "Repr-Digest: sha-256=:");
		p = head_put(put_base64(p, f->object.digest.byte, DIGEST_LEN), ":\r\n");
	}
	return p;
}

static char *
put_type(char *p, const char *type)
{
	p = head_put(head_put(p, "Content-Type: "), type);
	if (strncmp(type, "text/", 5) == 0)
		p = head_put(p, "; charset=utf-8");
	return head_put(p, "\r\n");
}

static char *
put_range(char *p, const struct http_range *r, off_t size)
{
	p = text_decimal(head_put(p, "Content-Range: bytes "), (uint64_t)r->from);
	*p++ = '-';
	p = text_decimal(p, (uint64_t)(r->from + r->len - 1));
	*p++ = '/';
	return head_put(text_decimal(p, (uint64_t)size), "\r\n");
}

/* The head of one of several parts. */
static char *
put_part(char *p, const struct sending *f, int i)
{
	p = head_put(head_put(head_put(p, "\r\n--"), f->boundary), "\r\n");
	p = put_range(put_type(p, f->type), &f->range[i], f->object.size);
	return head_put(p, "\r\n");
}

static char *
put_last(char *p, const struct sending *f)
{
	return head_put(head_put(head_put(p, "\r\n--"), f->boundary), "--\r\n");
}

static uint64_t
parts_length(const struct sending *f)
{
	char part[PART_MAX];
	uint64_t len = (uint64_t)(put_last(part, f) - part);
	int i;

	for (i = 0; i < f->ranges; i++)
		len += (uint64_t)(put_part(part, f, i) - part) + (uint64_t)f->range[i].len;
	return len;
}

static void
begin_parts(struct sending *f)
{
	uint64_t random;

	arc4random_buf(&random, sizeof(random));
	for (int i = 0; i < 16; i++)
		f->boundary[i] = (char)('a' + (random >> 4 * i & 15));
	f->boundary[16] = '\0';
}

static char *
put_content(char *p, struct sending *f)
{
	if (f->ranges <= 1) {
		p = put_type(p, f->type);
		if (f->ranges == 1)
			p = put_range(p, &f->range[0], f->object.size);
		return head_number(p, "Content-Length",
		    (uint64_t)(f->ranges == 1 ? f->range[0].len : f->object.size));
	}
	begin_parts(f);
	p = head_put(head_put(p, "Content-Type: multipart/byteranges; boundary="), f->boundary);
	return head_number(head_put(p, "\r\n"), "Content-Length", parts_length(f));
}

static void
send_parts(struct sending *f)
{
	struct stream *stream = f->x->stream;
	char *p;
	int i;

	for (i = 0; i < f->ranges; i++) {
		if ((p = stream_reserve(stream, PART_MAX)) == NULL)
			return;
		stream_commit(stream, (size_t)(put_part(p, f, i) - p));
		if (transfer_send(f->x->session, &f->object, f->range[i].from, (uint64_t)f->range[i].len) == -1)
			return;
	}
	if ((p = stream_reserve(stream, PART_MAX)) != NULL)
		stream_commit(stream, (size_t)(put_last(p, f) - p));
}

static void
send_file(struct sending *f)
{
	struct http_exchange *x = f->x;
	char *begin, *p;

	if ((begin = stream_reserve(x->stream, HTTP_REPLY_MAX)) == NULL)
		return;
	p = head_begin(x, begin, f->ranges > 0 ? 206 : 200);
	p = put_version(put_content(p, f), f);
	p = head_put(p, "Accept-Ranges: bytes\r\nX-Content-Type-Options: nosniff\r\n");
	p = head_put(p, x->folder ? HTTP_VARY : "");
	stream_commit(x->stream, (size_t)(head_end(x, p) - begin));
	if (x->request.method == HTTP_HEAD)
		return;
	if (f->ranges > 1)
		send_parts(f);
	else if (f->ranges == 1)
		(void)transfer_send(x->session, &f->object, f->range[0].from, (uint64_t)f->range[0].len);
	else
		(void)transfer_send(x->session, &f->object, 0, (uint64_t)f->object.size);
	if (stream_fault(x->stream) == EPROTO)
		session_log(x->session, "GET /%s: the file became shorter while it was sent", x->path.name);
}

/* Only GET has ranges. */
static int
find_ranges(struct sending *f)
{
	const struct http_request *rq = &f->x->request;
	struct http_text range = http_field(rq, HTTP_RANGE);

	if (range.at == NULL || rq->method != HTTP_GET || http_repeated(rq, HTTP_RANGE) ||
	    !http_if_range(rq, &f->version))
		return 0;
	return http_ranges(f->range, range, f->object.size);
}

/* Not inlined: its frame is no matter of folders. */
static __attribute__((noinline)) void
serve_object(struct http_exchange *x, const struct object *object, const char *leaf, size_t len)
{
	struct sending f;

	f.x = x;
	f.object = *object;
	find_version(&f);
	switch (http_conditions(&x->request, &f.version)) {
	case HTTP_NOT_MODIFIED:
		reply_not_modified(x, f.version.tag[0]);
		return;
	case HTTP_FAILED:
		reply_status(x, 412, "the file is not the one that was asked for");
		return;
	case HTTP_SEND:
		break;
	}
	f.type = mime_find(x->session->opts->mime, leaf, len);
	if ((f.ranges = find_ranges(&f)) == -1)
		reply_no_range(x, object->size);
	else
		send_file(&f);
}

/* The index.html of a folder, if it is to be served and there.  Whether there is a reply. */
static bool
serve_index(struct http_exchange *x)
{
	struct object object;
	struct path folder;
	int got;

	folder = x->path;
	if (path_join(&x->path, &folder, INDEX, strlen(INDEX)) == -1)
		return false;
	got = reach(x->session, &x->path, NEED_GET, &x->rest, &x->at);
	if (got == 0 && (got = store_get(x->at.store, x->at.path, &object)) == 0) {
		serve_object(x, &object, INDEX, strlen(INDEX));
		object_close(&object);
	} else if (x->at.store != NULL && errno == EACCES) {
		got = 0;		/* it is there, and not meant to be seen */
		reply_fault(x, EACCES);
	}
	if (got == -1)
		x->path = folder;
	return got == 0;
}

/* The page of a folder is for who asks for nothing else. */
static void
serve_folder(struct http_exchange *x)
{
	struct http_query q;
	const char *why;
	bool plain;

	if (http_query_parse(&q, x->request.query, &why) == -1) {
		reply_status(x, 400, why);
		return;
	}
	plain = !q.json && q.sort == HTTP_UNSORTED && q.after == NULL && q.limit == 0;
	q.json = q.json || (!q.page && http_wants_json(&x->request));
	if (!x->session->opts->index || !plain || q.json || !serve_index(x))
		serve_listing(x, &q);
}

/* What may not be read may be a folder whose names may be seen. */
static void
refuse_file(struct http_exchange *x, int error)
{
	struct object object;

	if (error != EISDIR && reach(x->session, &x->path, NEED_LIST, &x->rest, &x->at) == 0 &&
	    store_stat(x->at.store, x->at.path, &object) == 0 && object.type == OBJECT_FOLDER)
		error = EISDIR;
	if (error == EISDIR)
		reply_to_folder(x);
	else
		reply_fault(x, error);
}

void
serve_target(struct http_exchange *x)
{
	const struct path *path = &x->path;
	struct object object;

	if (x->folder)
		serve_folder(x);
	else if (reach(x->session, path, NEED_GET, &x->rest, &x->at) == -1)
		refuse_file(x, errno);
	else if (store_get(x->at.store, x->at.path, &object) == 0) {
		serve_object(x, &object, path->name + path->leaf, path->len - path->leaf);
		object_close(&object);
	} else if (errno == EISDIR)
		reply_to_folder(x);
	else
		reply_store_fault(x, errno);
}
