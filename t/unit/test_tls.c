/* test_tls - what a connection of TLS makes of records as a network brings them: in pieces; and of such that
 * bring no data.
 * The peer speaks OpenSSL itself, over a socketpair(2); after the handshake its records go into memory, and
 * from there to us by as many bytes as the test likes. */

#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/ssl.h>

#include "base/clock.h"
#include "io/tls.h"

#define HANDSHAKE_MS	60000
#define DATA		300	/* bytes in a record */
#define FEW		10	/* records with new keys, which are passed over, */
#define MANY		60	/* and which are too many */

static struct tls_context *context;
static SSL_CTX *peers;

static int
set_up(void **state)
{
	static const char *const name = "localhost";
	struct tls_pair pair;
	struct tls_server_opts opts = { .pairs = &pair, .npairs = 1 };
	char why[TLS_WHY];
	size_t len;
	char *text = tls_make(&name, 1, 1, &len, why);

	(void)state;
	if (text == NULL)
		return -1;
	pair.chain = pair.key = (struct tls_text){ text, len };
	context = tls_server_open(&opts, why, NULL);
	free(text);
	peers = SSL_CTX_new(TLS_client_method());
	return context != NULL && peers != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	tls_context_close(&context);
	SSL_CTX_free(peers);
	return 0;
}

struct pair {
	struct tls	*tls;	/* ours, on fd[0] */
	SSL		*peer;	/* on fd[1] */
	BIO		*sent;	/* what the peer has written since */
	int		 fd[2];
};

static void *
shake(void *ssl)
{
	return SSL_connect(ssl) == 1 ? ssl : NULL;
}

static void
pair_open(struct pair *p)
{
	pthread_t thread;
	void *shaken;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->fd), 0);
	assert_int_equal(fcntl(p->fd[0], F_SETFL, O_NONBLOCK), 0);
	p->peer = SSL_new(peers);
	assert_int_equal(SSL_set_fd(p->peer, p->fd[1]), 1);
	p->tls = tls_accept(context, p->fd[0], "none");
	assert_non_null(p->tls);
	assert_int_equal(pthread_create(&thread, NULL, shake, p->peer), 0);
	assert_int_equal(tls_handshake(p->tls, clock_in(HANDSHAKE_MS)), 0);
	assert_int_equal(pthread_join(thread, &shaken), 0);
	assert_non_null(shaken);
	p->sent = BIO_new(BIO_s_mem());
	SSL_set0_wbio(p->peer, p->sent);
}

static void
pair_close(struct pair *p)
{
	tls_close(&p->tls, false);
	SSL_free(p->peer);
	(void)close(p->fd[0]);
	(void)close(p->fd[1]);
}

/* Lets so many bytes through.  How many there were. */
static size_t
let_through(struct pair *p, int n)
{
	char bytes[2 * DATA];
	int got = BIO_read(p->sent, bytes, n);

	if (got <= 0)
		return 0;
	assert_int_equal(write(p->fd[1], bytes, (size_t)got), got);
	return (size_t)got;
}

static void
assert_nothing_yet(struct tls *t)
{
	char c[DATA];

	assert_int_equal(tls_read(t, c, sizeof(c)), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(tls_wants(t), POLLIN);
}

static void
a_record_may_come_byte_by_byte(void **state)
{
	char data[DATA], got[DATA];
	struct pair p;

	(void)state;
	memset(data, 'x', sizeof(data));
	pair_open(&p);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(SSL_write(p.peer, data, sizeof(data)), sizeof(data));
		while (BIO_pending(p.sent) > 1) {
			assert_int_equal(let_through(&p, 1), 1);
			assert_nothing_yet(p.tls);
			assert_nothing_yet(p.tls);	/* being asked again brings no more */
		}
		assert_int_equal(let_through(&p, 1), 1);
		assert_int_equal(tls_read(p.tls, got, sizeof(got)), sizeof(got));
		assert_memory_equal(got, data, sizeof(got));
		assert_nothing_yet(p.tls);
		assert_true(tls_drained(p.tls));
	}
	pair_close(&p);
}

/* The end of one and the begin of the next come together: nobody may wait as if nothing were left. */
static void
one_record_and_a_half_come_at_once(void **state)
{
	char data[DATA], got[DATA];
	struct pair p;

	(void)state;
	memset(data, 'x', sizeof(data));
	pair_open(&p);
	assert_int_equal(SSL_write(p.peer, data, sizeof(data)), sizeof(data));
	assert_int_equal(SSL_write(p.peer, data, sizeof(data)), sizeof(data));
	assert_true(let_through(&p, DATA + DATA / 2) > DATA);
	assert_int_equal(tls_read(p.tls, got, sizeof(got)), sizeof(got));
	assert_false(tls_drained(p.tls));
	assert_nothing_yet(p.tls);
	assert_true(let_through(&p, DATA) > 0);
	assert_int_equal(tls_read(p.tls, got, sizeof(got)), sizeof(got));
	pair_close(&p);
}

/* Records with new keys, and perhaps one with a byte behind them. */
static void
say_keys(struct pair *p, int n, int kind, bool byte)
{
	for (int i = 0; i < n; i++) {
		assert_int_equal(SSL_key_update(p->peer, kind), 1);
		assert_int_equal(SSL_do_handshake(p->peer), 1);
	}
	if (byte)
		assert_int_equal(SSL_write(p->peer, "x", 1), 1);
	while (let_through(p, DATA) > 0)
		continue;
}

static const int key_kinds[] = { SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED };

static void
a_few_new_keys_are_passed_over(void **state)
{
	struct pair p;
	char c;

	(void)state;
	pair_open(&p);
	for (size_t i = 0; i < 20; i++) {
		say_keys(&p, FEW, key_kinds[i % 2], true);
		assert_int_equal(tls_read(p.tls, &c, 1), 1);
	}
	say_keys(&p, FEW, SSL_KEY_UPDATE_REQUESTED, false);
	assert_nothing_yet(p.tls);
	pair_close(&p);
}

/* Else one read would last for as long as a peer is quick enough. */
static void
many_new_keys_in_a_row_end_the_connection(void **state)
{
	struct pair p;
	char c;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		pair_open(&p);
		say_keys(&p, MANY, key_kinds[i % 2], i < 2);
		assert_int_equal(tls_read(p.tls, &c, 1), -1);
		assert_int_equal(errno, EPROTO);
		pair_close(&p);
	}
	pair_open(&p);
	for (int i = 0; i < MANY / FEW - 1; i++) {	/* nor is it any better little by little */
		say_keys(&p, FEW, SSL_KEY_UPDATE_NOT_REQUESTED, false);
		if (tls_read(p.tls, &c, 1) != -1 || errno != EAGAIN)
			break;
	}
	assert_int_equal(errno, EPROTO);
	pair_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_may_come_byte_by_byte),
		cmocka_unit_test(one_record_and_a_half_come_at_once),
		cmocka_unit_test(a_few_new_keys_are_passed_over),
		cmocka_unit_test(many_new_keys_in_a_row_end_the_connection),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(60);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
