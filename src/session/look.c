/* look - a listing of what a session's user may see. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/look.h"
#include "session/session.h"

struct look {
	const struct session *session;
	size_t		 prefix;	/* bytes of the name that lead to the listed folder */
	char		 name[PATH_MAX];	/* in the tree, of what is asked about */
	struct listing_mount *mount;
	size_t		 mounts;
};

/* What may be done to a name that is found in the listing. */
static unsigned
may(void *arg, const char *name, size_t len)
{
	struct look *look = arg;
	unsigned rights;

	if (look->prefix + len >= sizeof(look->name))
		return 0;
	memcpy(look->name + look->prefix, name, len);
	rights = reach_sight(look->session, look->name, look->prefix + len);
	return (rights != 0 ? LISTING_SHOW : 0) | (rights & RIGHT_LIST ? LISTING_ENTER : 0) |
	    (rights & RIGHT_READ ? LISTING_DIGEST : 0);
}

static void
mount(struct look *look, const char *name, size_t len, struct store *store)
{
	for (size_t i = 0; i < look->mounts; i++)
		if (look->mount[i].len == len && memcmp(look->mount[i].name, name, len) == 0)
			return;
	look->mount[look->mounts++] = (struct listing_mount){ name, len, store };
}

/* A share beneath, whose name from the listed folder on is `rest`; and the folders that are nothing but
 * the way to it. */
static void
mount_share(struct look *look, const struct share *share, const char *rest)
{
	for (const char *slash = rest; (slash = strchr(slash, '/')) != NULL; slash++)
		if (reach_is_way(look->session, share->name, (size_t)(slash - share->name)))
			mount(look, rest, (size_t)(slash - rest), NULL);
	mount(look, rest, strlen(rest), share->store);
}

static size_t
parts(const char *name)
{
	size_t n = 1;

	for (; *name != '\0'; name++)
		n += *name == '/';
	return n;
}

static int
find_mounts(struct look *look)
{
	const struct shares *all = look->session->shares;
	size_t most = 0, i;

	for (i = 0; i < all->count; i++)
		most += parts(all->at[i].name);
	if ((look->mount = calloc(most, sizeof(*look->mount))) == NULL)
		return -1;
	for (i = 0; i < all->count; i++)
		if (all->at[i].len > look->prefix && memcmp(all->at[i].name, look->name, look->prefix) == 0)
			mount_share(look, &all->at[i], all->at[i].name + look->prefix);
	return 0;
}

static struct look *
look_new(const struct session *s, const struct path *path)
{
	struct look *look = malloc(sizeof(*look));

	if (look == NULL)
		return NULL;
	look->session = s;
	look->mount = NULL;
	look->mounts = 0;
	memcpy(look->name, path->name, path->len);
	look->prefix = path->len;
	if (path->len > 0)
		look->name[look->prefix++] = '/';
	if (find_mounts(look) == 0)
		return look;
	free(look);
	return NULL;
}

int
look_open(const struct session *s, const struct path *path, const struct reach *at, struct listing_opts *opts,
    struct listing **listing, struct look **look)
{
	*look = NULL;
	*listing = NULL;
	/* In most trees, and in most folders of the others, nothing lies beneath that is not alike. */
	if (reach_divided(s, path->name, path->len)) {
		if ((*look = look_new(s, path)) == NULL)
			return -1;
		opts->may = may;
		opts->may_arg = *look;
		opts->mount = (*look)->mount;
		opts->mounts = (*look)->mounts;
	} else if (!(at->allowed & RIGHT_READ))
		opts->digest = false;
	if (listing_open(at->store, at->path, opts, listing) == 0)
		return 0;
	look_close(listing, look);
	return -1;
}

void
look_close(struct listing **listing, struct look **look)
{
	int error = errno;

	listing_close(listing);
	if (*look != NULL)
		free((*look)->mount);
	free(*look);
	*look = NULL;
	errno = error;
}
