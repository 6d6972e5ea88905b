/* handover - from one binary to the next, both halves of it.
 * The old master starts the new one and goes on; when the new one's workers accept it says so, and
 * the old one lets go of everything and drains.  Whatever goes wrong before that leaves the old one in
 * charge.  Where nobody handed anything over, a master is in charge from its start. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/admin.h"
#include "server/daemon.h"
#include "server/master_int.h"
#include "server/notify.h"

/* --- the old one's half */

static void
log_fault(void *arg, const char *line)
{
	(void)arg;
	log_error("upgrade: %s", line);
}

/* The pidfile may have been written to by the one who failed. */
static void
refuse(struct master *m)
{
	struct upgrade *u = &m->upgrade;

	faults_each(&u->said, log_fault, NULL);
	log_error("upgrade failed: this cofferd serves on");
	faults_add(&u->said, "pid %d serves on", (int)getpid());
	if (m->pidfile != NULL)
		(void)pidfile_put(m->pidfile);
	notify_send("READY=1\nSTATUS=upgrade failed, see the log; pid %d serves on", (int)getpid());
	admin_finish(m, ADMIN_UPGRADE, false, &u->said);
	upgrade_end(u, true);
}

void
upgrade_abandon(struct master *m, const char *why)
{
	if (m->upgrade.pid == 0)
		return;
	upgrade_read(&m->upgrade);
	faults_add(&m->upgrade.said, "%s", why);
	refuse(m);
}

static void
begin(struct master *m)
{
	log_info("upgrading: starting %s", m->start->self->program);
	notify_reloading("upgrading");
	admin_begin(m, ADMIN_UPGRADE);
	if (upgrade_begin(&m->upgrade, m->start->self, &m->serving->listeners,
	    m->control != NULL ? control_fd(m->control) : -1,
	    m->control_handed ? INHERIT_CONTROL : INHERIT_OURS,
	    m->pidfile != NULL ? pidfile_fd(m->pidfile) : -1,
	    m->serving->config.start_timeout_ms) == -1)
		refuse(m);
}

/* It serves: from here on everything is its. */
static void
commit(struct master *m)
{
	struct upgrade *u = &m->upgrade;
	struct faults told, late;

	faults_init(&told);
	faults_add(&told, "cofferd %s, pid %d, serves; pid %d drains", u->version, (int)u->pid,
	    (int)getpid());
	log_info("upgraded: cofferd %s, pid %d, serves; this one drains", u->version, (int)u->pid);
	notify_send("MAINPID=%d\nSTATUS=pid %d takes over", (int)u->pid, (int)u->pid);
	admin_finish(m, ADMIN_UPGRADE, true, &told);
	faults_free(&told);
	/* Who asked after this one had begun: it may be another binary by now, and we shall not see. */
	faults_init(&late);
	faults_add(&late, "another upgrade was under way, and pid %d has taken over: ask it", (int)u->pid);
	admin_begin(m, ADMIN_UPGRADE);
	admin_finish(m, ADMIN_UPGRADE, false, &late);
	faults_free(&late);
	m->in_charge = false;
	admin_close(m, false);
	listeners_close(&m->serving->listeners, NULL, false);
	upgrade_end(u, false);
	master_drain(m);
}

void
upgrade_turn(struct master *m)
{
	upgrade_read(&m->upgrade);
	if (m->upgrade.ready)
		commit(m);
}

int64_t
upgrade_step(struct master *m)
{
	if (m->upgrade.pid != 0 && clock_ms() >= m->upgrade.until)
		upgrade_abandon(m, "the new cofferd was not ready within start-timeout");
	if (m->upgrade_wanted && !m->ending && m->in_charge && m->upgrade.pid == 0 &&
	    m->coming == NULL && m->serving->ready) {
		m->upgrade_wanted = false;
		begin(m);
	}
	return m->upgrade.pid != 0 ? m->upgrade.until : CLOCK_NEVER;
}

bool
upgrade_died(struct master *m, pid_t pid, int status)
{
	char why[128];

	if (m->upgrade.pid != pid)
		return false;
	upgrade_read(&m->upgrade);	/* its last words */
	if (WIFSIGNALED(status))
		(void)snprintf(why, sizeof(why), "the new cofferd was killed by signal %d",
		    WTERMSIG(status));
	else
		(void)snprintf(why, sizeof(why), "the new cofferd ended with status %d",
		    WEXITSTATUS(status));
	m->upgrade.pid = -1;		/* nobody is to be killed */
	upgrade_abandon(m, why);
	return true;
}

/* --- the new one's half */

static void
close_fd(int *fd)
{
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

/* The old one has let go, or has died. */
static void
take_charge(struct master *m)
{
	m->in_charge = true;
	if (m->control_left[0] != '\0')
		control_clear(m->control_left);
	m->control_left[0] = '\0';
	listeners_close(&m->start->inherited->listeners, &m->serving->listeners, true);
	notify_send("READY=1\nMAINPID=%d\nSTATUS=%jd workers serve", (int)getpid(),
	    (intmax_t)m->serving->config.workers);
}

void
handover_turn(struct master *m)
{
	char byte;
	ssize_t n = read(m->start->inherited->parent, &byte, 1);

	if (n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR)))
		return;
	daemon_wire(-1);
	close_fd(&m->start->inherited->parent);
	log_info("in charge");
	take_charge(m);
}

/* All workers accept. */
void
handover_ready(struct master *m)
{
	struct inherited *in = m->start->inherited;

	if (in->parent == -1) {
		take_charge(m);
		return;
	}
	if (m->pidfile != NULL && pidfile_put(m->pidfile) == -1)
		log_warn("%s: %s", m->serving->config.pid_file, strerror(errno));
	upgrade_say_ready(in->parent);
}

/* What was handed by a service manager and is not wanted would let clients wait for ever. */
void
handover_sort(struct master *m)
{
	struct listeners *had = &m->start->inherited->listeners;

	if (m->start->inherited->parent != -1)
		return;
	for (size_t i = 0; i < had->count; i++)
		if (!listeners_have(&m->serving->listeners, had->at[i].name))
			log_warn("%s was handed over, but listen does not name it: it is closed",
			    had->at[i].name);
	listeners_close(had, &m->serving->listeners, true);
}

void
handover_end(struct master *m)
{
	/* Whoever handed us something goes on with it. */
	if (!m->in_charge && m->start->inherited->parent != -1)
		listeners_close(&m->serving->listeners, &m->start->inherited->listeners, true);
	/* Whoever is told that we have gone may start the next one. */
	pidfile_release(m->pidfile);
	admin_close(m, m->in_charge);
}
