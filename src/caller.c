/*
 * caller.c
 *	  Who asks, and what access a role is given.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "caller.h"
#include "compat.h"
#include "sql.h"

#define API 0x1
#define DATA_PLANE 0x2
#define ADMIN 0x4

static const struct
{
	const char *name;
	int			bit;
}			accesses[] =
{
	{"api", API},
	{"data_plane", DATA_PLANE},
	{"admin", ADMIN},
};

/*
 * Who may execute what. The remaining functions, create_key() and
 * grant_access(), are the owner's.
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
	{"delete_project(pg_catalog.text)", API | ADMIN},
	{"get_database(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"reveal_password(pg_catalog.text)", DATA_PLANE},
	{"set_organization(pg_catalog.text, pg_catalog.text, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4)", ADMIN},
	{"fields()", API | ADMIN},
	{"keyring()", ADMIN},
	{"key_status()", ADMIN},
};

/* Told by a function that 'admin' access alone may execute. */
static bool
has_admin_access(Oid role)
{
	List	   *name = list_make2(makeString("pgbeam"),
								  makeString("set_organization"));
	Oid			function = LookupFuncName(name, -1, NULL, true);

	return OidIsValid(function) &&
		object_aclcheck(ProcedureRelationId, function, role,
						ACL_EXECUTE) == ACLCHECK_OK;
}

/*
 * Trusted SQL: the owner, whom we run as, a superuser, or a role with 'admin'
 * access, with no HTTP request in progress.
 */
bool
pb_caller_is_trusted(const PbRequest *request, PbFaults *faults)
{
	if (request->manner == PB_SQL &&
		(superuser_arg(request->role) ||
		 has_privs_of_role(request->role, GetUserId()) ||
		 has_admin_access(request->role)))
		return true;
	pb_fault_set(faults, PB_UNAUTHORIZED,
				 "missing or invalid authentication",
				 "Trusted SQL needs the access \"admin\", which pgbeam.grant_access() gives.");
	return false;
}

static int
access_bit(const char *name)
{
	for (int i = 0; i < (int) lengthof(accesses); i++)
		if (strcmp(accesses[i].name, name) == 0)
			return accesses[i].bit;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("access must be one of api, data_plane, admin")));
}

/* Gives a role the functions of an access, as whoever calls may grant them. */
void
pb_caller_grant(Oid role, const char *access)
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
