/* nameless - staged files that have no name before their final one.
 * One made with O_TMPFILE and named by linkat(2) is in one folder only, once; and of a process that
 * dies with it nothing stays.  Not every file system can do that, and before Linux 6.10 not every user. */

#include <fcntl.h>
#include <unistd.h>

#include "store/store_int.h"

enum { UNKNOWN, WORKS, FAILS };

/* Only a try can tell.  It makes the first one a file with a name. */
static bool
works(struct store *s, struct staged *st)
{
	int state = atomic_load(&s->nameless);

	if (state == UNKNOWN) {
		state = nameless_hide(s, st) == 0 ? WORKS : FAILS;
		atomic_store(&s->nameless, state);
	}
	return state == WORKS;
}

int
nameless_take(struct store *s, struct staged *st, mode_t mode)
{
	if (st->folder != atomic_load(&s->staging) || atomic_load(&s->nameless) == FAILS)
		return -1;
	*st->name = '\0';
	if ((st->fd = staging_open(st->folder, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, mode)) == -1) {
		if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)
			atomic_store(&s->nameless, FAILS);
		return -1;
	}
	if (works(s, st)) {
		staging_is_fresh(st);
		return 0;
	}
	close(st->fd);
	st->fd = -1;
	return -1;
}

int
nameless_name(const struct staged *st, int folder, const char *name)
{
	if (linkat(st->fd, "", folder, name, AT_EMPTY_PATH) == 0)
		return 0;
	return errno == EXDEV ? fail_with(EOPNOTSUPP) : -1;
}

int
nameless_hide(struct store *s, struct staged *st)
{
	int ret;

	ret = staging_name_brief(s, st->folder, st->name);
	if (ret == 0)
		ret = nameless_name(st, st->folder, st->name);
	if (ret == -1 && errno == ENOENT && staging_enter_again(s, st->folder) == 0 &&
	    staging_name_brief(s, st->folder, st->name) == 0)
		ret = nameless_name(st, st->folder, st->name);
	if (ret == -1)
		*st->name = '\0';
	return ret;
}
