/*
 * instant.c
 *	  Unit test of src/base/instant.c: every day of the years 1 to 9999 against
 *	  the C library, and what is no instant.
 */
#include <time.h>

#include "check.h"
#include "base/instant.h"

#define MICROSECONDS INT64_C(1000000)
#define YEAR_2000 INT64_C(946684800)	/* as Unix counts */

static bool
read_text(const char *text, int64_t *microseconds)
{
	size_t		length = strlen(text);
	char	   *bytes = exactly(length);
	bool		is_read;

	memcpy(bytes, text, length);
	is_read = pb_instant_read(bytes, length, microseconds);
	free(bytes);
	return is_read;
}

static void
test_every_day(void)
{
	struct tm	tm = {.tm_year = 1 - 1900, .tm_mday = 1};
	time_t		day = timegm(&tm);
	int			days = 0;

	for (; gmtime_r(&day, &tm)->tm_year + 1900 < 10000; day += 86400, days++)
	{
		char		text[64];
		int64_t		read = 0;

		snprintf(text, sizeof(text), "%04d-%02d-%02dT00:00:00Z",
				 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
		CHECK(read_text(text, &read) &&
			  read == ((int64_t) day - YEAR_2000) * MICROSECONDS, "%s", text);
	}
	CHECK(days == 3652059, "%d days", days);
}

static const struct
{
	const char *text;
	int64_t		microseconds;
}			instants[] =
{
	{"2000-01-01T00:00:00Z", 0},
	{"2000-01-01t00:00:00z", 0},
	{"2000-01-01T00:00:01.5Z", 1500000},
	{"2000-01-01T00:00:00.000001Z", 1},
	{"2000-01-01T00:00:00.0000019Z", 1},
	{"2000-01-01T00:00:00.000000000000000000000000000001Z", 0},
	{"1999-12-31T23:59:59.999999Z", -1},
	{"2000-01-01T01:00:00+01:00", 0},
	{"1999-12-31T23:30:00-00:30", 0},
	{"2000-01-01T00:00:00-00:00", 0},
	{"2000-01-01T23:59:00+23:59", 0},
	{"1999-12-31T23:59:60Z", 0},
	{"2000-02-29T00:00:00Z", 59 * 86400 * MICROSECONDS},
	{"0001-01-01T00:00:00Z", INT64_C(-63082281600) * MICROSECONDS},
	{"0001-01-01T01:00:00+01:00", INT64_C(-63082281600) * MICROSECONDS},
	{"9999-12-31T23:59:59.999999Z", INT64_C(252455615999999999)},
};

static const char *const others[] = {
	"", "2", "2000-01-01", "2000-01-01T00:00:00", "2000-01-01 00:00:00Z",
	"2000-01-01T00:00Z", "2000-01-01T00:00:00.Z", "2000-01-01T00:00:00,5Z",
	"2000-01-01T00:00:00+0100", "2000-01-01T00:00:00+01",
	"2000-01-01T00:00:00 Z", "2000-01-01T00:00:00ZZ", " 2000-01-01T00:00:00Z",
	"2000-1-01T00:00:00Z", "20000-01-01T00:00:00Z", "+2000-01-01T00:00:00Z",
	"-200-01-01T00:00:00Z", "2000-13-01T00:00:00Z", "2000-00-01T00:00:00Z",
	"2000-01-00T00:00:00Z", "2000-01-32T00:00:00Z", "2000-04-31T00:00:00Z",
	"2001-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2000-02-30T00:00:00Z",
	"2000-01-01T24:00:00Z", "2000-01-01T00:60:00Z", "2000-01-01T00:00:61Z",
	"2000-01-01T00:00:00+24:00", "2000-01-01T00:00:00+00:60",
	"2000-01-01T00:00:00*00:00", "0000-01-01T00:00:00Z",
	"0001-01-01T00:00:00+00:01", "9999-12-31T23:59:00-00:01",
	"9999-12-31T23:59:60Z", "now", "infinity", "2000-01-01T00:00:00\xc2\xa0Z",
};

static void
test_forms(void)
{
	int64_t		read;

	for (int i = 0; i < lengthof(instants); i++)
		CHECK(read_text(instants[i].text, &read) &&
			  read == instants[i].microseconds, "%s", instants[i].text);
	for (int i = 0; i < lengthof(others); i++)
		CHECK(!read_text(others[i], &read), "%s", others[i]);
}

/* What is cut off anywhere is none, and no byte behind it is read. */
static void
test_cuts(void)
{
	const char *whole = "2026-01-15T09:30:00.123+01:00";
	char		cut[64];
	int64_t		read;

	CHECK(read_text(whole, &read), "%s", whole);
	for (size_t length = 0; length < strlen(whole); length++)
	{
		memcpy(cut, whole, length);
		cut[length] = '\0';
		CHECK(!read_text(cut, &read), "%s", cut);
	}
}

int
main(void)
{
	test_every_day();
	test_forms();
	test_cuts();
	return report("instant");
}
