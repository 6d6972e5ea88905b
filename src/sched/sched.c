/* sched - the table of the concurrency models. */

#include <string.h>

#include "sched/sched.h"

static const struct sched *const models[] = {
	&sched_coroutine,
	&sched_thread,
	&sched_fork,
	&sched_serial,
};

#define MODELS	(sizeof(models) / sizeof(models[0]))

const struct sched *
sched_at(size_t i)
{
	return i < MODELS ? models[i] : NULL;
}

const struct sched *
sched_find(const char *name)
{
	size_t i;

	for (i = 0; i < MODELS; i++)
		if (strcmp(models[i]->name, name) == 0)
			return models[i];
	return NULL;
}
