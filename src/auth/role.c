/*
 * role.c
 *	  The roles of an organization's members, what each of them may do, and the
 *	  look-up of a user's role, which each request makes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "auth/role.h"
#include "base/sql.h"
#include "base/text.h"

#define MAY(permission) ((PbRights) 1 << (permission))

#define LOOKS MAY(PB_READ)
#define ADMINISTERS \
	(LOOKS | MAY(PB_WRITE) | MAY(PB_MANAGE_MEMBERS) | MAY(PB_LIMIT_SPENDING))

/* The first is not among those that a request may give; see role.h. */
const char *const pb_role_names[PB_ROLES + 1] = {
	PB_OWNER_ROLE, "admin", "member", "security_admin", "billing_admin",
	"auditor", "policy-author", "approver", NULL
};

/*
 * In the order of the names. The last five are published by name alone. They
 * may do what a member may, for the parts of the API that they are about are
 * not served; but the spend limit is, and is what a billing_admin is for.
 */
static const PbRights rights_of[PB_ROLES] = {
	ADMINISTERS | MAY(PB_MANAGE_OWNERS),
	ADMINISTERS,
	LOOKS,
	LOOKS,
	LOOKS | MAY(PB_LIMIT_SPENDING),
	LOOKS,
	LOOKS,
	LOOKS,
};

static const Oid types[] = {TEXTOID, TEXTOID};

static const PbResult find_results[] = {{TEXTOID, false}};

static PbStatement find = {
	.text = "SELECT role FROM pgbeam.members "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND user_id OPERATOR(pg_catalog.=) $2",
	.nargs = lengthof(types), .types = types,
	.nresults = lengthof(find_results), .results = find_results
};

static const PbResult organizations_results[] = {{TEXTOID, false}};

static PbStatement organizations_of = {
	.text = "SELECT org_id FROM pgbeam.members "
	"WHERE user_id OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = types,
	.nresults = lengthof(organizations_results),
	.results = organizations_results
};

bool
pb_role_may(PbRights rights, PbPermission permission)
{
	return (rights & MAY(permission)) != 0;
}

/*
 * An organization's own API key has no role. It may do what an admin may: a
 * program has no owner to remove.
 */
PbRights
pb_role_of_key(void)
{
	return ADMINISTERS;
}

/* A role that a row has in spite of the constraint gives no rights. */
static PbRights
find_rights(Datum role)
{
	text	   *name = DatumGetTextPP(role);

	for (int i = 0; i < PB_ROLES; i++)
		if (pb_text_is(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name),
					   pb_role_names[i]))
			return rights_of[i];
	return 0;
}

/*
 * Finds what a user may do in an organization; false where they are no member
 * of it.
 */
bool
pb_role_find(Datum org_id, Datum user_id, PbRights *rights)
{
	Datum		values[] = {org_id, user_id};
	Datum		role;
	bool		isnull;

	if (!pb_sql_row(&find, values, NULL, &role, &isnull))
		return false;
	*rights = find_rights(role);
	return true;
}

/* Finds the organizations that a user is a member of, and their number. */
int
pb_role_organizations(Datum user_id, Datum **organizations)
{
	int			count = (int) pb_sql_run(&organizations_of, &user_id, NULL);
	bool		isnull;

	*organizations = palloc(count * sizeof(Datum));
	for (int i = 0; i < count; i++)
		pb_sql_read(&organizations_of, SPI_tuptable, i, &(*organizations)[i],
					&isnull);
	return count;
}
