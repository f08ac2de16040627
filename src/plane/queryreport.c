/*
 * queryreport.c
 *	  Query reports: what data planes observed of queries is added to the cache
 *	  rules.
 *
 * A report locks the projects of its databases, in the order of their ids.
 * Operations that create or delete a database lock its project too. So one of
 * two reports waits, and adds to what the other wrote, and no database is
 * deleted while a report is stored. To lock each database instead was
 * rejected: two reports on one project would both find room for new rules.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "auth/organization.h"
#include "base/sql.h"
#include "fields/check.h"
#include "plane/queryreport.h"
#include "resources/cacherule.h"
#include "resources/prefix.h"

#define ENTRIES_MAX 1000
#define SHAPES_MAX 10000		/* of a project, where no plan says less */

static PbPrepared prepared;

/* the leaves of an entry */
static struct
{
	int			database_id;
	int			query_hash;
	int			normalized_sql;
	int			query_type;
	int			call_count;
	int			avg_latency;
	int			p95_latency;
	int			avg_bytes;
	int			stability;
	int			seen_at;
}			at;

#define GIVEN (PB_CREATE | PB_REQUIRED)

static const PbField fields[] = {
	{
		.name = "database_id", .kind = PB_ID, .prefix = PB_DATABASE_PREFIX,
		.flags = GIVEN, .at = &at.database_id,
		.about = "The database that the query is sent to."
	},
	{
		PB_QUERY_HASH, .flags = GIVEN, .at = &at.query_hash
	},
	{
		PB_NORMALIZED_SQL, .flags = GIVEN, .at = &at.normalized_sql
	},
	{
		PB_QUERY_TYPE, .flags = GIVEN, .at = &at.query_type
	},
	{
		PB_CALL_COUNT, .flags = GIVEN, .at = &at.call_count
	},
	{
		PB_AVG_LATENCY, .flags = GIVEN, .at = &at.avg_latency
	},
	{
		PB_P95_LATENCY, .flags = GIVEN, .at = &at.p95_latency
	},
	{
		PB_AVG_BYTES, .flags = GIVEN, .at = &at.avg_bytes
	},
	{
		PB_STABILITY, .flags = GIVEN, .at = &at.stability
	},
	{
		.name = "seen_at", .kind = PB_TIME, .flags = GIVEN, .at = &at.seen_at,
		.about = "When it was last executed; a time in the future counts as now."
	},
	{0}
};

const PbResource pb_query_report = {
	.name = "query_report",
	.fields = fields,
	.prepared = &prepared,
};

/* What is known of a query: from entries of a report, or from its rule. */
typedef struct QueryShape
{
	Datum		org_id;			/* the database's */
	Datum		project_id;
	Datum		database_id;
	Datum		query_hash;
	Datum		normalized_sql;
	Datum		query_type;
	int64		call_count;
	double		avg_latency;
	double		p95_latency;
	int64		avg_bytes;
	double		stability;
	TimestampTz first_seen_at;
	TimestampTz last_seen_at;
	int			entries;		/* of the report, that were added up */
	int			place;			/* of the first one in the report */
} QueryShape;

static void
read_shape(QueryShape *shape, const PbRow *entry, int place, TimestampTz now)
{
	TimestampTz seen_at = DatumGetTimestampTz(entry->values[at.seen_at]);

	*shape = (QueryShape) {
		.database_id = entry->values[at.database_id],
		.query_hash = entry->values[at.query_hash],
		.normalized_sql = entry->values[at.normalized_sql],
		.query_type = entry->values[at.query_type],
		.call_count = DatumGetInt64(entry->values[at.call_count]),
		.avg_latency = DatumGetFloat8(entry->values[at.avg_latency]),
		.p95_latency = DatumGetFloat8(entry->values[at.p95_latency]),
		.avg_bytes = DatumGetInt64(entry->values[at.avg_bytes]),
		.stability = DatumGetFloat8(entry->values[at.stability]),
		.first_seen_at = Min(seen_at, now),
		.last_seen_at = Min(seen_at, now),
		.entries = 1,
		.place = place
	};
}

/*
 * Goes a share of the way from one whole number to another. Neither may be
 * negative. The result lies between them, whatever a double loses.
 */
static int64
approach(int64 from, int64 to, double share)
{
	int64		way = from < to ? to - from : from - to;
	double		part = rint((double) way * share);
	int64		whole = part < (double) way ? (int64) part : way;

	return from < to ? from + whole : from - whole;
}

/* Adds more executions of the same query. */
static void
add(QueryShape *shape, const QueryShape *more)
{
	double		share = (double) more->call_count /
		((double) shape->call_count + (double) more->call_count);

	shape->avg_latency += (more->avg_latency - shape->avg_latency) * share;
	shape->avg_bytes = approach(shape->avg_bytes, more->avg_bytes, share);
	if (pg_add_s64_overflow(shape->call_count, more->call_count,
							&shape->call_count))
		shape->call_count = PG_INT64_MAX;
	if (more->last_seen_at >= shape->last_seen_at)
	{
		shape->query_type = more->query_type;
		shape->p95_latency = more->p95_latency;
		shape->stability = more->stability;
	}
	shape->first_seen_at = Min(shape->first_seen_at, more->first_seen_at);
	shape->last_seen_at = Max(shape->last_seen_at, more->last_seen_at);
	shape->entries += more->entries;
}

/* Orders by database and query. */
static int
compare_keys(const QueryShape *a, const QueryShape *b)
{
	int			result = memcmp(DatumGetUUIDP(a->database_id)->data,
								DatumGetUUIDP(b->database_id)->data, UUID_LEN);

	if (result != 0)
		return result;
	return memcmp(VARDATA_ANY(DatumGetTextPP(a->query_hash)),
				  VARDATA_ANY(DatumGetTextPP(b->query_hash)),
				  PB_QUERY_HASH_LENGTH);
}

/* Orders entries of one query as the report has them. */
static int
compare(const void *a, const void *b)
{
	const QueryShape *one = a;
	const QueryShape *other = b;
	int			result = compare_keys(one, other);

	return result != 0 ? result : one->place - other->place;
}

/* Adds up the entries of each query; returns how many queries there are. */
static int
sort_and_add(QueryShape *shapes, int count)
{
	int			last = 0;

	qsort(shapes, count, sizeof(QueryShape), compare);
	for (int i = 1; i < count; i++)
		if (compare_keys(&shapes[last], &shapes[i]) == 0)
			add(&shapes[last], &shapes[i]);
		else
			shapes[++last] = shapes[i];
	return last + 1;
}

/* Checks and reads the entries of a report; NULL with faults. */
static QueryShape *
read_report(const PbJson *report, PbFaults *faults)
{
	TimestampTz now = GetCurrentTimestamp();
	PbFaults	ignored = {0};
	QueryShape *shapes;

	if (report->type != PB_JSON_ARRAY)
		pb_fault_set(faults, PB_INVALID_INPUT,
					 "the report must be a JSON array", NULL);
	else if (report->size > ENTRIES_MAX)
		pb_fault_set(faults, PB_INVALID_INPUT,
					 psprintf("the report must have at most %d entries",
							  ENTRIES_MAX),
					 "Report the others by another call.");
	if (faults->refusal != PB_ACCEPTED)
		return NULL;
	shapes = palloc(report->size * sizeof(QueryShape));
	for (int i = 0; i < report->size; i++)
	{
		PbRow	   *entry = pb_row_make(&pb_query_report);

		pb_check_item(entry, report, i, NULL, faults, &ignored);
		if (faults->count == 0)
			read_shape(&shapes[i], entry, i, now);
	}
	return faults->count == 0 ? shapes : NULL;
}

static Datum
array_of(const Datum *values, int count, Oid type)
{
	int16		length;
	bool		by_value;
	char		alignment;

	get_typlenbyvalalign(type, &length, &by_value, &alignment);
	return PointerGetDatum(construct_array(unconstify(Datum *, values), count,
										   type, length, by_value, alignment));
}

static const Oid place_types[] = {UUIDARRAYOID};
static const PbResult place_results[] = {
	{UUIDOID, false}, {TEXTOID, false}, {UUIDOID, false}
};

/* Whose the living databases are. */
static PbStatement find_places = {
	.text = "SELECT id, org_id, project_id FROM pgbeam.databases "
	"WHERE id OPERATOR(pg_catalog.=) ANY ($1) AND deleted_at IS NULL",
	.nargs = lengthof(place_types), .types = place_types,
	.nresults = lengthof(place_results), .results = place_results
};

/* Orders by database alone. */
static int
compare_databases(const void *a, const void *b)
{
	return memcmp(DatumGetUUIDP(((const QueryShape *) a)->database_id)->data,
				  DatumGetUUIDP(((const QueryShape *) b)->database_id)->data,
				  UUID_LEN);
}

/* Tells the shapes of a database whose it is. They stand side by side. */
static void
place(QueryShape *shapes, int count, const Datum row[])
{
	const QueryShape key = {.database_id = row[0]};
	QueryShape *shape = bsearch(&key, shapes, count, sizeof(QueryShape),
								compare_databases);

	while (shape > shapes && compare_databases(shape - 1, &key) == 0)
		shape--;
	for (; shape < shapes + count && compare_databases(shape, &key) == 0;
		 shape++)
	{
		shape->org_id = row[1];
		shape->project_id = row[2];
	}
}

/* Finds out whose each shape is. The databases of some may not exist. */
static void
place_all(QueryShape *shapes, int count)
{
	Datum	   *ids = palloc(count * sizeof(Datum));
	Datum		values[lengthof(place_types)];
	int			distinct = 0;
	uint64		found;

	for (int i = 0; i < count; i++)
		if (i == 0 || compare_databases(&shapes[i - 1], &shapes[i]) != 0)
			ids[distinct++] = shapes[i].database_id;
	values[0] = array_of(ids, distinct, UUIDOID);
	found = pb_sql_run(&find_places, values, NULL);
	for (uint64 i = 0; i < found; i++)
	{
		Datum		row[lengthof(place_results)];
		bool		nulls[lengthof(place_results)];

		pb_sql_read(&find_places, SPI_tuptable, i, row, nulls);
		place(shapes, count, row);
	}
}

/* Orders by project alone, those without one first. */
static int
compare_projects(const QueryShape *a, const QueryShape *b)
{
	bool		has_a = a->project_id != (Datum) 0;
	bool		has_b = b->project_id != (Datum) 0;
	int			result;

	if (!has_a || !has_b)
		return has_a - has_b;
	result = memcmp(DatumGetUUIDP(a->project_id)->data,
					DatumGetUUIDP(b->project_id)->data, UUID_LEN);
	return result != 0 ? result :
		strcmp(TextDatumGetCString(a->org_id),
			   TextDatumGetCString(b->org_id));
}

/* The same, and within a project as before. */
static int
compare_places(const void *a, const void *b)
{
	int			result = compare_projects(a, b);

	return result != 0 ? result : compare(a, b);
}

static const Oid lock_types[] = {TEXTOID, UUIDOID};

/*
 * Locks a project. A deleted one is not left out: its databases are deleted
 * too, and a condition on deleted_at would lead the planner to a partial
 * index, along which it would walk past all of an organization's projects.
 */
static PbStatement lock_project = {
	.text = "SELECT FROM pgbeam.projects "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND id OPERATOR(pg_catalog.=) $2 FOR UPDATE",
	.nargs = lengthof(lock_types), .types = lock_types
};

static const Oid find_types[] = {TEXTOID, UUIDARRAYOID, TEXTARRAYOID};

/* the columns of find */
enum
{
	PLACE, TYPE, CALLS, LATENCY, P95, BYTES, STABLE, FIRST, LAST, COLUMNS
};

static const PbResult find_results[COLUMNS] = {
	[PLACE] = {INT8OID, false}, [TYPE] = {TEXTOID, true},
	[CALLS] = {INT8OID, true}, [LATENCY] = {FLOAT8OID, true},
	[P95] = {FLOAT8OID, true}, [BYTES] = {INT8OID, true},
	[STABLE] = {FLOAT8OID, true}, [FIRST] = {TIMESTAMPTZOID, true},
	[LAST] = {TIMESTAMPTZOID, true}
};

/*
 * Finds the living databases, and the rules that exist. LIMIT forces look-ups
 * by key: a join that is planned for a small table would read all of a large
 * one.
 */
static PbStatement find = {
	.text = "SELECT r.place, t.query_type, "
	"t.call_count, t.avg_latency_ms, t.p95_latency_ms, t.avg_response_bytes, "
	"t.stability_rate, t.first_seen_at, t.last_seen_at "
	"FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3)) "
	"WITH ORDINALITY AS r (database_id, query_hash, place) "
	"CROSS JOIN LATERAL (SELECT d.id FROM pgbeam.databases AS d "
	"WHERE d.org_id OPERATOR(pg_catalog.=) $1 "
	"AND d.id OPERATOR(pg_catalog.=) r.database_id "
	"AND d.deleted_at IS NULL LIMIT 1) AS d "
	"LEFT JOIN LATERAL (SELECT * FROM pgbeam.cache_rules AS t "
	"WHERE t.org_id OPERATOR(pg_catalog.=) $1 "
	"AND t.database_id OPERATOR(pg_catalog.=) r.database_id "
	"AND t.query_hash OPERATOR(pg_catalog.=) r.query_hash LIMIT 1) AS t "
	"ON true",
	.nargs = lengthof(find_types), .types = find_types,
	.nresults = lengthof(find_results), .results = find_results
};

/* Adds a query to its rule, if there is one. */
static void
add_to_stored(QueryShape *shape, const Datum row[COLUMNS],
			  const bool nulls[COLUMNS])
{
	QueryShape	stored = *shape;

	if (nulls[CALLS])
		return;
	stored.query_type = row[TYPE];
	stored.call_count = DatumGetInt64(row[CALLS]);
	stored.avg_latency = DatumGetFloat8(row[LATENCY]);
	stored.p95_latency = DatumGetFloat8(row[P95]);
	stored.avg_bytes = DatumGetInt64(row[BYTES]);
	stored.stability = DatumGetFloat8(row[STABLE]);
	stored.first_seen_at = DatumGetTimestampTz(row[FIRST]);
	stored.last_seen_at = DatumGetTimestampTz(row[LAST]);
	stored.entries = 0;
	add(&stored, shape);
	*shape = stored;
}

/*
 * Keeps a project's queries of living databases, each added to its rule. Sets
 * found to how many there are.
 */
static QueryShape *
find_stored(const QueryShape *shapes, int count, int *found)
{
	Datum	   *databases = palloc(count * sizeof(Datum));
	Datum	   *hashes = palloc(count * sizeof(Datum));
	Datum		values[lengthof(find_types)];
	QueryShape *living;

	for (int i = 0; i < count; i++)
	{
		databases[i] = shapes[i].database_id;
		hashes[i] = shapes[i].query_hash;
	}
	values[0] = shapes[0].org_id;
	values[1] = array_of(databases, count, UUIDOID);
	values[2] = array_of(hashes, count, TEXTOID);
	*found = (int) pb_sql_run(&find, values, NULL);
	living = palloc(*found * sizeof(QueryShape));
	for (int i = 0; i < *found; i++)
	{
		Datum		row[COLUMNS];
		bool		nulls[COLUMNS];

		pb_sql_read(&find, SPI_tuptable, i, row, nulls);
		living[i] = shapes[DatumGetInt64(row[PLACE]) - 1];
		add_to_stored(&living[i], row, nulls);
	}
	return living;
}

static const Oid write_types[] = {
	TEXTARRAYOID, UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	TEXTARRAYOID, INT8ARRAYOID, FLOAT8ARRAYOID, FLOAT8ARRAYOID, INT8ARRAYOID,
	FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID
};

#define WRITTEN lengthof(write_types)

/* A hash stands for one text, so an existing rule keeps its own. */
static PbStatement store = {
	.text = "INSERT INTO pgbeam.cache_rules AS t (org_id, project_id, "
	"database_id, query_hash, normalized_sql, query_type, call_count, "
	"avg_latency_ms, p95_latency_ms, avg_response_bytes, stability_rate, "
	"first_seen_at, last_seen_at) SELECT * FROM ROWS FROM ("
	"pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), "
	"pg_catalog.unnest($4), pg_catalog.unnest($5), pg_catalog.unnest($6), "
	"pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9), "
	"pg_catalog.unnest($10), pg_catalog.unnest($11), pg_catalog.unnest($12), "
	"pg_catalog.unnest($13)) "
	"ON CONFLICT (org_id, database_id, query_hash) DO UPDATE SET "
	"(query_type, call_count, avg_latency_ms, p95_latency_ms, "
	"avg_response_bytes, stability_rate, first_seen_at, last_seen_at) = "
	"ROW (excluded.query_type, excluded.call_count, excluded.avg_latency_ms, "
	"excluded.p95_latency_ms, excluded.avg_response_bytes, "
	"excluded.stability_rate, excluded.first_seen_at, excluded.last_seen_at)",
	.nargs = WRITTEN, .types = write_types
};

static void
write_shapes(const QueryShape *shapes, int count)
{
	Datum	   *columns[WRITTEN];
	Datum		values[WRITTEN];

	for (int c = 0; c < (int) WRITTEN; c++)
		columns[c] = palloc(count * sizeof(Datum));
	for (int i = 0; i < count; i++)
	{
		const QueryShape *shape = &shapes[i];
		const Datum row[WRITTEN] = {
			shape->org_id, shape->project_id, shape->database_id,
			shape->query_hash, shape->normalized_sql, shape->query_type,
			Int64GetDatum(shape->call_count),
			Float8GetDatum(shape->avg_latency),
			Float8GetDatum(shape->p95_latency),
			Int64GetDatum(shape->avg_bytes), Float8GetDatum(shape->stability),
			TimestampTzGetDatum(shape->first_seen_at),
			TimestampTzGetDatum(shape->last_seen_at)
		};

		for (int c = 0; c < (int) WRITTEN; c++)
			columns[c][i] = row[c];
	}
	for (int c = 0; c < (int) WRITTEN; c++)
		values[c] = array_of(columns[c], count,
							 get_element_type(write_types[c]));
	if (pb_sql_run(&store, values, NULL) < (uint64) count)
		pb_sql_vetoed(pb_cache_rule.table);
}

#define OF_PROJECT \
	"FROM pgbeam.cache_rules WHERE org_id OPERATOR(pg_catalog.=) $1 " \
	"AND project_id OPERATOR(pg_catalog.=) $2"

static const Oid room_types[] = {TEXTOID, UUIDOID, INT8OID};
static const PbResult count_results[] = {{INT8OID, false}};

/* At most the largest plan's rules and those of one report. */
static PbStatement count_rules = {
	.text = "SELECT pg_catalog.count(*) " OF_PROJECT,
	.nargs = 2, .types = room_types,
	.nresults = lengthof(count_results), .results = count_results,
	.sees_all = true
};

/* Drops the rules that no PUT has changed, except one in a PUT right now. */
static PbStatement drop = {
	.text = "DELETE FROM pgbeam.cache_rules "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 AND ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT ctid " OF_PROJECT
	" AND updated_at IS NULL ORDER BY "
	"last_seen_at USING OPERATOR(pg_catalog.<), "
	"database_id USING OPERATOR(pg_catalog.<), "
	"query_hash USING OPERATOR(pg_catalog.<) "
	"LIMIT $3 FOR UPDATE SKIP LOCKED))",
	.nargs = lengthof(room_types), .types = room_types
};

/* How many rules the plan allows a project. */
static int64
most_shapes(Datum org_id)
{
	PbOrganization organization;

	pb_organization_find(org_id, PB_LATEST, &organization);
	return organization.plan == NULL || organization.plan->query_shapes == 0 ?
		SHAPES_MAX : organization.plan->query_shapes;
}

/* Drops the least recently seen rules beyond what the plan allows. */
static void
make_room(Datum org_id, Datum project_id)
{
	Datum		values[] = {org_id, project_id, (Datum) 0};
	Datum		count = Int64GetDatum(0);
	int64		excess;
	bool		isnull;

	(void) pb_sql_row(&count_rules, values, NULL, &count, &isnull);
	excess = DatumGetInt64(count) - most_shapes(org_id);
	values[2] = Int64GetDatum(excess);
	if (excess > 0)
		(void) pb_sql_run(&drop, values, NULL);
}

/*
 * Stores the queries of one project, which is locked. Returns how many entries
 * of the report that were.
 */
static int64
store_project(const QueryShape *shapes, int count)
{
	Datum		project[] = {shapes[0].org_id, shapes[0].project_id};
	QueryShape *living;
	int64		stored = 0;
	int			found;

	(void) pb_sql_run(&lock_project, project, NULL);
	living = find_stored(shapes, count, &found);
	if (found > 0)
		write_shapes(living, found);
	for (int i = 0; i < found; i++)
		stored += living[i].entries;
	make_room(project[0], project[1]);
	return stored;
}

/*
 * Stores a data plane's report. Returns how many entries were stored. Entries
 * of databases that do not exist are skipped: one tenant's deleted database
 * must not hold back everybody's report. Projects are locked in the order of
 * their ids. Each has statements of its own, because Citus may have it on a
 * node of its own.
 */
int64
pb_query_report_store(const PbJson *report, PbFaults *faults)
{
	QueryShape *shapes = read_report(report, faults);
	int64		stored = 0;
	int			count;
	int			end;

	if (shapes == NULL || report->size == 0)
		return 0;
	count = sort_and_add(shapes, report->size);
	place_all(shapes, count);
	qsort(shapes, count, sizeof(QueryShape), compare_places);
	for (int i = 0; i < count; i = end)
	{
		end = i + 1;
		while (end < count && compare_projects(&shapes[i], &shapes[end]) == 0)
			end++;
		if (shapes[i].project_id != (Datum) 0)
			stored += store_project(&shapes[i], end - i);
	}
	return stored;
}
