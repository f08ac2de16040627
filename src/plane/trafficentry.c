/*
 * trafficentry.c
 *	  A traffic report as it is read: its head, and its entries.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/pattern.h"
#include "base/text.h"
#include "base/typeid.h"
#include "fields/check.h"
#include "plane/trafficentry.h"
#include "resources/prefix.h"

#define ENTRIES_MAX 10000
#define CLIENTS_MAX 1000000
#define AHEAD_MAX (5 * USECS_PER_MINUTE)	/* of this server's clock */
#define DEFAULT_REGION "default"

#define REPLICAS_SUFFIX ".ro"	/* as in the files of pgbouncer.c */

static PbPrepared report_prepared;

static struct
{
	int			source;
	int			reported_at;
	int			region;
}			report_at;

static const PbField report_fields[] = {
	{
		PB_SOURCE, .flags = PB_CREATE | PB_REQUIRED, .at = &report_at.source
	},
	{
		.name = "at", .kind = PB_TIME, .flags = PB_CREATE | PB_REQUIRED,
		.at = &report_at.reported_at,
		.about = "When the totals were read, by the clock of the source."
	},
	{
		PB_REGION, .flags = PB_CREATE | PB_NULLABLE, .at = &report_at.region
	},
	{0}
};

const PbResource pb_traffic_report = {
	.name = "traffic_report",
	.fields = report_fields,
	.prepared = &report_prepared,
};

static PbPrepared entry_prepared;

static struct
{
	int			key;
	int			clients;
	int			p99_latency;
	int			counters[PB_COUNTERS];
}			at;

/* Reads a database's TypeID, and whether its replicas are meant. */
static bool
read_key(const char *text, size_t length, pg_uuid_t *database,
		 bool *of_replicas)
{
	size_t		suffix = sizeof(REPLICAS_SUFFIX) - 1;
	PbTypeid	id;

	*of_replicas = length > suffix &&
		memcmp(text + length - suffix, REPLICAS_SUFFIX, suffix) == 0;
	if (*of_replicas)
		length -= suffix;
	if (pb_typeid_decode(text, length, &id) != NULL ||
		!pb_text_is(text, id.prefix_length, PB_DATABASE_PREFIX))
		return false;
	memcpy(database->data, id.uuid, UUID_LEN);
	return true;
}

static const char *
key_problem(const char *text, size_t length)
{
	pg_uuid_t	database;
	bool		of_replicas;

	return read_key(text, length, &database, &of_replicas) ? NULL :
		"must be the id of a database, with .ro behind it for its replicas";
}

#define GIVEN (PB_CREATE | PB_REQUIRED)

static const PbField entry_fields[] = {
	{
		.name = "key", .kind = PB_TEXT, .flags = GIVEN, .at = &at.key,
		.rule = key_problem,
		.hint = "It stands in the auth_query that pgbeam.pgbouncer_files() prints.",
		.about = "The database's id; for its replicas with .ro behind it."
	},
	PB_COUNTER_FIELDS(GIVEN, at.counters),
	{
		.name = "clients", .kind = PB_INTEGER, .flags = GIVEN,
		.most = CLIENTS_MAX, .at = &at.clients,
		.about = "Clients that are connected now."
	},
	{
		.name = "p99_latency_us", .kind = PB_LONG,
		.flags = PB_CREATE | PB_NULLABLE, .at = &at.p99_latency,
		.about = "Microseconds in which 99 of 100 queries are answered, where the proxy knows it."
	},
	{0}
};

const PbResource pb_traffic_entry = {
	.name = "traffic_entry",
	.fields = entry_fields,
	.prepared = &entry_prepared,
};

static void
read_entry(PbTrafficEntry *entry, const PbRow *row, int place)
{
	text	   *key = DatumGetTextPP(pb_row_value(row, at.key));

	*entry = (PbTrafficEntry) {
		.place = place,
		.clients = DatumGetInt32(pb_row_value(row, at.clients)),
		.added.p99_latency = pb_row_has(row, at.p99_latency) ?
			DatumGetInt64(pb_row_value(row, at.p99_latency)) : -1
	};
	(void) read_key(VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key),
					&entry->database, &entry->of_replicas);
	for (int i = 0; i < PB_COUNTERS; i++)
		entry->counters[i] =
			DatumGetInt64(pb_row_value(row, at.counters[i]));
}

int
pb_traffic_compare_keys(const void *a, const void *b)
{
	const PbTrafficEntry *one = a;
	const PbTrafficEntry *other = b;
	int			result = memcmp(one->database.data, other->database.data,
								UUID_LEN);

	return result != 0 ? result : one->of_replicas - other->of_replicas;
}

/* Sorts the entries by their keys, none of which may stand there twice. */
static void
sort(PbTrafficEntry *entries, int count, const PbPath *list, PbFaults *faults)
{
	qsort(entries, count, sizeof(PbTrafficEntry), pb_traffic_compare_keys);
	for (int i = 1; i < count; i++)
	{
		PbPath		entry = {list, NULL, entries[i].place};
		PbPath		path = {&entry, "key", 0};

		if (pb_traffic_compare_keys(&entries[i - 1], &entries[i]) == 0)
			pb_fault_problem(faults, &path,
							 "must not stand in a report twice", NULL);
	}
}

/* Checks and reads the entries of a report; NULL with faults. */
PbTrafficEntry *
pb_traffic_read_entries(const PbJson *report, int *count, PbFaults *faults)
{
	const PbPath databases = {NULL, "databases", 0};
	PbFaults	ignored = {0};
	PbJson		list;
	PbTrafficEntry	   *entries;

	if (!pb_json_find(report, "databases", &list) ||
		list.type != PB_JSON_ARRAY)
		pb_fault_problem(faults, &databases, "must be an array", NULL);
	else if (list.size > ENTRIES_MAX)
		pb_fault_problem(faults, &databases,
						 psprintf("must have at most %d items", ENTRIES_MAX),
						 "PbTrafficReport the others by another call, with another time.");
	if (faults->count > 0)
		return NULL;
	*count = list.size;
	entries = palloc(Max(list.size, 1) * sizeof(PbTrafficEntry));
	for (int i = 0; i < list.size; i++)
	{
		PbRow	   *row = pb_row_make(&pb_traffic_entry);

		pb_check_item(row, &list, i, &databases, faults, &ignored);
		if (faults->count == 0)
			read_entry(&entries[i], row, i);
	}
	if (faults->count == 0)
		sort(entries, list.size, &databases, faults);
	return faults->count == 0 ? entries : NULL;
}

/* Reads who reports, and when. */
void
pb_traffic_read_head(PbTrafficReport *report, const PbJson *json,
					 PbFaults *faults)
{
	PbPath		path = {NULL, "at", 0};
	PbFaults	ignored = {0};
	PbRow	   *row = pb_row_make(&pb_traffic_report);

	pb_check_create(row, json, faults, &ignored);
	if (faults->refusal != PB_ACCEPTED)
		return;
	*report = (PbTrafficReport) {
		.source = pb_row_value(row, report_at.source),
		.region = pb_row_has(row, report_at.region) ?
			pb_row_value(row, report_at.region) :
			CStringGetTextDatum(DEFAULT_REGION),
		.time = DatumGetTimestampTz(pb_row_value(row, report_at.reported_at)),
		.received_at = GetCurrentTimestamp()
	};
	if (report->time > report->received_at + AHEAD_MAX)
		pb_fault_problem(faults, &path,
						 "must not be more than 5 minutes ahead of the server's clock",
						 "Set the clock of the machine that reports.");
}
