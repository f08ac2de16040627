/*
 * undelete.c
 *	  Brings a deleted project back.
 *
 * What was deleted together with it has the same deleted_at, and comes back
 * too. Passwords were wiped, so that each database needs its own again. Rows
 * without a deletion mark are gone: data planes report them anew.
 *
 * Locks are taken from the top down: organization, project, host, database.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "auth/authentication.h"
#include "auth/organization.h"
#include "base/json.h"
#include "base/sql.h"
#include "feed/change.h"
#include "resources/database.h"
#include "resources/host.h"
#include "resources/mark.h"
#include "resources/project.h"
#include "resources/resource.h"
#include "upkeep/undelete.h"

#define RESOURCES_MAX 32

/* A project that is brought back, with all below it. */
typedef struct Undeletion
{
	const PbRequest *request;
	PbActor		actor;
	Datum		org_id;
	Datum		id;
	Datum		deleted_at;
	Datum		now;
	Datum		host;
	bool		self_hosted;
	StringInfo	databases;		/* JSON: the ids of those that are back */
	PbChanges	changes;
} Undeletion;

static const Oid find_types[] = {UUIDOID};
static const PbResult find_results[] = {{TEXTOID, false}};

static PbStatement find = {
	.text = "SELECT org_id FROM pgbeam.projects "
	"WHERE id OPERATOR(pg_catalog.=) $1 "
	"AND CASE WHEN deleted_at IS NULL THEN false ELSE true END",
	.nargs = 1, .types = find_types,
	.nresults = lengthof(find_results), .results = find_results
};

static const Oid lock_types[] = {TEXTOID, UUIDOID};

/* the columns of lock */
enum
{
	DELETED, HOST, SELF_HOSTED, COLUMNS
};

static const PbResult lock_results[COLUMNS] = {
	[DELETED] = {TIMESTAMPTZOID, false}, [HOST] = {TEXTOID, false},
	[SELF_HOSTED] = {BOOLOID, false}
};

static PbStatement lock = {
	.text = "SELECT deleted_at, proxy_host, self_hosted FROM pgbeam.projects "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND id OPERATOR(pg_catalog.=) $2 "
	"AND CASE WHEN deleted_at IS NULL THEN false ELSE true END FOR UPDATE",
	.nargs = lengthof(lock_types), .types = lock_types,
	.nresults = COLUMNS, .results = lock_results
};

static const Oid restore_types[] = {
	TEXTOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID
};
static const PbResult restore_results[] = {{UUIDOID, false}};

/* What is made for each resource at its first use, as pb_resources. */
static PbStatement restores[RESOURCES_MAX];

/* The statement that brings back a project, or the rows below a parent. */
static PbStatement *
restore_of(const PbResource *resource)
{
	PbStatement *restore = restores;
	const PbPrepared *at = resource->prepared;
	const PbShape *shape;
	MemoryContext before;
	StringInfoData more;

	for (const PbResource *const *other = pb_resources; *other != resource;
		 other++)
		restore++;
	Assert(restore < restores + RESOURCES_MAX);
	if (restore->text != NULL)
		return restore;
	shape = pb_field_shape(resource);
	before = MemoryContextSwitchTo(pb_sql_memory());
	initStringInfo(&more);
	pb_statement_sets(&more, resource, resource->restore);
	*restore = (PbStatement) {
		.text = psprintf("UPDATE %s SET deleted_at = NULL, updated_at = $4%s "
						 "WHERE org_id OPERATOR(pg_catalog.=) $1 "
						 "AND %s OPERATOR(pg_catalog.=) $2 "
						 "AND deleted_at OPERATOR(pg_catalog.=) $3 "
						 "RETURNING id", resource->table,
						 more.data,
						 resource->parent == NULL ? "id" :
						 shape->leaves[at->parent].column),
		.nargs = lengthof(restore_types), .types = restore_types,
		.nresults = lengthof(restore_results), .results = restore_results
	};
	MemoryContextSwitchTo(before);
	return restore;
}

/*
 * Brings back the project, or the rows of a resource below a parent, and all
 * below these. Returns how many of the resource there are.
 */
static uint64
restore_all(Undeletion *undeletion, const PbResource *resource,
			Datum key)
{
	PbStatement *restore = restore_of(resource);
	Datum		values[] = {
		undeletion->org_id, key, undeletion->deleted_at, undeletion->now
	};
	uint64		count = pb_sql_run(restore, values, NULL);
	SPITupleTable *rows = SPI_tuptable;

	for (uint64 i = 0; i < count; i++)
	{
		Datum		id;
		bool		isnull;
		const char *spelt;

		pb_sql_read(restore, rows, i, &id, &isnull);
		spelt = pb_resource_spell(resource, id);
		pb_change_collect(&undeletion->changes, (PbChange) {
			PB_CREATED, resource, undeletion->org_id, spelt, NULL
		});
		if (resource == &pb_database)
		{
			pb_json_next(undeletion->databases);
			pb_json_string(undeletion->databases, spelt);
		}
		for (const PbResource *const *child = pb_resources; *child != NULL;
			 child++)
			if ((*child)->parent == resource &&
				pb_field_marks_deleted(*child))
				(void) restore_all(undeletion, *child, id);
	}
	return count;
}

static bool
restore_project(void *state)
{
	Undeletion *undeletion = state;

	if (restore_all(undeletion, &pb_project, undeletion->id) == 0)
		pb_sql_vetoed(pb_project.table);
	pb_change_note_all(&undeletion->actor, undeletion->changes.all,
					   undeletion->changes.count);
	return true;
}

/* Writes, unless a living project has the name. */
static bool
restore_unique(Undeletion *undeletion, PbFaults *faults)
{
	ErrorData  *violation = NULL;

	if (pb_sql_try(undeletion->request->scope, restore_project, undeletion,
				   &violation))
		return true;
	if (!pb_sql_is_of(violation, pb_project.unique->index))
		ReThrowError(violation);
	pb_fault_set(faults, PB_RESOURCE_EXISTS, pb_project.unique->taken,
				 "Rename the project that has it, or delete it.");
	return false;
}

/* Finds the organization of a deleted project, and locks both. */
static bool
find_deleted(Undeletion *undeletion, PbOrganization *organization,
			 PbFaults *faults)
{
	Datum		key[lengthof(lock_types)];
	Datum		row[COLUMNS];
	bool		nulls[COLUMNS];

	if (!pb_sql_row(&find, &undeletion->id, NULL, &undeletion->org_id, nulls))
	{
		pb_resource_not_found(&pb_project, faults);
		return false;
	}
	pb_organization_find(undeletion->org_id, PB_LOCKED, organization);
	key[0] = undeletion->org_id;
	key[1] = undeletion->id;
	if (!organization->is_known)
		return pb_organization_refuse_unknown(faults);
	if (!pb_sql_row(&lock, key, NULL, row, nulls))
	{
		pb_resource_not_found(&pb_project, faults);
		return false;
	}
	undeletion->deleted_at = row[DELETED];
	undeletion->host = row[HOST];
	undeletion->self_hosted = DatumGetBool(row[SELF_HOSTED]);
	return true;
}

static bool
undelete(Undeletion *undeletion, PbOrganization *organization,
		 PbFaults *faults)
{
	if (!find_deleted(undeletion, organization, faults) ||
		!pb_project_is_allowed(undeletion->org_id, undeletion->self_hosted,
							   organization, faults))
		return false;
	if (pb_host_regain(undeletion->host, undeletion->org_id, undeletion->id))
		return restore_unique(undeletion, faults);
	pb_fault_set(faults, PB_RESOURCE_EXISTS,
				 "another project of the organization has the host of this one now",
				 "Delete that project first.");
	return false;
}

/*
 * Finds the project as it is now, writes what follows from it, and shows it,
 * with the databases that need a password.
 */
static void
conclude(const Undeletion *undeletion, const PbOrganization *organization,
	 StringInfo answer)
{
	PbRow	   *key = pb_row_make(&pb_project);
	PbFaults	none = {0};
	PbRow	   *row;

	pb_row_set(key, pb_project.prepared->org_id, undeletion->org_id);
	pb_row_set(key, pb_project.prepared->id, undeletion->id);
	pb_project_recount(key);
	row = pb_resource_lock(key, &none);
	if (row == NULL)
		pb_fault_throw(&none);
	pb_mark_updated(row, &(PbMarks) {0});
	pb_json_begin(answer, '{');
	pb_json_name(answer, "project");
	pb_resource_show(answer, row, organization);
	pb_json_name(answer, "databases_without_password");
	pb_json_end(undeletion->databases, ']');
	appendStringInfoString(answer, undeletion->databases->data);
	pb_json_end(answer, '}');
}

/* Brings a deleted project back that has not been purged. */
void
pb_project_undelete(const PbRequest *request, const char *id,
					StringInfo answer, PbFaults *faults)
{
	Undeletion	undeletion = {
		.request = request, .actor = pb_authentication_actor(request),
		.now = TimestampTzGetDatum(GetCurrentTimestamp()),
		.databases = makeStringInfo()
	};
	PbOrganization organization;
	pg_uuid_t	uuid;

	pb_sql_require_read_committed("a project can be undeleted only");
	pb_json_begin(undeletion.databases, '[');
	undeletion.id = UUIDPGetDatum(&uuid);
	if (!pb_resource_read_id(&pb_project, id, &uuid))
		pb_resource_not_found(&pb_project, faults);
	else if (undelete(&undeletion, &organization, faults))
		conclude(&undeletion, &organization, answer);
}
