/* sweep - what nobody goes on with is taken out of the reserved folder. */

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store_int.h"

#define BRIEF_AGE_MS	(48 * 3600 * 1000) /* more than io-timeout can be */
#define FUTURE_S	3600		/* by which clocks of several machines may differ */

/* A clock that was set back would keep it for ever: its time begins anew. */
static bool
of_the_future(const struct timespec *then)
{
	return then->tv_sec > clock_wall().tv_sec + FUTURE_S;
}

/* Nobody is at it: blocks past its end were reserved by somebody who has died.  Cutting it where it
 * ends sets its time, which is not to be. */
static void
release(int fd, const struct stat *st)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (ftruncate(fd, st->st_size) == 0)
		(void)futimens(fd, times);
}

static void
mend(int folder, const char *name)
{
	struct stat st;
	int fd;

	if ((fd = staging_claim(folder, name, &st)) == -1)
		return;
	if (staging_reserves(&st))
		release(fd, &st);
	if (of_the_future(&st.st_mtim))
		(void)futimens(fd, NULL);
	close(fd);
}

/* A brief one has no lock of its own: it is left once its process has ended.  On a file system that cannot tell
 * this, time must; a brief one may have the mtime already that its client asked for, of any year, its atime is ours. */
static bool
brief_is_old(int folder, const char *name, const struct stat *st, int64_t ttl)
{
	const struct timespec times[2] = { clock_wall(), { .tv_nsec = UTIME_OMIT } };

	if (staging_is_orphan(folder, name))
		return true;
	if (of_the_future(&st->st_atim))
		(void)utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW);
	return staging_older(&st->st_atim, ttl > BRIEF_AGE_MS ? ttl : BRIEF_AGE_MS);
}

static bool
is_old(int folder, const char *name, const struct stat *st, int64_t ttl)
{
	return staging_is_brief(name) ? brief_is_old(folder, name, st, ttl) : staging_older(&st->st_mtim, ttl);
}

/* Removes one file if it is old and nobody holds it, and it is still old then. */
static bool
expire(struct store *s, int folder, const char *name, int64_t ttl)
{
	struct stat st;
	bool gone = false;
	int fd;

	if (strcmp(name, STAGING_LOCKS) == 0 ||
	    fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == -1 || !S_ISREG(st.st_mode))
		return false;
	if (!is_old(folder, name, &st, ttl)) {
		if (!staging_is_brief(name) && (staging_reserves(&st) || of_the_future(&st.st_mtim)))
			mend(folder, name);
		return false;
	}
	if ((fd = staging_claim(folder, name, &st)) == -1)
		return false;
	if (is_old(folder, name, &st, ttl) && (staging_is_brief(name) || !staging_is_new(&st)))
		gone = unlinkat(folder, name, 0) == 0;
	if (gone)
		usage_gone(s, &st);
	close(fd);
	return gone;
}

int
store_sweep(struct store *s)
{
	struct dirent *d;
	DIR *dir;
	int folder, fd, count = 0;

	if (!s->opts.writable || s->opts.staging_ttl_ms < 0)
		return 0;
	if ((folder = staging_enter_root(s, false)) == -1)
		return errno == ENOENT ? 0 : -1;
	if ((fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return -1;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return fail_with(ENOMEM);
	}
	while ((d = readdir(dir)) != NULL)
		count += expire(s, folder, d->d_name, s->opts.staging_ttl_ms);
	closedir(dir);
	return count;
}
