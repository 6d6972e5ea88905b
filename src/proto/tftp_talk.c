/* tftp_talk - packets to the peer and from it, and how long to wait for them. */

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "io/wait.h"
#include "proto/tftp.h"

/* A buffer that is full empties itself, into the network. */
static int
wait_to_send(struct transfer *t)
{
	return wait_fd(t->d->fd, POLLOUT, clock_in(t->session->opts->stream.stall_ms));
}

int
talk_send(struct transfer *t, const void *bytes, size_t len)
{
	const struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };

	while (datagram_send(t->d, &iov, 1) == -1)
		if (errno != EAGAIN || wait_to_send(t) == -1)
			return -1;
	return 0;
}

int
talk_send_all(struct transfer *t, struct iovec (*parts)[2], size_t n)
{
	size_t len = 0, i;
	int sent;

	for (i = 0; i < n; i++)
		len += parts[i][0].iov_len + parts[i][1].iov_len;
	session_pay(t->session, len);
	while (n > 0) {
		sent = n == 1 ? datagram_send(t->d, parts[0], 2) : datagram_send_all(t->d, parts, n);
		if (sent == -1 && (errno != EAGAIN || wait_to_send(t) == -1))
			return -1;
		if (n == 1 && sent == 0)
			break;
		if (sent > 0) {
			parts += sent;
			n -= (size_t)sent;
		}
	}
	return 0;
}

static int64_t
wait_for(const struct transfer *t)
{
	return t->request.given & TFTP_GIVEN_TIMEOUT ? t->request.timeout * INT64_C(1000) : TFTP_WAIT_MS;
}

/* A client that asks for a long timeout may be silent for that long, and once more. */
static int64_t
stall_for(const struct transfer *t)
{
	int64_t ms = t->session->opts->stream.stall_ms, least = 2 * wait_for(t);

	return ms > least ? ms : least;
}

void
talk_begin(struct transfer *t)
{
	int64_t now = clock_ms();

	t->wait_ms = wait_for(t);
	t->stall = now + stall_for(t);
	t->deadline = now + t->wait_ms;
	t->rate_at = now + t->session->opts->stream.stall_ms;
}

void
talk_sent(struct transfer *t)
{
	t->deadline = clock_in(t->wait_ms);
	if (t->deadline > t->stall)
		t->deadline = t->stall;
	t->waited = false;
}

/* The wait that was doubled stays while there is no progress only: the next loss is another one. */
void
talk_progress(struct transfer *t)
{
	int64_t now = clock_ms();

	t->again = 0;
	t->wait_ms = wait_for(t);
	t->stall = now + stall_for(t);
	t->deadline = now + t->wait_ms;
	if (!t->met) {
		t->met = true;
		claims_drop(&t->session->claim);
	}
}

int
talk_again(struct transfer *t)
{
	if (clock_ms() >= t->stall || t->again >= (t->met ? TFTP_AGAIN : TFTP_AGAIN_FIRST)) {
		errno = ETIMEDOUT;
		return -1;
	}
	t->again++;
	if (!(t->request.given & TFTP_GIVEN_TIMEOUT) && t->wait_ms < TFTP_WAIT_MAX_MS)
		t->wait_ms *= 2;
	return 0;
}

/* A peer that moves, but hardly. */
static int
check_rate(struct transfer *t, int64_t now)
{
	const struct stream_opts *opts = &t->session->opts->stream;

	if (now < t->rate_at)
		return 0;
	if ((int64_t)(t->bytes - t->rate_bytes) * 1000 < opts->min_rate * opts->stall_ms) {
		errno = ETIMEDOUT;
		return -1;
	}
	t->rate_at = now + opts->stall_ms;
	t->rate_bytes = t->bytes;
	return 0;
}

static void
rebuff(struct transfer *t, const char *packet, size_t len)
{
	char answer[TFTP_ERROR_MAX];
	struct tftp_packet p;

	/* An ERROR is never answered, lest two programs answer each other for ever. */
	if (t->strangers >= TFTP_STRANGERS || tftp_parse_packet(&p, packet, len) == -1 || p.op == TFTP_ERROR)
		return;
	t->strangers++;
	datagram_rebuff(t->d, answer, tftp_put_error(answer, TFTP_UNKNOWN_ID, ""));
}

/* Within a socket that has the well-known port, the peer's next request comes here.  The same one
 * again, while it has not been answered, is no other. */
static bool
renewed(struct transfer *t, const char *packet, size_t len)
{
	if (!t->d->single || !tftp_is_request(packet, len))
		return false;
	if (!t->met && len == t->d->len && len <= sizeof(t->d->bytes) && memcmp(packet, t->d->bytes, len) == 0)
		return false;
	t->d->len = len;
	memcpy(t->d->bytes, packet, len < sizeof(t->d->bytes) ? len : sizeof(t->d->bytes));
	t->renewed = true;
	return true;
}

static bool
is_kicked(const struct transfer *t)
{
	return atomic_load_explicit(&t->session->progress->kick, memory_order_relaxed) == t->session->number + 1;
}

/* One packet that is there: 1, or 0 for one that does not count, or -1. */
static int
take_packet(struct transfer *t, struct tftp_packet *packet, char *buffer, size_t size)
{
	ssize_t n = datagram_read(t->d, buffer, size);

	if (n == -1 && errno == EXDEV) {
		rebuff(t, buffer, t->d->stranger_len < size ? t->d->stranger_len : size);
		return 0;
	}
	if (n == -1 && errno == EAGAIN && is_kicked(t))
		errno = ECONNABORTED;
	if (n == -1)
		return -1;
	if (renewed(t, buffer, (size_t)n < size ? (size_t)n : size)) {
		errno = ECONNABORTED;
		return -1;
	}
	if ((size_t)n > size || tftp_parse_packet(packet, buffer, (size_t)n) == -1)
		return 0;
	if (packet->op != TFTP_ERROR)
		return 1;
	errno = ECONNABORTED;
	return -1;
}

bool
talk_renewed(struct transfer *t)
{
	char buffer[TFTP_REQUEST_MAX];
	struct tftp_packet packet;

	for (int i = 0; i < TFTP_TURN && t->d->single && !t->renewed; i++)
		if (take_packet(t, &packet, buffer, sizeof(buffer)) == -1 && errno == EAGAIN)
			break;
	return t->renewed;
}

static int
wait_packet(struct transfer *t)
{
	return t->idle ? wait_request(t->d->fd, t->deadline) : wait_fd(t->d->fd, POLLIN, t->deadline);
}

int
talk_receive(struct transfer *t, struct tftp_packet *packet, char *buffer, size_t size)
{
	int64_t now;
	int ret;

	for (;;) {
		if (++t->turn % TFTP_TURN == 0)
			wait_yield();	/* the peer may be so quick that there is nothing to wait for */
		/* First what is there, also in lockstep: who waits without having seen that nothing is there
		 * may have been told of it before, and is not told again. */
		if ((ret = take_packet(t, packet, buffer, size)) == -1 && errno != EAGAIN)
			return -1;
		now = clock_ms();
		if (ret == 1)
			return check_rate(t, now) == -1 ? -1 : 1;
		if (now >= t->deadline)
			return 0;
		if (ret == -1 && wait_packet(t) == -1 && errno != ETIMEDOUT)
			return -1;
		t->waited = t->waited || ret == -1;
	}
}
