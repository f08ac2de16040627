/*
 * decimal.c
 *	  Numbers with a fraction that are kept as they were given. A double was
 *	  rejected for amounts of money: it changes most of them a little.
 */
#include "postgres.h"

#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "base/decimal.h"
#include "base/own.h"

static bool
is_finite(Datum number)
{
	return !numeric_is_nan(DatumGetNumeric(number)) &&
		!numeric_is_inf(DatumGetNumeric(number));
}

/* The number without zeros at the end of its fraction. */
Datum
pb_decimal_trim(Datum number)
{
	return DirectFunctionCall1(numeric_trim_scale, number);
}

/* Less than, equal to or greater than 0, as the number is to the limit. */
int
pb_decimal_compare(Datum number, int32 limit)
{
	Datum		other = NumericGetDatum(int64_to_numeric(limit));

	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, number, other));
}

/* How many digits the fraction needs. What is no finite number needs most. */
int
pb_decimal_digits(Datum number)
{
	return is_finite(number) ?
		DatumGetInt32(DirectFunctionCall1(numeric_min_scale, number)) :
		PG_INT32_MAX;
}

bool
pb_decimal_is_same(Datum a, Datum b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, a, b));
}

/* An owner may have dropped the table's CHECK, so the number is checked. */
void
pb_decimal_print(StringInfo out, Datum number)
{
	if (!is_finite(number))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("number out of range")));
	appendStringInfoString(out,
						   DatumGetCString(DirectFunctionCall1(numeric_out,
															   number)));
}
