/* place - a remote operand: which server, and which path on it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nitems.h"
#include "base/text.h"
#include "client/place.h"

static const struct {
	const char	*begins;	/* a URL of that kind */
	enum place_tls	 tls;
	const char	*port;
} schemes[] = {
	{ "coffer://", PLACE_CLEAR, PLACE_PORT },
	{ "coffers://", PLACE_TLS, PLACE_TLS_PORT },
	{ "coffer+starttls://", PLACE_STARTTLS, PLACE_PORT },
};

/* The length of a URL up to its host; 0 of one that has none. */
static size_t
to_host(const char *text)
{
	for (size_t i = 0; i < nitems(schemes); i++)
		if (strncasecmp(text, schemes[i].begins, strlen(schemes[i].begins)) == 0)
			return strlen(schemes[i].begins);
	return 0;
}

/* The place of a server's scheme in the table; one past its end of a Unix socket's. */
static size_t
scheme_of(const struct socket_url *url)
{
	size_t i, len = strlen(url->scheme);

	for (i = 0; i < nitems(schemes); i++)
		if (strncmp(schemes[i].begins, url->scheme, len) == 0 && schemes[i].begins[len] == ':')
			break;
	return i;
}

enum place_tls
place_tls(const struct socket_url *url)
{
	size_t i = scheme_of(url);

	return i < nitems(schemes) ? schemes[i].tls : PLACE_CLEAR;
}

bool
place_is_url(const char *operand)
{
	return to_host(operand) > 0 || strncasecmp(operand, "unix:/", 6) == 0;
}

/* Whether a part is "..": the server refuses it, and here it would name something else. */
static bool
has_dotdot(const char *path)
{
	size_t len;

	for (; *path != '\0'; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 2 && path[0] == '.' && path[1] == '.')
			return true;
	}
	return false;
}

/* Copies path to dst with one slash before each part, leaving out empty and "." parts. */
static char *
append_parts(char *dst, const char *path)
{
	size_t len;

	for (;; path += len) {
		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0)
			break;
		if (len == 1 && *path == '.')
			continue;
		*dst++ = '/';
		memcpy(dst, path, len);
		dst += len;
	}
	*dst = '\0';
	return dst;
}

/* base and path as one absolute path; an absolute path stands alone. */
static int
set_path(struct place *place, const char *base, const char *path)
{
	size_t len = strlen(path);
	char *end;

	if (has_dotdot(path) || (*path != '/' && has_dotdot(base))) {
		say_of(path, "a remote path has no \"..\" in it");
		return -1;
	}
	place->path = end = xmalloc(strlen(base) + len + 3);
	if (*path != '/')
		end = append_parts(end, base);
	end = append_parts(end, path);
	if (end == place->path)
		(void)strcpy(place->path, "/");
	place->folder = strcmp(place->path, "/") == 0 || (len > 0 && path[len - 1] == '/') ||
	    (len > 1 && strcmp(path + len - 2, "/.") == 0) || strcmp(path, ".") == 0;
	return 0;
}

/* Splits a URL into the server and the path, which is decoded into new memory. */
static int
split_url(struct socket_url *server, char **path, const char *text)
{
	const char *why = NULL, *slash;
	size_t host = to_host(text);
	ptrdiff_t len;
	char *head;
	int ret;

	if (host == 0) {
		*path = xstrdup("/");
		ret = socket_url_parse(server, text, &why);
		if (ret == 0 && strcmp(server->scheme, "unix") != 0) {
			why = "a server is coffer[s]://HOST[:PORT] or unix:/SOCKET";
			ret = -1;
		}
	} else {
		/* A path may be longer than struct socket_url has room for. */
		slash = text + host + strcspn(text + host, "/");
		head = xasprintf("%.*s", (int)(slash - text), text);
		*path = xstrdup(*slash == '\0' ? "/" : slash);
		ret = socket_url_parse(server, head, &why);
		free(head);
		len = text_decode(*path, strlen(*path));
		if (ret == 0 && (len == -1 || memchr(*path, '\0', (size_t)len) != NULL)) {
			why = "% in a URL is followed by two hexadecimal digits, and not by 00";
			ret = -1;
		} else if (ret == 0)
			(*path)[len] = '\0';
	}
	if (ret == 0 && host > 0 && server->host[0] == '\0') {
		why = "the host is missing";
		ret = -1;
	}
	if (ret == -1) {
		say_of(text, "%s", why);
		free(*path);
		*path = NULL;
	}
	return ret;
}

int
place_parse(struct place *place, const struct client *c, const char *operand)
{
	char *base, *path;
	int ret;

	memset(place, 0, sizeof(*place));
	if (operand != NULL && place_is_url(operand)) {
		if (split_url(&place->server, &path, operand) == -1)
			return -1;
		ret = set_path(place, "", path);
		free(path);
		return ret;
	}
	if (operand != NULL && *operand == '\0') {
		say("an empty name");
		return -1;
	}
	if (split_url(&place->server, &base, c->url) == -1)
		return -1;
	ret = set_path(place, base, operand != NULL ? operand : "");
	if (operand == NULL)	/* what a URL alone names is a folder to work in */
		place->folder = true;
	free(base);
	return ret;
}

void
place_free(struct place *place)
{
	free(place->path);
	place->path = NULL;
}

const char *
place_port(const struct socket_url *url)
{
	size_t i = scheme_of(url);

	return url->port[0] != '\0' ? url->port : i < nitems(schemes) ? schemes[i].port : PLACE_PORT;
}

bool
place_same_server(const struct socket_url *a, const struct socket_url *b)
{
	return strcmp(a->scheme, b->scheme) == 0 && strcmp(a->user, b->user) == 0 &&
	    strcmp(a->host, b->host) == 0 && strcmp(place_port(a), place_port(b)) == 0 &&
	    strcmp(a->path, b->path) == 0;
}

void
place_name(char *dst, size_t size, const struct socket_url *url)
{
	if (strcmp(url->scheme, "unix") == 0)
		(void)snprintf(dst, size, "%s", url->path);
	else
		(void)snprintf(dst, size, strchr(url->host, ':') != NULL ? "[%s]:%s" : "%s:%s",
		    url->host, place_port(url));
}

const char *
path_leaf(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

char *
path_beside(const char *folder, const char *name)
{
	size_t len = strlen(folder);

	while (len > 0 && folder[len - 1] == '/')
		len--;
	return xasprintf("%.*s/%s", (int)len, folder, name);
}
