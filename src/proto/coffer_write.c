/* coffer_write - the verbs of the native protocol that change names:
 * DELETE, RMDIR, MKDIR, MOVE, COPY, SET. */

#include <errno.h>

#include "proto/coffer.h"

/* The operand that a failed change is about: the second one where the first could be taken. */
static const struct path *
at_fault(struct exchange *x, const struct path *to, int error)
{
	const struct path *from = &x->path[0];
	struct object object;

	if (to == NULL || path_is_root(from))
		return from;
	if (error == EEXIST)
		return to;
	if (store_stat(x->store, from, &object) == -1)
		return from;
	return error == EISDIR && object.type == OBJECT_FOLDER ? from : to;
}

/* Runs fn where its fsync holds nobody up.  Whether it went well; else the reply is written. */
static bool
change(struct exchange *x, int (*fn)(struct store_call *), const struct path *to, struct object *object)
{
	struct store_call call = {
		.fn = fn,
		.store = x->store,
		.path = &x->path[0],
		.to = to,
		.request = &x->request,
		.object = object,
	};
	int error;

	if (store_call(&call) == 0)
		return true;
	error = errno;
	reply_errno(x, to != NULL && error == EEXIST && (x->request.given & COFFER_IF) ? ESTALE : error,
	    at_fault(x, to, error));
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

void
serve_mkdir(struct exchange *x)
{
	struct store_call call = {
		.fn = call_mkdir,
		.store = x->store,
		.path = &x->path[0],
		.request = &x->request,
	};

	if (store_call(&call) == -1)
		reply_errno(x, errno, &x->path[0]);
	else
		reply_path(x, call.keep ? 200 : 201, &x->path[0]);
}

static int
call_move(struct store_call *c)
{
	return store_move(c->store, c->path, c->to, (c->request->given & COFFER_IF) != 0);
}

void
serve_move(struct exchange *x)
{
	if (change(x, call_move, &x->path[1], NULL))
		reply_path(x, 200, &x->path[1]);
}

static int
call_copy(struct store_call *c)
{
	return store_copy(c->store, c->path, c->to, (c->request->given & COFFER_IF) != 0, c->object);
}

void
serve_copy(struct exchange *x)
{
	struct object done;

	if (change(x, call_copy, &x->path[1], &done))
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
	if (change(x, call_set, NULL, NULL))
		reply_path(x, 200, &x->path[0]);
}
