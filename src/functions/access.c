/*
 * access.c
 *	  Accesses: sets of functions that a role may be given.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/sql.h"
#include "http/entry.h"
#include "http/operation.h"

PG_FUNCTION_INFO_V1(pgbeam_grant_access);

#define API 0x1
#define DATA_PLANE 0x2
#define ADMIN 0x4
#define HTTP 0x8				/* for an HTTP layer that passes whole
								 * requests */
#define PROXY 0x10				/* for PgBouncer's auth_user */

static const struct
{
	const char *name;
	int			bit;
}			accesses[] =
{
	{"api", API},
	{"http", HTTP},
	{"data_plane", DATA_PLANE},
	{"proxy", PROXY},
	{"admin", ADMIN},
};

/* Which accesses include the functions of the API's operations. */
#define OPERATIONS (API | ADMIN)

/*
 * Which accesses include which other functions. A function that is not listed
 * stays with the owner. Names are enough, as no two functions share one; if
 * somebody adds a second one, the grant fails.
 *
 * http() in 'api' was rejected. Its caller chooses all headers, and so the
 * client's address. Clients of PostgREST choose the function they call, and
 * could choose their address.
 */
static const struct
{
	const char *function;
	int			accesses;
}			grants[] =
{
	{"typeid", API | DATA_PLANE | ADMIN},
	{"typeid_encode", API | DATA_PLANE | ADMIN},
	{"typeid_decode", API | DATA_PLANE | ADMIN},
	{"typeid_timestamp", API | DATA_PLANE | ADMIN},
	{"http", HTTP | ADMIN},
	{"http_forwarded", API | ADMIN},
	{"routes", API | ADMIN},
	{"caller", ADMIN},
	{"report_connection_test", DATA_PLANE},
	{"report_queries", DATA_PLANE},
	{"report_traffic", DATA_PLANE},
	{"report_domain", DATA_PLANE | ADMIN},
	{"claimed_domains", DATA_PLANE | ADMIN},
	{"release_domain", ADMIN},
	{"reveal_password", DATA_PLANE},
	{"pgbouncer_files", DATA_PLANE},
	{"forbidden_network", DATA_PLANE},
	{"upstream", DATA_PLANE},
	{"pgbouncer_login", PROXY},
	{"create_projects", ADMIN},
	{"set_organization", ADMIN},
	{"get_organization", ADMIN},
	{"list_all_organizations", ADMIN},
	{"suspend_organization", ADMIN},
	{"resume_organization", ADMIN},
	{"set_member", ADMIN},
	{"remove_member", ADMIN},
	{"list_members", ADMIN},
	{"create_api_key", ADMIN},
	{"list_api_keys", ADMIN},
	{"revoke_api_key", ADMIN},
	{"revoke_api_keys", ADMIN},
	{"set_jwks", ADMIN},
	{"read_changes", DATA_PLANE | ADMIN},
	{"subscribe", DATA_PLANE | ADMIN},
	{"next_changes", DATA_PLANE | ADMIN},
	{"confirm", DATA_PLANE | ADMIN},
	{"unsubscribe", DATA_PLANE | ADMIN},
	{"feed_status", DATA_PLANE | ADMIN},
	{"statistics", ADMIN},
	{"metrics", ADMIN},
	{"fields", API | ADMIN},
	{"rewrap", ADMIN},
	{"purge", ADMIN},
	{"delete_organization", ADMIN},
	{"erase_organization", ADMIN},
	{"undelete_project", ADMIN},
	{"keyring", ADMIN},
	{"key_status", ADMIN},
	{"secret_key_id", ADMIN},	/* the views call it as whoever reads them */
	{"logging_profile", ADMIN},
	{"check_configuration", ADMIN},
	{"publication_statements", ADMIN},
	{"publication_additions", ADMIN},
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

static void
append_function(StringInfo functions, const char *name)
{
	appendStringInfo(functions, "%spgbeam.%s", functions->len > 0 ? ", " : "",
					 name);
}

static void
grant_views(const char *grantee)
{
	pb_sql_utility(psprintf("GRANT USAGE ON SCHEMA pgbeam_admin TO %s",
							grantee));
	pb_sql_utility(psprintf("GRANT SELECT ON ALL TABLES IN SCHEMA pgbeam_admin TO %s",
							grantee));
}

/*
 * Grants an access to a role, with the rights of the SQL caller. The rights of
 * the functions' owner were rejected: anybody could grant with them.
 */
static void
grant_access(Oid role, const char *access)
{
	int			bit = access_bit(access);
	const char *grantee = quote_identifier(GetUserNameFromId(role, false));
	StringInfoData functions;

	initStringInfo(&functions);
	for (int i = 0; i < PB_OPERATIONS && (OPERATIONS & bit); i++)
		append_function(&functions, pb_operations[i].function);
	for (int i = 0; i < (int) lengthof(grants); i++)
		if (grants[i].accesses & bit)
			append_function(&functions, grants[i].function);
	pb_sql_utility(psprintf("GRANT USAGE ON SCHEMA pgbeam TO %s", grantee));
	pb_sql_utility(psprintf("GRANT EXECUTE ON FUNCTION %s TO %s",
							functions.data, grantee));
	if (bit == ADMIN)
		grant_views(grantee);
}

Datum
pgbeam_grant_access(PG_FUNCTION_ARGS)
{
	PbSqlScope	scope;
	Oid			role = DatumGetObjectId(pb_entry_required(fcinfo, 0, "role"));

	(void) pb_entry_required(fcinfo, 1, "access");
	pb_sql_begin(&scope, InvalidOid);
	grant_access(role, pb_entry_text(fcinfo, 1));
	pb_sql_end(&scope);
	PG_RETURN_VOID();
}
