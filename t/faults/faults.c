/* faults - the mapped file that all parts of the bench share, and its log. */

#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct faults *
map(int fd, size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* A process that is killed while it holds the lock must not hold up the others. */
static void
make_lock(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(lock, &attr);
}

struct faults *
faults_create(const char *name, size_t room)
{
	size_t size = sizeof(struct faults) + room;
	struct faults *f = NULL;
	int fd;

	unlink(name);
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || ftruncate(fd, (off_t)size) == -1 || (f = map(fd, size)) == NULL) {
		perror(name);
		exit(1);
	}
	make_lock(&f->lock);
	f->room = room;
	f->magic = FAULTS_MAGIC;
	return f;
}

struct faults *
faults_map(const char *name)
{
	struct stat st;
	struct faults *f;
	int fd;

	if ((fd = open(name, O_RDWR | O_CLOEXEC)) == -1)
		return NULL;
	if (fstat(fd, &st) == -1 || (size_t)st.st_size < sizeof(*f)) {
		close(fd);
		errno = EINVAL;
		return NULL;
	}
	if ((f = map(fd, (size_t)st.st_size)) != NULL && f->magic != FAULTS_MAGIC) {
		errno = EINVAL;
		return NULL;
	}
	return f;
}

void
faults_lock(struct faults *f)
{
	if (pthread_mutex_lock(&f->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&f->lock);
}

void
faults_unlock(struct faults *f)
{
	pthread_mutex_unlock(&f->lock);
}

uint64_t
faults_append(struct faults *f, const struct faults_record *r, const void *data, size_t len)
{
	size_t size = (sizeof(*r) + len + 7) & ~(size_t)7;
	struct faults_record *new = (struct faults_record *)(f->log + f->used);

	if (size > f->room - f->used) {
		static const char text[] = "faults: the log is full\n";

		(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
		abort();
	}
	memcpy(new, r, sizeof(*r));
	if (len > 0)
		memcpy(new + 1, data, len);
	new->size = (uint32_t)size;
	new->len = (uint32_t)len;
	new->number = f->numbers++;
	f->used += size;
	return new->number;
}

void
faults_note(struct faults *f, const char *text)
{
	const struct faults_record r = { .kind = LOG_NOTE };

	faults_lock(f);
	faults_append(f, &r, text, strlen(text) + 1);
	faults_unlock(f);
}

const struct faults_record *
faults_next(const struct faults *f, const struct faults_record *r)
{
	size_t at = r == NULL ? 0 : (size_t)((const char *)r - f->log) + r->size;

	return at < f->used ? (const struct faults_record *)(f->log + at) : NULL;
}
