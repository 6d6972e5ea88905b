/* admin_socket - where the control socket is, from the master's start to its end. */

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/rundir.h"
#include "server/admin.h"
#include "server/daemon.h"
#include "server/master_int.h"

/* The usual place, which has our pid in its name; the next binary goes on with it. */
static int
usual_path(char *path, size_t size)
{
	char dir[PATH_MAX];
	int n;

	if (rundir_name(dir, sizeof(dir)) == -1 || rundir_make(dir) == -1) {
		log_info("no control socket: %s: %s", dir, strerror(errno));
		return -1;
	}
	control_sweep(dir, RUNDIR_PREFIX);
	n = snprintf(path, size, "%s/%s%d", dir, RUNDIR_PREFIX, (int)getpid());
	return n > 0 && (size_t)n < size ? 0 : -1;
}

/* Nobody has asked for it: what stands in the way is a remark. */
static void
open_usual(struct master *m)
{
	char path[PATH_MAX + 32], why[CONTROL_WHY];

	if (usual_path(path, sizeof(path)) == 0 &&
	    (m->control = control_open(path, -1, admin_serve, m, why)) == NULL)
		log_info("no control socket: %s", why);
}

/* The name of the socket that was handed over, "" if it has none. */
static void
name_of(int fd, char path[PATH_MAX])
{
	struct sockaddr_un sun;
	socklen_t len = sizeof(sun);

	memset(&sun, 0, sizeof(sun));
	path[0] = '\0';
	if (getsockname(fd, (struct sockaddr *)&sun, &len) == 0 && sun.sun_family == AF_UNIX)
		(void)snprintf(path, PATH_MAX, "%.*s", (int)sizeof(sun.sun_path), sun.sun_path);
}

/* Goes on with the one that was handed over, if it may be where it is.  Whether it does. */
static bool
adopt(struct master *m, const struct config *config)
{
	int *handed = &m->start->inherited->control;
	char path[PATH_MAX], why[CONTROL_WHY];
	bool wanted;

	if (*handed == -1)
		return false;
	name_of(*handed, path);
	wanted = strcmp(config->control, "auto") == 0 || strcmp(config->control, path) == 0;
	m->control_handed = wanted && m->start->inherited->control_handed;
	if (wanted)
		m->control = control_open(path, *handed, admin_serve, m, why);
	else {
		(void)close(*handed);
		if (!m->start->inherited->control_handed)
			(void)strlcpy(m->control_left, path, sizeof(m->control_left));
	}
	*handed = -1;
	return m->control != NULL;
}

int
admin_open(struct master *m, const struct config *config)
{
	char why[CONTROL_WHY];

	if (adopt(m, config) || strcmp(config->control, "none") == 0)
		return 0;
	if (strcmp(config->control, "auto") == 0) {
		open_usual(m);
		return 0;
	}
	if ((m->control = control_open(config->control, -1, admin_serve, m, why)) != NULL)
		return 0;
	daemon_complain(config, "%s", why);
	return -1;
}

void
admin_close(struct master *m, bool in_charge)
{
	control_close(&m->control, in_charge && !m->control_handed);
	for (size_t i = 0; i < ADMIN_TASKS; i++)
		if (m->last[i].when != 0) {
			faults_free(&m->last[i].said);
			m->last[i].when = 0;
		}
}
