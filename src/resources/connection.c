/*
 * connection.c
 *	  Connection tests: a data plane's last report on whether an upstream can
 *	  be reached. Backends never connect to one.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "auth/authorization.h"
#include "auth/organization.h"
#include "base/json.h"
#include "base/sql.h"
#include "base/text.h"
#include "resources/connection.h"
#include "resources/database.h"
#include "resources/prefix.h"
#include "resources/resource.h"

#define TEXT_MAX 1000
#define LATENCY_MAX (PG_INT32_MAX / 1000)	/* milliseconds */

static PbPrepared prepared;

static const PbField fields[] = {
	{
		.name = "org_id", PB_ORG_ID_RULE, .at = &prepared.org_id,
		.about = "The organization that the database belongs to."
	},
	{
		.name = "database_id", .kind = PB_ID, .prefix = PB_DATABASE_PREFIX,
		.at = &prepared.parent,
		.about = "The database that was tried."
	},
	{
		.name = "ok", .kind = PB_BOOLEAN,
		.about = "Whether it could be reached."
	},
	{
		.name = "latency_us", .kind = PB_INTEGER, .flags = PB_NULLABLE,
		.least = 0, .most = LATENCY_MAX * 1000,
		.about = "How many microseconds that took."
	},
	{
		.name = "error", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.most = TEXT_MAX,
		.about = "Why it could not be reached."
	},
	{
		.name = "server_version", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.most = TEXT_MAX,
		.about = "The version that the server reports."
	},
	{
		.name = "tested_at", .kind = PB_TIME,
		.about = "When it was tried."
	},
	{0}
};

const PbResource pb_connection_test = {
	.name = "connection_test",
	.table = "pgbeam.connection_tests",
	.copying = PB_NEVER_COPIED,
	.parent = &pb_database,
	.fields = fields,
	.prepared = &prepared,
};

static const Oid types[] = {
	TEXTOID, UUIDOID, BOOLOID, INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID
};

/* the columns of find */
enum
{
	OK, LATENCY, ERROR_TEXT, SERVER_VERSION, TESTED, COLUMNS
};

static const PbResult find_results[COLUMNS] = {
	[OK] = {BOOLOID, false}, [LATENCY] = {INT4OID, true},
	[ERROR_TEXT] = {TEXTOID, true}, [SERVER_VERSION] = {TEXTOID, true},
	[TESTED] = {TIMESTAMPTZOID, false}
};

#define OF_DATABASE \
	"FROM pgbeam.connection_tests WHERE org_id OPERATOR(pg_catalog.=) $1 " \
	"AND database_id OPERATOR(pg_catalog.=) $2"

static PbStatement find = {
	.text = "SELECT ok, latency_us, error, server_version, tested_at "
	OF_DATABASE,
	.nargs = 2, .types = types,
	.nresults = lengthof(find_results), .results = find_results
};

static PbStatement store = {
	.text = "INSERT INTO pgbeam.connection_tests (org_id, database_id, ok, "
	"latency_us, error, server_version, tested_at) "
	"VALUES ($1, $2, $3, $4, $5, $6, $7) "
	"ON CONFLICT (org_id, database_id) DO UPDATE SET (ok, latency_us, error, "
	"server_version, tested_at) = ROW ($3, $4, $5, $6, $7)",
	.nargs = lengthof(types), .types = types
};

static void
put_pair(StringInfo out, const char *name, Datum value, bool isnull)
{
	if (!isnull)
		pb_json_pair(out, name, TextDatumGetCString(value));
}

static void
show_report(StringInfo out, const Datum values[COLUMNS],
			const bool nulls[COLUMNS])
{
	pb_json_boolean(out, DatumGetBool(values[OK]));
	if (!nulls[LATENCY])
	{
		pb_json_name(out, "latency_ms");
		appendStringInfo(out, "%d.%03d", DatumGetInt32(values[LATENCY]) / 1000,
						 DatumGetInt32(values[LATENCY]) % 1000);
	}
	put_pair(out, "error", values[ERROR_TEXT], nulls[ERROR_TEXT]);
	put_pair(out, "server_version", values[SERVER_VERSION],
			 nulls[SERVER_VERSION]);
}

/*
 * testDatabaseConnection: answers a data plane's last report. A report from
 * before the database was changed does not count.
 */
void
pb_connection_test_run(const PbRequest *request, PbReply *reply)
{
	StringInfo	out = reply->body;
	PbOrganization organization;
	PbRow	   *database = pb_resource_find(request, PB_READ, &organization,
											&reply->faults);
	Datum		key[2];
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];

	if (database == NULL)
		return;
	key[0] = pb_resource_org(database);
	key[1] = pb_resource_id(database);
	pb_json_begin(out, '{');
	pb_json_name(out, "ok");
	if (pb_sql_row(&find, key, NULL, values, nulls) &&
		DatumGetTimestampTz(values[TESTED]) >= pb_row_version(database))
		show_report(out, values, nulls);
	else
	{
		pb_json_boolean(out, false);
		pb_json_pair(out, "error",
					 "no data plane has tried this connection yet");
	}
	pb_json_end(out, '}');
}

static void
check_text(const char *name, const char *value, PbFaults *faults)
{
	PbPath		path = {NULL, name, 0};

	if (value != NULL && pb_text_characters(value, strlen(value)) > TEXT_MAX)
		pb_fault_problem(faults, &path,
						 psprintf("must have at most %d characters", TEXT_MAX),
						 NULL);
}

static bool
check_report(const PbReport *report, PbFaults *faults)
{
	PbPath		path = {NULL, "latency_ms", 0};
	PbPath		error = {NULL, "error", 0};

	if (report->ok && report->error != NULL)
		pb_fault_problem(faults, &error, "must be null where ok is true", NULL);
	if (report->latency_ms != NULL &&
		!(*report->latency_ms >= 0 && *report->latency_ms <= LATENCY_MAX))
		pb_fault_problem(faults, &path,
						 psprintf("must be from 0 to %d", LATENCY_MAX), NULL);
	check_text("error", report->error, faults);
	check_text("server_version", report->server_version, faults);
	return faults->count == 0;
}

/* Stores a report in place of the one before. */
static void
keep(Datum org_id, Datum database_id, const PbReport *report, PbFaults *faults)
{
	Datum		values[] = {
		org_id, database_id, BoolGetDatum(report->ok), (Datum) 0, (Datum) 0,
		(Datum) 0, TimestampTzGetDatum(GetCurrentTimestamp())
	};
	char		nulls[] = "   nnn ";

	if (!check_report(report, faults))
		return;
	if (report->latency_ms != NULL)
	{
		values[3] = Int32GetDatum((int32) rint(*report->latency_ms * 1000));
		nulls[3] = ' ';
	}
	if (report->error != NULL)
	{
		values[4] = CStringGetTextDatum(report->error);
		nulls[4] = ' ';
	}
	if (report->server_version != NULL)
	{
		values[5] = CStringGetTextDatum(report->server_version);
		nulls[5] = ' ';
	}
	if (pb_sql_run(&store, values, nulls) == 0)
		pb_sql_vetoed(pb_connection_test.table);
}

/* Takes a data plane's report; sets faults if it is refused. */
void
pb_connection_report(const char *id, const PbReport *report, PbFaults *faults)
{
	const PbCaller data_plane = {.is_trusted = true};
	PbOrganization organization;
	PbRow	   *database = pb_resource_find_id(&pb_database, &data_plane,
											   PB_WRITE, id, &organization,
											   faults);

	/* not while it is being deleted: the report would outlive it */
	if (database != NULL)
		database = pb_resource_lock(database, faults);
	if (database != NULL)
		keep(pb_resource_org(database), pb_resource_id(database), report,
			 faults);
}
