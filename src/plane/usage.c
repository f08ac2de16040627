/*
 * usage.c
 *	  Metrics and usage, as the API shows them.
 *
 * The rows are those that reports have written (trafficreport.c). Nothing is
 * added up here, so that an answer costs as much as the rows it shows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "auth/authorization.h"
#include "base/crypt.h"
#include "base/instant.h"
#include "base/pattern.h"
#include "base/sql.h"
#include "base/text.h"
#include "fields/check.h"
#include "fields/show.h"
#include "plane/traffic.h"
#include "plane/usage.h"
#include "resources/prefix.h"
#include "resources/project.h"
#include "resources/resource.h"

#define SNAPSHOTS_MAX 1000
#define DATE_LENGTH 10			/* 2026-01-15 */

#define SHOWN (PB_SHOWN | PB_DERIVED)

/* PgBouncer has no cache, and report_traffic() takes no counts of one. */
#define NEVER_CACHED "Always 0: reports of traffic do not count it."

#define CACHED(at_) \
	{ \
		.name = "cache_hits", .kind = PB_LONG, .flags = SHOWN, \
		.at = &(at_).hits, .about = NEVER_CACHED \
	}, \
	{ \
		.name = "cache_misses", .kind = PB_LONG, .flags = SHOWN, \
		.at = &(at_).misses, .about = NEVER_CACHED \
	}

static PbPrepared snapshot_prepared;

static struct
{
	int			id;
	int			project_id;
	int			region;
	int			queries;
	int			hits;
	int			misses;
	int			connections;
	int			avg_latency;
	int			p99_latency;
	int			avg_connect;
	int			avg_query;
	int			created_at;
}			at;

static const PbField snapshot_fields[] = {
	{
		.name = "id", .kind = PB_TEXT, .flags = SHOWN,
		.most = PB_DIGEST_BYTES, .at = &at.id,
		.about = "What tells it from others."
	},
	{
		.name = "project_id", .kind = PB_ID, .prefix = PB_PROJECT_PREFIX,
		.flags = SHOWN, .at = &at.project_id,
		.about = "The project."
	},
	{
		.name = "region", .kind = PB_TEXT, .flags = SHOWN,
		.most = PB_REGION_MAX, .at = &at.region,
		.about = "The region of the proxies that counted."
	},
	{
		.name = "queries_total", .kind = PB_LONG, .flags = SHOWN,
		.at = &at.queries,
		.about = "Queries that were answered in the minute."
	},
	CACHED(at),
	{
		.name = "active_connections", .kind = PB_INTEGER, .flags = SHOWN,
		.at = &at.connections,
		.about = "Clients that were connected."
	},
	{
		.name = "avg_latency_ms", .kind = PB_DOUBLE, .flags = SHOWN,
		.at = &at.avg_latency,
		.about = "Milliseconds for a query on average, with those that its client waited for a connection."
	},
	{
		.name = "p99_latency_ms", .kind = PB_DOUBLE, .flags = SHOWN,
		.at = &at.p99_latency,
		.about = "Milliseconds in which 99 of 100 queries were answered; avg_latency_ms where the proxy does not know it, as PgBouncer."
	},
	{
		.name = "avg_connect_ms", .kind = PB_DOUBLE, .flags = SHOWN,
		.at = &at.avg_connect,
		.about = "Milliseconds for which a client waited for a connection on average; 0 where the proxy does not count them."
	},
	{
		.name = "avg_query_ms", .kind = PB_DOUBLE, .flags = SHOWN,
		.at = &at.avg_query,
		.about = "Milliseconds for which the upstream worked on a query on average."
	},
	{
		.name = "created_at", .kind = PB_TIME, .flags = SHOWN,
		.at = &at.created_at,
		.about = "When the minute begins."
	},
	{0}
};

const PbResource pb_metrics_snapshot = {
	.name = "metrics_snapshot",
	.plural = "snapshots",
	.fields = snapshot_fields,
	.prepared = &snapshot_prepared,
};

static PbPrepared metrics_prepared;

static struct
{
	int			limit;
	int			region;
}			metrics_at;

static const PbField metrics_fields[] = {
	{
		.name = "limit", .kind = PB_INTEGER, .flags = PB_CREATE,
		.least = 1, .most = SNAPSHOTS_MAX, .fallback = "60",
		.at = &metrics_at.limit,
		.about = "The most snapshots, of which the newest are shown."
	},
	{
		PB_REGION, .flags = PB_CREATE | PB_NULLABLE, .at = &metrics_at.region
	},
	{0}
};

const PbResource pb_metrics_parameters = {
	.name = "metrics",
	.fields = metrics_fields,
	.prepared = &metrics_prepared,
};

/* The rest of a day of usage; at_ has the numbers of its leaves. */
#define USED(at_) \
	{ \
		.name = "queries_total", .kind = PB_LONG, .flags = SHOWN, \
		.at = &(at_).queries, \
		.about = "Queries that were answered." \
	}, \
	CACHED(at_), \
	{ \
		.name = "connection_seconds", .kind = PB_LONG, .flags = SHOWN, \
		.at = &(at_).connection_seconds, \
		.about = "Seconds for which clients were connected, added up over all of them." \
	}, \
	{ \
		.name = "bytes_transferred", .kind = PB_LONG, .flags = SHOWN, \
		.at = &(at_).bytes, \
		.about = "Bytes that were sent to clients." \
	}

#define DAY(at_) \
	{ \
		.name = "day", .kind = PB_TEXT, .flags = SHOWN, \
		.most = DATE_LENGTH, .at = &(at_).day, \
		.about = "The day in UTC, as YYYY-MM-DD." \
	}

typedef struct UsageAt
{
	int			day;
	int			region;
	int			queries;
	int			hits;
	int			misses;
	int			connection_seconds;
	int			bytes;
} UsageAt;

static PbPrepared project_prepared;
static UsageAt project_at;

static const PbField project_fields[] = {
	DAY(project_at),
	{
		.name = "region", .kind = PB_TEXT, .flags = SHOWN,
		.most = PB_REGION_MAX, .at = &project_at.region,
		.about = "The region of the proxies that counted."
	},
	USED(project_at),
	{0}
};

const PbResource pb_project_daily_usage = {
	.name = "project_daily_usage",
	.plural = "usage",
	.fields = project_fields,
	.prepared = &project_prepared,
};

static PbPrepared organization_prepared;
static UsageAt organization_at;

static const PbField organization_fields[] = {
	DAY(organization_at),
	USED(organization_at),
	{0}
};

const PbResource pb_daily_usage = {
	.name = "daily_usage",
	.plural = "usage",
	.fields = organization_fields,
	.prepared = &organization_prepared,
};

static PbPrepared days_prepared;

static struct
{
	int			start;
	int			end;
}			days_at;

/* Reads a date as the beginning of that day in UTC. */
static bool
read_date(const char *text, size_t length, TimestampTz *day)
{
	char		instant[] = "0000-00-00T00:00:00Z";
	int64_t		microseconds;

	if (length != DATE_LENGTH)
		return false;
	memcpy(instant, text, DATE_LENGTH);
	if (!pb_instant_read(instant, sizeof(instant) - 1, &microseconds))
		return false;
	*day = microseconds;
	return true;
}

static const char *
date_problem(const char *text, size_t length)
{
	TimestampTz ignored;

	return read_date(text, length, &ignored) ? NULL :
		"must be a date such as 2026-01-15";
}

static TimestampTz
day_of(const PbRow *asked, int leaf)
{
	text	   *date = DatumGetTextPP(pb_row_value(asked, leaf));
	TimestampTz day = 0;

	(void) read_date(VARDATA_ANY(date), VARSIZE_ANY_EXHDR(date), &day);
	return day;
}

static void
check_order(const PbRow *asked, const PbPath *up, PbFaults *faults)
{
	PbPath		path = {up, "start_date", 0};

	if (pb_row_has(asked, days_at.start) && pb_row_has(asked, days_at.end) &&
		day_of(asked, days_at.start) > day_of(asked, days_at.end))
		pb_fault_problem(faults, &path, "must not be after end_date", NULL);
}

#define DATE(name_, leaf, about_) \
	{ \
		.name = name_, .kind = PB_TEXT, .flags = PB_CREATE | PB_REQUIRED, \
		.least = DATE_LENGTH, .most = DATE_LENGTH, .rule = date_problem, \
		.pattern = PB_DATE_PATTERN, .at = &days_at.leaf, .about = about_ \
	}

static const PbField days_fields[] = {
	DATE("start_date", start, "The first day, in UTC."),
	DATE("end_date", end, "The last day, in UTC."),
	{0}
};

const PbResource pb_usage_parameters = {
	.name = "usage",
	.fields = days_fields,
	.rule = check_order,
	.prepared = &days_prepared,
};

static const Oid region_types[] = {TEXTOID, UUIDOID, TEXTOID};
static const PbResult region_results[] = {{TEXTOID, false}};

static PbStatement next_region = {
	.text = "SELECT region FROM pgbeam.traffic_minutes "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND project_id OPERATOR(pg_catalog.=) $2 "
	"AND region OPERATOR(pg_catalog.>) $3 "
	"ORDER BY org_id USING OPERATOR(pg_catalog.<), "
	"project_id USING OPERATOR(pg_catalog.<), "
	"region USING OPERATOR(pg_catalog.<), "
	"minute USING OPERATOR(pg_catalog.<) LIMIT 1",
	.nargs = lengthof(region_types), .types = region_types,
	.nresults = lengthof(region_results), .results = region_results,
	.reads = true
};

/* As a text array: the regions that a project has metrics of. */
static Datum
find_regions(Datum org_id, Datum project_id)
{
	Datum		values[] = {org_id, project_id, CStringGetTextDatum("")};
	ArrayBuildState *regions = initArrayResult(TEXTOID, CurrentMemoryContext,
											   false);
	bool		isnull;

	while (pb_sql_row(&next_region, values, NULL, &values[2], &isnull))
		regions = accumArrayResult(regions, values[2], false, TEXTOID,
								   CurrentMemoryContext);
	return makeArrayResult(regions, CurrentMemoryContext);
}

/* the columns of find_minutes */
enum
{
	REGION, MINUTE, CLIENTS, QUERIES, QUERY_TIME, WAIT_TIME, ASSIGNMENTS, P99,
	MINUTE_COLUMNS
};

static const Oid minute_types[] = {TEXTOID, UUIDOID, TEXTARRAYOID, INT4OID};
static const PbResult minute_results[MINUTE_COLUMNS] = {
	[REGION] = {TEXTOID, false}, [MINUTE] = {TIMESTAMPTZOID, false},
	[CLIENTS] = {INT4OID, false}, [QUERIES] = {INT8OID, false},
	[QUERY_TIME] = {INT8OID, false}, [WAIT_TIME] = {INT8OID, false},
	[ASSIGNMENTS] = {INT8OID, false}, [P99] = {INT8OID, true}
};

/*
 * The newest minutes of each region, and the newest of these. To filter by the
 * region along the minutes was rejected: where it has few, all others would be
 * walked.
 */
static PbStatement find_minutes = {
	.text = "SELECT m.region, m.minute, m.clients, m.queries, "
	"m.query_time_us, m.wait_time_us, m.assignments, m.p99_latency_us "
	"FROM pg_catalog.unnest($3) AS r (region) CROSS JOIN LATERAL "
	"(SELECT * FROM pgbeam.traffic_minutes AS t "
	"WHERE t.org_id OPERATOR(pg_catalog.=) $1 "
	"AND t.project_id OPERATOR(pg_catalog.=) $2 "
	"AND t.region OPERATOR(pg_catalog.=) r.region "
	"ORDER BY t.minute USING OPERATOR(pg_catalog.>) LIMIT $4) AS m "
	"ORDER BY m.minute USING OPERATOR(pg_catalog.>), "
	"m.region USING OPERATOR(pg_catalog.<) LIMIT $4",
	.nargs = lengthof(minute_types), .types = minute_types,
	.nresults = MINUTE_COLUMNS, .results = minute_results, .reads = true
};

/* The same text for the same project, region and minute. */
static Datum
snapshot_id(Datum project_id, const Datum values[MINUTE_COLUMNS])
{
	text	   *region = DatumGetTextPP(values[REGION]);
	TimestampTz minute = DatumGetTimestampTz(values[MINUTE]);
	uint8_t		digest[PB_DIGEST_BYTES];
	char		hex[PB_DIGEST_BYTES + 1];
	StringInfoData all;

	initStringInfo(&all);
	appendBinaryStringInfo(&all, (char *) DatumGetUUIDP(project_id)->data,
						   UUID_LEN);
	appendBinaryStringInfo(&all, (char *) &minute, sizeof(minute));
	appendBinaryStringInfo(&all, VARDATA_ANY(region),
						   VARSIZE_ANY_EXHDR(region));
	pb_digest(all.data, all.len, digest);
	pb_hex(digest, PB_DIGEST_BYTES / 2, hex);
	return PointerGetDatum(cstring_to_text_with_len(hex, PB_DIGEST_BYTES));
}

/* Microseconds for each of so many, in milliseconds. */
static Datum
each(double microseconds, Datum count)
{
	int64		number = DatumGetInt64(count);

	return Float8GetDatum(number == 0 ? 0 : microseconds / number / 1000);
}

static void
put_cached(PbRow *row, int hits, int misses)
{
	pb_row_set(row, hits, Int64GetDatum(0));
	pb_row_set(row, misses, Int64GetDatum(0));
}

static void
put_snapshot(StringInfo out, Datum project_id,
			 const Datum values[MINUTE_COLUMNS], bool lacks_p99)
{
	PbRow	   *row = pb_row_make(&pb_metrics_snapshot);
	double		query_time = DatumGetInt64(values[QUERY_TIME]);
	double		wait_time = DatumGetInt64(values[WAIT_TIME]);
	Datum		average = each(query_time + wait_time, values[QUERIES]);

	pb_row_set(row, at.id, snapshot_id(project_id, values));
	pb_row_set(row, at.project_id, project_id);
	pb_row_set(row, at.region, values[REGION]);
	pb_row_set(row, at.queries, values[QUERIES]);
	put_cached(row, at.hits, at.misses);
	pb_row_set(row, at.connections, values[CLIENTS]);
	pb_row_set(row, at.avg_latency, average);
	pb_row_set(row, at.p99_latency, lacks_p99 ? average :
			   each(DatumGetInt64(values[P99]), Int64GetDatum(1)));
	pb_row_set(row, at.avg_connect, each(wait_time, values[ASSIGNMENTS]));
	pb_row_set(row, at.avg_query, each(query_time, values[QUERIES]));
	pb_row_set(row, at.created_at, values[MINUTE]);
	pb_json_next(out);
	pb_show(out, row);
}

/* Finds the project that a path names; NULL with faults. */
static PbRow *
find_project(const PbRequest *request, PbFaults *faults)
{
	PbOrganization organization;

	return faults->refusal != PB_ACCEPTED ? NULL :
		pb_resource_find_id(&pb_project, &request->caller, PB_READ,
							request->ids[0], &organization, faults);
}

/* getProjectMetrics */
void
pb_usage_metrics(const PbRequest *request, PbReply *reply)
{
	PbRow	   *asked = pb_row_make(&pb_metrics_parameters);
	PbRow	   *project;
	Datum		values[lengthof(minute_types)];
	uint64		count;

	pb_check_create(asked, &request->parameters, &reply->faults,
					reply->unknown);
	project = find_project(request, &reply->faults);
	if (project == NULL)
		return;
	values[0] = pb_resource_org(project);
	values[1] = pb_resource_id(project);
	if (pb_row_has(asked, metrics_at.region))
	{
		Datum		region = pb_row_value(asked, metrics_at.region);

		values[2] = PointerGetDatum(construct_array(&region, 1, TEXTOID, -1,
													false, TYPALIGN_INT));
	}
	else
		values[2] = find_regions(values[0], values[1]);
	values[3] = pb_row_value(asked, metrics_at.limit);
	count = pb_sql_run(&find_minutes, values, NULL);
	pb_json_open_list(reply->body, pb_metrics_snapshot.plural);
	for (uint64 i = 0; i < count; i++)
	{
		Datum		minute[MINUTE_COLUMNS];
		bool		nulls[MINUTE_COLUMNS];

		pb_sql_read(&find_minutes, SPI_tuptable, i, minute, nulls);
		put_snapshot(reply->body, values[1], minute, nulls[P99]);
	}
	pb_json_close_list(reply->body);
}

/* the columns of find_days and find_org_days */
enum
{
	DAY_BEGINS, DAY_QUERIES, DAY_CONNECTED, DAY_BYTES, DAY_REGION, DAY_COLUMNS
};

static const Oid day_types[] = {
	TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID
};
static const PbResult day_results[DAY_COLUMNS] = {
	[DAY_BEGINS] = {TIMESTAMPTZOID, false}, [DAY_QUERIES] = {INT8OID, false},
	[DAY_CONNECTED] = {INT8OID, false}, [DAY_BYTES] = {INT8OID, false},
	[DAY_REGION] = {TEXTOID, false}
};

#define OF_DAYS \
	"WHERE org_id OPERATOR(pg_catalog.=) $1 " \
	"AND day OPERATOR(pg_catalog.>=) $2 " \
	"AND day OPERATOR(pg_catalog.<=) $3 "

static PbStatement find_days = {
	.text = "SELECT day, queries, connection_ms, bytes_sent, region "
	"FROM pgbeam.traffic_days " OF_DAYS
	"AND project_id OPERATOR(pg_catalog.=) $4 "
	"ORDER BY day USING OPERATOR(pg_catalog.<), "
	"region USING OPERATOR(pg_catalog.<)",
	.nargs = lengthof(day_types), .types = day_types,
	.nresults = DAY_COLUMNS, .results = day_results, .reads = true
};

static PbStatement find_org_days = {
	.text = "SELECT day, queries, connection_ms, bytes_sent "
	"FROM pgbeam.traffic_org_days " OF_DAYS
	"ORDER BY day USING OPERATOR(pg_catalog.<)",
	.nargs = 3, .types = day_types,
	.nresults = DAY_REGION, .results = day_results, .reads = true
};

static Datum
date_of(Datum day)
{
	StringInfoData time;

	initStringInfo(&time);
	pb_show_time(&time, DatumGetTimestampTz(day));
	return PointerGetDatum(cstring_to_text_with_len(time.data + 1,
													DATE_LENGTH));
}

static void
put_day(StringInfo out, const PbResource *resource, const UsageAt *leaves,
		const Datum values[DAY_COLUMNS], bool has_region)
{
	PbRow	   *row = pb_row_make(resource);

	pb_row_set(row, leaves->day, date_of(values[DAY_BEGINS]));
	if (has_region)
		pb_row_set(row, leaves->region, values[DAY_REGION]);
	pb_row_set(row, leaves->queries, values[DAY_QUERIES]);
	put_cached(row, leaves->hits, leaves->misses);
	pb_row_set(row, leaves->connection_seconds,
			   Int64GetDatum(DatumGetInt64(values[DAY_CONNECTED]) / 1000));
	pb_row_set(row, leaves->bytes, values[DAY_BYTES]);
	pb_json_next(out);
	pb_show(out, row);
}

static void
put_days(StringInfo out, PbStatement *find, Datum *arguments,
		 const PbResource *resource, const UsageAt *leaves)
{
	uint64		count = pb_sql_run(find, arguments, NULL);

	pb_json_open_list(out, resource->plural);
	for (uint64 i = 0; i < count; i++)
	{
		Datum		values[DAY_COLUMNS];
		bool		nulls[DAY_COLUMNS];

		pb_sql_read(find, SPI_tuptable, i, values, nulls);
		put_day(out, resource, leaves, values,
				find->nresults == DAY_COLUMNS);
	}
	pb_json_close_list(out);
}

/* Reads which days are asked for, into the arguments of a statement. */
static void
read_days(const PbRequest *request, PbReply *reply, Datum *arguments)
{
	PbRow	   *asked = pb_row_make(&pb_usage_parameters);

	pb_check_create(asked, &request->parameters, &reply->faults,
					reply->unknown);
	if (reply->faults.refusal != PB_ACCEPTED)
		return;
	arguments[1] = TimestampTzGetDatum(day_of(asked, days_at.start));
	arguments[2] = TimestampTzGetDatum(day_of(asked, days_at.end));
}

/* getProjectUsage */
void
pb_usage_of_project(const PbRequest *request, PbReply *reply)
{
	Datum		arguments[lengthof(day_types)];
	PbRow	   *project;

	read_days(request, reply, arguments);
	project = find_project(request, &reply->faults);
	if (project == NULL)
		return;
	arguments[0] = pb_resource_org(project);
	arguments[3] = pb_resource_id(project);
	put_days(reply->body, &find_days, arguments, &pb_project_daily_usage,
			 &project_at);
}

/* getOrganizationUsage */
void
pb_usage_of_organization(const PbRequest *request, PbReply *reply)
{
	const char *id = request->ids[0];
	PbOrganization organization;
	Datum		arguments[lengthof(day_types)];

	read_days(request, reply, arguments);
	if (reply->faults.refusal != PB_ACCEPTED ||
		!pb_organization_check_id(id, "org_id", &reply->faults) ||
		!pb_authorize(&request->caller, PB_READ, CStringGetTextDatum(id),
					  &organization, &reply->faults))
		return;
	arguments[0] = CStringGetTextDatum(id);
	put_days(reply->body, &find_org_days, arguments, &pb_daily_usage,
			 &organization_at);
}
