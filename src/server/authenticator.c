/* authenticator - the process that alone holds the hashes of passwords, and checks them.
 * One thread takes questions and orders; a few others compute, which takes long by design: those for
 * addresses without failures, and one, of low priority, for all others. */

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <crypt.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "auth/users.h"
#include "base/digest.h"
#include "base/log.h"
#include "server/authenticator.h"
#include "server/callers.h"
#include "server/descriptors.h"
#include "server/reopen.h"
#include "server/sandbox.h"
#include "server/signals.h"

#define WAITING_MAX	1024	/* questions */
#define THREADS_MAX	4	/* for addresses without failures */
#define SUSPECT_NICE	10

static pthread_mutex_t	 lock = PTHREAD_MUTEX_INITIALIZER;	/* over all of these */
static pthread_cond_t	 work[CALLERS_LANES] = { PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER };
static struct callers	*callers;
static struct table {		/* the users, as long as somebody looks at them */
	struct users	*users;
	unsigned	 held;
}			*table;
static struct failures_limits limits;
static const struct authenticator_opts *opts;

static void
let_go(struct table *t)
{
	if (t == NULL || --t->held > 0)
		return;
	users_free(&t->users);
	free(t);
}

/* --- answers */

static void
count(const struct login_answer *answer)
{
	struct failures_counts *c = failures_counts(opts->failures);
	_Atomic uint64_t *const counter[] = {
		[LOGIN_RIGHT] = &c->right, [LOGIN_WRONG] = &c->wrong,
		[LOGIN_BANNED] = &c->banned, [LOGIN_BUSY] = &c->busy,
	};

	(void)atomic_fetch_add(counter[answer->verdict], 1);
}

static void
finish(struct call *call, struct login_answer answer)
{
	if (call->question.kind == LOGIN_PASSWORD)
		count(&answer);
	login_answer(&call->reply, &answer);
	explicit_bzero(call, sizeof(*call));
	free(call);
}

static bool
matches(const char *password, const char *hash, struct crypt_data *data)
{
	const char *made = crypt_r(password, hash, data);
	size_t len = strlen(hash), i;
	unsigned char differs = 0;

	if (made == NULL || made[0] == '*' || strlen(made) != len)
		return false;
	for (i = 0; i < len; i++)
		differs |= (unsigned char)(made[i] ^ hash[i]);
	return differs == 0;
}

/* Takes as long for a user who does not exist, or has no password, as for others. */
static bool
right(const struct users *users, const struct login_question *q, struct crypt_data *data)
{
	const char *hash = users_find(users, q->name);
	bool known = hash != NULL, same;

	same = matches(q->password, known ? hash : users_decoy(users, q->name), data);
	explicit_bzero(data, sizeof(*data));
	return same && known && q->password[0] != '\0';
}

/* Called with the lock held, which is let go meanwhile. */
static struct login_answer
look_at(const struct login_question *q, struct crypt_data *data)
{
	struct login_answer answer = { .verdict = LOGIN_BANNED };
	struct table *mine = table;
	bool good;

	/* It may have failed too often while this question waited. */
	if ((answer.ms = failures_banned(opts->failures, &limits, &q->peer, q->name)) > 0)
		return answer;
	mine->held++;
	(void)pthread_mutex_unlock(&lock);
	good = right(mine->users, q, data);
	(void)pthread_mutex_lock(&lock);
	let_go(mine);
	answer.verdict = good ? LOGIN_RIGHT : LOGIN_WRONG;
	if (good)
		failures_right(opts->failures, &q->peer, q->name);
	else
		answer.ms = failures_wrong(opts->failures, &limits, &q->peer, q->name);
	return answer;
}

static _Noreturn void *
compute(void *arg)
{
	const enum callers_lane lane = *(const enum callers_lane *)arg;
	struct crypt_data *data = calloc(1, sizeof(*data));
	struct call *call;

	if (data == NULL)
		abort();
	if (lane == CALLERS_SUSPECT)
		(void)setpriority(PRIO_PROCESS, 0, SUSPECT_NICE);	/* this thread's alone, on Linux */
	(void)pthread_mutex_lock(&lock);
	for (;;) {
		while ((call = callers_take(callers, lane)) == NULL)
			(void)pthread_cond_wait(&work[lane], &lock);
		if (login_wanted(call->reply)) {
			finish(call, look_at(&call->question, data));
			continue;
		}
		(void)close(call->reply);	/* whoever asked has given up */
		explicit_bzero(call, sizeof(*call));
		free(call);
	}
}

/* --- questions and orders */

/* Called with the lock held. */
static void
queue(struct call *call)
{
	const struct login_question *q = &call->question;
	struct login_answer answer = { .verdict = LOGIN_BANNED };
	enum callers_lane lane;

	if (q->kind == LOGIN_ACCOUNT) {
		answer.verdict = users_admitted(table->users, q->name) ? LOGIN_RIGHT : LOGIN_LOCKED;
		finish(call, answer);
		return;
	}
	if ((answer.ms = failures_banned(opts->failures, &limits, &q->peer, q->name)) > 0) {
		finish(call, answer);
		return;
	}
	lane = failures_suspect(opts->failures, &limits, &q->peer, q->name) ? CALLERS_SUSPECT : CALLERS_GOOD;
	if (callers_put(callers, lane, call) == 0)
		(void)pthread_cond_signal(&work[lane]);
	else
		finish(call, (struct login_answer){ .verdict = LOGIN_BUSY });
}

static void
take_questions(void)
{
	struct call *call;
	int taken;

	do {
		if ((call = calloc(1, sizeof(*call))) == NULL)
			return;		/* it waits in the socket */
		if ((taken = login_take(opts->questions, &call->question, &call->reply)) == 1) {
			(void)pthread_mutex_lock(&lock);
			queue(call);
			(void)pthread_mutex_unlock(&lock);
		} else
			free(call);
	} while (taken == 1);
	if (taken == -1)
		_exit(EX_OK);
}

static void
tell_fault(void *arg, const char *line)
{
	(void)arg;
	log_error("%s", line);
}

static void
read_users(int fd, const char *file)
{
	struct table *next = calloc(1, sizeof(*next)), *old;

	if (next == NULL || (next->users = users_read(fd, file, tell_fault, NULL)) == NULL) {
		log_error("%s: %s", file, table != NULL ? "the users stay as they were" :
		    "nobody can log in until this is right");
		free(next);
		return;
	}
	next->held = 1;
	(void)pthread_mutex_lock(&lock);
	old = table;
	table = next;
	let_go(old);
	(void)pthread_mutex_unlock(&lock);
	atomic_store(&failures_counts(opts->failures)->users, users_count(next->users));
	log_info("%s: %zu users", file, users_count(next->users));
}

static void
obey(struct authenticator_order *order, int fd)
{
	order->text[sizeof(order->text) - 1] = '\0';
	(void)pthread_mutex_lock(&lock);
	limits = order->limits;
	if (order->kind == AUTHENTICATOR_FORGIVE)
		(void)failures_forgive(opts->failures, order->text, false);
	(void)pthread_mutex_unlock(&lock);
	if (order->kind == AUTHENTICATOR_READ && fd != -1)
		read_users(fd, order->text);
	else if (fd != -1)
		(void)close(fd);
}

/* Whether there may be more orders: the master has not gone. */
static bool
take_orders(void)
{
	union {
		struct cmsghdr	 head;
		char		 room[CMSG_SPACE(sizeof(int))];
	} control;
	struct authenticator_order order;
	struct iovec iov = { .iov_base = &order, .iov_len = sizeof(order) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *head;
	ssize_t n;
	int fd;

	for (;;) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		n = recvmsg(opts->orders, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (n != (ssize_t)sizeof(order))
			return n != 0;
		fd = -1;
		if ((head = CMSG_FIRSTHDR(&msg)) != NULL && head->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(head), sizeof(fd));
		obey(&order, fd);
	}
}

/* No question is taken before it can be answered. */
static _Noreturn void
serve(void)
{
	struct pollfd pfd[2] = {
		{ .fd = opts->orders, .events = POLLIN },
		{ .fd = opts->questions, .events = POLLIN },
	};

	for (;;) {
		pfd[1].fd = table != NULL ? opts->questions : ~opts->questions;
		pfd[0].revents = pfd[1].revents = 0;
		if (poll(pfd, 2, -1) == -1)
			continue;
		if (pfd[0].revents != 0 && !take_orders()) {
			pfd[0].fd = -1;
			if (table == NULL)
				_exit(EX_OK);
		}
		if (pfd[1].revents != 0)
			take_questions();
	}
}

/* --- becoming it */

static void
tell_nobody(int signal)
{
	(void)signal;
}

/* As many descriptors as questions may wait, and some. */
static unsigned
waiting_max(void)
{
	const unsigned spare = 64;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return spare;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur > WAITING_MAX + spare ? WAITING_MAX :
	    limit.rlim_cur > 2 * spare ? (unsigned)limit.rlim_cur - spare : spare / 2;
}

static void
lock_in(const struct config *config)
{
	struct sandbox_level level;
	struct digest first;
	struct sandbox_opts sandbox = sandbox_opts(config);

	if (privilege_drop(&config->as, NULL) == -1) {
		log_error("cannot become %s: %s", config->as.name, strerror(errno));
		_exit(EX_NOPERM);
	}
	/* Not even the workers' user, which is ours, may look into this process. */
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	digest_of("", 0, &first);	/* its library reads a file of its own, once */
	sandbox.secret = true;
	if (sandbox_enter(&sandbox, &level) == -1) {
		log_error("sandbox is required, and this is what can be had: %s", level.text);
		_exit(EX_OSERR);
	}
}

static void
begin_threads(void)
{
	static enum callers_lane lanes[] = { CALLERS_GOOD, CALLERS_SUSPECT };
	cpu_set_t set;
	unsigned n = 1, i;
	sigset_t all, old;
	pthread_t thread;
	int error = 0;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = (unsigned)CPU_COUNT(&set);
	if (n > THREADS_MAX)
		n = THREADS_MAX;
	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGSYS);		/* blocked, it would end us without last words */
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	for (i = 0; i < n + 1 && error == 0; i++)
		error = pthread_create(&thread, NULL, compute, &lanes[i == 0]);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error == 0)
		return;
	log_error("no thread can be started: %s", strerror(error));
	_exit(EX_OSERR);
}

void
authenticator_run(const struct authenticator_opts *own)
{
	const int keep[] = { own->questions, own->orders, reopen_fd() };

	opts = own;
	log_name("authenticator");
	setproctitle("authenticator");
	signals_reset(tell_nobody);
	descriptors_keep(keep, sizeof(keep) / sizeof(keep[0]));
	(void)reopen_catch_up();
	if ((callers = callers_open(waiting_max())) == NULL)
		_exit(EX_OSERR);
	lock_in(own->config);
	begin_threads();
	serve();
}
