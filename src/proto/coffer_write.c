/* coffer_write - the verbs of the native protocol that change names:
 * DELETE, RMDIR, MKDIR, MOVE, COPY, SET. */

#include <errno.h>

#include "proto/coffer.h"

/* The operand that a failed change is about: the second one where the first could be taken. */
static int
at_fault(struct exchange *x, const struct path *to, int error)
{
	const struct path *from = x->at[0].path;
	struct object object;

	if (to == NULL || path_is_root(from) || error == ENOLINK)
		return 0;
	if (error == EEXIST)
		return 1;
	if (store_stat(x->at[0].store, from, &object) == -1)
		return 0;
	return error == EISDIR && object.type == OBJECT_FOLDER ? 0 : 1;
}

/* Runs fn where its fsync holds nobody up.  Whether it went well; else the reply is written. */
static bool
change(struct exchange *x, int (*fn)(struct store_call *), const struct path *to, struct object *object)
{
	struct store_call call = {
		.fn = fn,
		.store = x->at[0].store,
		.path = x->at[0].path,
		.to_store = x->at[1].store,
		.to = to,
		.only_new = to != NULL &&
		    ((x->request.given & COFFER_IF) || !(x->at[1].allowed & RIGHT_REPLACE)),
		.request = &x->request,
		.object = object,
	};
	int error, which;

	if (store_call(&call) == 0)
		return true;
	error = errno;
	which = at_fault(x, to, error);
	if (to != NULL && error == EEXIST && (x->request.given & COFFER_IF))
		error = ESTALE;
	else if (call.only_new && error == EEXIST)
		error = reach_refusal(x->session, &x->at[1], RIGHT_REPLACE);
	reply_store_errno(x, error, which);
	return false;
}

static int
call_delete(struct store_call *c)
{
	return store_delete(c->store, c->path);
}

void
serve_delete(struct exchange *x)
{
	if (change(x, call_delete, NULL, NULL))
		reply_path(x, 200, &x->path[0]);
}

static int
call_rmdir(struct store_call *c)
{
	return store_rmdir(c->store, c->path);
}

void
serve_rmdir(struct exchange *x)
{
	if (change(x, call_rmdir, NULL, NULL))
		reply_path(x, 200, &x->path[0]);
}

static int
call_mkdir(struct store_call *c)
{
	struct object there;

	if (!(c->request->given & COFFER_PARENTS))
		return store_mkdir(c->store, c->path, false);
	/* There already; but perhaps not yet for good. */
	c->keep = store_stat(c->store, c->path, &there) == 0 && there.type == OBJECT_FOLDER;
	return store_mkdir(c->store, c->path, true);
}

/* What is missing above the folder is made only where that may be made.  0, or the errno. */
static int
may_make_parents(struct exchange *x)
{
	struct path *name = &x->path[1], *within = &x->rest[1];	/* there is no second operand */
	struct object object;

	if (!(x->request.given & COFFER_PARENTS) || !reach_divided(x->session, "", 0))
		return 0;
	*name = x->path[0];
	*within = *x->at[0].path;
	while (path_parent(within, within) == 0 && path_parent(name, name) == 0 && !path_is_root(within)) {
		if (store_stat(x->at[0].store, within, &object) == 0)
			return 0;
		if (!(reach_rights(x->session, name->name, name->len) & RIGHT_CREATE))
			return EACCES;
	}
	return 0;
}

void
serve_mkdir(struct exchange *x)
{
	int error = 0;

	struct store_call call = {
		.fn = call_mkdir,
		.store = x->at[0].store,
		.path = x->at[0].path,
		.request = &x->request,
	};

	if ((error = may_make_parents(x)) != 0 ||
	    (store_durable(call.store) ? store_call(&call) : call_mkdir(&call)) == -1)
		reply_store_errno(x, error != 0 ? error : errno, 0);
	else
		reply_path(x, call.keep ? 200 : 201, &x->path[0]);
}

/* Rights go by the names that clients use, also for what a link leads to: so where they are not the same
 * everywhere, nobody makes a link lead elsewhere. */
static int
call_move_apart(struct store_call *c)
{
	int strays = store_move_strays(c->store, c->path, c->to);

	if (strays == 1)
		errno = ENOLINK;
	return strays == 0 ? store_move(c->store, c->path, c->to, c->only_new) : -1;
}

static int
call_move(struct store_call *c)
{
	return store_move(c->store, c->path, c->to, c->only_new);
}

void
serve_move(struct exchange *x)
{
	if (x->at[0].store != x->at[1].store)
		reply_error(x, 403, &x->path[1], "lies in another share: COPY, then DELETE");
	else if (reach_divided(x->session, x->path[0].name, x->path[0].len) || reach_divided(x->session, x->path[1].name, x->path[1].len))
		reply_errno(x, ETXTBSY, &x->path[0]);
	else if (change(x, reach_divided(x->session, "", 0) ? call_move_apart : call_move, x->at[1].path, NULL))
		reply_path(x, 200, &x->path[1]);
}

static int
call_copy(struct store_call *c)
{
	return store_copy(c->store, c->path, c->to_store, c->to, c->only_new, c->object);
}

void
serve_copy(struct exchange *x)
{
	struct object done;

	if (change(x, call_copy, x->at[1].path, &done))
		reply_stored(x, &done);
}

static int
call_set(struct store_call *c)
{
	const struct coffer_request *r = c->request;

	return store_set(c->store, c->path, r->given & COFFER_MTIME ? &r->mtime : NULL,
	    r->given & COFFER_MODE ? &r->mode : NULL);
}

void
serve_set(struct exchange *x)
{
	if ((x->request.given & COFFER_MODE) && !need_met(NEED_SET_MODE, x->at[0].allowed))
		reply_errno(x, reach_refusal(x->session, &x->at[0], RIGHT_ADMIN), &x->path[0]);
	else if (change(x, call_set, NULL, NULL))
		reply_path(x, 200, &x->path[0]);
}
