/* fnv - the hash FNV-1a, for tables in which nobody gains by two keys that meet.
 * Each call goes on with the hash of what came before; FNV32 and FNV64 are those of nothing. */

#ifndef BASE_FNV_H
#define BASE_FNV_H

#include <stddef.h>
#include <stdint.h>

#define FNV32	UINT32_C(0x811c9dc5)
#define FNV64	UINT64_C(0xcbf29ce484222325)

static inline uint32_t
fnv32(uint32_t hash, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	while (len-- > 0)
		hash = (hash ^ *p++) * UINT32_C(0x01000193);
	return hash;
}

/* For the places of a small table: the low bits know of the high ones. */
static inline uint32_t
fnv32_folded(const void *bytes, size_t len)
{
	const uint32_t hash = fnv32(FNV32, bytes, len);

	return hash ^ hash >> 15;
}

static inline uint64_t
fnv64(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;

	while (len-- > 0)
		hash = (hash ^ *p++) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
