/* faults - what is wrong, gathered line by line so that all of it can be told at once.
 * Knows nothing of where the lines go: main prints them, a reload hands them on. */

#ifndef SERVER_FAULTS_H
#define SERVER_FAULTS_H

#include <stdarg.h>
#include <stddef.h>

#include <sys/queue.h>

#define FAULTS_MAX	100	/* lines kept; a file that is no configuration has no end of them */

struct fault {
	TAILQ_ENTRY(fault) entry;
	char		*text;		/* one line, without its line end */
};

struct faults {
	TAILQ_HEAD(fault_list, fault) list;
	size_t		 count;		/* also of those beyond FAULTS_MAX, which are not kept */
};

void	faults_init(struct faults *);
void	faults_free(struct faults *);

/* One more line.  Out of memory, it is counted but not kept. */
void	faults_add(struct faults *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Hands each line to fn, and at last one that says how many were not kept. */
void	faults_each(const struct faults *, void (*fn)(void *arg, const char *line), void *arg);

#endif
