/* reach - from a name in the tree to the store that holds it, for whoever asks. */

#include <errno.h>
#include <string.h>

#include "base/nitems.h"
#include "session/reach.h"
#include "session/session.h"

static int
fail(int error)
{
	errno = error;
	return -1;
}

static bool
lies_in(const struct share *share, const char *name, size_t len)
{
	return share->len == 0 || (len >= share->len && memcmp(name, share->name, share->len) == 0 &&
	    (len == share->len || name[share->len] == '/'));
}

static const struct share *
find(const struct shares *shares, const char *name, size_t len)
{
	for (size_t i = 0; i < shares->count; i++)
		if (lies_in(&shares->at[i], name, len))
			return &shares->at[i];
	return NULL;
}

/* Whether a share lies beneath that path in which the user may do anything.  The root is always there. */
static bool
leads_on(const struct session *s, const char *name, size_t len)
{
	const struct share *share = s->shares->at, *end = share + s->shares->count;

	for (; share < end; share++)
		if (share->len > len && memcmp(share->name, name, len) == 0 &&
		    (len == 0 || share->name[len] == '/') && reach_rights(s, share->name, share->len) != 0)
			return true;
	return len == 0;
}

/* The path without the share's name. */
static const struct path *
rest_of(const struct share *share, const struct path *path, struct path *rest)
{
	size_t cut = share->len + 1;

	if (share->len == 0)
		return path;
	rest->len = path->len > cut ? path->len - cut : 0;
	rest->leaf = path->leaf > cut ? path->leaf - cut : 0;
	memcpy(rest->name, path->len > cut ? path->name + cut : "", rest->len + 1);
	return rest;
}

static int
refusal(const struct session *s, bool others_may)
{
	return others_may && session_user(s)[0] == '\0' && session_may_login(s) ? ENOKEY : EACCES;
}

/* Where shares lie apart, one that the user may not see answers like a name that none has. */
static bool
is_hidden(const struct session *s, const struct share *share)
{
	return find(s->shares, "", 0) == NULL && reach_rights(s, share->name, share->len) == 0;
}

static bool
writes(enum need need)
{
	return ((need_all(need) | need_any(need)) & (RIGHTS_WRITE | RIGHT_ADMIN)) != 0 && need != NEED_SPACE;
}

int
reach(const struct session *s, const struct path *path, enum need need, struct path *rest,
    struct reach *reach)
{
	const struct share *share = find(s->shares, path->name, path->len);
	struct rights_answer answer;

	reach->store = NULL;
	reach->path = path;
	rights_ask(s->shares->rights, session_user(s), &s->groups, path->name, path->len, &answer);
	reach->allowed = answer.allowed;
	reach->logged_in = answer.logged_in;
	if (share == NULL) {
		if (!leads_on(s, path->name, path->len))
			return fail(refusal(s, true));
		reach->allowed = RIGHTS_LOOK;
		return need == NEED_LIST || need == NEED_STAT ? 0 : fail(writes(need) ? EACCES : EISDIR);
	}
	if (answer.allowed == 0 && is_hidden(s, share))
		return fail(refusal(s, true));
	if (writes(need) && !store_writable(share->store))
		return fail(EROFS);
	if (!need_met(need, answer.allowed))
		return fail(refusal(s, need_met(need, answer.logged_in)));
	reach->store = share->store;
	reach->path = rest_of(share, path, rest);
	return 0;
}

int
reach_errno(const struct reach *reach, int error)
{
	static const int telling[] = {
		ENOENT, ENOTDIR, EISDIR, EEXIST, ENOTEMPTY, ESTALE, ENXIO, ELOOP, EXDEV, EBUSY,
	};

	if (reach->allowed & RIGHTS_LOOK)
		return error;
	for (size_t i = 0; i < nitems(telling); i++)
		if (telling[i] == error)
			return EACCES;
	return error;
}

int
reach_refusal(const struct session *s, const struct reach *reach, unsigned right)
{
	return refusal(s, (reach->logged_in & right) != 0);
}

int
reach_upload(const struct session *s, const struct reach *reach, struct upload_want *w)
{
	unsigned needed;

	/* Nobody is told what another nobody has left here, nor goes on with it: unless he has the digest. */
	if (!(reach->allowed & RIGHT_READ) && session_user(s)[0] == '\0' && !w->has_digest)
		w->resume = false;
	/* As with creat(2): who may not set permission bits says at most which he does without. */
	w->masked = !(reach->allowed & RIGHT_ADMIN);
	if (w->condition == UPLOAD_ANY && !(reach->allowed & RIGHT_REPLACE)) {
		w->condition = UPLOAD_IF_NEW;
		w->imposed = true;
	} else if (w->condition == UPLOAD_ANY && !(reach->allowed & RIGHT_CREATE)) {
		w->condition = UPLOAD_IF_THERE;
		w->imposed = true;
	}
	/* A condition on the digest tells of what is in the file. */
	needed = w->condition == UPLOAD_IF_NEW ? RIGHT_CREATE :
	    w->condition == UPLOAD_IF_DIGEST ? RIGHT_REPLACE | RIGHT_READ : RIGHT_REPLACE;
	return (reach->allowed & needed) == needed ? 0 : fail(reach_refusal(s, reach, needed));
}

int
reach_upload_errno(const struct session *s, const struct reach *reach, bool asked, int error)
{
	if (!asked && error == EEXIST && !(reach->allowed & RIGHT_REPLACE))
		return reach_refusal(s, reach, RIGHT_REPLACE);
	if (!asked && error == ESTALE && !(reach->allowed & RIGHT_CREATE))
		return reach_refusal(s, reach, RIGHT_CREATE);
	return reach_errno(reach, error);
}

bool
reach_divided(const struct session *s, const char *path, size_t len)
{
	return rights_divided(s->shares->rights, path, len);
}

size_t
reach_name(const struct session *s, const struct store *store, const char *name, char *dst)
{
	const struct share *share = s->shares->at;
	size_t len = 0;

	for (size_t i = 0; i < s->shares->count; i++)
		if (s->shares->at[i].store == store)
			share = &s->shares->at[i];
	memcpy(dst, share->name, share->len);
	len = share->len;
	if (len > 0 && name[0] != '\0')
		dst[len++] = '/';
	(void)strlcpy(dst + len, name, PATH_MAX - len);
	return strlen(dst);
}

void
shares_heard(const struct shares *shares, uint64_t turn)
{
	for (size_t i = 0; i < shares->count; i++)
		store_heard(shares->at[i].store, turn);
}

bool
shares_durable(const struct shares *shares)
{
	return shares->count > 0 && store_durable(shares->at[0].store);
}

unsigned
reach_rights(const struct session *s, const char *path, size_t len)
{
	struct rights_answer answer;

	rights_ask(s->shares->rights, session_user(s), &s->groups, path, len, &answer);
	return answer.allowed;
}

unsigned
reach_sight(const struct session *s, const char *path, size_t len)
{
	if (find(s->shares, path, len) != NULL)
		return reach_rights(s, path, len);
	return leads_on(s, path, len) ? RIGHTS_LOOK : 0;
}

bool
reach_is_way(const struct session *s, const char *path, size_t len)
{
	return find(s->shares, path, len) == NULL;
}
