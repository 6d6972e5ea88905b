/* ask - one client's connection: connect, ask for a file, read what comes.
 * Coffer's protocol, and of HTTP and FTP what a GET of one file (and one STOR)
 * takes; and that of lecture.py.  Any fault ends the program with a sentence. */

#ifndef BENCH_ASK_H
#define BENCH_ASK_H

#include <stddef.h>

enum proto { COFFER, HTTP, FTP, LECTURE };

struct target {
	enum proto	 proto;
	int		 port;
	const char	*path;
};

struct conn {
	const struct target	*to;
	int			 fd;
	int			 control;	/* FTP's other connection, or -1 */
	size_t			 pos, len;
	char			 buf[65536];
};

/* rcvbuf: the socket's receive buffer, or 0 for the kernel's choice.  Over FTP this
 * logs in and opens a data connection, which is then c->fd. */
void	conn_open(struct conn *, const struct target *, int rcvbuf);
void	conn_close(struct conn *);

/* Bytes to the server, without waiting for anything. */
void	say(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Reads more; at least one byte came. */
void	fill(struct conn *);

/* The next line, NUL-terminated, without its LF; good until the next read. */
char	*line(struct conn *);

/* Ends the program unless `got` begins with `start`. */
void	expect(const char *got, const char *start);
void	ftp_expect(struct conn *, const char *code);

/* Reads the reply that stands before a file: the file's length. */
long long	header(struct conn *);

/* Asks for the target's path on a fresh connection; how many bytes follow, or -1:
 * until the end.  last: it is the connection's only request. */
long long	request(struct conn *, int last);

/* What asks for the target's path, without waiting for anything; at most ASK_MAX bytes with
 * its NUL.  last: and then ends the conversation.  Not for FTP. */
#define ASK_MAX	8192
int	ask_text(char *dst, const struct target *, int last);

/* Drops n bytes (-1: until the end).  discard: in the kernel, as far as they are
 * not in the buffer yet; how many there were.  skip: by reading, for few bytes. */
long long	discard(struct conn *, long long n);
void		skip(struct conn *, long long n);

#endif
