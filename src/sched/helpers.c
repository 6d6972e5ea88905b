/* helpers - a few threads that run the calls which would hold up everybody. */

#include <sys/eventfd.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "base/nitems.h"
#include "sched/helpers.h"

static pthread_mutex_t	 lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t	 work = PTHREAD_COND_INITIALIZER;
static struct wait_job	*queue, **queue_end = &queue;
static struct wait_job	*done;
static pthread_t	 thread[HELPERS_MAX];
static unsigned		 threads, idle, queued;
static bool		 ending;
static int		 bell = -1;
static _Thread_local struct wait_job *at;	/* what this thread runs */

/* Called with the lock held.  Whether ring() is to follow; else it has been rung already. */
static bool
finished(struct wait_job *job)
{
	job->next = done;
	done = job;
	return job->next == NULL;
}

/* Without the lock, which whoever wakes will want. */
static void
ring(void)
{
	const uint64_t one = 1;

	(void)!write(bell, &one, sizeof(one));
}

static void *
helper(void *arg)
{
	struct wait_job *job;
	bool first;

	(void)arg;
	(void)pthread_mutex_lock(&lock);
	for (;;) {
		while (queue == NULL && !ending) {
			idle++;
			(void)pthread_cond_wait(&work, &lock);
			idle--;
		}
		if (queue == NULL)
			break;
		job = queue;
		if ((queue = job->next) == NULL)
			queue_end = &queue;
		queued--;
		(void)pthread_mutex_unlock(&lock);
		at = job;
		job->result = job->fn(job->arg);
		job->error = errno;
		at = NULL;
		(void)pthread_mutex_lock(&lock);
		first = finished(job);
		if (first) {
			(void)pthread_mutex_unlock(&lock);
			ring();
			(void)pthread_mutex_lock(&lock);
		}
	}
	(void)pthread_mutex_unlock(&lock);
	return NULL;
}

/* One more thread, which gets no signals but those of its own faults.  Called with the lock held. */
static bool
hire(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS };
	sigset_t all, old;
	size_t i;
	int error;

	(void)sigfillset(&all);
	for (i = 0; i < nitems(faults); i++)
		(void)sigdelset(&all, faults[i]);	/* blocked, it would end us without last words */
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&thread[threads], NULL, helper, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error != 0)
		return false;
	threads++;
	return true;
}

struct wait_job *
helpers_current(void)
{
	return at;
}

int
helpers_open(void)
{
	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ending = false;
	return bell;
}

void
helpers_run(struct wait_job *job)
{
	bool inline_run = false;

	(void)pthread_mutex_lock(&lock);
	job->next = NULL;
	if (idle <= queued && threads < HELPERS_MAX && !hire() && threads == 0)
		inline_run = true;
	else {
		*queue_end = job;
		queue_end = &job->next;
		queued++;
	}
	(void)pthread_mutex_unlock(&lock);
	if (!inline_run) {
		(void)pthread_cond_signal(&work);
		return;
	}
	job->result = job->fn(job->arg);
	job->error = errno;
	(void)pthread_mutex_lock(&lock);
	inline_run = finished(job);
	(void)pthread_mutex_unlock(&lock);
	if (inline_run)
		ring();
}

struct wait_job *
helpers_done(void)
{
	struct wait_job *list;
	uint64_t rings;

	(void)pthread_mutex_lock(&lock);
	(void)!read(bell, &rings, sizeof(rings));
	list = done;
	done = NULL;
	(void)pthread_mutex_unlock(&lock);
	return list;
}

void
helpers_close(void)
{
	(void)pthread_mutex_lock(&lock);
	ending = true;
	(void)pthread_cond_broadcast(&work);
	(void)pthread_mutex_unlock(&lock);
	while (threads > 0)
		(void)pthread_join(thread[--threads], NULL);
	(void)close(bell);
	bell = -1;
}
