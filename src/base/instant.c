/*
 * instant.c
 *	  Instants as RFC 3339 spells them.
 *
 * To use the server's input function was rejected: it raises errors, and
 * accepts 'yesterday'.
 */
#include "base/instant.h"

#define SECONDS_A_DAY 86400
#define MICROSECONDS 1000000

/* Days are counted from 1 March of the year 0. */
#define DAYS_TO_2000 730425
#define DAYS_TO_1 306
#define DAYS_TO_10000 3652365

typedef struct Reader
{
	const char *at;
	const char *end;
} Reader;

/* Reads a number of so many digits, and checks that it is not too large. */
static bool
read_number(Reader *reader, int digits, int most, int *number)
{
	*number = 0;
	for (; digits > 0; digits--, reader->at++)
	{
		if (reader->at == reader->end || *reader->at < '0' ||
			*reader->at > '9')
			return false;
		*number = 10 * *number + (*reader->at - '0');
	}
	return *number <= most;
}

/* Reads one character; letters may be of either case. */
static bool
read_mark(Reader *reader, char mark)
{
	if (reader->at == reader->end ||
		(*reader->at != mark &&
		 !(mark >= 'A' && mark <= 'Z' && *reader->at == mark + ('a' - 'A'))))
		return false;
	reader->at++;
	return true;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};
	bool		leaps = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leaps);
}

/* Counts years from March, so that a leap day is the last of its year. */
static int
count_days(int year, int month, int day)
{
	int			from_march = (month + 9) % 12;

	if (month < 3)
		year--;
	return 365 * year + year / 4 - year / 100 + year / 400 +
		(153 * from_march + 2) / 5 + day - 1;
}

static bool
read_date(Reader *reader, int *days)
{
	int			year;
	int			month;
	int			day;

	if (!read_number(reader, 4, 9999, &year) || !read_mark(reader, '-') ||
		!read_number(reader, 2, 12, &month) || !read_mark(reader, '-') ||
		!read_number(reader, 2, 31, &day))
		return false;
	if (year < 1 || month < 1 || day < 1 || day > days_of_month(year, month))
		return false;
	*days = count_days(year, month, day);
	return true;
}

/* Reads seconds of the day. A leap second begins the next minute. */
static bool
read_time(Reader *reader, int *seconds)
{
	int			hour;
	int			minute;
	int			second;

	if (!read_number(reader, 2, 23, &hour) || !read_mark(reader, ':') ||
		!read_number(reader, 2, 59, &minute) || !read_mark(reader, ':') ||
		!read_number(reader, 2, 60, &second))
		return false;
	*seconds = 3600 * hour + 60 * minute + second;
	return true;
}

/* Reads the fraction of a second, if there is one, as microseconds. */
static bool
read_fraction(Reader *reader, int *fraction)
{
	const char *first;
	int			unit = MICROSECONDS / 10;

	*fraction = 0;
	if (!read_mark(reader, '.'))
		return true;
	first = reader->at;
	for (; reader->at < reader->end && *reader->at >= '0' &&
		 *reader->at <= '9'; reader->at++)
	{
		*fraction += unit * (*reader->at - '0');
		unit /= 10;
	}
	return reader->at > first;
}

/* Reads by how many seconds the time is ahead of UTC. */
static bool
read_offset(Reader *reader, int *seconds)
{
	bool		is_behind;
	int			hour;
	int			minute;

	*seconds = 0;
	if (read_mark(reader, 'Z'))
		return true;
	is_behind = read_mark(reader, '-');
	if ((!is_behind && !read_mark(reader, '+')) ||
		!read_number(reader, 2, 23, &hour) || !read_mark(reader, ':') ||
		!read_number(reader, 2, 59, &minute))
		return false;
	*seconds = (is_behind ? -1 : 1) * (3600 * hour + 60 * minute);
	return true;
}

bool
pb_instant_read(const char *text, size_t length, int64_t *microseconds)
{
	Reader		reader = {text, text + length};
	int			days;
	int			seconds;
	int			fraction;
	int			offset;
	int64_t		since;			/* seconds, from where days are counted */

	if (!read_date(&reader, &days) || !read_mark(&reader, 'T') ||
		!read_time(&reader, &seconds) || !read_fraction(&reader, &fraction) ||
		!read_offset(&reader, &offset) || reader.at != reader.end)
		return false;
	since = (int64_t) days * SECONDS_A_DAY + seconds - offset;
	if (since < (int64_t) DAYS_TO_1 * SECONDS_A_DAY ||
		since >= (int64_t) DAYS_TO_10000 * SECONDS_A_DAY)
		return false;
	since -= (int64_t) DAYS_TO_2000 * SECONDS_A_DAY;
	*microseconds = since * MICROSECONDS + fraction;
	return true;
}
