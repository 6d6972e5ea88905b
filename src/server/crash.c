/* crash - a worker's last words, written by a signal's handler where others can read them. */

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/file.h"
#include "base/nitems.h"
#include "server/crash.h"
#include "server/signals.h"

#define STACK	(64 * 1024)	/* for the handler; memory as far as touched */

static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGABRT };

static struct sigaction	 before[nitems(fatal)];	/* a sanitizer's, or the system's */
static struct crash	*words;
static int		(*running)(void);

/* Where the thread was. */
static uintptr_t
place(const void *context)
{
	const ucontext_t *c = context;

#if defined(__x86_64__)
	return (uintptr_t)c->uc_mcontext.gregs[REG_RIP];
#elif defined(__i386__)
	return (uintptr_t)c->uc_mcontext.gregs[REG_EIP];
#elif defined(__aarch64__)
	return (uintptr_t)c->uc_mcontext.pc;
#else
	(void)c;
	return 0;
#endif
}

/* The frames from `from` on; those before it are the handler's own. */
static unsigned
unwind(uintptr_t *dst, uintptr_t from)
{
	void *frame[CRASH_FRAMES + 8];
	int i, n = backtrace(frame, CRASH_FRAMES + 8), begin = 0;
	unsigned len = 0;

	for (i = 0; i < n && begin == 0; i++)
		if ((uintptr_t)frame[i] == from)
			begin = i;
	if (begin == 0 && from != 0)
		dst[len++] = from;
	for (i = begin; i < n && len < CRASH_FRAMES; i++)
		dst[len++] = (uintptr_t)frame[i];
	return len;
}

static void
say(int signal, const void *context)
{
	int nobody = 0;

	/* Of two that die at once, one is heard. */
	if (!atomic_compare_exchange_strong(&words->pid, &nobody, getpid()))
		return;
	atomic_store(&words->frames, 0);
	words->signal = signal;
	words->session = running();
	/* Should the unwinder itself fault, this much is known. */
	words->frame[0] = place(context);
	atomic_store(&words->frames, words->frame[0] != 0);
	atomic_store(&words->frames, unwind(words->frame, words->frame[0]));
}

static void
on_fatal(int signal, siginfo_t *info, void *context)
{
	size_t i;

	if (signal == SIGBUS && info->si_code > 0 && file_mend(info->si_addr))
		return;
	say(signal, context);
	for (i = 0; i < nitems(fatal); i++)
		if (fatal[i] == signal)
			(void)sigaction(signal, &before[i], NULL);
	/* A fault happens again as soon as we return, an abort() goes on; else it is sent again. */
	if (info->si_code <= 0)
		(void)raise(signal);
}

static void
on_trace(int signal, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)info;
	say(signal, context);
	errno = saved;
}

void
crash_prepare(void)
{
	void *frame[2];

	(void)backtrace(frame, 2);
}

void
crash_watch(struct crash *where, int (*session)(void))
{
	struct sigaction action = { .sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_sp = malloc(STACK), .ss_size = STACK };
	size_t i;

	words = where;
	running = session;
	if (stack.ss_sp != NULL)
		(void)sigaltstack(&stack, NULL);
	(void)sigemptyset(&action.sa_mask);
	for (i = 0; i < nitems(fatal); i++)
		(void)sigaction(fatal[i], &action, &before[i]);
	file_mends();
	action.sa_sigaction = on_trace;
	action.sa_flags |= SA_RESTART;
	(void)sigaction(SIGNAL_TRACE, &action, NULL);
}

bool
crash_take(struct crash *where, pid_t pid, struct crash *copy)
{
	if (atomic_load(&where->pid) != pid)
		return false;
	memcpy((void *)copy, (const void *)where, sizeof(*copy));
	if (copy->frames > CRASH_FRAMES)
		copy->frames = CRASH_FRAMES;
	atomic_store(&where->pid, 0);
	return true;
}
