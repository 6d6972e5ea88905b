/* sweep - makes each call of each request fail, one after the other, and looks what becomes of it.
 *
 * usage: sweep [-l] [-n] [-s SCENE] [-x SCENE] FAULTS PORT MASTER ROOT FAULT...
 *
 * FAULTS is the file that the layer beneath the server has mapped, MASTER the server's pid; FAULT is
 * ENOSPC, EDQUOT, EIO, EINTR, EINVAL, ENOSYS, EOPNOTSUPP, short, kill, or none: only
 * count.
 *	-l		list the calls of each request
 *	-n		there is no RENAME_NOREPLACE, as on GlusterFS
 *	-s, -x SCENE	only those, or all but those, that have this in their name
 *
 * First each request is sent once and its calls are counted; then once for each of them, which fails.
 * After each: the answer is right for the fault; both names have what they had before, or, after an
 * answer that says so, what they should have, and never anything else, nor a wrong digest; no
 * descriptor and no staged file more than before, and nothing counted for a quota that is not there; and
 * the same request succeeds at once. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "faults.h"
#include "scene.h"

static const struct fault {
	const char	*name;
	int		 what;
	int		 code;		/* of the reply, where the request fails */
} faults[] = {
	{ "ENOSPC", ENOSPC, 507 },
	{ "EDQUOT", EDQUOT, 507 },
	{ "EIO", EIO, 500 },
	{ "EINTR", EINTR, 500 },
	{ "EINVAL", EINVAL, 0 },
	{ "ENOSYS", ENOSYS, 0 },
	{ "EOPNOTSUPP", EOPNOTSUPP, 0 },
	{ "short", FAULTS_SHORT, 0 },
	{ "kill", FAULTS_KILL, -1 },
	{ "none", 0, 0 },
};

/* What an interrupted call may not make fail: those that wait for something, and so can be. */
static const char *const waiting[] = {
	"openat2", "openat", "openat+", "pwrite", "pwritev2", "write", "pread", "copy_file_range", "splice",
	"splice+", "fallocate", "ftruncate", "flock", "fcntl", NULL,
};

/* What may fail without harm: a digest is not kept, a mark of whose upload it was stays, a lock is not
 * needed, room not reserved, a leftover not removed.  No other call may fail and the answer be positive. */
static const char *const harmless[] = {
	"fsetxattr", "fgetxattr", "fremovexattr", "close", "flock", "unlinkat", "fstatvfs", "fstatfs",
	"fstat", "statx", "pipe2", "fcntl pipe", NULL,
};
/* Besides: an upload whose leftovers cannot be looked at begins anew, and a folder that cannot be looked
 * at is made, or not, by a call that says why. */
static const char *const harmless_looks[] = { "openat", "fstatat", NULL };
static const char *const harmless_mkdir[] = { "openat2", NULL };
/* A full disk must not keep anybody from deleting: these go on without the lock that they cannot have. */
static const char *const harmless_locks[] = { "openat", "openat+", "fcntl", NULL };

struct sweep {
	struct faults	*f;
	struct talk	*talk;
	unsigned	 port;
	pid_t		 master;
	const char	*root;
	unsigned	 played, refused, harmless, killed, wrong;
};

static bool
among(const char *const *list, const char *name)
{
	for (; *list != NULL; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

/* --- what the server's processes hold */

static unsigned
count_fds(pid_t pid)
{
	char name[64];
	unsigned n = 0;
	DIR *dir;

	snprintf(name, sizeof(name), "/proc/%d/fd", (int)pid);
	if ((dir = opendir(name)) == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* Of a process and all beneath it. */
static unsigned
count_all_fds(pid_t pid)
{
	char name[64];
	unsigned n = count_fds(pid);
	int child;
	FILE *file;

	snprintf(name, sizeof(name), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if ((file = fopen(name, "r")) == NULL)
		return n;
	while (fscanf(file, "%d", &child) == 1)
		n += count_all_fds(child);
	fclose(file);
	return n;
}

/* What a server with a quota counts, less what is really there of a play's names and in staging: that
 * of all others, which stays the same. */
struct counted {
	int64_t bytes, names;
};

static bool
others_count(struct sweep *w, const struct play *p, struct counted *c)
{
	struct play_size there;
	const char *line;

	if (talk_say(w->talk, "SPACE\n") == -1 || talk_reply(w->talk, &line) != 200)
		return false;
	c->bytes = talk_number(line, " used=");
	c->names = talk_number(line, " used-files=");
	play_sizes(p, &there);
	c->bytes -= there.bytes;
	c->names -= there.names;
	return true;
}

static void
moment(void)
{
	const struct timespec t = { .tv_nsec = 2 * 1000 * 1000 };

	nanosleep(&t, NULL);
}

/* --- one request with one fault */

static void
complain(struct sweep *w, const struct play *p, const struct fault *fault, unsigned n, const char *what)
{
	printf("WRONG: %s, %s at call %u (%s): %s\n", p->scene->name, fault->name, n, w->f->calls[n - 1], what);
	w->wrong++;
}

static void
arm(struct faults *f, unsigned nth, int what)
{
	f->nth = nth;
	f->what = what;
	atomic_store(&f->count, 0);
	atomic_store(&f->hit, false);
	atomic_store(&f->armed, true);
}

static bool
reopen(struct sweep *w)
{
	talk_close(w->talk);
	return talk_open(w->talk, w->port, 20000) == 0;
}

static bool
stands(struct play *p, const enum content want[2])
{
	return play_look(p, 0) == want[0] && play_look(p, 1) == want[1];
}

/* Each name by itself has what it had or what it was to have. */
static bool
stands_somehow(struct play *p)
{
	const struct scene *s = p->scene;
	enum content a = play_look(p, 0), b = play_look(p, 1);

	if (s->act == MOVE && a == NOTHING && b != OLD)
		return false;		/* lost on the way */
	return (a == s->before[0] || a == s->after[0]) && (b == s->before[1] || b == s->after[1]);
}

static bool
succeeded(int code)
{
	return code == 200 || code == 201;
}

/* A refused request has changed nothing; but once a name was changed, a failing fsync of the folder
 * cannot take that back. */
static void
check_refused(struct sweep *w, struct play *p, const struct fault *fault, unsigned n, int code)
{
	const char *call = w->f->calls[n - 1];
	bool late = strncmp(call, "fsync", 5) == 0 || strcmp(call, "syncfs") == 0 ||
	    strcmp(call, "close") == 0 || p->scene->act == MKDIR || p->scene->act == HOLD;

	w->refused++;
	if (fault->what == FAULTS_SHORT)
		complain(w, p, fault, n, "refused");
	if (fault->what == EINTR && among(waiting, call))
		complain(w, p, fault, n, "an interrupted call is not done again");
	if (code == -1)
		complain(w, p, fault, n, "the connection broke");
	else if (fault->code != 0 && code != fault->code && !(fault->what == EINTR && code >= 500)) {
		char text[64];

		snprintf(text, sizeof(text), "the answer is %d instead of %d", code, fault->code);
		complain(w, p, fault, n, text);
	}
	if (p->talk->fd == -1 || code == -1)
		reopen(w);
	if (late ? !stands_somehow(p) : !stands(p, p->scene->before))
		complain(w, p, fault, n, "refused, but something was changed");
}

/* The look right before a rename is at what will be replaced, whose
 * size the quota is to get back; the first one of a resume is whether there is anything to do. */
static bool
may_fail(const struct scene *s, const char (*call_at)[FAULTS_NAME], unsigned n)
{
	const char *call = call_at[0];

	if (s->act == RESUME && n == 1 && strcmp(call, "openat2") == 0)
		return true;
	if (strcmp(call, "fstatat") == 0 && strncmp(call_at[1], "renameat", 8) == 0)
		return true;
	return s->act == BREAK || s->act == HOLD_BREAK || among(harmless, call) || (s->act == RESUME && among(harmless_looks, call)) ||
	    (s->act == MKDIR && among(harmless_mkdir, call)) ||
	    ((s->act == DELETE || s->act == MOVE) && among(harmless_locks, call));
}

static void
check_accepted(struct sweep *w, struct play *p, const struct fault *fault, unsigned n)
{
	int error = fault->what;

	w->harmless++;
	if ((error == ENOSPC || error == EDQUOT || error == EIO) && !may_fail(p->scene, &w->f->calls[n - 1], n))
		complain(w, p, fault, n, "this error was ignored");
	if (!stands(p, p->scene->after))
		complain(w, p, fault, n, "a positive answer, but something else stands there");
}

/* A file that the dead have left behind must not become another one's: whoever begins with the same
 * upload once more, and stops, has changed nothing. */
static void
check_leftovers(struct sweep *w, struct play *p, const struct fault *fault, unsigned n)
{
	static struct talk other;

	if (p->scene->act != PUT)
		return;
	if (talk_open(&other, w->port, 20000) == 0 &&
	    talk_say(&other, "PUT %s size=%zu wait%s%s\n", p->name[0], p->scene->size,
	    strstr(p->scene->options, "%n") != NULL ? " sha256=" : "",
	    strstr(p->scene->options, "%n") != NULL ? p->new_hex : "") == 0)
		(void)talk_reply(&other, NULL);
	if (!stands_somehow(p))
		complain(w, p, fault, n, "an upload that began anew has changed the file");
	talk_close(&other);
}

static void
check_killed(struct sweep *w, struct play *p, const struct fault *fault, unsigned n, int code)
{
	w->killed++;
	for (int i = 0; i < 1000 && play_held(w->root); i++)
		moment();	/* the dead one's locks go after its sockets */
	if (!reopen(w)) {
		complain(w, p, fault, n, "no connection any more");
		return;
	}
	if (succeeded(code) ? !stands(p, p->scene->after) : !stands_somehow(p))
		complain(w, p, fault, n, "half of it is there");
	check_leftovers(w, p, fault, n);
}

/* The same again, now that nothing fails; where it cannot be the same, some upload. */
static void
check_again(struct sweep *w, struct play *p, const struct fault *fault, unsigned n)
{
	bool again = p->scene->act <= HOLD && strstr(p->scene->options, "if=") == NULL;
	int code = again ? play_act(p) : -1;
	struct play other;

	if (again && (!succeeded(code) || !stands(p, p->scene->after)))
		complain(w, p, fault, n, "the same request fails afterwards");
	play_begin(&other, &scenes[0], w->talk, w->root);
	if (play_act(&other) != 201 || play_look(&other, 0) != NEW)
		complain(w, p, fault, n, "another upload fails afterwards");
	play_end(&other);
}

/* Sessions end and files are closed a moment after the answer. */
static void
check_leaks(struct sweep *w, struct play *p, const struct fault *fault, unsigned n, unsigned fds,
    unsigned staged)
{
	char text[160];
	unsigned now_fds = 0, now_staged = 0;

	for (int i = 0; i < 1000; i++) {
		now_fds = count_all_fds(w->master);
		now_staged = play_staged(w->root, 0);
		if (now_fds <= fds && now_staged <= staged)
			return;
		moment();
	}
	snprintf(text, sizeof(text), "%u descriptors before, %u after; %u staged files before, %u after", fds,
	    now_fds, staged, now_staged);
	complain(w, p, fault, n, text);
}

static void
check_charges(struct sweep *w, struct play *p, const struct fault *fault, unsigned n, struct counted before)
{
	struct counted now = { 0 };
	char text[160];

	for (int i = 0; i < 1000; i++) {
		if (others_count(w, p, &now) && now.bytes == before.bytes && now.names == before.names)
			return;
		moment();
	}
	snprintf(text, sizeof(text), "%lld bytes and %lld names are counted that are not there",
	    (long long)(now.bytes - before.bytes), (long long)(now.names - before.names));
	complain(w, p, fault, n, text);
}

/* How many staged files a fault may leave that is none of the upload's: of one that is whole and safe, and
 * only lacks room for its name. */
static unsigned
spares(const struct sweep *w, const struct fault *fault, unsigned n)
{
	if (fault->what != ENOSPC && fault->what != EDQUOT)
		return 0;
	for (unsigned i = 0; i + 1 < n; i++)
		if (strncmp(w->f->calls[i], "fsync", 5) == 0 || strcmp(w->f->calls[i], "syncfs") == 0)
			return 2;
	return 0;
}

static void
clear_staged(struct sweep *w)
{
	char command[PATH_MAX + 64];

	snprintf(command, sizeof(command), "find '%s/.coffer' -type f ! -name lock -delete 2>/dev/null", w->root);
	(void)!system(command);
}

static void
play_with(struct sweep *w, const struct scene *scene, const struct fault *fault, unsigned n)
{
	struct counted before;
	unsigned fds, staged;
	struct play p;
	bool kills = fault->what == FAULTS_KILL, unlinks, breaks = scene->act == BREAK || scene->act == HOLD_BREAK;
	int code;

	play_begin(&p, scene, w->talk, w->root);
	if (play_before(&p) == -1) {
		complain(w, &p, fault, n, "its beginning fails");
		goto out;
	}
	fds = count_all_fds(w->master);
	staged = play_staged(w->root, 0);
	if (!others_count(w, &p, &before))
		complain(w, &p, fault, n, "nothing is counted");
	arm(w->f, n, fault->what);
	code = play_act(&p);
	atomic_store(&w->f->armed, false);
	if (!atomic_load(&w->f->hit)) {		/* fewer bytes make no sense here, or a call less was made */
		if (!succeeded(code))
			complain(w, &p, fault, n, "it fails by itself");
		goto out;
	}
	w->played++;
	if (kills)
		check_killed(w, &p, fault, n, code);
	else if (succeeded(code))
		check_accepted(w, &p, fault, n);
	else
		check_refused(w, &p, fault, n, code);
	unlinks = strcmp(w->f->calls[n - 1], "unlinkat") == 0;
	if (!kills && !unlinks)
		check_leaks(w, &p, fault, n, fds, staged + breaks + spares(w, fault, n));
	/* What a dead process was at is counted anew, later. */
	if (!kills)
		check_charges(w, &p, fault, n, before);
	check_again(w, &p, fault, n);
	if (kills || unlinks || breaks || spares(w, fault, n) > 0)
		clear_staged(w);
out:
	play_end(&p);
}

/* How many calls there are; 0 where the server does not know such a request. */
static unsigned
count_calls(struct sweep *w, const struct scene *scene, bool list)
{
	struct play p;
	unsigned n = 0;
	int code = -1;

	play_begin(&p, scene, w->talk, w->root);
	memset(w->f->calls, 0, sizeof(w->f->calls));
	if (play_before(&p) == 0) {
		arm(w->f, 0, 0);
		code = play_act(&p);
		moment();
		atomic_store(&w->f->armed, false);
		n = atomic_load(&w->f->count);
	}
	if (code == 501) {
		printf("%s: this server cannot do that; not tried\n", scene->name);
		n = 0;
	} else if (!succeeded(code) || !stands(&p, scene->after) || n == 0 || n > FAULTS_CALLS) {
		printf("WRONG: %s, without a fault: %d, %u calls\n", scene->name, code, n);
		w->wrong++;
		n = 0;
	}
	play_end(&p);
	if (list && n > 0) {
		printf("%s, %u calls:", scene->name, n);
		for (unsigned i = 0; i < n; i++)
			printf(" %s", w->f->calls[i]);
		printf("\n");
	}
	return n;
}

static void
sweep(struct sweep *w, const struct scene *scene, const struct fault *fault, bool list)
{
	unsigned calls = count_calls(w, scene, list);

	for (unsigned n = 1; n <= calls && fault->what != 0; n++)
		play_with(w, scene, fault, n);
}

static const struct fault *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (strcmp(faults[i].name, name) == 0)
			return &faults[i];
	fprintf(stderr, "sweep: no fault is called %s\n", name);
	exit(2);
}

int
main(int argc, char **argv)
{
	static struct talk talk;
	struct sweep w = { .talk = &talk };
	const char *only = NULL, *without = NULL;
	bool list = false, no_noreplace = false;
	int c;

	while ((c = getopt(argc, argv, "lns:x:")) != -1)
		switch (c) {
		case 'l':	list = true; break;
		case 'n':	no_noreplace = true; break;
		case 's':	only = optarg; break;
		case 'x':	without = optarg; break;
		default:	return 2;
		}
	argv += optind;
	if (argc - optind < 5 || (w.f = faults_map(argv[0])) == NULL) {
		fprintf(stderr, "usage: sweep [-ln] [-s SCENE] [-x SCENE] FAULTS PORT MASTER ROOT FAULT...\n");
		return 2;
	}
	w.port = (unsigned)atoi(argv[1]);
	w.master = atoi(argv[2]);
	w.root = argv[3];
	w.f->no_noreplace = no_noreplace;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (talk_open(&talk, w.port, 10000) == -1)
		return 1;
	for (argv += 4; *argv != NULL; argv++, list = false) {
		const struct fault *fault = find(*argv);

		w.played = w.refused = w.harmless = w.killed = 0;
		for (unsigned i = 0; i < scene_count; i++)
			if ((only == NULL || strstr(scenes[i].name, only) != NULL) &&
			    (without == NULL || strstr(scenes[i].name, without) == NULL))
				sweep(&w, &scenes[i], fault, list);
		printf("%s: %u calls failed in turn: %u refused, %u done all the same, %u processes killed\n",
		    *argv, w.played, w.refused, w.harmless, w.killed);
		w.wrong += w.played == 0 && fault->what != 0;
	}
	printf("%u wrong\n", w.wrong);
	return w.wrong > 0;
}
