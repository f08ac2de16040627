/*
 * timing.c
 *	  Measures how long single calls of pgbeam.http() take.
 *
 * It measures in the backend, where there is least noise: times that look
 * alike here look alike through a network.
 */
#include "postgres.h"

#include <time.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(timing_measure);

static int64
nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64CONST(1000000000) + now.tv_nsec;
}

static Datum *
items(ArrayType *array, Oid type, int length, bool by_value, int *count)
{
	Datum	   *values;

	deconstruct_array(array, type, length, by_value, TYPALIGN_INT, &values,
					  NULL, count);
	return values;
}

/* GET, without a body. */
static int64
time_call(FmgrInfo *http, Datum uri, Datum headers)
{
	LOCAL_FCINFO(call, 4);
	int64		start;

	InitFunctionCallInfoData(*call, http, 4, InvalidOid, NULL, NULL);
	call->args[0] = (NullableDatum) {CStringGetTextDatum("GET"), false};
	call->args[1] = (NullableDatum) {uri, false};
	call->args[2] = (NullableDatum) {headers, false};
	call->args[3] = (NullableDatum) {(Datum) 0, true};
	start = nanoseconds();
	(void) FunctionCallInvoke(call);
	return nanoseconds() - start;
}

/*
 * timing.measure(http, uris, headers, schedule): the nanoseconds of a call for
 * each number in the schedule. The number is the index of its URI and headers.
 */
Datum
timing_measure(PG_FUNCTION_ARGS)
{
	MemoryContext per_call = AllocSetContextCreate(CurrentMemoryContext,
												   "timing call",
												   ALLOCSET_DEFAULT_SIZES);
	FmgrInfo	http;
	int			count;
	int			probes;
	Datum	   *uris = items(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false,
							 &probes);
	Datum	   *headers = items(PG_GETARG_ARRAYTYPE_P(2), JSONBOID, -1, false,
								&probes);
	Datum	   *schedule = items(PG_GETARG_ARRAYTYPE_P(3), INT4OID,
								 sizeof(int32), true, &count);
	Datum	   *taken = palloc(count * sizeof(Datum));

	fmgr_info(PG_GETARG_OID(0), &http);
	for (int i = 0; i < count; i++)
	{
		int			probe = DatumGetInt32(schedule[i]) - 1;
		MemoryContext before = MemoryContextSwitchTo(per_call);
		int64		time = time_call(&http, uris[probe], headers[probe]);

		MemoryContextSwitchTo(before);
		MemoryContextReset(per_call);
		taken[i] = Int32GetDatum((int32) Min(time, PG_INT32_MAX));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(taken, count, INT4OID,
										  sizeof(int32), true, TYPALIGN_INT));
}
