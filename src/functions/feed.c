/*
 * feed.c
 *	  SQL functions of the folder feed: the changes, their consumers, and what
 *	  holds them back.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/result.h"
#include "base/sql.h"
#include "feed/consumer.h"
#include "feed/feed.h"
#include "functions/administration.h"
#include "http/entry.h"

PG_FUNCTION_INFO_V1(pgbeam_read_changes);
PG_FUNCTION_INFO_V1(pgbeam_subscribe);
PG_FUNCTION_INFO_V1(pgbeam_next_changes);
PG_FUNCTION_INFO_V1(pgbeam_confirm);
PG_FUNCTION_INFO_V1(pgbeam_unsubscribe);
PG_FUNCTION_INFO_V1(pgbeam_feed_hold);

/* The columns of a change that was read. */
static const PbColumn change_columns[] = {
	{"token", TEXTOID}, {"org_id", TEXTOID}, {"resource", TEXTOID},
	{"resource_id", TEXTOID}, {"action", TEXTOID}, {"actor", TEXTOID},
	{"actor_kind", TEXTOID}, {"request_id", TEXTOID}, {"detail", JSONOID},
	{"changed_at", TIMESTAMPTZOID}
};

/* Only EXECUTE guards these two. */
Datum
pgbeam_read_changes(PG_FUNCTION_ARGS)
{
	int32		max_rows = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	PbFaults	faults = {0};
	PbSqlScope	scope;

	pb_result_begin(fcinfo, change_columns, lengthof(change_columns));
	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	if (!pb_feed_read(pb_entry_text(fcinfo, 0), max_rows, &faults))
		pb_fault_throw(&faults);
	pb_result_add_all(fcinfo, SPI_tuptable);
	pb_sql_end(&scope);
	return (Datum) 0;
}

/*
 * Begins a call about a consumer, and reads its first arguments. Only EXECUTE
 * guards these, but no HTTP request gets here: a client of one organization
 * must not move the place of all.
 */
static void
begin(FunctionCallInfo fcinfo, PbSqlScope *scope, PbJson *arguments, int count)
{
	PbFaults	faults = {0};

	pb_sql_begin(scope, fcinfo->flinfo->fn_oid);
	if (pb_entry_manner() != PB_SQL)
	{
		pb_fault_set(&faults, PB_UNAUTHORIZED,
					 "this is not done on behalf of HTTP requests",
					 "The session has request.method set.");
		pb_fault_throw(&faults);
	}
	pb_administration_arguments(fcinfo, arguments, count);
}

Datum
pgbeam_subscribe(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbJson		arguments[2];
	PbSqlScope	scope;
	const char *token;
	text	   *result = NULL;

	begin(fcinfo, &scope, arguments, lengthof(arguments));
	token = pb_consumer_subscribe(arguments, &faults);
	if (token != NULL)
	{
		Size		size = VARHDRSZ + strlen(token);

		result = SPI_palloc(size);
		SET_VARSIZE(result, size);
		memcpy(VARDATA(result), token, size - VARHDRSZ);
	}
	pb_administration_end(&scope, &faults);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

Datum
pgbeam_next_changes(PG_FUNCTION_ARGS)
{
	int32		max_rows = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	PbFaults	faults = {0};
	PbJson		name;
	PbSqlScope	scope;

	pb_result_begin(fcinfo, change_columns, lengthof(change_columns));
	begin(fcinfo, &scope, &name, 1);
	if (pb_consumer_next(&name, max_rows, &faults))
		pb_result_add_all(fcinfo, SPI_tuptable);
	pb_administration_end(&scope, &faults);
	return (Datum) 0;
}

Datum
pgbeam_confirm(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbJson		arguments[2];
	PbSqlScope	scope;

	begin(fcinfo, &scope, arguments, lengthof(arguments));
	pb_consumer_confirm(arguments, &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_VOID();
}

Datum
pgbeam_unsubscribe(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbJson		name;
	PbSqlScope	scope;

	begin(fcinfo, &scope, &name, 1);
	pb_consumer_unsubscribe(&name, &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_VOID();
}

Datum
pgbeam_feed_hold(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"waiting_since", TIMESTAMPTZOID}, {"is_long", BOOLOID},
		{"held_since", TIMESTAMPTZOID}, {"pid", INT4OID}, {"prepared", TEXTOID}
	};
	PbFeedHold	hold;
	PbSqlScope	scope;

	pb_result_begin(fcinfo, columns, lengthof(columns));
	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	if (pb_feed_is_held(&hold))
	{
		Datum		values[] = {
			TimestampTzGetDatum(hold.waiting_since),
			BoolGetDatum(hold.is_long),
			TimestampTzGetDatum(hold.held_since), Int32GetDatum(hold.pid),
			hold.prepared == NULL ? (Datum) 0 :
			CStringGetTextDatum(hold.prepared)
		};
		bool		nulls[] = {
			false, false, hold.held_since == 0, hold.pid == 0,
			hold.prepared == NULL
		};

		pb_result_add(fcinfo, values, nulls);
	}
	pb_sql_end(&scope);
	return (Datum) 0;
}
