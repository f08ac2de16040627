/*
 * organization.c
 *	  Organizations: their plans, their limits, and whether they are suspended.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "auth/organization.h"
#include "base/decimal.h"
#include "base/seek.h"
#include "base/sql.h"
#include "base/text.h"
#include "fields/check.h"
#include "fields/rule.h"
#include "fields/show.h"

#define LIMIT(name_, about_) \
	{ \
		.name = name_, .kind = PB_INTEGER, \
		.flags = PB_READ_WRITE | PB_NULLABLE, \
		.least = 0, .most = PG_INT32_MAX, .about = about_ \
	}

static bool registers;			/* see pb_organization_register() */

static const PbField fields[] = {
	{
		.name = "org_id", PB_ORG_ID_RULE,
		.flags = PB_CREATE | PB_SHOWN | PB_REQUIRED,
		.about = "The organization's id, given by whoever manages organizations."
	},
	{
		.name = "plan", .kind = PB_WORD, .flags = PB_READ_WRITE | PB_NULLABLE,
		.words = pb_plan_names,
		.about = "The plan; with null there are no limits but the organization's own."
	},
	LIMIT("max_projects", "Projects at a time; 0 is no limit, null is the plan's."),
	LIMIT("max_databases", "Databases of a project; 0 is no limit, null is the plan's."),
	LIMIT("max_connections", "Connections; 0 is no limit, null is the plan's."),
	LIMIT("queries_per_second", "Queries a second; 0 is no limit, null is the plan's."),
	LIMIT("burst_size", "Queries in a burst; 0 is queries_per_second, null is the plan's."),
	{
		.name = "name", .kind = PB_TEXT, .flags = PB_READ_WRITE | PB_NULLABLE,
		.most = 255,
		.about = "Its name for people; null: its id."
	},
	{
		.name = "slug", .kind = PB_TEXT, .flags = PB_READ_WRITE | PB_NULLABLE,
		.most = 255,
		.about = "Its name in addresses; null: its id."
	},
	{
		PB_SPEND_LIMIT, .flags = PB_READ_WRITE | PB_NULLABLE
	},
	{
		.name = "suspended_at", .kind = PB_TIME,
		.flags = PB_SHOWN | PB_NULLABLE,
		.about = "Since when its requests are refused, if they are."
	},
	{0}
};

static PbPrepared prepared;

const PbResource pb_organization = {
	.name = "organization",
	.table = "pgbeam.organizations",
	.copying = PB_COPIED,
	.fields = fields,
	.prepared = &prepared,
};

static PbPrepared page_prepared;

/* Parameters of a list of all; after is where the page before has ended. */
static const PbField page_fields[] = {
	{
		.name = "after", .kind = PB_TEXT, .flags = PB_CREATE | PB_NULLABLE,
		.most = PB_ORG_ID_MAX,
		.about = "The last org_id of the page before."
	},
	{
		.name = "max_rows", .kind = PB_INTEGER, .flags = PB_CREATE,
		.least = 1, .most = 1000,
		.about = "The most organizations on a page."
	},
	{0}
};

static const PbResource page_parameters = {
	.name = "organization_page",
	.fields = page_fields,
	.prepared = &page_prepared,
};

void
pb_organization_define_settings(void)
{
	DefineCustomBoolVariable("pgbeam.register_organizations",
							 "Whether a project that trusted SQL creates registers an organization that is not known.",
							 NULL, &registers, true, PGC_SUSET, 0,
							 NULL, NULL, NULL);
}

static const Oid id_type[] = {TEXTOID};

/* columns in the order of the fields, and of PbLimit */
#define PLAN_AND_LIMITS \
	"plan, max_projects, max_databases, max_connections, " \
	"queries_per_second, burst_size"

/* The columns of one that is found. */
static const PbStoredColumn find_columns[2 + PB_LIMITS] = {
	{"plan", TEXTOID, true}, {"max_projects", INT4OID, true},
	{"max_databases", INT4OID, true}, {"max_connections", INT4OID, true},
	{"queries_per_second", INT4OID, true}, {"burst_size", INT4OID, true},
	{"suspended_at", TIMESTAMPTZOID, true}
};

static PbTable stored = {
	.name = "pgbeam.organizations", .columns = find_columns,
	.count = lengthof(find_columns),
	.leads[PB_TO_ONE] = {.columns = {{"org_id", TEXTOID, false}}, .count = 1}
};

static PbStatement register_id = {
	.text = "INSERT INTO pgbeam.organizations (org_id) VALUES ($1) "
	"ON CONFLICT (org_id) DO NOTHING",
	.nargs = 1, .types = id_type
};

/* The columns of all leaves but the last, which is not set here. */
#define SETTINGS "org_id, " PLAN_AND_LIMITS ", name, slug, spend_limit"
#define SETTINGS_COUNT 10
#define WHOLE SETTINGS ", suspended_at"

static const Oid set_types[SETTINGS_COUNT + 1] = {
	TEXTOID, TEXTOID, INT4OID, INT4OID, INT4OID, INT4OID, INT4OID, TEXTOID,
	TEXTOID, NUMERICOID, BOOLARRAYOID
};

static const PbResult whole_results[SETTINGS_COUNT + 1] = {
	{TEXTOID, false}, {TEXTOID, true}, {INT4OID, true}, {INT4OID, true},
	{INT4OID, true}, {INT4OID, true}, {INT4OID, true}, {TEXTOID, true},
	{TEXTOID, true}, {NUMERICOID, true}, {TIMESTAMPTZOID, true}
};

/* The last parameter tells which of the values are given. */
#define IF_GIVEN(column, n) \
	column " = CASE WHEN $11[" #n "] THEN $" #n " ELSE o." column " END"

/* One statement, so that two calls at once do not undo each other. */
static PbStatement set = {
	.text = "INSERT INTO pgbeam.organizations AS o (" SETTINGS ") "
	"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
	"ON CONFLICT (org_id) DO UPDATE SET "
	IF_GIVEN("plan", 2) ", " IF_GIVEN("max_projects", 3) ", "
	IF_GIVEN("max_databases", 4) ", " IF_GIVEN("max_connections", 5) ", "
	IF_GIVEN("queries_per_second", 6) ", " IF_GIVEN("burst_size", 7) ", "
	IF_GIVEN("name", 8) ", " IF_GIVEN("slug", 9) ", "
	IF_GIVEN("spend_limit", 10)
	" RETURNING " WHOLE,
	.nargs = lengthof(set_types), .types = set_types,
	.nresults = lengthof(whole_results), .results = whole_results
};

static PbStatement get = {
	.text = "SELECT " WHOLE " FROM pgbeam.organizations "
	"WHERE org_id OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = id_type,
	.nresults = lengthof(whole_results), .results = whole_results,
	.reads = true
};

static const Oid page_types[] = {TEXTOID, INT4OID};

static PbStatement get_page = {
	.text = "SELECT " WHOLE " FROM pgbeam.organizations "
	"WHERE org_id OPERATOR(pg_catalog.>) $1 "
	"ORDER BY org_id USING OPERATOR(pg_catalog.<) LIMIT $2",
	.nargs = lengthof(page_types), .types = page_types,
	.nresults = lengthof(whole_results), .results = whole_results,
	.reads = true
};

#define SPEND_LIMIT \
	"SELECT spend_limit FROM pgbeam.organizations " \
	"WHERE org_id OPERATOR(pg_catalog.=) $1"

static const PbResult spend_limit_results[] = {{NUMERICOID, true}};

#define GIVES_SPEND_LIMIT \
	.nargs = 1, .types = id_type, \
	.nresults = lengthof(spend_limit_results), .results = spend_limit_results

static PbStatement spend_limit[] = {
	[PB_SNAPSHOT] = {.text = SPEND_LIMIT, GIVES_SPEND_LIMIT, .reads = true},
	[PB_LATEST] = {.text = SPEND_LIMIT, GIVES_SPEND_LIMIT},
	[PB_LOCKED] = {.text = SPEND_LIMIT " FOR UPDATE", GIVES_SPEND_LIMIT},
};

static const Oid limit_types[] = {TEXTOID, NUMERICOID};

static PbStatement limit_spending = {
	.text = "UPDATE pgbeam.organizations SET spend_limit = $2 "
	"WHERE org_id OPERATOR(pg_catalog.=) $1",
	.nargs = lengthof(limit_types), .types = limit_types
};

static const Oid suspend_types[] = {TEXTOID, TIMESTAMPTZOID};

static PbStatement suspend = {
	.text = "UPDATE pgbeam.organizations SET suspended_at = $2 "
	"WHERE org_id OPERATOR(pg_catalog.=) $1",
	.nargs = lengthof(suspend_types), .types = suspend_types
};

/* Whether it can be an organization's id. Faults call it by name. */
bool
pb_organization_check_id(const char *id, const char *name, PbFaults *faults)
{
	PbPath		path = {NULL, name, 0};
	const char *problem = pb_rule_text(&fields[0], id == NULL ? "" : id,
									   id == NULL ? 0 : strlen(id));

	if (problem != NULL)
		pb_fault_problem(faults, &path, problem, NULL);
	return problem == NULL;
}

/*
 * Reads an organization's plan and limits; its own limits override those of
 * the plan. While it is locked nobody else creates objects under them.
 */
void
pb_organization_find(Datum org_id, PbReading reading,
					 PbOrganization *organization)
{
	Datum		values[lengthof(find_columns)];
	bool		nulls[lengthof(find_columns)];

	memset(organization, 0, sizeof(*organization));
	if (!pb_seek_row(&stored, reading, &org_id, values, nulls))
		return;
	organization->is_known = true;
	organization->is_suspended = !nulls[1 + PB_LIMITS];
	if (!nulls[0])
		organization->plan = pb_plan_find(TextDatumGetCString(values[0]));
	for (int i = 0; i < PB_LIMITS; i++)
	{
		if (!nulls[1 + i])
			organization->limits[i] = DatumGetInt32(values[1 + i]);
		else if (organization->plan != NULL)
			organization->limits[i] = organization->plan->limits[i];
	}
}

/* Refuses an organization that must exist and does not. */
bool
pb_organization_refuse_unknown(PbFaults *faults)
{
	pb_fault_set(faults, PB_NOT_FOUND, "organization not found",
				 "pgbeam.set_organization() makes one.");
	return false;
}

/* A suspended organization's requests are refused, whoever sends them. */
bool
pb_organization_refuse_suspended(PbFaults *faults)
{
	pb_fault_set(faults, PB_FORBIDDEN, "the organization is suspended",
				 "Whoever runs this service can resume it.");
	return false;
}

static void
note(const PbActor *actor, PbAction action, Datum org_id)
{
	pb_change_note(actor, action, &pb_organization, org_id,
				   TextDatumGetCString(org_id), NULL);
}

/*
 * Registers an unknown organization, without a plan or limits; another session
 * may just have done so. Returns false with faults where the setting does not
 * allow it.
 */
bool
pb_organization_register(Datum org_id, const PbActor *actor, PbFaults *faults)
{
	const char *id = TextDatumGetCString(org_id);
	PbOrganization present;

	if (!registers)
		return pb_organization_refuse_unknown(faults);
	if (pb_sql_run(&register_id, &org_id, NULL) == 0)
	{
		pb_organization_find(org_id, PB_LATEST, &present);
		if (!present.is_known)
			pb_sql_vetoed(pb_organization.table);
		return true;
	}
	note(actor, PB_CREATED, org_id);
	ereport(NOTICE,
			(pb_text_is_name(id, strlen(id)) ?
			 errmsg("organization \"%s\" was not known and has been registered",
					id) :
			 errmsg("the organization was not known and has been registered")));
	return true;
}

/* Without a plan nothing is forbidden. */
bool
pb_organization_may_self_host(const PbOrganization *organization)
{
	return organization->plan == NULL || organization->plan->self_hosting;
}

bool
pb_organization_has_domains(const PbOrganization *organization)
{
	return organization->plan == NULL || organization->plan->custom_domains;
}

/* The marks of the leaves that were given, as an array of booleans. */
static Datum
given_of(const PbRow *row)
{
	Datum		given[SETTINGS_COUNT];

	for (int i = 0; i < SETTINGS_COUNT; i++)
		given[i] = BoolGetDatum(row->given[i]);
	return PointerGetDatum(construct_array(given, SETTINGS_COUNT, BOOLOID,
										   sizeof(bool), true, TYPALIGN_CHAR));
}

/* Runs a statement for one organization, and reads the whole row. */
static bool
read_whole(PbStatement *statement, Datum *values, const char *nulls,
		   PbRow *row)
{
	bool		isnull[lengthof(whole_results)];

	if (!pb_sql_row(statement, values, nulls, row->values, isnull))
		return false;
	for (int i = 0; i < (int) lengthof(whole_results); i++)
		row->nulls[i] = isnull[i] ? 'n' : ' ';
	return true;
}

/* Writes what was given, and reads the whole row. */
static void
write_settings(PbRow *row)
{
	Datum		values[SETTINGS_COUNT + 1];
	char		nulls[SETTINGS_COUNT + 1];

	memcpy(values, row->values, SETTINGS_COUNT * sizeof(Datum));
	memcpy(nulls, row->nulls, SETTINGS_COUNT);
	values[SETTINGS_COUNT] = given_of(row);
	nulls[SETTINGS_COUNT] = ' ';
	if (!read_whole(&set, values, nulls, row))
		pb_sql_vetoed(pb_organization.table);
}

/*
 * Makes an organization, or changes what settings name, and shows it. Unknown
 * members are refused, because a misspelt limit would silently be no limit.
 */
void
pb_organization_set(const PbJson *org_id, const PbJson *settings,
					const PbActor *actor, StringInfo answer, PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_organization);
	PbOrganization before;

	if (settings->type != PB_JSON_OBJECT)
	{
		pb_fault_set(faults, PB_INVALID_INPUT,
					 "settings must be a JSON object",
					 "Write pgbeam.set_organization('...', '{\"plan\": \"pro\"}').");
		return;
	}
	pb_check_value(row, 0, org_id, faults);
	pb_check_update(row, settings, faults, faults);
	if (faults->count > 0)
		return;
	pb_organization_find(row->values[0], PB_LATEST, &before);
	write_settings(row);
	note(actor, before.is_known ? PB_UPDATED : PB_CREATED, row->values[0]);
	pb_show(answer, row);
}

/* Shows an organization as set_organization() has stored it. */
void
pb_organization_get(const PbJson *org_id, StringInfo answer, PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_organization);
	Datum		id;

	pb_check_value(row, 0, org_id, faults);
	if (faults->count > 0)
		return;
	id = row->values[0];
	if (read_whole(&get, &id, NULL, row))
		pb_show(answer, row);
	else
		(void) pb_organization_refuse_unknown(faults);
}

/* Reads the spend limit; false where there is none. */
bool
pb_organization_spend_limit(Datum org_id, PbReading reading, Datum *limit)
{
	bool		isnull;

	return pb_sql_row(&spend_limit[reading], &org_id, NULL, limit, &isnull) &&
		!isnull;
}

/*
 * Sets or removes the spend limit, unless it is that already. False with
 * faults where the organization has ended.
 */
bool
pb_organization_limit_spending(Datum org_id, Datum limit, bool is_none,
							   const PbActor *actor, PbFaults *faults)
{
	Datum		values[] = {org_id, limit};
	char		nulls[] = {' ', is_none ? 'n' : ' '};
	Datum		before;
	bool		was_none;

	if (!pb_sql_row(&spend_limit[PB_LOCKED], &org_id, NULL, &before,
					&was_none))
		return pb_organization_refuse_unknown(faults);
	if (is_none == was_none &&
		(is_none || pb_decimal_is_same(before, limit)))
		return true;
	if (pb_sql_run(&limit_spending, values, nulls) == 0)
		pb_sql_vetoed(pb_organization.table);
	note(actor, PB_UPDATED, org_id);
	return true;
}

/* Leaves a page of all organizations, by their ids, in SPI_tuptable. */
void
pb_organization_list(const PbJson *members, PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&page_parameters);
	Datum		values[2];

	pb_check_members(row, members, lengthof(values), faults);
	if (faults->count > 0)
		return;
	values[0] = pb_row_has(row, 0) ? row->values[0] : CStringGetTextDatum("");
	values[1] = row->values[1];
	(void) pb_sql_run(&get_page, values, NULL);
}

/* Whether the organization exists; false with faults. */
bool
pb_organization_require(Datum org_id, PbFaults *faults)
{
	PbOrganization organization;

	pb_organization_find(org_id, PB_LATEST, &organization);
	return organization.is_known || pb_organization_refuse_unknown(faults);
}

static void
set_suspended(const PbJson *members, const PbActor *actor, bool suspended,
			  PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_organization);
	PbOrganization before;
	Datum		values[2];
	char		nulls[] = {' ', suspended ? ' ' : 'n'};

	pb_check_members(row, members, 1, faults);
	if (faults->count > 0)
		return;
	values[0] = row->values[0];
	values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
	pb_organization_find(values[0], PB_LOCKED, &before);
	if (!before.is_known)
		(void) pb_organization_refuse_unknown(faults);
	else if (before.is_suspended != suspended)
	{
		if (pb_sql_run(&suspend, values, nulls) == 0)
			pb_sql_vetoed(pb_organization.table);
		note(actor, suspended ? PB_SUSPENDED : PB_RESUMED, values[0]);
	}
}

/* Refuses all requests but trusted SQL from the next one on. */
void
pb_organization_suspend(const PbJson *members, const PbActor *actor,
						 PbFaults *faults)
{
	set_suspended(members, actor, true, faults);
}

void
pb_organization_resume(const PbJson *members, const PbActor *actor,
						PbFaults *faults)
{
	set_suspended(members, actor, false, faults);
}

static PbStatement remove_one = {
	.text = "DELETE FROM pgbeam.organizations "
	"WHERE org_id OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = id_type
};

/* Removes a locked organization. Its projects, keys and members have ended. */
void
pb_organization_remove(Datum org_id, const PbActor *actor)
{
	if (pb_sql_run(&remove_one, &org_id, NULL) == 0)
		pb_sql_vetoed(pb_organization.table);
	note(actor, PB_DELETED, org_id);
}
