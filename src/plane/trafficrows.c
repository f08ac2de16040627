/*
 * trafficrows.c
 *	  Writes what a traffic report adds.
 *
 * A statement writes all rows of a table. Several sources add to the same
 * rows, so each writes them in one order: by organization and project.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "base/sql.h"
#include "plane/trafficrows.h"
#include "resources/activity.h"

static int64
plus(int64 a, int64 b)
{
	int64		sum;

	return pg_add_s64_overflow(a, b, &sum) ? PG_INT64_MAX : sum;
}

static void
add(PbTrafficSum *to, const PbTrafficSum *more)
{
	for (int i = 0; i < PB_COUNTERS; i++)
		to->counters[i] = plus(to->counters[i], more->counters[i]);
	to->connection_ms = plus(to->connection_ms, more->connection_ms);
	to->clients = Min(to->clients + more->clients, PG_INT32_MAX);
	to->p99_latency = Max(to->p99_latency, more->p99_latency);
}

/* The beginning of the minute or the day, in UTC. */
TimestampTz
pb_traffic_begin_of(TimestampTz time, int64 unit)
{
	int64		past = time % unit;

	return time - (past < 0 ? past + unit : past);
}

Datum
pb_traffic_array(const Datum *values, bool *nulls, int count, Oid type)
{
	int			lower = 1;
	int16		length;
	bool		by_value;
	char		alignment;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	if (count == 0)
		return PointerGetDatum(construct_empty_array(type));
	return PointerGetDatum(construct_md_array(unconstify(Datum *, values),
											  nulls, 1, &count, &lower, type,
											  length, by_value, alignment));
}

static int
compare_orgs(const PbTrafficEntry *a, const PbTrafficEntry *b)
{
	const text *one = DatumGetTextPP(a->org_id);
	const text *other = DatumGetTextPP(b->org_id);
	int			length = VARSIZE_ANY_EXHDR(one);
	int			other_length = VARSIZE_ANY_EXHDR(other);
	int			result = memcmp(VARDATA_ANY(one), VARDATA_ANY(other),
								Min(length, other_length));

	return result != 0 ? result : length - other_length;
}

static int
compare_projects(const PbTrafficEntry *a, const PbTrafficEntry *b)
{
	return memcmp(DatumGetUUIDP(a->project_id)->data,
				  DatumGetUUIDP(b->project_id)->data, UUID_LEN);
}

/* Orders by organization and project, those of nobody last. */
int
pb_traffic_compare_places(const void *a, const void *b)
{
	const PbTrafficEntry *one = a;
	const PbTrafficEntry *other = b;
	int			result;

	if (one->org_id == (Datum) 0 || other->org_id == (Datum) 0)
		return (one->org_id == (Datum) 0) - (other->org_id == (Datum) 0);
	result = compare_orgs(one, other);
	if (result == 0)
		result = compare_projects(one, other);
	return result != 0 ? result : pb_traffic_compare_keys(a, b);
}

/* Rows to be written: a column of them is an array. */
typedef struct Rows
{
	PbStatement *statement;
	const char *table;
	int			count;
	Datum	   *values;
	bool	   *nulls;
} Rows;

static void
begin_rows(Rows *rows, PbStatement *statement, const char *table, int most)
{
	*rows = (Rows) {
		.statement = statement, .table = table,
		.values = palloc(Max(most, 1) * statement->nargs * sizeof(Datum)),
		.nulls = palloc0(Max(most, 1) * statement->nargs)
	};
}

/* Room for the values of one more row. */
static Datum *
next_row(Rows *rows, bool **nulls)
{
	int			first = rows->count++ * rows->statement->nargs;

	*nulls = rows->nulls + first;
	return rows->values + first;
}

static void
write_rows(const Rows *rows)
{
	int			columns = rows->statement->nargs;
	Datum	   *arrays = palloc(columns * sizeof(Datum));
	Datum	   *values = palloc(Max(rows->count, 1) * sizeof(Datum));
	bool	   *nulls = palloc(Max(rows->count, 1));

	if (rows->count == 0)
		return;
	for (int c = 0; c < columns; c++)
	{
		for (int i = 0; i < rows->count; i++)
		{
			values[i] = rows->values[i * columns + c];
			nulls[i] = rows->nulls[i * columns + c];
		}
		arrays[c] = pb_traffic_array(values, nulls, rows->count,
							 get_element_type(rows->statement->types[c]));
	}
	if (pb_sql_run(rows->statement, arrays, NULL) < (uint64) rows->count)
		pb_sql_vetoed(rows->table);
}

#define UNNEST(n) "pg_catalog.unnest($" #n ")"
#define EXCLUDED(column) column " = excluded." column

/* SQL: adds to a column, up to the largest number. */
#define ADDED(column) \
	column " = CASE WHEN t." column " OPERATOR(pg_catalog.>) " \
	"(9223372036854775807::pg_catalog.int8 " \
	"OPERATOR(pg_catalog.-) excluded." column ") " \
	"THEN 9223372036854775807::pg_catalog.int8 " \
	"ELSE t." column " OPERATOR(pg_catalog.+) excluded." column " END"

#define ADDED_COUNTERS \
	ADDED("queries") ", " ADDED("transactions") ", " \
	ADDED("query_time_us") ", " ADDED("wait_time_us") ", " \
	ADDED("assignments") ", " ADDED("bytes_received") ", " \
	ADDED("bytes_sent") ", " ADDED("connection_ms")

static const Oid total_types[] = {
	TEXTARRAYOID, UUIDARRAYOID, UUIDARRAYOID, BOOLARRAYOID, TEXTARRAYOID,
	TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, INT4ARRAYOID, INT4ARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID
};

static PbStatement store_totals = {
	.text = "INSERT INTO pgbeam.traffic_totals AS t (org_id, project_id, "
	"database_id, of_replicas, source, reported_at, received_at, clients, "
	"most_clients, " PB_COUNTER_COLUMNS ") SELECT * FROM ROWS FROM ("
	UNNEST(1) ", " UNNEST(2) ", " UNNEST(3) ", " UNNEST(4) ", "
	UNNEST(5) ", " UNNEST(6) ", " UNNEST(7) ", " UNNEST(8) ", "
	UNNEST(9) ", " UNNEST(10) ", " UNNEST(11) ", " UNNEST(12) ", "
	UNNEST(13) ", " UNNEST(14) ", " UNNEST(15) ", " UNNEST(16) ") "
	"ON CONFLICT (org_id, database_id, of_replicas, source) DO UPDATE SET "
	EXCLUDED("reported_at") ", " EXCLUDED("received_at") ", "
	EXCLUDED("clients") ", " EXCLUDED("most_clients") ", "
	EXCLUDED("queries") ", " EXCLUDED("transactions") ", "
	EXCLUDED("query_time_us") ", " EXCLUDED("wait_time_us") ", "
	EXCLUDED("assignments") ", " EXCLUDED("bytes_received") ", "
	EXCLUDED("bytes_sent"),
	.nargs = lengthof(total_types), .types = total_types
};

static void
add_total(Rows *rows, const PbTrafficEntry *entry,
		  const PbTrafficReport *report)
{
	bool	   *nulls;
	Datum	   *row;
	int			n = 0;

	if (entry->is_same)
		return;
	row = next_row(rows, &nulls);
	row[n++] = entry->org_id;
	row[n++] = entry->project_id;
	row[n++] = UUIDPGetDatum(&entry->database);
	row[n++] = BoolGetDatum(entry->of_replicas);
	row[n++] = report->source;
	row[n++] = TimestampTzGetDatum(report->time);
	row[n++] = TimestampTzGetDatum(report->received_at);
	row[n++] = Int32GetDatum(entry->clients);
	row[n++] = Int32GetDatum(entry->most_clients);
	for (int i = 0; i < PB_COUNTERS; i++)
		row[n++] = Int64GetDatum(entry->counters[i]);
}

static const Oid minute_types[] = {
	TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, INT8ARRAYOID
};

static PbStatement store_minutes = {
	.text = "INSERT INTO pgbeam.traffic_minutes AS t (org_id, project_id, "
	"region, minute, " PB_COUNTER_COLUMNS ", connection_ms, clients, "
	"p99_latency_us) SELECT * FROM ROWS FROM ("
	UNNEST(1) ", " UNNEST(2) ", " UNNEST(3) ", " UNNEST(4) ", "
	UNNEST(5) ", " UNNEST(6) ", " UNNEST(7) ", " UNNEST(8) ", "
	UNNEST(9) ", " UNNEST(10) ", " UNNEST(11) ", " UNNEST(12) ", "
	UNNEST(13) ", " UNNEST(14) ") "
	"ON CONFLICT (org_id, project_id, region, minute) DO UPDATE SET "
	ADDED_COUNTERS ", clients = CASE WHEN t.clients OPERATOR(pg_catalog.>) "
	"(2147483647 OPERATOR(pg_catalog.-) excluded.clients) THEN 2147483647 "
	"ELSE t.clients OPERATOR(pg_catalog.+) excluded.clients END, "
	"p99_latency_us = GREATEST(t.p99_latency_us, excluded.p99_latency_us)",
	.nargs = lengthof(minute_types), .types = minute_types
};

static const Oid day_types[] = {
	TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID
};

static PbStatement store_days = {
	.text = "INSERT INTO pgbeam.traffic_days AS t (org_id, project_id, "
	"region, day, " PB_COUNTER_COLUMNS ", connection_ms) "
	"SELECT * FROM ROWS FROM ("
	UNNEST(1) ", " UNNEST(2) ", " UNNEST(3) ", " UNNEST(4) ", "
	UNNEST(5) ", " UNNEST(6) ", " UNNEST(7) ", " UNNEST(8) ", "
	UNNEST(9) ", " UNNEST(10) ", " UNNEST(11) ", " UNNEST(12) ") "
	"ON CONFLICT (org_id, project_id, day, region) DO UPDATE SET "
	ADDED_COUNTERS,
	.nargs = lengthof(day_types), .types = day_types
};

static const Oid org_day_types[] = {
	TEXTARRAYOID, TIMESTAMPTZARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID,
	INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID
};

static PbStatement store_org_days = {
	.text = "INSERT INTO pgbeam.traffic_org_days AS t (org_id, day, "
	PB_COUNTER_COLUMNS ", connection_ms) SELECT * FROM ROWS FROM ("
	UNNEST(1) ", " UNNEST(2) ", " UNNEST(3) ", " UNNEST(4) ", "
	UNNEST(5) ", " UNNEST(6) ", " UNNEST(7) ", " UNNEST(8) ", "
	UNNEST(9) ", " UNNEST(10) ") "
	"ON CONFLICT (org_id, day) DO UPDATE SET " ADDED_COUNTERS,
	.nargs = lengthof(org_day_types), .types = org_day_types
};

/* Fills the columns that minutes and days have in common. */
static int
fill_sum(Datum *row, const PbTrafficSum *sum)
{
	int			n = 0;

	for (int i = 0; i < PB_COUNTERS; i++)
		row[n++] = Int64GetDatum(sum->counters[i]);
	row[n++] = Int64GetDatum(sum->connection_ms);
	return n;
}

static bool
has_counted(const PbTrafficSum *sum)
{
	for (int i = 0; i < PB_COUNTERS; i++)
		if (sum->counters[i] != 0)
			return true;
	return sum->connection_ms != 0;
}

/* Fills what a row of a project begins with. */
static Datum *
begin_project(Rows *rows, const PbTrafficEntry *entry,
			  const PbTrafficReport *report, int64 unit, bool **nulls)
{
	Datum	   *row = next_row(rows, nulls);

	row[0] = entry->org_id;
	row[1] = entry->project_id;
	row[2] = report->region;
	row[3] = TimestampTzGetDatum(pb_traffic_begin_of(report->time, unit));
	return row;
}

static void
add_minute(Rows *rows, const PbTrafficEntry *entry,
		   const PbTrafficReport *report, const PbTrafficSum *sum)
{
	bool	   *nulls;
	Datum	   *row;
	int			n = 4;

	if (!has_counted(sum) && sum->clients == 0)
		return;
	row = begin_project(rows, entry, report, USECS_PER_MINUTE, &nulls);
	n += fill_sum(row + n, sum);
	row[n++] = Int32GetDatum((int32) sum->clients);
	row[n] = Int64GetDatum(sum->p99_latency);
	nulls[n] = sum->p99_latency < 0;
}

static void
add_day(Rows *rows, const PbTrafficEntry *entry,
		const PbTrafficReport *report, const PbTrafficSum *sum)
{
	bool	   *nulls;

	if (has_counted(sum))
		(void) fill_sum(begin_project(rows, entry, report, USECS_PER_DAY,
									  &nulls) + 4, sum);
}

static void
add_org_day(Rows *rows, const PbTrafficEntry *entry,
			const PbTrafficReport *report, const PbTrafficSum *sum)
{
	bool	   *nulls;
	Datum	   *row;

	if (!has_counted(sum))
		return;
	row = next_row(rows, &nulls);
	row[0] = entry->org_id;
	row[1] = TimestampTzGetDatum(pb_traffic_begin_of(report->time,
													  USECS_PER_DAY));
	(void) fill_sum(row + 2, sum);
}

/* Whether an entry is the last one of its project or organization. */
static bool
is_last(const PbTrafficEntry *entries, int count, int i,
		int (*compare) (const PbTrafficEntry *a, const PbTrafficEntry *b))
{
	return i == count - 1 || compare(&entries[i], &entries[i + 1]) != 0;
}

/* Writes what the entries add. They are sorted by their places. */
int
pb_traffic_write_sums(const PbTrafficEntry *entries, int count,
					  const PbTrafficReport *report)
{
	static const PbTrafficSum none = {.p99_latency = -1};
	Rows		minutes;
	Rows		days;
	Rows		org_days;
	PbTrafficSum			of_project = none;
	PbTrafficSum			of_org = none;

	begin_rows(&minutes, &store_minutes, pb_traffic_minute.table, count);
	begin_rows(&days, &store_days, pb_traffic_day.table, count);
	begin_rows(&org_days, &store_org_days, pb_traffic_org_day.table, count);
	for (int i = 0; i < count; i++)
	{
		const PbTrafficEntry *entry = &entries[i];

		add(&of_project, &entry->added);
		add(&of_org, &entry->added);
		if (is_last(entries, count, i, compare_projects))
		{
			add_minute(&minutes, entry, report, &of_project);
			add_day(&days, entry, report, &of_project);
			of_project = none;
		}
		if (is_last(entries, count, i, compare_orgs))
		{
			add_org_day(&org_days, entry, report, &of_org);
			of_org = none;
		}
	}
	write_rows(&minutes);
	write_rows(&days);
	write_rows(&org_days);
	return minutes.count;
}

void
pb_traffic_write_totals(const PbTrafficEntry *entries, int count,
						const PbTrafficReport *report)
{
	Rows		totals;

	begin_rows(&totals, &store_totals, pb_traffic_total.table, count);
	for (int i = 0; i < count; i++)
		add_total(&totals, &entries[i], report);
	write_rows(&totals);
}

static const Oid connection_types[] = {
	UUIDARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID
};

/* Adds up what all sources last said of projects, unless it is too old. */
static PbStatement store_connections = {
	.text = "INSERT INTO pgbeam.traffic_connections "
	"(org_id, project_id, received_at, clients) "
	"SELECT org_id, project_id, $2, LEAST(pg_catalog.sum("
	"CASE WHEN received_at OPERATOR(pg_catalog.>=) $3 THEN clients "
	"ELSE 0 END), 2147483647) FROM pgbeam.traffic_totals "
	"WHERE project_id OPERATOR(pg_catalog.=) ANY ($1) "
	"GROUP BY org_id, project_id "
	"ORDER BY org_id USING OPERATOR(pg_catalog.<), "
	"project_id USING OPERATOR(pg_catalog.<) "
	"ON CONFLICT (org_id, project_id) DO UPDATE SET "
	EXCLUDED("received_at") ", " EXCLUDED("clients"),
	.nargs = lengthof(connection_types), .types = connection_types
};

/*
 * Writes how many clients projects have now: those that the entries say to
 * have some, or to have had some. They are sorted by their places.
 */
void
pb_traffic_write_connections(const PbTrafficEntry *entries, int count,
							 const PbTrafficReport *report)
{
	Datum	   *projects = palloc(Max(count, 1) * sizeof(Datum));
	Datum		values[lengthof(connection_types)];
	int			found = 0;

	for (int i = 0; i < count; i++)
	{
		if (entries[i].clients == 0 && entries[i].last_clients == 0)
			continue;
		if (found == 0 ||
			memcmp(DatumGetUUIDP(projects[found - 1])->data,
				   DatumGetUUIDP(entries[i].project_id)->data, UUID_LEN) != 0)
			projects[found++] = entries[i].project_id;
	}
	if (found == 0)
		return;
	values[0] = pb_traffic_array(projects, NULL, found, UUIDOID);
	values[1] = TimestampTzGetDatum(report->received_at);
	values[2] = TimestampTzGetDatum(report->received_at - PB_ACTIVITY_AGE);
	if (pb_sql_run(&store_connections, values, NULL) < (uint64) found)
		pb_sql_vetoed(pb_traffic_connection.table);
}
