/* coroutine - stacks and the switching between them.
 * makecontext(3) enters a new stack once; from then on _setjmp(3) and _longjmp(3)
 * switch without a system call.  A stack whose function has returned is kept for
 * the next, so that a new session costs no mapping. */

/* The checked longjmp() of the C library takes another stack for a mistake. */
#undef _FORTIFY_SOURCE

#include <sys/mman.h>

#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "sched/coroutine.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COROUTINE_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define COROUTINE_ASAN 1
#endif

#define SPARE_MAX	256	/* stacks kept for reuse */
#define RED_ZONE	1024	/* bytes below the stack pointer that may still be in use */

struct coroutine {
	jmp_buf		 inside, outside;
	void		(*fn)(void *);
	char		*map;		/* the mapping; its first page is the guard */
	char		*sp;		/* about where it was suspended */
	struct coroutine *next;		/* in the list of spares */
	_Alignas(16) char local[COROUTINE_LOCAL];
};

static _Thread_local struct coroutine	*running;
static _Thread_local struct coroutine	*spare;
static _Thread_local unsigned		 spares;

#ifdef COROUTINE_ASAN
#include <sanitizer/common_interface_defs.h>

static _Thread_local const void	*outer_bottom;
static _Thread_local size_t	 outer_size;

#define ENTERING(fake, bottom, size)	__sanitizer_start_switch_fiber(fake, bottom, size)
#define ENTERED(fake, bottom, size)	__sanitizer_finish_switch_fiber(fake, bottom, size)
#define KEEP_OUTER()	const void *kept_bottom = outer_bottom; size_t kept_size = outer_size
#define RESTORE_OUTER()	(outer_bottom = kept_bottom, outer_size = kept_size)
#else
#define ENTERING(fake, bottom, size)	((void)(fake))
#define ENTERED(fake, bottom, size)	((void)(fake))
#define KEEP_OUTER()	((void)0)
#define RESTORE_OUTER()	((void)0)
#endif

static size_t
page(void)
{
	static size_t size;

	if (size == 0)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}

static char *
bottom(const struct coroutine *co)
{
	return co->map + page();
}

static size_t
room(const struct coroutine *co)
{
	return (size_t)((const char *)co - bottom(co));
}

/* The first frame on every stack: runs one function after the other. */
static void
trampoline(unsigned high, unsigned low)
{
	struct coroutine *co = (void *)(((uintptr_t)high << 16 << 16) | low);
	void *fake = NULL;

	ENTERED(NULL, &outer_bottom, &outer_size);
	for (;;) {
		if (_setjmp(co->inside) == 0) {
			ENTERING(&fake, outer_bottom, outer_size);
			_longjmp(co->outside, 1);
		}
		ENTERED(fake, &outer_bottom, &outer_size);
		co->fn(co->local);
		co->fn = NULL;
	}
}

/* Leads the new stack into its trampoline, which comes back at once. */
static void
enter(struct coroutine *co)
{
	uintptr_t at = (uintptr_t)co;
	ucontext_t context, unused;
	void *fake = NULL;
	KEEP_OUTER();		/* we may be on a coroutine's stack, which is not the one it goes back to */

	assert(getcontext(&context) == 0);
	context.uc_stack.ss_sp = bottom(co);
	context.uc_stack.ss_size = room(co);
	context.uc_link = NULL;
	makecontext(&context, (void (*)(void))trampoline, 2, (unsigned)(at >> 16 >> 16), (unsigned)at);
	if (_setjmp(co->outside) == 0) {
		ENTERING(&fake, bottom(co), room(co));
		(void)swapcontext(&unused, &context);
	}
	ENTERED(fake, NULL, NULL);
	RESTORE_OUTER();
}

static struct coroutine *
map_stack(void)
{
	size_t size = COROUTINE_STACK + page();
	struct coroutine *co;
	char *map;

	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	if (mprotect(map, page(), PROT_NONE) == -1) {
		(void)munmap(map, size);
		errno = ENOMEM;
		return NULL;
	}
	co = (void *)(map + size - (sizeof(*co) + 63) / 64 * 64);
	co->map = map;
	enter(co);
	return co;
}

struct coroutine *
coroutine_new(void (*fn)(void *local))
{
	struct coroutine *co = spare;

	if (co != NULL) {
		spare = co->next;
		spares--;
	} else if ((co = map_stack()) == NULL)
		return NULL;
	co->fn = fn;
	memset(co->local, 0, sizeof(co->local));
	return co;
}

void *
coroutine_local(struct coroutine *co)
{
	return co->local;
}

struct coroutine *
coroutine_self(void)
{
	return running;
}

static void
discard(struct coroutine *co)
{
	if (spares < SPARE_MAX) {
		co->next = spare;
		spare = co;
		spares++;
	} else
		(void)munmap(co->map, COROUTINE_STACK + page());
}

int
coroutine_resume(struct coroutine *co)
{
	void *fake = NULL;

	assert(running == NULL);
	running = co;
	if (_setjmp(co->outside) == 0) {
		ENTERING(&fake, bottom(co), room(co));
		_longjmp(co->inside, 1);
	}
	ENTERED(fake, NULL, NULL);
	running = NULL;
	if (co->fn != NULL)
		return 1;
	discard(co);
	return 0;
}

void
coroutine_suspend(void)
{
	struct coroutine *co = running;
	void *fake = NULL;

	assert(co != NULL);
	co->sp = __builtin_frame_address(0);
	if (_setjmp(co->inside) == 0) {
		ENTERING(&fake, outer_bottom, outer_size);
		_longjmp(co->outside, 1);
	}
	ENTERED(fake, &outer_bottom, &outer_size);
}

void
coroutine_trim(struct coroutine *co)
{
	uintptr_t end = ((uintptr_t)co->sp - RED_ZONE) & ~(uintptr_t)(page() - 1);

	if (end > (uintptr_t)bottom(co))
		(void)madvise(bottom(co), end - (uintptr_t)bottom(co), MADV_DONTNEED);
}

void
coroutine_cleanup(void)
{
	struct coroutine *co;

	while ((co = spare) != NULL) {
		spare = co->next;
		(void)munmap(co->map, COROUTINE_STACK + page());
	}
	spares = 0;
}
