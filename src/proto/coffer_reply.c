/* coffer_reply - what replies of the native protocol are made of, and the one place where an errno becomes
 * a code and a sentence. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/nitems.h"
#include "base/text.h"
#include "proto/coffer.h"

char *
put_text(char *dst, const char *text)
{
	size_t len = strlen(text);

	memcpy(dst, text, len);
	return dst + len;
}

char *
put_digest(char *dst, const struct object *object)
{
	char hex[DIGEST_HEX];

	return put_text(put_text(dst, " sha256="), object->known ? digest_hex(&object->digest, hex) : "-");
}

/* "/path" as it stands on the wire; at most 3 * path->len + 1 bytes. */
static char *
put_path(char *dst, const struct path *path)
{
	*dst++ = '/';
	return text_encode(dst, path->name, path->len);
}

void
reply_error(struct exchange *x, int code, const struct path *path, const char *fmt, ...)
{
	char *begin, *p;
	va_list ap;
	int n;

	x->code = code;
	begin = stream_reserve(x->stream, 3 * PATH_LEN_MAX + WHY_MAX + 16);
	if (begin == NULL)
		return;
	p = text_decimal(begin, (uint64_t)code);
	*p++ = ' ';
	if (path != NULL)
		p = put_text(put_path(p, path), ": ");
	va_start(ap, fmt);
	n = vsnprintf(p, WHY_MAX, fmt, ap);
	va_end(ap);
	p += n < WHY_MAX ? n : WHY_MAX - 1;
	*p++ = '\n';
	stream_commit(x->stream, (size_t)(p - begin));
}

void
reply_path(struct exchange *x, int code, const struct path *path)
{
	char *begin, *p;

	x->code = code;
	begin = stream_reserve(x->stream, 3 * PATH_LEN_MAX + 16);
	if (begin == NULL)
		return;
	p = text_decimal(begin, (uint64_t)code);
	p = put_path(put_text(p, " path="), path);
	*p++ = '\n';
	stream_commit(x->stream, (size_t)(p - begin));
}

static const struct {
	int		 error, code;
	const char	*sentence;
} errors[] = {
	{ ENOENT,	404, "no such file or folder" },
	{ ENOTDIR,	404, "a part of the path is not a folder" },
	{ EISDIR,	409, "is a folder" },
	{ EEXIST,	409, "exists already" },
	{ ENOTEMPTY,	409, "the folder is not empty" },
	{ EBUSY,	409, "the root stays as it is" },
	{ ESTALE,	412, "what stands there is not what if= says" },
	{ EACCES,	403, "not allowed" },
	{ ENOKEY,	401, "log in first" },
	{ EPERM,	403, "not allowed" },
	{ EROFS,	403, "the server is read-only" },
	{ ELOOP,	403, "a symbolic link that is not followed" },
	{ EXDEV,	403, "a symbolic link leads out of the tree" },
	{ ENXIO,	403, "neither a file nor a folder" },
	{ EOPNOTSUPP,	403, "lies on another file system" },
	{ ENOLINK,	403, "a symbolic link would lead elsewhere from there" },
	{ ENOTUNIQ,	403, "its file system ignores the case of names: nothing is written there" },
	{ ETXTBSY,	409, "a folder in it has rights of its own: it stays where it is" },
	{ EINVAL,	400, "not possible" },
	{ ENAMETOOLONG,	400, "the name is too long" },
	{ EILSEQ,	400, "the file system refuses the name" },
	{ EFBIG,	413, "too large" },
	{ EMSGSIZE,	400, "fewer bytes came than were declared" },
	{ ERANGE,	416, "begins beyond the end of the file" },
	{ EBADMSG,	422, "the digest differs" },
	{ ENOSPC,	507, "the disk is full" },
	{ EDQUOT,	507, "the quota is used up" },
	{ EMFILE,	503, "too many open files" },
	{ ENFILE,	503, "too many open files" },
	{ ENOMEM,	503, "out of memory" },
	{ ECANCELED,	503, "shutting down" },
	{ EUSERS,	429, "no more uploads are held: COMMIT those that are" },
	{ ETOOMANYREFS,	429, "too many requests of your address; try again later" },
	{ ENOTRECOVERABLE, 503, "what had come was removed from .coffer: send it again" },
	{ EBADFD,	500, "the server's folder .coffer cannot be used" },
	{ EOWNERDEAD,	503, "refused for a while, for processes of the server died of this request" },
};

void
reply_errno(struct exchange *x, int error, const struct path *path)
{
	size_t i;

	for (i = 0; i < nitems(errors); i++)
		if (errors[i].error == error) {
			reply_error(x, errors[i].code, path, "%s", errors[i].sentence);
			return;
		}
	session_log(x->session, "%s: %s", coffer_verb_name(x->request.verb), strerror(error));
	reply_error(x, 500, path, "%s", strerror(error));
}

void
reply_store_errno(struct exchange *x, int error, int i)
{
	reply_errno(x, reach_errno(&x->at[i], error), &x->path[i]);
}
