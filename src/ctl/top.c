/* top - the state of the server on the whole terminal, refreshed until q is pressed. */

#include <sys/ioctl.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/ctl.h"

#define HEAD	10	/* lines above the table of workers, and between the tables */
#define WAIT_S	10	/* for a reply */

static struct termios before;
static volatile sig_atomic_t over;

static void
on_signal(int number)
{
	(void)number;
	over = 1;
}

/* Keys come at once and are not shown; the screen is ours until leave(). */
static void
enter(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct termios raw;

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	(void)tcgetattr(STDIN_FILENO, &before);
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	(void)fputs("\033[?1049h\033[?25l", stdout);
}

static void
leave(void)
{
	(void)fputs("\033[?25h\033[?1049l", stdout);
	(void)fflush(stdout);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

/* The busy ones first, then those that moved most. */
static int
compare(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	bool bx = json_object_get(x, "request_age") != NULL;
	bool by = json_object_get(y, "request_age") != NULL;
	json_int_t mx, my;

	if (bx != by)
		return by - bx;
	mx = json_integer_value(json_object_get(x, "sent")) +
	    json_integer_value(json_object_get(x, "received"));
	my = json_integer_value(json_object_get(y, "sent")) +
	    json_integer_value(json_object_get(y, "received"));
	return (mx < my) - (mx > my);
}

static json_t *
sorted(const json_t *sessions)
{
	size_t i, n = json_array_size(sessions);
	json_t **at = calloc(n + 1, sizeof(json_t *)), *list = json_array();

	if (at == NULL)
		return list;
	for (i = 0; i < n; i++)
		at[i] = json_array_get(sessions, i);
	qsort(at, n, sizeof(json_t *), compare);
	for (i = 0; i < n; i++)
		(void)json_array_append(list, at[i]);
	free(at);
	return list;
}

static void
draw(const json_t *status, const json_t *sessions)
{
	size_t workers = json_array_size(json_object_get(status, "workers"));
	struct winsize size = { 0 };
	size_t left, some;
	json_t *list = sorted(sessions);

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	if (size.ws_row == 0 || size.ws_col == 0)	/* a terminal that does not know */
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	left = size.ws_row > HEAD + 4 ? size.ws_row - HEAD : 4;
	some = workers < left / 2 ? workers : left / 2;
	(void)fputs("\033[H\033[2J", stdout);
	ctl_show_status(status, size.ws_col, some);
	(void)printf("\n");
	ctl_show_sessions(list, size.ws_col, left > some + 2 ? left - some - 2 : 1);
	(void)fflush(stdout);
	json_decref(list);
}

static enum ctl_exit
refresh(const char *path)
{
	json_t *status, *sessions;
	enum ctl_exit code;

	if ((code = ctl_ask(&status, path, "status", WAIT_S, false)) == DONE) {
		if ((code = ctl_ask(&sessions, path, "who", WAIT_S, false)) == DONE)
			draw(json_object_get(status, "result"), json_object_get(sessions, "result"));
		json_decref(sessions);
	}
	json_decref(status);
	return code;
}

/* Whether to go on: waits for a key, and any but q is another look at once. */
static bool
pause_for(unsigned seconds)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	char key = 0;

	if (poll(&pfd, 1, (int)seconds * 1000) == 1 && read(STDIN_FILENO, &key, 1) != 1)
		return false;
	return !over && key != 'q' && key != 'Q';
}

enum ctl_exit
ctl_top(const char *path, unsigned seconds)
{
	json_t *status;
	enum ctl_exit code;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		ctl_say("top needs a terminal; status and who do not");
		return USAGE;
	}
	/* Before the screen is taken: where nobody answers, the reason must stay to be read. */
	code = ctl_ask(&status, path, "status", WAIT_S, false);
	json_decref(status);
	if (code != DONE)
		return code;
	enter();
	do
		code = refresh(path);
	while (code == DONE && pause_for(seconds));
	leave();
	return code;
}
