/* test_limits - accounts and their clocks, at their edges. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "session/limits.h"
#include "session/session.h"

#define SECOND		INT64_C(1000000)
#define PROCESSES	4
#define ROUNDS		20000

static struct sockaddr_in6
address(const char *text)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	struct sockaddr_in four = { .sin_family = AF_INET };

	if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		memcpy(&six, &four, sizeof(four));
	else
		assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
	return six;
}

static struct limits_account *
enter(struct limits *l, const char *text, unsigned max)
{
	struct sockaddr_in6 sa = address(text);

	return limits_enter_address(l, (const struct sockaddr *)&sa, max);
}

static void
leave(struct limits *l, const char *text)
{
	struct sockaddr_in6 sa = address(text);

	limits_leave_address(l, (const struct sockaddr *)&sa);
}

static void
sessions(void **state)
{
	struct sockaddr_in6 local = { .sin6_family = AF_UNIX };
	struct limits *l = limits_open();
	struct limits_account *a;

	(void)state;
	assert_non_null(l);
	a = enter(l, "192.0.2.7", 2);
	assert_non_null(a);
	assert_ptr_equal(enter(l, "::ffff:192.0.2.7", 2), a);
	assert_null(enter(l, "192.0.2.7", 2));
	assert_int_equal(errno, ETOOMANYREFS);
	assert_non_null(enter(l, "192.0.2.8", 2));
	assert_ptr_equal(enter(l, "192.0.2.7", 0), a);	/* any number */
	leave(l, "192.0.2.7");
	assert_null(enter(l, "192.0.2.7", 2));
	leave(l, "192.0.2.7");
	assert_ptr_equal(enter(l, "192.0.2.7", 2), a);
	/* Whoever leaves once more than he came has none, and not as many as there could be. */
	for (int i = 0; i < 5; i++)
		leave(l, "192.0.2.7");
	assert_non_null(enter(l, "192.0.2.7", 1));
	assert_null(enter(l, "192.0.2.7", 1));
	/* The addresses of one net of IPv6 are one client's; those of the next are not. */
	assert_non_null(enter(l, "2001:db8:0:1::1", 1));
	assert_null(enter(l, "2001:db8:0:1:ffff::2", 1));
	assert_non_null(enter(l, "2001:db8:0:2::1", 1));
	/* A user is no address, and a Unix socket neither. */
	assert_non_null(limits_enter_user(l, "alice", 1));
	assert_null(limits_enter_user(l, "alice", 1));
	assert_non_null(limits_enter_user(l, "bob", 1));
	limits_leave_user(l, "alice");
	assert_non_null(limits_enter_user(l, "alice", 1));
	assert_null(limits_enter_address(l, (const struct sockaddr *)&local, 1));
	assert_int_equal(errno, ENOSPC);
}

/* More accounts than places: all are served, and nobody is taken for somebody else. */
static void
many(void **state)
{
	struct limits *l = limits_open();
	unsigned i, without = 0;
	char name[16];

	(void)state;
	for (i = 0; i < 100000; i++) {
		(void)snprintf(name, sizeof(name), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		if (enter(l, name, 1) == NULL) {
			assert_int_equal(errno, ENOSPC);
			without++;
		}
	}
	assert_true(without >= 100000 - 65536 && without < 60000);
	for (i = 0; i < 100000; i++) {
		(void)snprintf(name, sizeof(name), "10.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		leave(l, name);
	}
	for (i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "10.9.%u.%u", i >> 8, i & 255);
		assert_non_null(enter(l, name, 1));
	}
}

/* Processes that come and go at once leave nothing behind. */
static void
together(void **state)
{
	struct limits *l = limits_open();
	int i, k, status;

	(void)state;
	for (i = 0; i < PROCESSES; i++)
		if (fork() == 0) {
			(void)alarm(60);
			for (k = 0; k < ROUNDS; k++)
				if (enter(l, "192.0.2.1", PROCESSES - 1) != NULL)
					leave(l, "192.0.2.1");
			_exit(0);
		}
	for (i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_non_null(enter(l, "192.0.2.1", 1));
	assert_null(enter(l, "192.0.2.1", 1));
}

static void
requests(void **state)
{
	limits_clock clock = 0;
	int64_t now = 1000 * SECOND;
	int i;

	(void)state;
	for (i = 0; i < 5; i++)
		assert_true(limits_request(&clock, now, 10, 5));
	assert_false(limits_request(&clock, now, 10, 5));
	assert_false(limits_request(&clock, now + SECOND / 10 - 1, 10, 5));
	assert_true(limits_request(&clock, now + SECOND / 10, 10, 5));
	assert_false(limits_request(&clock, now + SECOND / 10, 10, 5));
	/* A long pause fills it, and no more than that. */
	now += 100 * SECOND;
	for (i = 0; i < 5; i++)
		assert_true(limits_request(&clock, now, 10, 5));
	assert_false(limits_request(&clock, now, 10, 5));
}

static void
bytes(void **state)
{
	limits_clock clock = 0;
	int64_t now = 1000 * SECOND;

	(void)state;
	assert_true(limits_spend(&clock, now, 1000, 1000) <= now);	/* a second's at once */
	assert_int_equal(limits_spend(&clock, now, 500, 1000), now + SECOND / 2);
	assert_int_equal(limits_spend(&clock, now, 500, 1000), now + SECOND);
	assert_int_equal(limits_spend(&clock, now + SECOND, 100, 1000), now + SECOND + SECOND / 10);
	now += 100 * SECOND;
	assert_true(limits_spend(&clock, now, 1000, 1000) <= now);
	assert_true(limits_spend(&clock, now, 1, 1000) > now);
	clock = 0;
	assert_true(limits_spend(&clock, now, 1, UINT64_C(1) << 40) <= now);
	assert_true(limits_spend(&clock, now, SIZE_MAX / 2, UINT64_C(1) << 40) > now);
}

static void
goes_there(int number)
{
	(void)number;
	_exit(0);
}

/* A worker dies in the moment in which alice is about to be counted: her slot says so already, so that who
 * tidies up gives back too much, which passes, rather than too little, which would stay. */
static void
a_user_is_marked_before_he_counts(void **state)
{
	struct session_opts opts = { .limits = limits_open() };
	struct progress *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct session s = { .opts = &opts, .progress = p };
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(opts.limits);
	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(session_as(&s, "bob"), 0);
	if ((pid = fork()) == 0) {
		(void)signal(SIGSEGV, goes_there);
		if (mprotect(opts.limits, 65536 * sizeof(struct limits_account), PROT_READ) == 0)
			(void)limits_enter_user(opts.limits, "carol", 0);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);		/* it is there that one dies */
	assert_int_equal(session_as(&s, ""), 0);
	if ((pid = fork()) == 0) {
		(void)signal(SIGSEGV, goes_there);
		if (mprotect(opts.limits, 65536 * sizeof(struct limits_account), PROT_READ) == 0)
			(void)session_as(&s, "alice");
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(p->user, "alice");
	assert_int_not_equal(p->accounts, 0);
}

/* One who has too many sessions leaves this one as it was. */
static void
a_refused_user_changes_nothing(void **state)
{
	struct session_opts opts = { .limits = limits_open(), .limit.sessions_per_user = 1 };
	struct progress p[2] = { 0 };
	struct session a = { .opts = &opts, .progress = &p[0] }, b = { .opts = &opts, .progress = &p[1] };

	(void)state;
	assert_int_equal(session_as(&a, "alice"), 0);
	assert_int_equal(session_as(&b, "bob"), 0);
	assert_int_equal(session_as(&b, "alice"), -1);
	assert_int_equal(errno, ETOOMANYREFS);
	assert_string_equal(session_user(&b), "bob");
	assert_int_equal(session_as(&a, "bob"), -1);
	session_leave(opts.limits, &p[1], &p[1].accounts);
	assert_int_equal(session_as(&a, "bob"), 0);
	b.user = NULL;
	progress_user(&p[1], "");
	assert_int_equal(session_as(&b, "alice"), 0);
	assert_int_equal(session_as(&b, "bob"), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions),
		cmocka_unit_test(many),
		cmocka_unit_test(together),
		cmocka_unit_test(requests),
		cmocka_unit_test(bytes),
		cmocka_unit_test(a_user_is_marked_before_he_counts),
		cmocka_unit_test(a_refused_user_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
