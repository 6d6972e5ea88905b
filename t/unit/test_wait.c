/* test_wait - the waits, by one table of checks under every concurrency model.
 * Each check runs in a process of its own, inside the model's run(), for a drain cannot be undone and
 * cmocka's way out of a failed assertion does not cross stacks. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "io/stream.h"
#include "io/wait.h"
#include "sched/helpers.h"
#include "sched/sched.h"

#define SHORT_MS	60	/* a wait that ends by itself */
#define LONG_MS		5000	/* one that must not come to its end */
#define CHECK_S		20	/* seconds after which a check hangs */
#define SESSIONS_MAX	600

/* What follows a CHECK that failed is not run; the process's status tells of it. */
static atomic_int failures;

#define CHECK(true_thing)							\
	do {									\
		if (!(true_thing)) {						\
			int error_ = errno;					\
			failures++;						\
			(void)fprintf(stderr, "%s:%d: not true: %s (errno %s)\n", __FILE__,	\
			    __LINE__, #true_thing, strerrorname_np(error_));	\
			return;							\
		}								\
	} while (0)

/* -1 with that errno. */
#define FAILS(call, e)	(errno = 0, (call) == -1 && errno == (e))

static const struct sched	*model;
static struct sched_limit	 limit;
static atomic_uint		 running;
static int			 lifeline = -1;	/* its write end */

static void
pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == -1)
		abort();
}

/* Two ends of a TCP connection through loopback. */
static void
tcp_pair(int fd[2])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(in);

	if (bind(listener, (void *)&in, sizeof(in)) == -1 || listen(listener, 1) == -1 ||
	    getsockname(listener, (void *)&in, &len) == -1 ||
	    (fd[0] = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    connect(fd[0], (void *)&in, sizeof(in)) == -1 || (fd[1] = accept(listener, NULL, NULL)) == -1)
		abort();
	(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	(void)fcntl(fd[1], F_SETFL, O_NONBLOCK);
	(void)close(listener);
}

/* What the kernel takes until it takes no more, also after a while: of TCP, what was sent moves into
 * the peer's buffers, which grow. */
static size_t
fill(int fd)
{
	static char bytes[65536];
	const struct timespec pause = { 0, 10000000 };
	size_t total = 0, size;
	int full = 0;

	while (full < 3) {
		for (size = sizeof(bytes); size > 0; size /= 2)
			while (send(fd, bytes, size, MSG_NOSIGNAL) > 0) {
				total += size;
				full = 0;
			}
		full++;
		(void)nanosleep(&pause, NULL);
	}
	return total;
}

static size_t
empty(int fd)
{
	char bytes[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		total += (size_t)n;
	return total;
}

/* Something that happens while we wait. */
enum deed { WRITE, LINES, SHUT, CLOSE, EMPTY };
struct later {
	int	  ms;
	enum deed deed;
	int	  fd;
};

static void *
do_later(void *arg)
{
	struct later *l = arg;
	const struct timespec pause = { l->ms / 1000, l->ms % 1000 * 1000000L };

	(void)nanosleep(&pause, NULL);
	switch (l->deed) {
	case WRITE:
		(void)!write(l->fd, "x", 1);
		break;
	case LINES:
		(void)!write(l->fd, "\nb\nc\n", 5);
		break;
	case SHUT:
		(void)shutdown(l->fd, SHUT_WR);
		break;
	case CLOSE:
		(void)close(l->fd);
		break;
	case EMPTY:
		(void)empty(l->fd);
		break;
	}
	free(l);
	return NULL;
}

static void
later(int ms, enum deed deed, int fd)
{
	struct later *l = malloc(sizeof(*l));
	sigset_t all, old;
	pthread_t thread;

	*l = (struct later){ ms, deed, fd };
	(void)sigfillset(&all);		/* signals are for who waits */
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&thread, NULL, do_later, l) != 0)
		abort();
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_detach(thread);
}

static int64_t
cpu_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Tries first, waits after, as a stream does: the byte, -1 with errno, or -2 for the end; *waits counts. */
static int
get_byte(int fd, int64_t deadline, int *waits)
{
	unsigned char byte;
	ssize_t n;

	for (;;) {
		n = recv(fd, &byte, 1, 0);
		if (n == 1)
			return byte;
		if (n == 0)
			return -2;
		if (errno != EAGAIN || wait_fd(fd, POLLIN, deadline) == -1)
			return -1;
		++*waits;
	}
}

/* Sends one more byte, in the same manner. */
static int
put_byte(int fd, int64_t deadline, int *waits)
{
	while (send(fd, "y", 1, MSG_NOSIGNAL) == -1) {
		if (errno != EAGAIN || wait_fd(fd, POLLOUT, deadline) == -1)
			return -1;
		++*waits;
	}
	return 0;
}

/* --- the table */

static void
a_wait_ends_at_its_deadline(void *arg)
{
	int64_t began = clock_ms(), took;
	int fd[2];

	(void)arg;
	pair(fd);
	CHECK(FAILS(wait_fd(fd[0], POLLIN, clock_in(SHORT_MS)), ETIMEDOUT));
	took = clock_ms() - began;
	CHECK(took >= SHORT_MS && took < LONG_MS);
	began = clock_ms();
	CHECK(FAILS(wait_request(fd[0], clock_in(SHORT_MS)), ETIMEDOUT));
	CHECK(clock_ms() - began >= SHORT_MS);
	began = clock_ms();
	CHECK(wait_until(clock_in(SHORT_MS)) == 0);
	CHECK(clock_ms() - began >= SHORT_MS);
	began = clock_ms();
	CHECK(FAILS(wait_fd(fd[0], POLLIN, began - 10), ETIMEDOUT));
	CHECK(wait_until(began - 10) == 0);
	CHECK(wait_until(0) == 0);
	wait_yield();
	CHECK(clock_ms() - began < SHORT_MS * 10);
	wait_close(fd[0]);
	wait_close(fd[1]);
}

static void
what_is_there_already_is_reported(void *arg)
{
	int fd[2], waits = 0;

	(void)arg;
	pair(fd);
	CHECK(write(fd[1], "abc", 3) == 3);
	CHECK(wait_fd(fd[0], POLLIN, clock_in(LONG_MS)) == 0);
	CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == 'a');
	CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == 'b');
	CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == 'c');
	CHECK(wait_fd(fd[0], POLLOUT, clock_in(LONG_MS)) == 0);
	CHECK(waits == 0);
	CHECK(get_byte(fd[0], clock_in(SHORT_MS), &waits) == -1 && errno == ETIMEDOUT);
	wait_close(fd[0]);
	wait_close(fd[1]);
}

static void
what_comes_later_ends_the_wait(void *arg)
{
	int64_t began;
	int fd[2], waits = 0, i;

	(void)arg;
	pair(fd);
	for (i = 0; i < 5; i++) {
		began = clock_ms();
		later(SHORT_MS, WRITE, fd[1]);
		CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == 'x');
		CHECK(clock_ms() - began >= SHORT_MS - 1);
		CHECK(clock_ms() - began < LONG_MS);
	}
	CHECK(waits <= 2 * 5);
	/* The same between requests, and without a deadline. */
	later(SHORT_MS, WRITE, fd[1]);
	CHECK(wait_request(fd[0], CLOCK_NEVER) == 0);
	CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == 'x');
	wait_close(fd[0]);
	wait_close(fd[1]);
}

static void
a_full_socket_is_waited_for(void *arg)
{
	int fd[2], waits = 0;

	(void)arg;
	pair(fd);
	CHECK(fill(fd[0]) > 0);
	CHECK(put_byte(fd[0], clock_in(SHORT_MS), &waits) == -1 && errno == ETIMEDOUT);
	later(SHORT_MS, EMPTY, fd[1]);
	CHECK(put_byte(fd[0], clock_in(LONG_MS), &waits) == 0);
	CHECK(waits <= 3);
	wait_close(fd[0]);
	wait_close(fd[1]);
}

/* A peer that has said all may take its time to read. */
static void
wait_beside_half_an_end(int fd[2])
{
	int64_t cpu, began;
	int waits = 0;

	CHECK(fill(fd[0]) > 0);
	later(SHORT_MS, SHUT, fd[1]);
	CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == -2);
	CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == -2);
	(void)fill(fd[0]);	/* with its end, TCP's peer has opened its window somewhat */
	waits = 0;
	cpu = cpu_ms();
	began = clock_ms();
	CHECK(put_byte(fd[0], clock_in(4 * SHORT_MS), &waits) == -1 && errno == ETIMEDOUT);
	CHECK(clock_ms() - began >= 4 * SHORT_MS);
	CHECK(waits <= 3);
	CHECK(cpu_ms() - cpu < 2 * SHORT_MS);
	/* Nor has the end of its half ended ours. */
	later(SHORT_MS, EMPTY, fd[1]);
	CHECK(put_byte(fd[0], clock_in(LONG_MS), &waits) == 0);
	CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == -2);
	wait_close(fd[0]);
	wait_close(fd[1]);
}

static void
a_half_closed_peer_does_not_spin(void *arg)
{
	int fd[2];

	(void)arg;
	pair(fd);
	wait_beside_half_an_end(fd);
	tcp_pair(fd);
	wait_beside_half_an_end(fd);
}

static void
a_peer_that_goes_ends_the_waits(void *arg)
{
	int fd[2], waits = 0;

	(void)arg;
	pair(fd);
	CHECK(fill(fd[0]) > 0);
	later(SHORT_MS, CLOSE, fd[1]);
	CHECK(put_byte(fd[0], clock_in(LONG_MS), &waits) == -1 && errno == EPIPE);
	CHECK(waits <= 3);
	CHECK(wait_fd(fd[0], POLLIN, clock_in(LONG_MS)) == 0);
	wait_close(fd[0]);
	tcp_pair(fd);
	later(SHORT_MS, CLOSE, fd[1]);
	CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == -2);
	CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == -2);
	wait_close(fd[0]);
}

/* A number is given again by the kernel: what was known of it is not. */
static void
a_closed_descriptor_is_forgotten(void *arg)
{
	int fd[2], again[2];

	(void)arg;
	pair(fd);
	CHECK(write(fd[1], "x", 1) == 1);
	CHECK(wait_fd(fd[0], POLLIN, clock_in(LONG_MS)) == 0);
	CHECK(write(fd[1], "x", 1) == 1);
	CHECK(shutdown(fd[1], SHUT_WR) == 0);
	CHECK(wait_until(clock_in(10)) == 0);	/* time to be told of it */
	errno = EXDEV;
	wait_close(fd[0]);
	wait_close(-1);
	CHECK(errno == EXDEV);
	pair(again);
	CHECK(again[0] == fd[0]);
	CHECK(FAILS(wait_fd(again[0], POLLIN, clock_in(SHORT_MS)), ETIMEDOUT));
	later(10, WRITE, again[1]);
	CHECK(wait_fd(again[0], POLLIN, clock_in(LONG_MS)) == 0);
	wait_close(again[0]);
	wait_close(again[1]);
	wait_close(fd[1]);
}

static void
high_descriptors_are_waited_for(void *arg)
{
	int fd[2], high, waits = 0;

	(void)arg;
	for (high = 100; high < 1000; high += 150) {
		pair(fd);
		CHECK(dup3(fd[0], high, O_CLOEXEC) == high);
		(void)close(fd[0]);
		later(5, WRITE, fd[1]);
		CHECK(get_byte(high, clock_in(LONG_MS), &waits) == 'x');
	}
}

static void
on_alarm(int number)
{
	(void)number;
}

static void
a_signal_does_not_end_a_wait(void *arg)
{
	const struct itimerval often = { { 0, 7000 }, { 0, 7000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = on_alarm };
	int64_t began;
	int fd[2];

	(void)arg;
	pair(fd);
	CHECK(sigaction(SIGPROF, &action, NULL) == 0);
	action.sa_flags = 0;
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
	began = clock_ms();
	CHECK(FAILS(wait_fd(fd[0], POLLIN, clock_in(2 * SHORT_MS)), ETIMEDOUT));
	CHECK(wait_until(clock_in(2 * SHORT_MS)) == 0);
	CHECK(clock_ms() - began >= 4 * SHORT_MS);
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
}

static void
a_drain_ends_idle_waits_only(void *arg)
{
	int64_t began = clock_ms();
	int fd[2], other[2], waits = 0;

	(void)arg;
	pair(fd);
	pair(other);
	CHECK(!wait_draining());
	later(SHORT_MS, CLOSE, lifeline);
	CHECK(FAILS(wait_request(fd[0], clock_in(LONG_MS)), ECANCELED));
	CHECK(clock_ms() - began < LONG_MS);
	CHECK(wait_draining());
	/* From now on, at once. */
	began = clock_ms();
	CHECK(FAILS(wait_request(fd[0], clock_in(LONG_MS)), ECANCELED));
	CHECK(FAILS(wait_until(clock_in(LONG_MS)), ECANCELED));
	CHECK(FAILS(wait_any(other, 1, clock_in(LONG_MS)), ECANCELED));
	CHECK(FAILS(model->room(), ECANCELED));
	CHECK(clock_ms() - began < LONG_MS / 2);
	/* Work goes on, to its own deadline. */
	later(SHORT_MS, WRITE, fd[1]);
	CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == 'x');
	began = clock_ms();
	CHECK(FAILS(wait_fd(fd[0], POLLIN, clock_in(SHORT_MS)), ETIMEDOUT));
	CHECK(clock_ms() - began >= SHORT_MS);
	wait_yield();
	wait_close(fd[0]);
	wait_close(fd[1]);
}

static void
a_drain_ends_a_wait_for_connections(void *arg)
{
	int fd[2];

	(void)arg;
	pair(fd);
	later(SHORT_MS, CLOSE, lifeline);
	CHECK(FAILS(wait_any(fd, 1, CLOCK_NEVER), ECANCELED));
	CHECK(FAILS(wait_any(fd, 1, CLOCK_NEVER), ECANCELED));
}

static void
a_drain_ends_a_sleep(void *arg)
{
	int64_t began = clock_ms();

	(void)arg;
	later(SHORT_MS, CLOSE, lifeline);
	CHECK(FAILS(wait_until(clock_in(LONG_MS)), ECANCELED));
	CHECK(clock_ms() - began >= SHORT_MS - 1 && clock_ms() - began < LONG_MS);
}

static void
a_drain_that_is_told_is_one_too(void *arg)
{
	int fd[2];

	(void)arg;
	pair(fd);
	wait_drain();
	CHECK(wait_draining());
	CHECK(FAILS(wait_request(fd[0], clock_in(LONG_MS)), ECANCELED));
	CHECK(FAILS(wait_fd(fd[0], POLLIN, clock_in(SHORT_MS)), ETIMEDOUT));
	CHECK(FAILS(model->room(), ECANCELED));
}

static int
answer(void *arg)
{
	errno = *(int *)arg;
	return errno == 0 ? 42 : -1;
}

static int
sleep_a_little(void *arg)
{
	const struct timespec pause = { 0, 20000000 };

	(void)nanosleep(&pause, NULL);
	++*(atomic_int *)arg;
	return 7;
}

static void
a_call_gives_its_result_and_errno(void *arg)
{
	struct wait_job job = { 0 }, other = { 0 };
	int nothing = 0, full = ENOSPC, bad = EBADMSG;
	atomic_int done = 0;

	(void)arg;
	CHECK(wait_call(answer, &nothing) == 42);
	CHECK(FAILS(wait_call(answer, &full), ENOSPC));
	CHECK(wait_call(sleep_a_little, &done) == 7 && done == 1);
	/* In two steps, each with its own; in any order. */
	wait_begin(&job, answer, &full);
	wait_begin(&other, answer, &bad);
	CHECK(FAILS(wait_finish(&other), EBADMSG));
	CHECK(FAILS(wait_finish(&job), ENOSPC));
	CHECK(wait_finish(&job) == 0);		/* it is no more */
	wait_begin(&job, sleep_a_little, &done);
	CHECK(wait_until(clock_in(SHORT_MS)) == 0);
	CHECK(wait_finish(&job) == 7 && done == 2);
	memset(&job, 0, sizeof(job));
	CHECK(wait_finish(&job) == 0);		/* it never was */
}

static void
a_call_is_finished_while_draining(void *arg)
{
	struct wait_job job;
	atomic_int done = 0;
	int full = ENOSPC;

	(void)arg;
	wait_begin(&job, sleep_a_little, &done);
	wait_drain();
	CHECK(wait_finish(&job) == 7 && done == 1);
	CHECK(FAILS(wait_call(answer, &full), ENOSPC));
}

/* A listener on loopback with `n` connections that wait to be accepted. */
static int
crowded_listener(int n)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(in);

	if (bind(fd, (void *)&in, sizeof(in)) == -1 || listen(fd, 100) == -1 ||
	    getsockname(fd, (void *)&in, &len) == -1)
		abort();
	for (; n > 0; n--)
		if (connect(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), (void *)&in, sizeof(in)) == -1)
			abort();
	return fd;
}

static void
no_listener_starves_another(void *arg)
{
	int fd[4], count[4] = { 0 }, i, which;

	(void)arg;
	for (i = 0; i < 3; i++)
		fd[i] = crowded_listener(10);
	fd[3] = crowded_listener(0);
	/* All three are ready all the time. */
	for (i = 0; i < 12; i++) {
		which = wait_any(fd, 4, clock_in(LONG_MS));
		CHECK(which >= 0 && which < 3);
		count[which]++;
		CHECK(wait_until(0) == 0);
	}
	for (i = 0; i < 3; i++)
		CHECK(count[i] >= 3);
	/* Whoever takes what is offered gets all of them, and then there is no more. */
	for (i = 0; i < 30; i++) {
		which = wait_any(fd, 4, clock_in(LONG_MS));
		CHECK(which >= 0 && which < 3);
		CHECK(accept(fd[which], NULL, NULL) >= 0);
	}
	for (;;) {
		which = wait_any(fd, 4, clock_in(SHORT_MS));
		if (which == -1)
			break;
		CHECK(FAILS(accept(fd[which], NULL, NULL), EAGAIN));	/* told of once too often */
	}
	CHECK(errno == ETIMEDOUT);
}

static void
who_passes_is_still_told(void *arg)
{
	int fd[1], i;

	(void)arg;
	fd[0] = crowded_listener(3);
	wait_pass(fd, 1);
	for (i = 0; i < 3; i++) {
		CHECK(wait_any(fd, 1, clock_in(LONG_MS)) == 0);
		wait_pass(fd, 1);
		wait_pass(fd, 1);
		CHECK(accept(fd[0], NULL, NULL) >= 0);
	}
	wait_pass(fd, 1);
	CHECK(wait_any(fd, 1, clock_in(SHORT_MS)) == -1 && (errno == ETIMEDOUT || errno == EAGAIN));
}

/* --- sessions */

static atomic_int ended, at_most;

static void
nap(void *arg)
{
	int *fd = arg;
	int now = (int)atomic_load(limit.sessions);

	if (now > at_most)
		at_most = now;
	(void)wait_until(clock_in(20));
	(void)!write(fd[1], "e", 1);
	ended++;
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
there_are_never_more_sessions_than_allowed(void *arg)
{
	static int fd[2];
	const struct sched_task task = { .run = nap, .drop = nothing, .arg = fd };
	int i, waits = 0;

	(void)arg;
	limit.max = 3;
	pair(fd);
	for (i = 0; i < 12; i++) {
		CHECK(model->room() == 0);
		CHECK(atomic_load(limit.sessions) < 3);
		CHECK(model->start(&task) == 0);
		CHECK(atomic_load(limit.sessions) <= 3);
	}
	/* All of them have run, in whichever process. */
	for (i = 0; i < 12; i++)
		CHECK(get_byte(fd[0], clock_in(LONG_MS), &waits) == 'e');
}

/* --- only where many sessions share a process, and calls are helped */

static pthread_mutex_t	 mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t	 met = PTHREAD_COND_INITIALIZER;
static int		 here, expected;

/* Waits for the others to be here, too: never, if they run one after the other. */
static int
meet(void *arg)
{
	struct timespec end;
	int result = 0;

	(void)arg;
	(void)clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += LONG_MS / 1000;
	(void)pthread_mutex_lock(&mutex);
	if (++here == expected)
		(void)pthread_cond_broadcast(&met);
	while (here < expected && result == 0)
		result = pthread_cond_timedwait(&met, &mutex, &end);
	(void)pthread_mutex_unlock(&mutex);
	errno = result;
	return result == 0 ? 5 : -1;
}

static void
meet_in_session(void *arg)
{
	(void)arg;
	CHECK(wait_call(meet, NULL) == 5);
	ended++;
}

static void
start_all(void (*run)(void *), int n)
{
	const struct sched_task task = { .run = run, .drop = nothing };

	for (int i = 0; i < n; i++)
		CHECK(model->start(&task) == 0);
}

static void
wait_for_ends(int n)
{
	int64_t end = clock_in(LONG_MS + 1000);

	while (ended < n && clock_ms() < end)
		CHECK(wait_until(clock_in(5)) == 0);
	CHECK(ended == n);
}

static void
calls_of_two_sessions_overlap(void *arg)
{
	(void)arg;
	expected = 2;
	start_all(meet_in_session, 2);
	wait_for_ends(2);
}

static void
calls_of_one_session_overlap(void *arg)
{
	struct wait_job job[HELPERS_MAX];
	int i;

	(void)arg;
	expected = HELPERS_MAX;
	for (i = 0; i < HELPERS_MAX; i++)
		wait_begin(&job[i], meet, NULL);
	for (i = HELPERS_MAX; i-- > 0;)
		CHECK(wait_finish(&job[i]) == 5);
}

static int
count_up(void *arg)
{
	errno = (int)(intptr_t)arg;
	return (int)(intptr_t)arg * 3;
}

static void
call_often(void *arg)
{
	int i;

	(void)arg;
	for (i = 1; i <= 50; i++) {
		errno = 0;
		CHECK(wait_call(count_up, (void *)(intptr_t)i) == 3 * i);
		CHECK(errno == i);
	}
	ended++;
}

static void
many_calls_each_give_their_own_result(void *arg)
{
	(void)arg;
	start_all(call_often, 100);
	wait_for_ends(100);
}

static atomic_int stop, turns;

static void
take_turns(void *arg)
{
	(void)arg;
	while (!stop) {
		turns++;
		wait_yield();
	}
	ended++;
}

static int
wait_for_turns(void *arg)
{
	int64_t end = clock_in(LONG_MS);

	(void)arg;
	while (turns < 1000 && clock_ms() < end)
		(void)usleep(1000);
	return turns >= 1000 ? 0 : -1;
}

static void
other_sessions_go_on_during_a_call(void *arg)
{
	(void)arg;
	start_all(take_turns, 2);
	CHECK(wait_call(wait_for_turns, NULL) == 0);
	stop = 1;
	wait_for_ends(2);
}

static char	order[64];
static size_t	order_len;

static void
write_thrice(void *arg)
{
	static int who;
	int me = who++;

	(void)arg;
	for (int i = 0; i < 3; i++) {
		order[order_len++] = (char)('a' + me);
		wait_yield();
	}
	ended++;
}

static void
who_yields_comes_after_the_others(void *arg)
{
	(void)arg;
	start_all(write_thrice, 4);
	wait_for_ends(4);
	CHECK(strcmp(order, "abcdabcdabcd") == 0);
}

static int64_t last_woken;

/* Deadlines in no order, so that the heap has something to do; some are given up for a byte. */
static void
sleep_somewhat(void *arg)
{
	static unsigned seed = 1;
	int64_t deadline;
	int fd[2];

	(void)arg;
	seed = seed * 1103515245 + 12345;
	deadline = clock_in(20 + seed / 65536 % 150);
	if (seed / 65536 % 3 == 0) {
		pair(fd);
		(void)!write(fd[1], "x", 1);
		CHECK(wait_fd(fd[0], POLLIN, deadline) == 0);
		wait_close(fd[0]);
		wait_close(fd[1]);
		ended++;
		return;
	}
	CHECK(wait_until(deadline) == 0);
	CHECK(clock_ms() >= deadline);
	CHECK(deadline >= last_woken);
	last_woken = deadline;
	ended++;
}

static void
many_are_woken_in_the_order_of_their_deadlines(void *arg)
{
	(void)arg;
	start_all(sleep_somewhat, 500);
	wait_for_ends(500);
}

static atomic_int told, finished;

static void
be_idle(void *arg)
{
	int fd[2];

	(void)arg;
	pair(fd);
	if (FAILS(wait_request(fd[0], clock_in(LONG_MS)), ECANCELED))
		told++;
	ended++;
}

static void
be_busy(void *arg)
{
	int fd[2], waits = 0;

	(void)arg;
	pair(fd);
	later(4 * SHORT_MS, WRITE, fd[1]);
	if (get_byte(fd[0], clock_in(LONG_MS), &waits) == 'x')
		finished++;
	ended++;
}

static void
a_drain_ends_idle_sessions_and_leaves_the_busy(void *arg)
{
	int64_t end;

	(void)arg;
	start_all(be_idle, 20);
	start_all(be_busy, 20);
	later(SHORT_MS, CLOSE, lifeline);
	CHECK(FAILS(wait_until(clock_in(LONG_MS)), ECANCELED));
	end = clock_in(LONG_MS);
	while (ended < 40 && clock_ms() < end)
		wait_yield();
	CHECK(told == 20 && finished == 20);
}

/* A turn is one answer of the kernel about all; only what a wait was ended by had surely come before it. */
static void
only_a_line_that_was_waited_for_is_prompt(void *arg)
{
	const struct stream_opts opts = { .idle_ms = LONG_MS, .line_ms = LONG_MS, .stall_ms = LONG_MS };
	const uint64_t turn = wait_turn();
	struct stream *s;
	char *line;
	int fd[2];

	(void)arg;
	tcp_pair(fd);
	s = stream_open(fd[0], &opts);
	CHECK(write(fd[1], "a\nb\n", 4) == 4);
	CHECK(stream_line(s, &line) == 1 && *line == 'a' && !stream_prompt(s));
	CHECK(stream_line(s, &line) == 1 && *line == 'b' && !stream_prompt(s));
	for (int i = 0; i < 2; i++) {
		later(SHORT_MS, WRITE, fd[1]);		/* the rest of this line comes later, */
		later(2 * SHORT_MS, LINES, fd[1]);	/* and with it what nobody waited for */
		CHECK(stream_line(s, &line) == 1 && *line == 'x');
		CHECK(stream_prompt(s) == (model == &sched_coroutine));
		CHECK(stream_line(s, &line) == 1 && *line == 'b' && !stream_prompt(s));
		CHECK(stream_line(s, &line) == 1 && *line == 'c' && !stream_prompt(s));
	}
	CHECK((wait_turn() > turn) == (model == &sched_coroutine));
	stream_close(&s);
	wait_close(fd[1]);
}

/* Asleep for long enough that stacks are trimmed, then awake again. */
static void
oversleep(void *arg)
{
	volatile unsigned char frame[20000];
	size_t i, wrong = 0;
	int fd[2];

	(void)arg;
	pair(fd);
	memset((unsigned char *)frame, 0x5a, sizeof(frame));
	if (!FAILS(wait_fd(fd[0], POLLIN, clock_in(1300)), ETIMEDOUT))
		return;
	for (i = 0; i < sizeof(frame); i++)
		wrong += frame[i] != 0x5a;
	if (wrong == 0)
		ended++;
}

static void
a_long_sleep_harms_no_stack(void *arg)
{
	(void)arg;
	start_all(oversleep, 50);
	wait_for_ends(50);
}

static const struct check {
	const char	*name;
	void		(*run)(void *);
	bool		 together;	/* needs many sessions in a process, and helped calls */
} checks[] = {
#define EACH(check)	{ #check, check, false }
#define TOGETHER(check)	{ #check, check, true }
	EACH(a_wait_ends_at_its_deadline),
	EACH(what_is_there_already_is_reported),
	EACH(what_comes_later_ends_the_wait),
	EACH(a_full_socket_is_waited_for),
	EACH(a_half_closed_peer_does_not_spin),
	EACH(a_peer_that_goes_ends_the_waits),
	EACH(a_closed_descriptor_is_forgotten),
	EACH(high_descriptors_are_waited_for),
	EACH(a_signal_does_not_end_a_wait),
	EACH(a_drain_ends_idle_waits_only),
	EACH(a_drain_ends_a_wait_for_connections),
	EACH(a_drain_ends_a_sleep),
	EACH(a_drain_that_is_told_is_one_too),
	EACH(a_call_gives_its_result_and_errno),
	EACH(a_call_is_finished_while_draining),
	EACH(no_listener_starves_another),
	EACH(only_a_line_that_was_waited_for_is_prompt),
	EACH(who_passes_is_still_told),
	EACH(there_are_never_more_sessions_than_allowed),
	TOGETHER(calls_of_two_sessions_overlap),
	TOGETHER(calls_of_one_session_overlap),
	TOGETHER(many_calls_each_give_their_own_result),
	TOGETHER(other_sessions_go_on_during_a_call),
	TOGETHER(who_yields_comes_after_the_others),
	TOGETHER(many_are_woken_in_the_order_of_their_deadlines),
	TOGETHER(a_drain_ends_idle_sessions_and_leaves_the_busy),
	TOGETHER(a_long_sleep_harms_no_stack),
};

#define CHECKS	(sizeof(checks) / sizeof(checks[0]))

struct trial {
	const struct sched	*model;
	const struct check	*check;
};

static _Noreturn void
run_in_child(const struct trial *t)
{
	int line[2];

	(void)alarm(CHECK_S);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pipe2(line, O_CLOEXEC) == -1)
		_exit(2);
	model = t->model;
	lifeline = line[1];
	limit.max = SESSIONS_MAX;
	limit.sessions = &running;
	wait_lifeline(line[0]);
	if (model->run(t->check->run, NULL, &limit) == -1)
		failures++;
	if (atomic_load(&running) != 0) {
		(void)fprintf(stderr, "%u sessions are left\n", atomic_load(&running));
		failures++;
	}
	_exit(failures > 0);
}

static void
try_check(void **state)
{
	pid_t pid;
	int status;

	if ((pid = fork()) == 0)
		run_in_child(*state);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		print_error("killed by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
	assert_int_equal(status, 0);
}

int
main(void)
{
	static struct trial trials[16 * CHECKS];
	static struct CMUnitTest tests[16 * CHECKS];
	size_t i, n = 0, m;
	char *name;

	for (m = 0; sched_at(m) != NULL && m < 16; m++)
		for (i = 0; i < CHECKS; i++) {
			if (checks[i].together && sched_at(m) != &sched_coroutine)
				continue;
			trials[n] = (struct trial){ sched_at(m), &checks[i] };
			if (asprintf(&name, "%s: %s", sched_at(m)->name, checks[i].name) == -1)
				return 1;
			tests[n] = (struct CMUnitTest){ .name = name, .test_func = try_check,
			    .initial_state = &trials[n] };
			n++;
		}
	return _cmocka_run_group_tests("test_wait", tests, n, NULL, NULL);
}
