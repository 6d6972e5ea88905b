/* mem - a short list of spare buffers in front of malloc(3).
 * Counts nothing and limits nothing: who may borrow is the caller's business. */

#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>

/* Under AddressSanitizer nothing is kept, so that the use of a buffer that was
 * given back is found. */
#if defined(__SANITIZE_ADDRESS__)
#define SPARE_MAX	0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPARE_MAX	0
#endif
#endif
#ifndef SPARE_MAX
#define SPARE_MAX	MEM_SPARE_MAX
#endif

struct spare {			/* lies at the start of each spare buffer */
	struct spare	*next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct spare *spares;
static unsigned count;

char *
mem_take(void)
{
	struct spare *s;

	pthread_mutex_lock(&lock);
	if ((s = spares) != NULL) {
		spares = s->next;
		count--;
	}
	pthread_mutex_unlock(&lock);
	return s != NULL ? (char *)s : malloc(MEM_BUFFER);
}

void
mem_give(char *buffer)
{
	struct spare *s = (struct spare *)(void *)buffer;
	int keep;

	if (buffer == NULL)
		return;
	pthread_mutex_lock(&lock);
	if ((keep = count + 1 <= SPARE_MAX) != 0) {
		s->next = spares;
		spares = s;
		count++;
	}
	pthread_mutex_unlock(&lock);
	if (!keep)
		free(buffer);
}
