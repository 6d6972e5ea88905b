/* sched - the table of the concurrency models. */

#include <string.h>

#include "base/nitems.h"
#include "sched/sched.h"

static const struct sched *const models[] = {
	&sched_coroutine,
	&sched_thread,
	&sched_fork,
	&sched_serial,
};

const struct sched *
sched_at(size_t i)
{
	return i < nitems(models) ? models[i] : NULL;
}

const struct sched *
sched_find(const char *name)
{
	size_t i;

	for (i = 0; i < nitems(models); i++)
		if (strcmp(models[i]->name, name) == 0)
			return models[i];
	return NULL;
}
