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

/* Who published it may not have come to its fsync, or was another program. */
static int
make_durable(const struct store *s, const struct object *o)
{
	return s->opts.durable ? fsync(o->fd) : 0;
}

bool
upload_stands(struct store *s, const struct path *path, const struct upload_want *want, struct object *there)
{
	bool stands = false;
	int parent;

	if (!s->opts.writable || !want->has_digest || want->condition != UPLOAD_ANY ||
	    path_is_root(path) || store_get(s, path, there) == -1)
		return false;
	if (is_wanted(s, there, want) && (parent = store_parent(s, path, 0)) != -1) {
		stands = is_named(there, parent, path->name + path->leaf) && make_durable(s, there) == 0 &&
		    store_sync_folder(s, parent) == 0;
		(void)close(parent);
	}
	if (!stands)
		object_close(there);
	return stands;
}
