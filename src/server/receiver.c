/* receiver - takes datagrams from the shared sockets and makes sessions of them. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/receiver.h"

struct caught {
	struct caught	*next;
	const struct protocol *protocol;
	int		 listener;
	struct datagram	 datagram;
};

struct guest {
	struct guest	*next;
	const struct progress *progress;
	struct arrival	 arrival;
};

/* What datagram_open() is called with. */
struct catching {
	struct receiver	*receiver;
	const struct protocol *protocol;
	int		 listener;
};

static void
catch(const struct datagram *d, void *arg)
{
	const struct catching *c = arg;
	struct caught *one;

	/* Without memory it is lost, as a packet may be. */
	if ((one = malloc(sizeof(*one))) == NULL)
		return;
	*one = (struct caught){
		.next = c->receiver->caught, .protocol = c->protocol, .listener = c->listener, .datagram = *d,
	};
	c->receiver->caught = one;
}

/* Who asks, whom, and, where each of its requests is another transfer, for what. */
static claim *
take_claim(const struct receiver *r, const struct datagram *d)
{
	char text[sizeof(d->peer) + sizeof(d->local) + sizeof(d->bytes)];
	size_t len = d->len < sizeof(d->bytes) ? d->len : sizeof(d->bytes);

	memcpy(text, &d->peer, sizeof(d->peer));
	memcpy(text + sizeof(d->peer), &d->local, sizeof(d->local));
	memcpy(text + sizeof(d->peer) + sizeof(d->local), d->bytes, len);
	return claims_take(r->claims, text, sizeof(d->peer) + sizeof(d->local) + (r->single ? 0 : len));
}

static bool
worth_a_session(const struct receiver *r, int listener, const struct protocol *protocol,
    const struct datagram *d)
{
	char answer[DATAGRAM_MAX];
	size_t len;

	if (protocol->begins(d, r->single, answer, &len))
		return true;
	if (len > 0)
		(void)datagram_answer(listener, d, answer, len);
	return false;
}

static int
arrive(struct receiver *r, int listener, struct arrival *a)
{
	struct catching catching = { .receiver = r, .protocol = a->protocol, .listener = listener };

	if (r->admits != NULL && !r->admits(r->admits_arg, (const struct sockaddr *)&a->datagram->peer))
		return 0;
	if (!worth_a_session(r, listener, a->protocol, a->datagram) ||
	    (a->claim = take_claim(r, a->datagram)) == NULL)
		return 0;
	if (datagram_open(a->datagram, r->single, catch, &catching) == 0)
		return 1;
	/* The peer has gone: no route leads to it. */
	return errno == ENETUNREACH || errno == EHOSTUNREACH || errno == EADDRNOTAVAIL ? 0 : -1;
}

static int
settle(struct arrival *a, int ret)
{
	int error = errno;

	if (ret != 1)
		receiver_drop(a);
	errno = error;
	return ret;
}

int
receiver_take(struct receiver *r, int listener, const struct protocol *protocol, struct arrival *a)
{
	*a = (struct arrival){ .protocol = protocol, .datagram = malloc(sizeof(*a->datagram)) };
	if (a->datagram == NULL)
		return -1;
	if (datagram_receive(listener, a->datagram) == -1)
		return settle(a, 0);	/* somebody was quicker, or it is not to be answered */
	return settle(a, arrive(r, listener, a));
}

int
receiver_caught(struct receiver *r, struct arrival *a)
{
	struct caught *one = r->caught;
	int listener;

	if (one == NULL)
		return 0;
	r->caught = one->next;
	listener = one->listener;
	*a = (struct arrival){ .protocol = one->protocol, .datagram = malloc(sizeof(*a->datagram)) };
	if (a->datagram != NULL)
		*a->datagram = one->datagram;
	free(one);
	return a->datagram == NULL ? -1 : settle(a, arrive(r, listener, a));
}

int
receiver_put(struct receiver *r, const struct progress *p, const struct arrival *a)
{
	struct guest *g = malloc(sizeof(*g));

	if (g == NULL)
		return -1;
	(void)pthread_mutex_lock(&r->lock);
	*g = (struct guest){ .next = r->guests, .progress = p, .arrival = *a };
	r->guests = g;
	(void)pthread_mutex_unlock(&r->lock);
	return 0;
}

bool
receiver_get(struct receiver *r, const struct progress *p, struct arrival *a)
{
	struct guest **at, *g;

	(void)pthread_mutex_lock(&r->lock);
	for (at = &r->guests; *at != NULL && (*at)->progress != p; at = &(*at)->next)
		continue;
	if ((g = *at) != NULL)
		*at = g->next;
	(void)pthread_mutex_unlock(&r->lock);
	if (g == NULL)
		return false;
	*a = g->arrival;
	free(g);
	return true;
}

void
receiver_drop(struct arrival *a)
{
	claims_drop(&a->claim);
	if (a->datagram != NULL && a->datagram->fd != -1)
		(void)close(a->datagram->fd);
	free(a->datagram);
	a->datagram = NULL;
}
