/* protocols - the table of what cofferd speaks. */

#include <string.h>

#include "proto/protocols.h"

static const struct protocol *const protocols[] = {
	&protocol_coffer,
	&protocol_http,
	&protocol_tftp,
	&protocol_metrics,
	&protocol_coffers,
	&protocol_https,
};

#define PROTOCOLS	(sizeof(protocols) / sizeof(protocols[0]))

const struct protocol *
protocol_at(size_t i)
{
	return i < PROTOCOLS ? protocols[i] : NULL;
}

size_t
protocol_index(const struct protocol *protocol)
{
	size_t i;

	for (i = 0; i < PROTOCOLS && protocols[i] != protocol; i++)
		continue;
	return i;
}

const struct protocol *
protocol_find(const char *name)
{
	size_t i;

	for (i = 0; i < PROTOCOLS; i++)
		if (strcmp(protocols[i]->name, name) == 0)
			return protocols[i];
	return NULL;
}
