/* gate - which addresses may come at all, and whose word is taken for another address. */

#include <netinet/in.h>

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/shared.h"
#include "io/socket.h"
#include "io/wait.h"
#include "parse/parse_cidr.h"
#include "parse/parse_proxy.h"
#include "server/gate.h"

#define TELL_MS	1000	/* between two lines of the log */

struct networks {
	size_t		 count;
	struct cidr	*at;
};

/* In memory that a worker's children share, for the sake of the lines. */
struct gate {
	struct networks	 allow, deny, proxies;
	_Atomic int64_t	 next;		/* when a line may be written again, */
	atomic_uint	 untold;	/* and how many were not, until then */
};

static void
compile(struct networks *networks, const struct config_paths *list)
{
	if (list->count == 0)
		return;
	if ((networks->at = calloc(list->count, sizeof(*networks->at))) == NULL)
		_exit(EX_OSERR);
	for (size_t i = 0; i < list->count; i++)
		if (cidr_parse(&networks->at[networks->count], list->at[i].name) == 0)
			networks->count++;	/* as all of them, which the configuration has seen to */
}

struct gate *
gate_open(const struct config *config)
{
	struct gate *g;

	if (config->allow.count == 0 && config->deny.count == 0 && config->proxy_from.count == 0)
		return NULL;
	if ((g = shared_new(sizeof(*g))) == NULL)
		_exit(EX_OSERR);
	compile(&g->allow, &config->allow);
	compile(&g->deny, &config->deny);
	compile(&g->proxies, &config->proxy_from);
	return g;
}

/* The length of the longest network that holds the address, or -1. */
static int
longest(const struct networks *networks, const uint8_t address[CIDR_ADDRESS])
{
	int best = -1;

	for (size_t i = 0; i < networks->count; i++)
		if (networks->at[i].len > best && cidr_holds(&networks->at[i], address))
			best = networks->at[i].len;
	return best;
}

/* A line for each of a flood would be a flood of its own. */
static void
tell(struct gate *g, const struct sockaddr *peer, const char *why)
{
	int64_t now = clock_ms(), due = atomic_load(&g->next);
	char name[SOCKET_NAME_MAX];
	unsigned more;

	if (now < due || !atomic_compare_exchange_strong(&g->next, &due, now + TELL_MS)) {
		(void)atomic_fetch_add(&g->untold, 1);
		return;
	}
	(void)socket_name(name, peer, sizeof(struct sockaddr_in6), false);
	if ((more = atomic_exchange(&g->untold, 0)) > 0)
		log_info("refused %s: %s; and %u others before", name, why, more);
	else
		log_info("refused %s: %s", name, why);
}

bool
gate_admits(struct gate *g, const struct sockaddr *peer)
{
	uint8_t address[CIDR_ADDRESS];
	int allowed, denied;

	if (g == NULL || !socket_address(address, peer))
		return true;
	denied = longest(&g->deny, address);
	allowed = g->allow.count > 0 ? longest(&g->allow, address) : 0;
	if (denied == -1 && allowed != -1)
		return true;
	if (g->allow.count > 0 && allowed > denied)
		return true;
	tell(g, peer, denied >= allowed && denied != -1 ? "deny has its address" : "allow does not have its address");
	return false;
}

bool
gate_trusts(struct gate *g, const struct sockaddr *peer)
{
	uint8_t address[CIDR_ADDRESS];

	return g != NULL && g->proxies.count > 0 && socket_address(address, peer) &&
	    longest(&g->proxies, address) != -1;
}

/* Takes the header out of the socket, and no byte that is behind it.  Its length, or -1 with errno:
 * EBADMSG where there is something else. */
static ssize_t
take_header(int fd, char bytes[PROXY_MAX], int64_t deadline)
{
	size_t have = 0, take;
	ssize_t n, whole;

	for (;;) {
		n = recv(fd, bytes + have, PROXY_MAX - have, MSG_PEEK | MSG_DONTWAIT);
		if (n == 0)
			errno = ECONNRESET;
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
			return -1;
		if (n > 0) {
			if ((whole = proxy_measure(bytes, have + (size_t)n)) == -1) {
				errno = EBADMSG;
				return -1;
			}
			take = whole > 0 ? (size_t)whole - have : (size_t)n;
			if (recv(fd, bytes + have, take, MSG_DONTWAIT) != (ssize_t)take)
				return -1;
			have += take;
			if (whole > 0)
				return whole;
		}
		if (wait_fd(fd, POLLIN, deadline) == -1)
			return -1;
	}
}

static void
become(struct progress *p, const struct proxy_header *h)
{
	struct sockaddr_in6 peer = { .sin6_family = AF_INET6, .sin6_port = htons(h->port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(h->port) };

	memcpy(&peer.sin6_addr, h->source, sizeof(peer.sin6_addr));
	if (IN6_IS_ADDR_V4MAPPED(&peer.sin6_addr)) {
		memcpy(&four.sin_addr, h->source + 12, sizeof(four.sin_addr));
		progress_proxied(p, (const struct sockaddr *)&four, sizeof(four));
	} else
		progress_proxied(p, (const struct sockaddr *)&peer, sizeof(peer));
}

/* Not inlined, for the header's buffer is of no use to a session that waits. */
__attribute__((noinline)) bool
gate_hears(struct gate *g, struct progress *p, int64_t deadline)
{
	char bytes[PROXY_MAX];
	struct proxy_header h;
	ssize_t len;

	if ((len = take_header(atomic_load(&p->fd), bytes, deadline)) == -1) {
		tell(g, (const struct sockaddr *)&p->peer, errno == EBADMSG ?
		    "what it says is no PROXY header" : errno == ETIMEDOUT ? "its PROXY header did not come in time" :
		    "it has gone before its PROXY header was whole");
		return false;
	}
	if (proxy_parse(&h, bytes, (size_t)len) == -1) {
		tell(g, (const struct sockaddr *)&p->peer, "its PROXY header is wrong");
		return false;
	}
	if (h.known)
		become(p, &h);
	else
		progress_proxied(p, NULL, 0);
	return gate_admits(g, (const struct sockaddr *)&p->peer);
}
