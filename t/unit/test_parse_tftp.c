/* test_parse_tftp - TFTP's grammar: what is read, what is refused, what is left out; and netascii,
 * wherever a block is cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parse/netascii.h"
#include "parse/parse_tftp.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define BYTES(text)	text, sizeof(text) - 1		/* with every NUL but the last */
#define RQ(text)	BYTES("\0\1" text)
#define WQ(text)	BYTES("\0\2" text)

#define B	TFTP_GIVEN_BLKSIZE
#define T	TFTP_GIVEN_TIMEOUT
#define S	TFTP_GIVEN_TSIZE
#define W	TFTP_GIVEN_WINDOWSIZE

/* In memory of exactly its length, so that a sanitizer sees whoever goes further. */
static char *
exactly(const char *bytes, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	return copy;
}

static void
requests(void **state)
{
	static const struct {
		const char	*packet;
		size_t		 len;
		const char	*name;		/* NULL: refused */
		int		 code;		/* then; else the op */
		int		 netascii;
		unsigned	 given, blksize, timeout, window;
		uint64_t	 tsize;
	} rows[] = {
		{ RQ("f\0octet\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ WQ("/a/b\0octet\0"), "/a/b", TFTP_WRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0OcTeT\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0netascii\0"), "f", TFTP_RRQ, 1, 0, 512, 0, 1, 0 },
		{ RQ("f\0NETASCII\0"), "f", TFTP_RRQ, 1, 0, 512, 0, 1, 0 },
		{ RQ("\\a\\b\xff\0octet\0"), "\\a\\b\xff", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		/* options */
		{ RQ("f\0octet\0blksize\0001468\0"), "f", TFTP_RRQ, 0, B, 1468, 0, 1, 0 },
		{ RQ("f\0octet\0BlkSize\0001468\0"), "f", TFTP_RRQ, 0, B, 1468, 0, 1, 0 },
		{ RQ("f\0octet\0tsize\0000\0blksize\0008\0timeout\000255\0windowsize\00016\0"),
		    "f", TFTP_RRQ, 0, B | T | S | W, 8, 255, 16, 0 },
		{ WQ("f\0octet\0tsize\00018446744073709551615\0"), "f", TFTP_WRQ, 0, S, 512, 0, 1, UINT64_MAX },
		{ WQ("f\0octet\0tsize\000123\0"), "f", TFTP_WRQ, 0, S, 512, 0, 1, 123 },
		/* too large */
		{ RQ("f\0octet\0blksize\00065464\0"), "f", TFTP_RRQ, 0, B, 65464, 0, 1, 0 },
		{ RQ("f\0octet\0blksize\00065465\0"), "f", TFTP_RRQ, 0, B, 65464, 0, 1, 0 },
		{ RQ("f\0octet\0blksize\00099999999999999999999999\0"), "f", TFTP_RRQ, 0, B, 65464, 0, 1, 0 },
		{ RQ("f\0octet\0windowsize\00065536\0"), "f", TFTP_RRQ, 0, W, 512, 0, 65535, 0 },
		{ RQ("f\0octet\0windowsize\000999999999999999999999\0"), "f", TFTP_RRQ, 0, W, 512, 0, 65535, 0 },
		{ WQ("f\0octet\0tsize\000999999999999999999999\0"), "f", TFTP_WRQ, 0, S, 512, 0, 1, UINT64_MAX },
		/* left out */
		{ RQ("f\0octet\0blksize\0007\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0blksize\0000\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0blksize\000-1\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0blksize\000 512\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0blksize\0000x200\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0blksize\0\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0blksize\000"
		    "11111111111111111111111111111111111111111111111111111111111111\0"),
		    "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0timeout\0000\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0timeout\000256\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0timeout\00099999999999999999999\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0windowsize\0000\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0multicast\0\0blksize\000600\0"), "f", TFTP_RRQ, 0, B, 600, 0, 1, 0 },
		{ RQ("f\0octet\0unheard-of\0of\0unheard-of\0of\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		/* filled up */
		{ RQ("f\0octet\0\0\0\0\0\0"), "f", TFTP_RRQ, 0, 0, 512, 0, 1, 0 },
		{ RQ("f\0octet\0blksize\000600\0\0\0\0"), "f", TFTP_RRQ, 0, B, 600, 0, 1, 0 },
		/* refused */
		{ BYTES(""), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ BYTES("\0"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ BYTES("\0\3f\0octet\0"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ BYTES("\1\1f\0octet\0"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ(""), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("f"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("\0octet\0"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("f\0"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("f\0octet"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("f\0\0"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("f\0mail\0"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("f\0octets\0"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("f\0octet\0blksize"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("f\0octet\0blksize\0"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("f\0octet\0blksize\000512"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("f\0octet\0\0\0x"), NULL, TFTP_ILLEGAL, 0, 0, 0, 0, 0, 0 },
		{ RQ("f\0octet\0blksize\000512\0blksize\000512\0"), NULL, TFTP_BAD_OPTION, 0, 0, 0, 0, 0, 0 },
		{ RQ("f\0octet\0blksize\0000\0BLKSIZE\000512\0"), NULL, TFTP_BAD_OPTION, 0, 0, 0, 0, 0, 0 },
	};
	struct tftp_request rq;
	enum tftp_code code;
	const char *why;
	char *packet;
	int ret;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		packet = exactly(rows[i].packet, rows[i].len);
		why = NULL;
		ret = tftp_parse_request(&rq, packet, rows[i].len, &code, &why);
		if (rows[i].name == NULL) {
			assert_int_equal(ret, -1);
			assert_int_equal(code, rows[i].code);
			assert_non_null(why);
		} else {
			assert_int_equal(ret, 0);
			assert_string_equal(rq.name, rows[i].name);
			assert_int_equal(rq.len, strlen(rows[i].name));
			assert_int_equal(rq.op, rows[i].code);
			assert_int_equal(rq.netascii, rows[i].netascii);
			assert_int_equal(rq.given, rows[i].given);
			assert_int_equal(rq.blksize, rows[i].blksize);
			assert_int_equal(rq.timeout, rows[i].timeout);
			assert_int_equal(rq.windowsize, rows[i].window);
			assert_true(rq.tsize == rows[i].tsize);
		}
		free(packet);
	}
}

static void
longest_request(void **state)
{
	char packet[TFTP_REQUEST_MAX + 1];
	struct tftp_request rq;
	enum tftp_code code;
	const char *why;

	(void)state;
	memset(packet, 'n', sizeof(packet));
	memcpy(packet, "\0\1", 2);
	memcpy(packet + TFTP_REQUEST_MAX - 7, "\0octet", 7);
	assert_int_equal(tftp_parse_request(&rq, packet, TFTP_REQUEST_MAX, &code, &why), 0);
	assert_int_equal(rq.len, TFTP_REQUEST_MAX - 9);
	packet[TFTP_REQUEST_MAX] = '\0';
	assert_int_equal(tftp_parse_request(&rq, packet, TFTP_REQUEST_MAX + 1, &code, &why), -1);
	assert_int_equal(code, TFTP_ILLEGAL);
}

static void
packets(void **state)
{
	static const struct {
		const char	*packet;
		size_t		 len;
		int		 op;		/* 0: none */
		unsigned	 number;
		const char	*data;
	} rows[] = {
		{ BYTES("\0\3\0\1abc"), TFTP_DATA, 1, "abc" },
		{ BYTES("\0\3\377\377"), TFTP_DATA, 65535, "" },
		{ BYTES("\0\4\1\2"), TFTP_ACK, 258, "" },
		{ BYTES("\0\4\1\2 and more"), TFTP_ACK, 258, " and more" },
		{ BYTES("\0\5\0\1gone\0"), TFTP_ERROR, 1, "gone" },
		{ BYTES("\0\5\0\1gone"), TFTP_ERROR, 1, "gone" },
		{ BYTES("\0\5\0\1go\0ne"), TFTP_ERROR, 1, "go" },
		{ BYTES("\0\6"), TFTP_OACK, 0, "" },
		{ BYTES("\0\1x\0octet\0"), TFTP_RRQ, 0, "" },
		{ BYTES(""), 0, 0, NULL },
		{ BYTES("\0"), 0, 0, NULL },
		{ BYTES("\0\0\0\1"), 0, 0, NULL },
		{ BYTES("\0\7\0\1"), 0, 0, NULL },
		{ BYTES("\1\3\0\1"), 0, 0, NULL },
		{ BYTES("\0\3\0"), 0, 0, NULL },
		{ BYTES("\0\4\0"), 0, 0, NULL },
		{ BYTES("\0\5\0"), 0, 0, NULL },
	};
	struct tftp_packet p;
	char *packet;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		packet = exactly(rows[i].packet, rows[i].len);
		assert_int_equal(tftp_parse_packet(&p, packet, rows[i].len), rows[i].op == 0 ? -1 : 0);
		if (rows[i].op != 0) {
			assert_int_equal(p.op, rows[i].op);
			assert_int_equal(p.number, rows[i].number);
			assert_int_equal(p.len, strlen(rows[i].data));
			if (p.len > 0)
				assert_memory_equal(p.data, rows[i].data, p.len);
		}
		free(packet);
	}
}

static void
writers(void **state)
{
	static const char oack[] = "\0\6blksize\00065464\0timeout\000255\0"
	    "tsize\00018446744073709551615\0windowsize\00065535";
	struct tftp_request rq = { .given = B | T | S | W, .blksize = 65464, .timeout = 255,
	    .windowsize = 65535, .tsize = UINT64_MAX };
	char packet[TFTP_OACK_MAX], error[TFTP_ERROR_MAX], endless[300];

	(void)state;
	assert_int_equal(tftp_put_oack(packet, &rq), sizeof(oack));
	assert_memory_equal(packet, oack, sizeof(oack));
	rq.given = W;
	assert_int_equal(tftp_put_oack(packet, &rq), 19);
	assert_memory_equal(packet, "\0\6windowsize\00065535", 19);
	assert_int_equal(tftp_put_ack(packet, 0xabcd), 4);
	assert_memory_equal(packet, "\0\4\xab\xcd", 4);
	assert_int_equal(tftp_put_data(packet, 1), 4);
	assert_memory_equal(packet, "\0\3\0\1", 4);
	assert_int_equal(tftp_put_error(error, TFTP_FULL, "full"), 9);
	assert_memory_equal(error, "\0\5\0\3full", 9);
	memset(endless, 'x', sizeof(endless));
	endless[sizeof(endless) - 1] = '\0';
	assert_int_equal(tftp_put_error(error, TFTP_OTHER, endless), TFTP_ERROR_MAX);
	assert_int_equal(error[TFTP_ERROR_MAX - 1], '\0');
}

static const struct {
	const char	*plain;
	size_t		 plain_len;
	const char	*wire;
	size_t		 wire_len;
} texts[] = {
	{ BYTES(""), BYTES("") },
	{ BYTES("abc"), BYTES("abc") },
	{ BYTES("a\nb\n"), BYTES("a\r\nb\r\n") },
	{ BYTES("\r"), BYTES("\r\0") },
	{ BYTES("\n"), BYTES("\r\n") },
	{ BYTES("\r\n"), BYTES("\r\0\r\n") },
	{ BYTES("\r\r\n\n\0\xff\r"), BYTES("\r\0\r\0\r\n\r\n\0\xff\r\0") },
};

/* In blocks of every size, as it is read in pieces of every size. */
static void
encoding(void **state)
{
	char wire[64];
	size_t i, block, piece, at, done, want, len;

	(void)state;
	for (i = 0; i < ROWS(texts); i++)
		for (block = 1; block < 9; block++)
			for (piece = 1; piece < 9; piece++) {
				struct netascii n = NETASCII_START;

				at = done = 0;
				while (at < texts[i].plain_len || n.pending != -1) {
					const char *from = texts[i].plain + at;

					len = want = texts[i].plain_len - at < piece ? texts[i].plain_len - at : piece;
					done += netascii_encode(&n, &from, &len, wire + done, block);
					at += want - len;
					assert_true(from == texts[i].plain + at);
				}
				assert_int_equal(done, texts[i].wire_len);
				assert_memory_equal(wire, texts[i].wire, done);
			}
}

static void
decoding(void **state)
{
	static const struct {
		const char	*wire;
		size_t		 wire_len;
		const char	*plain;
		size_t		 plain_len;
	} odd[] = {
		{ BYTES("a\rb"), BYTES("a\rb") },
		{ BYTES("a\r\rb"), BYTES("a\r\rb") },
		{ BYTES("a\r\r\n"), BYTES("a\r\n") },
		{ BYTES("a\r"), BYTES("a\r") },
		{ BYTES("a\nb"), BYTES("a\nb") },
		{ BYTES("\0"), BYTES("\0") },
	};
	char plain[64];
	size_t i, cut, done;

	(void)state;
	for (i = 0; i < ROWS(texts) + ROWS(odd); i++) {
		const bool is_odd = i >= ROWS(texts);
		const char *wire = is_odd ? odd[i - ROWS(texts)].wire : texts[i].wire;
		const char *want = is_odd ? odd[i - ROWS(texts)].plain : texts[i].plain;
		size_t len = is_odd ? odd[i - ROWS(texts)].wire_len : texts[i].wire_len;
		size_t want_len = is_odd ? odd[i - ROWS(texts)].plain_len : texts[i].plain_len;

		for (cut = 0; cut <= len; cut++) {
			struct netascii n = NETASCII_START;

			done = netascii_decode(&n, wire, cut, plain);
			done += netascii_decode(&n, wire + cut, len - cut, plain + done);
			done += netascii_end(&n, plain + done);
			assert_int_equal(done, want_len);
			assert_memory_equal(plain, want, done);
			assert_int_equal(netascii_end(&n, plain), 0);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(longest_request),
		cmocka_unit_test(packets),
		cmocka_unit_test(writers),
		cmocka_unit_test(encoding),
		cmocka_unit_test(decoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
