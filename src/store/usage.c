/* usage - how much a tree holds, and its quota. */

#include "store/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/store_int.h"
#include "store/upload.h"

#define GRACE_US	50000	/* between a change and its being counted is less, nearly always */
#define UNKNOWN		(UINT64_C(1) << 60)	/* what is beneath a folder that was renamed */
#define LEVELS_MAX	256	/* folders within folders; one descriptor each */

/* `came` first: `went` grows meanwhile at most, and the answer is too large rather than too small. */
static uint64_t
present(struct usage_count *c)
{
	uint64_t came = atomic_load(&c->came), went = atomic_load(&c->went);

	return came > went ? came - went : 0;
}

static int
add(struct usage_count *c, uint64_t n, uint64_t quota)
{
	uint64_t came = atomic_load(&c->came), went;

	do {
		went = atomic_load(&c->went);
		if (quota > 0 && (came > went ? came - went : 0) + n > quota)
			return fail_with(EDQUOT);
	} while (!atomic_compare_exchange_weak(&c->came, &came, came + n));
	return 0;
}

int
usage_charge(struct store *s, uint64_t bytes, uint64_t names)
{
	struct usage *u = s->opts.usage;
	bool counted;

	if (u == NULL)
		return 0;
	counted = atomic_load(&u->counted);
	if (names > 0 && add(&u->names, names, counted ? s->opts.quota_files : 0) == -1)
		return -1;
	if (bytes == 0 || add(&u->bytes, bytes, counted ? s->opts.quota : 0) == 0)
		return 0;
	atomic_fetch_add(&u->names.went, names);
	return -1;
}

void
usage_give_back(struct store *s, uint64_t bytes, uint64_t names)
{
	struct usage *u = s->opts.usage;

	if (u == NULL)
		return;
	atomic_fetch_add(&u->bytes.went, bytes);
	atomic_fetch_add(&u->names.went, names);
}

struct usage_owed *
usage_owe(struct store *s, uint64_t bytes, uint64_t names)
{
	struct usage *u = s->opts.usage;
	size_t places = bytes < UPLOAD_RESERVE_MIN ? USAGE_OWERS / 2 : USAGE_OWERS;
	struct usage_owed *owed;
	int pid, nobody;

	if (u == NULL)
		return NULL;
	pid = getpid();
	for (owed = u->owed; owed < u->owed + places; owed++) {
		nobody = 0;
		if (atomic_load_explicit(&owed->pid, memory_order_relaxed) == 0 &&
		    atomic_compare_exchange_strong(&owed->pid, &nobody, pid)) {
			atomic_store(&owed->worker, s->opener);
			atomic_store(&owed->bytes, bytes);
			atomic_store(&owed->names, names);
			return owed;
		}
	}
	return NULL;
}

void
usage_settle(struct usage_owed **owed)
{
	if (*owed != NULL) {
		atomic_store(&(*owed)->bytes, 0);
		atomic_store(&(*owed)->names, 0);
		atomic_store(&(*owed)->worker, 0);
		atomic_store(&(*owed)->pid, 0);
	}
	*owed = NULL;
}

void
usage_bury(struct usage *u, pid_t pid)
{
	struct usage_owed *owed;

	for (owed = u->owed; pid > 0 && owed < u->owed + USAGE_OWERS; owed++)
		if (atomic_load(&owed->pid) == pid || atomic_load(&owed->worker) == pid) {
			atomic_fetch_add(&u->bytes.went, atomic_load(&owed->bytes));
			atomic_fetch_add(&u->names.went, atomic_load(&owed->names));
			usage_settle(&(struct usage_owed *){ owed });
		}
}

uint64_t
usage_size(const struct stat *st)
{
	return S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
}

void
usage_gone(struct store *s, const struct stat *st)
{
	usage_give_back(s, usage_size(st), 1);
}

bool
store_used(struct store *s, uint64_t *bytes, uint64_t *names)
{
	struct usage *u = s->opts.usage;

	if (u == NULL || !atomic_load(&u->counted))
		return false;
	if (bytes != NULL)
		*bytes = present(&u->bytes);
	if (names != NULL)
		*names = present(&u->names);
	return true;
}

void
usage_moved(struct store *s, const struct stat *st)
{
	struct usage *u = s->opts.usage;

	if (u == NULL)
		return;
	atomic_fetch_add(&u->bytes.moved, S_ISDIR(st->st_mode) ? UNKNOWN : usage_size(st));
	atomic_fetch_add(&u->names.moved, S_ISDIR(st->st_mode) ? UNKNOWN : 1);
}

struct sum {
	uint64_t bytes, names;
	uint64_t growing;	/* bytes that may have been counted for uploads that go on */
};

static int	walk(int fd, unsigned level, bool staging, struct sum *);

/* What lies too deep, or may not be read, is not counted. */
static void
walk_into(int dirfd, const char *name, unsigned level, struct sum *sum)
{
	int fd;

	if (level == LEVELS_MAX)
		return;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd != -1)
		(void)walk(fd, level + 1, strcmp(name, PATH_RESERVED) == 0, sum);
}

/* What is counted for an upload is its declared size, which a large one has reserved already. */
static void
walk_staged(const struct stat *st, struct sum *sum)
{
	uint64_t size = usage_size(st);

	if (staging_reserves(st))
		size = (uint64_t)st->st_blocks * 512;
	sum->bytes += size;
	sum->growing += size < UPLOAD_RESERVE_MIN ? UPLOAD_RESERVE_MIN - size : STAGING_BLOCK;
}

static void
walk_entry(int dirfd, const char *name, unsigned level, bool staging, struct sum *sum)
{
	struct stat st;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return;
	if (S_ISDIR(st.st_mode))
		walk_into(dirfd, name, level, sum);
	if ((staging && strcmp(name, STAGING_LOCKS) == 0) || strcmp(name, PATH_RESERVED) == 0)
		return;
	sum->names++;
	if (staging)
		walk_staged(&st, sum);
	else
		sum->bytes += usage_size(&st);
}

/* The descriptor is taken. */
static int
walk(int fd, unsigned level, bool staging, struct sum *sum)
{
	struct dirent *d;
	DIR *dir;

	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return fail_with(ENOMEM);
	}
	while ((d = readdir(dir)) != NULL)
		walk_entry(fd, d->d_name, level, staging, sum);
	closedir(dir);
	return 0;
}

struct before {
	uint64_t came, went, moved;
};

static struct before
look(const struct usage_count *c)
{
	struct before b;

	b.came = atomic_load(&c->came);
	b.went = atomic_load(&c->went);
	b.moved = atomic_load(&c->moved);
	return b;
}

/* Nobody knows what the walk has seen of what happened meanwhile.  `growing` is what may have been
 * counted and could not be seen. */
static void
put_right(struct usage_count *c, struct before before, uint64_t walked, uint64_t growing, bool first)
{
	struct before now = look(c);
	int64_t then = (int64_t)(before.came - before.went), moved = (int64_t)(now.moved - before.moved);
	int64_t least = (int64_t)walked - (int64_t)(now.came - before.came) - moved;
	int64_t most = (int64_t)(walked + growing + (now.went - before.went)) + moved;

	if (first)
		least = most = (int64_t)walked;
	if (then < least)
		atomic_fetch_add(&c->came, (uint64_t)(least - then));
	else if (then > most)
		atomic_fetch_add(&c->went, (uint64_t)(then - most));
}

static int
count(struct store *s, struct usage *u)
{
	struct before bytes = look(&u->bytes), names = look(&u->names);
	bool first = !atomic_load(&u->counted);
	struct sum sum = { 0 };
	int fd;

	atomic_store(&u->began, clock_ms());
	if (first)	/* what the dead had reserved is not there any more */
		(void)store_sweep(s);
	if ((fd = store_resolve(s, "", O_RDONLY | O_DIRECTORY, 0)) == -1 || walk(fd, 0, false, &sum) == -1)
		return -1;
	usleep(GRACE_US);
	put_right(&u->bytes, bytes, sum.bytes, sum.growing, first);
	put_right(&u->names, names, sum.names, 0, first);
	atomic_store(&u->counted, true);
	return 0;
}

bool
store_count_due(struct store *s, int64_t ms)
{
	const struct usage *u = s->opts.usage;

	return u != NULL && (!atomic_load(&u->counted) || clock_ms() - atomic_load(&u->began) >= ms);
}

int
store_count(struct store *s)
{
	struct usage *u = s->opts.usage;
	bool idle = false;
	int ret;

	if (u == NULL)
		return 0;
	if (!atomic_compare_exchange_strong(&u->counting, &idle, true))
		return fail_with(EBUSY);
	ret = count(s, u);
	atomic_store(&u->counting, false);
	return ret;
}
