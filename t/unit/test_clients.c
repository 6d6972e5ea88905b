/* test_clients - who counts as one client, and that all who count clients count alike. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "auth/failures.h"
#include "base/clock.h"
#include "io/socket.h"
#include "server/callers.h"
#include "server/rivals.h"

static struct sockaddr_in6
address(const char *text)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = 7, .sin6_scope_id = 3 };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = 8 };

	if (strcmp(text, "unix") == 0)
		six.sin6_family = AF_UNIX;
	else if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		memcpy(&six, &four, sizeof(four));
	else
		assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
	return six;
}

static const struct {
	const char	*one, *other;
	bool		 same;
} pairs[] = {
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.2", false },
	{ "192.0.2.1", "::ffff:192.0.2.1", true },
	{ "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
	{ "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true },
	{ "2001:db8:1:2::1", "2001:db8:1:3::1", false },
	{ "::1", "::1", true },
	{ "::1", "127.0.0.1", false },
	{ "unix", "unix", true },
	{ "unix", "::1", false },
};
#define PAIRS	(sizeof(pairs) / sizeof(pairs[0]))

static void
one_network_of_64_bits_is_one_client(void **state)
{
	(void)state;
	for (size_t i = 0; i < PAIRS; i++) {
		struct sockaddr_in6 a = address(pairs[i].one), b = address(pairs[i].other);

		assert_int_equal(socket_same_client((struct sockaddr *)&a, (struct sockaddr *)&b), pairs[i].same);
	}
}

static int
put(struct callers *c, const char *from)
{
	struct call *call = calloc(1, sizeof(*call));

	assert_non_null(call);
	call->question.peer = address(from);
	if (callers_put(c, CALLERS_GOOD, call) == 0)
		return 0;
	free(call);
	return -1;
}

static void
logins_wait_by_client(void **state)
{
	struct callers *c;

	(void)state;
	for (size_t i = 0; i < PAIRS; i++) {
		assert_non_null(c = callers_open(2 * CALLERS_EACH));
		for (int n = 0; n < CALLERS_EACH; n++)
			assert_int_equal(put(c, pairs[i].one), 0);
		assert_int_equal(put(c, pairs[i].other), pairs[i].same ? -1 : 0);
		for (struct call *call; (call = callers_take(c, CALLERS_GOOD)) != NULL; )
			free(call);
		free(c);
	}
}

static void
failures_count_by_client(void **state)
{
	const struct failures_limits limits = { .count = 2, .ban_ms = 60000 };
	struct failures *f;

	(void)state;
	for (size_t i = 0; i < PAIRS; i++) {
		struct sockaddr_in6 a = address(pairs[i].one), b = address(pairs[i].other);

		assert_non_null(f = failures_open());
		(void)failures_wrong(f, &limits, &a, "alice");
		(void)failures_wrong(f, &limits, &a, "alice");
		assert_int_equal(failures_banned(f, &limits, &b, "alice") > 0, pairs[i].same);
		/* And so they are forgiven, by any address of the client's. */
		assert_int_equal(failures_forgive(f, pairs[i].other, false) > 0, pairs[i].same);
		assert_int_equal(failures_banned(f, &limits, &a, "alice") == 0, pairs[i].same);
		failures_close(&f);
	}
}

static struct progress *
enter(struct scoreboard *board, const char *from, uint64_t number)
{
	struct progress *p = scoreboard_enter(board);
	struct sockaddr_in6 peer = address(from);

	assert_non_null(p);
	progress_open(p, number, -1, (struct sockaddr *)&peer, sizeof(peer), 0);
	progress_request(p, "HASH", "a", 1, clock_us());
	return p;
}

static void
rivals_are_of_one_client(void **state)
{
	struct scoreboard *board = scoreboard_open(1);
	struct progress *p, *q;

	(void)state;
	assert_non_null(board);
	assert_int_equal(scoreboard_take(board, 1, 1, 2), 0);
	(void)scoreboard_join(board, 0);
	for (size_t i = 0; i < PAIRS; i++) {
		p = enter(board, pairs[i].one, 1);
		q = enter(board, pairs[i].other, 2);
		assert_int_equal(rivals_count(board, q), pairs[i].same ? 1 : 0);
		assert_int_equal(rivals_count(board, p), 0);
		scoreboard_leave(board, p);
		scoreboard_leave(board, q);
	}
	scoreboard_close(&board);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_network_of_64_bits_is_one_client),
		cmocka_unit_test(logins_wait_by_client),
		cmocka_unit_test(failures_count_by_client),
		cmocka_unit_test(rivals_are_of_one_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
