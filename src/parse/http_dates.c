/* http_dates - the dates of HTTP, written and read; without the C library's, which know
 * locales and time zones. */

#include <string.h>

#include "base/text.h"
#include "parse/http_values.h"
#include "parse/words.h"

#define DAY		86400
#define YEAR_0		INT64_C(-62167219200)	/* the first second of the years 0 */
#define YEAR_1		INT64_C(-62135596800)	/* and 1, */
#define YEAR_9999	INT64_C(253402300799)	/* and the last of 9999 */

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Days from 1970-01-01 to the first of March of a year, by the Gregorian calendar: leap days
 * then come at the end of a year. */
static int64_t
days_to_march(int64_t year)
{
	return year * 365 + year / 4 - year / 100 + year / 400 - 719468;
}

/* Days from the first of March to the first of a month, counted from March as 0. */
static int
days_in_year(int month)
{
	return (153 * month + 2) / 5;
}

static char *
two(char *dst, int n)
{
	dst[0] = (char)('0' + n / 10);
	dst[1] = (char)('0' + n % 10);
	return dst + 2;
}

struct parts {
	int	year, month, date, hour, minute, second;
	int	day;		/* of the week, from Sunday */
};

static void
split(struct parts *p, time_t time)
{
	int64_t t = time < YEAR_1 ? YEAR_1 : time > YEAR_9999 ? YEAR_9999 : time;
	int64_t day = (t - YEAR_0) / DAY, since = day - 719528, year;
	int second = (int)((t - YEAR_0) % DAY), month, date;

	/* A first guess at the year, which is at most one too high. */
	year = (since + 719468) * 400 / 146097 + 1;
	while (days_to_march(year) > since)
		year--;
	date = (int)(since - days_to_march(year));
	for (month = 11; days_in_year(month) > date; month--)
		;
	p->year = (int)year + (month >= 10);
	p->month = (month + 2) % 12;
	p->date = date - days_in_year(month) + 1;
	p->day = (int)((day + 6) % 7);
	p->hour = second / 3600;
	p->minute = second / 60 % 60;
	p->second = second % 60;
}

char *
http_put_date(char *dst, time_t time)
{
	struct parts p;

	split(&p, time);
	memcpy(dst, days + p.day * 3, 3);
	memcpy(dst + 3, ", ", 2);
	dst = two(dst + 5, p.date);
	*dst++ = ' ';
	memcpy(dst, months + p.month * 3, 3);
	dst[3] = ' ';
	dst = two(two(dst + 4, p.year / 100), p.year % 100);
	*dst++ = ' ';
	dst = two(dst, p.hour);
	*dst++ = ':';
	dst = two(dst, p.minute);
	*dst++ = ':';
	dst = two(dst, p.second);
	memcpy(dst, " GMT", 4);
	return dst + 4;
}

char *
http_put_minute(char *dst, time_t time, char between)
{
	struct parts p;

	split(&p, time);
	dst = two(two(dst, p.year / 100), p.year % 100);
	*dst++ = '-';
	dst = two(dst, p.month + 1);
	*dst++ = '-';
	dst = two(dst, p.date);
	*dst++ = between;
	dst = two(dst, p.hour);
	*dst++ = ':';
	return two(dst, p.minute);
}

char *
http_put_stamp(char *dst, const struct timespec *time)
{
	int second = (int)((time->tv_sec % 60 + 60) % 60);
	long ns = time->tv_nsec;

	dst = http_put_minute(dst, time->tv_sec, 'T');
	*dst++ = ':';
	dst = two(dst, second);
	*dst++ = '.';
	for (int i = 8; i >= 0; i--, ns /= 10)
		dst[i] = (char)('0' + ns % 10);
	dst[9] = 'Z';
	return dst + 10;
}

/* Reads on in a date; all of these tell by false that it is none. */
struct reader {
	const char	*at, *end;
};

static bool
literal(struct reader *r, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, text, len) != 0)
		return false;
	r->at += len;
	return true;
}

static bool
digits(struct reader *r, size_t n, int *value)
{
	uint64_t number;

	if ((size_t)(r->end - r->at) < n || text_number(&number, r->at, n, 9999) == -1)
		return false;
	r->at += n;
	*value = (int)number;
	return true;
}

/* One of the words of three letters in `list`; its number from 0. */
static bool
word(struct reader *r, const char *list, int *which)
{
	size_t i;

	if (r->end - r->at < 3)
		return false;
	for (i = 0; list[3 * i] != '\0'; i++)
		if (memcmp(r->at, list + 3 * i, 3) == 0) {
			r->at += 3;
			*which = (int)i;
			return true;
		}
	return false;
}

static bool
clock_of(struct reader *r, struct parts *p)
{
	return digits(r, 2, &p->hour) && literal(r, ":") && digits(r, 2, &p->minute) && literal(r, ":") &&
	    digits(r, 2, &p->second);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", behind the day. */
static bool
fixed(struct reader *r, struct parts *p)
{
	return literal(r, ", ") && digits(r, 2, &p->date) && literal(r, " ") && word(r, months, &p->month) &&
	    literal(r, " ") && digits(r, 4, &p->year) && literal(r, " ") && clock_of(r, p) && literal(r, " GMT");
}

/* "Sunday, 06-Nov-94 08:49:37 GMT", behind the first letters of the day. */
static bool
rfc850(struct reader *r, struct parts *p)
{
	while (r->at < r->end && *r->at >= 'a' && *r->at <= 'z')
		r->at++;
	if (!literal(r, ", ") || !digits(r, 2, &p->date) || !literal(r, "-") || !word(r, months, &p->month) ||
	    !literal(r, "-") || !digits(r, 2, &p->year) || !literal(r, " ") || !clock_of(r, p))
		return false;
	p->year += p->year < 70 ? 2000 : 1900;
	return literal(r, " GMT");
}

/* "Sun Nov  6 08:49:37 1994", behind the day. */
static bool
asctime_of(struct reader *r, struct parts *p)
{
	return literal(r, " ") && word(r, months, &p->month) && literal(r, " ") &&
	    (literal(r, " ") ? digits(r, 1, &p->date) : digits(r, 2, &p->date)) && literal(r, " ") &&
	    clock_of(r, p) && literal(r, " ") && digits(r, 4, &p->year);
}

static bool
is_date(const struct parts *p)
{
	static const char last[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = p->year % 4 == 0 && (p->year % 100 != 0 || p->year % 400 == 0);

	return p->year >= 1 && p->date >= 1 && p->date <= last[p->month] + (leap && p->month == 1) && p->hour <= 23 &&
	    p->minute <= 59 && p->second <= 60;
}

int
http_date_parse(time_t *time, struct http_text text)
{
	struct reader begin, r;
	struct parts p = { .year = 0 };
	int day, month, year;

	if (text.at == NULL)
		return -1;
	begin = (struct reader){ text.at, text.at + text.len };
	if (!word(&begin, days, &day))
		return -1;
	r = begin;
	if (!fixed(&r, &p) && (r = begin, !rfc850(&r, &p)) && (r = begin, !asctime_of(&r, &p)))
		return -1;
	if (r.at != r.end || !is_date(&p))
		return -1;
	month = (p.month + 10) % 12;	/* counted from March, of the year in which that was */
	year = p.year - (p.month < 2);
	*time = (time_t)((days_to_march(year) + days_in_year(month) + p.date - 1) * DAY +
	    p.hour * 3600 + p.minute * 60 + p.second);
	return 0;
}
