/* test_coroutine - stacks: switching, what stays on them, trimming, and their use by the next. */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sched/coroutine.h"

#define MANY	1000
#define ROUNDS	5

struct note {			/* in coroutine_local() */
	unsigned	 number, rounds;
	uint64_t	 sum;
	unsigned char	*deep;	/* far down on its stack */
};

static struct note	*result[MANY];
static unsigned		 ended;

/* A number that is not to be guessed from its neighbours. */
static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	return x ^ x >> 29;
}

/* Something in each local variable and register that must survive all switches. */
static void
add_up(void *local)
{
	struct note *note = local;
	uint64_t a = mix(note->number), b = mix(a), c = mix(b), d = mix(c);
	double e = (double)note->number * 1.5;
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		note->rounds++;
		coroutine_suspend();
		a += b;
		b += c;
		c += d;
		d += a;
		e += 1;
	}
	note->sum = a + b + c + d + (uint64_t)e;
	result[note->number] = malloc(sizeof(*note));
	*result[note->number] = *note;
	ended++;
}

static uint64_t
expected_sum(unsigned number)
{
	uint64_t a = mix(number), b = mix(a), c = mix(b), d = mix(c);

	for (int i = 0; i < ROUNDS; i++) {
		a += b;
		b += c;
		c += d;
		d += a;
	}
	return a + b + c + d + (uint64_t)((double)number * 1.5 + ROUNDS);
}

static void
many_keep_their_state(void **state)
{
	static struct coroutine *co[MANY];
	unsigned i, round;

	(void)state;
	ended = 0;
	for (i = 0; i < MANY; i++) {
		co[i] = coroutine_new(add_up);
		assert_non_null(co[i]);
		((struct note *)coroutine_local(co[i]))->number = i;
	}
	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < MANY; i++) {
			/* in another order each time */
			unsigned at = (i * 7 + round * 13) % MANY;

			assert_int_equal(coroutine_resume(co[at]), 1);
			assert_int_equal(((struct note *)coroutine_local(co[at]))->rounds, round + 1);
		}
	assert_int_equal(ended, 0);
	for (i = 0; i < MANY; i++)
		assert_int_equal(coroutine_resume(co[i]), 0);
	assert_int_equal(ended, MANY);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(result[i]->number, i);
		assert_int_equal(result[i]->sum, expected_sum(i));
		free(result[i]);
	}
	coroutine_cleanup();
}

static struct coroutine *inner;

static void
make_another(void *local)
{
	struct note *note = local;

	inner = coroutine_new(add_up);
	((struct note *)coroutine_local(inner))->number = 1;
	note->sum = mix(note->number);
	coroutine_suspend();
	note->sum -= mix(note->number);
}

/* As the accept loop does for each session. */
static void
one_is_made_within_another(void **state)
{
	struct coroutine *outer = coroutine_new(make_another);
	struct note *note = coroutine_local(outer);
	int i;

	(void)state;
	note->number = 5;
	assert_int_equal(coroutine_resume(outer), 1);
	for (i = 0; i < ROUNDS; i++)
		assert_int_equal(coroutine_resume(inner), 1);
	assert_int_equal(coroutine_resume(outer), 0);
	assert_int_equal(note->sum, 0);
	assert_int_equal(coroutine_resume(inner), 0);
	assert_int_equal(result[1]->sum, expected_sum(1));
	free(result[1]);
	coroutine_cleanup();
}

static struct coroutine *seen_self;

static void
look_at_self(void *local)
{
	(void)local;
	seen_self = coroutine_self();
	coroutine_suspend();
	seen_self = coroutine_self();
}

static void
self_is_the_running_one(void **state)
{
	struct coroutine *a = coroutine_new(look_at_self), *b = coroutine_new(look_at_self);

	(void)state;
	assert_null(coroutine_self());
	assert_int_equal(coroutine_resume(a), 1);
	assert_ptr_equal(seen_self, a);
	assert_null(coroutine_self());
	assert_int_equal(coroutine_resume(b), 1);
	assert_ptr_equal(seen_self, b);
	assert_int_equal(coroutine_resume(a), 0);
	assert_ptr_equal(seen_self, a);
	assert_int_equal(coroutine_resume(b), 0);
	assert_ptr_equal(seen_self, b);
	assert_null(coroutine_self());
	coroutine_cleanup();
}

static void
fill_local(void *local)
{
	memset(local, 0xa5, COROUTINE_LOCAL);
	coroutine_suspend();
	for (size_t i = 0; i < COROUTINE_LOCAL; i++)
		assert_int_equal(((unsigned char *)local)[i], 0xa5);
}

/* Also on a stack that somebody else has used. */
static void
local_is_zero_and_aligned(void **state)
{
	const unsigned char zero[COROUTINE_LOCAL] = { 0 };
	struct coroutine *co;

	(void)state;
	for (int i = 0; i < 3; i++) {
		co = coroutine_new(fill_local);
		assert_memory_equal(coroutine_local(co), zero, sizeof(zero));
		assert_int_equal((uintptr_t)coroutine_local(co) % _Alignof(max_align_t), 0);
		assert_int_equal(coroutine_resume(co), 1);
		assert_int_equal(coroutine_resume(co), 0);
	}
	coroutine_cleanup();
}

/* Frames that cannot be merged, each with something to check on its way back. */
static __attribute__((noinline)) unsigned
descend(struct note *note, unsigned depth)
{
	volatile unsigned char frame[1000];
	unsigned wrong;

	memset((unsigned char *)frame, (int)(depth + note->number), sizeof(frame));
	if (depth == 0) {
		note->deep = (unsigned char *)frame;
		coroutine_suspend();
		wrong = 0;
	} else
		wrong = descend(note, depth - 1);
	for (size_t i = 0; i < sizeof(frame); i++)
		wrong += frame[i] != (unsigned char)(depth + note->number);
	return wrong;
}

static void
go_deep(void *local)
{
	struct note *note = local;

	note->sum = descend(note, note->rounds);
	coroutine_suspend();
}

static struct note *
deep_note(struct coroutine *co, unsigned number, unsigned depth)
{
	struct note *note = coroutine_local(co);

	note->number = number;
	note->rounds = depth;
	note->sum = 1;
	return note;
}

/* Of 128 KiB, three quarters. */
#if defined(__SANITIZE_ADDRESS__)
#define DEPTH	40	/* frames are larger there */
#else
#define DEPTH	90
#endif

static void
deep_stacks_do_not_meet(void **state)
{
	struct coroutine *co[20];
	unsigned i;

	(void)state;
	for (i = 0; i < 20; i++) {
		co[i] = coroutine_new(go_deep);
		(void)deep_note(co[i], i, DEPTH);
		assert_int_equal(coroutine_resume(co[i]), 1);
	}
	for (i = 0; i < 20; i++) {
		assert_int_equal(coroutine_resume(co[i]), 1);
		assert_int_equal(((struct note *)coroutine_local(co[i]))->sum, 0);
		assert_int_equal(coroutine_resume(co[i]), 0);
	}
	coroutine_cleanup();
}

/* Whether the page of that address is in memory. */
static bool
resident(const void *at)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	unsigned char vec;

	assert_int_equal(mincore((void *)((uintptr_t)at & ~(page - 1)), page, &vec), 0);
	return vec & 1;
}

static void
trim_keeps_what_is_in_use(void **state)
{
	struct coroutine *co = coroutine_new(go_deep);
	struct note *note = deep_note(co, 7, DEPTH);
	unsigned char *deep;

	(void)state;
	assert_int_equal(coroutine_resume(co), 1);
	deep = note->deep;
	coroutine_trim(co);
	assert_true(resident(deep));
	assert_int_equal(coroutine_resume(co), 1);
	assert_int_equal(note->sum, 0);
	/* It is back near the top now, and asleep: what was deep is given back. */
	assert_true(resident(deep));
	coroutine_trim(co);
#if !defined(__SANITIZE_ADDRESS__)	/* its frames may be elsewhere */
	assert_false(resident(deep));
#endif
	assert_int_equal(note->number, 7);
	assert_int_equal(coroutine_resume(co), 0);
	coroutine_cleanup();
}

static void
suspend_often(void *local)
{
	struct note *note = local;
	unsigned i, wrong = 0;

	for (i = 0; i < 100; i++) {
		volatile unsigned char frame[3000];

		memset((unsigned char *)frame, (int)i, sizeof(frame));
		coroutine_suspend();
		for (size_t at = 0; at < sizeof(frame); at++)
			wrong += frame[at] != (unsigned char)i;
	}
	note->sum = wrong;
	coroutine_suspend();
}

static void
trim_at_every_sleep_harms_nobody(void **state)
{
	struct coroutine *co[10];
	unsigned i, round;

	(void)state;
	for (i = 0; i < 10; i++) {
		co[i] = coroutine_new(suspend_often);
		((struct note *)coroutine_local(co[i]))->sum = 1;
	}
	for (round = 0; round <= 100; round++)
		for (i = 0; i < 10; i++) {
			assert_int_equal(coroutine_resume(co[i]), 1);
			coroutine_trim(co[i]);
			coroutine_trim(co[i]);
		}
	for (i = 0; i < 10; i++) {
		assert_int_equal(((struct note *)coroutine_local(co[i]))->sum, 0);
		assert_int_equal(coroutine_resume(co[i]), 0);
	}
	coroutine_cleanup();
}

static void
end_at_once(void *local)
{
	(void)local;
	ended++;
}

static void
a_stack_is_used_again(void **state)
{
	struct coroutine *first = coroutine_new(end_at_once), *next;

	(void)state;
	ended = 0;
	assert_int_equal(coroutine_resume(first), 0);
	for (int i = 0; i < 10000; i++) {
		next = coroutine_new(end_at_once);
		assert_ptr_equal(next, first);
		assert_int_equal(coroutine_resume(next), 0);
	}
	assert_int_equal(ended, 10001);
	coroutine_cleanup();
}

/* Address space of this process, in pages. */
static long
pages_mapped(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld", &pages), 1);
	fclose(file);
	return pages;
}

static void
cleanup_gives_all_stacks_back(void **state)
{
	static struct coroutine *co[MANY];
	const long stack = COROUTINE_STACK / sysconf(_SC_PAGESIZE);
	long before = pages_mapped(), full, spare;
	unsigned i;

	(void)state;
	for (i = 0; i < MANY; i++)
		assert_non_null(co[i] = coroutine_new(end_at_once));
	full = pages_mapped();
	assert_true(full - before >= MANY * stack);
	for (i = 0; i < MANY; i++)
		assert_int_equal(coroutine_resume(co[i]), 0);
	spare = pages_mapped();
	assert_true(spare - before < MANY * stack);	/* not all are kept */
	coroutine_cleanup();
	assert_true(pages_mapped() - before < 10 * stack);
}

static volatile bool bottomless = true;

static void
fall_off(void *local)
{
	volatile unsigned char frame[3000];

	memset((unsigned char *)frame, 1, sizeof(frame));
	if (bottomless)
		fall_off(local);
	frame[0] = frame[1];	/* no tail call */
}

static struct coroutine *falling;

/* Right below its own stack, and not after it has gone through somebody else's. */
static void
on_fault(int number, siginfo_t *info, void *context)
{
	ptrdiff_t depth = (char *)falling - (char *)info->si_addr;

	(void)number;
	(void)context;
	_exit(depth > 0 && depth <= COROUTINE_STACK + sysconf(_SC_PAGESIZE) ? 7 : 1);
}

static void
an_overflow_is_caught(void **state)
{
	static char handlers[65536];
	const stack_t stack = { .ss_sp = handlers, .ss_size = sizeof(handlers) };
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	int status;
	pid_t pid;

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	print_message("skipped: a sanitizer has its own words for that\n");
	skip();
#endif
	if ((pid = fork()) == 0) {
		(void)sigaltstack(&stack, NULL);
		(void)sigaction(SIGSEGV, &action, NULL);
		(void)coroutine_new(end_at_once);
		falling = coroutine_new(fall_off);
		(void)coroutine_new(end_at_once);
		(void)coroutine_resume(falling);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void
no_memory_is_told(void **state)
{
	struct rlimit limit;
	int status;
	pid_t pid;

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	print_message("skipped: a sanitizer needs terabytes of address space\n");
	skip();
#endif
	if ((pid = fork()) == 0) {
		limit.rlim_cur = limit.rlim_max = (rlim_t)(pages_mapped() * sysconf(_SC_PAGESIZE) + 4 * COROUTINE_STACK);
		(void)setrlimit(RLIMIT_AS, &limit);
		for (int i = 0; i < 100; i++)
			if (coroutine_new(end_at_once) == NULL)
				_exit(i > 0 && errno == ENOMEM ? 0 : 1);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_keep_their_state),
		cmocka_unit_test(one_is_made_within_another),
		cmocka_unit_test(self_is_the_running_one),
		cmocka_unit_test(local_is_zero_and_aligned),
		cmocka_unit_test(deep_stacks_do_not_meet),
		cmocka_unit_test(trim_keeps_what_is_in_use),
		cmocka_unit_test(trim_at_every_sleep_harms_nobody),
		cmocka_unit_test(a_stack_is_used_again),
		cmocka_unit_test(cleanup_gives_all_stacks_back),
		cmocka_unit_test(an_overflow_is_caught),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
