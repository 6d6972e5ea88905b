/* test_text - numbers and names, at the edges of every limit. */

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

/* Where a row fails, cmocka tells the line alone: tell the row, too. */
#define ROW(shown, i)	print_message("row %zu: \"%s\"\n", (i), (shown))

struct bytes {
	const char	*at;
	size_t		 len;
};
#define B(literal)	{ literal, sizeof(literal) - 1 }

static void
number(void **state)
{
	static const struct {
		struct bytes	in;
		uint64_t	max;
		int		error;
		uint64_t	want;
	} rows[] = {
		{ B("0"), UINT64_MAX, 0, 0 },
		{ B("0"), 0, 0, 0 },
		{ B("007"), 7, 0, 7 },
		{ B("8"), 7, ERANGE, 0 },
		{ B("1"), 0, ERANGE, 0 },
		{ B("9223372036854775807"), INT64_MAX, 0, INT64_MAX },
		{ B("9223372036854775808"), INT64_MAX, ERANGE, 0 },
		{ B("18446744073709551615"), UINT64_MAX, 0, UINT64_MAX },
		{ B("18446744073709551616"), UINT64_MAX, ERANGE, 0 },
		{ B("18446744073709551625"), UINT64_MAX, ERANGE,
		    0 },	/* wraps at the last digit */
		{ B("184467440737095516150"), UINT64_MAX, ERANGE, 0 },	/* wraps in the product */
		{ B("000000000000000000000000000001"), 1, 0, 1 },
		{ B(""), 9, EINVAL, 0 },
		{ B("-1"), 9, EINVAL, 0 },
		{ B("+1"), 9, EINVAL, 0 },
		{ B(" 1"), 9, EINVAL, 0 },
		{ B("1 "), 9, EINVAL, 0 },
		{ B("1\0"), 9, EINVAL, 0 },
		{ B("0x1"), 9, EINVAL, 0 },
		{ B("1e1"), 99, EINVAL, 0 },
		{ B("/"), 99, EINVAL,
		    0 },				/* the neighbours of 0 and 9 */
		{ B(":"), 99, EINVAL, 0 },
		{ B("\xb1"), 99, EINVAL, 0 },
		{ B("99999999999999999999999x"), 99, EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t n = 42;
		int ret;

		errno = 0;
		ret = text_number(&n, rows[i].in.at, rows[i].in.len, rows[i].max);
		if ((ret == 0) != (rows[i].error == 0) || errno != rows[i].error)
			ROW(rows[i].in.at, i);
		assert_int_equal(ret, rows[i].error == 0 ? 0 : -1);
		assert_int_equal(errno, rows[i].error);
		assert_true(n == (rows[i].error == 0 ? rows[i].want : 42));
	}
}

struct quantity {
	const char	*in;
	int		 error;
	int64_t		 want;
};

static void
quantities(int (*read)(int64_t *, const char *), const struct quantity *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int64_t n = -42;
		int ret;

		errno = 0;
		ret = read(&n, rows[i].in);
		if (errno != rows[i].error || (ret == 0 && n != rows[i].want))
			ROW(rows[i].in, i);
		assert_int_equal(ret, rows[i].error == 0 ? 0 : -1);
		assert_int_equal(errno, rows[i].error);
		assert_true(n == (rows[i].error == 0 ? rows[i].want : -42));
	}
}

static void
size(void **state)
{
	static const struct quantity rows[] = {
		{ "0", 0, 0 }, { "0T", 0, 0 }, { "1", 0, 1 }, { "1K", 0, 1024 },
		{ "64M", 0, 67108864 }, { "1G", 0, 1073741824 }, { "2T", 0, 2199023255552 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "9223372036854775808", ERANGE, 0 },
		{ "9007199254740991K", 0, INT64_MAX - 1023 },
		{ "9007199254740992K", ERANGE, 0 },
		{ "8388607T", 0, INT64_MAX - 1099511627775 },
		{ "8388608T", ERANGE, 0 },
		{ "", EINVAL, 0 }, { "K", EINVAL, 0 }, { "1KB", EINVAL, 0 }, { "1k", EINVAL, 0 },
		{ "1 K", EINVAL, 0 }, { " 1", EINVAL, 0 }, { "-1", EINVAL, 0 }, { "1.5G", EINVAL,
		    0 },
		{ "1KK", EINVAL, 0 }, { "1P", EINVAL, 0 },
	};

	(void)state;
	quantities(text_size, rows, ROWS(rows));
}

static void
duration(void **state)
{
	static const struct quantity rows[] = {
		{ "0", 0, 0 }, { "1", 0, 1000 }, { "1s", 0, 1000 }, { "250ms", 0, 250 },
		{ "5m", 0, 300000 }, { "2h", 0, 7200000 }, { "7d", 0, 604800000 },
		{ "9223372036854775807ms", 0, INT64_MAX },
		{ "9223372036854775", 0, 9223372036854775000 },
		{ "9223372036854776", ERANGE, 0 },
		{ "106751991167d", 0, 9223372036828800000 },
		{ "106751991168d", ERANGE, 0 },
		{ "", EINVAL, 0 }, { "ms", EINVAL, 0 }, { "5x", EINVAL, 0 }, { "5 s", EINVAL, 0 },
		{ "1h30m", EINVAL, 0 }, { "-1s", EINVAL, 0 }, { "1S", EINVAL, 0 }, { "1.5s", EINVAL,
		    0 },
	};

	(void)state;
	quantities(text_duration, rows, ROWS(rows));
}

static void
timespec_in(void **state)
{
	static const struct {
		struct bytes	in;
		int		fails;
		int64_t		sec;
		long		nsec;
	} rows[] = {
		{ B("0"), 0, 0, 0 },
		{ B("1700000000"), 0, 1700000000, 0 },
		{ B("1700000000.5"), 0, 1700000000, 500000000 },
		{ B("1.000000001"), 0, 1, 1 },
		{ B("1.999999999"), 0, 1, 999999999 },
		{ B("1.01"), 0, 1, 10000000 },
		{ B("253402300799.999999999"), 0, 253402300799, 999999999 },
		{ B("253402300800"), 1, 0, 0 },
		{ B("1.0000000000"), 1, 0, 0 },		/* ten digits */
		{ B("1."), 1, 0, 0 },
		{ B(".5"), 1, 0, 0 },
		{ B("."), 1, 0, 0 },
		{ B(""), 1, 0, 0 },
		{ B("-1"), 1, 0, 0 },
		{ B("1.-5"), 1, 0, 0 },
		{ B("1.5.5"), 1, 0, 0 },
		{ B("1,5"), 1, 0, 0 },
		{ B("1.5\0"), 1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct timespec ts = { 42, 42 };
		int ret = text_timespec(&ts, rows[i].in.at, rows[i].in.len);

		if (ret != -rows[i].fails)
			ROW(rows[i].in.at, i);
		assert_int_equal(ret, -rows[i].fails);
		assert_true(ts.tv_sec == (ret == 0 ? rows[i].sec : 42));
		assert_true(ts.tv_nsec == (ret == 0 ? rows[i].nsec : 42));
	}
}

static void
timespec_out(void **state)
{
	static const struct {
		struct timespec	 in;
		const char	*want;
	} rows[] = {
		{ { 0, 0 }, "0.000000000" },
		{ { 1, 1 }, "1.000000001" },
		{ { 1, 90 }, "1.000000090" },
		{ { 1700000000, 123456789 }, "1700000000.123456789" },
		{ { 1, 999999999 }, "1.999999999" },
		{ { 1, 100000000 }, "1.100000000" },
		{ { 253402300799, 999999999 }, "253402300799.999999999" },
		{ { 253402300800, 5 }, "253402300799.000000000" },
		{ { -1, 500000000 }, "0.000000000" },
		{ { INT64_MIN, 0 }, "0.000000000" },
		{ { INT64_MAX, 0 }, "253402300799.000000000" },
	};
	char out[32];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char *end = text_put_timespec(out, &rows[i].in);

		assert_true(end - out <= 31);
		*end = '\0';
		assert_string_equal(out, rows[i].want);
	}
}

static void
mode(void **state)
{
	static const struct {
		struct bytes	in;
		int		fails;
		unsigned	want;
	} rows[] = {
		{ B("0"), 0, 0 }, { B("644"), 0, 0644 }, { B("0644"), 0, 0644 }, { B("7777"), 0,
		    07777 },
		{ B("00000000000000000000000007777"), 0, 07777 },
		{ B("10000"), 1, 0 }, { B("777777777777777777777777"), 1, 0 },
		{ B("8"), 1, 0 }, { B("0x1"), 1, 0 }, { B(""), 1, 0 }, { B("-1"), 1, 0 },
		    { B("64 "), 1, 0 },
		{ B("/"), 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		unsigned m = 42;
		int ret = text_mode(&m, rows[i].in.at, rows[i].in.len);

		if (ret != -rows[i].fails)
			ROW(rows[i].in.at, i);
		assert_int_equal(ret, -rows[i].fails);
		assert_int_equal(m, ret == 0 ? rows[i].want : 42);
	}
}

static void
hex(void **state)
{
	static const struct {
		struct bytes	in;
		int		fails;
		uint64_t	want;
	} rows[] = {
		{ B("0"), 0, 0 }, { B("aF9"), 0, 0xaf9 }, { B("000000000000001"), 0, 1 },
		{ B("fffffffffffffff"), 0, UINT64_C(0xfffffffffffffff) },
		{ B("0000000000000001"), 1, 0 }, { B(""), 1, 0 }, { B("g"), 1, 0 }, { B("0x1"), 1, 0 },
		{ B("1 "), 1, 0 }, { B("@"), 1, 0 }, { B("`"), 1, 0 }, { B("/"), 1, 0 }, { B(":"), 1, 0 },
		{ B("1\0"), 1, 0 }, { B("\x10"), 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint64_t n = 42;
		int ret = text_hex(&n, rows[i].in.at, rows[i].in.len);

		if (ret != -rows[i].fails)
			ROW(rows[i].in.at, i);
		assert_int_equal(ret, -rows[i].fails);
		assert_int_equal(n, ret == 0 ? rows[i].want : 42);
	}
}

static void
decimal(void **state)
{
	char out[TEXT_DECIMAL_MAX + 1], want[TEXT_DECIMAL_MAX + 1];
	uint64_t power = 1;

	(void)state;
	for (int digits = 1; digits <= 20; digits++) {
		const uint64_t numbers[] = { power - 1, power, power + 1, UINT64_MAX - power,
		    power * 7 };

		for (size_t i = 0; i < ROWS(numbers); i++) {
			*text_decimal(out, numbers[i]) = '\0';
			snprintf(want, sizeof(want), "%" PRIu64, numbers[i]);
			assert_string_equal(out, want);
		}
		power *= 10;
	}
	*text_decimal(out, UINT64_MAX) = '\0';
	assert_string_equal(out, "18446744073709551615");
}

static void
octal4(void **state)
{
	char out[5], want[12];

	(void)state;
	for (unsigned m = 0; m <= 07777; m++) {
		*text_octal4(out, m) = '\0';
		snprintf(want, sizeof(want), "%04o", m);
		assert_string_equal(out, want);
	}
}

static void
encode(void **state)
{
	static const struct {
		struct bytes	 in;
		const char	*want;
	} rows[] = {
		{ B(""), "" },
		{ B("a"), "a" },
		{ B("/usr/share/doc/README"), "/usr/share/doc/README" },
		{ B("a b"), "a%20b" },
		{ B("100%"), "100%25" },
		{ B("\0\n\x1f\x20!"), "%00%0A%1F%20!" },
		{ B("~\x7f\x80\xff"), "~%7F\x80\xff" },
		{ B("eight by"), "eight%20by" },	/* the last of eight */
		{ B("12345678 "), "12345678%20" },	/* the first behind eight */
		{ B("\xa0\xa5\xff\x81\xe2\x80\xae\xc0"), "\xa0\xa5\xff\x81\xe2\x80\xae\xc0" },
		{ B("        "), "%20%20%20%20%20%20%20%20" },
	};
	char out[100];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		*text_encode(out, rows[i].in.at, rows[i].in.len) = '\0';
		assert_string_equal(out, rows[i].want);
	}
}

/* Each byte at each place of a name longer than the fast path's eight. */
static void
encode_every_byte(void **state)
{
	char name[19], out[3 * sizeof(name)], *end;

	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		int odd = c <= 0x20 || c == 0x7f || c == '%';

		for (size_t at = 0; at < sizeof(name); at++) {
			memset(name, 'x', sizeof(name));
			name[at] = (char)c;
			end = text_encode(out, name, sizeof(name));
			assert_int_equal(end - out, sizeof(name) + (odd ? 2 : 0));
			assert_int_equal(out[at], odd ? '%' : name[at]);
			assert_int_equal(text_decode(out, (size_t)(end - out)), sizeof(name));
			assert_memory_equal(out, name, sizeof(name));
		}
	}
}

static void
decode(void **state)
{
	static const struct {
		struct bytes	in;
		ptrdiff_t	len;
		const char	*want;
	} rows[] = {
		{ B(""), 0, "" },
		{ B("plain"), 5, "plain" },
		{ B("a%20b"), 3, "a b" },
		{ B("%41%4a%4A%ff"), 4, "AJJ\xff" },
		{ B("%00"), 1, "\0" },
		{ B("%2541"), 3, "%41" },		/* once, not twice */
		{ B("%"), -1, "%" },
		{ B("%4"), -1, "%4" },
		{ B("%41%"), -1, "%41%" },
		{ B("%41%4"), -1, "%41%4" },
		{ B("%4g"), -1, "%4g" },
		{ B("%g4"), -1, "%g4" },
		{ B("%%41"), -1, "%%41" },
		{ B("% 1"), -1, "% 1" },
		{ B("%-1"), -1, "%-1" },
		{ B("%@1"), -1, "%@1" },		/* @ | 0x20 is next to a */
		{ B("%\x10\x11"), -1, "%\x10\x11" },	/* | 0x20 would make digits of these */
	};
	char name[32];

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		ptrdiff_t len;

		memcpy(name, rows[i].in.at, rows[i].in.len);
		errno = 0;
		len = text_decode(name, rows[i].in.len);
		if (len != rows[i].len)
			ROW(rows[i].in.at, i);
		assert_int_equal(len, rows[i].len);
		assert_int_equal(errno, len == -1 ? EINVAL : 0);
		assert_memory_equal(name, rows[i].want, len == -1 ? rows[i].in.len : (size_t)len);
	}
}

static void
printable(void **state)
{
	static const struct {
		struct bytes	in;
		size_t		want;
	} rows[] = {
		{ B(" "), 1 }, { B("~"), 1 }, { B("\x1f"), 0 }, { B("\x7f"), 0 }, { B("\0"), 0 },
		{ B("\x80"), 0 }, { B("\xbf"), 0 }, { B("\xff"), 0 },
		{ B("\xc2\x9f"), 0 },			/* U+009F, a control character */
		{ B("\xc2\xa0"), 2 }, { B("\xdf\xbf"), 2 }, { B("\xdf"), 0 }, { B("\xdf\xc0"), 0 },
		{ B("\xc0\x80"), 0 }, { B("\xc1\xbf"), 0 },			/* overlong */
		{ B("\xe0\x9f\xbf"), 0 }, { B("\xe0\xa0\x80"), 3 },
		{ B("\xed\x9f\xbf"), 3 }, { B("\xed\xa0\x80"), 0 },		/* surrogate */
		{ B("\xef\xbf\xbf"), 3 }, { B("\xef\xbf"), 0 }, { B("\xef\xbf\x7f"), 0 },
		{ B("\xf0\x8f\xbf\xbf"), 0 }, { B("\xf0\x90\x80\x80"), 4 },
		{ B("\xf4\x8f\xbf\xbf"), 4 }, { B("\xf4\x90\x80\x80"), 0 },	/* past U+10FFFF */
		{ B("\xf5\x80\x80\x80"), 0 }, { B("\xf0\x90\x80"), 0 }, { B("\xf0\x90\x80z"), 0 },
		{ B("\xc3\xa9\xc3\xa9"), 2 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		if (text_printable(rows[i].in.at, rows[i].in.len) != rows[i].want)
			ROW(rows[i].in.at, i);
		assert_int_equal(text_printable(rows[i].in.at, rows[i].in.len), rows[i].want);
	}
}

static void
visible(void **state)
{
	static const struct {
		struct bytes	 in;
		size_t		 size;
		const char	*want;
	} rows[] = {
		{ B(""), 1, "" },
		{ B("abc"), 4, "abc" },
		{ B("abcd"), 4, "..." },
		{ B("abcde"), 5, "a..." },
		{ B("abcd"), 5, "abcd" },
		{ B("ab"), 2, "." },
		{ B("ab"), 1, "" },
		{ B("a\nb"), 64, "a\\012b" },
		{ B("a\0b"), 64, "a\\000b" },
		{ B("\\"), 64, "\\\\" },
		{ B("\x7f\xff"), 64, "\\177\\377" },
		{ B("caf\xc3\xa9"), 64, "caf\xc3\xa9" },
		{ B("\xc2\x9b"), 64, "\\302\\233" },
		{ B("abcd\xc3\xa9"), 7, "abcd\xc3\xa9" },
		{ B("abcd\xc3\xa9"), 6, "ab..." },
		{ B("\xc3\xa9\xc3\xa9\xc3\xa9"), 6, "\xc3\xa9..." },	/* no character is cut */
		{ B("\n\n\n"), 12, "\\012\\012..." },
		{ B("\n\n\n"), 13, "\\012\\012\\012" },
	};
	char *out;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		out = malloc(rows[i].size);	/* exactly: a sanitizer sees one byte too many */
		assert_non_null(out);
		assert_ptr_equal(text_visible(out, rows[i].size, rows[i].in.at, rows[i].in.len),
		    out);
		assert_string_equal(out, rows[i].want);
		free(out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(number),
		cmocka_unit_test(size),
		cmocka_unit_test(duration),
		cmocka_unit_test(timespec_in),
		cmocka_unit_test(timespec_out),
		cmocka_unit_test(mode),
		cmocka_unit_test(hex),
		cmocka_unit_test(decimal),
		cmocka_unit_test(octal4),
		cmocka_unit_test(encode),
		cmocka_unit_test(encode_every_byte),
		cmocka_unit_test(decode),
		cmocka_unit_test(printable),
		cmocka_unit_test(visible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
