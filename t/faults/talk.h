/* talk - the least of a client, for programs that must know exactly what they send and when.
 * Whatever breaks is told by -1 and the end of the connection; nothing waits for ever. */

#ifndef FAULTS_TALK_H
#define FAULTS_TALK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/digest.h"

#define TALK_LINE	8200
#define TALK_LIMIT_S	20		/* longest wait for bytes */

struct talk {
	unsigned port;
	int	fd;			/* -1: none */
	size_t	begin, end;
	char	buffer[65536];
};

/* Connects to 127.0.0.1 and reads the greeting; tries for so many milliseconds. */
int	talk_open(struct talk *, unsigned port, int within_ms);
void	talk_close(struct talk *);
int	talk_send(struct talk *, const void *, size_t);
int	talk_say(struct talk *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line without its end; stays good until the next call. */
const char *talk_line(struct talk *);
/* A line that is a reply: its code, or -1; the line is left in *line unless that is NULL. */
int	talk_reply(struct talk *, const char **line);
int	talk_read(struct talk *, void *, size_t);

/* The number after `key` in a reply, or -1. */
int64_t	talk_number(const char *line, const char *key);

/* Bytes that nothing else has: of their number. */
void	noise_fill(char *, size_t, uint64_t number);

/* A quick generator, the same everywhere for one seed. */
uint64_t noise_next(uint64_t *state);
unsigned noise_below(uint64_t *state, unsigned);

#endif
