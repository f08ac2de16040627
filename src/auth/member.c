/*
 * member.c
 *	  Members of organizations. The operator sets them, each request reads
 *	  them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "auth/member.h"
#include "auth/organization.h"
#include "base/sql.h"
#include "fields/check.h"

static PbPrepared prepared;

static struct
{
	int			org_id;
	int			user_id;
}			at;

static const char *const roles[] = {"owner", "admin", "member", NULL};

static const PbField fields[] = {
	{
		.name = "org_id", PB_ORG_ID_RULE, .flags = PB_SHOWN | PB_REQUIRED, .at = &at.org_id,
		.about = "The organization."
	},
	{
		.name = "user_id", .kind = PB_TEXT, .flags = PB_SHOWN | PB_REQUIRED,
		.least = 1, .most = PB_USER_ID_MAX, .at = &at.user_id,
		.about = "The user: the claim sub of their tokens."
	},
	{
		.name = "role", .kind = PB_WORD, .flags = PB_SHOWN | PB_REQUIRED,
		.words = roles,
		.about = "What they may do: owner and admin everything, member look."
	},
	{0}
};

const PbResource pb_member = {
	.name = "member",
	.table = "pgbeam.members",
	.copying = PB_NEVER_COPIED,
	.fields = fields,
	.prepared = &prepared,
};

static const Oid types[] = {TEXTOID, TEXTOID, TEXTOID};

static const PbResult find_results[] = {{BOOLOID, false}};

static PbStatement find = {
	.text = "SELECT role OPERATOR(pg_catalog.<>) 'member' FROM pgbeam.members "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND user_id OPERATOR(pg_catalog.=) $2",
	.nargs = 2, .types = types,
	.nresults = lengthof(find_results), .results = find_results
};

static const Oid user_type[] = {TEXTOID};
static const PbResult organizations_results[] = {{TEXTOID, false}};

static PbStatement organizations_of = {
	.text = "SELECT org_id FROM pgbeam.members "
	"WHERE user_id OPERATOR(pg_catalog.=) $1",
	.nargs = lengthof(user_type), .types = user_type,
	.nresults = lengthof(organizations_results),
	.results = organizations_results
};

static const PbResult list_results[] = {{TEXTOID, false}, {TEXTOID, false}};

static PbStatement list = {
	.text = "SELECT user_id, role FROM pgbeam.members "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"ORDER BY user_id USING OPERATOR(pg_catalog.<)",
	.nargs = 1, .types = types,
	.nresults = lengthof(list_results), .results = list_results, .reads = true
};

static PbStatement set = {
	.text = "INSERT INTO pgbeam.members (org_id, user_id, role) "
	"VALUES ($1, $2, $3) ON CONFLICT (org_id, user_id) "
	"DO UPDATE SET role = $3",
	.nargs = lengthof(types), .types = types
};

static PbStatement remove_one = {
	.text = "DELETE FROM pgbeam.members "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND user_id OPERATOR(pg_catalog.=) $2",
	.nargs = 2, .types = types
};

/* Finds a member; false where the user is none of the organization. */
bool
pb_member_find(Datum org_id, Datum user_id, bool *may_write)
{
	Datum		values[] = {org_id, user_id};
	Datum		is_more;
	bool		isnull;

	if (!pb_sql_row(&find, values, NULL, &is_more, &isnull))
		return false;
	*may_write = DatumGetBool(is_more);
	return true;
}

/* Finds the organizations that a user is a member of, and their number. */
int
pb_member_organizations(Datum user_id, Datum **organizations)
{
	int			count = (int) pb_sql_run(&organizations_of, &user_id, NULL);
	bool		isnull;

	*organizations = palloc(count * sizeof(Datum));
	for (int i = 0; i < count; i++)
		pb_sql_read(&organizations_of, SPI_tuptable, i, &(*organizations)[i],
					&isnull);
	return count;
}

static void
note(const PbActor *actor, PbAction action, const PbRow *row)
{
	pb_change_note(actor, action, &pb_member, pb_row_value(row, at.org_id),
				   TextDatumGetCString(pb_row_value(row, at.user_id)), NULL);
}

/* Makes a user a member, or gives a member another role. */
void
pb_member_set(const PbJson *members, const PbActor *actor, PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_member);
	bool		is_there;
	bool		may_write;

	pb_check_members(row, members, row->shape->count, faults);
	if (faults->count > 0 ||
		!pb_organization_require(pb_row_value(row, at.org_id), faults))
		return;
	is_there = pb_member_find(pb_row_value(row, at.org_id),
							  pb_row_value(row, at.user_id), &may_write);
	if (pb_sql_run(&set, row->values, NULL) == 0)
		pb_sql_vetoed(pb_member.table);
	note(actor, is_there ? PB_UPDATED : PB_CREATED, row);
}

/* Removes a member. Their rights end with the next request. */
void
pb_member_remove(const PbJson *members, const PbActor *actor,
				 PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_member);

	pb_check_members(row, members, 2, faults);
	if (faults->count > 0)
		return;
	if (pb_sql_run(&remove_one, row->values, NULL) > 0)
		note(actor, PB_DELETED, row);
	else
		pb_fault_set(faults, PB_NOT_FOUND, "member not found",
					 "pgbeam.list_members() shows who is one.");
}

static const PbResult removed_results[] = {{TEXTOID, false}};

static PbStatement remove_all = {
	.text = "DELETE FROM pgbeam.members "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 RETURNING user_id",
	.nargs = 1, .types = types,
	.nresults = lengthof(removed_results), .results = removed_results
};

/* Removes all members of an organization that ends. */
void
pb_member_remove_all(Datum org_id, const PbActor *actor)
{
	uint64		count = pb_sql_run(&remove_all, &org_id, NULL);
	SPITupleTable *removed = SPI_tuptable;

	for (uint64 i = 0; i < count; i++)
	{
		Datum		user_id;
		bool		isnull;

		pb_sql_read(&remove_all, removed, i, &user_id, &isnull);
		pb_change_note(actor, PB_DELETED, &pb_member, org_id,
					   TextDatumGetCString(user_id), NULL);
	}
}

/* Leaves an organization's members and their roles in SPI_tuptable. */
void
pb_member_list(const PbJson *members, PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_member);

	pb_check_members(row, members, 1, faults);
	if (faults->count == 0)
		(void) pb_sql_run(&list, row->values, NULL);
}
