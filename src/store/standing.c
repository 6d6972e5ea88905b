/* standing - whether the file that an upload would publish is there already. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_int.h"
#include "store/upload.h"

static bool
is_wanted(const struct store *s, const struct object *o, const struct upload_want *want)
{
	const unsigned mode = want->mode & 0777 & ~(want->masked ? s->umask : 0);

	return o->type == OBJECT_FILE && o->size == want->size &&
	    (!o->known || digest_equal(&o->digest, &want->digest)) &&
	    (!want->has_mtime || (o->mtime.tv_sec == want->mtime.tv_sec && o->mtime.tv_nsec == want->mtime.tv_nsec)) &&
	    (!want->has_mode || o->mode == mode);
}

/* A symbolic link that leads to such a file is not one: an upload takes its place. */
static bool
is_named(const struct object *o, int parent, const char *leaf)
{
	struct stat st;

	return fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == o->inode && st.st_dev == o->device;
}

bool
upload_stands(struct store *s, const struct path *path, const struct upload_want *want, struct object *there)
{
	if (!s->opts.writable || !want->has_digest || want->condition != UPLOAD_ANY ||
	    path_is_root(path) || store_get(s, path, there) == -1)
		return false;
	if (is_wanted(s, there, want))
		return true;
	object_close(there);
	return false;
}

/* Who published it may not have come to its fsync, or was another program. */
int
upload_settle(struct store *s, const struct path *path, const struct object *there)
{
	int parent, ret = -1, error;

	if ((parent = store_parent(s, path, 0)) == -1)
		return -1;
	if (!is_named(there, parent, path->name + path->leaf))
		errno = ESTALE;
	else if (!s->opts.durable || fsync(there->fd) == 0)
		ret = store_sync_folder(s, parent);
	error = errno;
	(void)close(parent);
	errno = error;
	return ret;
}
