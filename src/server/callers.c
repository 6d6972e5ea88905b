/* callers - questions that wait for the authenticator's threads, fairly. */

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "io/socket.h"
#include "server/callers.h"

struct caller {			/* an address with questions */
	TAILQ_ENTRY(caller) entry;
	struct sockaddr_in6 peer;
	struct call	*first, **last;
	unsigned	 count;
};
TAILQ_HEAD(caller_list, caller);

struct callers {
	struct caller_list lane[CALLERS_LANES];
	unsigned	 count, max;
};

struct callers *
callers_open(unsigned max)
{
	struct callers *c = calloc(1, sizeof(*c));
	unsigned i;

	if (c == NULL)
		return NULL;
	c->max = max;
	for (i = 0; i < CALLERS_LANES; i++)
		TAILQ_INIT(&c->lane[i]);
	return c;
}

static struct caller *
find(struct caller_list *lane, const struct sockaddr_in6 *peer)
{
	struct caller *c;

	TAILQ_FOREACH(c, lane, entry)
		if (socket_same_client((const struct sockaddr *)&c->peer, (const struct sockaddr *)peer))
			return c;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->peer = *peer;
	c->last = &c->first;
	TAILQ_INSERT_TAIL(lane, c, entry);
	return c;
}

int
callers_put(struct callers *all, enum callers_lane lane, struct call *call)
{
	struct caller *c;

	if (all->count == all->max || (c = find(&all->lane[lane], &call->question.peer)) == NULL ||
	    c->count == CALLERS_EACH)
		return -1;
	call->next = NULL;
	*c->last = call;
	c->last = &call->next;
	c->count++;
	all->count++;
	return 0;
}

struct call *
callers_take(struct callers *all, enum callers_lane lane)
{
	struct caller *c = TAILQ_FIRST(&all->lane[lane]);
	struct call *call;

	if (c == NULL)
		return NULL;
	TAILQ_REMOVE(&all->lane[lane], c, entry);
	call = c->first;
	if ((c->first = call->next) == NULL)
		c->last = &c->first;
	all->count--;
	if (--c->count > 0)
		TAILQ_INSERT_TAIL(&all->lane[lane], c, entry);
	else
		free(c);
	return call;
}
