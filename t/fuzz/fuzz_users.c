/* fuzz_users - any bytes as a line of the users file. */

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "auth/users_line.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data, *why;
	struct users_line l;

	if (users_line(&l, line, size, &why) != 1)
		return 0;
	assert(l.name == line && l.name_len >= 1 && l.name_len <= USERS_NAME_MAX);
	assert(l.hash == l.name + l.name_len + 1 && l.hash_len >= 1 && l.hash_len <= USERS_HASH_MAX);
	assert(memchr(l.name, ':', l.name_len) == NULL && memchr(l.name, '/', l.name_len) == NULL);
	assert(memchr(l.name, '\0', l.name_len) == NULL && memchr(l.hash, '\0', l.hash_len) == NULL);
	assert(l.rest == NULL || (l.rest > l.hash + l.hash_len && l.rest <= line + size));
	return 0;
}
