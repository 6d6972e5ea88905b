/* proto_tftp - TFTP, RFC 1350 and its options: a request, and how it ends.
 * A request is a session: one packet that names a file, and then blocks of it, one way or the
 * other, in tftp_read.c and tftp_write.c. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/nitems.h"
#include "base/text.h"
#include "proto/protocols.h"
#include "proto/tftp.h"
#include "session/login.h"

/* The one place where an errno becomes a code, TFTP's and the log's, and a sentence.  Where the
 * sentence is NULL nobody is there to be told. */
static const struct {
	int		 error, log;
	enum tftp_code	 code;
	const char	*sentence;
} errors[] = {
	{ ENOENT,	404, TFTP_NOT_FOUND,	"no such file" },
	{ ENOTDIR,	404, TFTP_NOT_FOUND,	"a part of the path is not a folder" },
	{ EISDIR,	409, TFTP_ACCESS,	"is a folder" },
	{ EEXIST,	409, TFTP_EXISTS,	"exists already" },
	{ EBUSY,	409, TFTP_ACCESS,	"the root stays as it is" },
	{ EACCES,	403, TFTP_ACCESS,	"not allowed" },
	{ EPERM,	403, TFTP_ACCESS,	"not allowed" },
	{ ENOKEY,	403, TFTP_ACCESS,	"not allowed" },
	{ EROFS,	403, TFTP_ACCESS,	"the server is read-only" },
	{ ELOOP,	403, TFTP_ACCESS,	"a symbolic link that is not followed" },
	{ EXDEV,	403, TFTP_ACCESS,	"a symbolic link leads out of the tree" },
	{ ENXIO,	403, TFTP_ACCESS,	"neither a file nor a folder" },
	{ EINVAL,	400, TFTP_ACCESS,	"a name has no . and no .. in it" },
	{ ENAMETOOLONG,	400, TFTP_ACCESS,	"the name is too long" },
	{ EILSEQ,	400, TFTP_ACCESS,	"the file system refuses the name" },
	{ EFBIG,	413, TFTP_FULL,		"too large" },
	{ EMSGSIZE,	400, TFTP_OTHER,	"fewer bytes came than were declared" },
	{ EPROTO,	500, TFTP_OTHER,	"the file became shorter while it was sent" },
	{ ENOSPC,	507, TFTP_FULL,		"the disk is full" },
	{ EDQUOT,	507, TFTP_FULL,		"the quota is used up" },
	{ EMFILE,	503, TFTP_OTHER,	"too many open files" },
	{ ENFILE,	503, TFTP_OTHER,	"too many open files" },
	{ ENOMEM,	503, TFTP_OTHER,	"out of memory" },
	{ ETOOMANYREFS,	429, TFTP_OTHER, "too many requests of your address; try again later" },
	{ ENOTRECOVERABLE, 503, TFTP_OTHER, "what had come was removed from .coffer: send it again" },
	{ EBADFD,	500, TFTP_OTHER, "the server's folder .coffer cannot be used" },
	{ EOWNERDEAD,	503, TFTP_OTHER, "refused for a while, for processes of the server died of this request" },
	{ ETIMEDOUT,	408, TFTP_OTHER,	NULL },
	{ ECONNREFUSED,	499, TFTP_OTHER,	NULL },
	{ ECONNABORTED,	499, TFTP_OTHER,	NULL },
};

static void
send_error(struct transfer *t, enum tftp_code code, const char *sentence)
{
	char packet[TFTP_ERROR_MAX];

	(void)talk_send(t, packet, tftp_put_error(packet, code, sentence));
}

/* An ERROR for an errno of the floors below, and t->code.  What the network said is not answered. */
static void
reply_errno(struct transfer *t, int error)
{
	size_t i;

	for (i = 0; i < nitems(errors); i++)
		if (errors[i].error == error) {
			t->code = errors[i].log;
			if (error == ENOENT && t->request.op == TFTP_WRQ)
				send_error(t, errors[i].code, "the folder is missing");
			else if (errors[i].sentence != NULL)
				send_error(t, errors[i].code, errors[i].sentence);
			return;
		}
	session_log(t->session, "%s: %s", t->path.name, strerror(error));
	t->code = 500;
	send_error(t, TFTP_OTHER, strerror(error));
}

static const char *
verb(const struct transfer *t)
{
	return t->request.op == TFTP_RRQ ? "GET" : t->request.op == TFTP_WRQ ? "PUT" : "?";
}

/* The name as it came, where it is none that can be read. */
void
tftp_log(struct transfer *t)
{
	const char *rest = t->named ? t->path.name : t->request.name;
	char name[2 * PATH_MAX] = "-";

	if (rest != NULL) {
		name[0] = '/';
		rest += rest[0] == '/';
		(void)text_visible(name + 1, sizeof(name) - 1, rest, strlen(rest));
	}
	session_access(t->session, verb(t), name, t->code, t->bytes, t->began);
	t->code = 0;
}

/* Names come with a slash at their beginning, and without; all of them begin at the root. */
static int
parse_name(struct transfer *t)
{
	char name[TFTP_REQUEST_MAX + 1];

	name[0] = '/';
	memcpy(name + 1, t->request.name, t->request.len);
	if (name[t->request.len] == '/') {
		errno = EISDIR;		/* or would be */
		return -1;
	}
	return path_parse(&t->path, name, t->request.len + 1);
}

/* Whom the configuration names may have been locked out since. */
static int
admit(struct transfer *t)
{
	if (session_admit(t->session, session_user(t->session), &t->session->groups) == 0)
		return 0;
	session_log(t->session, "%s is refused: %s", session_user(t->session), errno == EACCES ?
	    "the users file has locked this user, or has none of that name" : "the authenticator does not answer");
	errno = EACCES;
	return -1;
}

static int
serve_request(struct transfer *t)
{
	if (parse_name(t) == -1)
		return -1;
	t->named = true;
	if (session_begin(t->session, verb(t), t->path.name, t->path.len, t->began) == -1 ||
	    (session_user(t->session)[0] != '\0' && admit(t) == -1) ||
	    reach(t->session, &t->path, t->request.op == TFTP_RRQ ? NEED_GET : NEED_PUT, t->rest, &t->at) == -1)
		return -1;
	return t->request.op == TFTP_RRQ ? tftp_read(t) : tftp_write(t);
}

/* From a packet to its line in the log.  Not inlined: a path is large. */
static __attribute__((noinline)) bool
answer(struct session *s)
{
	struct path rest;
	struct transfer t = { .session = s, .d = s->datagram, .began = clock_us(), .rest = &rest };
	enum tftp_code code;
	const char *why;

	session_request(s);
	if (tftp_parse_request(&t.request, t.d->bytes, t.d->len, &code, &why) == -1) {
		t.code = 400;
		send_error(&t, code, why);
	} else if (serve_request(&t) == -1)
		reply_errno(&t, t.at.store == NULL ? errno :
		    t.request.op == TFTP_RRQ ? reach_errno(&t.at, errno) :
		    reach_upload_errno(s, &t.at, false, errno));
	if (t.code != 0)
		tftp_log(&t);
	return talk_renewed(&t);
}

static void
tftp_serve(struct session *s)
{
	while (answer(s))
		continue;
}

static bool
tftp_begins(const struct datagram *d, bool single, char packet[DATAGRAM_MAX], size_t *len)
{
	struct tftp_packet p;

	*len = 0;
	if (tftp_is_request(d->bytes, d->len))
		return true;
	/* Nobody is answered for noise, and an ERROR never.  But where transfers have this port, whoever
	 * goes on with one that is over is to know: in 5 bytes, where an ACK has 4: a forged address must not
	 * get much more from us than its forger spent. */
	if (single && d->len <= sizeof(d->bytes) && tftp_parse_packet(&p, d->bytes, d->len) == 0 &&
	    (p.op == TFTP_DATA || p.op == TFTP_ACK))
		*len = tftp_put_error(packet, TFTP_UNKNOWN_ID, "");
	return false;
}

static const char *
verb_name(int i)
{
	return i == 0 ? "GET" : "PUT";
}

/* An ERROR of no number that says it better. */
#define FULL	"\0\5\0\0too many sessions of your address at a time"

const struct protocol protocol_tftp = {
	.full = FULL,
	.full_len = sizeof(FULL),	/* its NUL ends it there, too */
	.name = "tftp",
	.port = "69",
	.serve = tftp_serve,
	.begins = tftp_begins,
	.verb = verb_name,
	.verbs = 2,
};
