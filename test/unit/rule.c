/*
 * rule.c
 *	  Unit test of src/fields/rule.c: numbers on their limits, which are those
 *	  of the field or of its kind.
 *
 * What rule.c takes from the server stands here, in a few lines.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "lib/stringinfo.h"

#include "fields/rule.h"

/* check.h has these by other means */
#undef lengthof
#undef printf
#undef vprintf
#undef snprintf
#undef sprintf
#undef vsnprintf
#include "check.h"

char *
psprintf(const char *format,...)
{
	char	   *text = exactly(200);
	va_list		arguments;

	va_start(arguments, format);
	(void) vsnprintf(text, 200, format, arguments);
	va_end(arguments);
	return text;
}

void
initStringInfo(StringInfo out)
{
	out->data = exactly(1000);
	out->len = 0;
}

void
appendStringInfo(StringInfo out, const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	out->len += vsnprintf(out->data + out->len, 1000 - out->len, format,
						  arguments);
	va_end(arguments);
}

void
appendStringInfoString(StringInfo out, const char *text)
{
	appendStringInfo(out, "%s", text);
}

/* A decimal counts thousandths here. */
int
pb_decimal_compare(Datum number, int32 limit)
{
	int64		other = (int64) limit * 1000;

	return (DatumGetInt64(number) > other) - (DatumGetInt64(number) < other);
}

/* The last thousandth stands for a fraction that is too long. */
int
pb_decimal_digits(Datum number)
{
	return DatumGetInt64(number) % 1000 == 999 ? PB_FRACTION_MAX + 1 :
		PB_FRACTION_MAX;
}

static bool
says(const char *problem, const char *expected)
{
	return problem == NULL || expected == NULL ? problem == expected :
		strcmp(problem, expected) == 0;
}

/* where a field has limits of its own */
#define LEAST -2
#define MOST 7

static void
test_integers(void)
{
	const PbField limited[] = {
		{.name = "i", .kind = PB_INTEGER, .least = LEAST, .most = MOST},
		{.name = "l", .kind = PB_LONG, .least = LEAST, .most = MOST},
	};
	const PbField big = {.name = "b", .kind = PB_LONG};
	const PbField small = {.name = "s", .kind = PB_INTEGER};

	for (int i = 0; i < lengthof(limited); i++)
	{
		const PbField *field = &limited[i];

		CHECK(says(pb_rule_integer(field, LEAST), NULL), "%s", field->name);
		CHECK(says(pb_rule_integer(field, MOST), NULL), "%s", field->name);
		CHECK(says(pb_rule_integer(field, LEAST - 1), "must be at least -2"), "%s", field->name);
		CHECK(says(pb_rule_integer(field, MOST + 1), "must be at most 7"), "%s", field->name);
		CHECK(says(pb_rule_integer(field, PG_INT64_MAX), "must be at most 7"), "%s", field->name);
		CHECK(says(pb_rule_integer(field, PG_INT64_MIN), "must be at least -2"), "%s", field->name);
	}
	CHECK(says(pb_rule_integer(&big, PG_INT64_MAX), NULL), "all of 64 bits");
	CHECK(says(pb_rule_integer(&big, -1), "must be at least 0"), "no least is 0");
	CHECK(says(pb_rule_most(&big), "must be at most 9223372036854775807"), "its kind's");
	CHECK(says(pb_rule_most(&small), "must be at most 2147483647"), "its kind's");
}

static void
test_numbers(void)
{
	const PbField limited = {.name = "d", .kind = PB_DOUBLE, .most = 1};
	const PbField open = {.name = "o", .kind = PB_DOUBLE};
	const char *none = "must be a number that a double can hold";

	CHECK(says(pb_rule_number(&limited, 0), NULL), "the least");
	CHECK(says(pb_rule_number(&limited, 1), NULL), "the most");
	CHECK(says(pb_rule_number(&limited, -DBL_MIN), "must be at least 0"), "just below");
	CHECK(says(pb_rule_number(&limited, 1 + DBL_EPSILON), "must be at most 1"), "just above");
	CHECK(says(pb_rule_number(&limited, INFINITY), "must be at most 1"), "infinity");
	CHECK(says(pb_rule_number(&limited, -INFINITY), "must be at least 0"), "the other infinity");
	CHECK(says(pb_rule_number(&limited, NAN), "must be a number"), "none at all");
	CHECK(says(pb_rule_number(&open, 1.7976931348623157e308), NULL), "the largest");
	CHECK(says(pb_rule_number(&open, INFINITY), none), "beyond the largest");
	CHECK(says(pb_rule_number(&open, NAN), "must be a number"), "none at all");
}

static void
test_decimals(void)
{
	const PbField limited = {.name = "d", .kind = PB_DECIMAL, .most = MOST};

	CHECK(says(pb_rule_decimal(&limited, Int64GetDatum(0)), NULL), "the least");
	CHECK(says(pb_rule_decimal(&limited, Int64GetDatum(MOST * 1000)), NULL), "the most");
	CHECK(says(pb_rule_decimal(&limited, Int64GetDatum(-1)), "must be at least 0"), "just below");
	CHECK(says(pb_rule_decimal(&limited, Int64GetDatum(MOST * 1000 + 1)), "must be at most 7"), "just above");
	CHECK(says(pb_rule_decimal(&limited, Int64GetDatum(999)), "must have at most 20 digits behind the point"), "too exact");
}

int
main(void)
{
	test_integers();
	test_numbers();
	test_decimals();
	return report("rule");
}
