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

static const Oid list_types[] = {TEXTARRAYOID, TEXTOID};

static const char *const members[] = {"id", "name", "slug", "role"};

static const PbResult list_results[lengthof(members)] = {
	{TEXTOID, false}, {TEXTOID, false}, {TEXTOID, false}, {TEXTOID, true}
};

#define LIST(condition, role) \
	"SELECT o.org_id, coalesce(o.name, o.org_id), " \
	"coalesce(o.slug, o.org_id), " role " FROM pgbeam.organizations AS o " \
	condition "ORDER BY o.org_id USING OPERATOR(pg_catalog.<)"

static PbStatement list = {
	.text = LIST("WHERE o.org_id OPERATOR(pg_catalog.=) ANY ($1) ",
				 "(SELECT u.role FROM pgbeam.members AS u "
				 "WHERE u.org_id OPERATOR(pg_catalog.=) o.org_id "
				 "AND u.user_id OPERATOR(pg_catalog.=) $2)"),
	.nargs = lengthof(list_types), .types = list_types,
	.nresults = lengthof(list_results), .results = list_results
};

static PbStatement list_all = {
	.text = LIST("", "NULL::pg_catalog.text"),
	.nresults = lengthof(list_results), .results = list_results
};

/* Runs the statement that fits the caller, and returns it. */
static const PbStatement *
run_list(const PbCaller *caller, uint64 *count)
{
	PbSight		sight = pb_authorization_sight(caller);
	Datum		values[] = {(Datum) 0, PointerGetDatum(caller->user_id)};
	const char	nulls[] = {' ', caller->user_id == NULL ? 'n' : ' '};
	PbStatement *statement = sight.is_unlimited ? &list_all : &list;

	if (!sight.is_unlimited)
		values[0] = pb_authorization_array(&sight);
	*count = pb_sql_run(statement, values, nulls);
	return statement;
}

static void
put_organization(StringInfo out, const PbStatement *statement, uint64 row)
{
	Datum		values[lengthof(members)];
	bool		nulls[lengthof(members)];

	pb_sql_read(statement, SPI_tuptable, row, values, nulls);
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
	uint64		count;
	const PbStatement *statement = run_list(&request->caller, &count);

	pb_json_open_list(reply->body, "organizations");
	for (uint64 i = 0; i < count; i++)
		put_organization(reply->body, statement, i);
	pb_json_close_list(reply->body);
}
