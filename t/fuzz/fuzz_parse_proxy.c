/* fuzz_parse_proxy - any bytes as a proxy's header, and as a network. */

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "parse/parse_cidr.h"
#include "parse/parse_proxy.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
header(const char *bytes, size_t len)
{
	ssize_t whole = proxy_measure(bytes, len);
	struct proxy_header h;

	assert(whole <= (ssize_t)len && whole <= PROXY_MAX);
	assert(whole != 0 || len < PROXY_MAX);
	if (whole > 0 && proxy_parse(&h, bytes, (size_t)whole) == 0)
		assert(proxy_measure(bytes, (size_t)whole) == whole);
	/* What is refused stays refused, whatever follows. */
	if (len > 0 && proxy_measure(bytes, len - 1) == -1)
		assert(whole == -1);
}

static void
network(const char *text)
{
	struct cidr c;

	if (cidr_parse(&c, text) == 0)
		assert(c.len <= 8 * CIDR_ADDRESS && cidr_holds(&c, c.address));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);

	assert(copy != NULL);
	memcpy(copy, data, size);
	copy[size] = '\0';
	network(copy);
	free(copy);
	copy = malloc(size > 0 ? size : 1);	/* of exactly its size */
	assert(copy != NULL);
	memcpy(copy, data, size);
	header(copy, size);
	free(copy);
	return 0;
}
