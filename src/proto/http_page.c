/* http_page - the listing of a folder as a page for people: one table, no script; narrow and wide,
 * light and dark. */

#include <string.h>

#include "base/text.h"
#include "parse/http_escape.h"
#include "proto/http.h"

#define CRUMBS_MAX	32	/* folders on the way here that are links */
#define ABOVE_MAX	32	/* folders above a symbolic link that are compared with its target */

static const char style[] =
    ":root{color-scheme:light dark;--fg:#1b1f24;--soft:#667079;--line:#e3e6ea;--link:#0a58b9;--bg:#fff;"
    "--over:#f2f5f9}"
    "@media(prefers-color-scheme:dark){:root{--fg:#e4e7eb;--soft:#929ca6;--line:#2c3138;--link:#7db7ff;"
    "--bg:#15181c;--over:#1f242a}}"
    "*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:64rem;padding:1.5rem 1rem 3rem;background:var(--bg);color:var(--fg);"
    "font:1rem/1.4 system-ui,-apple-system,\"Segoe UI\",\"Liberation Sans\",sans-serif}"
    "h1{font-size:1.25rem;font-weight:600;margin:0 .5rem 1rem;overflow-wrap:anywhere}"
    "a{color:var(--link);text-decoration:none}a:hover,a:focus{text-decoration:underline}"
    "h1 i{color:var(--soft);font-style:normal;font-weight:400;margin:0 .3em}"
    "table{width:100%;border-collapse:collapse}"
    "th{font-weight:400;text-align:left}.s,.t,p{color:var(--soft)}"
    "button{all:unset;cursor:pointer;font-size:.875rem;color:var(--soft)}"
    "button:hover,button:focus-visible{text-decoration:underline}"
    "[aria-sort] button{color:var(--fg);font-weight:600}"
    "th,td{padding:.45rem .5rem;border-bottom:1px solid var(--line);vertical-align:baseline}"
    "tbody tr:hover{background:var(--over)}"
    ".n{overflow-wrap:anywhere;width:100%}.d a{font-weight:600}"
    ".s,.t{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;font-size:.875rem}"
    "p{font-size:.875rem;margin:1rem .5rem}"
    "@media(max-width:36rem){body{padding:1rem .5rem 2rem}"
    "th,td{padding:.7rem .5rem}.t span{display:none}}";

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static char *
put_html(struct page *page, const char *text, size_t len)
{
	if (page_room(page, HTTP_HTML_GROWS * len) != NULL)
		page->p = http_put_html(page->p, text, len);
	return page->p;
}

/* The path, a part at a time: each is a link, but for the last, which is this folder. */
static void
put_crumbs(struct page *page)
{
	const struct path *path = &page->x->path;
	const char *part = path->name, *end = path->name + path->len, *slash;
	unsigned depth = 0, i;

	for (slash = part; slash < end; slash++)
		depth += *slash == '/';
	depth += path->len > 0;
	page_put(page, "<h1>");
	for (i = depth; part <= end; i--, part = slash + 1) {
		bool link = i > 0 && i <= CRUMBS_MAX;

		if (link) {
			page_put(page, "<a href=\"");
			for (unsigned up = 0; up < i; up++)
				page_put(page, "../");
			page_put(page, "\">");
		}
		if (i == depth)
			page_put(page, "<bdi>/</bdi>");
		slash = part - 1;
		if (i < depth) {
			slash = memchr(part, '/', (size_t)(end - part));
			slash = slash != NULL ? slash : end;
			page_put(page, "<bdi>");
			(void)put_html(page, part, (size_t)(slash - part));
			page_put(page, "</bdi>");
		}
		page_put(page, link ? "</a>" : "");
		if (i < depth && i > 0)
			page_put(page, "<i>/</i>");
		if (i == 0)
			break;
	}
	page_put(page, "</h1>\n");
}

/* The title: the path, in pieces that fit into a bite. */
static void
put_title(struct page *page)
{
	const struct path *path = &page->x->path;
	size_t at, n;

	page_put(page, "<title>/");
	for (at = 0; at < path->len; at += n) {
		n = path->len - at < 512 ? path->len - at : 512;
		/* Not within a character. */
		while (at + n < path->len && n > 500 && ((unsigned char)path->name[at + n] & 0xc0) == 0x80)
			n--;
		(void)put_html(page, path->name + at, n);
	}
	page_put(page, "</title>\n");
}

/* A button of a form, and no link: those who fetch whole trees follow links. */
static void
put_column(struct page *page, const char *class, const char *key, const char *name, bool is_sorted)
{
	bool up = strcmp(key, "name") == 0;

	page_put(page, "<th scope=\"col\" class=\"");
	page_put(page, class);
	page_put(page, !is_sorted ? "\"" : up ? "\" aria-sort=\"ascending\"" : "\" aria-sort=\"descending\"");
	page_put(page, "><button form=\"o\" name=\"sort\" value=\"");
	page_put(page, key);
	page_put(page, "\">");
	page_put(page, name);
	page_put(page, !is_sorted ? "</button>" : up ? "&nbsp;\xe2\x96\xb4</button>" : "&nbsp;\xe2\x96\xbe</button>");
}

static void
html_begin(struct page *page, const struct http_query *q)
{
	page_put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
	put_title(page);
	page_put(page, "<style>");
	page_put(page, style);
	page_put(page, "</style>\n");
	put_crumbs(page);
	page_put(page, "<form id=\"o\"></form>\n<table>\n<thead><tr>");
	put_column(page, "n", "name", "Name", q->sort <= HTTP_BY_NAME);
	put_column(page, "s", "size", "Size", q->sort == HTTP_BY_SIZE);
	put_column(page, "t", "mtime", "Modified", q->sort == HTTP_BY_MTIME);
	page_put(page, "</thead>\n<tbody>\n");
	if (!path_is_root(&page->x->path))
		page_put(page, "<tr><td class=\"n d\"><a href=\"../\">../</a><td><td>\n");
}

/* "999 B", "1.0 KiB" ... with three digits at most. */
static char *
put_size(char *p, uint64_t n)
{
	/* With a no-break space (U+00A0) before each but the first. */
	static const char *const units[] = {
		"", "\u00a0K", "\u00a0M", "\u00a0G", "\u00a0T", "\u00a0P", "\u00a0E"
	};
	uint64_t tenths = n * 10;
	size_t unit = 0;

	if (n > UINT64_MAX / 10)
		return text_decimal(p, n);
	for (; tenths >= 10000 && unit < 6; unit++)
		tenths = (tenths + 512) / 1024;
	if (unit > 0 && tenths < 100) {
		p = text_decimal(p, tenths / 10);
		*p++ = '.';
		*p++ = (char)('0' + tenths % 10);
	} else
		p = text_decimal(p, (tenths + 5 * (unit > 0)) / 10);
	return head_put(p, units[unit]);
}

static bool
find(const struct http_exchange *x, const struct path *path, enum need need, struct object *object)
{
	struct reach at;
	struct path rest;

	return reach(x->session, path, need, &rest, &at) == 0 && at.store != NULL &&
	    store_stat(at.store, at.path, object) == 0;
}

static bool
find_folder(const struct http_exchange *x, const struct path *path, struct object *object)
{
	return find(x, path, NEED_LIST, object) && object->type == OBJECT_FOLDER;
}

enum lead { TO_FILE, TO_FOLDER, TO_NOTHING, TO_ABOVE };

/* Where a symbolic link leads.  Who fetches a tree takes for a folder what ends with a slash, and all else for a
 * file: he is offered none that leads out of the tree or to what is not there, nor one back to a folder above,
 * lest he go round for ever.  Not inlined: a path is large. */
static __attribute__((noinline)) enum lead
lead_of(const struct http_exchange *x, const struct listing_entry *e)
{
	struct object target, above;
	struct path path, inner;
	unsigned depth = 0;

	if (path_join(&path, &x->path, e->name, e->len) == -1)
		return TO_NOTHING;
	if (!find_folder(x, &path, &target))
		return find(x, &path, NEED_STAT, &target) && target.type == OBJECT_FILE ? TO_FILE : TO_NOTHING;
	do {
		inner = path;
		if (depth++ == ABOVE_MAX || path_parent(&path, &inner) == -1 ||
		    (find_folder(x, &path, &above) && above.inode == target.inode))
			return TO_ABOVE;
	} while (!path_is_root(&path));
	return TO_FOLDER;
}

/* The name as it leads there; or the name alone. */
static char *
put_name(char *p, const struct listing_entry *e, enum lead lead)
{
	p = head_put(p, lead == TO_FOLDER ? "<tr><td class=\"n d\">" : "<tr><td class=\"n\">");
	if (lead == TO_FILE || lead == TO_FOLDER) {
		p = http_put_url(head_put(p, "<a href=\""), e->name, e->len);
		p = head_put(p, lead == TO_FOLDER ? "/\">" : "\">");
	}
	p = http_put_html(head_put(p, "<bdi>"), e->name, e->len);
	p = head_put(p, lead == TO_FOLDER ? "/</bdi>" : "</bdi>");
	return head_put(p, lead == TO_FILE || lead == TO_FOLDER ? "</a>" : "");
}

static void
html_entry(struct page *page, const struct listing_entry *e)
{
	bool link = e->object.type == OBJECT_SYMLINK, file = e->object.type == OBJECT_FILE;
	enum lead lead = link ? lead_of(page->x, e) : file ? TO_FILE : TO_FOLDER;
	char *p = page_room(page, (HTTP_URL_GROWS + HTTP_HTML_GROWS) * e->len + 512);

	if (p == NULL)
		return;
	page->folders += lead == TO_FOLDER;
	page->files += lead == TO_FILE;
	page->bytes += file ? (uint64_t)e->object.size : 0;
	p = head_put(put_name(p, e, lead), "<td class=\"s\"");
	if (file) {
		p = text_decimal(head_put(p, " title=\""), (uint64_t)e->object.size);
		p = head_put(head_put(p, " byte"), plural((uint64_t)e->object.size));
		p = put_size(head_put(p, "\">"), (uint64_t)e->object.size);
	} else
		p = head_put(p, lead == TO_NOTHING ? ">link to nothing" : lead == TO_ABOVE ? ">link back" :
		    link ? ">link" : ">");
	p = head_put(p, "<td class=\"t\">");
	p = http_put_minute(p, e->object.mtime.tv_sec, ' ');
	memmove(p - 5 + 6, p - 5, 5);
	memcpy(p - 5, "<span>", 6);
	page->p = head_put(p + 6, "</span>\n");
}

static void
html_end(struct page *page)
{
	char *p;

	page_put(page, "</tbody>\n</table>\n<p>");
	if ((p = page_room(page, 256)) == NULL)
		return;
	p = text_decimal(p, page->folders);
	p = head_put(head_put(head_put(p, " folder"), plural(page->folders)), ", ");
	p = text_decimal(p, page->files);
	p = head_put(head_put(head_put(p, " file"), plural(page->files)), ", ");
	p = put_size(p, page->bytes);
	if (page->bytes < 1000)
		p = head_put(head_put(p, " byte"), plural(page->bytes));
	page->p = p;
	page_put(page, "; times are UTC</p>\n</html>\n");
}

const struct look look_html = {
	.type = "text/html; charset=utf-8",
	.fields = "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
	    "base-uri 'none'; form-action 'self'\r\n",
	.begin = html_begin,
	.entry = html_entry,
	.end = html_end,
};
