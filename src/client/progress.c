/* progress - one line at the bottom of the terminal while a transfer runs. */

#include <sys/ioctl.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/progress.h"
#include "client/show.h"

#define DELAY_MS	1000	/* a shorter transfer shows nothing */
#define REDRAW_MS	200
#define BYTES_A_LOOK	65536	/* bytes between two looks at the clock */

static struct {
	bool		 running, drawn;
	uint64_t	 files, files_all, bytes, bytes_all;
	uint64_t	 unseen;	/* bytes since the clock was looked at */
	const char	*name;
	int64_t		 began, redraw;
} bar;

bool
progress_possible(void)
{
	return isatty(STDERR_FILENO) && tcgetpgrp(STDERR_FILENO) == getpgrp();
}

void
progress_begin(uint64_t files, uint64_t bytes)
{
	memset(&bar, 0, sizeof(bar));
	bar.running = progress_possible();
	bar.files_all = files;
	bar.bytes_all = bytes;
	bar.began = clock_ms();
	bar.redraw = bar.began + DELAY_MS;
}

void
progress_expect(uint64_t files, uint64_t bytes)
{
	bar.files_all += files;
	bar.bytes_all += bytes;
}

/* "  12:05 left", or how long it took so far where the end is not known. */
static void
put_time(char *dst, size_t size, int64_t elapsed_ms)
{
	uint64_t left = bar.bytes_all > bar.bytes ? bar.bytes_all - bar.bytes : 0;
	int64_t s;

	if (bar.bytes_all == 0 || bar.bytes == 0) {
		s = elapsed_ms / 1000;
		(void)snprintf(dst, size, "%jd:%02jd", (intmax_t)s / 60, (intmax_t)s % 60);
		return;
	}
	s = (int64_t)((double)left * (double)elapsed_ms / (double)bar.bytes / 1000.0);
	if (s >= 3600)
		(void)snprintf(dst, size, "%jd:%02jd:%02jd left", (intmax_t)s / 3600,
		    (intmax_t)s / 60 % 60, (intmax_t)s % 60);
	else
		(void)snprintf(dst, size, "%jd:%02jd left", (intmax_t)s / 60, (intmax_t)s % 60);
}

/* The figures: "3/10  45% 12M 3.4M/s 0:07 left". */
static int
put_figures(char *dst, size_t size, int64_t elapsed_ms)
{
	char done[SHOW_SIZE], rate[SHOW_SIZE], left[48], files[64] = "", percent[8] = "";

	if (bar.files_all > 1)
		(void)snprintf(files, sizeof(files), "%ju/%ju files  ", (uintmax_t)bar.files,
		    (uintmax_t)bar.files_all);
	else if (bar.files_all == 0 && bar.files > 0)
		(void)snprintf(files, sizeof(files), "%ju files  ", (uintmax_t)bar.files);
	if (bar.bytes_all > 0)
		(void)snprintf(percent, sizeof(percent), "%3u%% ", (unsigned)((double)(bar.bytes <
		    bar.bytes_all ? bar.bytes : bar.bytes_all) * 100.0 / (double)bar.bytes_all));
	put_time(left, sizeof(left), elapsed_ms);
	return snprintf(dst, size, "%s%s%6s  %6s/s  %s", files, percent, show_size(done, bar.bytes),
	    show_size(rate,
		elapsed_ms > 0 ? (uint64_t)((double)bar.bytes * 1000.0 / (double)elapsed_ms) : 0),
	    left);
}

/* The name in `room` columns; a long one loses its beginning.  Columns are taken to be
 * characters: a byte that continues a UTF-8 character has none. */
static const char *
fit_name(const char *name, int room)
{
	const char *p;
	int columns = 0;

	for (p = name; *p != '\0'; p++)
		columns += ((unsigned char)*p & 0xc0) != 0x80;
	for (p = name; columns > room || ((unsigned char)*p & 0xc0) == 0x80; p++)
		columns -= ((unsigned char)*p & 0xc0) != 0x80;
	return p;
}

static void
draw(int64_t now)
{
	char figures[256], name[512], line[1024];
	struct winsize ws;
	int width = 80, room, n;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		width = ws.ws_col;
	n = put_figures(figures, sizeof(figures), now - bar.began);
	room = width - n - 3;
	(void)text_visible(name, sizeof(name), bar.name != NULL ? bar.name : "",
	    bar.name != NULL ? strlen(bar.name) : 0);
	if (room < 4)
		n = snprintf(line, sizeof(line), "\r\033[K%.*s", width - 1, figures);
	else
		n = snprintf(line, sizeof(line), "\r\033[K%s  %s", fit_name(name, room), figures);
	if (n > 0)
		(void)!write(
		    STDERR_FILENO, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
	bar.drawn = true;
}

void
progress_tick(void)
{
	int64_t now;

	if (!bar.running || (now = clock_ms()) < bar.redraw)
		return;
	bar.redraw = now + REDRAW_MS;
	/* The terminal may have been given to somebody else meanwhile. */
	if (progress_possible())
		draw(now);
}

void
progress_name(const char *name)
{
	bar.name = name;
}

void
progress_bytes(uint64_t n)
{
	bar.bytes += n;
	bar.unseen += n;
	if (bar.unseen < BYTES_A_LOOK)
		return;
	bar.unseen = 0;
	progress_tick();
}

void
progress_back(uint64_t n)
{
	bar.bytes -= n < bar.bytes ? n : bar.bytes;
}

void
progress_file(void)
{
	bar.files++;
}

void
progress_wipe(void)
{
	if (bar.drawn)
		(void)!write(STDERR_FILENO, "\r\033[K", 4);
	bar.drawn = false;
}

void
progress_end(void)
{
	progress_wipe();
	bar.running = false;
}
