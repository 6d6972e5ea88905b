/* digest_attr - the digest that is kept with a file, in an extended attribute.
 * Its text is "SIZE SECONDS.NNNNNNNNN INODE HEX"; it holds only while the file's size,
 * mtime and inode are those.  A file system without extended attributes keeps none,
 * and that is nobody's error. */

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "store/store_int.h"

#define ATTR		"user.coffer.sha256"
#define STAMP_MAX	80			/* 20 + 1 + 31 + 1 + 20 + 1, rounded up */
#define SECONDS_MAX	INT64_C(253402300799)	/* what text_put_timespec() tells apart */

/* Writes all of the text that comes before the digest.  Its length; 0 for a file
 * whose time cannot be written, which thus has no kept digest. */
static size_t
stamp(char text[STAMP_MAX], const struct object *object)
{
	char *p = text;

	if (object->mtime.tv_sec < 0 || object->mtime.tv_sec > SECONDS_MAX)
		return 0;
	p = text_decimal(p, (uint64_t)object->size);
	*p++ = ' ';
	p = text_put_timespec(p, &object->mtime);
	*p++ = ' ';
	p = text_decimal(p, object->inode);
	*p++ = ' ';
	return (size_t)(p - text);
}

int
digest_keep(int fd, const struct object *object, const struct digest *digest)
{
	char text[STAMP_MAX + DIGEST_HEX];
	size_t len;

	if ((len = stamp(text, object)) == 0)
		return fail_with(ERANGE);
	digest_hex(digest, text + len);
	return fsetxattr(fd, ATTR, text, len + DIGEST_HEX - 1, 0);
}

void
store_known_digest(int fd, struct object *object)
{
	char text[STAMP_MAX + DIGEST_HEX], want[STAMP_MAX];
	ssize_t got;
	size_t len;

	object->known = false;
	if ((got = fgetxattr(fd, ATTR, text, sizeof(text))) <= 0)
		return;
	len = stamp(want, object);
	if (len > 0 && (size_t)got > len && memcmp(text, want, len) == 0)
		object->known = digest_parse(&object->digest, text + len, (size_t)got - len) == 0;
}

int
store_keep_digest(struct store *s, const struct object *object, const struct digest *digest)
{
	struct object now;
	struct stat st;

	if (!s->opts.writable)
		return fail_with(EROFS);
	if (!object->settled)
		return fail_with(EAGAIN);
	if (fstat(object->fd, &st) == -1 || object_from_stat(&now, &st) == -1)
		return -1;
	if (!object_unchanged(object, &now))
		return fail_with(ESTALE);
	return digest_keep(object->fd, object, digest);
}

int
digest_file(struct digest_state *state, int fd, off_t from, off_t len)
{
	if (file_digest(fd, from, (uint64_t)len, state) == 0)
		return 0;
	return errno == EPROTO ? fail_with(EIO) : -1;
}
