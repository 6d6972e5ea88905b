/* http_list - the listing of a folder: written bit by bit, in one of two looks.  The JSON
 * is here; the HTML is in http_page.c. */

#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "io/wait.h"
#include "parse/http_escape.h"
#include "proto/http.h"
#include "session/look.h"

#define CHUNK_MAX	32768	/* bytes of a chunk, all in all */
#define CHUNK_HEAD	6	/* "7FFA" CR LF */

/* Ends the chunk under way. */
static void
end_chunk(struct page *page)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t len;

	if (page->begin == NULL)
		return;
	len = (size_t)(page->p - page->begin);
	if (page->chunked) {
		len -= CHUNK_HEAD;
		for (int i = 0; i < 4; i++)
			page->begin[i] = digits[len >> (12 - 4 * i) & 15];
		memcpy(page->begin + 4, "\r\n", 2);
		page->p = head_put(page->p, "\r\n");
	}
	/* A chunk of nothing would be the last. */
	if (len > 0)
		stream_commit(page->x->stream, (size_t)(page->p - page->begin));
	page->begin = page->p = NULL;
}

char *
page_room(struct page *page, size_t len)
{
	if (page->begin != NULL && (size_t)(page->p - page->begin) + len + 2 > CHUNK_MAX)
		end_chunk(page);
	if (page->begin == NULL) {
		page->begin = page->p = stream_reserve(page->x->stream, CHUNK_MAX);
		if (page->begin != NULL && page->chunked)
			page->p += CHUNK_HEAD;
	}
	return page->p;
}

void
page_put(struct page *page, const char *text)
{
	if (page_room(page, strlen(text)) != NULL)
		page->p = head_put(page->p, text);
}

/* What is there leaves now. */
static void
flush(struct page *page)
{
	end_chunk(page);
	(void)stream_flush(page->x->stream);
}

static void
json_begin(struct page *page, const struct http_query *q)
{
	(void)q;
	page_put(page, "[");
}

/* {"name":"a","type":"file","size":1,"mtime":"..."}, a line each.  A name that is not UTF-8 is
 * given once more as it stands in a URL. */
static void
json_entry(struct page *page, const struct listing_entry *e)
{
	static const char *const types[] = {
		[OBJECT_FILE] = "\",\"type\":\"file\",\"size\":",
		[OBJECT_FOLDER] = "\",\"type\":\"directory\",\"mtime\":\"",
		[OBJECT_SYMLINK] = "\",\"type\":\"symlink\",\"mtime\":\"",
	};
	char *p = page_room(page, (HTTP_JSON_GROWS + HTTP_URL_GROWS) * e->len + 256);

	if (p == NULL)
		return;
	p = head_put(p, page->files++ > 0 ? ",\n{\"name\":\"" : "\n{\"name\":\"");
	p = http_put_json(p, e->name, e->len);
	p = head_put(p, types[e->object.type]);
	if (e->object.type == OBJECT_FILE)
		p = head_put(text_decimal(p, (uint64_t)e->object.size), ",\"mtime\":\"");
	p = http_put_stamp(p, &e->object.mtime);
	if (!http_is_utf8(e->name, e->len))
		p = http_put_url(head_put(p, "\",\"encoded\":\""), e->name, e->len);
	page->p = head_put(p, "\"}");
}

static void
json_end(struct page *page)
{
	page_put(page, "\n]\n");
}

static const struct look look_json = {
	.type = "application/json",
	.fields = "",
	.begin = json_begin,
	.entry = json_entry,
	.end = json_end,
};

/* Without a wish, JSON comes in the order of the file system: at once.  Pages need an order. */
static struct listing_opts
listing_opts(const struct http_query *q)
{
	static const enum listing_sort sorts[] = {
		[HTTP_UNSORTED] = LISTING_UNSORTED,
		[HTTP_BY_NAME] = LISTING_BY_NAME,
		[HTTP_BY_SIZE] = LISTING_BY_SIZE,
		[HTTP_BY_MTIME] = LISTING_BY_MTIME,
	};
	enum http_sort sort = q->sort;

	if (sort == HTTP_UNSORTED && (!q->json || q->limit > 0 || q->after != NULL))
		sort = HTTP_BY_NAME;
	return (struct listing_opts){
		.depth = 1,
		.sort = sorts[sort],
		.after = q->after,
		.limit = q->limit,
	};
}

static int
fill(void *listing)
{
	return listing_fill(listing);
}

static void
send_head(struct http_exchange *x, const struct look *look, bool chunked)
{
	char *begin, *p;

	if (!chunked)
		x->over = true;
	if ((begin = stream_reserve(x->stream, HTTP_REPLY_MAX)) == NULL)
		return;
	p = head_put(head_put(head_begin(x, begin, 200), "Content-Type: "), look->type);
	p = head_put(head_put(p, "\r\n"), look->fields);
	p = head_put(p, HTTP_NO_CACHE HTTP_VARY "X-Content-Type-Options: nosniff\r\n");
	if (chunked)
		p = head_put(p, "Transfer-Encoding: chunked\r\n");
	stream_commit(x->stream, (size_t)(head_end(x, p) - begin));
}

/* The entries behind the first batch.  0 at the end, or -1 with errno. */
static int
send_entries(struct page *page, const struct look *look, struct listing *listing, int more)
{
	struct listing_entry entry;
	bool first = true;

	while (more == 1) {
		while (listing_next(listing, &entry) == 1)
			look->entry(page, &entry);
		/* Who lists a large folder sees its beginning at once. */
		if (first && !listing_at_end(listing))
			flush(page);
		first = false;
		if (stream_fault(page->x->stream) != 0)
			return -1;
		if (listing_at_end(listing))
			more = listing_fill(listing);
		else {
			end_chunk(page);	/* others may use the time, but not the buffer */
			more = wait_call(fill, listing);
		}
	}
	return more;
}

/* It breaks off: without the last chunk, or where the end of the connection would look like
 * a good end, by a reset. */
static void
break_off(struct page *page, int error)
{
	const struct linger rude = { .l_onoff = 1 };
	struct stream *stream = page->x->stream;

	session_log(page->x->session, "%s /%s: the listing broke off: %s",
	    http_method_name(page->x->request.method), page->x->path.name, strerror(error));
	flush(page);
	if (!page->chunked)
		(void)setsockopt(stream_fd(stream), SOL_SOCKET, SO_LINGER, &rude, sizeof(rude));
	(void)stream_fail(stream, error);
}

static void
send_listing(struct http_exchange *x, const struct http_query *q, struct listing *listing, bool sorted)
{
	const struct look *look = q->json ? &look_json : &look_html;
	struct page page = { .x = x, .chunked = !x->request.old };
	int more = 1;

	/* What fails at once is a status yet; a sort would keep the first bytes waiting. */
	if (!sorted && (more = listing_fill(listing)) == -1) {
		reply_fault(x, errno);
		return;
	}
	send_head(x, look, page.chunked);
	if (x->request.method == HTTP_HEAD)
		return;
	look->begin(&page, q);
	if (sorted) {
		flush(&page);
		more = wait_call(fill, listing);
	}
	if (send_entries(&page, look, listing, more) == -1) {
		if (stream_fault(x->stream) == 0)
			break_off(&page, errno);
		return;
	}
	look->end(&page);
	end_chunk(&page);
	if (page.chunked)
		stream_puts(x->stream, "0\r\n\r\n");
}

/* A listing has no version that could be named or dated: only "any" is fulfilled by it. */
static void
send_if(struct http_exchange *x, const struct http_query *q, struct listing *listing, bool sorted)
{
	const struct http_version none = { .now = x->now };

	switch (http_conditions(&x->request, &none)) {
	case HTTP_NOT_MODIFIED:
		reply_not_modified(x, NULL);
		break;
	case HTTP_FAILED:
		reply_status(x, 412, "a folder has no version that could be asked for");
		break;
	case HTTP_SEND:
		send_listing(x, q, listing, sorted);
		break;
	}
}

void
serve_listing(struct http_exchange *x, const struct http_query *q)
{
	struct listing_opts opts = listing_opts(q);
	struct listing *listing = NULL;
	struct look *look = NULL;

	if (reach(x->session, &x->path, NEED_LIST, &x->rest, &x->at) == -1)
		reply_fault(x, errno);
	else if (look_open(x->session, &x->path, &x->at, &opts, &listing, &look) == -1)
		reply_store_fault(x, errno);
	else if (!listing_is_folder(listing))
		reply_store_fault(x, ENOTDIR);
	else
		send_if(x, q, listing, opts.sort != LISTING_UNSORTED);
	look_close(&listing, &look);
}
