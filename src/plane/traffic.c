/*
 * traffic.c
 *	  What data planes have counted: the tables, and how long rows stay.
 *
 * A report has running totals. The last ones of each source and database are
 * kept. What has been added since goes to the row of the minute and to those
 * of the day, one for the project and one for the organization. So days need
 * not be summed up later. A project that is purged takes nothing from the
 * usage of its organization.
 *
 * Minutes and days have no parent: a delete of a project need not remove
 * thousands of rows, and its usage is there again when it is undeleted. They
 * go by their age. Each report removes twice as many old rows as it writes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/pattern.h"
#include "base/sql.h"
#include "base/sweep.h"
#include "base/text.h"
#include "plane/traffic.h"
#include "resources/database.h"
#include "resources/prefix.h"
#include "resources/project.h"

static int	minutes_retention;	/* days; 0: for ever */
static int	days_retention;		/* the same */

static int	ignored[PB_COUNTERS];	/* no code asks for these leaves */

static PbPrepared source_prepared;

static const PbField source_fields[] = {
	{PB_SOURCE},
	{PB_REGION},
	{
		.name = "reported_at", .kind = PB_TIME,
		.about = "The time of its last report, by its own clock."
	},
	{
		.name = "received_at", .kind = PB_TIME,
		.about = "When that was received."
	},
	{0}
};

const PbResource pb_traffic_source = {
	.name = "traffic_source",
	.table = "pgbeam.traffic_sources",
	.copying = PB_NEVER_COPIED,
	.fields = source_fields,
	.prepared = &source_prepared,
};

static PbPrepared total_prepared;

static const PbField total_fields[] = {
	{
		.name = "org_id", PB_ORG_ID_RULE, .at = &total_prepared.org_id,
		.about = "The organization that the database belongs to."
	},
	{
		.name = "project_id", .kind = PB_ID, .prefix = PB_PROJECT_PREFIX,
		.about = "The project that the database belongs to."
	},
	{
		.name = "database_id", .kind = PB_ID, .prefix = PB_DATABASE_PREFIX,
		.at = &total_prepared.parent,
		.about = "The database that clients were led to."
	},
	{
		.name = "of_replicas", .kind = PB_BOOLEAN,
		.about = "Whether to its replicas."
	},
	{PB_SOURCE},
	{
		.name = "reported_at", .kind = PB_TIME,
		.about = "The time of the last report that changed the row, by the clock of its source."
	},
	{
		.name = "received_at", .kind = PB_TIME,
		.about = "When that was received."
	},
	{
		.name = "clients", .kind = PB_INTEGER,
		.about = "Clients that were connected then."
	},
	{
		.name = "most_clients", .kind = PB_INTEGER,
		.about = "The most of them in the minute of that report."
	},
	PB_COUNTER_FIELDS(0, ignored),
	{0}
};

const PbResource pb_traffic_total = {
	.name = "traffic_total",
	.table = "pgbeam.traffic_totals",
	.copying = PB_NEVER_COPIED,
	.parent = &pb_database,
	.fields = total_fields,
	.prepared = &total_prepared,
};

#define OF_PROJECT(prepared_) \
	{ \
		.name = "org_id", PB_ORG_ID_RULE, .at = &(prepared_).org_id, \
		.about = "The organization that the project belongs to." \
	}, \
	{ \
		.name = "project_id", .kind = PB_ID, .prefix = PB_PROJECT_PREFIX, \
		.about = "The project." \
	}

static PbPrepared connection_prepared;

static const PbField connection_fields[] = {
	{
		.name = "org_id", PB_ORG_ID_RULE, .at = &connection_prepared.org_id,
		.about = "The organization that the project belongs to."
	},
	{
		.name = "project_id", .kind = PB_ID, .prefix = PB_PROJECT_PREFIX,
		.at = &connection_prepared.parent,
		.about = "The project."
	},
	{
		.name = "received_at", .kind = PB_TIME,
		.about = "When the last report of it was received."
	},
	{
		.name = "clients", .kind = PB_INTEGER,
		.about = "Clients that were connected then, by the last reports of all sources."
	},
	{0}
};

const PbResource pb_traffic_connection = {
	.name = "traffic_connection",
	.table = "pgbeam.traffic_connections",
	.copying = PB_NEVER_COPIED,
	.parent = &pb_project,
	.fields = connection_fields,
	.prepared = &connection_prepared,
};

#define CONNECTION_MS \
	{ \
		.name = "connection_ms", .kind = PB_LONG, \
		.about = "Milliseconds for which clients were connected, added up over all of them." \
	}

static PbPrepared minute_prepared;

static const PbField minute_fields[] = {
	OF_PROJECT(minute_prepared),
	{PB_REGION},
	{
		.name = "minute", .kind = PB_TIME,
		.about = "The minute of the reports, in UTC."
	},
	{
		.name = "clients", .kind = PB_INTEGER,
		.about = "Clients that were connected: of each source and database the most that it reported."
	},
	PB_COUNTER_FIELDS(0, ignored),
	CONNECTION_MS,
	{
		.name = "p99_latency_us", .kind = PB_LONG, .flags = PB_NULLABLE,
		.about = "Microseconds in which 99 of 100 queries were answered: the most that a report said; null: none did."
	},
	{0}
};

const PbResource pb_traffic_minute = {
	.name = "traffic_minute",
	.table = "pgbeam.traffic_minutes",
	.copying = PB_NEVER_COPIED,
	.fields = minute_fields,
	.prepared = &minute_prepared,
};

#define OF_DAY \
	{ \
		.name = "day", .kind = PB_TIME, \
		.about = "When the day of the reports begins, in UTC." \
	}

static PbPrepared day_prepared;

static const PbField day_fields[] = {
	OF_PROJECT(day_prepared),
	OF_DAY,
	{PB_REGION},
	PB_COUNTER_FIELDS(0, ignored),
	CONNECTION_MS,
	{0}
};

const PbResource pb_traffic_day = {
	.name = "traffic_day",
	.table = "pgbeam.traffic_days",
	.copying = PB_NEVER_COPIED,
	.fields = day_fields,
	.prepared = &day_prepared,
};

static PbPrepared org_day_prepared;

static const PbField org_day_fields[] = {
	{
		.name = "org_id", PB_ORG_ID_RULE, .at = &org_day_prepared.org_id,
		.about = "The organization."
	},
	OF_DAY,
	PB_COUNTER_FIELDS(0, ignored),
	CONNECTION_MS,
	{0}
};

const PbResource pb_traffic_org_day = {
	.name = "traffic_org_day",
	.table = "pgbeam.traffic_org_days",
	.copying = PB_NEVER_COPIED,
	.fields = org_day_fields,
	.prepared = &org_day_prepared,
};

void
pb_traffic_define_settings(void)
{
	DefineCustomIntVariable("pgbeam.metrics_retention",
							"Days for which the metrics of each minute are kept; 0: for ever.",
							NULL, &minutes_retention, 7, 0, 36500, PGC_SUSET,
							0, NULL, NULL, NULL);
	DefineCustomIntVariable("pgbeam.usage_retention",
							"Days for which the usage of each day is kept; 0: for ever.",
							NULL, &days_retention, 400, 0, 36500, PGC_SUSET, 0,
							NULL, NULL, NULL);
}

static const Oid sweep_types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID};
static const PbResult sweep_results[] = {{TIMESTAMPTZOID, false}};

/* SQL: deletes old rows behind a place, but none that others have locked. */
#define DELETE_OLD(table, time) \
	"DELETE FROM " table " WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT ctid FROM " table " WHERE " time " OPERATOR(pg_catalog.<) $1 " \
	"AND " time " OPERATOR(pg_catalog.>=) $2 " \
	"ORDER BY " time " USING OPERATOR(pg_catalog.<) LIMIT $3 " \
	"FOR UPDATE SKIP LOCKED)) RETURNING " time

/* The same for all nodes of Citus, which has no plan for a limit. */
#define DELETE_ALL_OLD(table, time) \
	"DELETE FROM " table " WHERE " time " OPERATOR(pg_catalog.<) $1"

/* A table of which old rows go. */
typedef struct Aging
{
	const int  *retention;
	PbStatement delete;
	PbStatement delete_everywhere;
	PbSweep		sweep;
} Aging;

#define AGING(retention_, table, time) \
	{ \
		.retention = &retention_, \
		.delete = { \
			.text = DELETE_OLD(table, time), \
			.nargs = lengthof(sweep_types), .types = sweep_types, \
			.nresults = lengthof(sweep_results), .results = sweep_results \
		}, \
		.delete_everywhere = { \
			.text = DELETE_ALL_OLD(table, time), \
			.nargs = 1, .types = sweep_types \
		}, \
		.sweep = {.beginning.first = DT_NOBEGIN, .anew_every = 16} \
	}

static Aging agings[] = {
	AGING(minutes_retention, "pgbeam.traffic_minutes", "minute"),
	AGING(days_retention, "pgbeam.traffic_days", "day"),
	AGING(days_retention, "pgbeam.traffic_org_days", "day"),
};

static TimestampTz
limit_of(int days)
{
	return GetCurrentTimestamp() - days * USECS_PER_DAY;
}

/* Deletes at most so many old rows behind the place that was reached. */
static int
delete_old(Aging *aging, int most)
{
	PbPosition	reached = pb_sweep_begin(&aging->sweep);
	Datum		values[] = {
		TimestampTzGetDatum(limit_of(*aging->retention)),
		TimestampTzGetDatum(reached.first), Int32GetDatum(most)
	};
	int			count;

	if (pb_sql_may_be_distributed())
		return (int) pb_sql_run(&aging->delete_everywhere, values, NULL);
	count = (int) pb_sql_run(&aging->delete, values, NULL);
	for (int i = 0; i < count; i++)
	{
		Datum		time;
		bool		isnull;

		pb_sql_read(&aging->delete, SPI_tuptable, i, &time, &isnull);
		reached.first = Max(reached.first, DatumGetTimestampTz(time));
	}
	if (count > 0)
		pb_sweep_end(&aging->sweep, reached);
	return count;
}

/* Removes old rows, after a report has written so many. */
void
pb_traffic_sweep(int written)
{
	for (int i = 0; i < (int) lengthof(agings); i++)
		if (*agings[i].retention > 0)
			(void) delete_old(&agings[i], 2 * written + PB_SWEEP_ROWS);
}

static const Oid silent_types[] = {TIMESTAMPTZOID};
static const PbResult silent_results[] = {{TEXTOID, false}};

static PbStatement find_silent = {
	.text = "SELECT source FROM pgbeam.traffic_sources "
	"WHERE received_at OPERATOR(pg_catalog.<) $1 "
	"ORDER BY received_at USING OPERATOR(pg_catalog.<) "
	"LIMIT 1 FOR UPDATE SKIP LOCKED",
	.nargs = lengthof(silent_types), .types = silent_types,
	.nresults = lengthof(silent_results), .results = silent_results
};

static const Oid forget_types[] = {TEXTOID, INT4OID};

static PbStatement forget_totals = {
	.text = "DELETE FROM pgbeam.traffic_totals "
	"WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT ctid FROM pgbeam.traffic_totals "
	"WHERE source OPERATOR(pg_catalog.=) $1 LIMIT $2))",
	.nargs = lengthof(forget_types), .types = forget_types
};

static PbStatement forget_totals_everywhere = {
	.text = "DELETE FROM pgbeam.traffic_totals "
	"WHERE source OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = forget_types
};

static PbStatement forget_source = {
	.text = "DELETE FROM pgbeam.traffic_sources "
	"WHERE source OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = forget_types
};

/*
 * Forgets a source that has long been silent: its totals first, then itself,
 * so that what it counts after all begins anew. Returns how many rows went.
 */
static int
forget_silent(int most)
{
	Datum		before = TimestampTzGetDatum(limit_of(minutes_retention));
	Datum		values[] = {(Datum) 0, Int32GetDatum(most)};
	bool		isnull;
	int			count;

	if (most <= 0 ||
		!pb_sql_row(&find_silent, &before, NULL, values, &isnull))
		return 0;
	count = (int) pb_sql_run(pb_sql_may_be_distributed() ?
							 &forget_totals_everywhere : &forget_totals,
							 values, NULL);
	if (count < most || pb_sql_may_be_distributed())
		count += (int) pb_sql_run(&forget_source, values, NULL);
	return count;
}

/* Removes at most so many rows that are too old; returns how many. */
int64
pb_traffic_purge(int most)
{
	int			purged = 0;

	for (int i = 0; i < (int) lengthof(agings); i++)
	{
		if (*agings[i].retention == 0 || purged >= most)
			continue;
		pb_sweep_begin_anew(&agings[i].sweep);
		purged += delete_old(&agings[i], most - purged);
	}
	if (minutes_retention > 0 && purged < most)
		purged += forget_silent(most - purged);
	return purged;
}
