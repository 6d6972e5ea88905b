/* bare - what a cofferd without a scoreboard would be, to measure what the scoreboard costs.
 * Linked with --wrap for each of these, so that the server does nothing where it would tell of a
 * session's requests.  Nobody can be seen or kicked in it: it is for bench/pool alone. */

#include <stddef.h>
#include <stdint.h>

void	__wrap_progress_request(void *, const char *, const char *, size_t, int64_t);
void	__wrap_progress_answered(void *);
void	__wrap_tally_request(void *, unsigned, unsigned, int, uint64_t, uint64_t);

void
__wrap_progress_request(void *p, const char *verb, const char *path, size_t len, int64_t since)
{
	(void)p;
	(void)verb;
	(void)path;
	(void)len;
	(void)since;
}

void
__wrap_progress_answered(void *p)
{
	(void)p;
}

void
__wrap_tally_request(void *t, unsigned protocol, unsigned verb, int code, uint64_t us, uint64_t bytes)
{
	(void)t;
	(void)protocol;
	(void)verb;
	(void)code;
	(void)us;
	(void)bytes;
}
