/*
 * access.c
 *	  Accesses: the sets of functions that a role may be given.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "admin/access.h"
#include "base/sql.h"

#define API 0x1
#define DATA_PLANE 0x2
#define ADMIN 0x4
#define HTTP 0x8				/* a layer that hands in whole requests */

static const struct
{
	const char *name;
	int			bit;
}			accesses[] =
{
	{"api", API},
	{"http", HTTP},
	{"data_plane", DATA_PLANE},
	{"admin", ADMIN},
};

/*
 * Which accesses include which function. A function that is not listed stays
 * with the owner. 'api' does not include http(), which takes the headers, and
 * so the client's address, as an argument: through PostgREST clients choose
 * the function they call, and would choose their address.
 */
static const struct
{
	const char *function;
	int			accesses;
}			grants[] =
{
	{"typeid(pg_catalog.text)", API | DATA_PLANE | ADMIN},
	{"typeid_encode(pg_catalog.text, pg_catalog.uuid)", API | DATA_PLANE | ADMIN},
	{"typeid_decode(pg_catalog.text)", API | DATA_PLANE | ADMIN},
	{"typeid_timestamp(pg_catalog.text)", API | DATA_PLANE | ADMIN},
	{"create_project(pg_catalog.jsonb)", API | ADMIN},
	{"get_project(pg_catalog.text)", API | ADMIN},
	{"update_project(pg_catalog.text, pg_catalog.jsonb)", API | ADMIN},
	{"delete_project(pg_catalog.text)", API | ADMIN},
	{"list_projects(pg_catalog.text, pg_catalog.int4, pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"create_database(pg_catalog.text, pg_catalog.jsonb)", API | ADMIN},
	{"update_database(pg_catalog.text, pg_catalog.text, pg_catalog.jsonb)", API | ADMIN},
	{"delete_database(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"list_databases(pg_catalog.text, pg_catalog.int4, pg_catalog.text)", API | ADMIN},
	{"get_database(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"http(pg_catalog.text, pg_catalog.text, pg_catalog.jsonb, pg_catalog.bytea)", HTTP | ADMIN},
	{"http_forwarded(pg_catalog.bytea)", API | ADMIN},
	{"openapi()", API | ADMIN},
	{"health()", API | ADMIN},
	{"routes()", API | ADMIN},
	{"list_replicas(pg_catalog.text, pg_catalog.int4, pg_catalog.text)", API | ADMIN},
	{"create_replica(pg_catalog.text, pg_catalog.jsonb)", API | ADMIN},
	{"delete_replica(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"list_custom_domains(pg_catalog.text, pg_catalog.int4, pg_catalog.text)", API | ADMIN},
	{"create_custom_domain(pg_catalog.text, pg_catalog.jsonb)", API | ADMIN},
	{"delete_custom_domain(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"verify_custom_domain(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"test_database_connection(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"list_regions()", API | ADMIN},
	{"list_plans()", API | ADMIN},
	{"list_organizations()", API | ADMIN},
	{"get_organization_plan(pg_catalog.text)", API | ADMIN},
	{"report_connection_test(pg_catalog.text, pg_catalog.bool, pg_catalog.float8, pg_catalog.text, pg_catalog.text)", DATA_PLANE},
	{"report_domain(pg_catalog.text, pg_catalog.text)", ADMIN},
	{"release_domain(pg_catalog.text)", ADMIN},
	{"reveal_password(pg_catalog.text)", DATA_PLANE},
	{"set_organization(pg_catalog.text, pg_catalog.jsonb)", ADMIN},
	{"suspend_organization(pg_catalog.text)", ADMIN},
	{"resume_organization(pg_catalog.text)", ADMIN},
	{"set_member(pg_catalog.text, pg_catalog.text, pg_catalog.text)", ADMIN},
	{"remove_member(pg_catalog.text, pg_catalog.text)", ADMIN},
	{"list_members(pg_catalog.text)", ADMIN},
	{"create_api_key(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.interval)", ADMIN},
	{"list_api_keys(pg_catalog.text, pg_catalog.text)", ADMIN},
	{"revoke_api_key(pg_catalog.text)", ADMIN},
	{"revoke_api_keys(pg_catalog.text, pg_catalog.text)", ADMIN},
	{"set_jwks(pg_catalog.jsonb)", ADMIN},
	{"read_changes(pg_catalog.text, pg_catalog.int4)", ADMIN},
	{"feed_hold()", ADMIN},
	{"fields()", API | ADMIN},
	{"rewrap(pg_catalog.int4)", ADMIN},
	{"keyring()", ADMIN},
	{"key_status()", ADMIN},
	{"logging_profile()", ADMIN},
	{"check_configuration()", ADMIN},
};

static int
access_bit(const char *name)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < (int) lengthof(accesses); i++)
	{
		if (strcmp(accesses[i].name, name) == 0)
			return accesses[i].bit;
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", accesses[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("access must be one of %s", names.data)));
}

/* Grants an access to a role, with the rights of the SQL caller. */
void
pb_access_grant(Oid role, const char *access)
{
	int			bit = access_bit(access);
	const char *grantee = quote_identifier(GetUserNameFromId(role, false));
	StringInfoData functions;

	initStringInfo(&functions);
	for (int i = 0; i < (int) lengthof(grants); i++)
		if (grants[i].accesses & bit)
			appendStringInfo(&functions, "%spgbeam.%s",
							 functions.len > 0 ? ", " : "", grants[i].function);
	pb_sql_utility(psprintf("GRANT USAGE ON SCHEMA pgbeam TO %s", grantee));
	pb_sql_utility(psprintf("GRANT EXECUTE ON FUNCTION %s TO %s",
							functions.data, grantee));
}
