/* protocols - the table of what cofferd speaks. */

#include <string.h>

#include "base/nitems.h"
#include "proto/protocols.h"

static const struct protocol *const protocols[] = {
	&protocol_coffer,
	&protocol_http,
	&protocol_tftp,
	&protocol_metrics,
	&protocol_coffers,
	&protocol_https,
};

const struct protocol *
protocol_at(size_t i)
{
	return i < nitems(protocols) ? protocols[i] : NULL;
}

size_t
protocol_index(const struct protocol *protocol)
{
	size_t i;

	for (i = 0; i < nitems(protocols) && protocols[i] != protocol; i++)
		continue;
	return i;
}

const struct protocol *
protocol_find(const char *name)
{
	size_t i;

	for (i = 0; i < nitems(protocols); i++)
		if (strcmp(protocols[i]->name, name) == 0)
			return protocols[i];
	return NULL;
}
