/* faults - what is wrong, gathered line by line so that all of it can be told at once. */

#include <stdio.h>
#include <stdlib.h>

#include "server/faults.h"

void
faults_init(struct faults *faults)
{
	TAILQ_INIT(&faults->list);
	faults->count = 0;
}

void
faults_free(struct faults *faults)
{
	struct fault *fault;

	while ((fault = TAILQ_FIRST(&faults->list)) != NULL) {
		TAILQ_REMOVE(&faults->list, fault, entry);
		free(fault->text);
		free(fault);
	}
	faults->count = 0;
}

void
faults_add(struct faults *faults, const char *fmt, ...)
{
	struct fault *fault;
	va_list ap;
	int n;

	if (faults->count++ >= FAULTS_MAX || (fault = calloc(1, sizeof(*fault))) == NULL)
		return;
	va_start(ap, fmt);
	n = vasprintf(&fault->text, fmt, ap);
	va_end(ap);
	if (n == -1) {
		free(fault);
		return;
	}
	TAILQ_INSERT_TAIL(&faults->list, fault, entry);
}

void
faults_each(const struct faults *faults, void (*fn)(void *, const char *), void *arg)
{
	const struct fault *fault;
	size_t told = 0;
	char rest[64];

	TAILQ_FOREACH(fault, &faults->list, entry) {
		fn(arg, fault->text);
		told++;
	}
	if (told == faults->count)
		return;
	(void)snprintf(rest, sizeof(rest), "and %zu more faults", faults->count - told);
	fn(arg, rest);
}
