/*
 * trafficreport.c
 *	  Traffic reports: what proxies have counted becomes metrics and usage.
 *
 * A proxy reports running totals, so that a report that is lost takes nothing
 * with it: the next one has it too. What was added is found here. A counter
 * that went back is that of a proxy that was started again, and all of it is
 * new. The first report of a source says nothing of when its totals began, and
 * is only where the next one is counted from. Once a source is known, what it
 * names for the first time has begun since, and all of it counts.
 *
 * A report locks its source, so that two of one source follow each other. No
 * row of a project or database is locked. One that is deleted meanwhile may
 * leave a row of totals behind, which the purge of the database removes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/sql.h"
#include "plane/trafficreport.h"
#include "plane/trafficrows.h"

/* Clients count as connected for so long before a report, and no longer. */
#define INTERVAL_MAX (3 * USECS_PER_MINUTE)

static const Oid source_types[] = {
	TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID
};
static const PbResult source_results[] = {{TIMESTAMPTZOID, false}};

static PbStatement add_source = {
	.text = "INSERT INTO pgbeam.traffic_sources "
	"(source, region, reported_at, received_at) VALUES ($1, $2, $3, $4) "
	"ON CONFLICT (source) DO NOTHING",
	.nargs = lengthof(source_types), .types = source_types
};

static PbStatement lock_source = {
	.text = "SELECT reported_at FROM pgbeam.traffic_sources "
	"WHERE source OPERATOR(pg_catalog.=) $1 FOR UPDATE",
	.nargs = 1, .types = source_types,
	.nresults = lengthof(source_results), .results = source_results
};

static PbStatement move_source = {
	.text = "UPDATE pgbeam.traffic_sources "
	"SET region = $2, reported_at = $3, received_at = $4 "
	"WHERE source OPERATOR(pg_catalog.=) $1",
	.nargs = lengthof(source_types), .types = source_types
};

/*
 * Locks the source, and notes that it has reported. False if it has already
 * reported this, or something later.
 */
static bool
take_turn(PbTrafficReport *report)
{
	Datum		values[] = {
		report->source, report->region, TimestampTzGetDatum(report->time),
		TimestampTzGetDatum(report->received_at)
	};
	Datum		before;
	bool		isnull;

	report->is_first = pb_sql_run(&add_source, values, NULL) > 0;
	if (report->is_first)
		return true;
	if (!pb_sql_row(&lock_source, values, NULL, &before, &isnull))
		pb_sql_vetoed(pb_traffic_source.table);
	report->before = DatumGetTimestampTz(before);
	if (report->time <= report->before)
		return false;
	if (pb_sql_run(&move_source, values, NULL) == 0)
		pb_sql_vetoed(pb_traffic_source.table);
	return true;
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

static PbTrafficEntry *
find_entry(PbTrafficEntry *entries, int count, Datum database,
		   bool of_replicas)
{
	PbTrafficEntry		key = {
		.database = *DatumGetUUIDP(database), .of_replicas = of_replicas
	};

	return bsearch(&key, entries, count, sizeof(PbTrafficEntry),
				   pb_traffic_compare_keys);
}

/* Finds out whose each entry is; returns how many are somebody's. */
static int
place_all(PbTrafficEntry *entries, int count)
{
	Datum	   *ids = palloc(Max(count, 1) * sizeof(Datum));
	Datum		values[lengthof(place_types)];
	int			placed = 0;
	uint64		found;

	for (int i = 0; i < count; i++)
		ids[i] = UUIDPGetDatum(&entries[i].database);
	values[0] = pb_traffic_array(ids, NULL, count, UUIDOID);
	found = pb_sql_run(&find_places, values, NULL);
	for (uint64 i = 0; i < found; i++)
	{
		Datum		row[lengthof(place_results)];
		bool		nulls[lengthof(place_results)];

		pb_sql_read(&find_places, SPI_tuptable, i, row, nulls);
		for (int of_replicas = 0; of_replicas < 2; of_replicas++)
		{
			PbTrafficEntry	   *entry = find_entry(entries, count, row[0],
										   of_replicas != 0);

			if (entry == NULL)
				continue;
			entry->org_id = row[1];
			entry->project_id = row[2];
			placed++;
		}
	}
	return placed;
}

/* the columns of find_totals */
enum
{
	LAST_DATABASE, LAST_OF_REPLICAS, LAST_AT, LAST_CLIENTS, LAST_MOST,
	LAST_COUNTERS, LAST_COLUMNS = LAST_COUNTERS + PB_COUNTERS
};

static const PbResult last_results[LAST_COLUMNS] = {
	[LAST_DATABASE] = {UUIDOID, false}, [LAST_OF_REPLICAS] = {BOOLOID, false},
	[LAST_AT] = {TIMESTAMPTZOID, false}, [LAST_CLIENTS] = {INT4OID, false},
	[LAST_MOST] = {INT4OID, false},
	[LAST_COUNTERS] = {INT8OID, false}, {INT8OID, false}, {INT8OID, false},
	{INT8OID, false}, {INT8OID, false}, {INT8OID, false}, {INT8OID, false}
};

static PbStatement find_totals = {
	.text = "SELECT database_id, of_replicas, reported_at, clients, "
	"most_clients, " PB_COUNTER_COLUMNS " FROM pgbeam.traffic_totals "
	"WHERE source OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = source_types,
	.nresults = LAST_COLUMNS, .results = last_results
};

/* Finds what the source last reported of each database. */
static void
find_last(PbTrafficEntry *entries, int count, const PbTrafficReport *report)
{
	Datum		source = report->source;
	uint64		found = pb_sql_run(&find_totals, &source, NULL);

	for (uint64 i = 0; i < found; i++)
	{
		Datum		row[LAST_COLUMNS];
		bool		nulls[LAST_COLUMNS];
		PbTrafficEntry	   *entry;

		pb_sql_read(&find_totals, SPI_tuptable, i, row, nulls);
		entry = find_entry(entries, count, row[LAST_DATABASE],
						   DatumGetBool(row[LAST_OF_REPLICAS]));
		if (entry == NULL)
			continue;
		entry->has_last = true;
		entry->last_at = DatumGetTimestampTz(row[LAST_AT]);
		entry->last_clients = DatumGetInt32(row[LAST_CLIENTS]);
		entry->last_most = DatumGetInt32(row[LAST_MOST]);
		for (int c = 0; c < PB_COUNTERS; c++)
			entry->last[c] = DatumGetInt64(row[LAST_COUNTERS + c]);
	}
}

static bool
was_restarted(const PbTrafficEntry *entry)
{
	for (int i = 0; i < PB_COUNTERS; i++)
		if (entry->counters[i] < entry->last[i])
			return true;
	return false;
}

/*
 * Finds what an entry adds. To its minute it adds the clients that exceed
 * those which an earlier report of that minute has added.
 */
static void
compare_to_last(PbTrafficEntry *entry, const PbTrafficReport *report)
{
	TimestampTz minute = pb_traffic_begin_of(report->time, USECS_PER_MINUTE);
	bool		is_anew = !entry->has_last || was_restarted(entry);
	int32		counted = entry->has_last && entry->last_at >= minute ?
		entry->last_most : 0;
	int64		interval = report->is_first ? 0 :
		Min(report->time - report->before, INTERVAL_MAX);
	PbTrafficSum		   *added = &entry->added;

	entry->is_same = entry->has_last && entry->clients == 0 &&
		entry->last_clients == 0;
	for (int i = 0; i < PB_COUNTERS; i++)
	{
		if (!entry->has_last || entry->counters[i] != entry->last[i])
			entry->is_same = false;
		if (entry->has_last || !report->is_first)
			added->counters[i] = entry->counters[i] -
				(is_anew ? 0 : entry->last[i]);
	}
	entry->most_clients = Max(entry->clients, counted);
	added->clients = entry->most_clients - counted;
	added->connection_ms = entry->clients * (interval / 1000);
	if (added->counters[PB_QUERIES] == 0)
		added->p99_latency = -1;
}

/*
 * Stores a report. Returns how many entries were stored: those of databases
 * that do not exist are skipped, as one tenant's deleted database must not
 * hold back everybody's report.
 */
int64
pb_traffic_report_store(const PbJson *json, PbFaults *faults)
{
	PbTrafficReport		report;
	PbTrafficEntry	   *entries = NULL;
	int			count;
	int			placed;

	if (json->type == PB_JSON_OBJECT)
	{
		pb_traffic_read_head(&report, json, faults);
		entries = pb_traffic_read_entries(json, &count, faults);
	}
	else
		pb_fault_set(faults, PB_INVALID_INPUT,
					 "the report must be a JSON object", NULL);
	if (faults->refusal != PB_ACCEPTED || !take_turn(&report))
		return 0;
	placed = place_all(entries, count);
	find_last(entries, count, &report);
	for (int i = 0; i < count; i++)
		compare_to_last(&entries[i], &report);
	qsort(entries, count, sizeof(PbTrafficEntry), pb_traffic_compare_places);
	pb_traffic_write_totals(entries, placed, &report);
	pb_traffic_write_connections(entries, placed, &report);
	pb_traffic_sweep(pb_traffic_write_sums(entries, placed, &report));
	return placed;
}
