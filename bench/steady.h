/* steady - many clients at once, each with one small request after the other on its own
 * connection.  One process and epoll(7), so that five hundred of them cost the machine little. */

#ifndef BENCH_STEADY_H
#define BENCH_STEADY_H

#include "ask.h"

/* For so many seconds, after a while that is not counted, until all are served or seem not to be;
 * prints a line: rate= of replies,
 * clients=, served= of them who had a reply at all, and replies= to all, counted or not. */
void	steady(const struct target *, int clients, double seconds);

#endif
