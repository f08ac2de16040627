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
PG_FUNCTION_INFO_V1(pgbeam_feed_status);

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

/* the columns of pgbeam.feed_status() */
enum
{
	CONSUMER, LAG_ROWS, LAG_SECONDS, MUST_START_OVER, TOKEN, CONFIRMED_AT,
	WORKING_PID, OLDEST_CHANGE_AT, WAITING_SINCE, IS_HELD_LONG, HELD_SINCE,
	HELD_BY_PID, HELD_BY_PREPARED, STATUS_COLUMNS
};

static const PbColumn status_columns[STATUS_COLUMNS] = {
	[CONSUMER] = {"consumer", TEXTOID},
	[LAG_ROWS] = {"lag_rows", INT8OID},
	[LAG_SECONDS] = {"lag_seconds", FLOAT8OID},
	[MUST_START_OVER] = {"must_start_over", BOOLOID},
	[TOKEN] = {"token", TEXTOID},
	[CONFIRMED_AT] = {"confirmed_at", TIMESTAMPTZOID},
	[WORKING_PID] = {"working_pid", INT4OID},
	[OLDEST_CHANGE_AT] = {"oldest_change_at", TIMESTAMPTZOID},
	[WAITING_SINCE] = {"waiting_since", TIMESTAMPTZOID},
	[IS_HELD_LONG] = {"is_held_long", BOOLOID},
	[HELD_SINCE] = {"held_since", TIMESTAMPTZOID},
	[HELD_BY_PID] = {"held_by_pid", INT4OID},
	[HELD_BY_PREPARED] = {"held_by_prepared", TEXTOID}
};

typedef struct StatusRow
{
	Datum		values[STATUS_COLUMNS];
	bool		nulls[STATUS_COLUMNS];
} StatusRow;

static void
set_column(StatusRow *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

/* What is told of the feed, in the row of each consumer. */
static void
set_feed(StatusRow *row)
{
	PbFeedHold	hold;
	TimestampTz oldest;

	if (pb_feed_oldest(&oldest))
		set_column(row, OLDEST_CHANGE_AT, TimestampTzGetDatum(oldest));
	if (!pb_feed_is_held(&hold))
		return;
	set_column(row, WAITING_SINCE, TimestampTzGetDatum(hold.waiting_since));
	set_column(row, IS_HELD_LONG, BoolGetDatum(hold.is_long));
	if (hold.held_since != 0)
		set_column(row, HELD_SINCE, TimestampTzGetDatum(hold.held_since));
	if (hold.pid != 0)
		set_column(row, HELD_BY_PID, Int32GetDatum(hold.pid));
	if (hold.prepared != NULL)
		set_column(row, HELD_BY_PREPARED, CStringGetTextDatum(hold.prepared));
}

static void
set_consumer(StatusRow *row, PbConsumer *consumer)
{
	TimestampTz now = GetCurrentTimestamp();
	PbFeedLag	lag;
	double		seconds;

	pb_consumer_watch(consumer);
	pb_feed_lag(&consumer->place, &lag);
	seconds = lag.since == 0 ? 0 :
		Max(now - lag.since, 0) / (double) USECS_PER_SEC;
	set_column(row, CONSUMER, consumer->name);
	set_column(row, LAG_ROWS, Int64GetDatum(lag.rows));
	set_column(row, LAG_SECONDS, Float8GetDatum(seconds));
	set_column(row, MUST_START_OVER, BoolGetDatum(consumer->is_lost));
	if (consumer->token != NULL)
		set_column(row, TOKEN, CStringGetTextDatum(consumer->token));
	if (consumer->confirmed_at != 0)
		set_column(row, CONFIRMED_AT,
				   TimestampTzGetDatum(consumer->confirmed_at));
	if (consumer->pid != 0)
		set_column(row, WORKING_PID, Int32GetDatum(consumer->pid));
}

/* Only EXECUTE guards this. */
Datum
pgbeam_feed_status(PG_FUNCTION_ARGS)
{
	StatusRow	feed;
	PbConsumer *consumers;
	int			count;
	PbSqlScope	scope;

	pb_result_begin(fcinfo, status_columns, STATUS_COLUMNS);
	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	memset(feed.values, 0, sizeof(feed.values));
	memset(feed.nulls, true, sizeof(feed.nulls));
	set_feed(&feed);
	count = pb_consumer_list(&consumers);
	for (int i = 0; i < count; i++)
	{
		StatusRow	row = feed;

		set_consumer(&row, &consumers[i]);
		pb_result_add(fcinfo, row.values, row.nulls);
	}
	if (count == 0)
		pb_result_add(fcinfo, feed.values, feed.nulls);
	pb_sql_end(&scope);
	return (Datum) 0;
}
