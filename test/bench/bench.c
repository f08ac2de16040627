/*
 * bench.c
 *	  Two loops in the backend, and their cost: CPU time, WAL and, under
 *	  callgrind, instructions.
 *
 * Each goes through the rows of a query, "ready", whose columns are the input
 * of one turn. Everything a loop needs is made before its clock starts.
 */
#include "postgres.h"

#include <sys/resource.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#if defined(__has_include)
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif
#endif
#ifndef CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_DUMP_STATS_AT(name) ((void) (name))
#endif

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(bench_call);
PG_FUNCTION_INFO_V1(bench_run);

/* as src/resources/project.c and src/resources/way.c have it */
#define COUNT "/* pgbeam */ SELECT pg_catalog.count(*) FROM "
#define COUNT_FEW "LIMIT 1001"

extern PGDLLEXPORT void _PG_init(void);

static bool skips_total;
static uint64 statements;		/* that have begun */
static ExecutorStart_hook_type next_executor_start;

typedef struct Clock
{
	double		cpu_us;
	uint64		wal_bytes;
	uint64		statements;
} Clock;

/* The rows of a loop: their values and SPI's nulls, side by side. */
typedef struct Ready
{
	TupleDesc	columns;
	int			calls;
	int			width;
	Datum	   *values;
	char	   *nulls;
} Ready;

/* A kept statement and its slice of the columns that are ready for it. */
typedef struct Statement
{
	SPIPlanPtr	plan;
	int			first;
} Statement;

static double
cpu_us(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
		usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static Clock
start_clock(void)
{
	Clock		clock = {
		.statements = statements, .wal_bytes = pgWalUsage.wal_bytes,
		.cpu_us = cpu_us()
	};

	CALLGRIND_START_INSTRUMENTATION;
	return clock;
}

static Clock
stop_clock(Clock start)
{
	CALLGRIND_STOP_INSTRUMENTATION;
	return (Clock) {
		.cpu_us = cpu_us() - start.cpu_us,
		.wal_bytes = pgWalUsage.wal_bytes - start.wal_bytes,
		.statements = statements - start.statements
	};
}

/* The cost of one call as the row (cpu_us, wal_bytes, statements). */
static Datum
cost_per_call(FunctionCallInfo fcinfo, Clock cost, int calls)
{
	TupleDesc	descriptor;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	CALLGRIND_DUMP_STATS_AT(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "the result must be a row");
	values[0] = Float8GetDatum(cost.cpu_us / calls);
	values[1] = Float8GetDatum((double) cost.wal_bytes / calls);
	values[2] = Float8GetDatum((double) cost.statements / calls);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor),
											 values, nulls));
}

/* Makes the rows of a loop, in SPI's memory. */
static Ready
make_ready(text *query)
{
	Ready		ready;
	SPITupleTable *rows;
	bool	   *isnull;

	if (SPI_execute(text_to_cstring(query), false, 0) != SPI_OK_SELECT)
		elog(ERROR, "what a loop needs cannot be read");
	rows = SPI_tuptable;
	ready.columns = rows->tupdesc;
	ready.calls = rows->numvals;
	ready.width = rows->tupdesc->natts;
	ready.values = palloc(ready.calls * ready.width * sizeof(Datum));
	ready.nulls = palloc(ready.calls * ready.width);
	isnull = palloc(ready.width * sizeof(bool));
	for (int i = 0; i < ready.calls; i++)
	{
		heap_deform_tuple(rows->vals[i], rows->tupdesc,
						  ready.values + i * ready.width, isnull);
		for (int c = 0; c < ready.width; c++)
			ready.nulls[i * ready.width + c] = isnull[c] ? 'n' : ' ';
	}
	return ready;
}

/*
 * bench.call(variant, function, ready): calls the function with each row the
 * way the executor does. It uses the function manager, so that SECURITY
 * DEFINER and SET hold, and a memory context that is reset after each call.
 */
Datum
bench_call(PG_FUNCTION_ARGS)
{
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	MemoryContext per_call = AllocSetContextCreate(CurrentMemoryContext,
												   "bench call",
												   ALLOCSET_DEFAULT_SIZES);
	MemoryContext before;
	FmgrInfo	function;
	Ready		ready;
	Clock		clock;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	fmgr_info(PG_GETARG_OID(1), &function);
	ready = make_ready(PG_GETARG_TEXT_PP(2));
	if (ready.width != function.fn_nargs)
		elog(ERROR, "%d columns are ready for %d arguments", ready.width,
			 function.fn_nargs);
	InitFunctionCallInfoData(*call, &function, ready.width, InvalidOid, NULL,
							 NULL);
	before = MemoryContextSwitchTo(per_call);
	clock = start_clock();
	for (int i = 0; i < ready.calls; i++)
	{
		for (int c = 0; c < ready.width; c++)
		{
			call->args[c].value = ready.values[i * ready.width + c];
			call->args[c].isnull = ready.nulls[i * ready.width + c] == 'n';
		}
		call->isnull = false;
		(void) FunctionCallInvoke(call);
		MemoryContextReset(per_call);
	}
	clock = stop_clock(clock);
	MemoryContextSwitchTo(before);
	SPI_finish();
	return cost_per_call(fcinfo, clock, ready.calls);
}

/* The kept plan of this text, made once per backend. */
static SPIPlanPtr
kept_plan(const char *text, int nargs, Oid *types)
{
	static struct
	{
		char	   *text;
		SPIPlanPtr	plan;
	}			kept[32];

	for (int i = 0; i < (int) lengthof(kept); i++)
	{
		if (kept[i].text == NULL)
		{
			kept[i].plan = SPI_prepare_cursor(text, nargs, types,
											  CURSOR_OPT_GENERIC_PLAN);
			if (kept[i].plan == NULL || SPI_keepplan(kept[i].plan) != 0)
				elog(ERROR, "cannot prepare \"%s\"", text);
			kept[i].text = MemoryContextStrdup(TopMemoryContext, text);
		}
		if (strcmp(kept[i].text, text) == 0)
			return kept[i].plan;
	}
	elog(ERROR, "too many statements");
}

/* Prepares each statement for the next columns, as many as its width. */
static int
prepare_statements(ArrayType *texts, ArrayType *widths, TupleDesc columns,
				   Statement **statements)
{
	Oid		   *types = palloc(columns->natts * sizeof(Oid));
	Datum	   *text_items;
	Datum	   *width_items;
	int			count;
	int			first = 0;

	/* Base types, because the statement itself runs the checks of a domain. */
	for (int i = 0; i < columns->natts; i++)
		types[i] = getBaseType(SPI_gettypeid(columns, i + 1));
	deconstruct_array(texts, TEXTOID, -1, false, TYPALIGN_INT, &text_items,
					  NULL, &count);
	deconstruct_array(widths, INT4OID, 4, true, TYPALIGN_INT, &width_items,
					  NULL, &count);
	*statements = palloc(count * sizeof(Statement));
	for (int i = 0; i < count; i++)
	{
		int			width = DatumGetInt32(width_items[i]);

		(*statements)[i].first = first;
		(*statements)[i].plan = kept_plan(TextDatumGetCString(text_items[i]),
										  width, types + first);
		first += width;
	}
	if (first != columns->natts)
		elog(ERROR, "%d columns are ready for %d parameters",
			 columns->natts, first);
	return count;
}

static void
run(const Statement *statement, Datum *values, const char *nulls, bool reads,
	uint64 rows)
{
	if (SPI_execute_plan(statement->plan, values + statement->first,
						 nulls + statement->first, reads, 0) < 0 ||
		SPI_processed != rows)
		elog(ERROR, "a statement of the limit had " UINT64_FORMAT " rows",
			 SPI_processed);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * bench.run(variant, ready, statements, widths, reads, rows): runs the
 * statements for each ready row. The row's columns are the parameters of the
 * first statement, then of the second, and so on; each statement has this many
 * rows. SPI is opened once for the whole loop, which is the least possible
 * cost.
 */
Datum
bench_run(PG_FUNCTION_ARGS)
{
	bool		reads = PG_GETARG_BOOL(4);
	uint64		rows = PG_GETARG_INT32(5);
	Statement  *statements;
	Ready		ready;
	int			count;
	Clock		clock;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	ready = make_ready(PG_GETARG_TEXT_PP(1));
	count = prepare_statements(PG_GETARG_ARRAYTYPE_P(2),
							   PG_GETARG_ARRAYTYPE_P(3),
							   ready.columns, &statements);
	clock = start_clock();
	for (int i = 0; i < ready.calls; i++)
		for (int s = 0; s < count; s++)
			run(&statements[s], ready.values + i * ready.width,
				ready.nulls + i * ready.width, reads, rows);
	clock = stop_clock(clock);
	SPI_finish();
	return cost_per_call(fcinfo, clock, ready.calls);
}

/* Whether it counts what a list has; with filters a page may count too. */
static bool
is_total(const char *text)
{
	return strncmp(text, COUNT, strlen(COUNT)) == 0 &&
		strstr(text, COUNT_FEW) == NULL;
}

/*
 * Counts statements. A list's total may be measured on its own: then it counts
 * for an organization that is null, which no row has.
 */
static void
start_executor(QueryDesc *query, int eflags)
{
	statements++;
	if (skips_total && is_total(query->sourceText))
		query->params->params[0].isnull = true;
	(next_executor_start != NULL ? next_executor_start :
	 standard_ExecutorStart) (query, eflags);
}

void
_PG_init(void)
{
	DefineCustomBoolVariable("bench.skips_total",
							 "Whether the total of a list counts nothing.",
							 NULL, &skips_total, false, PGC_USERSET, 0, NULL,
							 NULL, NULL);
	next_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = start_executor;
}
