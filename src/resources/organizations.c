/*
 * organizations.c
 *	  A caller's organizations, as the API shows them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "auth/authorization.h"
#include "base/sql.h"
#include "resources/organizations.h"

static const Oid list_types[] = {TEXTOID, TEXTOID};

static const char *const members[] = {"id", "name", "slug", "role"};

static const PbResult list_results[lengthof(members)] = {
	{TEXTOID, false}, {TEXTOID, false}, {TEXTOID, false}, {TEXTOID, true}
};

static PbStatement list = {
	.text = "SELECT o.org_id, coalesce(o.name, o.org_id), "
	"coalesce(o.slug, o.org_id), (SELECT u.role FROM pgbeam.members AS u "
	"WHERE u.org_id OPERATOR(pg_catalog.=) o.org_id "
	"AND u.user_id OPERATOR(pg_catalog.=) $2) "
	"FROM pgbeam.organizations AS o WHERE "
	PB_IS_IN_SIGHT("$1", "$2", "o.org_id")
	" ORDER BY o.org_id USING OPERATOR(pg_catalog.<)",
	.nargs = lengthof(list_types), .types = list_types,
	.nresults = lengthof(list_results), .results = list_results
};

static void
put_organization(StringInfo out, uint64 row)
{
	Datum		values[lengthof(members)];
	bool		nulls[lengthof(members)];

	pb_sql_read(&list, SPI_tuptable, row, values, nulls);
	pb_json_next(out);
	pb_json_begin(out, '{');
	for (int i = 0; i < (int) lengthof(members); i++)
		if (!nulls[i])
			pb_json_pair(out, members[i], TextDatumGetCString(values[i]));
	pb_json_end(out, '}');
}

/* listOrganizations: an API key's own, or those that a user is a member of */
void
pb_organizations_list(const PbRequest *request, PbReply *reply)
{
	Datum		values[2];
	char		nulls[2];
	uint64		count;

	pb_authorization_sight(&request->caller, &values[0], &nulls[0], &values[1],
						   &nulls[1]);
	count = pb_sql_run(&list, values, nulls);
	pb_json_open_list(reply->body, "organizations");
	for (uint64 i = 0; i < count; i++)
		put_organization(reply->body, i);
	pb_json_close_list(reply->body);
}
