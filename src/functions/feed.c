/*
 * feed.c
 *	  SQL functions of the folder feed: the changes, and what holds them back.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/result.h"
#include "base/sql.h"
#include "feed/feed.h"
#include "http/entry.h"

PG_FUNCTION_INFO_V1(pgbeam_read_changes);
PG_FUNCTION_INFO_V1(pgbeam_feed_hold);

/* Only EXECUTE guards these two. */
Datum
pgbeam_read_changes(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"token", TEXTOID}, {"org_id", TEXTOID}, {"resource", TEXTOID},
		{"resource_id", TEXTOID}, {"action", TEXTOID}, {"actor", TEXTOID},
		{"actor_kind", TEXTOID}, {"request_id", TEXTOID}, {"detail", JSONOID},
		{"changed_at", TIMESTAMPTZOID}
	};
	int32		max_rows = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	PbFaults	faults = {0};
	PbSqlScope	scope;

	pb_result_begin(fcinfo, columns, lengthof(columns));
	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	if (!pb_feed_read(pb_entry_text(fcinfo, 0), max_rows, &faults))
		pb_fault_throw(&faults);
	pb_result_add_all(fcinfo, SPI_tuptable);
	pb_sql_end(&scope);
	return (Datum) 0;
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
