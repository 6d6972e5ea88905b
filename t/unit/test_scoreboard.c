/* test_scoreboard - rows and slots, what a reader sees of them, and kicks under every model.
 * Workers are processes of the test; what they find wrong is their exit status. */

#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/wait.h"
#include "sched/sched.h"
#include "server/scoreboard.h"

#define PATIENCE_MS	10000
#define SESSIONS	4

static struct scoreboard	*board;
static const struct sched	*model;
static int			 pair[2][2];	/* the sockets of two sessions */
static int			 lifeline[2];

static const struct sockaddr_in peer = { .sin_family = AF_INET };

static struct progress *
enter(int fd)
{
	struct progress *p = scoreboard_enter(board);

	if (p != NULL)
		progress_open(p, scoreboard_next_number(board), fd, (const struct sockaddr *)&peer,
		    sizeof(peer), 0);
	return p;
}

static void
take_and_give(void **state)
{
	struct scoreboard *b = scoreboard_open(6);
	struct scoreboard_worker w;

	(void)state;
	assert_non_null(b);
	assert_int_equal(scoreboard_take(b, 1, 4, SESSIONS), 0);
	assert_int_equal(scoreboard_take(b, 2, 4, SESSIONS), -1);	/* two are left */
	assert_int_equal(scoreboard_take(b, 2, 2, SESSIONS), 4);
	assert_true(scoreboard_worker(b, 5, &w));
	assert_int_equal(w.generation, 2);
	assert_int_equal(w.slot, 1);
	assert_int_equal(w.state, WORKER_WAITING);
	assert_false(scoreboard_worker(b, 6, &w));
	scoreboard_give(b, 0, 4);
	assert_false(scoreboard_worker(b, 0, &w));
	assert_int_equal(scoreboard_take(b, 3, 3, SESSIONS), 0);
	scoreboard_close(&b);
}

#define CHECK(true)	do { if (!(true)) _exit(__LINE__ % 250 + 1); } while (0)

/* A worker whose sessions come and go; it dies with one that has moved 10 bytes. */
static void
come_and_go(void)
{
	struct progress *p[SESSIONS], copy;
	struct scoreboard_totals totals;
	struct scoreboard_worker w;
	unsigned at, i, seen;

	scoreboard_signal_children(SIGKILL);	/* nobody's yet */
	(void)scoreboard_join(board, 0);
	for (i = 0; i < SESSIONS; i++)
		CHECK((p[i] = enter(-1)) != NULL);
	CHECK(scoreboard_enter(board) == NULL);
	atomic_store(&p[1]->meter.sent, 1000);
	progress_request(p[1], "GET", "a", 1, clock_us());
	scoreboard_leave(board, p[1]);
	for (at = seen = 0; scoreboard_session(board, 0, &at, &copy); seen++)
		CHECK(copy.number != 1);
	CHECK(seen == SESSIONS - 1);
	CHECK(enter(-1) == p[1]);
	CHECK(scoreboard_enter(board) == NULL);
	/* What the one that left had moved is kept. */
	scoreboard_totals(board, &totals);
	CHECK(totals.sent == 1000 && totals.requests == 1);
	atomic_store(&p[0]->meter.sent, 10);
	/* Of a row that was taken later it knows what the master tells. */
	CHECK(kill(getpid(), SIGSTOP) == 0);
	CHECK(scoreboard_look(board, 1, &w) && w.generation == 2 && w.state == WORKER_STARTING && w.pid == 17);
	at = 0;
	CHECK(!scoreboard_session(board, 1, &at, &copy));
}

static void
slots_are_bounded_and_come_back(void **state)
{
	struct scoreboard_totals totals;
	struct progress copy;
	unsigned at = 0, turn;
	int status;
	pid_t pid;

	(void)state;
	board = scoreboard_open(2);
	assert_int_equal(scoreboard_take(board, 1, 1, SESSIONS), 0);
	if ((pid = fork()) == 0) {
		(void)alarm(PATIENCE_MS / 1000);
		come_and_go();
		_exit(0);
	}
	scoreboard_born(board, 0, pid);
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(scoreboard_take(board, 2, 1, SESSIONS), 1);
	scoreboard_born(board, 1, 17);
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* Likewise when its worker dies, and when the row is given. */
	scoreboard_died(board, 0, 0, 0, 0);
	assert_false(scoreboard_session(board, 0, &at, &copy));
	turn = scoreboard_turn(board);
	scoreboard_give(board, 0, 1);
	assert_int_not_equal(scoreboard_turn(board), turn);
	scoreboard_totals(board, &totals);
	assert_int_equal(totals.sent, 1010);
	assert_int_equal(totals.requests, 1);
	scoreboard_close(&board);
}

static void
a_reader_sees_the_request(void **state)
{
	char shown[PROGRESS_SHOWN], path[PROGRESS_PATH + 10];
	struct progress p = { .turn = 0 }, copy;

	(void)state;
	assert_false(progress_read(&p, &copy));
	progress_open(&p, 35, 7, (const struct sockaddr *)&peer, sizeof(peer), 0);
	assert_true(progress_read(&p, &copy));
	assert_int_equal(copy.state, PROGRESS_IDLE);
	progress_request(&p, "GET", "a\nb", 3, 5);
	assert_true(progress_read(&p, &copy));
	assert_int_equal(copy.state, PROGRESS_BUSY);
	assert_string_equal(copy.verb, "GET");
	assert_string_equal(progress_path(shown, &copy), "/a\\012b");
	memset(path, 'x', sizeof(path));
	progress_request(&p, "A-VERY-LONG-VERB", path, sizeof(path), 6);
	progress_answered(&p);
	assert_true(progress_read(&p, &copy));
	assert_int_equal(copy.state, PROGRESS_IDLE);
	assert_int_equal(strlen(copy.verb), PROGRESS_VERB - 1);
	assert_int_equal(strlen(progress_path(shown, &copy)), 1 + PROGRESS_PATH + 3);
	/* Its writer died in the middle: the reader does not wait for ever. */
	atomic_store(&p.turn, 7);
	assert_true(progress_read(&p, &copy));
	progress_open(&p, 36, 7, (const struct sockaddr *)&peer, sizeof(peer), 0);
	assert_int_equal(atomic_load(&p.turn) % 2, 0);
}

/* One process writes requests without end, each of one letter; no reader sees a mixture. */
static void
what_is_read_is_of_one_moment(void **state)
{
	struct progress copy, *p;
	char path[PROGRESS_PATH];
	const int64_t end = clock_in(PATIENCE_MS);
	unsigned at, i, whole = 0;
	pid_t pid;

	(void)state;
	board = scoreboard_open(1);
	assert_int_equal(scoreboard_take(board, 1, 1, SESSIONS), 0);
	if ((pid = fork()) == 0) {
		(void)alarm(PATIENCE_MS / 1000);	/* should its parent fail */
		(void)scoreboard_join(board, 0);
		p = enter(-1);
		for (i = 0; ; i++) {
			memset(path, 'a' + (int)(i % 26), sizeof(path));
			progress_request(p, "GET", path, sizeof(path), i);
		}
	}
	scoreboard_born(board, 0, pid);
	while (whole < 20000 && clock_ms() < end)
		for (at = 0; scoreboard_session(board, 0, &at, &copy); ) {
			/* Else the writer was stopped in the middle for so long that he was not waited for. */
			if (copy.turn != 0 || copy.state != PROGRESS_BUSY)
				continue;
			for (i = 1; i < sizeof(copy.path); i++)
				assert_int_equal(copy.path[i], copy.path[0]);
			whole++;
		}
	assert_int_equal(whole, 20000);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	scoreboard_close(&board);
}

/* --- kicks */

static void
session(void *arg)
{
	struct progress *p = arg;
	int fd = atomic_load(&p->fd);
	char byte;

	if (wait_request(fd, clock_in(PATIENCE_MS)) == -1 || read(fd, &byte, 1) != 0)
		_exit(3);
	progress_leave(p);
	wait_close(fd);
}

static void
drop(void *arg)
{
	struct progress *p = arg;

	(void)close(atomic_load(&p->fd));
}

static void
forked(void *arg, int pid)
{
	struct progress *p = arg;

	atomic_store(&p->pid, pid);
}

static void
ended(void *arg, int status)
{
	if (status != 0)
		_exit(4);
	scoreboard_leave(board, arg);
}

static void
begin(int fd)
{
	struct sched_task task = { .run = session, .drop = drop, .forked = forked, .ended = ended };

	if (model->room() == -1 || (task.arg = enter(fd)) == NULL || model->start(&task) == -1)
		_exit(5);
}

static void
accept_two(void *arg)
{
	int never[2];		/* no connection comes */

	(void)arg;
	if (pipe(never) == -1)
		_exit(7);
	begin(pair[0][0]);
	if (model != &sched_serial)	/* which is not back until its session ends */
		begin(pair[1][0]);
	(void)wait_any(never, 1, clock_in(PATIENCE_MS));	/* until the lifeline ends */
}

static void
work(void)
{
	struct scoreboard_row *row = scoreboard_join(board, 0);
	const struct sched_limit limit = { .max = SESSIONS, .sessions = &row->sessions };

	(void)alarm(PATIENCE_MS / 1000);
	(void)close(lifeline[1]);
	wait_lifeline(lifeline[0]);
	_exit(model->run(accept_two, NULL, &limit) == -1 ? 6 : 0);
}

static unsigned
sessions_seen(void)
{
	struct progress copy;
	unsigned at, n = 0;

	for (at = 0; scoreboard_session(board, 0, &at, &copy); )
		n++;
	return n;
}

static void
wait_for_sessions(unsigned n)
{
	int64_t end = clock_in(PATIENCE_MS);

	while (sessions_seen() != n) {
		assert_true(clock_ms() < end);
		(void)usleep(2000);
	}
}

static void
kick_under(const struct sched *which)
{
	unsigned all = which == &sched_serial ? 1 : 2;
	struct progress copy;
	unsigned at = 0;
	int status;
	pid_t pid;

	model = which;
	board = scoreboard_open(2);
	assert_int_equal(scoreboard_take(board, 1, 1, SESSIONS), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair[0]), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair[1]), 0);
	assert_int_equal(pipe(lifeline), 0);
	if ((pid = fork()) == 0)
		work();
	(void)close(lifeline[0]);
	scoreboard_born(board, 0, pid);
	wait_for_sessions(all);
	assert_int_equal(scoreboard_kick(board, 99), -1);
	assert_true(scoreboard_session(board, 0, &at, &copy));
	assert_int_equal(scoreboard_kick(board, copy.number), 0);
	wait_for_sessions(all - 1);	/* the other one stays */
	assert_int_equal(scoreboard_kick(board, copy.number), -1);
	at = 0;
	if (all == 2) {
		assert_true(scoreboard_session(board, 0, &at, &copy));
		assert_int_equal(scoreboard_kick(board, copy.number), 0);
		wait_for_sessions(0);
	}
	(void)close(lifeline[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	scoreboard_close(&board);
}

/* What a dead process had in hand, three times. */
static void
bury(struct quarantine *q, const struct progress *p)
{
	struct progress copy;

	for (int i = 0; i < QUARANTINE_DEATHS; i++) {
		assert_true(progress_read(p, &copy));
		quarantine_death(q, &copy);
	}
}

/* Its writer died in the middle: what is there is half of one request and half of another. */
static void
a_torn_request_is_nobodys(void **state)
{
	struct quarantine *q = quarantine_open();
	struct quarantine_entry entry;
	struct progress p = { 0 }, copy;
	unsigned at = 0;

	(void)state;
	assert_non_null(q);
	quarantine_for(q, 60000);
	progress_open(&p, 1, -1, (const struct sockaddr *)&peer, sizeof(peer), 0);
	progress_request(&p, "GET", "innocent", strlen("innocent"), 0);
	atomic_fetch_or(&p.turn, 1);
	p.path_len = UINT32_MAX;
	memset(p.verb, 'x', sizeof(p.verb));
	assert_true(progress_read(&p, &copy));
	assert_int_equal(atomic_load(&copy.turn), 1);
	bury(q, &p);
	assert_false(quarantine_each(q, &at, &entry));
	assert_int_equal(quarantine_refuses(q, &copy), 0);

	/* Whoever has the slot next writes a whole one. */
	progress_request(&p, "GET", "guilty", strlen("guilty"), 0);
	assert_int_equal(atomic_load(&p.turn) % 2, 0);
	bury(q, &p);
	assert_true(quarantine_refuses(q, &p) > 0);
	progress_request(&p, "GET", "innocent", strlen("innocent"), 0);
	assert_int_equal(quarantine_refuses(q, &p), 0);
}

static void
a_kick_ends_its_session_and_no_other(void **state)
{
	const struct sched *which;
	size_t i;

	(void)state;
	for (i = 0; (which = sched_at(i)) != NULL; i++) {
		print_message("%s\n", which->name);
		kick_under(which);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(take_and_give),
		cmocka_unit_test(slots_are_bounded_and_come_back),
		cmocka_unit_test(a_reader_sees_the_request),
		cmocka_unit_test(what_is_read_is_of_one_moment),
		cmocka_unit_test(a_torn_request_is_nobodys),
		cmocka_unit_test(a_kick_ends_its_session_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
