/* test_parse_proxy - headers of proxies, whole, cut and wrong; and networks as text. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "parse/parse_cidr.h"
#include "parse/parse_proxy.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define BYTES(text)	text, sizeof(text) - 1		/* with every NUL but the last */
#define V2(text)	BYTES("\r\n\r\n\0\r\nQUIT\n" text)
#define FOUR		"\300\0\2\7" "\300\0\2\1" "\x12\x34" "\0\x50"		/* 192.0.2.7 to 192.0.2.1 */
#define SIX		"\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\7" "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1" "\x12\x34" "\0\x50"

static const char *
shown(char text[INET6_ADDRSTRLEN], const uint8_t address[CIDR_ADDRESS])
{
	struct cidr four = { .len = 0 };

	assert_int_equal(cidr_parse(&four, "0.0.0.0/0"), 0);
	return cidr_holds(&four, address) ? inet_ntop(AF_INET, address + 12, text, INET6_ADDRSTRLEN) :
	    inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
}

static void
headers(void **state)
{
	static const struct {
		const char	*bytes;
		size_t		 len;
		const char	*source;	/* NULL: refused; "": not known */
		int		 port;
	} rows[] = {
		{ BYTES("PROXY TCP4 192.0.2.7 192.0.2.1 4660 80\r\n"), "192.0.2.7", 4660 },
		{ BYTES("PROXY TCP6 2001:db8::7 2001:db8::1 65535 0\r\n"), "2001:db8::7", 65535 },
		{ BYTES("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n"), "192.0.2.7", 1 },
		{ BYTES("PROXY UNKNOWN\r\n"), "", 0 },
		{ BYTES("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), "", 0 },
		{ BYTES("PROXY TCP4 192.0.2.7 192.0.2.1 4660 80\n"), NULL, 0 },
		{ BYTES("PROXY TCP4 192.0.2.7 192.0.2.1 4660\r\n"), NULL, 0 },
		{ BYTES("PROXY TCP4 192.0.2.7 192.0.2.1 4660 80 \r\n"), NULL, 0 },
		{ BYTES("PROXY TCP4 192.0.2.7 192.0.2.1 4660 80 1\r\n"), NULL, 0 },
		{ BYTES("PROXY TCP4  192.0.2.7 192.0.2.1 4660 80\r\n"), NULL, 0 },
		{ BYTES("PROXY TCP4 192.0.2.7 192.0.2.1 65536 80\r\n"), NULL, 0 },
		{ BYTES("PROXY TCP4 192.0.2.7 192.0.2.1 04660 80\r\n"), NULL, 0 },
		{ BYTES("PROXY TCP4 192.0.2.7 192.0.2.1 -1 80\r\n"), NULL, 0 },
		{ BYTES("PROXY TCP4 192.0.2.256 192.0.2.1 1 80\r\n"), NULL, 0 },
		{ BYTES("PROXY TCP4 2001:db8::7 192.0.2.1 1 80\r\n"), NULL, 0 },
		{ BYTES("PROXY TCP6 192.0.2.7 192.0.2.1 1 80\r\n"), NULL, 0 },
		{ BYTES("PROXY TCP5 192.0.2.7 192.0.2.1 1 80\r\n"), NULL, 0 },
		{ BYTES("PROXY tcp4 192.0.2.7 192.0.2.1 1 80\r\n"), NULL, 0 },
		{ BYTES("PROXY UNKNOWN\0\r\n"), NULL, 0 },
		{ BYTES("PROXY \r\n"), NULL, 0 },
		{ V2("\x21\x11\0\xc" FOUR), "192.0.2.7", 0x1234 },
		{ V2("\x21\x21\0\x24" SIX), "2001:db8::7", 0x1234 },
		{ V2("\x21\x11\0\x10" FOUR "\4\0\1x"), "192.0.2.7", 0x1234 },	/* and what may follow */
		{ V2("\x20\x11\0\xc" FOUR), "", 0 },				/* LOCAL */
		{ V2("\x20\0\0\0"), "", 0 },
		{ V2("\x21\0\0\0"), "", 0 },					/* UNSPEC */
		{ V2("\x21\x12\0\xc" FOUR), "", 0 },				/* over UDP */
		{ V2("\x21\x11\0\xb" "\300\0\2\7" "\300\0\2\1" "\x12\x34" "\0"), NULL, 0 },
		{ V2("\x21\x21\0\xc" FOUR), NULL, 0 },
		{ V2("\x22\x11\0\xc" FOUR), NULL, 0 },
		{ V2("\x11\x11\0\xc" FOUR), NULL, 0 },
	};
	char text[INET6_ADDRSTRLEN], *copy;
	struct proxy_header h;
	size_t i, cut;

	(void)state;
	for (i = 0; i < ROWS(rows); i++) {
		copy = malloc(rows[i].len + 1);
		assert_non_null(copy);
		memcpy(copy, rows[i].bytes, rows[i].len);
		copy[rows[i].len] = 'X';	/* the first byte behind it is nobody's */
		assert_int_equal(proxy_measure(copy, rows[i].len + 1), rows[i].len);
		for (cut = 0; cut < rows[i].len; cut++)
			assert_int_equal(proxy_measure(copy, cut), 0);
		if (rows[i].source == NULL)
			assert_int_equal(proxy_parse(&h, copy, rows[i].len), -1);
		else {
			assert_int_equal(proxy_parse(&h, copy, rows[i].len), 0);
			assert_int_equal(h.known, rows[i].source[0] != '\0');
			if (h.known) {
				assert_string_equal(shown(text, h.source), rows[i].source);
				assert_int_equal(h.port, rows[i].port);
			}
		}
		free(copy);
	}
}

static void
no_headers(void **state)
{
	char endless[PROXY_MAX] = "PROXY ";

	(void)state;
	assert_int_equal(proxy_measure(BYTES("GET / HTTP/1.1\r\n")), -1);
	assert_int_equal(proxy_measure(BYTES("PROXX")), -1);
	assert_int_equal(proxy_measure(BYTES("\r\n\r\n\r\n")), -1);
	assert_int_equal(proxy_measure(V2("\x21\x11\xff\xff")), -1);
	memset(endless + 6, 'x', sizeof(endless) - 6);
	assert_int_equal(proxy_measure(endless, 106), 0);
	assert_int_equal(proxy_measure(endless, 107), -1);
	assert_int_equal(proxy_measure(endless, sizeof(endless)), -1);
}

static void
networks(void **state)
{
	static const struct {
		const char	*network;
		const char	*inside, *outside;	/* NULL: there is none; both: it is no network */
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.255", "192.0.3.0" },
		{ "192.0.2.7", "192.0.2.7", "192.0.2.6" },
		{ "192.0.2.7/32", "::ffff:192.0.2.7", "192.0.2.8" },
		{ "192.0.2.128/25", "192.0.2.128", "192.0.2.127" },
		{ "0.0.0.0/0", "255.255.255.255", "2001:db8::1" },
		{ "::/0", "192.0.2.1", NULL },
		{ "::1", "::1", "::2" },
		{ "2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::" },
		{ "2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::" },
		{ "192.0.2.7/24", NULL, NULL },
		{ "192.0.2.0/33", NULL, NULL },
		{ "2001:db8::/129", NULL, NULL },
		{ "192.0.2.0/", NULL, NULL },
		{ "192.0.2.0/-1", NULL, NULL },
		{ "192.0.2.0/2 4", NULL, NULL },
		{ "192.0.2/24", NULL, NULL },
		{ "localhost", NULL, NULL },
		{ "/24", NULL, NULL },
		{ "", NULL, NULL },
		{ "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111", NULL, NULL },
	};
	struct cidr c, other;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(rows); i++) {
		assert_int_equal(cidr_parse(&c, rows[i].network), rows[i].inside != NULL ? 0 : -1);
		if (rows[i].inside != NULL) {
			assert_int_equal(cidr_parse(&other, rows[i].inside), 0);
			assert_true(cidr_holds(&c, other.address));
		}
		if (rows[i].outside != NULL) {
			assert_int_equal(cidr_parse(&other, rows[i].outside), 0);
			assert_false(cidr_holds(&c, other.address));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(no_headers),
		cmocka_unit_test(networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
