/*
 * erasure.c
 *	  Deletes organizations, and erases every trace of them.
 *
 * An erasure goes table by table: whatever table has a column org_id loses the
 * organization's rows, also one that is added to the extension later. A walk
 * from each project downwards was rejected, as it finds no row whose parent is
 * gone.
 *
 * The feed keeps its rows, because a reader's token is a row of it. They no
 * longer name the organization, nor a person: what is left is that something
 * with this id, which is random, was created or deleted.
 *
 * A create does not lock its organization. A request that began before the
 * organization was deleted may still write a project afterwards, which the
 * next call finds. FOR KEY SHARE would prevent it, and was rejected: a create
 * would take 3.4 % more instructions (16,500) and 2 % more WAL (54 bytes), and
 * creates at the same time would make multixacts of their organization's row.
 * One whose organization has a limit of projects locks it anyway.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "auth/apikey.h"
#include "auth/authentication.h"
#include "auth/organization.h"
#include "auth/owner.h"
#include "base/sql.h"
#include "feed/change.h"
#include "feed/consumer.h"
#include "fields/check.h"
#include "resources/host.h"
#include "resources/member.h"
#include "resources/project.h"
#include "resources/resource.h"
#include "resources/statement.h"
#include "resources/write.h"
#include "upkeep/erasure.h"

#define RESOURCES_MAX 32

static const Oid org_type[] = {TEXTOID};
static const PbResult id_results[] = {{UUIDOID, false}};

static PbStatement living = {
	.text = "SELECT id FROM pgbeam.projects "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 AND deleted_at IS NULL "
	"ORDER BY id USING OPERATOR(pg_catalog.<)",
	.nargs = 1, .types = org_type,
	.nresults = lengthof(id_results), .results = id_results
};

static PbStatement has_living = {
	.text = "SELECT FROM pgbeam.projects "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 AND deleted_at IS NULL LIMIT 1",
	.nargs = 1, .types = org_type
};

static PbStatement lock_projects = {
	.text = "SELECT FROM pgbeam.projects "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"ORDER BY id USING OPERATOR(pg_catalog.<) FOR UPDATE",
	.nargs = 1, .types = org_type
};

static const PbResult host_results[] = {{TEXTOID, false}};

static PbStatement hosts_of = {
	.text = "SELECT host FROM pgbeam.hosts "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"ORDER BY host USING OPERATOR(pg_catalog.<) FOR UPDATE",
	.nargs = 1, .types = org_type,
	.nresults = lengthof(host_results), .results = host_results
};

/* The same without locks, which Citus takes on no rows of several nodes. */
static PbStatement hosts_everywhere = {
	.text = "SELECT host FROM pgbeam.hosts "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"ORDER BY host USING OPERATOR(pg_catalog.<)",
	.nargs = 1, .types = org_type,
	.nresults = lengthof(host_results), .results = host_results
};

#define IS_ITS \
	"owner_id OPERATOR(pg_catalog.=) $1 " \
	"AND kind OPERATOR(pg_catalog.=) '" PB_ORGANIZATION_WORD "'"

static PbStatement erase_keys = {
	.text = "DELETE FROM pgbeam.api_keys WHERE " IS_ITS,
	.nargs = 1, .types = org_type
};

static const PbResult user_results[] = {{TEXTOID, false}};

/* Its members, and those who were, as far back as the feed goes. */
static PbStatement users_of = {
	.text = "SELECT user_id FROM pgbeam.members "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"UNION SELECT resource_id FROM pgbeam.changes "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND resource OPERATOR(pg_catalog.=) 'member'",
	.nargs = 1, .types = org_type,
	.nresults = lengthof(user_results), .results = user_results
};

static PbStatement is_member = {
	.text = "SELECT FROM pgbeam.members "
	"WHERE user_id OPERATOR(pg_catalog.=) $1 LIMIT 1",
	.nargs = 1, .types = org_type
};

static PbStatement erase_keys_of_user = {
	.text = "DELETE FROM pgbeam.api_keys "
	"WHERE owner_id OPERATOR(pg_catalog.=) $1 "
	"AND kind OPERATOR(pg_catalog.=) '" PB_USER_WORD "'",
	.nargs = 1, .types = org_type
};

/* Also the answers to users' requests about it. */
static PbStatement erase_answers = {
	.text = "DELETE FROM pgbeam.idempotency_keys WHERE " IS_ITS
	" OR organization OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = org_type
};

/*
 * The feed's rows, under no organization. Their places stay. Who did it is
 * kept only for roles: they are the operator's.
 */
static PbStatement anonymize_changes = {
	.text = "INSERT INTO pgbeam.changes (org_id, xid, id, resource, "
	"resource_id, action, actor_kind, actor, request_id, detail, changed_at) "
	"SELECT '', xid, id, resource, "
	"CASE WHEN resource OPERATOR(pg_catalog.=) ANY ('{organization,member}'::pg_catalog.text[]) "
	"THEN '-' ELSE resource_id END, action, actor_kind, "
	"CASE WHEN actor_kind OPERATOR(pg_catalog.=) 'role' THEN actor ELSE '-' END, "
	"NULL, NULL, changed_at "
	"FROM pgbeam.changes WHERE org_id OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = org_type
};

static PbStatement erase_changes = {
	.text = "DELETE FROM pgbeam.changes "
	"WHERE org_id OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = org_type
};

/* What is made for each resource at its first use, as pb_resources. */
static struct
{
	PbStatement erase;
	PbStatement rest;
}			erasures[RESOURCES_MAX];

/* Deletes a project that may be gone already. */
static void
delete_project(const PbRequest *request, Datum org_id, Datum id)
{
	PbRow	   *row = pb_row_make(&pb_project);
	PbFaults	gone = {0};

	CHECK_FOR_INTERRUPTS();
	pb_row_set(row, pb_project.prepared->org_id, org_id);
	pb_row_set(row, pb_project.prepared->id, id);
	(void) pb_write_delete(request, row, &gone);
}

static void
delete_projects(const PbRequest *request, Datum org_id)
{
	uint64		count = pb_sql_run(&living, &org_id, NULL);
	SPITupleTable *projects = SPI_tuptable;

	for (uint64 i = 0; i < count; i++)
	{
		Datum		id;
		bool		isnull;

		pb_sql_read(&living, projects, i, &id, &isnull);
		delete_project(request, org_id, id);
	}
}

/* Ends the API keys of an organization or a user. */
static void
revoke_keys(const PbActor *actor, PbOwnerKind kind, Datum id,
			PbFaults *faults)
{
	PbJson		owner[2] = {
		{.type = PB_JSON_NULL}, {.type = PB_JSON_NULL}
	};

	pb_json_from_text(DatumGetTextPP(id), &owner[kind == PB_OF_USER]);
	(void) pb_apikey_revoke_all(owner, actor, faults);
}

/* Ends all that an organization has, and the organization, which is locked. */
static void
end_all(const PbRequest *request, Datum org_id, PbFaults *faults)
{
	const PbActor actor = pb_authentication_actor(request);

	delete_projects(request, org_id);
	revoke_keys(&actor, PB_OF_ORGANIZATION, org_id, faults);
	pb_member_remove_all(org_id, &actor);
	pb_organization_remove(org_id, &actor);
}

/*
 * Reads the argument and locks the organization, so that nobody else ends it.
 * False with faults.
 */
static bool
begin(const PbJson *org_id, Datum *id, PbOrganization *organization,
	  PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_organization);

	pb_check_members(row, org_id, 1, faults);
	if (faults->count > 0)
		return false;
	pb_sql_require_read_committed("an organization can be deleted only");
	*id = row->values[0];
	pb_organization_find(*id, PB_LOCKED, organization);
	return true;
}

/*
 * Deletes an organization. Its API keys and its members end. What is deleted
 * with it stays until it is purged.
 */
void
pb_organization_delete(const PbRequest *request, const PbJson *org_id,
					   bool cascade, PbFaults *faults)
{
	PbOrganization organization;
	Datum		id;

	if (!begin(org_id, &id, &organization, faults))
		return;
	if (!organization.is_known)
		(void) pb_organization_refuse_unknown(faults);
	else if (!cascade && pb_sql_run(&has_living, &id, NULL) > 0)
		pb_fault_set(faults, PB_RESOURCE_EXISTS,
					 "the organization still has projects",
					 "Delete them first, or together with it: cascade => true.");
	else
		end_all(request, id, faults);
}

/* Whether rows of a table name their organization in org_id. */
static bool
has_organization(const PbResource *resource)
{
	const PbShape *shape = pb_field_shape(resource);

	if (resource == &pb_host || resource == &pb_change)
		return false;
	for (int i = 0; i < shape->count; i++)
		if (shape->leaves[i].column != NULL &&
			strcmp(shape->leaves[i].column, "org_id") == 0)
			return true;
	return false;
}

static void
make_erasure(int n)
{
	MemoryContext before = MemoryContextSwitchTo(pb_sql_memory());
	const char *where = psprintf("FROM %s WHERE org_id OPERATOR(pg_catalog.=) $1",
								 pb_resources[n]->table);

	erasures[n].erase = (PbStatement) {
		.text = psprintf("DELETE %s", where), .nargs = 1, .types = org_type
	};
	erasures[n].rest = (PbStatement) {
		.text = psprintf("SELECT %s LIMIT 1", where),
		.nargs = 1, .types = org_type
	};
	MemoryContextSwitchTo(before);
}

/* Removes the organization's rows of a table. */
static uint64
erase_rows(int n, Datum org_id)
{
	uint64		count;

	if (!has_organization(pb_resources[n]))
		return 0;
	if (erasures[n].erase.text == NULL)
		make_erasure(n);
	count = pb_sql_run(&erasures[n].erase, &org_id, NULL);
	if (!pb_table_stores_as_given(pb_stored(pb_resources[n])) &&
		pb_sql_run(&erasures[n].rest, &org_id, NULL) > 0)
		pb_sql_vetoed(pb_resources[n]->table);
	return count;
}

/* Removes its rows of all tables, parents last, as a foreign key wants it. */
static uint64
erase_all_rows(Datum org_id)
{
	uint64		count = 0;
	int			last = 0;

	(void) pb_sql_run(&lock_projects, &org_id, NULL);
	while (pb_resources[last] != NULL)
		last++;
	Assert(last <= RESOURCES_MAX);
	while (last-- > 0)
		count += erase_rows(last, org_id);
	return count;
}

/* Its hosts stay given, to nobody. */
static uint64
retire_hosts(Datum org_id)
{
	PbStatement *find = pb_sql_may_be_distributed() ? &hosts_everywhere :
		&hosts_of;
	uint64		count = pb_sql_run(find, &org_id, NULL);
	SPITupleTable *hosts = SPI_tuptable;

	for (uint64 i = 0; i < count; i++)
	{
		Datum		host;
		bool		isnull;

		pb_sql_read(find, hosts, i, &host, &isnull);
		pb_host_retire(host);
	}
	return count;
}

/*
 * Removes the API keys of those users who are now members of no organization:
 * they name a person, and are good for nothing.
 */
static uint64
erase_keys_of(const PbRequest *request, const SPITupleTable *users,
			  uint64 of_users, PbFaults *faults)
{
	const PbActor actor = pb_authentication_actor(request);
	uint64		count = 0;

	for (uint64 i = 0; i < of_users; i++)
	{
		Datum		user;
		bool		isnull;

		pb_sql_read(&users_of, users, i, &user, &isnull);
		if (pb_sql_run(&is_member, &user, NULL) > 0)
			continue;
		revoke_keys(&actor, PB_OF_USER, user, faults);
		count += pb_sql_run(&erase_keys_of_user, &user, NULL);
	}
	return count;
}

static uint64
erase_changes_of(Datum org_id)
{
	uint64		count = pb_sql_run(&anonymize_changes, &org_id, NULL);

	if (pb_sql_run(&erase_changes, &org_id, NULL) != count)
		pb_sql_vetoed(pb_change.table);
	return count;
}

/* Refuses to erase what a consumer of the feed has not heard of. */
static bool
have_all_heard(Datum org_id, PbFaults *faults)
{
	const char *consumer = pb_consumer_behind(org_id);

	if (consumer == NULL)
		return true;
	pb_fault_set(faults, PB_RESOURCE_EXISTS,
				 "a consumer of the feed has not confirmed all changes of the organization",
				 psprintf("It is %s. Call pgbeam.delete_organization() first, and this when the consumer has confirmed the deletion. With force => true the consumer is told of deleted things, but no longer whose they were.",
						  quote_literal_cstr(consumer)));
	return false;
}

/*
 * Deletes an organization, if it is there, and removes all that is stored of
 * it; returns how many rows that were. One whose row is gone may have left
 * more.
 */
int64
pb_organization_erase(const PbRequest *request, const PbJson *org_id,
					  bool force, PbFaults *faults)
{
	PbOrganization organization;
	SPITupleTable *users;
	uint64		of_users;
	uint64		count;
	Datum		id;

	if (!begin(org_id, &id, &organization, faults))
		return 0;
	of_users = pb_sql_run(&users_of, &id, NULL);
	users = SPI_tuptable;
	if (organization.is_known)
		end_all(request, id, faults);
	else
		delete_projects(request, id);
	if (!force && !have_all_heard(id, faults))
		return 0;
	count = retire_hosts(id);
	count += erase_all_rows(id);
	count += pb_sql_run(&erase_keys, &id, NULL);
	count += erase_keys_of(request, users, of_users, faults);
	count += pb_sql_run(&erase_answers, &id, NULL);
	count += erase_changes_of(id);
	if (count == 0)
		pb_fault_set(faults, PB_NOT_FOUND,
					 "nothing is stored of this organization", NULL);
	return (int64) count;
}
