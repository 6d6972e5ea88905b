/* authenticator - the process that alone holds the hashes of passwords, and checks them.
 * One thread takes questions and orders; a few others compute, which takes long by design: those for
 * addresses without failures, and one, of low priority, for all others.  About users who are not in the
 * file it may have another process ask PAM (pam_process.c): for that there are threads that wait. */

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
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/nitems.h"
#include "server/authenticator.h"
#include "server/callers.h"
#include "server/descriptors.h"
#include "server/pam_process.h"
#include "server/reopen.h"
#include "server/sandbox.h"
#include "server/signals.h"

#define WAITING_MAX	1024	/* questions */
#define THREADS_MAX	4	/* for addresses without failures */
#define SUSPECT_NICE	10
#define PAM_SUSPECTS	2	/* of PAM's channels: for addresses with failures */
#define PAM_WRONG_MS	500	/* where PAM is asked, nobody is told earlier that a password is wrong */

static pthread_mutex_t	 lock = PTHREAD_MUTEX_INITIALIZER;	/* over all of these */
static pthread_cond_t	 work[CALLERS_LANES] = { PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER,
	PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER };
static struct callers	*callers;
static struct table {		/* the users, as long as somebody looks at them */
	struct users	*users;
	unsigned	 held;
}			*table;
static struct failures_limits limits;
static int64_t		 login_ms;	/* after which nobody waits for an answer any more */
static int		 channels[PAM_CHANNELS];
static const struct authenticator_opts *opts;

static void
let_go(struct table *t)
{
	if (t == NULL || --t->held > 0)
		return;
	users_free(&t->users);
	free(t);
}

/* A thread that answers. */
struct thread {
	enum callers_lane lane;
	int		 channel;	/* to PAM, in its lanes */
	struct crypt_data data;		/* in the others */
	struct pam_says	 says;
	struct login_answer answer;
};

static bool
asks_pam(void)
{
	return opts->config->pam_service[0] != '\0';
}

/* --- answers */

static void
count(enum login_verdict verdict)
{
	struct failures_counts *c = failures_counts(opts->failures);
	_Atomic uint64_t *const counter[] = {
		[LOGIN_RIGHT] = &c->right, [LOGIN_WRONG] = &c->wrong,
		[LOGIN_BANNED] = &c->banned, [LOGIN_BUSY] = &c->busy,
		[LOGIN_UNKNOWN] = &c->unknown,
	};

	(void)atomic_fetch_add(counter[verdict], 1);
}

static void
finish(struct call *call, const struct login_answer *answer)
{
	if (call->question.kind == LOGIN_PASSWORD)
		count(answer->verdict);
	login_answer(&call->reply, answer);
	explicit_bzero(call, sizeof(*call));
	free(call);
}

/* An answer without a look at the password. */
static void
refuse(struct call *call, enum login_verdict verdict, int64_t ms)
{
	if (call->question.kind == LOGIN_PASSWORD)
		count(verdict);
	login_refuse(&call->reply, verdict, ms);
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

static enum login_verdict
ask_pam(const struct login_question *q, int64_t ms, struct thread *me)
{
	static const enum login_verdict verdicts[] = {
		[PAM_SAYS_RIGHT] = LOGIN_RIGHT, [PAM_SAYS_WRONG] = LOGIN_WRONG, [PAM_SAYS_NOTHING] = LOGIN_UNKNOWN,
	};
	struct pam_says *says = &me->says;
	const char *why;

	/* What cannot be the name of one of our users, or an account's password, is nobody's. */
	if (!users_name(q->name, strlen(q->name), &why) ||
	    (q->kind == LOGIN_PASSWORD && q->password[0] == '\0'))
		return LOGIN_WRONG;
	pam_process_ask(me->channel, q, ms, says);
	if (says->verdict == PAM_SAYS_NOTHING)
		log_error("PAM says nothing of %s: %s", q->name, says->why);
	else if (says->why[0] != '\0')
		log_info("PAM refuses %s: %s", q->name, says->why);
	if (says->verdict == PAM_SAYS_RIGHT) {
		me->answer.groups_len = says->groups_len;
		memcpy(me->answer.groups, says->groups, says->groups_len);
	}
	return verdicts[says->verdict];
}

/* Called with the lock held, which is let go meanwhile. */
static enum login_verdict
check(const struct login_question *q, struct thread *me)
{
	const bool pam = me->lane == CALLERS_PAM_GOOD || me->lane == CALLERS_PAM_SUSPECT;
	const int64_t ms = login_ms;
	struct table *mine = table;
	enum login_verdict verdict;

	mine->held++;
	(void)pthread_mutex_unlock(&lock);
	if (pam)
		verdict = ask_pam(q, ms, me);
	else
		verdict = right(mine->users, q, &me->data) ? LOGIN_RIGHT : LOGIN_WRONG;
	(void)pthread_mutex_lock(&lock);
	let_go(mine);
	return verdict;
}

/* Called with the lock held.  Into the thread's answer. */
static void
look_at(const struct login_question *q, struct thread *me)
{
	struct login_answer *answer = &me->answer;
	int64_t began = clock_ms(), took;
	uint64_t bans;

	answer->verdict = LOGIN_BANNED;
	answer->groups_len = 0;
	answer->ms = 0;
	answer->bans = 0;
	if (q->kind == LOGIN_ACCOUNT) {
		answer->verdict = check(q, me) == LOGIN_RIGHT ? LOGIN_RIGHT : LOGIN_LOCKED;
		return;
	}
	/* It may have failed too often while this question waited. */
	if ((answer->ms = failures_banned(opts->failures, &limits, &q->peer, q->name)) > 0)
		return;
	answer->verdict = check(q, me);
	if (answer->verdict == LOGIN_RIGHT)
		failures_right(opts->failures, &q->peer, q->name);
	if (answer->verdict != LOGIN_WRONG)
		return;
	bans = atomic_load(&failures_counts(opts->failures)->bans);
	answer->ms = failures_wrong(opts->failures, &limits, &q->peer, q->name);
	answer->bans = (unsigned)(atomic_load(&failures_counts(opts->failures)->bans) - bans);
	/* Users of the file, of PAM, and of neither take their times. */
	took = clock_ms() - began;
	if (asks_pam() && took < PAM_WRONG_MS)
		answer->ms += PAM_WRONG_MS - took;
}

static _Noreturn void *
compute(void *arg)
{
	struct thread *me = arg;
	struct call *call;

	if (me->lane == CALLERS_SUSPECT)
		(void)setpriority(PRIO_PROCESS, 0, SUSPECT_NICE);	/* this thread's alone, on Linux */
	(void)pthread_mutex_lock(&lock);
	for (;;) {
		while ((call = callers_take(callers, me->lane)) == NULL)
			(void)pthread_cond_wait(&work[me->lane], &lock);
		if (login_wanted(call->reply)) {
			look_at(&call->question, me);
			finish(call, &me->answer);
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
	const int64_t ms = failures_banned(opts->failures, &limits, &q->peer, q->name);
	enum callers_lane lane;
	bool pam, suspect;

	/* Who is in the file is the file's alone, also where it lets him not in. */
	pam = asks_pam() && !users_has(table->users, q->name);
	if (q->kind == LOGIN_ACCOUNT && !pam) {
		refuse(call, users_admitted(table->users, q->name) ? LOGIN_RIGHT : LOGIN_LOCKED, 0);
		return;
	}
	if (q->kind == LOGIN_PASSWORD && ms > 0) {
		refuse(call, LOGIN_BANNED, ms);
		return;
	}
	suspect = failures_suspect(opts->failures, &limits, &q->peer, q->name);
	lane = pam ? (suspect ? CALLERS_PAM_SUSPECT : CALLERS_PAM_GOOD) :
	    suspect ? CALLERS_SUSPECT : CALLERS_GOOD;
	if (callers_put(callers, lane, call) == 0)
		(void)pthread_cond_signal(&work[lane]);
	else
		refuse(call, LOGIN_BUSY, 0);
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

/* Of that file, or of nobody where it is -1. */
static void
read_users(int fd, const char *file)
{
	struct table *next = calloc(1, sizeof(*next)), *old;

	if (next != NULL)
		next->users = fd == -1 ? users_none() : users_read(fd, file, tell_fault, NULL);
	if (next == NULL || next->users == NULL) {
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
	if (fd != -1)
		log_info("%s: %zu users", file, users_count(next->users));
}

static void
obey(struct authenticator_order *order, int fd)
{
	order->text[sizeof(order->text) - 1] = '\0';
	(void)pthread_mutex_lock(&lock);
	limits = order->limits;
	login_ms = order->login_ms;
	if (order->kind == AUTHENTICATOR_FORGIVE)
		(void)failures_forgive(opts->failures, order->text, false);
	(void)pthread_mutex_unlock(&lock);
	if (order->kind == AUTHENTICATOR_READ && (fd != -1 || order->text[0] == '\0'))
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
	struct pollfd pfd[] = {
		{ .fd = opts->orders, .events = POLLIN },
		{ .fd = opts->questions, .events = POLLIN },
		{ .fd = asks_pam() ? channels[0] : -1 },
	};

	for (;;) {
		pfd[1].fd = table != NULL ? opts->questions : ~opts->questions;
		pfd[0].revents = pfd[1].revents = pfd[2].revents = 0;
		if (poll(pfd, nitems(pfd), -1) == -1)
			continue;
		if ((pfd[2].revents & (POLLHUP | POLLERR)) != 0) {
			log_error("the process that asks PAM has died; another authenticator starts another one");
			_exit(EX_SOFTWARE);
		}
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
begin_thread(enum callers_lane lane, int channel)
{
	struct thread *me = calloc(1, sizeof(*me));
	pthread_t thread;
	int error = ENOMEM;

	if (me != NULL) {
		me->lane = lane;
		me->channel = channel;
		error = pthread_create(&thread, NULL, compute, me);
	}
	if (error == 0)
		return;
	log_error("no thread can be started: %s", strerror(error));
	_exit(EX_OSERR);
}

static void
begin_threads(void)
{
	cpu_set_t set;
	unsigned n = 1, i;
	sigset_t all, old;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = (unsigned)CPU_COUNT(&set);
	if (n > THREADS_MAX)
		n = THREADS_MAX;
	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGSYS);		/* blocked, it would end us without last words */
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	begin_thread(CALLERS_SUSPECT, -1);
	for (i = 0; i < n; i++)
		begin_thread(CALLERS_GOOD, -1);
	for (i = 0; i < PAM_CHANNELS && asks_pam(); i++)
		begin_thread(i < PAM_SUSPECTS ? CALLERS_PAM_SUSPECT : CALLERS_PAM_GOOD, channels[i]);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void
authenticator_run(const struct authenticator_opts *own)
{
	const int keep[] = { own->questions, own->orders, reopen_fd() };

	opts = own;
	log_name("authenticator");
	setproctitle("authenticator");
	signals_reset(tell_nobody);
	descriptors_keep(keep, nitems(keep));
	(void)reopen_catch_up();
	if ((callers = callers_open(waiting_max())) == NULL)
		_exit(EX_OSERR);
	/* As whoever started the server, and outside of the sandbox: modules read /etc/shadow, or dial. */
	if (asks_pam() && pam_process_start(own->config, channels) == -1) {
		log_error("the process that asks PAM cannot be started: %s", strerror(errno));
		_exit(EX_OSERR);
	}
	lock_in(own->config);
	begin_threads();
	serve();
}
