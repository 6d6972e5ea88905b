/* progress - what can be known of one session from outside, in its slot of the scoreboard. */

#include <sys/socket.h>

#include <sched.h>
#include <string.h>

#include "base/clock.h"
#include "base/fnv.h"
#include "base/text.h"
#include "session/progress.h"

#define TRIES	1000	/* of a reader, before it takes what there is */

/* While fd has this value, somebody is about to shut the socket down. */
#define FD_KICKING	(-2)

static void
write_begin(struct progress *p)
{
	unsigned turn = atomic_load_explicit(&p->turn, memory_order_relaxed);

	/* | 1, not + 1: whoever had the slot before may have died in the middle. */
	atomic_store_explicit(&p->turn, turn | 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
}

static void
write_end(struct progress *p)
{
	unsigned turn = atomic_load_explicit(&p->turn, memory_order_relaxed);

	atomic_store_explicit(&p->turn, turn + 1, memory_order_release);
}

void
progress_open(struct progress *p, uint64_t number, int fd, const struct sockaddr *peer, socklen_t len,
    uint8_t protocol)
{
	write_begin(p);
	p->number = number;
	p->began = p->since = clock_us();
	p->counted = 0;
	memset(&p->peer, 0, sizeof(p->peer));
	memcpy(&p->peer, peer, len < sizeof(p->peer) ? len : sizeof(p->peer));
	p->protocol = protocol;
	p->proxied = p->tls_required = false;
	p->user[0] = p->verb[0] = '\0';
	p->path_len = p->path_sum = 0;
	write_end(p);
	atomic_store_explicit(&p->requests, 0, memory_order_relaxed);
	atomic_store_explicit(&p->meter.received, 0, memory_order_relaxed);
	atomic_store_explicit(&p->meter.sent, 0, memory_order_relaxed);
	atomic_store_explicit(&p->accounts, 0, memory_order_relaxed);
	atomic_store_explicit(&p->kick, 0, memory_order_relaxed);
	atomic_store_explicit(&p->fd, fd, memory_order_relaxed);
	atomic_store_explicit(&p->state, PROGRESS_IDLE, memory_order_release);
}

void
progress_request(struct progress *p, const char *verb, const char *path, size_t len, int64_t since)
{
	uint64_t n = atomic_load_explicit(&p->requests, memory_order_relaxed);
	size_t fits = len < PROGRESS_PATH ? len : PROGRESS_PATH;

	write_begin(p);
	p->since = since;
	p->counted = stream_meter_moved(&p->meter);
	(void)strlcpy(p->verb, verb, sizeof(p->verb));
	p->path_len = (uint32_t)len;
	/* Two long paths with the same beginning shall not be taken for one. */
	p->path_sum = fits < len ? fnv32(FNV32, path + fits, len - fits) : 0;
	memcpy(p->path, path, fits);
	write_end(p);
	atomic_store_explicit(&p->requests, n + 1, memory_order_relaxed);
	atomic_store_explicit(&p->state, PROGRESS_BUSY, memory_order_release);
}

void
progress_answered(struct progress *p)
{
	atomic_store_explicit(&p->state, PROGRESS_IDLE, memory_order_release);
}

void
progress_proxied(struct progress *p, const struct sockaddr *peer, socklen_t len)
{
	write_begin(p);
	if (peer != NULL) {
		memset(&p->peer, 0, sizeof(p->peer));
		memcpy(&p->peer, peer, len < sizeof(p->peer) ? len : sizeof(p->peer));
	}
	p->proxied = true;
	write_end(p);
}

void
progress_user(struct progress *p, const char *user)
{
	write_begin(p);
	(void)strlcpy(p->user, user, sizeof(p->user));
	write_end(p);
}

void
progress_leave(struct progress *p)
{
	int fd = atomic_load(&p->fd);

	/* The one who is at it has but one system call to make. */
	while (fd == FD_KICKING || !atomic_compare_exchange_weak(&p->fd, &fd, -1)) {
		(void)sched_yield();
		fd = atomic_load(&p->fd);
	}
}

void
progress_shutdown(struct progress *p)
{
	int fd = atomic_load(&p->fd);

	if (fd < 0 || !atomic_compare_exchange_strong(&p->fd, &fd, FD_KICKING))
		return;
	(void)shutdown(fd, SHUT_RDWR);
	atomic_store(&p->fd, fd);
}

bool
progress_read(const struct progress *p, struct progress *copy)
{
	unsigned before, after, i;

	for (i = 0; i < TRIES; i++) {
		before = atomic_load_explicit(&p->turn, memory_order_acquire);
		memcpy((void *)copy, (const void *)p, sizeof(*copy));
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load_explicit(&p->turn, memory_order_relaxed);
		if (before == after && before % 2 == 0)
			break;
	}
	atomic_store_explicit(&copy->turn, i == TRIES, memory_order_relaxed);
	copy->user[PROGRESS_USER - 1] = copy->verb[PROGRESS_VERB - 1] = '\0';
	return copy->state == PROGRESS_IDLE || copy->state == PROGRESS_BUSY;
}

char *
progress_path(char dst[PROGRESS_SHOWN], const struct progress *copy)
{
	size_t len = copy->path_len < PROGRESS_PATH ? copy->path_len : PROGRESS_PATH;

	dst[0] = '/';
	(void)text_visible(dst + 1, PROGRESS_SHOWN - 4, copy->path, len);
	if (copy->path_len > PROGRESS_PATH)
		(void)strcat(dst, "...");
	return dst;
}
