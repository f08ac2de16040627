/*
 * http.c
 *	  SQL functions of the folder http, other than the API's operations.
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "base/result.h"
#include "http/entry.h"
#include "http/operation.h"
#include "http/statistics.h"

PG_FUNCTION_INFO_V1(pgbeam_routes);
PG_FUNCTION_INFO_V1(pgbeam_caller);
PG_FUNCTION_INFO_V1(pgbeam_counters);

static Datum
errors_of(const PbOperation *operation)
{
	int			errors[PB_ERRORS_MAX];
	Datum		values[PB_ERRORS_MAX];
	int			count = pb_operation_errors(operation, errors);

	for (int i = 0; i < count; i++)
		values[i] = Int32GetDatum(errors[i]);
	return PointerGetDatum(construct_array(values, count, INT4OID,
										   sizeof(int32), true, TYPALIGN_INT));
}

Datum
pgbeam_routes(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"operation", TEXTOID}, {"method", TEXTOID}, {"path", TEXTOID},
		{"function", TEXTOID}, {"needs_credential", BOOLOID},
		{"writes", BOOLOID}, {"status", INT4OID}, {"errors", INT4ARRAYOID}
	};

	pb_result_begin(fcinfo, columns, lengthof(columns));
	for (int i = 0; i < PB_OPERATIONS; i++)
	{
		const PbOperation *operation = &pb_operations[i];
		Datum		values[] = {
			CStringGetTextDatum(operation->name),
			CStringGetTextDatum(operation->method),
			CStringGetTextDatum(operation->path),
			CStringGetTextDatum(operation->function),
			BoolGetDatum(!operation->is_public),
			BoolGetDatum(operation->writes),
			Int32GetDatum(operation->status),
			errors_of(operation)
		};
		bool		nulls[lengthof(values)] = {0};

		pb_result_add(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/*
 * Begins no scope of its own, which would be the innermost, and reads nothing
 * from tables.
 */
Datum
pgbeam_caller(PG_FUNCTION_ARGS)
{
	StringInfoData out;

	initStringInfo(&out);
	if (!pb_entry_caller(&out))
		PG_RETURN_NULL();
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
}

static void
add_counter(void *state, const char *metric, const char *labels, double value)
{
	Datum		values[] = {
		CStringGetTextDatum(metric),
		DirectFunctionCall1(jsonb_in, CStringGetDatum(labels)),
		Float8GetDatum(value)
	};
	bool		nulls[lengthof(values)] = {0};

	pb_result_add(state, values, nulls);
}

Datum
pgbeam_counters(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"metric", TEXTOID}, {"labels", JSONBOID}, {"value", FLOAT8OID}
	};

	pb_result_begin(fcinfo, columns, lengthof(columns));
	pb_statistics_tell(add_counter, fcinfo);
	return (Datum) 0;
}
