/* check - compares a folder with what clients have noted (see expect.h).
 *
 * usage: check FOLDER JOURNAL... */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "expect.h"

static struct actual	*list;
static unsigned		 count;

static void
hash(int fd, struct actual *a)
{
	struct digest_state *state = digest_begin();
	static char buffer[1 << 16];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
		digest_update(state, buffer, (size_t)n);
		a->size += n;
	}
	digest_end(&state, &a->digest);
}

static void
find_attr(int fd, const struct stat *st, struct actual *a)
{
	char stamp[100], text[200];
	int len = snprintf(stamp, sizeof(stamp), "%lld %lld.%09ld %llu ", (long long)st->st_size,
	    (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (unsigned long long)st->st_ino);
	ssize_t n = fgetxattr(fd, "user.coffer.sha256", text, sizeof(text));

	a->has_attr = n > len && memcmp(text, stamp, (size_t)len) == 0 &&
	    digest_parse(&a->attr, text + len, (size_t)(n - len)) == 0;
}

static void
look(int dirfd, const char *name, const char *path)
{
	struct actual a = { .path = strdup(path), .there = FOLDER_THERE };
	struct stat st;
	int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW);

	if (fd == -1 || fstat(fd, &st) == -1) {
		perror(path);
		exit(2);
	}
	if (S_ISREG(st.st_mode)) {
		a.there = FILE_THERE;
		hash(fd, &a);
		find_attr(fd, &st, &a);
	}
	close(fd);
	list = realloc(list, (count + 1) * sizeof(*list));
	list[count++] = a;
}

static void
walk(const char *root, const char *path)
{
	char name[PATH_MAX];
	struct dirent *d;
	DIR *dir;

	snprintf(name, sizeof(name), "%s%s", root, path);
	if ((dir = opendir(name)) == NULL) {
		perror(name);
		exit(2);
	}
	while ((d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
		    (*path == '\0' && (strcmp(d->d_name, ".coffer") == 0 || strcmp(d->d_name, "lost+found") == 0)))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, d->d_name);
		look(dirfd(dir), d->d_name, name);
		if (list[count - 1].there == FOLDER_THERE)
			walk(root, name);
	}
	closedir(dir);
}

/* A line that a kill has cut off counts for nothing. */
static void
take(struct expect *e, const char *journal)
{
	static char line[2048];
	FILE *file = fopen(journal, "r");

	if (file == NULL) {
		perror(journal);
		exit(2);
	}
	while (fgets(line, sizeof(line), file) != NULL)
		if (strchr(line, '\n') != NULL) {
			*strchr(line, '\n') = '\0';
			expect_line(e, line);
		}
	fclose(file);
}

int
main(int argc, char **argv)
{
	struct expect *e = expect_new();
	unsigned wrong;

	if (argc < 3)
		return 2;
	for (int i = 2; i < argc; i++)
		take(e, argv[i]);
	walk(argv[1], "");
	wrong = expect_check(e, list, count, argv[1]);
	printf("%u requests were acknowledged; %u files and folders are there; %u wrong\n", expect_acknowledged(e),
	    count, wrong);
	return wrong > 0;
}
